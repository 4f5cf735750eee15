-- What became of the recipients of a campaign, counted per arm and cohort: both marts of campaigns
-- add these up. Rates per delivered recipient need a delivery: a click doesn't prove one.
with

recipients as (
    select
        campaign_id,
        variant,
        entered_at,
        entered_on,
        skipped_reason,
        attempted_at,
        sent_at,
        last_sent_at,
        last_message_at,
        delivered_at,
        read_at,
        inferred_read_at,
        clicked_at,
        replied_at,
        opted_out_at,
        converted_at,
        conversions,
        leads,
        qualified_leads,
        revenue_amount,
        gross_revenue_amount,
        message_cost_amount,
        messages_cost_unknown
    from {{ ref('fct_campaign_recipients') }}
),

campaigns as (
    select
        campaign_id,
        has_personal_links,
        has_link_data,
        has_read_data,
        has_reply_data,
        has_opt_out_data
    from {{ ref('int_campaigns') }}
),

clicks as (
    select
        campaign_id,
        variant,
        entered_on
    from {{ ref('int_campaign_clicks') }}
),

costs as (
    select
        campaign_id,
        variant,
        entered_on,
        software_cost_amount,
        incentive_cost_amount
    from {{ ref('int_campaign_costs') }}
),

counted as (
    select
        campaign_id,
        variant,
        entered_on,
        min(sent_at) as first_sent_at,
        max(last_sent_at) as last_sent_at,
        max(coalesce(last_message_at, entered_at)) as last_message_at,
        count(*) as recipients_targeted,
        count(skipped_reason) as recipients_skipped,
        count(attempted_at) as recipients_attempted,
        count(sent_at) as recipients_sent,
        count(delivered_at) as recipients_delivered,
        count(read_at) filter (where delivered_at is not null) as recipients_read,
        count(inferred_read_at) filter (where delivered_at is not null)
            as recipients_read_inferred,
        count(clicked_at) filter (where delivered_at is not null) as recipients_clicked,
        count(replied_at) filter (where delivered_at is not null) as recipients_replied,
        count(coalesce(clicked_at, replied_at)) filter (where delivered_at is not null)
            as recipients_engaged,
        count(opted_out_at) filter (where delivered_at is not null) as recipients_opted_out,
        count(converted_at) filter (where delivered_at is not null) as recipients_converted,
        count(converted_at) filter (
            where delivered_at is not null and coalesce(clicked_at, replied_at) is not null
        ) as recipients_engaged_converted,
        count(converted_at) filter (
            where delivered_at is not null and clicked_at is not null
        ) as recipients_clicked_converted,
        -- NULL in every row or in none: a goal is told or it isn't.
        sum(conversions) as conversions,
        sum(leads) as leads,
        sum(qualified_leads) as qualified_leads,
        sum(revenue_amount) as revenue_amount,
        sum(gross_revenue_amount) as gross_revenue_amount,
        -- That what never arrived cost nothing says nothing of what the rest did.
        sum(message_cost_amount) filter (
            where delivered_at is not null or message_cost_amount <> 0
        ) as known_message_cost_amount,
        sum(messages_cost_unknown) as messages_cost_unknown
    from recipients
    group by campaign_id, variant, entered_on
),

click_totals as (
    select
        campaign_id,
        variant,
        entered_on,
        count(*) as clicks_total
    from clicks
    group by campaign_id, variant, entered_on
),

cells as (
    select
        campaign_id,
        variant,
        entered_on
    from counted
    union
    -- Clicks on a link of nobody's arm have a line of their own.
    select
        campaign_id,
        variant,
        entered_on
    from click_totals
),

final as (
    select
        cells.campaign_id,
        cells.variant,
        cells.entered_on,
        counted.first_sent_at,
        counted.last_sent_at,
        counted.last_message_at,
        coalesce(counted.recipients_targeted, 0) as recipients_targeted,
        coalesce(counted.recipients_skipped, 0) as recipients_skipped,
        coalesce(counted.recipients_attempted, 0) as recipients_attempted,
        coalesce(counted.recipients_sent, 0) as recipients_sent,
        coalesce(counted.recipients_delivered, 0) as recipients_delivered,
        -- What the exports of the campaign's channels can't tell is NULL, not 0.
        case when campaigns.has_read_data then coalesce(counted.recipients_read, 0) end
            as recipients_read,
        coalesce(counted.recipients_read_inferred, 0) as recipients_read_inferred,
        -- Where no link tells who clicked, nobody knows how many did.
        case when campaigns.has_personal_links then coalesce(counted.recipients_clicked, 0) end
            as recipients_clicked,
        case when campaigns.has_reply_data then coalesce(counted.recipients_replied, 0) end
            as recipients_replied,
        coalesce(counted.recipients_engaged, 0) as recipients_engaged,
        case when campaigns.has_opt_out_data then coalesce(counted.recipients_opted_out, 0) end
            as recipients_opted_out,
        case when counted.conversions is not null then counted.recipients_converted end
            as recipients_converted,
        case when counted.conversions is not null then counted.recipients_engaged_converted end
            as recipients_engaged_converted,
        case
            when counted.conversions is not null and campaigns.has_personal_links
                then counted.recipients_clicked_converted
        end as recipients_clicked_converted,
        case when campaigns.has_link_data then coalesce(click_totals.clicks_total, 0) end
            as clicks_total,
        counted.conversions,
        counted.leads,
        counted.qualified_leads,
        counted.revenue_amount,
        counted.gross_revenue_amount,
        counted.known_message_cost_amount,
        coalesce(counted.messages_cost_unknown, 0) as messages_cost_unknown,
        case when costs.campaign_id is null then 0 else costs.software_cost_amount end
            as software_cost_amount,
        case when costs.campaign_id is null then 0 else costs.incentive_cost_amount end
            as incentive_cost_amount
    from cells
    left join counted
        on
            cells.campaign_id = counted.campaign_id
            and cells.variant = counted.variant
            and cells.entered_on = counted.entered_on
    left join campaigns on cells.campaign_id = campaigns.campaign_id
    left join click_totals
        on
            cells.campaign_id = click_totals.campaign_id
            and cells.variant = click_totals.variant
            and cells.entered_on = click_totals.entered_on
    left join costs
        on
            cells.campaign_id = costs.campaign_id
            and cells.variant = costs.variant
            and cells.entered_on = costs.entered_on
)

select * from final
