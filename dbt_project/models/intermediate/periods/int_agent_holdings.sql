-- Which agent an open conversation lay with, and from when to when (the backlog of agents). The log
-- of assignments tells; an assignment outlives a close, so that a reopened conversation is its last
-- agent's. Where a conversation has no log, it lay with its agent of today all the time, for nobody
-- knows since when. Beside a log the agent of today has it since the dump's row changed last.
with

conversations as (
    select
        conversation_cycle_id,
        conversation_id,
        channel_id,
        opened_at,
        closed_at,
        arg_max(current_agent_id, opened_at) over (partition by conversation_id)
            as agent_of_today
    from {{ ref('fct_conversations') }}
    where not has_clock_anomaly
),

events as (
    select
        event_id,
        conversation_cycle_id,
        event_type,
        occurred_at,
        assignee_agent_id,
        assignment_source
    from {{ ref('fct_conversation_events') }}
    where event_type in ('assigned', 'unassigned') and not has_clock_anomaly
),

-- Of one second the assignment counts: another agent is often told as taken away and given.
assignments as (
    select
        conversations.conversation_id,
        events.occurred_at,
        case when events.event_type = 'assigned' then events.assignee_agent_id else 'none' end
            as agent_id
    from events
    inner join conversations
        on events.conversation_cycle_id = conversations.conversation_cycle_id
    qualify
        row_number() over (
            partition by conversations.conversation_id, events.occurred_at
            order by events.event_type, events.event_id
        ) = 1
        and bool_or(coalesce(events.assignment_source <> 'current_assignee', true))
            over (partition by conversations.conversation_id)
),

logged_conversations as (
    select distinct conversation_id
    from assignments
),

opening_agents as (
    select
        conversations.conversation_cycle_id,
        assignments.agent_id
    from conversations
    asof join assignments
        on
            conversations.conversation_id = assignments.conversation_id
            and conversations.opened_at >= assignments.occurred_at
),

marks as (
    select
        conversations.conversation_cycle_id,
        conversations.channel_id,
        conversations.opened_at as held_from_at,
        conversations.closed_at,
        case
            when logged_conversations.conversation_id is null then conversations.agent_of_today
            else coalesce(opening_agents.agent_id, 'none')
        end as agent_id
    from conversations
    left join logged_conversations
        on conversations.conversation_id = logged_conversations.conversation_id
    left join opening_agents
        on conversations.conversation_cycle_id = opening_agents.conversation_cycle_id
    union all
    select
        conversations.conversation_cycle_id,
        conversations.channel_id,
        assignments.occurred_at as held_from_at,
        conversations.closed_at,
        assignments.agent_id
    from conversations
    inner join assignments on conversations.conversation_id = assignments.conversation_id
    where
        assignments.occurred_at > conversations.opened_at
        and coalesce(assignments.occurred_at < conversations.closed_at, true)
),

holdings as (
    select
        conversation_cycle_id,
        channel_id,
        agent_id,
        held_from_at,
        coalesce(
            lead(held_from_at) over (
                partition by conversation_cycle_id order by held_from_at
            ),
            closed_at
        ) as held_until_at
    from marks
),

final as (
    select
        conversation_cycle_id,
        channel_id,
        agent_id,
        held_from_at,
        {{ reporting_date('held_from_at') }} as held_from_on,
        held_until_at,
        {{ reporting_date('held_until_at') }} as held_until_on
    from holdings
)

select * from final
