-- Clicks with their public columns: what everything behind this reads.
with

final as (
    select
        click_id,
        clicked_at,
        contact_id,
        campaign_id,
        variant,
        message_id,
        url_key,
        is_human,
        has_clock_anomaly,
        utm_source,
        utm_medium,
        utm_campaign
    from {{ ref('int_link_clicks__reached') }}
)

select * from final
