-- A day's active contacts are at least those of its busiest channel; those who wrote, for a click
-- has no channel, are at most the sum of all. Where orders end earlier, so do the active contacts.
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
),

last_days as (
    select max(active_on) as last_active_on
    from active_contacts
),

writing_contacts as (
    select
        active_on,
        count(*) as contacts_writing
    from {{ ref('fct_contact_days') }}
    where messages_received > 0
    group by active_on
)

select
    channel_days.*,
    active_contacts.contacts_active_1d,
    writing_contacts.contacts_writing
from channel_days
left join active_contacts
    on channel_days.active_on = active_contacts.active_on
left join writing_contacts
    on channel_days.active_on = writing_contacts.active_on
where
    (
        coalesce(active_contacts.contacts_active_1d, 0)
        < channel_days.contacts_active_on_busiest_channel
        and channel_days.active_on
        <= (select last_days.last_active_on from last_days)
    )
    or coalesce(writing_contacts.contacts_writing, 0) not between
    channel_days.contacts_active_on_busiest_channel and channel_days.contacts_active_on_channels
