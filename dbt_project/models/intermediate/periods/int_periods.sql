with

period_days as (
    select
        subject,
        period_grain,
        period_start_on
    from {{ ref('int_period_days') }}
),

watermarks as (
    select
        subject,
        watermark_at
    from {{ ref('int_watermarks') }}
),

-- The calendar's end, not the last date seen: the running week ends on its Sunday.
period_ends as (
    select distinct
        subject,
        period_grain,
        period_start_on,
        case period_grain
            when 'day' then period_start_on
            when 'week' then cast(period_start_on + interval 6 day as date)
            when 'month' then last_day(period_start_on)
        end as period_end_on
    from period_days
),

period_instants as (
    select
        period_ends.subject,
        period_ends.period_grain,
        period_ends.period_start_on,
        period_ends.period_end_on,
        {{ reporting_day_start('period_ends.period_end_on + interval 1 day') }} as ends_at,
        watermarks.watermark_at
    from period_ends
    inner join watermarks
        on period_ends.subject = watermarks.subject
),

final as (
    select
        subject,
        period_grain,
        period_start_on,
        period_end_on,
        ends_at,
        watermark_at,
        watermark_at >= ends_at as is_complete
    from period_instants
)

select * from final
