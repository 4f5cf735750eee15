-- In each period the error codes of a channel sum to its failed messages.
with

from_failures as (
    select
        period_grain,
        period_start_on,
        channel_id,
        sum(messages_failed) as messages_failed,
        max(messages_failed_on_channel) as messages_failed_on_channel
    from {{ ref('kpi_failures') }}
    group by period_grain, period_start_on, channel_id
),

messaging as (
    select
        period_grain,
        period_start_on,
        channel_id,
        messages_failed
    from {{ ref('kpi_messaging') }}
)

select
    messaging.*,
    from_failures.messages_failed as messages_failed_in_failures
from messaging
full join from_failures
    on
        messaging.period_grain = from_failures.period_grain
        and messaging.period_start_on = from_failures.period_start_on
        and messaging.channel_id = from_failures.channel_id
where
    messaging.channel_id is null
    or messaging.messages_failed <> coalesce(from_failures.messages_failed, 0)
    or messaging.messages_failed <> coalesce(from_failures.messages_failed_on_channel, 0)
