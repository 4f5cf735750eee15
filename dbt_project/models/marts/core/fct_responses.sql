with

final as (
    select
        cast(null as varchar) as turn_id,
        cast(null as varchar) as conversation_cycle_id,
        cast(null as varchar) as contact_id,
        cast(null as varchar) as channel_id,
        cast(null as timestamp) as started_at,
        cast(null as date) as started_on,
        cast(null as bigint) as messages_received,
        cast(null as timestamp) as first_reply_at,
        cast(null as timestamp) as first_human_reply_at,
        cast(null as varchar) as responder_agent_id,
        cast(null as double) as response_seconds,
        cast(null as double) as response_business_seconds,
        cast(null as boolean) as has_clock_anomaly
    where false
)

select * from final
