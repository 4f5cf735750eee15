with

events as (
    select
        event_id,
        conversation_cycle_id,
        event_type,
        occurred_at,
        actor_type,
        actor_agent_id,
        assignee_agent_id,
        bot_id,
        channel_id,
        assignment_source,
        has_clock_anomaly
    from {{ ref('int_conversation_events') }}
),

final as (
    select
        event_id,
        conversation_cycle_id,
        event_type,
        occurred_at,
        {{ reporting_date('occurred_at') }} as occurred_on,
        actor_type,
        actor_agent_id,
        assignee_agent_id,
        bot_id,
        channel_id,
        assignment_source,
        has_clock_anomaly
    from events
)

select * from final
