with

conversations as (
    select
        channel_id,
        category,
        opened_on,
        is_reopening,
        closed_on,
        resolution_seconds
    from {{ ref('fct_conversations') }}
    where not has_clock_anomaly
),

periods as (
    select
        period_grain,
        period_start_on,
        period_end_on,
        ends_at,
        watermark_at,
        is_complete
    from {{ ref('int_periods') }}
    where subject = 'service'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'service'
),

opened as (
    select
        conversations.channel_id,
        conversations.category,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as conversations_opened
    from conversations
    inner join period_days on conversations.opened_on = period_days.day_on
    where not conversations.is_reopening
    group by
        conversations.channel_id,
        conversations.category,
        period_days.period_grain,
        period_days.period_start_on
),

closed as (
    select
        conversations.channel_id,
        conversations.category,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as conversations_closed,
        median(conversations.resolution_seconds) as resolution_seconds_median
    from conversations
    inner join period_days on conversations.closed_on = period_days.day_on
    group by
        conversations.channel_id,
        conversations.category,
        period_days.period_grain,
        period_days.period_start_on
),

-- What began after the watermark of service has no period yet.
categories as (
    select
        conversations.channel_id,
        conversations.category,
        min(conversations.opened_on) as first_event_on
    from conversations
    inner join period_days on conversations.opened_on = period_days.day_on
    group by conversations.channel_id, conversations.category
),

counted as (
    select
        categories.channel_id,
        categories.category,
        periods.period_grain,
        periods.period_start_on,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete,
        coalesce(opened.conversations_opened, 0) as conversations_opened,
        coalesce(closed.conversations_closed, 0) as conversations_closed,
        closed.resolution_seconds_median
    from categories
    inner join periods
        on categories.first_event_on <= periods.period_end_on
    left join opened
        on
            categories.channel_id = opened.channel_id
            and categories.category = opened.category
            and periods.period_grain = opened.period_grain
            and periods.period_start_on = opened.period_start_on
    left join closed
        on
            categories.channel_id = closed.channel_id
            and categories.category = closed.category
            and periods.period_grain = closed.period_grain
            and periods.period_start_on = closed.period_start_on
),

shared as (
    select
        *,
        sum(conversations_opened) over (partition by period_grain, period_start_on, channel_id)
            as conversations_opened_on_channel
    from counted
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        category,
        cast(conversations_opened as bigint) as conversations_opened,
        cast(conversations_opened_on_channel as bigint) as conversations_opened_on_channel,
        {{ safe_divide('conversations_opened', 'conversations_opened_on_channel') }}
            as share_of_conversations,
        cast(conversations_closed as bigint) as conversations_closed,
        cast(resolution_seconds_median as double) as resolution_seconds_median,
        is_complete,
        {{ has_matured(['session_gap_hours']) }} as is_mature
    from shared
)

select * from final
