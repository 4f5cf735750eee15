with

final as (
    select
        click_id,
        clicked_at,
        {{ reporting_date('clicked_at') }} as clicked_on,
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
    from {{ ref('int_link_clicks') }}
)

select * from final
