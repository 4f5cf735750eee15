-- A day's active contacts are at least those of its busiest channel and at most the sum of all.
with

channel_days as (
    select
        period_start_on as active_on,
        max(contacts_active) as contacts_active_on_busiest_channel,
        sum(contacts_active) as contacts_active_on_channels
    from {{ ref('kpi_engagement') }}
    where period_grain = 'day'
    group by period_start_on
),

active_contacts as (
    select
        active_on,
        contacts_active_1d
    from {{ ref('kpi_active_contacts') }}
)

select
    channel_days.*,
    active_contacts.contacts_active_1d
from channel_days
left join active_contacts
    on channel_days.active_on = active_contacts.active_on
where
    coalesce(active_contacts.contacts_active_1d, 0) not between
    channel_days.contacts_active_on_busiest_channel and channel_days.contacts_active_on_channels
