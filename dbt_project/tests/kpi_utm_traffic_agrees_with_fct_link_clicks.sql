-- Every human click is in one day of its UTM; where orders end earlier, those until then.
with

from_fact as (
    select count(*) as clicks_human
    from {{ ref('fct_link_clicks') }}
    where
        is_human
        and not has_clock_anomaly
        and clicked_on <= (
            select max(traffic.period_start_on)
            from {{ ref('kpi_utm_traffic') }} as traffic
            where traffic.period_grain = 'day'
        )
),

from_mart as (
    select coalesce(sum(clicks_human), 0) as clicks_human
    from {{ ref('kpi_utm_traffic') }}
    where period_grain = 'day'
)

select
    from_fact.clicks_human,
    from_mart.clicks_human as clicks_in_periods
from from_fact
cross join from_mart
where from_fact.clicks_human <> from_mart.clicks_human
