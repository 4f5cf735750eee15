with

customer_days as (
    select
        contact_id,
        cast(date_trunc('month', ordered_on) as date) as month_on,
        orders - orders_valued as orders_amount_unknown,
        net_amount
    from {{ ref('int_customer_days') }}
),

customers as (
    select
        contact_id,
        cast(date_trunc('month', first_order_on) as date) as cohort_month_on
    from {{ ref('int_customers') }}
),

watermark as (
    select {{ reporting_date('watermark_at') }} as watermark_on
    from {{ ref('int_watermarks') }}
    where subject = 'orders'
),

cohorts as (
    select
        cohort_month_on,
        count(*) as customers
    from customers
    group by cohort_month_on
),

-- Every cohort has as many cells as the oldest one.
months as (
    select
        cohorts.cohort_month_on,
        cohorts.customers,
        watermark.watermark_on,
        min(cohorts.cohort_month_on) over () as first_month_on
    from cohorts
    cross join watermark
),

counted_months as (
    select
        cohort_month_on,
        customers,
        watermark_on,
        first_month_on,
        {{ each_month('first_month_on', 'watermark_on') }} as counted_month_on
    from months
),

numbered as (
    select
        cohort_month_on,
        {{ months_between('first_month_on', 'counted_month_on') }} as month_number,
        customers,
        watermark_on
    from counted_months
),

cells as (
    select
        cohort_month_on,
        month_number,
        cast(cohort_month_on + to_months(cast(month_number as integer)) as date) as month_on,
        customers,
        watermark_on
    from numbered
),

revenues as (
    select
        customers.cohort_month_on,
        customer_days.month_on,
        sum(customer_days.net_amount) as net_revenue_amount,
        sum(customer_days.orders_amount_unknown) as orders_amount_unknown
    from customer_days
    inner join customers on customer_days.contact_id = customers.contact_id
    group by customers.cohort_month_on, customer_days.month_on
),

cumulated as (
    select
        cells.cohort_month_on,
        cells.month_number,
        cells.month_on,
        cells.customers,
        {{ month_is_observed('cells.month_on', 'cells.watermark_on') }} as is_observed,
        coalesce(sum(revenues.net_revenue_amount) over cohort_months, 0)
            as cumulative_net_revenue_amount,
        coalesce(sum(revenues.orders_amount_unknown) over cohort_months, 0)
            as orders_amount_unknown
    from cells
    left join revenues
        on
            cells.cohort_month_on = revenues.cohort_month_on
            and cells.month_on = revenues.month_on
    window cohort_months as (
        partition by cells.cohort_month_on
        order by cells.month_number
        rows between unbounded preceding and current row
    )
),

final as (
    select
        cohort_month_on,
        month_number,
        month_on,
        cast(customers as bigint) as customers,
        cast(case when is_observed then cumulative_net_revenue_amount end as decimal(18, 4))
            as cumulative_net_revenue_amount,
        cast(case when is_observed then orders_amount_unknown end as bigint)
            as orders_amount_unknown,
        case
            when is_observed then {{ safe_divide('cumulative_net_revenue_amount', 'customers') }}
        end as clv_amount
    from cumulated
)

select * from final
