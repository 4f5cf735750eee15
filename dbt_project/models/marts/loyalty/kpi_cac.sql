-- What it costs to win a customer, by the way they came. Costs count in the month they are for
-- (campaigns: of the recipients who entered), leads, customers and revenue in their own month.
with

months as (
    select
        period_start_on as month_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'acquisition' and period_grain = 'month'
),

contacts as (
    select
        contact_id,
        acquisition_source
    from {{ ref('dim_contacts') }}
    where not is_test
),

orders as (
    select
        contact_id,
        ordered_at,
        cast(date_trunc('month', ordered_on) as date) as month_on,
        net_amount,
        coalesce(is_new_customer, false) as is_new_customer,
        coalesce(attributed_touch_type = 'ctwa', false) as is_credited_to_ad
    from {{ ref('fct_orders') }}
    where is_valid and not has_clock_anomaly
),

leads as (
    select
        contact_id,
        created_at,
        qualified_at
    from {{ ref('fct_leads') }}
    where not has_clock_anomaly
),

ad_days as (
    select
        cast(date_trunc('month', spent_on) as date) as month_on,
        spend_amount
    from {{ ref('fct_ad_spend') }}
    where not has_clock_anomaly
),

recipients as (
    select
        campaign_id,
        variant,
        contact_id,
        entered_at,
        entered_on,
        delivered_at,
        message_cost_amount,
        messages_cost_unknown
    from {{ ref('fct_campaign_recipients') }}
),

campaign_costs as (
    select
        campaign_id,
        variant,
        entered_on,
        software_cost_amount
    from {{ ref('int_campaign_costs') }}
),

labour_months as (
    select
        month_on,
        -- A part without a rate makes the month unknown, not cheaper.
        case when count(*) = count(cost_amount) then sum(cost_amount) end as labour_cost_amount
    from {{ ref('int_cost_months') }}
    where cost_type = 'labour'
    group by month_on
),

-- As decimals: with doubles the order of a sum would show.
predictions as (
    select
        contact_id,
        cast(predicted_clv_12m_amount as decimal(18, 4)) as predicted_clv_12m_amount
    from {{ ref('int_customers__predicted') }}
),

-- What no export tells of isn't 0.
told as (
    select
        (select count(*) from orders) > 0 as has_orders,
        (select count(*) from leads) > 0 as has_leads,
        (select count(*) from ad_days) > 0 as has_ads,
        (select count(*) from labour_months) > 0 as has_labour
),

customers as (
    select
        orders.contact_id,
        orders.ordered_at as first_order_at,
        orders.month_on,
        coalesce(contacts.acquisition_source, 'unknown') as acquisition_source
    from orders
    left join contacts on orders.contact_id = contacts.contact_id
    where orders.is_new_customer
),

prospects as (
    select
        recipients.campaign_id,
        recipients.variant,
        recipients.entered_on,
        recipients.delivered_at,
        recipients.message_cost_amount,
        recipients.messages_cost_unknown,
        coalesce(recipients.entered_at <= customers.first_order_at, true) as is_prospect
    from recipients
    left join customers on recipients.contact_id = customers.contact_id
),

-- Software costs are of an arm and a day: its prospects carry their part, by delivered recipients
-- (by people where none was delivered).
prospect_cells as (
    select
        campaign_id,
        variant,
        entered_on,
        sum(message_cost_amount) filter (where is_prospect) as message_cost_amount,
        coalesce(sum(messages_cost_unknown) filter (where is_prospect), 0)
            as messages_cost_unknown,
        case
            when count(delivered_at) > 0
                then {{ safe_divide(
                    'count(delivered_at) filter (where is_prospect)', 'count(delivered_at)'
                ) }}
            else {{ safe_divide('count(*) filter (where is_prospect)', 'count(*)') }}
        end as prospect_rate
    from prospects
    group by campaign_id, variant, entered_on
),

