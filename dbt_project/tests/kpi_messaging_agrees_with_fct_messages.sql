-- Each channel's days sum to its messages in the fact, clock anomalies left out; and the fact
-- prices no message that wasn't delivered.
with

from_fact as (
    select
        channel_id,
        count(*) filter (where direction = 'outbound') as messages_attempted,
        count(sent_at) filter (where direction = 'outbound') as messages_sent,
        count(delivered_at) filter (where direction = 'outbound') as messages_delivered,
        count(read_at) filter (where direction = 'outbound') as messages_read,
        count(failed_at) filter (where direction = 'outbound') as messages_failed,
        count(*) filter (
            where direction = 'inbound' and message_type <> 'system'
        ) as messages_received,
        coalesce(sum(cost_amount), 0) as cost_amount
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly
    group by channel_id
),

from_mart as (
    select
        channel_id,
        sum(messages_attempted) as messages_attempted,
        sum(messages_sent) as messages_sent,
        sum(messages_delivered) as messages_delivered,
        sum(messages_read) as messages_read,
        sum(messages_failed) as messages_failed,
        sum(messages_received) as messages_received,
        coalesce(sum(cost_amount), 0) as cost_amount
    from {{ ref('kpi_messaging') }}
    where period_grain = 'day'
    group by channel_id
)

select
    from_fact.*,
    from_mart.messages_attempted as messages_attempted_in_mart,
    from_mart.messages_sent as messages_sent_in_mart,
    from_mart.messages_delivered as messages_delivered_in_mart,
    from_mart.messages_read as messages_read_in_mart,
    from_mart.messages_failed as messages_failed_in_mart,
    from_mart.messages_received as messages_received_in_mart,
    from_mart.cost_amount as cost_amount_in_mart
from from_fact
full join from_mart
    on from_fact.channel_id = from_mart.channel_id
where
    from_fact.channel_id is null
    or from_mart.channel_id is null
    or from_fact.messages_attempted <> from_mart.messages_attempted
    or from_fact.messages_sent <> from_mart.messages_sent
    or from_fact.messages_delivered <> coalesce(from_mart.messages_delivered, 0)
    or from_fact.messages_read <> coalesce(from_mart.messages_read, 0)
    or from_fact.messages_failed <> from_mart.messages_failed
    or from_fact.messages_received <> from_mart.messages_received
    or from_fact.cost_amount <> from_mart.cost_amount
