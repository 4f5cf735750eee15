-- Each arm of a test beside the arm it is compared with, metric by metric. With a control arm what
-- counts by assignment is compared with it; what only a messaged person can do is compared with the
-- first other arm. A metric that can't be told is left out.
with

arms as (
    select
        campaign_id,
        variant,
        is_control,
        has_audience,
        control_variant,
        first_variant,
        last_assigned_at,
        last_message_at,
        recipients_assigned,
        recipients_delivered,
        recipients_read,
        recipients_clicked,
        recipients_replied,
        recipients_opted_out,
        recipients_converted,
        revenue_amount,
        revenue_variance
    from {{ ref('int_campaign_test_arms') }}
),

campaigns as (
    select
        campaign_id,
        has_personal_links
    from {{ ref('int_campaigns') }}
),

clock as (
    select watermark_at
    from {{ ref('int_campaign_clock') }}
),

measured as (
    select
        campaign_id,
        'read' as metric,
        variant,
        is_control,
        first_variant as baseline_variant,
        recipients_delivered as recipients,
        recipients_read as successes,
        null as revenue_amount,
        null as revenue_variance,
        last_message_at + interval ({{ var('status_window_days') | int }}) day as mature_at
    from arms
    union all
    select
        arms.campaign_id,
        'click' as metric,
        arms.variant,
        arms.is_control,
        arms.first_variant as baseline_variant,
        arms.recipients_delivered as recipients,
        arms.recipients_clicked as successes,
        null as revenue_amount,
        null as revenue_variance,
        arms.last_message_at + greatest(
            interval ({{ var('status_window_days') | int }}) day,
            interval ({{ var('click_window_days') | int }}) day
        ) as mature_at
    from arms
    inner join campaigns on arms.campaign_id = campaigns.campaign_id
    where campaigns.has_personal_links
    union all
    select
        campaign_id,
        'reply' as metric,
        variant,
        is_control,
        first_variant as baseline_variant,
        recipients_delivered as recipients,
        recipients_replied as successes,
        null as revenue_amount,
        null as revenue_variance,
        last_message_at + greatest(
            interval ({{ var('status_window_days') | int }}) day,
            interval ({{ var('response_window_hours') | int }}) hour
        ) as mature_at
    from arms
    union all
    select
        campaign_id,
        'opt_out' as metric,
        variant,
        is_control,
        coalesce(control_variant, first_variant) as baseline_variant,
        recipients_assigned as recipients,
        recipients_opted_out as successes,
        null as revenue_amount,
        null as revenue_variance,
        last_assigned_at + interval ({{ var('test_window_days') | int }}) day as mature_at
    from arms
    where has_audience
    union all
    select
        campaign_id,
        'conversion' as metric,
        variant,
        is_control,
        coalesce(control_variant, first_variant) as baseline_variant,
        recipients_assigned as recipients,
        recipients_converted as successes,
        null as revenue_amount,
        null as revenue_variance,
        last_assigned_at + interval ({{ var('test_window_days') | int }}) day as mature_at
    from arms
    where has_audience and recipients_converted is not null
    union all
    -- A mean, no share: nobody succeeds in it.
    select
        campaign_id,
        'revenue_per_recipient' as metric,
        variant,
        is_control,
        coalesce(control_variant, first_variant) as baseline_variant,
        recipients_assigned as recipients,
        null as successes,
        revenue_amount,
        revenue_variance,
        last_assigned_at + interval ({{ var('test_window_days') | int }}) day as mature_at
    from arms
    where has_audience and revenue_amount is not null
),

final as (
    select
        measured.campaign_id,
        measured.metric,
        measured.variant,
        measured.baseline_variant,
        measured.recipients,
        measured.successes,
        measured.revenue_amount,
        measured.revenue_variance,
        baselines.recipients as baseline_recipients,
        baselines.successes as baseline_successes,
        baselines.revenue_amount as baseline_revenue_amount,
        baselines.revenue_variance as baseline_revenue_variance,
        coalesce(clock.watermark_at >= measured.mature_at, false) as is_mature
    from measured
    inner join measured as baselines
        on
            measured.campaign_id = baselines.campaign_id
            and measured.metric = baselines.metric
            and measured.baseline_variant = baselines.variant
    cross join clock
    where measured.variant <> measured.baseline_variant and not measured.is_control
)

select * from final
