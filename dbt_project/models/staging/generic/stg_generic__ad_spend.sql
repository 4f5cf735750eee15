with

ad_spend as (
    select
        _load_id,
        _row_number,
        ad_id,
        ad_name,
        campaign_name,
        spent_on,
        spend_amount,
        currency_code,
        impressions,
        link_clicks,
        conversations_started
    from {{ source('raw', 'generic_ad_spend') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        load_precedence.precedence,
        ad_spend._row_number as row_number,
        ad_spend.ad_id,
        {{ published_utm('ad_spend.ad_name') }} as ad_name,
        {{ published_utm('ad_spend.campaign_name') }} as campaign_name,
        cast(ad_spend.spent_on as date) as spent_on,
        {{ parsed_amount('ad_spend.spend_amount') }} as spend_amount,
        {{ published_currency('ad_spend.currency_code') }} as currency_code,
        try_cast(ad_spend.impressions as bigint) as impressions,
        try_cast(ad_spend.link_clicks as bigint) as link_clicks,
        try_cast(ad_spend.conversations_started as bigint) as conversations_started
    from ad_spend
    inner join load_precedence on ad_spend._load_id = load_precedence.load_id
)

select * from final