-- One line per thing that happened in a month, each with the numbers it adds to.
lines as (
    select
        month_on,
        'ad' as acquisition_source,
        spend_amount as ad_spend_amount,
        spend_amount is null as is_spend_unknown,
        null as message_cost_amount,
        null as messages_cost_unknown,
        null as software_cost_amount,
        false as is_software_unknown,
        0 as leads,
        0 as qualified_leads,
        0 as new_customers,
        null as ad_revenue_amount
    from ad_days
    union all
    select
        cast(date_trunc('month', prospect_cells.entered_on) as date) as month_on,
        'campaign' as acquisition_source,
        null as ad_spend_amount,
        false as is_spend_unknown,
        prospect_cells.message_cost_amount,
        prospect_cells.messages_cost_unknown,
        -- Rounded here: with doubles the order of a sum would show.
        cast(
            campaign_costs.software_cost_amount * prospect_cells.prospect_rate as decimal(18, 4)
        ) as software_cost_amount,
        campaign_costs.campaign_id is not null
        and campaign_costs.software_cost_amount is null
        and prospect_cells.prospect_rate > 0 as is_software_unknown,
        0 as leads,
        0 as qualified_leads,
        0 as new_customers,
        null as ad_revenue_amount
    from prospect_cells
    left join campaign_costs
        on
            prospect_cells.campaign_id = campaign_costs.campaign_id
            and prospect_cells.variant = campaign_costs.variant
            and prospect_cells.entered_on = campaign_costs.entered_on
    union all
    select
        cast(date_trunc('month', {{ reporting_date('leads.created_at') }}) as date) as month_on,
        coalesce(contacts.acquisition_source, 'unknown') as acquisition_source,
        null as ad_spend_amount,
        false as is_spend_unknown,
        null as message_cost_amount,
        null as messages_cost_unknown,
        null as software_cost_amount,
        false as is_software_unknown,
        1 as leads,
        0 as qualified_leads,
        0 as new_customers,
        null as ad_revenue_amount
    from leads
    left join contacts on leads.contact_id = contacts.contact_id
    union all
    select
        cast(date_trunc('month', {{ reporting_date('leads.qualified_at') }}) as date) as month_on,
        coalesce(contacts.acquisition_source, 'unknown') as acquisition_source,
        null as ad_spend_amount,
        false as is_spend_unknown,
        null as message_cost_amount,
        null as messages_cost_unknown,
        null as software_cost_amount,
        false as is_software_unknown,
        0 as leads,
        1 as qualified_leads,
        0 as new_customers,
        null as ad_revenue_amount
    from leads
    left join contacts on leads.contact_id = contacts.contact_id
    where leads.qualified_at is not null
    union all
    select
        month_on,
        acquisition_source,
        null as ad_spend_amount,
        false as is_spend_unknown,
        null as message_cost_amount,
        null as messages_cost_unknown,
        null as software_cost_amount,
        false as is_software_unknown,
        0 as leads,
        0 as qualified_leads,
        1 as new_customers,
        null as ad_revenue_amount
    from customers
    union all
    -- Credited to an ad, whoever ordered and however they once came.
    select
        month_on,
        'ad' as acquisition_source,
        null as ad_spend_amount,
        false as is_spend_unknown,
        null as message_cost_amount,
        null as messages_cost_unknown,
        null as software_cost_amount,
        false as is_software_unknown,
        0 as leads,
        0 as qualified_leads,
        0 as new_customers,
        net_amount as ad_revenue_amount
    from orders
    where is_credited_to_ad
),

