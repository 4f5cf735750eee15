-- In each period the prices of a channel sum to its delivered messages and their cost.
with

from_costs as (
    select
        period_grain,
        period_start_on,
        channel_id,
        sum(messages_delivered) as messages_delivered,
        sum(messages_cost_unknown) as messages_cost_unknown,
        coalesce(sum(cost_amount), 0) as cost_amount
    from {{ ref('kpi_costs') }}
    group by period_grain, period_start_on, channel_id
),

messaging as (
    select
        period_grain,
        period_start_on,
        channel_id,
        messages_delivered,
        messages_cost_unknown,
        cost_amount
    from {{ ref('kpi_messaging') }}
)

select
    messaging.*,
    from_costs.messages_delivered as messages_delivered_in_costs,
    from_costs.messages_cost_unknown as messages_cost_unknown_in_costs,
    from_costs.cost_amount as cost_amount_in_costs
from messaging
full join from_costs
    on
        messaging.period_grain = from_costs.period_grain
        and messaging.period_start_on = from_costs.period_start_on
        and messaging.channel_id = from_costs.channel_id
where
    messaging.channel_id is null
    or coalesce(messaging.messages_delivered, 0) <> coalesce(from_costs.messages_delivered, 0)
    or messaging.messages_cost_unknown <> coalesce(from_costs.messages_cost_unknown, 0)
    or coalesce(messaging.cost_amount, 0) <> coalesce(from_costs.cost_amount, 0)
