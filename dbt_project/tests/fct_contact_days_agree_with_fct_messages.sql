-- The active days hold each message a known contact wrote and each human click, once, and one first
-- day per contact.
with

messages as (
    select
        count(*) as messages_received,
        count(distinct contact_id) as contacts
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'inbound'
        and message_type <> 'system'
        and contact_id not in ('none', 'unknown')
),

clicks as (
    select count(*) as clicks
    from {{ ref('fct_link_clicks') }}
    where is_human and not has_clock_anomaly and contact_id not in ('none', 'unknown')
),

from_days as (
    select
        coalesce(sum(messages_received), 0) as messages_received,
        coalesce(sum(clicks), 0) as clicks,
        count(distinct contact_id) filter (where messages_received > 0) as contacts,
        count(distinct contact_id) as active_contacts,
        count(*) filter (where is_first_active_day) as first_days
    from {{ ref('fct_contact_days') }}
)

select
    messages.messages_received,
    messages.contacts,
    clicks.clicks,
    from_days.messages_received as messages_received_in_days,
    from_days.contacts as contacts_in_days,
    from_days.clicks as clicks_in_days,
    from_days.active_contacts,
    from_days.first_days
from messages
cross join clicks
cross join from_days
where
    messages.messages_received <> from_days.messages_received
    or messages.contacts <> from_days.contacts
    or clicks.clicks <> from_days.clicks
    or from_days.active_contacts <> from_days.first_days
