-- What each person with a valid order is expected to be worth in the next year: the purchases of
-- BG/NBD times what a purchase will bring.
with

customers as (
    select
        contact_id,
        first_order_on,
        repeat_purchases,
        repeat_purchases_valued,
        recency_days,
        age_days,
        monetary_value_amount,
        orders_amount_unknown,
        net_revenue_amount
    from {{ ref('int_customers') }}
),

scores as (
    select
        repeat_purchases,
        recency_days,
        age_days,
        probability_alive,
        expected_orders_12m,
        p,
        q,
        v
    from {{ ref('int_customer_clv') }}
),

-- What a purchase will bring: the customer's own mean, drawn towards everybody's the fewer repeat
-- purchases it rests on. Without any, everybody's mean, which is infinite for q up to 1.
spending as (
    select
        customers.contact_id,
        customers.first_order_on,
        customers.repeat_purchases,
        customers.recency_days,
        customers.age_days,
        customers.monetary_value_amount,
        customers.orders_amount_unknown,
        customers.net_revenue_amount,
        scores.probability_alive,
        scores.expected_orders_12m,
        scores.p
        * (
            scores.v
            + customers.repeat_purchases_valued
            * greatest(coalesce(customers.monetary_value_amount, 0), 0)
        ) as spent,
        greatest(scores.p * customers.repeat_purchases_valued + scores.q - 1, 0) as shape
    from customers
    inner join scores
        on
            customers.repeat_purchases = scores.repeat_purchases
            and customers.recency_days = scores.recency_days
            and customers.age_days = scores.age_days
),

expected as (
    select
        contact_id,
        first_order_on,
        repeat_purchases,
        recency_days,
        age_days,
        monetary_value_amount,
        orders_amount_unknown,
        net_revenue_amount,
        probability_alive,
        expected_orders_12m,
        {{ safe_divide('spent', 'shape') }} as expected_order_value_amount
    from spending
),

final as (
    select
        contact_id,
        first_order_on,
        repeat_purchases,
        recency_days,
        age_days,
        monetary_value_amount,
        net_revenue_amount,
        orders_amount_unknown,
        probability_alive,
        expected_orders_12m,
        expected_order_value_amount,
        expected_orders_12m * expected_order_value_amount as predicted_clv_12m_amount
    from expected
)

select * from final
