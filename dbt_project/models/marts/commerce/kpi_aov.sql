with

orders as (
    select
        ordered_on,
        net_amount,
        attributed_touch_type is not null as is_attributed,
        is_new_customer
    from {{ ref('fct_orders') }}
    where is_valid and not has_clock_anomaly
),

periods as (
    select
        period_grain,
        period_start_on,
        period_end_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'activity'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'activity'
),

-- Who bought nothing known of is neither new nor repeat.
order_days as (
    select
        ordered_on as day_on,
        count(*) as orders_valid,
        count(net_amount) as orders_with_amount,
        sum(net_amount) as net_revenue_amount,
        count(*) filter (where is_attributed) as orders_attributed,
        count(net_amount) filter (where is_attributed) as orders_attributed_with_amount,
        sum(net_amount) filter (where is_attributed) as attributed_revenue_amount,
        count(*) filter (where is_new_customer) as orders_new_customer,
        count(net_amount) filter (where is_new_customer) as orders_new_customer_with_amount,
        sum(net_amount) filter (where is_new_customer) as new_customer_net_revenue_amount,
        count(*) filter (where not is_new_customer) as orders_repeat_customer,
        count(net_amount) filter (where not is_new_customer)
            as orders_repeat_customer_with_amount,
        sum(net_amount) filter (where not is_new_customer)
            as repeat_customer_net_revenue_amount
    from orders
    group by ordered_on
),

-- What comes after now begins nothing yet.
first_order as (
    select min(order_days.day_on) as first_ordered_on
    from order_days
    semi join period_days on order_days.day_on = period_days.day_on
),

totals as (
    select
        period_days.period_grain,
        period_days.period_start_on,
        coalesce(sum(order_days.orders_valid), 0) as orders_valid,
        coalesce(sum(order_days.orders_with_amount), 0) as orders_with_amount,
        {{ known_amount(
            'order_days.net_revenue_amount',
            'order_days.orders_valid - order_days.orders_with_amount'
        ) }} as net_revenue_amount,
        coalesce(sum(order_days.orders_attributed), 0) as orders_attributed,
        coalesce(sum(order_days.orders_attributed_with_amount), 0)
            as orders_attributed_with_amount,
        {{ known_amount(
            'order_days.attributed_revenue_amount',
            'order_days.orders_attributed - order_days.orders_attributed_with_amount'
        ) }} as attributed_revenue_amount,
        coalesce(sum(order_days.orders_new_customer), 0) as orders_new_customer,
        coalesce(sum(order_days.orders_new_customer_with_amount), 0)
            as orders_new_customer_with_amount,
        {{ known_amount(
            'order_days.new_customer_net_revenue_amount',
            'order_days.orders_new_customer - order_days.orders_new_customer_with_amount'
        ) }} as new_customer_net_revenue_amount,
        coalesce(sum(order_days.orders_repeat_customer), 0) as orders_repeat_customer,
        coalesce(sum(order_days.orders_repeat_customer_with_amount), 0)
            as orders_repeat_customer_with_amount,
        {{ known_amount(
            'order_days.repeat_customer_net_revenue_amount',
            'order_days.orders_repeat_customer - order_days.orders_repeat_customer_with_amount'
        ) }} as repeat_customer_net_revenue_amount
    from period_days
    left join order_days on period_days.day_on = order_days.day_on
    group by period_days.period_grain, period_days.period_start_on
),

final as (
    select
        periods.period_grain,
        periods.period_start_on,
        cast(totals.orders_valid as bigint) as orders_valid,
        cast(totals.orders_with_amount as bigint) as orders_with_amount,
        totals.net_revenue_amount,
        {{ safe_divide('totals.net_revenue_amount', 'totals.orders_with_amount') }}
            as average_order_value_amount,
        cast(totals.orders_attributed as bigint) as orders_attributed,
        cast(totals.orders_attributed_with_amount as bigint) as orders_attributed_with_amount,
        totals.attributed_revenue_amount,
        {{ safe_divide(
            'totals.attributed_revenue_amount', 'totals.orders_attributed_with_amount'
        ) }} as attributed_average_order_value_amount,
        cast(totals.orders_new_customer as bigint) as orders_new_customer,
        cast(totals.orders_new_customer_with_amount as bigint)
            as orders_new_customer_with_amount,
        totals.new_customer_net_revenue_amount,
        {{ safe_divide(
            'totals.new_customer_net_revenue_amount', 'totals.orders_new_customer_with_amount'
        ) }} as new_customer_average_order_value_amount,
        cast(totals.orders_repeat_customer as bigint) as orders_repeat_customer,
        cast(totals.orders_repeat_customer_with_amount as bigint)
            as orders_repeat_customer_with_amount,
        totals.repeat_customer_net_revenue_amount,
        {{ safe_divide(
            'totals.repeat_customer_net_revenue_amount',
            'totals.orders_repeat_customer_with_amount'
        ) }} as repeat_customer_average_order_value_amount,
        periods.is_complete,
        {{ has_matured(['rto_maturity_days']) }} as is_mature
    from periods
    inner join first_order on periods.period_end_on >= first_order.first_ordered_on
    inner join totals
        on
            periods.period_grain = totals.period_grain
            and periods.period_start_on = totals.period_start_on
)

select * from final
