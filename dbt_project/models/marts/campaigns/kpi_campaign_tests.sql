with

comparisons as (
    select
        campaign_id,
        metric,
        variant,
        baseline_variant,
        recipients,
        successes,
        revenue_amount,
        baseline_recipients,
        baseline_successes,
        baseline_revenue_amount,
        is_mature
    from {{ ref('int_campaign_test_comparisons') }}
),

statistics as (
    select
        campaign_id,
        metric,
        variant,
        baseline_variant,
        test_statistic,
        p_value,
        p_value_adjusted,
        ci_low,
        ci_high,
        minimum_detectable_lift,
        sample_ratio_p_value
    from {{ ref('int_campaign_test_statistics') }}
),

rated as (
    select
        *,
        {{ safe_divide('successes', 'recipients') }} as rate,
        {{ safe_divide('baseline_successes', 'baseline_recipients') }} as baseline_rate,
        {{ safe_divide('revenue_amount', 'recipients') }} as mean_amount,
        {{ safe_divide('baseline_revenue_amount', 'baseline_recipients') }}
            as baseline_mean_amount
    from comparisons
),

-- What is compared: a share, or a mean.
lifted as (
    select
        *,
        coalesce(baseline_rate, baseline_mean_amount) as baseline_value,
        coalesce(rate - baseline_rate, mean_amount - baseline_mean_amount) as absolute_lift
    from rated
),

final as (
    select
        lifted.campaign_id,
        lifted.metric,
        lifted.variant,
        lifted.baseline_variant,
        cast(lifted.recipients as bigint) as recipients,
        cast(lifted.successes as bigint) as successes,
        lifted.rate,
        cast(lifted.baseline_recipients as bigint) as baseline_recipients,
        cast(lifted.baseline_successes as bigint) as baseline_successes,
        lifted.baseline_rate,
        lifted.mean_amount,
        lifted.baseline_mean_amount,
        lifted.absolute_lift,
        {{ safe_divide('lifted.absolute_lift', 'lifted.baseline_value') }} as relative_lift,
        statistics.test_statistic,
        statistics.p_value,
        statistics.p_value_adjusted,
        statistics.ci_low,
        statistics.ci_high,
        coalesce(statistics.p_value_adjusted < 0.05, false) and lifted.is_mature as is_significant,
        statistics.minimum_detectable_lift,
        statistics.sample_ratio_p_value,
        statistics.sample_ratio_p_value < 0.001 as has_sample_ratio_mismatch,
        case
            when lifted.metric = 'conversion' then lifted.absolute_lift * lifted.recipients
        end as incremental_conversions,
        cast(
            case
                when lifted.metric = 'revenue_per_recipient'
                    then lifted.absolute_lift * lifted.recipients
            end as decimal(18, 4)
        ) as incremental_revenue_amount,
        lifted.is_mature
    from lifted
    inner join statistics
        on
            lifted.campaign_id = statistics.campaign_id
            and lifted.metric = statistics.metric
            and lifted.variant = statistics.variant
            and lifted.baseline_variant = statistics.baseline_variant
)

select * from final
