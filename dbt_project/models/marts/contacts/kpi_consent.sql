with

consent_events as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        {{ reporting_date('occurred_at') }} as occurred_on,
        is_state_change,
        was_opted_in
    from {{ ref('int_consent_events') }}
    where not has_clock_anomaly and contact_id <> 'unknown'
),

contacts as (
    select
        contact_id,
        created_at,
        {{ reporting_date('created_at') }} as created_on
    from {{ ref('dim_contacts') }}
    where is_chat_contact and not is_test and created_at is not null
),

messages as not materialized (
    select
        contact_id,
        channel_id,
        message_at,
        message_on,
        -- A campaign's message of unknown category is one whose template nobody listed.
        direction = 'outbound'
        and (
            category in ('marketing', 'marketing_lite')
            or (category = 'unknown' and sender_type = 'campaign')
        ) as is_marketing
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly and contact_id not in ('none', 'unknown')
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
    where subject = 'consent'
),

period_days as (
    select
        period_grain,
        day_on,
        period_start_on
    from {{ ref('int_period_days') }}
    where subject = 'consent'
),

consent_days as (
    select
        channel_id,
        occurred_on as day_on,
        count(*) filter (where event = 'opt_in' and is_state_change) as opt_ins,
        count(*) filter (where event = 'opt_out' and is_state_change and was_opted_in)
            as opt_outs,
        count(*) filter (where event = 'opt_out' and is_state_change and not was_opted_in)
            as opt_outs_unknown,
        count(*) filter (where event = 'deleted' and is_state_change)
            as contacts_deleted_opted_in
    from consent_events
    group by channel_id, occurred_on
),

contact_channels as (
    select
        contact_id,
        channel_id,
        min(message_at) as first_message_at
    from messages
    group by contact_id, channel_id
),

-- A contact is created once: on the channel of their first message.
created_contacts as (
    select
        contacts.contact_id,
        contact_channels.channel_id,
        contacts.created_at,
        contacts.created_on
    from contacts
    inner join contact_channels on contacts.contact_id = contact_channels.contact_id
    qualify
        row_number() over (
            partition by contacts.contact_id
            order by contact_channels.first_message_at, contact_channels.channel_id
        ) = 1
),

opted_in_in_time as (
    select distinct created_contacts.contact_id
    from created_contacts
    inner join consent_events
        on
            created_contacts.contact_id = consent_events.contact_id
            and created_contacts.channel_id = consent_events.channel_id
            and consent_events.event = 'opt_in'
            and created_contacts.created_at <= consent_events.occurred_at
            and created_contacts.created_at + interval '{{ var("opt_in_window_days") }} days'
            >= consent_events.occurred_at
),

created_days as (
    select
        created_contacts.channel_id,
        created_contacts.created_on as day_on,
        count(*) as contacts_created,
        count(opted_in_in_time.contact_id) as contacts_opted_in_within_window
    from created_contacts
    left join opted_in_in_time on created_contacts.contact_id = opted_in_in_time.contact_id
    group by created_contacts.channel_id, created_contacts.created_on
),

-- What was said last in a second: of both, the opt-out.
consent_states as (
    select
        contact_id,
        channel_id,
        occurred_at,
        bool_or(event = 'opt_out') as is_opted_out
    from consent_events
    where event in ('opt_in', 'opt_out')
    group by contact_id, channel_id, occurred_at
),

marketing_messages as (
    select
        contact_id,
        channel_id,
        message_at,
        message_on
    from messages
    where is_marketing
),

-- Strictly later: what left in the second of the opt-out could not know of it.
messages_after_opt_out as (
    select
        marketing_messages.channel_id,
        marketing_messages.message_on
    from marketing_messages
    asof join consent_states
        on
            marketing_messages.contact_id = consent_states.contact_id
            and marketing_messages.channel_id = consent_states.channel_id
            and marketing_messages.message_at > consent_states.occurred_at
    where consent_states.is_opted_out
),

message_days as (
    select
        channel_id,
        message_on as day_on,
        count(*) as marketing_messages_after_opt_out
    from messages_after_opt_out
    group by channel_id, message_on
),

