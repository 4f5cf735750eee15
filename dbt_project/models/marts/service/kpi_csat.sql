with

surveys as (
    select
        channel_id,
        sent_on,
        is_delivered,
        answered_on,
        answered_at is not null as is_answered,
        {{ is_satisfied('score', 'scale_max') }} as is_satisfied,
        -- On a scale of five, whatever scale it was asked on: the ends stay the ends.
        1 + 4 * {{ safe_divide('score - 1', 'scale_max - 1') }} as score_of_five
    from {{ ref('fct_survey_responses') }}
    where survey_type = 'csat' and not has_clock_anomaly
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
    where subject = 'csat'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'csat'
),

-- A survey counts on the day it was sent, its answer on the day it was given.
days as (
    select
        channel_id,
        sent_on as day_on,
        -- Nobody answers what never arrived. Where nobody tells of deliveries, all arrived.
        count(*) filter (where coalesce(is_delivered, true)) as surveys_sent,
        count(*) filter (where not is_delivered) as surveys_undelivered,
        count(*) filter (where is_answered) as surveys_sent_answered,
        0 as responses,
        0 as responses_satisfied,
        0.0 as score_sum
    from surveys
    where sent_on is not null
    group by channel_id, sent_on
    union all
    select
        channel_id,
        answered_on as day_on,
        0 as surveys_sent,
        0 as surveys_undelivered,
        0 as surveys_sent_answered,
        count(*) as responses,
        count(*) filter (where is_satisfied) as responses_satisfied,
        -- Exact, whatever the order of the rows.
        sum(cast(score_of_five as decimal(30, 20))) as score_sum
    from surveys
    where answered_on is not null and score_of_five is not null
    group by channel_id, answered_on
),

channels as (
    select
        channel_id,
        min(day_on) as first_event_on
    from days
    where day_on in (select period_days.day_on from period_days)
    group by channel_id
),

period_sums as (
    select
        days.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        sum(days.surveys_sent) as surveys_sent,
        sum(days.surveys_undelivered) as surveys_undelivered,
        sum(days.surveys_sent_answered) as surveys_sent_answered,
        sum(days.responses) as responses,
        sum(days.responses_satisfied) as responses_satisfied,
        sum(days.score_sum) as score_sum
    from days
    inner join period_days on days.day_on = period_days.day_on
    group by days.channel_id, period_days.period_grain, period_days.period_start_on
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        channels.channel_id,
        coalesce(period_sums.surveys_sent, 0) as surveys_sent,
        coalesce(period_sums.surveys_undelivered, 0) as surveys_undelivered,
        coalesce(period_sums.surveys_sent_answered, 0) as surveys_sent_answered,
        coalesce(period_sums.responses, 0) as responses,
        coalesce(period_sums.responses_satisfied, 0) as responses_satisfied,
        period_sums.score_sum,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from channels
    inner join periods on channels.first_event_on <= periods.period_end_on
    left join period_sums
        on
            channels.channel_id = period_sums.channel_id
            and periods.period_grain = period_sums.period_grain
            and periods.period_start_on = period_sums.period_start_on
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        cast(surveys_sent as bigint) as surveys_sent,
        cast(surveys_sent_answered as bigint) as surveys_sent_answered,
        {{ safe_divide('surveys_sent_answered', 'surveys_sent') }} as survey_response_rate,
        cast(surveys_undelivered as bigint) as surveys_undelivered,
        cast(responses as bigint) as responses,
        cast(responses_satisfied as bigint) as responses_satisfied,
        {{ safe_divide('responses_satisfied', 'responses') }} as csat_rate,
        {{ safe_divide('score_sum', 'responses') }} as csat_average,
        is_complete,
        {{ has_matured(['survey_repeat_days']) }} as is_mature
    from counted
)

select * from final
