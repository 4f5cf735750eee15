with

clicks as (
    select
        clicked_on,
        clicked_at,
        utm_source,
        utm_medium,
        utm_campaign
    from {{ ref('fct_link_clicks') }}
    where is_human and not has_clock_anomaly
),

sessions as (
    select
        session_on,
        utm_source,
        utm_medium,
        utm_campaign,
        sessions
    from {{ ref('int_utm_sessions') }}
),

orders as (
    select
        ordered_on,
        coalesce(utm_source, 'none') as utm_source,
        coalesce(utm_medium, 'none') as utm_medium,
        coalesce(utm_campaign, 'none') as utm_campaign,
        is_valid,
        net_amount
    from {{ ref('fct_orders') }}
    where not has_clock_anomaly
),

orders_watermark as (
    select max(watermark_at) as watermark_at
    from {{ ref('int_watermarks') }}
    where subject = 'orders'
),

click_days as (
    select
        clicked_on as day_on,
        utm_source,
        utm_medium,
        utm_campaign,
        count(*) as clicks_human
    from clicks
    group by
        clicked_on,
        utm_source,
        utm_medium,
        utm_campaign
),

order_days as (
    select
        ordered_on as day_on,
        utm_source,
        utm_medium,
        utm_campaign,
        count(*) as orders_valid,
        count(*) filter (where net_amount is null) as orders_amount_unknown,
        sum(net_amount) as net_revenue_amount
    from orders
    where is_valid
    group by
        ordered_on,
        utm_source,
        utm_medium,
        utm_campaign
),

days as (
    select
        day_on,
        utm_source,
        utm_medium,
        utm_campaign,
        clicks_human,
        0 as sessions,
        0 as orders_valid,
        0 as orders_amount_unknown,
        cast(null as decimal(18, 4)) as net_revenue_amount
    from click_days
    union all
    select
        session_on as day_on,
        utm_source,
        utm_medium,
        utm_campaign,
        0 as clicks_human,
        sessions,
        0 as orders_valid,
        0 as orders_amount_unknown,
        cast(null as decimal(18, 4)) as net_revenue_amount
    from sessions
    union all
    select
        day_on,
        utm_source,
        utm_medium,
        utm_campaign,
        0 as clicks_human,
        0 as sessions,
        orders_valid,
        orders_amount_unknown,
        net_revenue_amount
    from order_days
),

-- Orders say what "now" is. Clicks and sessions hold nothing back: their latest event tells it only
-- where there are no orders; a day of sessions is over once something later is known.
latest as (
    select
        coalesce(
            (select orders_watermark.watermark_at from orders_watermark),
            greatest(
                (select max(clicks.clicked_at) from clicks),
                {{ reporting_day_start('(select max(sessions.session_on) from sessions)') }}
            )
        ) as watermark_at,
        (select count(*) from sessions) > 0 as has_sessions,
        (select count(*) from orders) > 0 as has_orders
),

calendar_days as (
    select {{ each_date('min(days.day_on)', reporting_date('min(latest.watermark_at)')) }} as day_on
    from days
    cross join latest
),

period_days as (
    select
        'day' as period_grain,
        day_on,
        day_on as period_start_on,
        day_on as period_end_on
    from calendar_days
    union all
    select
        'week' as period_grain,
        day_on,
        cast(date_trunc('week', day_on) as date) as period_start_on,
        cast(date_trunc('week', day_on) + interval 6 day as date) as period_end_on
    from calendar_days
    union all
    select
        'month' as period_grain,
        day_on,
        cast(date_trunc('month', day_on) as date) as period_start_on,
        last_day(day_on) as period_end_on
    from calendar_days
),

periods as (
    select distinct
        period_grain,
        period_start_on,
        period_end_on,
        {{ reporting_day_start('period_end_on + interval 1 day') }} as ends_at
    from period_days
),

keys as (
    select
        utm_source,
        utm_medium,
        utm_campaign,
        min(day_on) as first_event_on
    from days
    -- What comes after now begins nothing yet.
    where day_on <= (select max(calendar_days.day_on) from calendar_days)
    group by
        utm_source,
        utm_medium,
        utm_campaign
),

period_totals as (
    select
        period_days.period_grain,
        period_days.period_start_on,
        days.utm_source,
        days.utm_medium,
        days.utm_campaign,
        sum(days.clicks_human) as clicks_human,
        sum(days.sessions) as sessions,
        sum(days.orders_valid) as orders_valid,
        {{ known_amount('days.net_revenue_amount', 'days.orders_amount_unknown') }}
            as net_revenue_amount
    from days
    inner join period_days on days.day_on = period_days.day_on
    group by
        period_days.period_grain,
        period_days.period_start_on,
        days.utm_source,
        days.utm_medium,
        days.utm_campaign
),

final as (
    select
        periods.period_grain,
        periods.period_start_on,
        keys.utm_source,
        keys.utm_medium,
        keys.utm_campaign,
        cast(coalesce(period_totals.clicks_human, 0) as bigint) as clicks_human,
        cast(case when latest.has_sessions then coalesce(period_totals.sessions, 0) end as bigint)
            as sessions,
        cast(
            case when latest.has_orders then coalesce(period_totals.orders_valid, 0) end as bigint
        ) as orders_valid,
        cast(
            case
                when not latest.has_orders then null
                when coalesce(period_totals.orders_valid, 0) = 0 then 0
                else period_totals.net_revenue_amount
            end as decimal(18, 4)
        ) as net_revenue_amount,
        latest.watermark_at >= periods.ends_at as is_complete,
        -- A click and a session count on their own day at once; an order may still come back.
        case
            when latest.has_orders then {{ has_matured(['rto_maturity_days']) }}
            else latest.watermark_at >= periods.ends_at
        end as is_mature
    from keys
    inner join periods on keys.first_event_on <= periods.period_end_on
    cross join latest
    left join period_totals
        on
            periods.period_grain = period_totals.period_grain
            and periods.period_start_on = period_totals.period_start_on
            and keys.utm_source = period_totals.utm_source
            and keys.utm_medium = period_totals.utm_medium
            and keys.utm_campaign = period_totals.utm_campaign
)

select * from final
