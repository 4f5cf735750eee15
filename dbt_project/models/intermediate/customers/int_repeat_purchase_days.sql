{#- A window that ends on each day would hold a customer once for each of its days. So a customer
    is counted by the days on which they enter and leave it: cost follows the orders. -#}
{%- set window_days = var('repeat_window_days') | int -%}
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

-- A gap belongs to the day of its later order, however long ago the earlier one was. A median over
-- a moving window would sort it anew each day; so gaps of one length enter and leave it together.
gaps as (
    select
        next_ordered_on as day_on,
        date_diff('day', ordered_on, next_ordered_on) as days_between,
        count(*) as orders
    from orders
    where next_ordered_on is not null
    group by all
),

gap_changes as (
    select
        day_on,
        days_between,
        orders
    from gaps
    union all
    select
        day_on + {{ window_days }} as day_on,
        days_between,
        -orders as orders
    from gaps
),

daily_gap_changes as (
    select
        day_on,
        days_between,
        sum(orders) as orders
    from gap_changes
    group by day_on, days_between
),

gap_standings as (
    select
        days_between,
        day_on as from_on,
        lead(day_on) over length_dates - 1 as until_on,
        sum(orders) over length_dates as orders
    from daily_gap_changes
    window length_dates as (
        partition by days_between
        order by day_on
        rows between unbounded preceding and current row
    )
),

trailing_gaps as (
    select
        {{ each_date('from_on', 'until_on') }} as day_on,
        days_between,
        orders
    from gap_standings
    where orders > 0
),

ranked_gaps as (
    select
        day_on,
        days_between,
        sum(orders) over (
            partition by day_on
            order by days_between
            rows between unbounded preceding and current row
        ) as orders_up_to,
        sum(orders) over (partition by day_on) as orders_of_day
    from trailing_gaps
),

-- The mean of the two in the middle, which are one where their number is odd.
daily_gaps as (
    select
        day_on,
        (
            min(days_between) filter (where 2 * orders_up_to >= orders_of_day)
            + min(days_between) filter (where 2 * orders_up_to > orders_of_day)
        ) * 0.5 as median_days_between_orders
    from ranked_gaps
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
    left join daily_gaps on standings.day_on = daily_gaps.day_on
)

select * from final
