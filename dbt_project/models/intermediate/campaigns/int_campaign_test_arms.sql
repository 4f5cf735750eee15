-- The arms of each test and what happened in them. Who is in an arm follows from the audience file;
-- a campaign without one is tested on those it messaged. People count once, with their first entry.
with

recipients as (
    select
        campaign_id,
        variant,
        contact_id,
        entry_number,
        is_control,
        assigned_at,
        last_message_at,
        delivered_at,
        read_at,
        clicked_at,
        replied_at,
        test_opted_out_at,
        test_converted_at,
        test_conversions,
        test_revenue_amount
    from {{ ref('fct_campaign_recipients') }}
),

entries as (
    select
        campaign_id,
        contact_id,
        entry_number,
        planned_share
    from {{ ref('int_campaign_entries') }}
    where planned_share is not null
),

tested as (
    select
        campaign_id,
        count(assigned_at) > 0 as has_audience
    from recipients
    group by campaign_id
    having min(variant) <> max(variant)
),

subjects as (
    select
        recipients.*,
        tested.has_audience
    from recipients
    inner join tested on recipients.campaign_id = tested.campaign_id
    where recipients.assigned_at is not null or not tested.has_audience
    qualify
        row_number() over (
            partition by recipients.campaign_id, recipients.contact_id
            order by recipients.entry_number
        ) = 1
),

counted as (
    select
        subjects.campaign_id,
        subjects.variant,
        bool_or(subjects.is_control) as is_control,
        bool_and(subjects.has_audience) as has_audience,
        -- As a decimal: the order of a sum must not show.
        max(cast(entries.planned_share as decimal(18, 9))) as planned_share,
        max(subjects.assigned_at) as last_assigned_at,
        max(subjects.last_message_at) as last_message_at,
        count(*) as recipients_assigned,
        count(subjects.delivered_at) as recipients_delivered,
        count(subjects.read_at) filter (where subjects.delivered_at is not null)
            as recipients_read,
        count(subjects.clicked_at) filter (where subjects.delivered_at is not null)
            as recipients_clicked,
        count(subjects.replied_at) filter (where subjects.delivered_at is not null)
            as recipients_replied,
        count(subjects.test_opted_out_at) as recipients_opted_out,
        case
            when count(subjects.test_conversions) > 0 then count(subjects.test_converted_at)
        end as recipients_converted,
        -- One person whose revenue nobody knows makes the mean unknown.
        case
            when count(*) = count(subjects.test_revenue_amount)
                then sum(subjects.test_revenue_amount)
        end as revenue_amount
    from subjects
    left join entries
        on
            subjects.campaign_id = entries.campaign_id
            and subjects.contact_id = entries.contact_id
            and subjects.entry_number = entries.entry_number
    group by subjects.campaign_id, subjects.variant
),

-- Sums of decimals, so that the order of rows doesn't show, of what is left of a rounded mean, so
-- that a small spread isn't lost beside a large one.
revenue_deviations as (
    select
        subjects.campaign_id,
        subjects.variant,
        subjects.test_revenue_amount - cast(
            {{ safe_divide('counted.revenue_amount', 'counted.recipients_assigned') }}
            as decimal(18, 4)
        ) as deviation_amount
    from subjects
    inner join counted
        on subjects.campaign_id = counted.campaign_id and subjects.variant = counted.variant
    where counted.revenue_amount is not null
),

revenue_spreads as (
    select
        campaign_id,
        variant,
        {{ safe_divide(
            'cast(sum(deviation_amount * deviation_amount) as double)'
            ~ ' - pow(cast(sum(deviation_amount) as double), 2) / count(*)',
            'count(*) - 1'
        ) }} as revenue_variance
    from revenue_deviations
    group by campaign_id, variant
),

-- `none` is no arm but where the only others are controls: who isn't in the test isn't compared.
named_arms as (
    select
        counted.*,
        revenue_spreads.revenue_variance
    from counted
    left join revenue_spreads
        on
            counted.campaign_id = revenue_spreads.campaign_id
            and counted.variant = revenue_spreads.variant
    qualify
        counted.variant <> 'none'
        or (
            not counted.is_control
            and count(*) filter (where not counted.is_control and counted.variant <> 'none') over (
                partition by counted.campaign_id
            ) = 0
        )
),

arms as (
    select *
    from named_arms
    qualify count(*) over (partition by campaign_id) > 1
),

final as (
    select
        campaign_id,
        variant,
        is_control,
        has_audience,
        min(variant) filter (where is_control) over (partition by campaign_id) as control_variant,
        min(variant) filter (where not is_control) over (partition by campaign_id)
            as first_variant,
        case
            when
                count(planned_share) over (partition by campaign_id)
                = count(*) over (partition by campaign_id)
                then {{ safe_divide(
                    'planned_share', 'sum(planned_share) over (partition by campaign_id)'
                ) }}
            when
                max(recipients_assigned) over (partition by campaign_id) * 5
                <= min(recipients_assigned) over (partition by campaign_id) * 6
                then {{ safe_divide('1', 'count(*) over (partition by campaign_id)') }}
        end as expected_share,
        max(last_assigned_at) over (partition by campaign_id) as last_assigned_at,
        max(last_message_at) over (partition by campaign_id) as last_message_at,
        recipients_assigned,
        recipients_delivered,
        recipients_read,
        recipients_clicked,
        recipients_replied,
        recipients_opted_out,
        recipients_converted,
        revenue_amount,
        revenue_variance
    from arms
)

select * from final