sums as (
    select
        month_on,
        case when grouping(acquisition_source) = 1 then 'all' else acquisition_source end
            as acquisition_source,
        case when not bool_or(is_spend_unknown) then coalesce(sum(ad_spend_amount), 0) end
            as ad_spend_amount,
        {{ known_cost('message_cost_amount', 'messages_cost_unknown') }} as message_cost_amount,
        case
            when not bool_or(is_software_unknown)
                then coalesce(sum(software_cost_amount), 0)
        end as software_cost_amount,
        sum(leads) as leads,
        sum(qualified_leads) as qualified_leads,
        sum(new_customers) as new_customers,
        coalesce(sum(ad_revenue_amount), 0) as ad_revenue_amount
    from lines
    group by grouping sets ((month_on, acquisition_source), (month_on))
),

sources as (
    select
        sums.acquisition_source,
        min(sums.month_on) as first_month_on
    from sums
    inner join months on sums.month_on = months.month_on
    where sums.acquisition_source <> 'all'
    group by sums.acquisition_source
    union all
    select
        'all' as acquisition_source,
        min(month_on) as first_month_on
    from months
),

-- Months since the first order, the first of them 1.
customer_orders as (
    select
        customers.month_on,
        customers.acquisition_source,
        date_sub('month', customers.first_order_at, orders.ordered_at) + 1 as month_number,
        orders.net_amount
    from customers
    inner join orders
        on
            customers.contact_id = orders.contact_id
            and customers.first_order_at <= orders.ordered_at
),

customer_months as (
    select
        month_on,
        case when grouping(acquisition_source) = 1 then 'all' else acquisition_source end
            as acquisition_source,
        month_number,
        sum(net_amount) as net_revenue_amount
    from customer_orders
    group by
        grouping sets (
            (month_on, acquisition_source, month_number),
            (month_on, month_number)
        )
),

cumulated as (
    select
        month_on,
        acquisition_source,
        month_number,
        sum(net_revenue_amount) over (
            partition by month_on, acquisition_source order by month_number
        ) as cumulative_net_revenue_amount
    from customer_months
),

first_years as (
    select
        month_on,
        acquisition_source,
        max_by(cumulative_net_revenue_amount, month_number) as net_revenue_amount
    from cumulated
    where month_number <= 12
    group by month_on, acquisition_source
),

predicted as (
    select
        customers.month_on,
        case
            when grouping(customers.acquisition_source) = 1 then 'all'
            else customers.acquisition_source
        end as acquisition_source,
        {{ safe_divide(
            'sum(predictions.predicted_clv_12m_amount)', 'count(predictions.predicted_clv_12m_amount)'
        ) }} as predicted_clv_12m_amount
    from customers
    inner join predictions on customers.contact_id = predictions.contact_id
    group by
        grouping sets ((customers.month_on, customers.acquisition_source), (customers.month_on))
),

counted as (
    select
        months.month_on,
        months.ends_at,
        months.watermark_at,
        months.is_complete,
        sources.acquisition_source,
        case
            when told.has_ads or sources.acquisition_source not in ('ad', 'all')
                then case when sums.month_on is null then 0 else sums.ad_spend_amount end
        end as ad_spend_amount,
        case when sums.month_on is null then 0 else sums.message_cost_amount end
            as message_cost_amount,
        case when sums.month_on is null then 0 else sums.software_cost_amount end
            as software_cost_amount,
        case
            when sources.acquisition_source = 'all' and told.has_labour
                then
                    case
                        when labour_months.month_on is null then 0
                        else labour_months.labour_cost_amount
                    end
        end as labour_cost_amount,
        told.has_ads,
        told.has_labour,
        case when told.has_leads then coalesce(sums.leads, 0) end as leads,
        case when told.has_leads then coalesce(sums.qualified_leads, 0) end as qualified_leads,
        case when told.has_orders then coalesce(sums.new_customers, 0) end as new_customers,
        case when told.has_orders then coalesce(sums.ad_revenue_amount, 0) end
            as ad_revenue_amount,
        case
            when months.watermark_at >= months.ends_at + interval 12 month
                then first_years.net_revenue_amount
        end as first_year_net_revenue_amount
    from months
    cross join told
    inner join sources on months.month_on >= sources.first_month_on
    left join sums
        on
            months.month_on = sums.month_on
            and sources.acquisition_source = sums.acquisition_source
    left join labour_months on months.month_on = labour_months.month_on
    left join first_years
        on
            months.month_on = first_years.month_on
            and sources.acquisition_source = first_years.acquisition_source
),

