-- The active days hold each human click of a known contact, once.
with

from_fact as (
    select count(*) as clicks
    from {{ ref('fct_link_clicks') }}
    where is_human and not has_clock_anomaly and contact_id <> 'unknown'
),

from_days as (
    select coalesce(sum(clicks), 0) as clicks
    from {{ ref('fct_contact_days') }}
)

select
    from_fact.clicks,
    from_days.clicks as clicks_in_days
from from_fact
cross join from_days
where from_fact.clicks <> from_days.clicks
