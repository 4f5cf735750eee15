with

ad_days as (
    select
        ad_id,
        ad_name,
        campaign_name,
        spent_on,
        spend_amount_original,
        currency_code,
        impressions,
        link_clicks,
        conversations_started,
        source_system,
        has_clock_anomaly
    from {{ ref('int_ad_spend__told') }}
    where not is_outranked
),

fx_rates as (
    select
        currency_code,
        valid_from_on,
        valid_before_on,
        rate
    from {{ ref('int_fx_rates__to_reporting') }}
),

final as (
    select
        ad_days.ad_id,
        ad_days.ad_name,
        ad_days.campaign_name,
        ad_days.spent_on,
        cast(ad_days.spend_amount_original * fx_rates.rate as decimal(18, 4)) as spend_amount,
        ad_days.spend_amount_original,
        ad_days.currency_code,
        ad_days.impressions,
        ad_days.link_clicks,
        ad_days.conversations_started,
        ad_days.source_system,
        ad_days.has_clock_anomaly
    from ad_days
    left join fx_rates
        on
            ad_days.currency_code = fx_rates.currency_code
            and ad_days.spent_on >= fx_rates.valid_from_on
            and (fx_rates.valid_before_on is null or ad_days.spent_on < fx_rates.valid_before_on)
)

select * from final
