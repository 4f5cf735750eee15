-- Each channel with a message has all 168 hours.
with

channels as (
    select distinct channel_id
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly
),

hours as (
    select
        channel_id,
        count(*) as hours_found
    from {{ ref('kpi_busiest_hours') }}
    group by channel_id
)

select channels.channel_id
from channels
left join hours on channels.channel_id = hours.channel_id
where coalesce(hours.hours_found, 0) <> 168
