with

entries as (
    select
        campaign_id,
        contact_id,
        entry_number,
        message_group,
        variant,
        entered_at,
        entered_on,
        is_control,
        assigned_at,
        skipped_reason
    from {{ ref('int_campaign_entries') }}
),

messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        message_group,
        message_at,
        attempted_at,
        sent_at,
        delivered_at,
        read_at,
        replied_at,
        inferred_read_at,
        cost_amount,
        flow_step
    from {{ ref('int_campaign_messages') }}
),

campaigns as (
    select
        campaign_id,
        goal
    from {{ ref('int_campaigns') }}
),

clicks as (
    select
        message_id,
        clicked_at
    from {{ ref('int_campaign_clicks') }}
    where is_in_window
),

opt_outs as (
    select
        message_id,
        opted_out_at
    from {{ ref('int_campaign_opt_outs') }}
),

conversions as (
    select
        campaign_id,
        contact_id,
        entry_number,
        goal,
        converted_at,
        gross_amount,
        net_amount
    from {{ ref('int_campaign_conversions') }}
),

goal_events as (
    select
        goal,
        contact_id,
        occurred_at,
        qualified_at
    from {{ ref('int_campaign_goal_events') }}
),

orders as (
    select
        contact_id,
        ordered_at,
        net_amount
    from {{ ref('int_orders') }}
    where is_valid and not has_clock_anomaly and not is_internal
),

order_exports as (
    select count(*) > 0 as has_orders
    from {{ ref('int_orders') }}
),

inbound_exports as (
    select count(*) > 0 as has_forms
    from {{ ref('int_whatsapp_messages__folded') }}
    where direction = 'inbound'
),

contact_opt_outs as (
    select
        contact_id,
        occurred_at
    from {{ ref('int_consent_events') }}
    where event = 'opt_out' and is_state_change and not has_clock_anomaly
),

told_events as (
    select
        coalesce(bool_or(goal = 'lead'), false) as has_leads,
        coalesce(bool_or(goal like 'event:%'), false) as has_events
    from goal_events
),

-- A goal of which nothing was ever told isn't 0: its export is missing. An order that doesn't
-- count, and any message of a customer, show that there is one.
told_goals as (
    select
        told_events.has_leads,
        told_events.has_events,
        order_exports.has_orders,
        inbound_exports.has_forms
    from told_events
    cross join order_exports
    cross join inbound_exports
),

message_totals as (
    select
        campaign_id,
        contact_id,
        message_group,
        count(*) as messages_attempted,
        count(sent_at) as messages_sent,
        count(*) filter (where flow_step is null) as messages_without_step,
        min(coalesce(attempted_at, message_at)) as attempted_at,
        min(sent_at) as sent_at,
        max(sent_at) as last_sent_at,
        max(message_at) as last_message_at,
        min(delivered_at) as delivered_at,
        min(read_at) as read_at,
        min(replied_at) as replied_at,
        min(inferred_read_at) as inferred_read_at,
        sum(cost_amount) as known_cost_amount,
        count(*) filter (where cost_amount is null) as messages_cost_unknown
    from messages
    group by campaign_id, contact_id, message_group
),

-- Apart: few messages have a step, and counting distinct ones of all would cost the most of this.
step_totals as (
    select
        campaign_id,
        contact_id,
        message_group,
        count(distinct flow_step) as flow_steps
    from messages
    where flow_step is not null
    group by campaign_id, contact_id, message_group
),

click_totals as (
    select
        messages.campaign_id,
        messages.contact_id,
        messages.message_group,
        min(clicks.clicked_at) as clicked_at
    from clicks
    inner join messages on clicks.message_id = messages.message_id
    group by messages.campaign_id, messages.contact_id, messages.message_group
),

opt_out_totals as (
    select
        messages.campaign_id,
        messages.contact_id,
        messages.message_group,
        min(opt_outs.opted_out_at) as opted_out_at
    from opt_outs
    inner join messages on opt_outs.message_id = messages.message_id
    group by messages.campaign_id, messages.contact_id, messages.message_group
),

