-- Each template's days sum to its messages in the fact, clock anomalies left out.
with

from_fact as (
    select
        template_name,
        template_language,
        count(*) as messages_attempted,
        count(sent_at) as messages_sent,
        count(delivered_at) as messages_delivered,
        count(read_at) as messages_read,
        count(failed_at) as messages_failed,
        coalesce(sum(cost_amount), 0) as cost_amount
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'outbound'
        and template_name <> 'none'
    group by template_name, template_language
),

from_mart as (
    select
        template_name,
        template_language,
        sum(messages_attempted) as messages_attempted,
        sum(messages_sent) as messages_sent,
        sum(messages_delivered) as messages_delivered,
        sum(messages_read) as messages_read,
        sum(messages_failed) as messages_failed,
        coalesce(sum(cost_amount), 0) as cost_amount
    from {{ ref('kpi_templates') }}
    where period_grain = 'day'
    group by template_name, template_language
)

select
    from_fact.*,
    from_mart.messages_attempted as messages_attempted_in_mart,
    from_mart.messages_sent as messages_sent_in_mart,
    from_mart.messages_delivered as messages_delivered_in_mart,
    from_mart.messages_read as messages_read_in_mart,
    from_mart.messages_failed as messages_failed_in_mart,
    from_mart.cost_amount as cost_amount_in_mart
from from_fact
full join from_mart
    on
        from_fact.template_name = from_mart.template_name
        and from_fact.template_language = from_mart.template_language
where
    from_fact.template_name is null
    or from_mart.template_name is null
    or from_fact.messages_attempted <> from_mart.messages_attempted
    or from_fact.messages_sent <> from_mart.messages_sent
    or from_fact.messages_delivered <> from_mart.messages_delivered
    or from_fact.messages_read <> from_mart.messages_read
    or from_fact.messages_failed <> from_mart.messages_failed
    or from_fact.cost_amount <> from_mart.cost_amount
