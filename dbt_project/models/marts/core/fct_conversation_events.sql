with

final as (
    select
        cast(null as varchar) as event_id,
        cast(null as varchar) as conversation_cycle_id,
        cast(null as varchar) as event_type,
        cast(null as timestamp) as occurred_at,
        cast(null as date) as occurred_on,
        cast(null as varchar) as actor_type,
        cast(null as varchar) as actor_agent_id,
        cast(null as varchar) as assignee_agent_id,
        cast(null as varchar) as bot_id,
        cast(null as varchar) as channel_id,
        cast(null as varchar) as assignment_source,
        cast(null as boolean) as has_clock_anomaly
    where false
)

select * from final
