{#- A view: a row for every customer and month is much to store, and one model reads it. -#}
{{ config(materialized='view') }}

with

customer_days as (
    select
        contact_id,
        ordered_on,
        net_amount
    from {{ ref('int_customer_days') }}
),

watermark as (
    select {{ reporting_date('watermark_at') }} as watermark_on
    from {{ ref('int_watermarks') }}
    where subject = 'orders'
),

-- What is known of a customer from the day after an order day until their next one.
standings as (
    select
        contact_id,
        ordered_on,
        lead(ordered_on) over contact_dates as next_ordered_on,
        row_number() over contact_dates as purchases,
        coalesce(sum(net_amount) over contact_dates, 0) as net_revenue_amount
    from customer_days
    window contact_dates as (
        partition by contact_id
        order by ordered_on
        rows between unbounded preceding and current row
    )
),

-- A first of a month counts the days before it: an order of that very day is not among them.
standing_at_months as (
    select
        standings.contact_id,
        {{ each_month(
            'standings.ordered_on + interval 1 month',
            'coalesce(standings.next_ordered_on, watermark.watermark_on)'
        ) }} as as_of_on,
        false as is_latest,
        standings.ordered_on,
        standings.purchases,
        standings.net_revenue_amount
    from standings
    cross join watermark
),

standing_at_dates as (
    select
        contact_id,
        as_of_on,
        is_latest,
        ordered_on,
        purchases,
        net_revenue_amount
    from standing_at_months
    union all
    select
        standings.contact_id,
        cast(watermark.watermark_on + interval 1 day as date) as as_of_on,
        true as is_latest,
        standings.ordered_on,
        standings.purchases,
        standings.net_revenue_amount
    from standings
    cross join watermark
    where standings.next_ordered_on is null
),

final as (
    select
        contact_id,
        as_of_on,
        is_latest,
        cast(date_diff('day', ordered_on, as_of_on) as bigint) as days_since_order,
        cast(purchases as bigint) as purchases,
        cast(net_revenue_amount as decimal(18, 4)) as net_revenue_amount
    from standing_at_dates
)

select * from final
