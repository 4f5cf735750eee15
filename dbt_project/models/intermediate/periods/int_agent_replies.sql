-- One row per conversation cycle, agent and day on which they answered in it. An answer is a
-- message of the agent after the customer wrote; who wrote first has answered nobody.
with

conversations as (
    select
        conversation_cycle_id,
        contact_id,
        first_inbound_at
    from {{ ref('fct_conversations') }}
    where first_inbound_at is not null and not has_clock_anomaly
),

messages as (
    select
        conversation_cycle_id,
        agent_id,
        message_at,
        message_on
    from {{ ref('fct_messages') }}
    where
        direction = 'outbound'
        and sender_type = 'agent'
        and agent_id <> 'none'
        and failed_at is null
        and not has_clock_anomaly
),

-- A take-over of what one holds already is no new assignment.
assignments as (
    select
        conversation_cycle_id,
        occurred_at,
        case when event_type = 'assigned' then assignee_agent_id else 'none' end as agent_id
    from {{ ref('fct_conversation_events') }}
    where event_type in ('assigned', 'unassigned') and not has_clock_anomaly
    qualify
        row_number() over (
            partition by conversation_cycle_id, occurred_at order by event_type, event_id
        ) = 1
),

runs as (
    select
        conversation_cycle_id,
        occurred_at,
        agent_id
    from assignments
    qualify
        coalesce(
            agent_id <> lag(agent_id) over (
                partition by conversation_cycle_id order by occurred_at
            ),
            true
        )
),

reply_days as (
    select
        messages.conversation_cycle_id,
        messages.agent_id,
        messages.message_on as replied_on,
        conversations.contact_id,
        conversations.first_inbound_at,
        min(messages.message_at) as first_reply_at
    from messages
    inner join conversations
        on messages.conversation_cycle_id = conversations.conversation_cycle_id
    where messages.message_at >= conversations.first_inbound_at
    group by
        messages.conversation_cycle_id,
        messages.agent_id,
        messages.message_on,
        conversations.contact_id,
        conversations.first_inbound_at
),

first_replies as (
    select
        conversation_cycle_id,
        agent_id,
        first_inbound_at,
        first_reply_at
    from reply_days
    qualify
        row_number() over (
            partition by conversation_cycle_id, agent_id order by first_reply_at
        ) = 1
),

-- The first answer ends a wait that began with the assignment, if nobody else was assigned between.
waits as (
    select
        first_replies.conversation_cycle_id,
        first_replies.agent_id,
        first_replies.first_reply_at,
        greatest(runs.occurred_at, first_replies.first_inbound_at) as waited_from_at
    from first_replies
    asof join runs
        on
            first_replies.conversation_cycle_id = runs.conversation_cycle_id
            and first_replies.first_reply_at >= runs.occurred_at
    where first_replies.agent_id = runs.agent_id
),

final as (
    select
        reply_days.conversation_cycle_id,
        reply_days.agent_id,
        reply_days.replied_on,
        reply_days.contact_id,
        {{ elapsed_seconds('waits.waited_from_at', 'waits.first_reply_at') }}
            as assignment_to_first_response_seconds
    from reply_days
    left join waits
        on
            reply_days.conversation_cycle_id = waits.conversation_cycle_id
            and reply_days.agent_id = waits.agent_id
            and reply_days.first_reply_at = waits.first_reply_at
)

select * from final
