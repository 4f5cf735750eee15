-- Every row of the user's own rate card and exchange rates has a date and a number, every opening
-- hour a day and two times, every holiday a day, every target seconds of a known clock and metric,
-- every topic a pattern that is one; what has not is left out: the costs it would have given are
-- unknown, the shift is closed, the target is none.
{{ config(severity='warn') }}

with

unreadable as (
    select
        'rate_card' as stream,
        count(*) as rows_unreadable
    from {{ source('raw', 'reference_rate_card') }}
    where
        try_cast(effective_from as date) is null
        or try_cast(rate as decimal(18, 8)) is null
    union all
    select
        'fx_rates' as stream,
        count(*) as rows_unreadable
    from {{ source('raw', 'reference_fx_rates') }}
    where
        try_cast(rated_on as date) is null
        or try_cast(rate as decimal(28, 14)) is null
    union all
    select
        'feedback_topics' as stream,
        count(*) as rows_unreadable
    from {{ source('raw', 'reference_feedback_topics') }}
    where try(regexp_matches('', pattern)) is null
    union all
    select
        'business_hours' as stream,
        count(*) as rows_unreadable
    from {{ source('raw', 'reference_business_hours') }}
    where
        coalesce(try_cast(iso_day_of_week as integer), 0) not between 1 and 7
        or try_cast(closes_at as time) is null
        or coalesce(epoch(try_cast(opens_at as time)), 86400) >= 86400
    union all
    select
        'holidays' as stream,
        count(*) as rows_unreadable
    from {{ source('raw', 'reference_holidays') }}
    where try_cast(holiday_on as date) is null
    union all
    select
        'sla_targets' as stream,
        count(*) as rows_unreadable
    from {{ source('raw', 'reference_sla_targets') }}
    where
        coalesce(try_cast(target_seconds as bigint), 0) <= 0
        or coalesce(lower(clock), 'calendar') not in ('calendar', 'business')
        or lower(metric) not in (
            'first_response', 'first_response_seconds', 'first_response_business_seconds'
        )
)

select
    stream,
    rows_unreadable
from unreadable
where rows_unreadable > 0
