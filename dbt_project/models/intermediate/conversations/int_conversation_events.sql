-- One row per thing that happened to a platform's conversation, with the cycle it belongs to: the
-- one last begun. Where no event tells to whom a conversation was given, who has it now stands for
-- it, on its last cycle, and assignment_source says so.
with

told_events as (
    select
        event_id,
        source,
        stream,
        conversation_key,
        event_type,
        occurred_at,
        is_implausible,
        actor_type,
        actor_agent_id,
        assignee_agent_id,
        bot_id,
        assignment_source
    from {{ ref('int_conversation_events__told') }}
),

conversations as (
    select
        conversation_key,
        assignee_agent_id
    from {{ ref('int_conversations__told') }}
    where not is_internal
),

marks as (
    select
        event_id,
        cycle_number
    from {{ ref('int_conversation_marks') }}
    where event_id is not null
),

cycles as (
    select
        conversation_key,
        conversation_cycle_id,
        channel_id,
        cycle_number,
        opened_at
    from {{ ref('int_conversation_cycles') }}
),

-- Of cycles that begin in one second the last.
cycle_starts as (
    select
        conversation_key,
        opened_at,
        max(cycle_number) as cycle_number
    from cycles
    group by conversation_key, opened_at
),

clocks as (
    select
        source,
        stream,
        last_plausible_at
    from {{ ref('int_conversation_clocks') }}
),

placed as (
    select
        told_events.*,
        coalesce(marks.cycle_number, cycle_starts.cycle_number, 1) as cycle_number
    from told_events
    asof left join cycle_starts
        on
            told_events.conversation_key = cycle_starts.conversation_key
            and told_events.occurred_at >= cycle_starts.opened_at
    left join marks on told_events.event_id = marks.event_id
),

assigned_conversations as (
    select distinct conversation_key
    from told_events
    where event_type in ('assigned', 'unassigned')
),

current_assignments as (
    select
        left(sha256('assignee:' || cycles.conversation_cycle_id), 32) as event_id,
        cycles.conversation_cycle_id,
        cycles.channel_id,
        cycles.opened_at as occurred_at,
        conversations.assignee_agent_id
    from conversations
    inner join cycles on conversations.conversation_key = cycles.conversation_key
    anti join assigned_conversations
        on conversations.conversation_key = assigned_conversations.conversation_key
    where conversations.assignee_agent_id is not null
    qualify
        row_number() over (
            partition by conversations.conversation_key order by cycles.cycle_number desc
        ) = 1
),

final as (
    select
        placed.event_id,
        cycles.conversation_cycle_id,
        placed.event_type,
        placed.occurred_at,
        placed.actor_type,
        coalesce(placed.actor_agent_id, 'none') as actor_agent_id,
        coalesce(placed.assignee_agent_id, 'none') as assignee_agent_id,
        coalesce(placed.bot_id, 'none') as bot_id,
        cycles.channel_id,
        placed.assignment_source,
        placed.is_implausible
        or placed.occurred_at > coalesce(clocks.last_plausible_at, timestamp 'infinity')
            as has_clock_anomaly
    from placed
    inner join cycles
        on
            placed.conversation_key = cycles.conversation_key
            and placed.cycle_number = cycles.cycle_number
    left join clocks
        on placed.source = clocks.source and placed.stream = clocks.stream
    union all
    select
        event_id,
        conversation_cycle_id,
        'assigned' as event_type,
        occurred_at,
        cast(null as varchar) as actor_type,
        'unknown' as actor_agent_id,
        assignee_agent_id,
        'none' as bot_id,
        channel_id,
        'current_assignee' as assignment_source,
        false as has_clock_anomaly
    from current_assignments
)

select * from final