-- Revenue is that of any order that the campaign gets, whatever it aims at.
conversion_totals as (
    select
        conversions.campaign_id,
        conversions.contact_id,
        conversions.entry_number,
        min(conversions.converted_at) filter (where conversions.goal = campaigns.goal)
            as converted_at,
        count(*) filter (where conversions.goal = campaigns.goal) as conversions,
        count(*) filter (where conversions.goal = 'lead') as leads,
        count(*) filter (where conversions.goal = 'qualified') as qualified_leads,
        count(*) filter (where conversions.goal = 'order') as orders,
        sum(conversions.gross_amount) as gross_revenue_amount,
        sum(conversions.net_amount) as revenue_amount
    from conversions
    inner join campaigns on conversions.campaign_id = campaigns.campaign_id
    group by conversions.campaign_id, conversions.contact_id, conversions.entry_number
),

-- A lead is qualified at a time of its own.
timed_goals as (
    select
        contact_id,
        goal,
        occurred_at
    from goal_events
    union all
    select
        contact_id,
        'qualified' as goal,
        qualified_at as occurred_at
    from goal_events
    where goal = 'lead' and qualified_at is not null
),

-- By assignment, every arm alike: whatever happened to the person, whoever gets the credit.
test_conversions as (
    select
        entries.campaign_id,
        entries.contact_id,
        entries.entry_number,
        min(timed_goals.occurred_at) as test_converted_at,
        count(*) as test_conversions
    from entries
    inner join campaigns on entries.campaign_id = campaigns.campaign_id
    inner join timed_goals
        on
            entries.contact_id = timed_goals.contact_id
            and campaigns.goal = timed_goals.goal
            and entries.assigned_at < timed_goals.occurred_at
            and entries.assigned_at
            + interval ({{ var('test_window_days') | int }}) day >= timed_goals.occurred_at
    group by entries.campaign_id, entries.contact_id, entries.entry_number
),

-- Whoever gets the credit for them. One amount that nobody knows makes the sum unknown: a test
-- would take it for a person who paid nothing.
test_order_totals as (
    select
        entries.campaign_id,
        entries.contact_id,
        entries.entry_number,
        count(*) as test_orders,
        case when count(*) = count(orders.net_amount) then sum(orders.net_amount) end
            as test_revenue_amount
    from entries
    inner join orders
        on
            entries.contact_id = orders.contact_id
            and entries.assigned_at < orders.ordered_at
            and entries.assigned_at
            + interval ({{ var('test_window_days') | int }}) day >= orders.ordered_at
    group by entries.campaign_id, entries.contact_id, entries.entry_number
),

test_opt_outs as (
    select
        entries.campaign_id,
        entries.contact_id,
        entries.entry_number,
        min(contact_opt_outs.occurred_at) as test_opted_out_at
    from entries
    inner join contact_opt_outs
        on
            entries.contact_id = contact_opt_outs.contact_id
            and entries.assigned_at < contact_opt_outs.occurred_at
            and entries.assigned_at
            + interval ({{ var('test_window_days') | int }}) day >= contact_opt_outs.occurred_at
    group by entries.campaign_id, entries.contact_id, entries.entry_number
),

