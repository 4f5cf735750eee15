with

answers as (
    select
        survey_response_id,
        -- Who isn't known can't be found again: each answer is somebody's only one.
        case when contact_id = 'unknown' then survey_response_id else contact_id end as respondent,
        answered_at,
        answered_on,
        score
    from {{ ref('fct_survey_responses') }}
    where
        survey_type = 'nps'
        and score is not null
        and answered_at is not null
        and not has_clock_anomaly
),

periods as (
    select
        period_grain,
        period_start_on,
        period_end_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'surveys'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'surveys'
),

latest_answers as (
    select
        period_days.period_grain,
        period_days.period_start_on,
        answers.score
    from answers
    inner join period_days on answers.answered_on = period_days.day_on
    qualify
        row_number() over (
            partition by
                period_days.period_grain, period_days.period_start_on, answers.respondent
            order by answers.answered_at desc, answers.survey_response_id desc
        ) = 1
),

period_sums as (
    select
        period_grain,
        period_start_on,
        count(*) as responses,
        count(*) filter (where score >= 9) as promoters,
        count(*) filter (where score between 7 and 8) as passives,
        count(*) filter (where score <= 6) as detractors
    from latest_answers
    group by period_grain, period_start_on
),

first_answer as (
    select min(answers.answered_on) as first_event_on
    from answers
    where answers.answered_on in (select period_days.day_on from period_days)
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        coalesce(period_sums.responses, 0) as responses,
        coalesce(period_sums.promoters, 0) as promoters,
        coalesce(period_sums.passives, 0) as passives,
        coalesce(period_sums.detractors, 0) as detractors,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from periods
    inner join first_answer on periods.period_end_on >= first_answer.first_event_on
    left join period_sums
        on
            periods.period_grain = period_sums.period_grain
            and periods.period_start_on = period_sums.period_start_on
),

shares as (
    select
        *,
        {{ safe_divide('promoters - detractors', 'responses') }} as net_share,
        {{ safe_divide('promoters + detractors', 'responses') }} as decided_share
    from counted
),

margins as (
    select
        *,
        -- 95 % (1.96) of the standard error of promoters − detractors, in points.
        196
        * sqrt(
            {{ safe_divide('greatest(decided_share - net_share * net_share, 0)', 'responses') }}
        ) as margin
    from shares
),

final as (
    select
        period_grain,
        period_start_on,
        cast(responses as bigint) as responses,
        cast(promoters as bigint) as promoters,
        cast(passives as bigint) as passives,
        cast(detractors as bigint) as detractors,
        100 * net_share as nps,
        100 * net_share - margin as nps_ci_low,
        100 * net_share + margin as nps_ci_high,
        responses >= 30 as is_reliable,
        is_complete,
        {{ has_matured(['survey_repeat_days']) }} as is_mature
    from margins
)

select * from final
