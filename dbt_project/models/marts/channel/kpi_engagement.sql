with

channels as (
    select
        channel_id,
        min(message_on) as first_event_on
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly
    group by channel_id
),

contact_days as (
    select
        contact_id,
        channel_id,
        direction,
        day_on,
        messages_replied > 0 as is_replied
    from {{ ref('int_contact_channel_days') }}
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

-- A contact counts once per period: days can't be added up.
contact_weeks as (
    select
        contact_id,
        channel_id,
        direction,
        cast(date_trunc('week', day_on) as date) as week_on,
        bool_or(is_replied) as is_replied
    from contact_days
    group by contact_id, channel_id, direction, cast(date_trunc('week', day_on) as date)
),

contact_months as (
    select
        contact_id,
        channel_id,
        direction,
        cast(date_trunc('month', day_on) as date) as month_on,
        bool_or(is_replied) as is_replied
    from contact_days
    group by contact_id, channel_id, direction, cast(date_trunc('month', day_on) as date)
),

contact_counts as (
    select
        channel_id,
        'day' as period_grain,
        day_on as period_start_on,
        count(*) filter (where direction = 'outbound') as contacts_messaged,
        count(*) filter (where direction = 'outbound' and is_replied) as contacts_replied,
        count(*) filter (where direction = 'inbound') as contacts_active
    from contact_days
    group by channel_id, day_on
    union all
    select
        channel_id,
        'week' as period_grain,
        week_on as period_start_on,
        count(*) filter (where direction = 'outbound') as contacts_messaged,
        count(*) filter (where direction = 'outbound' and is_replied) as contacts_replied,
        count(*) filter (where direction = 'inbound') as contacts_active
    from contact_weeks
    group by channel_id, week_on
    union all
    select
        channel_id,
        'month' as period_grain,
        month_on as period_start_on,
        count(*) filter (where direction = 'outbound') as contacts_messaged,
        count(*) filter (where direction = 'outbound' and is_replied) as contacts_replied,
        count(*) filter (where direction = 'inbound') as contacts_active
    from contact_months
    group by channel_id, month_on
),

first_active_days as (
    select
        contact_id,
        channel_id,
        min(day_on) as first_active_on
    from contact_days
    where direction = 'inbound'
    group by contact_id, channel_id
),

new_contact_days as (
    select
        channel_id,
        first_active_on,
        count(*) as contacts_new
    from first_active_days
    group by channel_id, first_active_on
),

new_contact_counts as (
    select
        new_contact_days.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        sum(new_contact_days.contacts_new) as contacts_new
    from new_contact_days
    inner join period_days
        on new_contact_days.first_active_on = period_days.day_on
    group by
        new_contact_days.channel_id,
        period_days.period_grain,
        period_days.period_start_on
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        channels.channel_id,
        coalesce(contact_counts.contacts_messaged, 0) as contacts_messaged,
        coalesce(contact_counts.contacts_replied, 0) as contacts_replied,
        coalesce(contact_counts.contacts_active, 0) as contacts_active,
        coalesce(new_contact_counts.contacts_new, 0) as contacts_new,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from channels
    inner join periods
        on channels.first_event_on <= periods.period_end_on
    left join contact_counts
        on
            channels.channel_id = contact_counts.channel_id
            and periods.period_grain = contact_counts.period_grain
            and periods.period_start_on = contact_counts.period_start_on
    left join new_contact_counts
        on
            channels.channel_id = new_contact_counts.channel_id
            and periods.period_grain = new_contact_counts.period_grain
            and periods.period_start_on = new_contact_counts.period_start_on
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        cast(contacts_messaged as bigint) as contacts_messaged,
        cast(contacts_replied as bigint) as contacts_replied,
        {{ safe_divide('contacts_replied', 'contacts_messaged') }} as contact_response_rate,
        cast(contacts_active as bigint) as contacts_active,
        cast(contacts_new as bigint) as contacts_new,
        cast(contacts_active - contacts_new as bigint) as contacts_returning,
        {{ safe_divide('contacts_new', 'contacts_active') }} as new_contact_rate,
        is_complete,
        {{ has_matured(['response_window_hours']) }} as is_mature
    from counted
)

select * from final