days as (
    select
        channel_id,
        day_on,
        opt_ins,
        opt_outs,
        opt_outs_unknown,
        contacts_deleted_opted_in,
        0 as contacts_created,
        0 as contacts_opted_in_within_window,
        0 as marketing_messages_after_opt_out
    from consent_days
    union all
    select
        channel_id,
        day_on,
        0 as opt_ins,
        0 as opt_outs,
        0 as opt_outs_unknown,
        0 as contacts_deleted_opted_in,
        contacts_created,
        contacts_opted_in_within_window,
        0 as marketing_messages_after_opt_out
    from created_days
    union all
    select
        channel_id,
        day_on,
        0 as opt_ins,
        0 as opt_outs,
        0 as opt_outs_unknown,
        0 as contacts_deleted_opted_in,
        0 as contacts_created,
        0 as contacts_opted_in_within_window,
        marketing_messages_after_opt_out
    from message_days
),

-- A date that nobody believes begins nothing: it lies outside the calendar.
channels as (
    select
        channel_id,
        min(day_on) as first_event_on
    from days
    where day_on in (select period_days.day_on from period_days)
    group by channel_id
),

period_sums as (
    select
        days.channel_id,
        period_days.period_grain,
        period_days.period_start_on,
        sum(days.opt_ins) as opt_ins,
        sum(days.opt_outs) as opt_outs,
        sum(days.opt_outs_unknown) as opt_outs_unknown,
        sum(days.contacts_deleted_opted_in) as contacts_deleted_opted_in,
        sum(days.contacts_created) as contacts_created,
        sum(days.contacts_opted_in_within_window) as contacts_opted_in_within_window,
        sum(days.marketing_messages_after_opt_out) as marketing_messages_after_opt_out
    from days
    inner join period_days on days.day_on = period_days.day_on
    group by days.channel_id, period_days.period_grain, period_days.period_start_on
),

counted as (
    select
        periods.period_grain,
        periods.period_start_on,
        channels.channel_id,
        coalesce(period_sums.opt_ins, 0) as opt_ins,
        coalesce(period_sums.opt_outs, 0) as opt_outs,
        coalesce(period_sums.opt_outs_unknown, 0) as opt_outs_unknown,
        coalesce(period_sums.contacts_deleted_opted_in, 0) as contacts_deleted_opted_in,
        coalesce(period_sums.contacts_created, 0) as contacts_created,
        coalesce(period_sums.contacts_opted_in_within_window, 0)
            as contacts_opted_in_within_window,
        coalesce(period_sums.marketing_messages_after_opt_out, 0)
            as marketing_messages_after_opt_out,
        periods.ends_at,
        periods.watermark_at,
        periods.is_complete
    from channels
    inner join periods on channels.first_event_on <= periods.period_end_on
    left join period_sums
        on
            channels.channel_id = period_sums.channel_id
            and periods.period_grain = period_sums.period_grain
            and periods.period_start_on = period_sums.period_start_on
),

stocked as (
    select
        *,
        opt_ins - opt_outs - contacts_deleted_opted_in as net_list_growth,
        sum(opt_ins - opt_outs - contacts_deleted_opted_in) over (
            partition by channel_id, period_grain
            order by period_start_on
            rows between unbounded preceding and current row
        ) as opted_in_contacts
    from counted
),

final as (
    select
        period_grain,
        period_start_on,
        channel_id,
        cast(opt_ins as bigint) as opt_ins,
        cast(opt_outs as bigint) as opt_outs,
        cast(opt_outs_unknown as bigint) as opt_outs_unknown,
        cast(contacts_deleted_opted_in as bigint) as contacts_deleted_opted_in,
        cast(opted_in_contacts - net_list_growth as bigint) as opted_in_contacts_at_start,
        cast(opted_in_contacts as bigint) as opted_in_contacts,
        cast(net_list_growth as bigint) as net_list_growth,
        {{ safe_divide('opt_outs', 'opted_in_contacts - net_list_growth + opt_ins') }}
            as list_opt_out_rate,
        cast(contacts_created as bigint) as contacts_created,
        cast(contacts_opted_in_within_window as bigint) as contacts_opted_in_within_window,
        {{ safe_divide('contacts_opted_in_within_window', 'contacts_created') }} as opt_in_rate,
        cast(marketing_messages_after_opt_out as bigint) as marketing_messages_after_opt_out,
        is_complete,
        {{ has_matured(['opt_in_window_days']) }} as is_mature
    from stocked
)

select * from final
