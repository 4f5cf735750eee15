-- Over all days a channel's new contacts are the distinct contacts that ever wrote to it.
with

from_fact as (
    select
        channel_id,
        count(distinct contact_id) as contacts_new
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'inbound'
        and message_type <> 'system'
        and contact_id not in ('none', 'unknown')
    group by channel_id
),

from_mart as (
    select
        channel_id,
        sum(contacts_new) as contacts_new
    from {{ ref('kpi_engagement') }}
    where period_grain = 'day'
    group by channel_id
)

select
    from_mart.channel_id,
    from_mart.contacts_new,
    from_fact.contacts_new as contacts_new_in_fact
from from_mart
left join from_fact
    on from_mart.channel_id = from_fact.channel_id
where from_mart.contacts_new <> coalesce(from_fact.contacts_new, 0)
