with

messages as (
    select
        channel_id,
        direction,
        message_type,
        message_at
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly
),

zones as (
    select
        channel_id,
        min(timezone) as timezone
    from {{ ref('int_channels') }}
    group by channel_id
),

watermarks as (
    select watermark_at
    from {{ ref('int_watermarks') }}
    where subject = 'messages'
),

channels as (
    select
        messages.channel_id,
        coalesce(min(zones.timezone), '{{ var("reporting_timezone") }}') as timezone,
        min(messages.message_at) as first_message_at
    from messages
    left join zones on messages.channel_id = zones.channel_id
    group by messages.channel_id
),

local_weeks as (
    select
        channels.channel_id,
        channels.timezone,
        date_trunc(
            'week', timezone(channels.timezone, timezone('UTC', watermarks.watermark_at))
        ) as weeks_end_at,
        date_trunc(
            'week', timezone(channels.timezone, timezone('UTC', channels.first_message_at))
        ) as first_week_at
    from channels
    cross join watermarks
),

-- Weeks before a channel's first message were not quiet ones: they are not observed.
spans as (
    select
        channel_id,
        timezone,
        timezone(
            'UTC',
            timezone(
                timezone,
                greatest(
                    first_week_at,
                    weeks_end_at - interval ({{ var('busiest_hours_weeks') | int }}) week
                )
            )
        ) as starts_at,
        timezone('UTC', timezone(timezone, weeks_end_at)) as ends_at
    from local_weeks
),

-- Hours as they passed, told by the channel's clock: one that summer time skips is not there, one
-- that comes twice is there twice.
passed_hours as (
    select
        channel_id,
        timezone,
        unnest(generate_series(starts_at, ends_at - interval 1 hour, interval 1 hour)) as hour_at
    from spans
    where starts_at < ends_at
),

observed_hours as (
    select
        channel_id,
        isodow(timezone(timezone, timezone('UTC', hour_at))) as iso_day_of_week,
        hour(timezone(timezone, timezone('UTC', hour_at))) as hour_of_day,
        count(*) as hours_observed
    from passed_hours
    group by
        channel_id,
        iso_day_of_week,
        hour_of_day
),

-- A notice of WhatsApp itself (a number changed) is no message that was received.
received_messages as (
    select
        messages.channel_id,
        timezone(spans.timezone, timezone('UTC', messages.message_at)) as local_at
    from messages
    inner join spans
        on
            messages.channel_id = spans.channel_id
            and messages.message_at >= spans.starts_at
            and messages.message_at < spans.ends_at
    where messages.direction = 'inbound' and messages.message_type <> 'system'
),

received_hours as (
    select
        channel_id,
        isodow(local_at) as iso_day_of_week,
        hour(local_at) as hour_of_day,
        count(*) as messages_received
    from received_messages
    group by
        channel_id,
        iso_day_of_week,
        hour_of_day
),

numbered_hours as (
    select
        channel_id,
        unnest(range(168)) as hour_number
    from channels
),

hours_of_week as (
    select
        channel_id,
        hour_number // 24 + 1 as iso_day_of_week,
        hour_number % 24 as hour_of_day
    from numbered_hours
),

counted as (
    select
        hours_of_week.channel_id,
        hours_of_week.iso_day_of_week,
        hours_of_week.hour_of_day,
        coalesce(received_hours.messages_received, 0) as messages_received,
        coalesce(observed_hours.hours_observed, 0) as hours_observed
    from hours_of_week
    left join observed_hours
        on
            hours_of_week.channel_id = observed_hours.channel_id
            and hours_of_week.iso_day_of_week = observed_hours.iso_day_of_week
            and hours_of_week.hour_of_day = observed_hours.hour_of_day
    left join received_hours
        on
            hours_of_week.channel_id = received_hours.channel_id
            and hours_of_week.iso_day_of_week = received_hours.iso_day_of_week
            and hours_of_week.hour_of_day = received_hours.hour_of_day
),

final as (
    select
        channel_id,
        cast(iso_day_of_week as bigint) as iso_day_of_week,
        cast(hour_of_day as bigint) as hour_of_day,
        cast(messages_received as bigint) as messages_received,
        -- No stream of conversations is loaded yet: not known, so not 0.
        cast(null as bigint) as conversations_opened,
        cast(hours_observed as bigint) as hours_observed,
        {{ safe_divide('messages_received', 'hours_observed') }} as messages_received_per_hour,
        cast(null as double) as agents_active_per_hour
    from counted
)

select * from final
