-- One row per signal of consent: a native stop or resume, a STOP or START word, an error 131050,
-- the column of a report, an event of another system. Internal people are marked, not left out:
-- they are counted. Where another system's event names no channel, it speaks for all of them.
with

preferences as (
    select
        occurred_at,
        is_implausible,
        event,
        phone_number_id,
        person_wa_id,
        person_user_id
    from {{ ref('stg_whatsapp__preferences') }}
),

messages as (
    select
        coalesce(message_at, implausible_message_at) as occurred_at,
        message_at is null as is_implausible,
        consent_word_event as event,
        phone_number_id,
        person_wa_id,
        person_user_id
    from {{ ref('int_whatsapp_messages__folded') }}
    where direction = 'inbound' and consent_word_event is not null
),

failures as (
    select
        coalesce(failed_at, implausible_failed_at) as occurred_at,
        failed_at is null as is_implausible,
        'opt_out' as event,
        phone_number_id,
        person_wa_id,
        person_user_id
    from {{ ref('int_whatsapp_statuses__folded') }}
    -- Not split_part(…) = …: DuckDB 2.0 fails on it where no message has ever failed.
    where ends_with(first_error, '|131050')
),

-- The API's own answer: no webhook follows.
refused_sends as (
    select
        refused_at as occurred_at,
        attempted_at is null as is_implausible,
        'opt_out' as event,
        phone_number_id,
        coalesce(contact_wa_id, recipient) as person_wa_id,
        coalesce(contact_user_id, recipient_user_id) as person_user_id
    from {{ ref('int_whatsapp_sends__folded') }}
    where ends_with(first_error, '|131050')
),

consent_events as (
    select distinct
        occurred_at,
        is_implausible,
        event,
        native_channel_id,
        phone,
        name_kind,
        name_value,
        source
    from {{ ref('stg_consent__events') }}
    where event in ('opt_in', 'opt_out')
),

reports as (
    select
        opted_out_at,
        case when error_code = '131050' then failed_at end as refused_at,
        native_channel_id,
        phone,
        name_kind,
        name_value,
        case when is_only_in_inbox then 'chatwoot_messages' else 'message_reports' end as stream
    from {{ ref('int_message_reports') }}
),

-- What the webhook of a message says of it is among the webhooks already.
inbox_messages as (
    select
        told.told_at as occurred_at,
        told.is_implausible,
        told.consent_word_event as event,
        told.native_channel_id,
        told.name_kind,
        told.name_value
    from {{ ref('int_inbox_messages') }} as told
    anti join {{ ref('int_whatsapp_messages__folded') }} as received
        on told.record_id = received.record_id and told.direction = received.direction
    where told.consent_word_event is not null
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

clocks as (
    select
        stream,
        max(last_plausible_at) as plausible_until
    from {{ ref('int_stream_clocks') }}
    where stream in ('webhooks', 'sends', 'message_reports', 'chatwoot_messages')
    group by stream
    union all
    select
        stream,
        last_plausible_at as plausible_until
    from {{ ref('int_export_clocks') }}
    where stream = 'consent_events'
),

whatsapp_signals as (
    select
        'webhooks' as stream,
        *,
        'user_preferences' as source
    from preferences
    union all
    select
        'webhooks' as stream,
        *,
        'stop_word' as source
    from messages
    union all
    select
        'webhooks' as stream,
        *,
        'error_131050' as source
    from failures
    union all
    select
        'sends' as stream,
        *,
        'error_131050' as source
    from refused_sends
),

signals as (
    select
        stream,
        occurred_at,
        is_implausible,
        event,
        phone_number_id as native_channel_id,
        false as applies_to_all_channels,
        person_wa_id as phone,
        'bsuid' as name_kind,
        person_user_id as name_value,
        source
    from whatsapp_signals
    union all
    select
        'consent_events' as stream,
        occurred_at,
        is_implausible,
        event,
        native_channel_id,
        native_channel_id is null as applies_to_all_channels,
        phone,
        name_kind,
        name_value,
        source
    from consent_events
    union all
    select
        'message_reports' as stream,
        opted_out_at as occurred_at,
        {{ is_before_1971('opted_out_at') }} as is_implausible,
        'opt_out' as event,
        native_channel_id,
        false as applies_to_all_channels,
        phone,
        name_kind,
        name_value,
        'message_report' as source
    from reports
    where opted_out_at is not null
    union all
    select
        stream,
        refused_at as occurred_at,
        {{ is_before_1971('refused_at') }} as is_implausible,
        'opt_out' as event,
        native_channel_id,
        false as applies_to_all_channels,
        phone,
        name_kind,
        name_value,
        'error_131050' as source
    from reports
    where refused_at is not null
    union all
    select
        'chatwoot_messages' as stream,
        occurred_at,
        is_implausible,
        event,
        native_channel_id,
        false as applies_to_all_channels,
        cast(null as varchar) as phone,
        name_kind,
        name_value,
        'stop_word' as source
    from inbox_messages
),

resolved as (
    select
        coalesce({{ message_contact('phones', 'by_name') }}, 'unknown') as contact_id,
        coalesce(channels.channel_id, 'unknown') as channel_id,
        signals.applies_to_all_channels,
        signals.event,
        signals.occurred_at,
        signals.source,
        signals.stream,
        signals.is_implausible
        or coalesce(signals.occurred_at > clocks.plausible_until, false) as has_clock_anomaly
    from signals
    left join clocks on signals.stream = clocks.stream
    left join persons as phones
        on phones.kind = 'phone' and signals.phone = phones.value
    left join persons as by_name
        on signals.name_kind = by_name.kind and signals.name_value = by_name.value
    left join channels on signals.native_channel_id = channels.native_channel_id
),

final as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        bool_or(applies_to_all_channels) as applies_to_all_channels,
        -- One plausible record of it is enough.
        bool_and(has_clock_anomaly) as has_clock_anomaly,
        bool_or(stream in ('webhooks', 'sends')) as is_in_webhooks,
        contact_id in (select internal_contacts.contact_id from internal_contacts) as is_internal
    from resolved
    group by contact_id, channel_id, event, occurred_at, source
)

select * from final
