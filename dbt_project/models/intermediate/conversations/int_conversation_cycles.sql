-- One row per cycle of a conversation that a platform tells of: from an opening to the next
-- closing. Compared with int_conversation_cycles__before to find the messages that now belong
-- elsewhere.
-- depends_on: {{ ref('int_conversation_cycles__before') }}
with

conversations as (
    select
        conversation_key,
        conversation_id,
        channel_id,
        contact_id,
        opened_by,
        category
    from {{ ref('int_conversations__told') }}
    where not is_internal
),

marks as (
    select
        conversation_key,
        cycle_number,
        marked_at,
        actor_type,
        actor_agent_id,
        is_closed_by_timer,
        has_clock_anomaly,
        begins_cycle,
        ends_cycle
    from {{ ref('int_conversation_marks') }}
    where begins_cycle or ends_cycle
),

cycles as (
    select
        conversation_key,
        cycle_number,
        min(marked_at) filter (where begins_cycle) as opened_at,
        min(actor_type) filter (where begins_cycle) as opening_actor_type,
        min(marked_at) filter (where ends_cycle) as closed_at,
        min(actor_type) filter (where ends_cycle) as closing_actor_type,
        min(actor_agent_id) filter (where ends_cycle) as closing_agent_id,
        coalesce(bool_or(is_closed_by_timer) filter (where ends_cycle), false)
            as is_closed_by_timer,
        bool_or(has_clock_anomaly) as has_clock_anomaly
    from marks
    group by conversation_key, cycle_number
),

final as (
    select
        cycles.conversation_key,
        {{ platform_cycle_id('conversations.conversation_id', 'cycles.cycle_number') }}
            as conversation_cycle_id,
        conversations.conversation_id,
        cycles.cycle_number,
        conversations.channel_id,
        conversations.contact_id,
        cycles.opened_at,
        -- Who opened the conversation is said of its first cycle.
        case
            when cycles.cycle_number = 1 and conversations.opened_by is not null
                then conversations.opened_by
            when cycles.opening_actor_type in ('bot', 'automation') then 'automation'
            when cycles.opening_actor_type in ('contact', 'agent', 'campaign', 'api')
                then cycles.opening_actor_type
        end as opened_by,
        cycles.closed_at,
        case
            when cycles.is_closed_by_timer then 'inactivity'
            when cycles.closing_actor_type = 'agent' then 'agent'
            when cycles.closing_actor_type in ('bot', 'automation', 'api') then 'automation'
        end as closed_by,
        case
            when cycles.closed_at is null then 'none'
            when cycles.closing_actor_type = 'agent'
                then coalesce(cycles.closing_agent_id, 'unknown')
            else 'none'
        end as closing_agent_id,
        conversations.category,
        cycles.has_clock_anomaly
    from cycles
    inner join conversations on cycles.conversation_key = conversations.conversation_key
)

select * from final
