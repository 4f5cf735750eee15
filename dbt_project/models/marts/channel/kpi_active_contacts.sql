with

contact_days as (
    select
        active_on,
        previous_active_on,
        next_active_on
    from {{ ref('fct_contact_days') }}
),

calendar_days as (
    select
        period_start_on as active_on,
        is_complete
    from {{ ref('int_periods') }}
    where
        subject = 'activity'
        and period_grain = 'day'
),

-- An active day keeps its contact in a trailing window for 7 (28) days. The contact enters with
-- a day that follows no other within the window and lapses after a day that none follows: two
-- changes instead of 7 (28) rows for each active day.
entries as (
    select
        active_on,
        count(*) as contacts_active_1d,
        count(*) filter (
            where previous_active_on is null or active_on - previous_active_on >= 7
        ) as contacts_entered_7d,
        count(*) filter (
            where previous_active_on is null or active_on - previous_active_on >= 28
        ) as contacts_entered_28d
    from contact_days
    group by active_on
),

lapses_7d as (
    select
        active_on + 7 as lapsed_on,
        count(*) as contacts_lapsed
    from contact_days
    where next_active_on is null or next_active_on - active_on >= 7
    group by active_on
),

lapses_28d as (
    select
        active_on + 28 as lapsed_on,
        count(*) as contacts_lapsed
    from contact_days
    where next_active_on is null or next_active_on - active_on >= 28
    group by active_on
),

first_activity as (
    select min(active_on) as first_active_on
    from entries
),

changes as (
    select
        calendar_days.active_on,
        coalesce(entries.contacts_active_1d, 0) as contacts_active_1d,
        coalesce(entries.contacts_entered_7d, 0) - coalesce(lapses_7d.contacts_lapsed, 0)
            as contacts_change_7d,
        coalesce(entries.contacts_entered_28d, 0) - coalesce(lapses_28d.contacts_lapsed, 0)
            as contacts_change_28d,
        calendar_days.is_complete
    from calendar_days
    inner join first_activity
        on calendar_days.active_on >= first_activity.first_active_on
    left join entries
        on calendar_days.active_on = entries.active_on
    left join lapses_7d
        on calendar_days.active_on = lapses_7d.lapsed_on
    left join lapses_28d
        on calendar_days.active_on = lapses_28d.lapsed_on
),

counted as (
    select
        active_on,
        contacts_active_1d,
        sum(contacts_change_7d) over days_until as contacts_active_7d,
        sum(contacts_change_28d) over days_until as contacts_active_28d,
        is_complete
    from changes
    window days_until as (
        order by active_on rows between unbounded preceding and current row
    )
),

final as (
    select
        active_on,
        cast(contacts_active_1d as bigint) as contacts_active_1d,
        cast(contacts_active_7d as bigint) as contacts_active_7d,
        cast(contacts_active_28d as bigint) as contacts_active_28d,
        {{ safe_divide('contacts_active_1d', 'contacts_active_28d') }} as stickiness_rate,
        is_complete
    from counted
)

select * from final
