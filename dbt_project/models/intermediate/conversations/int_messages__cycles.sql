-- To which conversation cycle each message of this run's batch belongs (SEMANTICS 5). Where no
-- platform tells of conversations they are inferred: a silence of more than session_gap_hours in
-- the thread (contact × channel) ends a session, and campaigns and templates alone open none. The
-- cycle begins with the session's first message that is neither; what was sent before it, and a
-- message whose clock is off, belongs to no cycle.
-- depends_on: {{ ref('int_messages__touched') }}
{% set fct = messages_before() %}
with

messages as (
    select
        message_id,
        record_id,
        direction,
        contact_id,
        channel_id,
        sender_type,
        campaign_id,
        template_name,
        message_type,
        message_at,
        failed_at,
        has_clock_anomaly
    from {{ ref('int_messages__unioned') }}
),

{% if fct is not none %}
    -- Messages that came along without their threads: they stay in the cycle they were in.
    kept as (
        select
            messages.message_id,
            fct.conversation_cycle_id,
            fct.conversation_opened_by
        from messages
        inner join {{ ref('int_messages__touched') }} as touched
            on messages.record_id = touched.record_id
        left join {{ fct }} as fct on messages.message_id = fct.message_id
        where not touched.is_whole_contact
    ),
{% else %}
    kept as (
        select
            cast(null as varchar) as message_id,
            cast(null as varchar) as conversation_cycle_id,
            cast(null as varchar) as conversation_opened_by
        where false
    ),
{% endif %}

thread_messages as (
    select
        message_id,
        direction,
        contact_id,
        channel_id,
        sender_type,
        message_at,
        {{ is_customer_message() }} as is_customer_message,
        {{ is_campaign_message() }} as is_campaign_message,
        {{ is_customer_message() }}
        or ({{ is_possible_answer() }} and template_name = 'none') as is_opener,
        {{ is_customer_message() }}
        or (
            direction = 'outbound' and failed_at is null and sender_type in ('agent', 'bot')
        ) as is_service
    from messages
    where
        not has_clock_anomaly
        and contact_id not in ('unknown', 'none')
        and message_id not in (select kept.message_id from kept)
),

-- In one second the customer's message comes before ours.
placed as (
    select
        *,
        row_number() over thread as position,
        coalesce(
            message_at
            > lag(message_at) over thread
            + interval ({{ var('session_gap_hours') | int }}) hour,
            true
        ) as begins_session
    from thread_messages
    window thread as (
        partition by contact_id, channel_id order by message_at, direction, message_id
    )
),

in_sessions as (
    select
        *,
        count(*) filter (where begins_session) over (
            partition by contact_id, channel_id
            order by position
            rows between unbounded preceding and current row
        ) as session_number
    from placed
),

sessions as (
    select
        contact_id,
        channel_id,
        session_number,
        min(position) filter (where is_opener) as opener_position,
        arg_min(message_id, position) filter (where is_opener) as opener_message_id,
        arg_min(sender_type, position) filter (where is_opener) as opener_sender_type,
        coalesce(
            min(position) filter (where is_campaign_message)
            < min(position) filter (where is_customer_message),
            false
        ) as is_campaign_answered
    from in_sessions
    group by contact_id, channel_id, session_number
    having bool_or(is_opener) and bool_or(is_service)
),

inferred as (
    select
        in_sessions.message_id,
        {{ inferred_cycle_id('sessions.opener_message_id') }} as conversation_cycle_id,
        case
            when in_sessions.position > sessions.opener_position then null
            when sessions.is_campaign_answered then 'campaign'
            when sessions.opener_sender_type = 'bot' then 'automation'
            else sessions.opener_sender_type
        end as conversation_opened_by
    from in_sessions
    inner join sessions
        on
            in_sessions.contact_id = sessions.contact_id
            and in_sessions.channel_id = sessions.channel_id
            and in_sessions.session_number = sessions.session_number
            and in_sessions.position >= sessions.opener_position
),

final as (
    select
        message_id,
        conversation_cycle_id,
        conversation_opened_by
    from inferred
    union all
    select
        message_id,
        conversation_cycle_id,
        conversation_opened_by
    from kept
    where conversation_cycle_id is not null
)

select * from final
