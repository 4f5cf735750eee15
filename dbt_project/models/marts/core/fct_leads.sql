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

credits as (
    select
        event_key as lead_id,
        campaign_id,
        touch_type,
        ad_id
    from {{ ref('int_campaign_credits') }}
    where goal = 'lead'
),

final as (
    select
        leads.lead_id,
        leads.contact_id,
        leads.created_at,
        leads.qualified_at,
        leads.won_at,
        leads.lost_at,
        leads.lead_source,
        coalesce(credits.campaign_id, 'none') as attributed_campaign_id,
        credits.touch_type as attributed_touch_type,
        coalesce(credits.ad_id, 'none') as attributed_ad_id,
        leads.has_clock_anomaly
    from leads
    left join credits on leads.lead_id = credits.lead_id
)

select * from final
