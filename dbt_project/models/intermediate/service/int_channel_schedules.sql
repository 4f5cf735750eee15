-- The zone and the schedule of a channel as dim_channels publishes them.
with

channels as (
    select
        channel_id,
        timezone,
        schedule_id
    from {{ ref('int_channels') }}
),

business_hours as (
    select distinct schedule_id
    from {{ ref('stg_reference__business_hours') }}
),

published_channels as (
    select
        channel_id,
        min(timezone) as timezone,
        min(schedule_id) as schedule_id
    from channels
    group by channel_id
),

final as (
    select
        published_channels.channel_id,
        published_channels.schedule_id,
        published_channels.timezone
    from published_channels
    inner join business_hours on published_channels.schedule_id = business_hours.schedule_id
)

select * from final
