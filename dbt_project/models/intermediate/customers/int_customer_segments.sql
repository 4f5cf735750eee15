-- The rule stands in macros/customers.sql. Whoever has no order before a date is in no row of it.
with

standings as (
    select
        contact_id,
        as_of_on,
        is_latest,
        days_since_order,
        purchases,
        net_revenue_amount
    from {{ ref('int_customer_standings') }}
),

-- What four fifths of the customers of a date have brought at most.
thresholds as (
    select
        as_of_on,
        is_latest,
        quantile_disc(net_revenue_amount, 0.8) as top_net_revenue_amount
    from standings
    group by as_of_on, is_latest
),

final as (
    select
        standings.contact_id,
        standings.as_of_on,
        standings.is_latest,
        {{ customer_segment(
            'standings.days_since_order',
            'standings.purchases',
            'standings.net_revenue_amount > thresholds.top_net_revenue_amount'
        ) }} as customer_segment
    from standings
    inner join thresholds
        on
            standings.as_of_on = thresholds.as_of_on
            and standings.is_latest = thresholds.is_latest
)

select * from final
