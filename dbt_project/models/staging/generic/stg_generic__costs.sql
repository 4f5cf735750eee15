with

costs as (
    select
        _load_id,
        _row_number,
        cost_id,
        cost_type,
        starts_on,
        ends_on,
        amount,
        currency_code,
        campaign_id,
        channel_id
    from {{ source('raw', 'generic_costs') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        costs.cost_id,
        case
            when
                lower(costs.cost_type) in ('software', 'labour', 'incentive')
                then lower(costs.cost_type)
            else 'other'
        end as cost_type,
        try_cast(costs.starts_on as date) as starts_on,
        try_cast(costs.ends_on as date) as ends_on,
        {{ parsed_amount('costs.amount') }} as amount,
        upper(costs.currency_code) as currency_code,
        costs.campaign_id,
        costs.channel_id as native_channel_id
    from costs
    inner join load_precedence on costs._load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by costs.cost_id
            order by load_precedence.precedence desc, costs._row_number desc
        ) = 1
)

select * from final
