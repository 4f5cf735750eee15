-- Every row of the user's own rate card and exchange rates has a date and a number, every topic a
-- pattern that is one; what has not is left out, so the costs it would have given are unknown.
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
)

select
    stream,
    rows_unreadable
from unreadable
where rows_unreadable > 0
