with

template_messages as (
    select
        template_name,
        template_language,
        category,
        message_at,
        message_on,
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        first_clicked_at,
        cost_amount
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'outbound'
        and template_name <> 'none'
),

delivered_messages as (
    select
        template_name,
        template_language,
        contact_id,
        message_on,
        first_replied_at,
        coalesce(
            first_clicked_at
            <= message_at + interval ({{ var('click_window_days') | int }}) day,
            false
        ) as is_clicked
    from {{ ref('fct_messages') }}
    where
        not has_clock_anomaly
        and direction = 'outbound'
        and template_name <> 'none'
        and delivered_at is not null
        and contact_id not in ('none', 'unknown')
),

opt_outs as (
    select
        contact_id,
        channel_id,
        occurred_at
    from {{ ref('int_consent_events') }}
    -- A second STOP of somebody who had left before is no message's doing.
    where event = 'opt_out' and is_state_change
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

template_category_days as (
    select
        template_name,
        template_language,
        category,
        message_on,
        max(message_at) as last_message_at,
        count(*) as messages_attempted,
        count(sent_at) as messages_sent,
        count(delivered_at) as messages_delivered,
        count(read_at) as messages_read,
        count(failed_at) as messages_failed,
        count(first_clicked_at) as messages_clicked,
        count(*) filter (
            where delivered_at is not null and cost_amount is null
        ) as messages_cost_unknown,
        sum(cost_amount) filter (where delivered_at is not null) as cost_amount
    from template_messages
    group by template_name, template_language, category, message_on
),

template_totals as (
    select
        template_category_days.template_name,
        template_category_days.template_language,
        period_days.period_grain,
        period_days.period_start_on,
        sum(template_category_days.messages_attempted) as messages_attempted,
        sum(template_category_days.messages_sent) as messages_sent,
        sum(template_category_days.messages_delivered) as messages_delivered,
        sum(template_category_days.messages_read) as messages_read,
        sum(template_category_days.messages_failed) as messages_failed,
        sum(template_category_days.messages_cost_unknown) as messages_cost_unknown,
        sum(template_category_days.cost_amount) as cost_amount
    from template_category_days
    inner join period_days
        on template_category_days.message_on = period_days.day_on
    group by
        template_category_days.template_name,
        template_category_days.template_language,
        period_days.period_grain,
        period_days.period_start_on
),

-- Meta may recategorise a template: its category is that of its latest message, for all periods.
templates as (
    select
        template_name,
        template_language,
        category,
        min(message_on) over (partition by template_name, template_language) as first_event_on,
        -- No click of its links ever led to a message: they carry no person, or it has none.
        sum(messages_clicked) over (partition by template_name, template_language) > 0
            as has_own_links
    from template_category_days
    qualify row_number() over (
        partition by template_name, template_language
        order by last_message_at desc, category asc
    ) = 1
),

-- A recipient counts once per period: days can't be added up.
recipient_days as (
    select
        template_name,
        template_language,
        contact_id,
        message_on,
        bool_or(is_clicked) as is_clicked,
        bool_or(first_replied_at is not null) as is_replied
    from delivered_messages
    group by template_name, template_language, contact_id, message_on
),

recipient_weeks as (
    select
        template_name,
        template_language,
        contact_id,
        cast(date_trunc('week', message_on) as date) as week_on,
        bool_or(is_clicked) as is_clicked,
        bool_or(is_replied) as is_replied
    from recipient_days
    group by
        template_name,
        template_language,
        contact_id,
        cast(date_trunc('week', message_on) as date)
),

recipient_months as (
    select
        template_name,
        template_language,
        contact_id,
        cast(date_trunc('month', message_on) as date) as month_on,
        bool_or(is_clicked) as is_clicked,
        bool_or(is_replied) as is_replied
    from recipient_days
    group by
        template_name,
        template_language,
        contact_id,
        cast(date_trunc('month', message_on) as date)
),

reached_recipients as (
    select
        template_name,
        template_language,
        'day' as period_grain,
        message_on as period_start_on,
        count(*) as recipients_delivered,
        count(*) filter (where is_clicked) as recipients_clicked,
        count(*) filter (where is_replied) as recipients_replied
    from recipient_days
    group by template_name, template_language, message_on
    union all
    select
        template_name,
        template_language,
        'week' as period_grain,
        week_on as period_start_on,
        count(*) as recipients_delivered,
        count(*) filter (where is_clicked) as recipients_clicked,
        count(*) filter (where is_replied) as recipients_replied
    from recipient_weeks
    group by template_name, template_language, week_on
    union all
    select
        template_name,
        template_language,
        'month' as period_grain,
        month_on as period_start_on,
        count(*) as recipients_delivered,
        count(*) filter (where is_clicked) as recipients_clicked,
        count(*) filter (where is_replied) as recipients_replied
    from recipient_months
    group by template_name, template_language, month_on
),

-- Strictly after: the confirmation sent in the second of a STOP didn't cause it.
opt_outs_after_message as (
    select
        messages.template_name,
        messages.template_language,
        messages.contact_id,
        messages.message_on
    from {{ ref('fct_messages') }} as messages
    inner join opt_outs
        on
            messages.contact_id = opt_outs.contact_id
            and messages.channel_id = opt_outs.channel_id
            and messages.message_at < opt_outs.occurred_at
            and messages.message_at
            + interval '{{ var("opt_out_window_hours") }} hours' >= opt_outs.occurred_at
    where
        not messages.has_clock_anomaly
        and messages.direction = 'outbound'
        and messages.template_name <> 'none'
        and messages.delivered_at is not null
        and messages.contact_id not in ('none', 'unknown')
),

opted_out_recipients as (
    select
        opt_outs_after_message.template_name,
        opt_outs_after_message.template_language,
        period_days.period_grain,
        period_days.period_start_on,
        count(distinct opt_outs_after_message.contact_id) as recipients_opted_out
    from opt_outs_after_message
    inner join period_days
        on opt_outs_after_message.message_on = period_days.day_on
    group by
        opt_outs_after_message.template_name,
        opt_outs_after_message.template_language,
        period_days.period_grain,
        period_days.period_start_on
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        templates.template_name,
        templates.template_language,
        templates.category,
        coalesce(template_totals.messages_attempted, 0) as messages_attempted,
        coalesce(template_totals.messages_sent, 0) as messages_sent,
        coalesce(template_totals.messages_delivered, 0) as messages_delivered,
        coalesce(template_totals.messages_read, 0) as messages_read,
        coalesce(template_totals.messages_failed, 0) as messages_failed,
        coalesce(reached_recipients.recipients_delivered, 0) as recipients_delivered,
        case
            when templates.has_own_links then coalesce(reached_recipients.recipients_clicked, 0)
        end as recipients_clicked,
        coalesce(reached_recipients.recipients_replied, 0) as recipients_replied,
        coalesce(opted_out_recipients.recipients_opted_out, 0) as recipients_opted_out,
        coalesce(template_totals.messages_cost_unknown, 0) as messages_cost_unknown,
        -- Nothing to pay is 0; nothing known of what is to pay is NULL.
        case
            when coalesce(template_totals.messages_cost_unknown, 0) = 0
                then coalesce(template_totals.cost_amount, 0)
            else template_totals.cost_amount
        end as cost_amount,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from templates
    inner join periods
        on templates.first_event_on <= periods.period_end_on
    left join template_totals
        on
            templates.template_name = template_totals.template_name
            and templates.template_language = template_totals.template_language
            and periods.period_grain = template_totals.period_grain
            and periods.period_start_on = template_totals.period_start_on
    left join reached_recipients
        on
            templates.template_name = reached_recipients.template_name
            and templates.template_language = reached_recipients.template_language
            and periods.period_grain = reached_recipients.period_grain
            and periods.period_start_on = reached_recipients.period_start_on
    left join opted_out_recipients
        on
            templates.template_name = opted_out_recipients.template_name
            and templates.template_language = opted_out_recipients.template_language
            and periods.period_grain = opted_out_recipients.period_grain
            and periods.period_start_on = opted_out_recipients.period_start_on
),

final as (
    select
        period_grain,
        period_start_on,
        template_name,
        template_language,
        category,
        cast(messages_attempted as bigint) as messages_attempted,
        cast(messages_sent as bigint) as messages_sent,
        cast(messages_delivered as bigint) as messages_delivered,
        cast(messages_read as bigint) as messages_read,
        cast(messages_failed as bigint) as messages_failed,
        cast(recipients_delivered as bigint) as recipients_delivered,
        cast(recipients_clicked as bigint) as recipients_clicked,
        cast(recipients_replied as bigint) as recipients_replied,
        cast(recipients_opted_out as bigint) as recipients_opted_out,
        cast(cost_amount as decimal(18, 6)) as cost_amount,
        cast(messages_cost_unknown as bigint) as messages_cost_unknown,
        {{ safe_divide('messages_delivered', 'messages_sent') }} as delivery_rate,
        {{ safe_divide('messages_read', 'messages_delivered') }} as read_rate,
        {{ safe_divide('recipients_clicked', 'recipients_delivered') }} as click_through_rate,
        {{ safe_divide('recipients_replied', 'recipients_delivered') }} as response_rate,
        {{ safe_divide('recipients_opted_out', 'recipients_delivered') }} as opt_out_rate,
        is_complete,
        {{
            has_matured([
                'status_window_days',
                'click_window_days',
                'response_window_hours',
                'opt_out_window_hours',
            ])
        }} as is_mature
    from counted
)

select * from final
