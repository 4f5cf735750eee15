-- What is charged for campaigns beside their messages, by arm and cohort: their part of the month's
-- software costs, by delivered marketing messages, and their own fees and incentives, by delivered
-- messages (by people where none was delivered). Parts are differences of rounded part sums: they
-- add up to what was charged, for arms and cohorts alike.
with

campaigns as (
    select
        campaign_id,
        software_fee_amount,
        incentive_amount
    from {{ ref('int_campaigns') }}
),

entries as (
    select
        campaign_id,
        contact_id,
        message_group,
        variant,
        entered_on
    from {{ ref('int_campaign_entries') }}
),

messages as (
    select
        campaign_id,
        contact_id,
        message_group,
        cast(date_trunc('month', message_on) as date) as month_on,
        category = 'marketing' as is_marketing
    from {{ ref('int_campaign_messages') }}
    where delivered_at is not null
),

software_cost_months as (
    select
        month_on,
        cost_amount as software_cost_amount
    from {{ ref('int_cost_months') }}
    where cost_type = 'software' and not is_of_campaign
),

-- Marketing messages without a campaign carry their part too; it is no campaign's.
marketing_months as (
    select
        cast(date_trunc('month', message_on) as date) as month_on,
        count(*) as messages_delivered
    from {{ ref('fct_messages') }}
    where
        direction = 'outbound'
        and category = 'marketing'
        and delivered_at is not null
        and not has_clock_anomaly
    group by cast(date_trunc('month', message_on) as date)
),

recipients as (
    select
        campaign_id,
        variant,
        entered_on,
        count(*) as recipients
    from entries
    group by campaign_id, variant, entered_on
),

delivered as (
    select
        entries.campaign_id,
        entries.variant,
        entries.entered_on,
        messages.month_on,
        count(*) as messages_delivered,
        count(*) filter (where messages.is_marketing) as marketing_messages_delivered
    from messages
    inner join entries
        on
            messages.campaign_id = entries.campaign_id
            and messages.contact_id = entries.contact_id
            and messages.message_group = entries.message_group
    group by entries.campaign_id, entries.variant, entries.entered_on, messages.month_on
),

month_lines as (
    select
        delivered.campaign_id,
        delivered.variant,
        delivered.entered_on,
        delivered.month_on,
        delivered.marketing_messages_delivered as messages,
        sum(delivered.marketing_messages_delivered) over (
            partition by delivered.month_on
            order by delivered.campaign_id, delivered.variant, delivered.entered_on
        ) as messages_until
    from delivered
    where delivered.marketing_messages_delivered > 0
),

month_parts as (
    select
        month_lines.campaign_id,
        month_lines.variant,
        month_lines.entered_on,
        software_cost_months.software_cost_amount,
        {{ share_until(
            'software_cost_months.software_cost_amount',
            'month_lines.messages_until',
            'marketing_months.messages_delivered'
        ) }} - {{ share_until(
            'software_cost_months.software_cost_amount',
            'month_lines.messages_until - month_lines.messages',
            'marketing_months.messages_delivered'
        ) }} as part_amount
    from month_lines
    inner join software_cost_months on month_lines.month_on = software_cost_months.month_on
    inner join marketing_months on month_lines.month_on = marketing_months.month_on
),

shared_costs as (
    select
        campaign_id,
        variant,
        entered_on,
        case when count(*) = count(software_cost_amount) then sum(part_amount) end as amount
    from month_parts
    group by campaign_id, variant, entered_on
),

delivered_in_all as (
    select
        campaign_id,
        variant,
        entered_on,
        sum(messages_delivered) as messages_delivered
    from delivered
    group by campaign_id, variant, entered_on
),

counted as (
    select
        recipients.campaign_id,
        recipients.variant,
        recipients.entered_on,
        recipients.recipients,
        coalesce(delivered_in_all.messages_delivered, 0) as messages_delivered
    from recipients
    left join delivered_in_all
        on
            recipients.campaign_id = delivered_in_all.campaign_id
            and recipients.variant = delivered_in_all.variant
            and recipients.entered_on = delivered_in_all.entered_on
),

weighted as (
    select
        campaign_id,
        variant,
        entered_on,
        case
            when sum(messages_delivered) over (partition by campaign_id) > 0
                then messages_delivered
            else recipients
        end as weight
    from counted
),

lines as (
    select
        campaign_id,
        variant,
        entered_on,
        weight,
        sum(weight) over (partition by campaign_id order by variant, entered_on) as weight_until,
        sum(weight) over (partition by campaign_id) as weight_total
    from weighted
),

own_costs as (
    select
        lines.campaign_id,
        lines.variant,
        lines.entered_on,
        {{ share_until(
            'campaigns.software_fee_amount', 'lines.weight_until', 'lines.weight_total'
        ) }} - {{ share_until(
            'campaigns.software_fee_amount',
            'lines.weight_until - lines.weight',
            'lines.weight_total'
        ) }} as software_fee_amount,
        {{ share_until(
            'campaigns.incentive_amount', 'lines.weight_until', 'lines.weight_total'
        ) }} - {{ share_until(
            'campaigns.incentive_amount',
            'lines.weight_until - lines.weight',
            'lines.weight_total'
        ) }} as incentive_amount
    from lines
    inner join campaigns on lines.campaign_id = campaigns.campaign_id
),

final as (
    select
        own_costs.campaign_id,
        own_costs.variant,
        own_costs.entered_on,
        cast(
            own_costs.software_fee_amount
            + case when shared_costs.campaign_id is null then 0 else shared_costs.amount end
            as decimal(18, 4)
        ) as software_cost_amount,
        cast(own_costs.incentive_amount as decimal(18, 4)) as incentive_cost_amount
    from own_costs
    left join shared_costs
        on
            own_costs.campaign_id = shared_costs.campaign_id
            and own_costs.variant = shared_costs.variant
            and own_costs.entered_on = shared_costs.entered_on
)

select * from final
