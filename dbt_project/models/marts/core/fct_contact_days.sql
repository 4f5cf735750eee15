with

inbound_channel_days as (
    select
        contact_id,
        day_on,
        messages
    from {{ ref('int_contact_channel_days') }}
    where direction = 'inbound'
),

clicks as (
    select
        contact_id,
        {{ reporting_date('clicked_at') }} as day_on
    from {{ ref('int_link_clicks') }}
    where is_human and not has_clock_anomaly and contact_id <> 'unknown'
),

orders as (
    select
        contact_id,
        ordered_on as day_on
    from {{ ref('int_orders') }}
    where is_valid and not has_clock_anomaly and not is_internal and contact_id is not null
),

activities as (
    select
        contact_id,
        day_on,
        messages as messages_received,
        0 as clicks,
        0 as orders
    from inbound_channel_days
    union all
    select
        contact_id,
        day_on,
        0 as messages_received,
        1 as clicks,
        0 as orders
    from clicks
    union all
    select
        contact_id,
        day_on,
        0 as messages_received,
        0 as clicks,
        1 as orders
    from orders
),

active_days as (
    select
        contact_id,
        day_on as active_on,
        sum(messages_received) as messages_received,
        sum(clicks) as clicks,
        sum(orders) as orders
    from activities
    group by contact_id, day_on
),

neighbouring_days as (
    select
        contact_id,
        active_on,
        messages_received,
        clicks,
        orders,
        lag(active_on) over contact_dates as previous_active_on,
        lead(active_on) over contact_dates as next_active_on
    from active_days
    window contact_dates as (partition by contact_id order by active_on)
),

final as (
    select
        contact_id,
        active_on,
        cast(messages_received as bigint) as messages_received,
        cast(clicks as bigint) as clicks,
        cast(orders as bigint) as orders,
        previous_active_on is null as is_first_active_day,
        previous_active_on,
        next_active_on
    from neighbouring_days
)

select * from final
