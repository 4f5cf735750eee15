-- One row per time that opens or closes a platform's conversation: its opening and closing as
-- listed, the events, and each message of the customer, which opens it again where it was closed,
-- told or not. Where Chatwoot's dump says otherwise than all of them, that is the last mark.
-- Marks of one kind in a row are one: a cycle begins with the first opening after a closing and
-- ends with the next closing. Times that can't be true mark nothing.
with

conversations as (
    select
        conversation_key,
        source,
        opened_at,
        closed_at,
        closing_agent_id,
        is_implausible
    from {{ ref('int_conversations__told') }}
    where not is_internal
),

told_events as (
    select
        event_id,
        source,
        stream,
        conversation_key,
        event_type,
        occurred_at,
        event_number,
        actor_type,
        actor_agent_id,
        is_closed_by_timer,
        is_implausible
    from {{ ref('int_conversation_events__told') }}
),

states as (
    select
        conversation_key,
        is_resolved,
        is_unresolved,
        updated_at
    from {{ ref('int_conversation_states') }}
),

reports as (
    select
        record_id,
        direction,
        conversation_key,
        attempted_at,
        told_in_inbox_at,
        is_only_in_inbox,
        message_type,
        is_implausible
    from {{ ref('int_message_reports') }}
    where conversation_key is not null
),

-- Webhooks know best when a message came.
received as (
    select
        record_id,
        message_at,
        message_type
    from {{ ref('int_whatsapp_messages__folded') }}
    where direction = 'inbound'
),

clocks as (
    select
        source,
        stream,
        last_plausible_at,
        watermark_at
    from {{ ref('int_conversation_clocks') }}
),

-- Rows of a dump have no clock of their own.
known_until as (
    select max(watermark_at) + interval ({{ var('clock_gap_days') | int }}) day as plausible_until
    from clocks
),

message_clocks as (
    select
        max(last_plausible_at) filter (where stream = 'webhooks') as webhooks_plausible_until,
        max(last_plausible_at) filter (where stream = 'message_reports')
            as reports_plausible_until,
        max(last_plausible_at) filter (where stream = 'chatwoot_messages')
            as inbox_plausible_until
    from {{ ref('int_stream_clocks') }}
),

listed as (
    select
        conversations.*,
        coalesce(clocks.last_plausible_at, timestamp 'infinity') as plausible_until
    from conversations
    left join clocks
        on conversations.source = clocks.source and clocks.stream = 'conversations'
),

events as (
    select told_events.*
    from told_events
    semi join conversations on told_events.conversation_key = conversations.conversation_key
    left join clocks
        on told_events.source = clocks.source and told_events.stream = clocks.stream
    where
        not told_events.is_implausible
        and told_events.occurred_at <= coalesce(clocks.last_plausible_at, timestamp 'infinity')
),

closed_conversations as (
    select distinct conversation_key
    from events
    where event_type = 'closed'
),

messages as (
    select
        reports.conversation_key,
        reports.direction,
        coalesce(received.message_type, reports.message_type) as message_type,
        coalesce(received.message_at, reports.attempted_at) as message_at
    from reports
    semi join conversations on reports.conversation_key = conversations.conversation_key
    left join received
        on reports.direction = 'inbound' and reports.record_id = received.record_id
    cross join message_clocks
    where
        case
            when received.record_id is not null
                then
                    received.message_at
                    <= coalesce(message_clocks.webhooks_plausible_until, timestamp 'infinity')
            else
                not reports.is_implausible
                and (
                    reports.is_only_in_inbox
                    or reports.attempted_at
                    <= coalesce(message_clocks.reports_plausible_until, timestamp 'infinity')
                )
                and coalesce(
                    reports.told_in_inbox_at <= message_clocks.inbox_plausible_until, true
                )
        end
),

told_marks as (
    select
        conversation_key,
        opened_at as marked_at,
        -2 as mark_number,
        0 as mark_rank,
        'opened' as mark,
        'conversation' as origin,
        cast(null as varchar) as event_id,
        cast(null as varchar) as actor_type,
        cast(null as varchar) as actor_agent_id,
        false as is_closed_by_timer
    from listed
    where not is_implausible and opened_at <= plausible_until
    union all
    -- In one second the customer's message comes first.
    select
        conversation_key,
        message_at as marked_at,
        -1 as mark_number,
        0 as mark_rank,
        'opened' as mark,
        'message' as origin,
        cast(null as varchar) as event_id,
        'contact' as actor_type,
        cast(null as varchar) as actor_agent_id,
        false as is_closed_by_timer
    from messages
    where direction = 'inbound' and coalesce(message_type not in ('system', 'reaction'), true)
    union all
    select
        conversation_key,
        occurred_at as marked_at,
        coalesce(event_number, 1000000000000000000) as mark_number,
        case event_type when 'opened' then 0 when 'closed' then 1 else 2 end as mark_rank,
        case event_type when 'closed' then 'closed' else 'opened' end as mark,
        'event' as origin,
        event_id,
        actor_type,
        actor_agent_id,
        is_closed_by_timer
    from events
    where event_type in ('opened', 'reopened', 'closed')
    union all
    select
        listed.conversation_key,
        listed.closed_at as marked_at,
        1000000000000000000 as mark_number,
        1 as mark_rank,
        'closed' as mark,
        'conversation' as origin,
        cast(null as varchar) as event_id,
        case when listed.closing_agent_id is not null then 'agent' end as actor_type,
        listed.closing_agent_id as actor_agent_id,
        false as is_closed_by_timer
    from listed
    anti join closed_conversations
        on listed.conversation_key = closed_conversations.conversation_key
    where listed.closed_at <= listed.plausible_until and listed.closed_at >= listed.opened_at
),

