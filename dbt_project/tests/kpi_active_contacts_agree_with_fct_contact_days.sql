-- On the last day, and on the last day of each quarter, the running totals of entered and lapsed
-- contacts are the distinct contacts of the 1, 7 and 28 days that end with it.
with

contact_days as (
    select
        contact_id,
        active_on
    from {{ ref('fct_contact_days') }}
),

counted as (
    select
        active_on,
        contacts_active_1d,
        contacts_active_7d,
        contacts_active_28d
    from {{ ref('kpi_active_contacts') }}
),

last_days as (
    select max(active_on) as last_active_on
    from counted
),

checked_days as (
    select counted.*
    from counted
    cross join last_days
    where
        counted.active_on = last_days.last_active_on
        or (
            counted.active_on = last_day(counted.active_on)
            and month(counted.active_on) in (3, 6, 9, 12)
        )
),

recounted as (
    select
        checked_days.active_on,
        count(distinct contact_days.contact_id) filter (
            where contact_days.active_on = checked_days.active_on
        ) as contacts_active_1d,
        count(distinct contact_days.contact_id) filter (
            where contact_days.active_on > checked_days.active_on - 7
        ) as contacts_active_7d,
        count(distinct contact_days.contact_id) as contacts_active_28d
    from checked_days
    inner join contact_days
        on
            checked_days.active_on >= contact_days.active_on
            and checked_days.active_on - 28 < contact_days.active_on
    group by checked_days.active_on
)

select
    checked_days.*,
    recounted.contacts_active_7d as recounted_7d,
    recounted.contacts_active_28d as recounted_28d
from checked_days
left join recounted
    on checked_days.active_on = recounted.active_on
where
    checked_days.contacts_active_1d <> coalesce(recounted.contacts_active_1d, 0)
    or checked_days.contacts_active_7d <> coalesce(recounted.contacts_active_7d, 0)
    or checked_days.contacts_active_28d <> coalesce(recounted.contacts_active_28d, 0)
