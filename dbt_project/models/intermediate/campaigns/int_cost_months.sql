-- What the costs of a type come to in each month, by the calendar days of their span that fall in
-- it (SEMANTICS 20), those of campaigns apart. Part sums are rounded, never the parts: the months
-- of a cost add up to it.
with

costs as (
    select
        cost_id,
        cost_type,
        campaign_id is not null as is_of_campaign,
        starts_on,
        ends_on,
        amount,
        currency_code
    from {{ ref('stg_generic__costs') }}
    where amount is not null and starts_on <= ends_on
),

fx_rates as (
    select
        currency_code,
        valid_from_on,
        valid_before_on,
        rate
    from {{ ref('int_fx_rates__to_reporting') }}
),

converted as (
    select
        costs.cost_id,
        costs.cost_type,
        costs.is_of_campaign,
        costs.starts_on,
        costs.ends_on,
        costs.ends_on - costs.starts_on + 1 as span_days,
        cast(costs.amount * fx_rates.rate as decimal(18, 4)) as amount
    from costs
    left join fx_rates
        on
            costs.currency_code = fx_rates.currency_code
            and costs.starts_on >= fx_rates.valid_from_on
            and (fx_rates.valid_before_on is null or costs.starts_on < fx_rates.valid_before_on)
),

cost_months as (
    select
        *,
        cast(
            unnest(
                generate_series(
                    date_trunc('month', starts_on),
                    date_trunc('month', ends_on),
                    interval 1 month
                )
            ) as date
        ) as month_on
    from converted
),

parts as (
    select
        cost_type,
        is_of_campaign,
        month_on,
        amount,
        {{ share_until(
            'amount',
            'least(ends_on, last_day(month_on)) - starts_on + 1',
            'span_days'
        ) }} - {{ share_until(
            'amount',
            'greatest(starts_on, month_on) - starts_on',
            'span_days'
        ) }} as part_amount
    from cost_months
),

final as (
    select
        cost_type,
        is_of_campaign,
        month_on,
        -- A cost in a currency without a rate makes the month unknown, not cheaper.
        cast(
            case when count(*) = count(amount) then sum(part_amount) end as decimal(18, 4)
        ) as cost_amount
    from parts
    group by cost_type, is_of_campaign, month_on
)

select * from final
