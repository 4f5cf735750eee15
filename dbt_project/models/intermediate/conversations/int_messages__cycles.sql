-- To which conversation cycle each message of this run's batch belongs (SEMANTICS 5). What a
-- platform files under a conversation belongs to the cycle last begun of that. What it doesn't know
-- joins a conversation of the same thread (contact × channel) that is open at that time, or was
-- within conversation_join_seconds, for platforms note an opening after the message that caused it
-- and a closing before our last word; else the cycle is inferred: a silence of more than
-- session_gap_hours ends a session, and campaigns and templates alone open none. An inferred cycle
-- begins with the session's first message that is neither; what was sent before it, and a message
-- whose clock is off, belongs to no cycle.
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
        conversation_key,
        has_clock_anomaly,
        {{ is_campaign_message() }} as is_campaign_message
    from {{ ref('int_messages__unioned') }}
),

platform_cycles as (
    select
        conversation_key,
        conversation_cycle_id,
        cycle_number,
        channel_id,
        contact_id,
        opened_at,
        closed_at
    from {{ ref('int_conversation_cycles') }}
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

-- Of cycles that begin in one second the last.
cycle_starts as (
    select
        conversation_key,
        opened_at,
        arg_max(conversation_cycle_id, cycle_number) as conversation_cycle_id
    from platform_cycles
    group by conversation_key, opened_at
),

first_cycles as (
    select
        conversation_key,
        conversation_cycle_id
    from platform_cycles
    where cycle_number = 1
),

filed_messages as (
    select
        message_id,
        conversation_key,
        message_at
    from messages
    where
        conversation_key is not null
        and message_id not in (select kept.message_id from kept)
),

filed as (
    select
        filed_messages.message_id,
        coalesce(cycle_starts.conversation_cycle_id, first_cycles.conversation_cycle_id)
            as conversation_cycle_id
    from filed_messages
    inner join first_cycles
        on filed_messages.conversation_key = first_cycles.conversation_key
    asof left join cycle_starts
        on
            filed_messages.conversation_key = cycle_starts.conversation_key
            and filed_messages.message_at >= cycle_starts.opened_at
),

unfiled_messages as (
    select messages.*
    from messages
    anti join filed on messages.message_id = filed.message_id
    anti join kept on messages.message_id = kept.message_id
    where
        not messages.has_clock_anomaly
        and messages.contact_id not in ('unknown', 'none')
),

nearby as (
    select
        unfiled_messages.message_id,
        platform_cycles.conversation_cycle_id,
        platform_cycles.opened_at,
        unfiled_messages.is_campaign_message,
        unfiled_messages.direction = 'outbound' as is_outbound,
        unfiled_messages.message_at < platform_cycles.opened_at as is_before,
        coalesce(unfiled_messages.message_at >= platform_cycles.closed_at, false) as is_after,
        abs(epoch(unfiled_messages.message_at - platform_cycles.opened_at)) as seconds_apart
    from unfiled_messages
    inner join platform_cycles
        on
            unfiled_messages.contact_id = platform_cycles.contact_id
            and unfiled_messages.channel_id = platform_cycles.channel_id
            and unfiled_messages.message_at
            >= platform_cycles.opened_at
            - interval ({{ var('conversation_join_seconds') | int }}) second
            and unfiled_messages.message_at
            <= coalesce(
                platform_cycles.closed_at
                + interval ({{ var('conversation_join_seconds') | int }}) second,
                timestamp 'infinity'
            )
),

-- Of several conversations that are open at that time the one last begun, then the one just closed,
-- then the one about to open. A campaign opens and closes none, and the customer's word at or after
-- a closing is none of that conversation's.
overheard as (
    select
        message_id,
        conversation_cycle_id
    from nearby
    where
        (not is_before or not is_campaign_message)
        and (not is_after or (is_outbound and not is_campaign_message))
    qualify
        row_number() over (
            partition by message_id
            order by is_before asc, is_after asc, seconds_apart asc, conversation_cycle_id desc
        ) = 1
),

thread_messages as (
    select
        message_id,
        direction,
        contact_id,
        channel_id,
        sender_type,
        message_at,
        {{ is_customer_message() }} as is_customer_message,
        is_campaign_message,
        {{ is_customer_message() }}
        or ({{ is_possible_answer() }} and template_name = 'none') as is_opener,
        {{ is_customer_message() }}
        or (
            direction = 'outbound' and failed_at is null and sender_type in ('agent', 'bot')
        ) as is_service
    from unfiled_messages
    where message_id not in (select overheard.message_id from overheard)
),

-- In one second the customer's message comes before ours.
placed as (
    select
        *,
        row_number() over thread as place,
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
            order by place
            rows between unbounded preceding and current row
        ) as session_number
    from placed
),

sessions as (
    select
        contact_id,
        channel_id,
        session_number,
        min(place) filter (where is_opener) as opener_place,
        arg_min(message_id, place) filter (where is_opener) as opener_message_id,
        arg_min(sender_type, place) filter (where is_opener) as opener_sender_type,
        coalesce(
            min(place) filter (where is_campaign_message)
            < min(place) filter (where is_customer_message),
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
            when in_sessions.place > sessions.opener_place then null
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
            and in_sessions.place >= sessions.opener_place
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
        cast(null as varchar) as conversation_opened_by
    from filed
    union all
    select
        message_id,
        conversation_cycle_id,
        cast(null as varchar) as conversation_opened_by
    from overheard
    union all
    select
        message_id,
        conversation_cycle_id,
        conversation_opened_by
    from kept
    where conversation_cycle_id <> 'none'
)

select * from final