-- Costs of which there is no export at all are missing in the sum over all sources, where they
-- are one part of several; where they are the whole, the sum is unknown.
costed as (
    select
        *,
        case
            when acquisition_source = 'all' and not has_ads then 0 else ad_spend_amount
        end as counted_ad_spend_amount,
        case
            when acquisition_source = 'all' and has_labour then labour_cost_amount else 0
        end as counted_labour_cost_amount
    from counted
),

summed as (
    select
        *,
        counted_ad_spend_amount
        + message_cost_amount
        + software_cost_amount
        + counted_labour_cost_amount as acquisition_cost_amount
    from costed
),

paid_back as (
    select
        summed.month_on,
        summed.acquisition_source,
        min(cumulated.month_number) as payback_months
    from summed
    inner join cumulated
        on
            summed.month_on = cumulated.month_on
            and summed.acquisition_source = cumulated.acquisition_source
            and summed.watermark_at >= summed.ends_at + to_months(cumulated.month_number)
    where
        summed.acquisition_cost_amount > 0
        and cumulated.cumulative_net_revenue_amount * {{ var('gross_margin_rate') }}
        >= summed.acquisition_cost_amount
    group by summed.month_on, summed.acquisition_source
),

valued as (
    select
        summed.*,
        {{ safe_divide('summed.acquisition_cost_amount', 'summed.new_customers') }}
            as customer_acquisition_cost_amount,
        {{ safe_divide('summed.first_year_net_revenue_amount', 'summed.new_customers') }}
        * {{ var('gross_margin_rate') }} as clv_12m_amount,
        predicted.predicted_clv_12m_amount,
        paid_back.payback_months
    from summed
    left join predicted
        on
            summed.month_on = predicted.month_on
            and summed.acquisition_source = predicted.acquisition_source
    left join paid_back
        on
            summed.month_on = paid_back.month_on
            and summed.acquisition_source = paid_back.acquisition_source
),

final as (
    select
        'month' as period_grain,
        month_on as period_start_on,
        acquisition_source,
        cast(ad_spend_amount as decimal(18, 4)) as ad_spend_amount,
        cast(message_cost_amount as decimal(18, 6)) as message_cost_amount,
        cast(software_cost_amount as decimal(18, 4)) as software_cost_amount,
        cast(labour_cost_amount as decimal(18, 4)) as labour_cost_amount,
        cast(acquisition_cost_amount as decimal(18, 6)) as acquisition_cost_amount,
        cast(leads as bigint) as leads,
        cast(qualified_leads as bigint) as qualified_leads,
        cast(new_customers as bigint) as new_customers,
        {{ safe_divide('acquisition_cost_amount', 'leads') }} as cost_per_lead_amount,
        {{ safe_divide('acquisition_cost_amount', 'qualified_leads') }}
            as cost_per_qualified_lead_amount,
        {{ safe_divide('counted_ad_spend_amount + message_cost_amount', 'new_customers') }}
            as cost_per_acquisition_amount,
        customer_acquisition_cost_amount,
        cast(ad_revenue_amount as decimal(18, 4)) as ad_revenue_amount,
        {{ safe_divide('ad_revenue_amount', 'ad_spend_amount') }} as return_on_ad_spend,
        clv_12m_amount,
        predicted_clv_12m_amount,
        {{ safe_divide('clv_12m_amount', 'customer_acquisition_cost_amount') }}
            as clv_to_cac_ratio,
        cast(payback_months as bigint) as payback_months,
        is_complete,
        {{ has_matured(['status_window_days']) }} as is_mature
    from valued
)

select * from final
