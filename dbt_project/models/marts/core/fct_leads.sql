with

leads as (
    select
        lead_id,
        contact_id,
        created_at,
        qualified_at,
        won_at,
        lost_at,
        lead_source,
        has_clock_anomaly
    from {{ ref('int_leads') }}
    where not is_internal
),

final as (
    select
        lead_id,
        contact_id,
        created_at,
        qualified_at,
        won_at,
        lost_at,
        lead_source,
        -- Attribution comes with its own model: nothing is claimed until then.
        cast(null as varchar) as attributed_campaign_id,
        cast(null as varchar) as attributed_touch_type,
        cast(null as varchar) as attributed_ad_id,
        has_clock_anomaly
    from leads
)

select * from final