-- What is known last of a conversation that an event closed.
last_marks as (
    select
        told_marks.conversation_key,
        max(told_marks.marked_at) as marked_at,
        arg_max(
            told_marks.mark,
            row(told_marks.marked_at, told_marks.mark_number, told_marks.mark_rank)
        ) as mark
    from told_marks
    semi join closed_conversations
        on told_marks.conversation_key = closed_conversations.conversation_key
    group by told_marks.conversation_key
),

-- A row of the dump that is older than what is known last tells nothing of it. A closing is of the
-- last activity, as everywhere; nobody says when it was opened again, but by the row's last change
-- it was, if that is a minute past the closing: Chatwoot notes one closing in several tables.
state_marks as (
    select
        listed.conversation_key,
        case
            when
                states.is_resolved
                and listed.closed_at between last_marks.marked_at and listed.plausible_until
                then listed.closed_at
            else states.updated_at
        end as marked_at,
        last_marks.marked_at as last_marked_at,
        case when states.is_resolved then 'closed' else 'opened' end as mark
    from listed
    inner join states on listed.conversation_key = states.conversation_key
    inner join last_marks on listed.conversation_key = last_marks.conversation_key
    cross join known_until
    where
        states.updated_at <= coalesce(known_until.plausible_until, timestamp 'infinity')
        and case last_marks.mark
            when 'opened' then states.is_resolved
            when 'closed' then states.is_unresolved
        end
),

marks as (
    select * from told_marks
    union all
    select
        state_marks.conversation_key,
        state_marks.marked_at,
        1000000000000000000 as mark_number,
        case state_marks.mark when 'closed' then 1 else 2 end as mark_rank,
        state_marks.mark,
        'conversation' as origin,
        cast(null as varchar) as event_id,
        cast(null as varchar) as actor_type,
        cast(null as varchar) as actor_agent_id,
        false as is_closed_by_timer
    from state_marks
    where
        case state_marks.mark
            when 'closed' then state_marks.marked_at >= state_marks.last_marked_at
            else state_marks.marked_at > state_marks.last_marked_at + interval 1 minute
        end
),

first_marks as (
    select
        conversation_key,
        min(marked_at) filter (where mark = 'opened') as first_opened_at,
        min(marked_at) filter (where mark = 'closed') as first_closed_at
    from marks
    group by conversation_key
),

traces as (
    select
        conversation_key,
        min(trace_at) as first_trace_at
    from (
        select
            conversation_key,
            occurred_at as trace_at
        from events
        union all
        select
            conversation_key,
            message_at as trace_at
        from messages
    ) as all_traces
    group by conversation_key
),

untimed as (
    select
        conversation_key,
        min(occurred_at) as first_event_at
    from told_events
    group by conversation_key
),

untimed_messages as (
    select
        conversation_key,
        min(attempted_at) as first_message_at
    from reports
    group by conversation_key
),

-- Every conversation has a beginning: without a word of it, the first that is known of it.
openings as (
    select
        listed.conversation_key,
        coalesce(
            least(first_marks.first_closed_at, traces.first_trace_at),
            listed.opened_at,
            untimed.first_event_at,
            untimed_messages.first_message_at
        ) as marked_at,
        coalesce(first_marks.first_closed_at, traces.first_trace_at) is null as has_clock_anomaly
    from listed
    left join first_marks on listed.conversation_key = first_marks.conversation_key
    left join traces on listed.conversation_key = traces.conversation_key
    left join untimed on listed.conversation_key = untimed.conversation_key
    left join untimed_messages on listed.conversation_key = untimed_messages.conversation_key
    where
        first_marks.first_opened_at is null
        or first_marks.first_closed_at < first_marks.first_opened_at
        -- Told by its messages alone it begins with the first, also with one of ours.
        or (
            listed.opened_at is null
            and untimed.first_event_at is null
            and traces.first_trace_at < first_marks.first_opened_at
        )
),

all_marks as (
    select
        *,
        false as has_clock_anomaly
    from marks
    union all
    select
        conversation_key,
        marked_at,
        -3 as mark_number,
        0 as mark_rank,
        'opened' as mark,
        'first_trace' as origin,
        cast(null as varchar) as event_id,
        cast(null as varchar) as actor_type,
        cast(null as varchar) as actor_agent_id,
        false as is_closed_by_timer,
        has_clock_anomaly
    from openings
),

placed as (
    select
        *,
        row_number() over conversation as place,
        lag(mark) over conversation as previous_mark
    from all_marks
    window conversation as (
        partition by conversation_key
        order by marked_at, mark_number, mark_rank, event_id nulls first, origin
    )
),

final as (
    select
        conversation_key,
        place,
        marked_at,
        mark,
        origin,
        event_id,
        actor_type,
        actor_agent_id,
        is_closed_by_timer,
        has_clock_anomaly,
        mark = 'opened' and coalesce(previous_mark = 'closed', true) as begins_cycle,
        mark = 'closed' and coalesce(previous_mark = 'opened', false) as ends_cycle,
        cast(
            count(*) filter (where mark = 'opened' and coalesce(previous_mark = 'closed', true))
                over (
                    partition by conversation_key
                    order by place
                    rows between unbounded preceding and current row
                )
            as bigint
        ) as cycle_number
    from placed
)

select * from final
