with

final as (
    select
        cast(null as varchar) as survey_response_id,
        cast(null as varchar) as survey_type,
        cast(null as varchar) as source_system,
        cast(null as varchar) as contact_id,
        cast(null as varchar) as conversation_cycle_id,
        cast(null as varchar) as channel_id,
        cast(null as varchar) as agent_id,
        cast(null as timestamp) as sent_at,
        cast(null as date) as sent_on,
        cast(null as boolean) as is_delivered,
        cast(null as timestamp) as answered_at,
        cast(null as date) as answered_on,
        cast(null as double) as score,
        cast(null as double) as scale_max,
        cast(null as boolean) as has_comment,
        cast(null as varchar) as topic,
        cast(null as boolean) as has_clock_anomaly
    where false
)

select * from final
