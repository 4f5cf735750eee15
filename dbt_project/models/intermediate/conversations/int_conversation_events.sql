-- One row per thing that happened to a platform's conversation, with the cycle it belongs to: the
-- one last begun. Where no event tells to whom a conversation was given, who has it now stands for
-- it, on its last cycle; where Chatwoot's dump names another than the last notice that was
-- understood, who has it now follows that. assignment_source says so of both.
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

states as (
    select
        conversation_key,
        assignee_agent_id,
        updated_at,
        dumped_at
    from {{ ref('int_conversation_states') }}
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
        last_plausible_at,
        watermark_at
    from {{ ref('int_conversation_clocks') }}
),

known_until as (
    select max(watermark_at) as watermark_at
    from clocks
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

-- What the understood notices end with.
last_assignments as (
    select
        placed.conversation_key,
        max(placed.occurred_at) as occurred_at,
        arg_max(
            case when placed.event_type = 'assigned' then placed.assignee_agent_id else 'none' end,
            row(placed.occurred_at, placed.event_id)
        ) as assignee_agent_id
    from placed
    left join clocks
        on placed.source = clocks.source and placed.stream = clocks.stream
    where
        placed.event_type in ('assigned', 'unassigned')
        and not placed.is_implausible
        and placed.occurred_at <= coalesce(clocks.last_plausible_at, timestamp 'infinity')
    group by placed.conversation_key
),

-- Of what no notice told in words we know. A dump that is older than the notice corrects nothing;
-- a row changed last before it says so right after it, and none after all that is known.
corrections as (
    select
        states.conversation_key,
        coalesce(states.assignee_agent_id, 'none') as assignee_agent_id,
        greatest(
            least(states.updated_at, known_until.watermark_at),
            last_assignments.occurred_at + interval 1 microsecond
        ) as occurred_at
    from states
    inner join last_assignments on states.conversation_key = last_assignments.conversation_key
    cross join known_until
    where
        states.dumped_at >= last_assignments.occurred_at
        and coalesce(states.assignee_agent_id, 'none')
        <> coalesce(last_assignments.assignee_agent_id, 'none')
),

corrected_cycles as (
    select
        corrections.*,
        coalesce(cycle_starts.cycle_number, 1) as cycle_number
    from corrections
    asof left join cycle_starts
        on
            corrections.conversation_key = cycle_starts.conversation_key
            and corrections.occurred_at >= cycle_starts.opened_at
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
    union all
    select
        left(sha256('assignee:' || cycles.conversation_cycle_id), 32) as event_id,
        cycles.conversation_cycle_id,
        case
            when corrected_cycles.assignee_agent_id = 'none' then 'unassigned' else 'assigned'
        end as event_type,
        corrected_cycles.occurred_at,
        cast(null as varchar) as actor_type,
        'unknown' as actor_agent_id,
        corrected_cycles.assignee_agent_id,
        'none' as bot_id,
        cycles.channel_id,
        'current_assignee' as assignment_source,
        false as has_clock_anomaly
    from corrected_cycles
    inner join cycles
        on
            corrected_cycles.conversation_key = cycles.conversation_key
            and corrected_cycles.cycle_number = cycles.cycle_number
)

select * from final
