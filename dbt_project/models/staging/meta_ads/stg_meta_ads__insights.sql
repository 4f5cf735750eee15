with

insights as (
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
        conversations_started,
        from_json(actions, '[{"action_type": "VARCHAR", "value": "VARCHAR"}]') as actions
    from {{ source('raw', 'meta_ads_insights') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

-- Of the overlapping types only the one that counts conversations; under a breakdown of actions it
-- stands once for each of its parts.
counted as (
    select
        *,
        list_transform(
            list_filter(
                actions,
                lambda action: action['action_type']
                = 'onsite_conversion.messaging_conversation_started_7d'
            ),
            lambda action: try_cast(action['value'] as bigint)
        ) as conversation_counts
    from insights
),

final as (
    select
        load_precedence.precedence,
        counted._row_number as row_number,
        counted.ad_id,
        {{ published_utm('counted.ad_name') }} as ad_name,
        {{ published_utm('counted.campaign_name') }} as campaign_name,
        cast(counted.spent_on as date) as spent_on,
        -- The cell is empty where the ad was shown to nobody.
        case
            when counted.spend_amount is null then 0
            else {{ parsed_amount('counted.spend_amount') }}
        end as spend_amount,
        {{ published_currency('counted.currency_code') }} as currency_code,
        {{ count_told('counted.impressions') }} as impressions,
        {{ count_told('counted.link_clicks') }} as link_clicks,
        case
            when counted.conversations_started is not null
                then try_cast(counted.conversations_started as bigint)
            when len(counted.conversation_counts) > 0
                then cast(list_sum(counted.conversation_counts) as bigint)
            when
                count(coalesce(counted.conversations_started, cast(counted.actions as varchar)))
                    over (partition by counted._load_id)
                > 0
                then 0
        end as conversations_started
    from counted
    inner join load_precedence on counted._load_id = load_precedence.load_id
)

select * from final
