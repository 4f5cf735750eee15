with

answers as (
    select
        survey_type,
        topic,
        answered_on,
        has_comment,
        score
    from {{ ref('fct_survey_responses') }}
    where answered_at is not null and not has_clock_anomaly
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

topics as (
    select
        survey_type,
        topic,
        min(answered_on) as first_event_on
    from answers
    where answered_on in (select period_days.day_on from period_days)
    group by survey_type, topic
),

period_sums as (
    select
        period_days.period_grain,
        period_days.period_start_on,
        answers.survey_type,
        answers.topic,
        count(*) as responses,
        count(*) filter (where answers.has_comment) as responses_with_comment,
        count(answers.score) as responses_scored,
        sum(cast(answers.score as decimal(30, 20))) as score_sum
    from answers
    inner join period_days on answers.answered_on = period_days.day_on
    group by
        period_days.period_grain, period_days.period_start_on, answers.survey_type, answers.topic
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        topics.survey_type,
        topics.topic,
        coalesce(period_sums.responses, 0) as responses,
        coalesce(period_sums.responses_with_comment, 0) as responses_with_comment,
        coalesce(period_sums.responses_scored, 0) as responses_scored,
        period_sums.score_sum,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from topics
    inner join periods on topics.first_event_on <= periods.period_end_on
    left join period_sums
        on
            topics.survey_type = period_sums.survey_type
            and topics.topic = period_sums.topic
            and periods.period_grain = period_sums.period_grain
            and periods.period_start_on = period_sums.period_start_on
),

compared as (
    select
        *,
        sum(responses) over (
            partition by period_grain, period_start_on, survey_type
        ) as responses_of_survey_type
    from counted
),

final as (
    select
        period_grain,
        period_start_on,
        survey_type,
        topic,
        cast(responses as bigint) as responses,
        cast(responses_with_comment as bigint) as responses_with_comment,
        cast(responses_scored as bigint) as responses_scored,
        {{ safe_divide('score_sum', 'responses_scored') }} as score_average,
        cast(responses_of_survey_type as bigint) as responses_of_survey_type,
        {{ safe_divide('responses', 'responses_of_survey_type') }} as share_of_responses,
        is_complete,
        {{ has_matured(['survey_repeat_days']) }} as is_mature
    from compared
)

select * from final
