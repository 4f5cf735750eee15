-- Both marts hold the same channels and periods, and no period has more contacts than messages.
with

engagement as (
    select
        period_grain,
        period_start_on,
        channel_id,
        contacts_messaged,
        contacts_active
    from {{ ref('kpi_engagement') }}
),

messaging as (
    select
        period_grain,
        period_start_on,
        channel_id,
        messages_attempted,
        messages_received
    from {{ ref('kpi_messaging') }}
)

select
    messaging.*,
    engagement.contacts_messaged,
    engagement.contacts_active
from messaging
full join engagement
    on
        messaging.period_grain = engagement.period_grain
        and messaging.period_start_on = engagement.period_start_on
        and messaging.channel_id = engagement.channel_id
where
    messaging.channel_id is null
    or engagement.channel_id is null
    or engagement.contacts_messaged > messaging.messages_attempted
    or engagement.contacts_active > messaging.messages_received
