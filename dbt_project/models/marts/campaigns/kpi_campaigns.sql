with

results as (
    select
        campaign_id,
        variant,
        first_sent_at,
        last_sent_at,
        last_message_at,
        recipients_targeted,
        recipients_skipped,
        recipients_attempted,
        recipients_sent,
        recipients_delivered,
        recipients_read,
        recipients_read_inferred,
        recipients_clicked,
        recipients_replied,
        recipients_engaged,
        recipients_opted_out,
        recipients_converted,
        recipients_engaged_converted,
        recipients_clicked_converted,
        clicks_total,
        conversions,
        leads,
        qualified_leads,
        revenue_amount,
        gross_revenue_amount,
        known_message_cost_amount,
        messages_cost_unknown,
        software_cost_amount,
        incentive_cost_amount
    from {{ ref('int_campaign_results') }}
),

campaigns as (
    select
        campaign_id,
        campaign_name,
        campaign_type,
        goal
    from {{ ref('int_campaigns') }}
),

clock as (
    select watermark_at
    from {{ ref('int_campaign_clock') }}
),

totals as (
    select
        campaign_id,
        variant,
        {{ reporting_date('min(first_sent_at)') }} as first_sent_on,
        {{ reporting_date('max(last_sent_at)') }} as last_sent_on,
        max(last_message_at) as ends_at,
        cast(sum(recipients_targeted) as bigint) as recipients_targeted,
        cast(sum(recipients_skipped) as bigint) as recipients_skipped,
        cast(sum(recipients_attempted) as bigint) as recipients_attempted,
        cast(sum(recipients_sent) as bigint) as recipients_sent,
        cast(sum(recipients_delivered) as bigint) as recipients_delivered,
        cast(sum(recipients_read) as bigint) as recipients_read,
        cast(sum(recipients_read_inferred) as bigint) as recipients_read_inferred,
        cast(sum(recipients_clicked) as bigint) as recipients_clicked,
        cast(sum(recipients_replied) as bigint) as recipients_replied,
        cast(sum(recipients_engaged) as bigint) as recipients_engaged,
        cast(sum(recipients_opted_out) as bigint) as recipients_opted_out,
        cast(sum(recipients_converted) as bigint) as recipients_converted,
        cast(sum(recipients_engaged_converted) as bigint) as recipients_engaged_converted,
        cast(sum(recipients_clicked_converted) as bigint) as recipients_clicked_converted,
        cast(sum(clicks_total) as bigint) as clicks_total,
        cast(sum(conversions) as bigint) as conversions,
        cast(sum(leads) as bigint) as leads,
        cast(sum(qualified_leads) as bigint) as qualified_leads,
        cast(sum(revenue_amount) as decimal(18, 4)) as revenue_amount,
        cast(sum(gross_revenue_amount) as decimal(18, 4)) as gross_revenue_amount,
        cast(sum(messages_cost_unknown) as bigint) as messages_cost_unknown,
        {{ known_cost('known_message_cost_amount', 'messages_cost_unknown') }}
            as message_cost_amount,
        {{ whole_cost('software_cost_amount') }} as software_cost_amount,
        {{ whole_cost('incentive_cost_amount') }} as incentive_cost_amount
    from results
    group by campaign_id, variant
),

costed as (
    select
        *,
        cast(
            message_cost_amount + software_cost_amount + incentive_cost_amount as decimal(18, 6)
        ) as campaign_cost_amount
    from totals
),

final as (
    select
        costed.campaign_id,
        costed.variant,
        campaigns.campaign_name,
        campaigns.campaign_type,
        campaigns.goal,
        costed.first_sent_on,
        costed.last_sent_on,
        costed.recipients_targeted,
        costed.recipients_skipped,
        costed.recipients_attempted,
        costed.recipients_sent,
        costed.recipients_delivered,
        costed.recipients_read,
        costed.recipients_read_inferred,
        costed.recipients_clicked,
        costed.recipients_replied,
        costed.recipients_engaged,
        costed.recipients_opted_out,
        costed.recipients_converted,
        costed.recipients_engaged_converted,
        costed.recipients_clicked_converted,
        costed.clicks_total,
        costed.conversions,
        costed.leads,
        costed.qualified_leads,
        costed.revenue_amount,
        costed.gross_revenue_amount,
        costed.message_cost_amount,
        costed.messages_cost_unknown,
        costed.software_cost_amount,
        costed.incentive_cost_amount,
        costed.campaign_cost_amount,
        {{ safe_divide('costed.recipients_delivered', 'costed.recipients_sent') }}
            as delivery_rate,
        {{ safe_divide('costed.recipients_read', 'costed.recipients_delivered') }} as read_rate,
        {{ safe_divide('costed.recipients_clicked', 'costed.recipients_delivered') }}
            as click_through_rate,
        {{ safe_divide('costed.recipients_replied', 'costed.recipients_delivered') }}
            as response_rate,
        {{ safe_divide('costed.recipients_engaged', 'costed.recipients_delivered') }}
            as engagement_rate,
        {{ safe_divide('costed.recipients_opted_out', 'costed.recipients_delivered') }}
            as opt_out_rate,
        {{ safe_divide('costed.recipients_converted', 'costed.recipients_delivered') }}
            as conversion_rate,
        {{ safe_divide('costed.recipients_clicked', 'costed.recipients_read_inferred') }}
            as click_to_read_rate,
        {{ safe_divide('costed.recipients_clicked_converted', 'costed.recipients_clicked') }}
            as click_to_conversion_rate,
        {{ safe_divide('costed.recipients_engaged_converted', 'costed.recipients_engaged') }}
            as engaged_conversion_rate,
        {{ safe_divide('costed.revenue_amount', 'costed.recipients_delivered') }}
            as revenue_per_recipient_amount,
        {{ safe_divide('costed.campaign_cost_amount', 'costed.recipients_delivered') }}
            as cost_per_recipient_amount,
        {{ safe_divide('costed.revenue_amount', 'costed.conversions') }}
            as revenue_per_conversion_amount,
        {{ safe_divide('costed.revenue_amount', 'costed.campaign_cost_amount') }}
            as return_on_campaign_spend,
        {{ safe_divide(
            'costed.revenue_amount - costed.campaign_cost_amount', 'costed.campaign_cost_amount'
        ) }} as roi_rate,
        {{ safe_divide('costed.campaign_cost_amount', 'costed.leads') }} as cost_per_lead_amount,
        {{ safe_divide('costed.campaign_cost_amount', 'costed.qualified_leads') }}
            as cost_per_qualified_lead_amount,
        {{ safe_divide('costed.campaign_cost_amount', 'costed.conversions') }}
            as cost_per_conversion_amount,
        {{ safe_divide('costed.campaign_cost_amount', 'costed.clicks_total') }}
            as cost_per_click_amount,
        coalesce({{ has_matured(campaign_windows()) }}, false) as is_mature
    from costed
    inner join campaigns on costed.campaign_id = campaigns.campaign_id
    cross join clock
)

select * from final
