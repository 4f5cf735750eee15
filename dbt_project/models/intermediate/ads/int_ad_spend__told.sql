-- What each system tells of an ad and a day: its newest export. Within a file the lower line is the
-- newer; rows of JSON have no place in their file, and the figures of a day only grow. Where Meta's
-- own report and a list of ours tell the same ad and day, Meta's counts.
with

insights as (
    select
        'meta_ads' as source_system,
        precedence,
        row_number,
        ad_id,
        ad_name,
        campaign_name,
        spent_on,
        spend_amount,
        currency_code,
        impressions,
        link_clicks,
        conversations_started
    from {{ ref('stg_meta_ads__insights') }}
),

listed_spend as (
    select
        'generic' as source_system,
        precedence,
        row_number,
        ad_id,
        ad_name,
        campaign_name,
        spent_on,
        spend_amount,
        currency_code,
        impressions,
        link_clicks,
        conversations_started
    from {{ ref('stg_generic__ad_spend') }}
),

clocks as (
    select last_plausible_at
    from {{ ref('int_export_clocks') }}
    where stream = 'ad_spend'
),

told as (
    select * from insights
    union all
    select * from listed_spend
),

newest as (
    select
        *,
        -- An ad is paid in the currency of its account.
        coalesce(
            currency_code,
            max(currency_code) over (partition by source_system, ad_id)
        ) as known_currency_code
    from told
    qualify
        row_number() over (
            partition by source_system, ad_id, spent_on
            order by
                precedence desc,
                row_number desc nulls last,
                spend_amount desc,
                impressions desc nulls last,
                link_clicks desc nulls last,
                conversations_started desc nulls last,
                currency_code asc,
                ad_name asc,
                campaign_name asc
        ) = 1
),

final as (
    select
        newest.source_system,
        newest.ad_id,
        newest.ad_name,
        newest.campaign_name,
        newest.spent_on,
        newest.spend_amount as spend_amount_original,
        coalesce(newest.known_currency_code, '{{ var("reporting_currency") }}') as currency_code,
        newest.known_currency_code is null as is_currency_assumed,
        newest.impressions,
        newest.link_clicks,
        newest.conversations_started,
        newest.source_system <> first_value(newest.source_system) over (
            partition by newest.ad_id, newest.spent_on
            order by newest.source_system desc
        ) as is_outranked,
        newest.spent_on < date '1971-01-01'
        or coalesce(newest.spent_on > (select clocks.last_plausible_at from clocks), false)
            as has_clock_anomaly
    from newest
)

select * from final
