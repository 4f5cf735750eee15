-- A key has each period from its first one to the last of all, on every grain.
with

keyed as (
    select
        period_grain,
        utm_source,
        utm_medium,
        utm_campaign,
        min(period_start_on) as first_period_on,
        count(*) as periods
    from {{ ref('kpi_utm_traffic') }}
    group by
        period_grain,
        utm_source,
        utm_medium,
        utm_campaign
),

all_periods as (
    select distinct
        period_grain,
        period_start_on
    from {{ ref('kpi_utm_traffic') }}
)

select
    keyed.period_grain,
    keyed.utm_source,
    keyed.utm_medium,
    keyed.utm_campaign
from keyed
inner join all_periods
    on
        keyed.period_grain = all_periods.period_grain
        and keyed.first_period_on <= all_periods.period_start_on
group by
    keyed.period_grain,
    keyed.utm_source,
    keyed.utm_medium,
    keyed.utm_campaign
having min(keyed.periods) <> count(*)
