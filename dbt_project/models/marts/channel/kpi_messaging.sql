with

messages as (
    select
        channel_id,
        message_on,
        direction,
        message_type,
        sent_at,
        delivered_at,
        read_at,
        inferred_read_at,
        failed_at,
        error_code,
        is_in_service_window,
        cost_amount
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly
),

-- WhatsApp sends no delivered status where the chat is open on the phone: those count 0 seconds.
times_to_read as (
    select
        channel_id,
        message_on,
        cast(date_trunc('week', message_on) as date) as week_on,
        cast(date_trunc('month', message_on) as date) as month_on,
        {{ elapsed_seconds('delivered_at', 'read_at') }} as seconds_to_read
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'outbound'
        and delivered_at is not null
        and read_at is not null
),

coverage as (
    select
        channel_id,
        has_deliveries,
        has_reads
    from {{ ref('int_channel_coverage') }}
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

-- Everything that adds up is counted once per day and rolled up from there.
channel_days as (
    select
        channel_id,
        message_on,
        count(*) filter (where direction = 'outbound') as messages_attempted,
        count(sent_at) filter (where direction = 'outbound') as messages_sent,
        count(delivered_at) filter (where direction = 'outbound') as messages_delivered,
        count(read_at) filter (where direction = 'outbound') as messages_read,
        -- A click or an answer doesn't prove a delivery whose status is lost.
        count(inferred_read_at) filter (
            where direction = 'outbound' and delivered_at is not null
        ) as messages_read_inferred,
        count(failed_at) filter (where direction = 'outbound') as messages_failed,
        count(*) filter (
            where direction = 'outbound' and delivered_at is null and failed_at is null
        ) as messages_pending,
        count(failed_at) filter (
            where direction = 'outbound' and error_code in ('131049', '130472')
        ) as messages_capped,
        count(*) filter (
            where direction = 'outbound' and is_in_service_window
        ) as messages_in_window,
        count(*) filter (
            where direction = 'outbound' and is_in_service_window is not true
        ) as messages_out_of_window,
        -- A notice of WhatsApp itself (a number changed) is no message that was received.
        count(*) filter (
            where direction = 'inbound' and message_type <> 'system'
        ) as messages_received,
        -- Only delivered messages are priced.
        count(*) filter (
            where direction = 'outbound' and delivered_at is not null and cost_amount is null
        ) as messages_cost_unknown,
        sum(cost_amount) filter (
            where direction = 'outbound' and delivered_at is not null
        ) as cost_amount
    from messages
    group by channel_id, message_on
),

channel_totals as (
    select
        channel_days.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        sum(channel_days.messages_attempted) as messages_attempted,
        sum(channel_days.messages_sent) as messages_sent,
        sum(channel_days.messages_delivered) as messages_delivered,
        sum(channel_days.messages_read) as messages_read,
        sum(channel_days.messages_read_inferred) as messages_read_inferred,
        sum(channel_days.messages_failed) as messages_failed,
        sum(channel_days.messages_pending) as messages_pending,
        sum(channel_days.messages_capped) as messages_capped,
        sum(channel_days.messages_in_window) as messages_in_window,
        sum(channel_days.messages_out_of_window) as messages_out_of_window,
        sum(channel_days.messages_received) as messages_received,
        sum(channel_days.messages_cost_unknown) as messages_cost_unknown,
        sum(channel_days.cost_amount) as cost_amount
    from channel_days
    inner join period_days
        on channel_days.message_on = period_days.day_on
    group by
        channel_days.channel_id,
        period_days.period_grain,
        period_days.period_start_on
),

-- A median of medians is no median: one per grain.
median_times_to_read as (
    select
        channel_id,
        'day' as period_grain,
        message_on as period_start_on,
        median(seconds_to_read) as median_seconds_to_read
    from times_to_read
    group by channel_id, message_on
    union all
    select
        channel_id,
        'week' as period_grain,
        week_on as period_start_on,
        median(seconds_to_read) as median_seconds_to_read
    from times_to_read
    group by channel_id, week_on
    union all
    select
        channel_id,
        'month' as period_grain,
        month_on as period_start_on,
        median(seconds_to_read) as median_seconds_to_read
    from times_to_read
    group by channel_id, month_on
),

-- Where no export of a channel tells of deliveries or reads there are none to count: not 0.
channels as (
    select
        channel_days.channel_id,
        min(channel_days.message_on) as first_event_on,
        coalesce(bool_or(coverage.has_deliveries), false)
        or sum(channel_days.messages_delivered) > 0 as has_deliveries,
        coalesce(bool_or(coverage.has_reads), false)
        or sum(channel_days.messages_read) > 0 as has_reads
    from channel_days
    left join coverage on channel_days.channel_id = coverage.channel_id
    group by channel_days.channel_id
),

-- A channel that fell silent keeps its rows, with zeros.
channel_periods as (
    select
        periods.period_grain,
        periods.period_start_on,
        channels.channel_id,
        channels.has_deliveries,
        channels.has_reads,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from channels
    inner join periods
        on channels.first_event_on <= periods.period_end_on
),

counted as (
    select
        channel_periods.period_grain,
        channel_periods.period_start_on,
        channel_periods.channel_id,
        channel_periods.ends_at,
        channel_periods.watermark_at,
        channel_periods.is_complete,
        coalesce(channel_totals.messages_attempted, 0) as messages_attempted,
        coalesce(channel_totals.messages_sent, 0) as messages_sent,
        case
            when channel_periods.has_deliveries
                then coalesce(channel_totals.messages_delivered, 0)
        end as messages_delivered,
        case when channel_periods.has_reads then coalesce(channel_totals.messages_read, 0) end
            as messages_read,
        case
            when channel_periods.has_deliveries
                then coalesce(channel_totals.messages_read_inferred, 0)
        end as messages_read_inferred,
        coalesce(channel_totals.messages_failed, 0) as messages_failed,
        case
            when channel_periods.has_deliveries
                then coalesce(channel_totals.messages_pending, 0)
        end as messages_pending,
        -- What didn't fail may have arrived or not.
        case
            when channel_periods.has_deliveries then 0
            else coalesce(channel_totals.messages_pending, 0)
        end as messages_delivery_unknown,
        coalesce(channel_totals.messages_capped, 0) as messages_capped,
        coalesce(channel_totals.messages_in_window, 0) as messages_in_window,
        coalesce(channel_totals.messages_out_of_window, 0) as messages_out_of_window,
        coalesce(channel_totals.messages_received, 0) as messages_received,
        coalesce(channel_totals.messages_attempted + channel_totals.messages_received, 0)
            as messages_total,
        coalesce(channel_totals.messages_cost_unknown, 0) as messages_cost_unknown,
        -- Nothing to pay is 0; nothing known of what is to pay is NULL.
        case
            when coalesce(channel_totals.messages_cost_unknown, 0) = 0
                then coalesce(channel_totals.cost_amount, 0)
            else channel_totals.cost_amount
        end as cost_amount,
        median_times_to_read.median_seconds_to_read
    from channel_periods
    left join channel_totals
        on
            channel_periods.channel_id = channel_totals.channel_id
            and channel_periods.period_grain = channel_totals.period_grain
            and channel_periods.period_start_on = channel_totals.period_start_on
    left join median_times_to_read
        on
            channel_periods.channel_id = median_times_to_read.channel_id
            and channel_periods.period_grain = median_times_to_read.period_grain
            and channel_periods.period_start_on = median_times_to_read.period_start_on
),

shared as (
    select
        *,
        sum(messages_total) over (partition by period_grain, period_start_on)
            as messages_total_all_channels
    from counted
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        cast(messages_attempted as bigint) as messages_attempted,
        cast(messages_sent as bigint) as messages_sent,
        cast(messages_delivered as bigint) as messages_delivered,
        cast(messages_read as bigint) as messages_read,
        cast(messages_read_inferred as bigint) as messages_read_inferred,
        cast(messages_failed as bigint) as messages_failed,
        cast(messages_pending as bigint) as messages_pending,
        cast(messages_delivery_unknown as bigint) as messages_delivery_unknown,
        cast(messages_capped as bigint) as messages_capped,
        cast(messages_in_window as bigint) as messages_in_window,
        cast(messages_out_of_window as bigint) as messages_out_of_window,
        cast(messages_received as bigint) as messages_received,
        cast(messages_total as bigint) as messages_total,
        cast(messages_total_all_channels as bigint) as messages_total_all_channels,
        {{ safe_divide('messages_total', 'messages_total_all_channels') }} as share_of_messages,
        {{ safe_divide('messages_delivered', 'messages_sent') }} as delivery_rate,
        {{ safe_divide('messages_delivered', 'messages_attempted') }}
            as delivery_rate_of_attempted,
        {{ safe_divide('messages_failed', 'messages_attempted') }} as failure_rate,
        {{ safe_divide('messages_read', 'messages_delivered') }} as read_rate,
        {{ safe_divide('messages_read', 'messages_sent') }} as read_rate_of_sent,
        {{ safe_divide('messages_read_inferred', 'messages_delivered') }} as read_rate_inferred,
        {{ safe_divide('messages_in_window', 'messages_attempted') }} as messages_in_window_rate,
        {{ safe_divide('messages_received', 'messages_delivered') }}
            as received_to_delivered_ratio,
        cast(median_seconds_to_read as double) as median_seconds_to_read,
        cast(cost_amount as decimal(18, 6)) as cost_amount,
        cast(messages_cost_unknown as bigint) as messages_cost_unknown,
        is_complete,
        {{ has_matured(['status_window_days', 'click_window_days', 'response_window_hours']) }}
            as is_mature
    from shared
)

select * from final
