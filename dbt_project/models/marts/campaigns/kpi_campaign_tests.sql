with

comparisons as (
    select
        campaign_id,
        metric,
        variant,
        baseline_variant,
        recipients,
        successes,
        baseline_recipients,
        baseline_successes,
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
        {{ safe_divide('baseline_successes', 'baseline_recipients') }} as baseline_rate
    from comparisons
),

final as (
    select
        rated.campaign_id,
        rated.metric,
        rated.variant,
        rated.baseline_variant,
        cast(rated.recipients as bigint) as recipients,
        cast(rated.successes as bigint) as successes,
        rated.rate,
        cast(rated.baseline_recipients as bigint) as baseline_recipients,
        cast(rated.baseline_successes as bigint) as baseline_successes,
        rated.baseline_rate,
        -- Orders come with their own streams.
        cast(null as double) as mean_amount,
        cast(null as double) as baseline_mean_amount,
        rated.rate - rated.baseline_rate as absolute_lift,
        {{ safe_divide('rated.rate - rated.baseline_rate', 'rated.baseline_rate') }}
            as relative_lift,
        statistics.test_statistic,
        statistics.p_value,
        statistics.p_value_adjusted,
        statistics.ci_low,
        statistics.ci_high,
        coalesce(statistics.p_value_adjusted < 0.05, false) and rated.is_mature as is_significant,
        statistics.minimum_detectable_lift,
        statistics.sample_ratio_p_value,
        statistics.sample_ratio_p_value < 0.001 as has_sample_ratio_mismatch,
        case
            when rated.metric = 'conversion'
                then (rated.rate - rated.baseline_rate) * rated.recipients
        end as incremental_conversions,
        cast(null as decimal(18, 4)) as incremental_revenue_amount,
        rated.is_mature
    from rated
    inner join statistics
        on
            rated.campaign_id = statistics.campaign_id
            and rated.metric = statistics.metric
            and rated.variant = statistics.variant
            and rated.baseline_variant = statistics.baseline_variant
)

select * from final
