with

failed_messages as (
    select
        channel_id,
        message_on,
        coalesce(error_code, 'none') as error_code,
        coalesce(error_class, 'unknown') as error_class
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'outbound'
        and failed_at is not null
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
    where subject = 'messages'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'messages'
),

error_days as (
    select
        channel_id,
        error_code,
        message_on,
        min(error_class) as error_class,
        count(*) as messages_failed
    from failed_messages
    group by channel_id, error_code, message_on
),

error_totals as (
    select
        error_days.channel_id,
        error_days.error_code,
        period_days.period_grain,
        period_days.period_start_on,
        sum(error_days.messages_failed) as messages_failed
    from error_days
    inner join period_days
        on error_days.message_on = period_days.day_on
    group by
        error_days.channel_id,
        error_days.error_code,
        period_days.period_grain,
        period_days.period_start_on
),

-- A code has one class; min() only names it without a second grain.
channel_errors as (
    select
        channel_id,
        error_code,
        min(error_class) as error_class,
        min(message_on) as first_event_on
    from error_days
    group by channel_id, error_code
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        channel_errors.channel_id,
        channel_errors.error_code,
        channel_errors.error_class,
        coalesce(error_totals.messages_failed, 0) as messages_failed,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from channel_errors
    inner join periods
        on channel_errors.first_event_on <= periods.period_end_on
    left join error_totals
        on
            channel_errors.channel_id = error_totals.channel_id
            and channel_errors.error_code = error_totals.error_code
            and periods.period_grain = error_totals.period_grain
            and periods.period_start_on = error_totals.period_start_on
),

shared as (
    select
        *,
        sum(messages_failed) over (partition by period_grain, period_start_on, channel_id)
            as messages_failed_on_channel
    from counted
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        error_code,
        error_class,
        cast(messages_failed as bigint) as messages_failed,
        cast(messages_failed_on_channel as bigint) as messages_failed_on_channel,
        {{ safe_divide('messages_failed', 'messages_failed_on_channel') }} as share_of_failures,
        is_complete,
        {{ has_matured(['status_window_days']) }} as is_mature
    from shared
)

select * from final
