-- The spine of business seconds: with the seconds that were open before each interval, the open
-- time up to any instant is one lookup, and that between two instants the difference of two
-- (macros/business_hours.sql). It begins where times begin to be plausible: no stream has to say
-- which of its times is the first, and 55 years of a schedule cost a tenth of a second.
with

channel_schedules as (
    select distinct
        schedule_id,
        timezone
    from {{ ref('int_channel_schedules') }}
),

business_hours as (
    select
        schedule_id,
        iso_day_of_week,
        opens_second,
        closes_second
    from {{ ref('stg_reference__business_hours') }}
),

holidays as (
    select
        schedule_id,
        holiday_on
    from {{ ref('stg_reference__holidays') }}
),

-- Nothing plausible lies later than the watermarks; a local day may end a day after that of UTC.
bounds as (
    select
        date '1971-01-01' as begins_on,
        cast(max(watermark_at) as date) + 2 as ends_on
    from {{ ref('int_watermarks') }}
),

days as (
    select {{ each_date('begins_on - 2', 'ends_on') }} as local_on
    from bounds
),

-- A shift belongs to the local day on which it opens: a holiday takes its own shifts and leaves the
-- end of the night before.
local_shifts as (
    select
        channel_schedules.schedule_id,
        channel_schedules.timezone,
        cast(days.local_on as timestamp) + to_seconds(business_hours.opens_second)
            as local_opens_at,
        cast(days.local_on as timestamp) + to_seconds(business_hours.closes_second)
            as local_closes_at
    from days
    inner join business_hours on isodow(days.local_on) = business_hours.iso_day_of_week
    inner join channel_schedules on business_hours.schedule_id = channel_schedules.schedule_id
    left join holidays
        on
            business_hours.schedule_id = holidays.schedule_id
            and days.local_on = holidays.holiday_on
    where holidays.holiday_on is null
),

-- Column by column, for each change of zone is a lookup in a calendar.
shifts_by_clock as (
    select
        *,
        {{ instant_of_local_time('local_opens_at', 'timezone') }} as opens_at,
        {{ instant_of_local_time('local_closes_at', 'timezone') }} as closes_at
    from local_shifts
),

changes_of_clock as (
    select
        *,
        {{ set_back_by('local_opens_at', 'opens_at', 'timezone') }} as opening_set_back_by,
        {{ set_back_by('local_closes_at', 'closes_at', 'timezone') }} as closing_set_back_by
    from shifts_by_clock
),

shifts as (
    select
        schedule_id,
        timezone,
        {{ first_instant('local_opens_at', 'opens_at', 'opening_set_back_by', 'timezone') }}
            as opens_at,
        {{ first_instant('local_closes_at', 'closes_at', 'closing_set_back_by', 'timezone') }}
            as closes_at
    from changes_of_clock
),

-- A shift that begins in the hour which a change of clock leaves out may end before it begins.
shifts_ordered as (
    select
        *,
        max(closes_at) over (
            partition by schedule_id, timezone
            order by opens_at, closes_at
            rows between unbounded preceding and 1 preceding
        ) as closed_before_at
    from shifts
    where closes_at > opens_at
),

shifts_numbered as (
    select
        *,
        -- A sum over a CASE: a count with a filter takes ten times as long in a window.
        sum(case when opens_at <= closed_before_at then 0 else 1 end) over (
            partition by schedule_id, timezone
            order by opens_at, closes_at
            rows unbounded preceding
        ) as interval_number
    from shifts_ordered
),

-- Shifts that overlap or touch are one interval: no second is counted twice.
merged as (
    select
        schedule_id,
        timezone,
        min(opens_at) as opens_at,
        max(closes_at) as closes_at
    from shifts_numbered
    group by schedule_id, timezone, interval_number
),

intervals as (
    select
        schedule_id,
        timezone,
        opens_at,
        closes_at,
        sum(cast(epoch(closes_at - opens_at) as bigint)) over (
            partition by schedule_id, timezone
            order by opens_at
            rows between unbounded preceding and 1 preceding
        ) as seconds_open_before
    from merged
),

-- Before the first interval nothing was open; before this row, and from the last one on, nothing is
-- known, which is not the same as closed.
ends_of_spine as (
    select
        channel_schedules.schedule_id,
        channel_schedules.timezone,
        cast(bounds.begins_on - 4 as timestamp) as opens_at,
        cast(0 as bigint) as seconds_open_before
    from channel_schedules
    cross join bounds
    where bounds.ends_on is not null
    union all
    select
        channel_schedules.schedule_id,
        channel_schedules.timezone,
        cast(bounds.ends_on as timestamp) as opens_at,
        cast(null as bigint) as seconds_open_before
    from channel_schedules
    cross join bounds
    where bounds.ends_on is not null
),

final as (
    select
        intervals.schedule_id,
        intervals.timezone,
        intervals.opens_at,
        intervals.closes_at,
        cast(coalesce(intervals.seconds_open_before, 0) as bigint) as seconds_open_before
    from intervals
    cross join bounds
    where intervals.opens_at < bounds.ends_on
    union all
    select
        schedule_id,
        timezone,
        opens_at,
        opens_at as closes_at,
        seconds_open_before
    from ends_of_spine
)

select * from final
