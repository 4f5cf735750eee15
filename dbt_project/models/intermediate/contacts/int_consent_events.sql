-- One row per signal of consent that webhooks carry: a native stop or resume, an error 131050, a
-- STOP or START word. (consent/events of other systems come with their own stream.) Signals repeat:
-- is_state_change tells which of them changed anything. In one second an opt-out comes last.
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
    select max(last_plausible_at) as plausible_until
    from {{ ref('int_stream_clocks') }}
    where stream = 'webhooks'
),

signals as (
    select
        *,
        'user_preferences' as source
    from preferences
    union all
    select
        *,
        'stop_word' as source
    from messages
    union all
    select
        *,
        'error_131050' as source
    from failures
),

resolved as (
    select
        coalesce({{ message_contact('phones', 'user_ids') }}, 'unknown') as contact_id,
        coalesce(channels.channel_id, 'unknown') as channel_id,
        signals.event,
        signals.occurred_at,
        signals.source,
        signals.is_implausible
        or coalesce(signals.occurred_at > clocks.plausible_until, false) as has_clock_anomaly
    from signals
    cross join clocks
    left join persons as phones
        on phones.kind = 'phone' and signals.person_wa_id = phones.value
    left join persons as user_ids
        on user_ids.kind = 'bsuid' and signals.person_user_id = user_ids.value
    left join channels on signals.phone_number_id = channels.native_channel_id
),

distinct_signals as (
    select distinct
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        has_clock_anomaly
    from resolved
    where contact_id not in (select internal_contacts.contact_id from internal_contacts)
),

in_order as (
    select
        *,
        lag(event) over (
            partition by contact_id, channel_id, has_clock_anomaly
            order by occurred_at, event, source
        ) as previous_event
    from distinct_signals
),

final as (
    select
        contact_id,
        channel_id,
        event,
        occurred_at,
        source,
        has_clock_anomaly,
        not has_clock_anomaly and coalesce(event <> previous_event, true) as is_state_change
    from in_order
)

select * from final
