with

customers as (
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
        predicted_clv_12m_amount
    from {{ ref('int_customers__predicted') }}
),

final as (
    select
        contact_id,
        first_order_on,
        repeat_purchases,
        recency_days,
        age_days,
        monetary_value_amount,
        net_revenue_amount as historic_clv_amount,
        orders_amount_unknown,
        probability_alive,
        expected_orders_12m,
        expected_order_value_amount,
        predicted_clv_12m_amount
    from customers
)

select * from final
