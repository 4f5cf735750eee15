{#- A window that ends on each day would hold a customer once for each of its days. So a customer
    is counted by the days on which they enter and leave it: cost follows the orders. -#}
{%- set window_days = var('repeat_window_days') | int -%}
{%- set days_before = window_days - 1 -%}
with

-- By number: two orders of one day are two.
orders as (
    select
        contact_id,
        ordered_on,
        lead(ordered_on) over contact_orders as next_ordered_on,
        lead(ordered_on, 2) over contact_orders as second_next_ordered_on,
        row_number() over contact_orders as order_number
    from {{ ref('int_orders') }}
    where
        is_valid
        and not has_clock_anomaly
        and not is_internal
        and contact_id is not null
    window contact_orders as (partition by contact_id order by ordered_at, order_id)
),

days as (
    select day_on
    from {{ ref('int_period_days') }}
    where subject = 'orders' and period_grain = 'day'
),

-- An order keeps its customer in the window until the next one does.
changes as (
    select
        ordered_on as day_on,
        1 as orders,
        1 as customers,
        0 as repeat_customers,
        if(order_number = 1, 1, 0) as customers_all_time,
        if(order_number = 2, 1, 0) as repeat_customers_all_time
    from orders
    union all
    select
        ordered_on + {{ window_days }} as day_on,
        -1 as orders,
        0 as customers,
        0 as repeat_customers,
        0 as customers_all_time,
        0 as repeat_customers_all_time
    from orders
    union all
    select
        least(ordered_on + {{ window_days }}, coalesce(next_ordered_on, date '9999-12-31'))
            as day_on,
        0 as orders,
        -1 as customers,
        0 as repeat_customers,
        0 as customers_all_time,
        0 as repeat_customers_all_time
    from orders
    union all
    -- A pair of orders makes a repeat customer from the second until the first falls out.
    select
        next_ordered_on as day_on,
        0 as orders,
        0 as customers,
        1 as repeat_customers,
        0 as customers_all_time,
        0 as repeat_customers_all_time
    from orders
    where next_ordered_on < ordered_on + {{ window_days }}
    union all
    select
        least(
            ordered_on + {{ window_days }},
            coalesce(second_next_ordered_on, date '9999-12-31')
        ) as day_on,
        0 as orders,
        0 as customers,
        -1 as repeat_customers,
        0 as customers_all_time,
        0 as repeat_customers_all_time
    from orders
    where next_ordered_on < ordered_on + {{ window_days }}
),

daily_changes as (
    select
        day_on,
        sum(orders) as orders,
        sum(customers) as customers,
        sum(repeat_customers) as repeat_customers,
        sum(customers_all_time) as customers_all_time,
        sum(repeat_customers_all_time) as repeat_customers_all_time
    from changes
    group by day_on
),

standings as (
    select
        days.day_on,
        sum(coalesce(daily_changes.orders, 0)) over until_day as orders,
        sum(coalesce(daily_changes.customers, 0)) over until_day as customers,
        sum(coalesce(daily_changes.repeat_customers, 0)) over until_day as repeat_customers,
        sum(coalesce(daily_changes.customers_all_time, 0)) over until_day as customers_all_time,
        sum(coalesce(daily_changes.repeat_customers_all_time, 0)) over until_day
            as repeat_customers_all_time
    from days
    left join daily_changes on days.day_on = daily_changes.day_on
    window until_day as (
        order by days.day_on
        rows between unbounded preceding and current row
    )
),

-- A gap belongs to the day of its later order, however long ago the earlier one was.
gaps as (
    select
        next_ordered_on as day_on,
        date_diff('day', ordered_on, next_ordered_on) as days_between
    from orders
    where next_ordered_on is not null
    union all
    select
        day_on,
        null as days_between
    from days
),

trailing_gaps as (
    select
        day_on,
        median(days_between) over (
            order by day_on
            range between interval '{{ days_before }} days' preceding and current row
        ) as median_days_between_orders
    from gaps
),

daily_gaps as (
    select
        day_on,
        max(median_days_between_orders) as median_days_between_orders
    from trailing_gaps
    group by day_on
),

final as (
    select
        standings.day_on,
        cast(standings.orders as bigint) as orders,
        cast(standings.customers as bigint) as customers,
        cast(standings.repeat_customers as bigint) as repeat_customers,
        cast(daily_gaps.median_days_between_orders as double) as median_days_between_orders,
        cast(standings.customers_all_time as bigint) as customers_all_time,
        cast(standings.repeat_customers_all_time as bigint) as repeat_customers_all_time
    from standings
    inner join daily_gaps on standings.day_on = daily_gaps.day_on
)

select * from final
