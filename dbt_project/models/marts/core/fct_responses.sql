with

conversation_turns as (
    select
        turn_id,
        conversation_cycle_id,
        contact_id,
        started_at,
        messages_received,
        first_reply_at,
        first_human_reply_at,
        responder_agent_id,
        has_clock_anomaly
    from {{ ref('int_conversation_turns') }}
),

cycles as (
    select
        conversation_cycle_id,
        channel_id
    from {{ ref('fct_conversations') }}
),

channel_schedules as (
    select
        channel_id,
        schedule_id,
        timezone
    from {{ ref('int_channel_schedules') }}
),

business_intervals as (
    select
        schedule_id,
        timezone,
        opens_at,
        closes_at,
        seconds_open_before
    from {{ ref('int_business_intervals') }}
),

-- A turn is in the channel of its conversation, also where its messages came in on another.
turns as (
    select
        conversation_turns.*,
        cycles.channel_id
    from conversation_turns
    inner join cycles on conversation_turns.conversation_cycle_id = cycles.conversation_cycle_id
),

-- Apart from the rest: of turns without a schedule or an answer there is nothing to look up.
business_responses as (
    select
        turns.turn_id,
        {{
            business_seconds(
                'start_hours', 'turns.started_at', 'reply_hours', 'turns.first_human_reply_at'
            )
        }} as response_business_seconds
    from turns
    inner join channel_schedules on turns.channel_id = channel_schedules.channel_id
    {{ business_lookup('start_hours', 'channel_schedules', 'turns.started_at') }}
    {{ business_lookup('reply_hours', 'channel_schedules', 'turns.first_human_reply_at') }}
    where turns.first_human_reply_at is not null
),

final as (
    select
        turns.turn_id,
        turns.conversation_cycle_id,
        turns.contact_id,
        turns.channel_id,
        turns.started_at,
        {{ reporting_date('turns.started_at') }} as started_on,
        cast(turns.messages_received as bigint) as messages_received,
        turns.first_reply_at,
        turns.first_human_reply_at,
        turns.responder_agent_id,
        {{ elapsed_seconds('turns.started_at', 'turns.first_human_reply_at') }}
            as response_seconds,
        business_responses.response_business_seconds,
        turns.has_clock_anomaly
    from turns
    left join business_responses on turns.turn_id = business_responses.turn_id
)

select * from final
