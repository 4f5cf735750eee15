-- Cycles of the conversations that a platform tells of.
with

final as (
    select
        cast(null as varchar) as conversation_key,
        cast(null as varchar) as conversation_cycle_id,
        cast(null as varchar) as conversation_id,
        cast(null as bigint) as cycle_number,
        cast(null as varchar) as channel_id,
        cast(null as varchar) as contact_id,
        cast(null as timestamp) as opened_at,
        cast(null as varchar) as opened_by,
        cast(null as timestamp) as closed_at,
        cast(null as varchar) as closed_by,
        cast(null as varchar) as closing_agent_id,
        cast(null as varchar) as current_agent_id,
        cast(null as varchar) as category,
        cast(null as timestamp) as bot_started_at,
        cast(null as varchar) as first_bot_id,
        cast(null as timestamp) as handed_off_at,
        cast(null as boolean) as has_clock_anomaly
    where false
)

select * from final
