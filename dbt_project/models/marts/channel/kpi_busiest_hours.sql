with

messages as (
    select
        channel_id,
        direction,
        message_type,
        sender_type,
        agent_id,
        message_at
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly
),

opened_conversations as (
    select
        channel_id,
        opened_at
    from {{ ref('fct_conversations') }}
    where not is_reopening and not has_clock_anomaly
),

zones as (
    select
        channel_id,
        min(timezone) as timezone
    from {{ ref('int_channels') }}
    group by channel_id
),

-- Hours that only one of the two tells of would show no conversations where there were some.
watermarks as (
    select min(watermark_at) as watermark_at
    from {{ ref('int_watermarks') }}
    where subject in ('messages', 'conversations')
),

-- What no export tells of isn't 0.
told as (
    select
        (select count(*) from opened_conversations) > 0 as has_conversations,
        (
            select count(*)
            from messages
            where messages.sender_type = 'agent' and messages.agent_id not in ('none', 'unknown')
        ) > 0 as has_agents
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

opened_hours as (
    select
        opened_conversations.channel_id,
        isodow(timezone(spans.timezone, timezone('UTC', opened_conversations.opened_at)))
            as iso_day_of_week,
        hour(timezone(spans.timezone, timezone('UTC', opened_conversations.opened_at)))
            as hour_of_day,
        count(*) as conversations_opened
    from opened_conversations
    inner join spans
        on
            opened_conversations.channel_id = spans.channel_id
            and opened_conversations.opened_at >= spans.starts_at
            and opened_conversations.opened_at < spans.ends_at
    group by
        opened_conversations.channel_id,
        iso_day_of_week,
        hour_of_day
),

-- Each agent once per hour that passed, however much they wrote in it.
agent_hours as (
    select distinct
        messages.channel_id,
        messages.agent_id,
        date_sub('hour', spans.starts_at, messages.message_at) as hours_passed,
        isodow(timezone(spans.timezone, timezone('UTC', messages.message_at))) as iso_day_of_week,
        hour(timezone(spans.timezone, timezone('UTC', messages.message_at))) as hour_of_day
    from messages
    inner join spans
        on
            messages.channel_id = spans.channel_id
            and messages.message_at >= spans.starts_at
            and messages.message_at < spans.ends_at
    where
        messages.direction = 'outbound'
        and messages.sender_type = 'agent'
        and messages.agent_id not in ('none', 'unknown')
),

active_hours as (
    select
        channel_id,
        iso_day_of_week,
        hour_of_day,
        count(*) as agent_hours
    from agent_hours
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
        case when told.has_conversations then coalesce(opened_hours.conversations_opened, 0) end
            as conversations_opened,
        case when told.has_agents then coalesce(active_hours.agent_hours, 0) end as agent_hours,
        coalesce(observed_hours.hours_observed, 0) as hours_observed
    from hours_of_week
    cross join told
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
    left join opened_hours
        on
            hours_of_week.channel_id = opened_hours.channel_id
            and hours_of_week.iso_day_of_week = opened_hours.iso_day_of_week
            and hours_of_week.hour_of_day = opened_hours.hour_of_day
    left join active_hours
        on
            hours_of_week.channel_id = active_hours.channel_id
            and hours_of_week.iso_day_of_week = active_hours.iso_day_of_week
            and hours_of_week.hour_of_day = active_hours.hour_of_day
),

final as (
    select
        channel_id,
        cast(iso_day_of_week as bigint) as iso_day_of_week,
        cast(hour_of_day as bigint) as hour_of_day,
        cast(messages_received as bigint) as messages_received,
        cast(conversations_opened as bigint) as conversations_opened,
        cast(hours_observed as bigint) as hours_observed,
        {{ safe_divide('messages_received', 'hours_observed') }} as messages_received_per_hour,
        cast(agent_hours as bigint) as agent_hours,
        {{ safe_divide('agent_hours', 'hours_observed') }} as agents_active_per_hour
    from counted
)

select * from final
