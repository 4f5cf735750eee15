with

results as (
    select
        campaign_id,
        entered_on,
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

clock as (
    select watermark_at
    from {{ ref('int_campaign_clock') }}
),

first_cohorts as (
    select
        campaign_id,
        min(entered_on) as first_entered_on,
        bool_or(recipients_clicked is not null) as has_clicks,
        bool_or(recipients_read is not null) as has_reads,
        bool_or(recipients_replied is not null) as has_replies,
        bool_or(recipients_opted_out is not null) as has_opt_outs,
        bool_or(clicks_total is not null) as has_links,
        bool_or(conversions is not null) as has_conversions,
        bool_or(leads is not null) as has_leads,
        bool_or(revenue_amount is not null) as has_revenue
    from results
    group by campaign_id
),

-- From the first cohort on, which may be earlier than the first message: no calendar of messages.
campaign_days as (
    select
        first_cohorts.campaign_id,
        {{ each_date('first_cohorts.first_entered_on', reporting_date('clock.watermark_at')) }}
            as day_on
    from first_cohorts
    cross join clock
),

period_days as (
    select
        campaign_id,
        'day' as period_grain,
        day_on,
        day_on as period_start_on,
        day_on as period_end_on
    from campaign_days
    union all
    select
        campaign_id,
        'week' as period_grain,
        day_on,
        cast(date_trunc('week', day_on) as date) as period_start_on,
        cast(date_trunc('week', day_on) + interval 6 day as date) as period_end_on
    from campaign_days
    union all
    select
        campaign_id,
        'month' as period_grain,
        day_on,
        cast(date_trunc('month', day_on) as date) as period_start_on,
        last_day(day_on) as period_end_on
    from campaign_days
),

totals as (
    select
        period_days.period_grain,
        period_days.period_start_on,
        period_days.campaign_id,
        period_days.period_end_on,
        max(results.last_message_at) as last_message_at,
        cast(coalesce(sum(results.recipients_targeted), 0) as bigint) as recipients_targeted,
        cast(coalesce(sum(results.recipients_skipped), 0) as bigint) as recipients_skipped,
        cast(coalesce(sum(results.recipients_attempted), 0) as bigint) as recipients_attempted,
        cast(coalesce(sum(results.recipients_sent), 0) as bigint) as recipients_sent,
        cast(coalesce(sum(results.recipients_delivered), 0) as bigint) as recipients_delivered,
        cast(sum(results.recipients_read) as bigint) as recipients_read,
        cast(coalesce(sum(results.recipients_read_inferred), 0) as bigint)
            as recipients_read_inferred,
        cast(sum(results.recipients_clicked) as bigint) as recipients_clicked,
        cast(sum(results.recipients_replied) as bigint) as recipients_replied,
        cast(coalesce(sum(results.recipients_engaged), 0) as bigint) as recipients_engaged,
        cast(sum(results.recipients_opted_out) as bigint) as recipients_opted_out,
        cast(sum(results.recipients_converted) as bigint) as recipients_converted,
        cast(sum(results.recipients_engaged_converted) as bigint) as recipients_engaged_converted,
        cast(sum(results.recipients_clicked_converted) as bigint) as recipients_clicked_converted,
        cast(sum(results.clicks_total) as bigint) as clicks_total,
        cast(sum(results.conversions) as bigint) as conversions,
        cast(sum(results.leads) as bigint) as leads,
        cast(sum(results.qualified_leads) as bigint) as qualified_leads,
        cast(sum(results.revenue_amount) as decimal(18, 4)) as revenue_amount,
        cast(sum(results.gross_revenue_amount) as decimal(18, 4)) as gross_revenue_amount,
        cast(coalesce(sum(results.messages_cost_unknown), 0) as bigint) as messages_cost_unknown,
        {{ known_cost('results.known_message_cost_amount', 'results.messages_cost_unknown') }}
            as message_cost_amount,
        {{ whole_cost('results.software_cost_amount', 'results.campaign_id is not null') }}
            as software_cost_amount,
        {{ whole_cost('results.incentive_cost_amount', 'results.campaign_id is not null') }}
            as incentive_cost_amount
    from period_days
    left join results
        on
            period_days.campaign_id = results.campaign_id
            and period_days.day_on = results.entered_on
    group by
        period_days.period_grain,
        period_days.period_start_on,
        period_days.campaign_id,
        period_days.period_end_on
),

-- A period without recipients has none who clicked or answered, where that is known at all.
known as (
    select
        totals.* replace (
            case when first_cohorts.has_reads then coalesce(totals.recipients_read, 0) end
                as recipients_read,
            case when first_cohorts.has_replies then coalesce(totals.recipients_replied, 0) end
                as recipients_replied,
            case
                when first_cohorts.has_opt_outs then coalesce(totals.recipients_opted_out, 0)
            end as recipients_opted_out,
            case when first_cohorts.has_links then coalesce(totals.clicks_total, 0) end
                as clicks_total,
            case when first_cohorts.has_clicks then coalesce(totals.recipients_clicked, 0) end
                as recipients_clicked,
            case
                when first_cohorts.has_conversions then coalesce(totals.recipients_converted, 0)
            end as recipients_converted,
            case
                when first_cohorts.has_conversions
                    then coalesce(totals.recipients_engaged_converted, 0)
            end as recipients_engaged_converted,
            case
                when first_cohorts.has_conversions and first_cohorts.has_clicks
                    then coalesce(totals.recipients_clicked_converted, 0)
            end as recipients_clicked_converted,
            case when first_cohorts.has_conversions then coalesce(totals.conversions, 0) end
                as conversions,
            case when first_cohorts.has_leads then coalesce(totals.leads, 0) end as leads,
            case when first_cohorts.has_leads then coalesce(totals.qualified_leads, 0) end
                as qualified_leads,
            -- An amount without an exchange rate is none of 0.
            case
                when first_cohorts.has_revenue and totals.recipients_targeted = 0 then 0
                else totals.revenue_amount
            end as revenue_amount,
            case
                when first_cohorts.has_revenue and totals.recipients_targeted = 0 then 0
                else totals.gross_revenue_amount
            end as gross_revenue_amount
        )
    from totals
    inner join first_cohorts on totals.campaign_id = first_cohorts.campaign_id
),

costed as (
    select
        *,
        cast(
            message_cost_amount + software_cost_amount + incentive_cost_amount as decimal(18, 6)
        ) as campaign_cost_amount,
        {{ reporting_day_start('period_end_on + interval 1 day') }} as period_ends_at
    from known
),

-- A flow goes on after its cohort's period: mature is what got its last message long enough ago.
dated as (
    select
        costed.*,
        greatest(costed.period_ends_at, costed.last_message_at) as ends_at,
        clock.watermark_at
    from costed
    cross join clock
),

final as (
    select
        period_grain,
        period_start_on,
        campaign_id,
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
        message_cost_amount,
        messages_cost_unknown,
        software_cost_amount,
        incentive_cost_amount,
        campaign_cost_amount,
        {{ safe_divide('recipients_delivered', 'recipients_sent') }}
            as delivery_rate,
        {{ safe_divide('recipients_read', 'recipients_delivered') }} as read_rate,
        {{ safe_divide('recipients_clicked', 'recipients_delivered') }}
            as click_through_rate,
        {{ safe_divide('recipients_replied', 'recipients_delivered') }}
            as response_rate,
        {{ safe_divide('recipients_engaged', 'recipients_delivered') }}
            as engagement_rate,
        {{ safe_divide('recipients_opted_out', 'recipients_delivered') }}
            as opt_out_rate,
        {{ safe_divide('recipients_converted', 'recipients_delivered') }}
            as conversion_rate,
        {{ safe_divide('recipients_clicked', 'recipients_read_inferred') }}
            as click_to_read_rate,
        {{ safe_divide('recipients_clicked_converted', 'recipients_clicked') }}
            as click_to_conversion_rate,
        {{ safe_divide('recipients_engaged_converted', 'recipients_engaged') }}
            as engaged_conversion_rate,
        {{ safe_divide('revenue_amount', 'recipients_delivered') }}
            as revenue_per_recipient_amount,
        {{ safe_divide('campaign_cost_amount', 'recipients_delivered') }}
            as cost_per_recipient_amount,
        {{ safe_divide('revenue_amount', 'conversions') }}
            as revenue_per_conversion_amount,
        {{ safe_divide('revenue_amount', 'campaign_cost_amount') }}
            as return_on_campaign_spend,
        {{ safe_divide(
            'revenue_amount - campaign_cost_amount', 'campaign_cost_amount'
        ) }} as roi_rate,
        {{ safe_divide('campaign_cost_amount', 'leads') }} as cost_per_lead_amount,
        {{ safe_divide('campaign_cost_amount', 'qualified_leads') }}
            as cost_per_qualified_lead_amount,
        {{ safe_divide('campaign_cost_amount', 'conversions') }}
            as cost_per_conversion_amount,
        {{ safe_divide('campaign_cost_amount', 'clicks_total') }}
            as cost_per_click_amount,
        watermark_at >= period_ends_at as is_complete,
        {{ has_matured(campaign_windows()) }} as is_mature
    from dated
)

select * from final
