with

repeat_purchase_days as (
    select
        day_on,
        orders,
        customers,
        repeat_customers,
        median_days_between_orders,
        customers_all_time,
        repeat_customers_all_time
    from {{ ref('int_repeat_purchase_days') }}
),

period_days as (
    select
        period_grain,
        period_start_on,
        day_on
    from {{ ref('int_period_days') }}
    where subject = 'orders'
),

periods as (
    select
        period_grain,
        period_start_on,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'orders'
),

-- A trailing window enters a week or month with its last day, the running one with the latest.
last_days as (
    select
        period_grain,
        period_start_on,
        max(day_on) as day_on
    from period_days
    group by period_grain, period_start_on
),

final as (
    select
        periods.period_grain,
        periods.period_start_on,
        repeat_purchase_days.orders,
        repeat_purchase_days.customers,
        repeat_purchase_days.repeat_customers,
        {{ safe_divide('repeat_purchase_days.repeat_customers', 'repeat_purchase_days.customers') }}
            as repeat_purchase_rate,
        {{ safe_divide('repeat_purchase_days.orders', 'repeat_purchase_days.customers') }}
            as orders_per_customer,
        repeat_purchase_days.median_days_between_orders,
        repeat_purchase_days.customers_all_time,
        repeat_purchase_days.repeat_customers_all_time,
        {{ safe_divide(
            'repeat_purchase_days.repeat_customers_all_time',
            'repeat_purchase_days.customers_all_time'
        ) }} as repeat_purchase_rate_all_time,
        periods.is_complete,
        periods.is_complete as is_mature
    from periods
    inner join last_days
        on
            periods.period_grain = last_days.period_grain
            and periods.period_start_on = last_days.period_start_on
    inner join repeat_purchase_days on last_days.day_on = repeat_purchase_days.day_on
)

select * from final
