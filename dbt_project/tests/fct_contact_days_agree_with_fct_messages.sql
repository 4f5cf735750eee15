-- The active days hold each message a known contact wrote, once; everybody has one first day.
with

from_fact as (
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

from_days as (
    select
        coalesce(sum(messages_received), 0) as messages_received,
        count(distinct contact_id) filter (where messages_received > 0) as contacts,
        count(*) filter (where is_first_active_day) as first_days,
        count(distinct contact_id) as all_contacts
    from {{ ref('fct_contact_days') }}
)

select
    from_fact.messages_received,
    from_fact.contacts,
    from_days.messages_received as messages_received_in_days,
    from_days.contacts as contacts_in_days
from from_fact
cross join from_days
where
    from_fact.messages_received <> from_days.messages_received
    or from_fact.contacts <> from_days.contacts
    or from_days.first_days <> from_days.all_contacts
