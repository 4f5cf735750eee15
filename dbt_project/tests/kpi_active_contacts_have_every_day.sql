-- Every day from the first activity to the watermark's date has its row.
with

days as (
    select
        count(*) as days_found,
        min(active_on) as first_active_on,
        max(active_on) as last_active_on
    from {{ ref('kpi_active_contacts') }}
),

calendar as (
    select max(period_start_on) as watermark_on
    from {{ ref('int_periods') }}
    where
        subject = 'activity'
        and period_grain = 'day'
)

select
    days.*,
    calendar.watermark_on
from days
cross join calendar
where
    days.days_found > 0
    and (
        days.last_active_on <> calendar.watermark_on
        or days.days_found <> days.last_active_on - days.first_active_on + 1
    )
