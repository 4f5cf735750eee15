with

customer_days as (
    select
        contact_id,
        ordered_on,
        orders,
        orders_valued,
        net_amount,
        ordered_on = min(ordered_on) over (partition by contact_id) as is_first_day
    from {{ ref('int_customer_days') }}
),

watermark as (
    select {{ reporting_date('watermark_at') }} as watermark_on
    from {{ ref('int_watermarks') }}
    where subject = 'orders'
),

-- A day without any known value (no exchange rate) is a purchase, but says nothing of its worth.
customers as (
    select
        contact_id,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on,
        sum(orders) as orders_valid,
        sum(orders - orders_valued) as orders_amount_unknown,
        count(*) - 1 as repeat_purchases,
        count(net_amount) filter (where not is_first_day) as repeat_purchases_valued,
        sum(net_amount) filter (where not is_first_day) as repeat_net_amount,
        sum(net_amount) as net_revenue_amount
    from customer_days
    group by contact_id
),

final as (
    select
        customers.contact_id,
        customers.first_order_on,
        customers.last_order_on,
        cast(customers.orders_valid as bigint) as orders_valid,
        cast(customers.orders_amount_unknown as bigint) as orders_amount_unknown,
        cast(customers.repeat_purchases as bigint) as repeat_purchases,
        cast(customers.repeat_purchases_valued as bigint) as repeat_purchases_valued,
        cast(date_diff('day', customers.first_order_on, customers.last_order_on) as bigint)
            as recency_days,
        cast(date_diff('day', customers.first_order_on, watermark.watermark_on) as bigint)
            as age_days,
        {{ safe_divide('customers.repeat_net_amount', 'customers.repeat_purchases_valued') }}
            as monetary_value_amount,
        cast(customers.net_revenue_amount as decimal(18, 4)) as net_revenue_amount
    from customers
    cross join watermark
)

select * from final
