with

channels as (
    select
        native_channel_id,
        channel_id,
        channel_type,
        name,
        timezone,
        schedule_id
    from {{ ref('int_channels') }}
),

channel_events as (
    select
        native_channel_id,
        event,
        current_limit,
        occurred_at
    from {{ ref('int_channel_events') }}
),

-- An upgrade or downgrade tells the limit and nothing of the quality.
numbered_events as (
    select
        *,
        row_number() over (
            partition by native_channel_id
            order by occurred_at nulls first, event, current_limit
        ) as event_number
    from channel_events
),

latest_events as (
    select
        native_channel_id,
        max_by(event, event_number) filter (where event in ('flagged', 'unflagged')) as quality,
        max_by(current_limit, event_number) filter (where current_limit is not null)
            as messaging_limit
    from numbered_events
    group by native_channel_id
),

final as (
    select
        channels.channel_id,
        channels.channel_type,
        min(coalesce(channels.name, channels.channel_type || ' ' || right(channels.channel_id, 4)))
            as name,
        min(channels.timezone) as timezone,
        min(channels.schedule_id) as schedule_id,
        min(latest_events.quality) as quality,
        min(latest_events.messaging_limit) as messaging_limit
    from channels
    left join latest_events on channels.native_channel_id = latest_events.native_channel_id
    group by channels.channel_id, channels.channel_type
)

select * from final
