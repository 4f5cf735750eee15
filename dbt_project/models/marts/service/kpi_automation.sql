with

conversations as (
    select
        channel_id,
        opened_on,
        bot_outcome,
        messages_received_after_bot,
        bot_started_at,
        handed_off_at,
        first_response_at
    from {{ ref('fct_conversations') }}
    where bot_outcome is not null and not has_clock_anomaly
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

-- A handoff that no event tells of (an agent just wrote) has an outcome and no time.
timed as (
    select
        channel_id,
        opened_on,
        bot_outcome,
        messages_received_after_bot,
        case
            when handed_off_at >= bot_started_at
                then {{ elapsed_seconds('bot_started_at', 'handed_off_at') }}
        end as seconds_to_handoff,
        case
            when first_response_at >= handed_off_at
                then {{ elapsed_seconds('handed_off_at', 'first_response_at') }}
        end as wait_after_handoff_seconds
    from conversations
),

channel_totals as (
    select
        timed.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        count(*) as bot_conversations,
        count(*) filter (where timed.messages_received_after_bot > 0) as bot_engaged,
        count(*) filter (where timed.bot_outcome = 'completed') as bot_completed,
        count(*) filter (where timed.bot_outcome = 'handed_off') as bot_handed_off,
        count(*) filter (where timed.bot_outcome = 'dropped_off') as bot_dropped_off,
        count(*) filter (where timed.bot_outcome = 'open') as bot_open,
        count(timed.seconds_to_handoff) as handoffs_timed,
        median(timed.seconds_to_handoff) as median_seconds_to_handoff,
        count(timed.wait_after_handoff_seconds) as handoffs_answered,
        median(timed.wait_after_handoff_seconds) as median_wait_after_handoff_seconds
    from timed
    inner join period_days on timed.opened_on = period_days.day_on
    group by
        timed.channel_id,
        period_days.period_grain,
        period_days.period_start_on
),

-- What began after the watermark of service has no period yet.
channels as (
    select
        conversations.channel_id,
        min(conversations.opened_on) as first_event_on
    from conversations
    inner join period_days on conversations.opened_on = period_days.day_on
    group by conversations.channel_id
),

counted as (
    select
        channels.channel_id,
        periods.period_grain,
        periods.period_start_on,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete,
        coalesce(channel_totals.bot_conversations, 0) as bot_conversations,
        coalesce(channel_totals.bot_engaged, 0) as bot_engaged,
        coalesce(channel_totals.bot_completed, 0) as bot_completed,
        coalesce(channel_totals.bot_handed_off, 0) as bot_handed_off,
        coalesce(channel_totals.bot_dropped_off, 0) as bot_dropped_off,
        coalesce(channel_totals.bot_open, 0) as bot_open,
        coalesce(channel_totals.handoffs_timed, 0) as handoffs_timed,
        channel_totals.median_seconds_to_handoff,
        coalesce(channel_totals.handoffs_answered, 0) as handoffs_answered,
        channel_totals.median_wait_after_handoff_seconds
    from channels
    inner join periods
        on channels.first_event_on <= periods.period_end_on
    left join channel_totals
        on
            channels.channel_id = channel_totals.channel_id
            and periods.period_grain = channel_totals.period_grain
            and periods.period_start_on = channel_totals.period_start_on
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        cast(bot_conversations as bigint) as bot_conversations,
        cast(bot_engaged as bigint) as bot_engaged,
        cast(bot_completed as bigint) as bot_completed,
        cast(bot_handed_off as bigint) as bot_handed_off,
        cast(bot_dropped_off as bigint) as bot_dropped_off,
        cast(bot_open as bigint) as bot_open,
        {{ safe_divide('bot_engaged', 'bot_conversations') }} as chatbot_engagement_rate,
        {{ safe_divide('bot_completed', 'bot_conversations') }} as bot_completion_rate,
        {{ safe_divide('bot_handed_off', 'bot_conversations') }} as human_handoff_rate,
        {{ safe_divide('bot_dropped_off', 'bot_conversations') }} as bot_dropoff_rate,
        cast(handoffs_timed as bigint) as handoffs_timed,
        cast(median_seconds_to_handoff as double) as median_seconds_to_handoff,
        cast(handoffs_answered as bigint) as handoffs_answered,
        cast(median_wait_after_handoff_seconds as double) as median_wait_after_handoff_seconds,
        is_complete,
        {{ has_matured(['session_gap_hours', 'bot_confirm_hours']) }} as is_mature
    from counted
)

select * from final
