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

click_days as (
    select
        clicked_on as day_on,
        utm_source,
        utm_medium,
        utm_campaign,
        count(*) as clicks_human,
        0 as sessions
    from clicks
    group by
        clicked_on,
        utm_source,
        utm_medium,
        utm_campaign
),

days as (
    select * from click_days
    union all
    select
        session_on as day_on,
        utm_source,
        utm_medium,
        utm_campaign,
        0 as clicks_human,
        sessions
    from sessions
),

-- Until orders are loaded "now" is the latest event of these streams; a day of sessions is over
-- once something later is known.
latest as (
    select
        greatest(
            (select max(clicks.clicked_at) from clicks),
            {{ reporting_day_start('(select max(sessions.session_on) from sessions)') }}
        ) as watermark_at,
        (select count(*) from sessions) > 0 as has_sessions
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
        period_end_on
    from period_days
),

keys as (
    select
        utm_source,
        utm_medium,
        utm_campaign,
        min(day_on) as first_event_on
    from days
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
        sum(days.sessions) as sessions
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
        -- No stream of orders is loaded yet: not known, so not 0.
        cast(null as bigint) as orders_valid,
        cast(null as decimal(18, 4)) as net_revenue_amount,
        latest.watermark_at >= {{ reporting_day_start('periods.period_end_on + interval 1 day') }}
            as is_complete,
        -- Nothing of it comes later: a click and a session count on their own day.
        latest.watermark_at >= {{ reporting_day_start('periods.period_end_on + interval 1 day') }}
            as is_mature
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
