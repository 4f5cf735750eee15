-- One row per report, other source, channel and month: how many of the messages that the report
-- tells of under ids of its own the other source seems to tell of too. Nothing ties the two ids: a
-- message counts as told twice where the other source tells of one to the same person, on the same
-- number of the business and day. A report names the number itself, webhooks its id: channels meet
-- by their digits.
with

numbers as (
    select
        native_channel_id,
        min(digits) as digits
    from {{ ref('int_channel_numbers') }}
    group by native_channel_id
),

channel_keys as (
    select
        native_channel_id,
        coalesce(
            digits,
            case
                when regexp_full_match(native_channel_id, '(whatsapp:)?[+0-9 ().-]+')
                    then regexp_replace(native_channel_id, '[^0-9]', '', 'g')
            end,
            native_channel_id
        ) as channel_key
    from numbers
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

reports as (
    select
        source,
        is_composed_id,
        native_channel_id,
        phone,
        name_kind,
        name_value,
        attempted_at as told_at
    from {{ ref('int_message_reports') }}
    where direction = 'outbound' and not is_implausible
),

-- Most webhooks are of numbers that no report tells of.
reported_keys as (
    select distinct channel_keys.channel_key
    from reports
    inner join channel_keys on reports.native_channel_id = channel_keys.native_channel_id
    where reports.is_composed_id
),

reported_channels as (
    select channel_keys.native_channel_id
    from channel_keys
    semi join reported_keys on channel_keys.channel_key = reported_keys.channel_key
),

statuses as (
    select
        phone_number_id,
        person_wa_id,
        person_user_id,
        first_status_at as told_at
    from {{ ref('int_whatsapp_statuses__folded') }}
    where phone_number_id in (select reported_channels.native_channel_id from reported_channels)
),

sends as (
    select
        phone_number_id,
        coalesce(contact_wa_id, recipient) as person_wa_id,
        coalesce(contact_user_id, recipient_user_id) as person_user_id,
        attempted_at as told_at
    from {{ ref('int_whatsapp_sends__folded') }}
    where phone_number_id in (select reported_channels.native_channel_id from reported_channels)
),

typed_in_app as (
    select
        phone_number_id,
        person_wa_id,
        person_user_id,
        message_at as told_at
    from {{ ref('int_whatsapp_messages__folded') }}
    where
        direction = 'outbound'
        and phone_number_id in (select reported_channels.native_channel_id from reported_channels)
),

whatsapp as (
    select * from statuses
    union all
    select * from sends
    union all
    select * from typed_in_app
),

told as (
    select
        source,
        is_composed_id,
        native_channel_id,
        phone,
        name_kind,
        name_value,
        told_at
    from reports
    union all
    select
        'whatsapp' as source,
        false as is_composed_id,
        phone_number_id as native_channel_id,
        person_wa_id as phone,
        'bsuid' as name_kind,
        person_user_id as name_value,
        told_at
    from whatsapp
    where told_at is not null
),

resolved as (
    select
        told.source,
        told.is_composed_id,
        coalesce(channels.channel_id, 'unknown') as channel_id,
        channel_keys.channel_key,
        {{ message_contact('phones', 'named_persons') }} as contact_id,
        {{ reporting_date('told.told_at') }} as told_on
    from told
    inner join channel_keys on told.native_channel_id = channel_keys.native_channel_id
    left join channels on told.native_channel_id = channels.native_channel_id
    left join persons as phones on phones.kind = 'phone' and told.phone = phones.value
    left join persons as named_persons
        on told.name_kind = named_persons.kind and told.name_value = named_persons.value
),

known as (
    select *
    from resolved
    where
        contact_id is not null
        and contact_id not in (select internal_contacts.contact_id from internal_contacts)
),

told_days as (
    select distinct
        source,
        channel_key,
        contact_id,
        told_on
    from known
),

reported as (
    select
        source,
        channel_id,
        channel_key,
        contact_id,
        told_on,
        cast(date_trunc('month', told_on) as date) as period_start_on,
        count(*) as messages
    from known
    where is_composed_id
    group by source, channel_id, channel_key, contact_id, told_on
),

reported_months as (
    select
        source,
        channel_id,
        period_start_on,
        cast(sum(messages) as bigint) as messages_reported
    from reported
    group by source, channel_id, period_start_on
),

told_twice as (
    select
        reported.source,
        told_days.source as other_source,
        reported.channel_id,
        reported.period_start_on,
        cast(sum(reported.messages) as bigint) as messages_told_twice
    from reported
    inner join told_days
        on
            reported.channel_key = told_days.channel_key
            and reported.contact_id = told_days.contact_id
            and reported.told_on = told_days.told_on
            and reported.source <> told_days.source
    group by
        reported.source, told_days.source, reported.channel_id, reported.period_start_on
),

final as (
    select
        told_twice.source,
        told_twice.other_source,
        told_twice.channel_id,
        told_twice.period_start_on,
        reported_months.messages_reported,
        told_twice.messages_told_twice
    from told_twice
    inner join reported_months
        on
            told_twice.source = reported_months.source
            and told_twice.channel_id = reported_months.channel_id
            and told_twice.period_start_on = reported_months.period_start_on
)

select * from final