measured as (
    select
        entries.campaign_id,
        entries.contact_id,
        entries.entry_number,
        entries.variant,
        entries.entered_at,
        entries.entered_on,
        entries.is_control,
        entries.assigned_at,
        entries.skipped_reason,
        coalesce(message_totals.messages_attempted, 0) as messages_attempted,
        coalesce(message_totals.messages_sent, 0) as messages_sent,
        -- A message whose step isn't logged is a step of its own: it was one more contact.
        coalesce(step_totals.flow_steps, 0) + coalesce(message_totals.messages_without_step, 0)
            as steps_reached,
        message_totals.attempted_at,
        message_totals.sent_at,
        message_totals.last_sent_at,
        message_totals.last_message_at,
        message_totals.delivered_at,
        message_totals.read_at,
        click_totals.clicked_at,
        message_totals.replied_at,
        -- A click whose message no log has is credited to the entry, not to the message.
        least(message_totals.inferred_read_at, click_totals.clicked_at) as inferred_read_at,
        opt_out_totals.opted_out_at,
        conversion_totals.converted_at,
        (campaigns.goal = 'order' and told_goals.has_orders)
        or (campaigns.goal in ('lead', 'qualified') and told_goals.has_leads)
        or (campaigns.goal = 'form' and told_goals.has_forms)
        or (campaigns.goal like 'event:%' and told_goals.has_events) as is_goal_told,
        coalesce(conversion_totals.conversions, 0) as conversions,
        case when told_goals.has_leads then coalesce(conversion_totals.leads, 0) end as leads,
        case when told_goals.has_leads then coalesce(conversion_totals.qualified_leads, 0) end
            as qualified_leads,
        case
            when coalesce(conversion_totals.orders, 0) > 0 then conversion_totals.revenue_amount
            when told_goals.has_orders then 0
        end as revenue_amount,
        case
            when coalesce(conversion_totals.orders, 0) > 0
                then conversion_totals.gross_revenue_amount
            when told_goals.has_orders then 0
        end as gross_revenue_amount,
        -- Nothing to pay is 0; nothing known of what is to pay is NULL.
        case
            when coalesce(message_totals.messages_cost_unknown, 0) = 0
                then coalesce(message_totals.known_cost_amount, 0)
            else message_totals.known_cost_amount
        end as message_cost_amount,
        coalesce(message_totals.messages_cost_unknown, 0) as messages_cost_unknown,
        test_conversions.test_converted_at,
        coalesce(test_conversions.test_conversions, 0) as test_conversions,
        case
            when told_goals.has_orders and entries.assigned_at is not null
                then coalesce(test_order_totals.test_orders, 0)
        end as test_orders,
        case
            when test_order_totals.test_orders > 0 then test_order_totals.test_revenue_amount
            when told_goals.has_orders and entries.assigned_at is not null then 0
        end as test_revenue_amount,
        test_opt_outs.test_opted_out_at
    from entries
    cross join told_goals
    left join campaigns on entries.campaign_id = campaigns.campaign_id
    left join message_totals
        on
            entries.campaign_id = message_totals.campaign_id
            and entries.contact_id = message_totals.contact_id
            and entries.message_group = message_totals.message_group
    left join step_totals
        on
            entries.campaign_id = step_totals.campaign_id
            and entries.contact_id = step_totals.contact_id
            and entries.message_group = step_totals.message_group
    left join click_totals
        on
            entries.campaign_id = click_totals.campaign_id
            and entries.contact_id = click_totals.contact_id
            and entries.message_group = click_totals.message_group
    left join opt_out_totals
        on
            entries.campaign_id = opt_out_totals.campaign_id
            and entries.contact_id = opt_out_totals.contact_id
            and entries.message_group = opt_out_totals.message_group
    left join conversion_totals
        on
            entries.campaign_id = conversion_totals.campaign_id
            and entries.contact_id = conversion_totals.contact_id
            and entries.entry_number = conversion_totals.entry_number
    left join test_conversions
        on
            entries.campaign_id = test_conversions.campaign_id
            and entries.contact_id = test_conversions.contact_id
            and entries.entry_number = test_conversions.entry_number
    left join test_order_totals
        on
            entries.campaign_id = test_order_totals.campaign_id
            and entries.contact_id = test_order_totals.contact_id
            and entries.entry_number = test_order_totals.entry_number
    left join test_opt_outs
        on
            entries.campaign_id = test_opt_outs.campaign_id
            and entries.contact_id = test_opt_outs.contact_id
            and entries.entry_number = test_opt_outs.entry_number
),

final as (
    select
        campaign_id,
        variant,
        contact_id,
        cast(entry_number as bigint) as entry_number,
        entered_at,
        entered_on,
        is_control,
        assigned_at,
        skipped_reason,
        cast(messages_attempted as bigint) as messages_attempted,
        cast(messages_sent as bigint) as messages_sent,
        cast(steps_reached as bigint) as steps_reached,
        attempted_at,
        sent_at,
        last_sent_at,
        last_message_at,
        delivered_at,
        read_at,
        clicked_at,
        replied_at,
        inferred_read_at,
        opted_out_at,
        converted_at,
        cast(case when is_goal_told then conversions end as bigint) as conversions,
        cast(leads as bigint) as leads,
        cast(qualified_leads as bigint) as qualified_leads,
        cast(revenue_amount as decimal(18, 4)) as revenue_amount,
        cast(gross_revenue_amount as decimal(18, 4)) as gross_revenue_amount,
        cast(message_cost_amount as decimal(18, 6)) as message_cost_amount,
        cast(messages_cost_unknown as bigint) as messages_cost_unknown,
        test_converted_at,
        cast(case when is_goal_told and assigned_at is not null then test_conversions end as bigint)
            as test_conversions,
        cast(test_orders as bigint) as test_orders,
        cast(test_revenue_amount as decimal(18, 4)) as test_revenue_amount,
        test_opted_out_at
    from measured
)

select * from final
