{#- Fails for every key and grain that lacks a period between its first one and the watermark. -#}
{% test periods_are_dense(model, keys, subject='messages') %}

with

key_periods as (
    select
        {{ (['period_grain'] + keys) | join(',\n        ') }},
        min(period_start_on) as first_period_on,
        count(*) as periods_found
    from {{ model }}
    group by
        {{ (['period_grain'] + keys) | join(',\n        ') }}
),

calendar as (
    select
        period_grain,
        period_start_on
    from {{ ref('int_periods') }}
    where subject = '{{ subject }}'
),

expected as (
    select
        first_periods.period_grain,
        first_periods.first_period_on,
        count(calendar.period_start_on) as periods_expected
    from (select distinct period_grain, first_period_on from key_periods) as first_periods
    left join calendar
        on
            first_periods.period_grain = calendar.period_grain
            and first_periods.first_period_on <= calendar.period_start_on
    group by
        first_periods.period_grain,
        first_periods.first_period_on
)

select
    key_periods.*,
    expected.periods_expected
from key_periods
inner join expected
    on
        key_periods.period_grain = expected.period_grain
        and key_periods.first_period_on = expected.first_period_on
where key_periods.periods_found <> expected.periods_expected

{% endtest %}
