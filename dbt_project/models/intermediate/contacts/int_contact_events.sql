-- One row per event of a contact that another system tells, and per lead or purchase that WhatsApp
-- saw in a chat: whose it is and whether its clock can be believed. Repeats are folded.
with

contact_events as (
    select distinct
        phone,
        name_kind,
        name_value,
        event,
        occurred_at,
        is_implausible,
        source,
        case when event = 'stage' then coalesce({{ published_name('value') }}, 'unknown') end
            as lifecycle_stage
    from {{ ref('stg_contacts__events') }}
    where event in ('created', 'deleted', 'stage', 'lead', 'qualified', 'won', 'lost')
),

automatic_events as (
    select
        record_id,
        event,
        occurred_at,
        is_implausible
    from {{ ref('stg_whatsapp__automatic_events') }}
),

messages as (
    select
        record_id,
        person_wa_id,
        person_user_id
    from {{ ref('int_whatsapp_messages__folded') }}
    where direction = 'inbound'
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

clocks as (
    select
        'contacts' as origin,
        last_plausible_at as plausible_until
    from {{ ref('int_export_clocks') }}
    where stream = 'contact_events'
    union all
    select
        'whatsapp' as origin,
        max(last_plausible_at) as plausible_until
    from {{ ref('int_stream_clocks') }}
    where stream = 'webhooks'
),

both_origins as (
    select
        'contacts' as origin,
        phone,
        name_kind,
        name_value,
        event,
        occurred_at,
        is_implausible,
        source,
        lifecycle_stage
    from contact_events
    union all
    select
        'whatsapp' as origin,
        messages.person_wa_id as phone,
        'bsuid' as name_kind,
        messages.person_user_id as name_value,
        automatic_events.event,
        automatic_events.occurred_at,
        automatic_events.is_implausible,
        'automatic_event' as source,
        cast(null as varchar) as lifecycle_stage
    from automatic_events
    left join messages on automatic_events.record_id = messages.record_id
),

final as (
    select distinct
        both_origins.origin,
        coalesce({{ message_contact('phones', 'by_name') }}, 'unknown') as contact_id,
        both_origins.event,
        both_origins.occurred_at,
        both_origins.source,
        both_origins.lifecycle_stage,
        both_origins.is_implausible
        or coalesce(both_origins.occurred_at > clocks.plausible_until, false) as has_clock_anomaly,
        coalesce({{ message_contact('phones', 'by_name') }}, 'unknown')
        in (select internal_contacts.contact_id from internal_contacts) as is_internal
    from both_origins
    left join clocks on both_origins.origin = clocks.origin
    left join persons as phones
        on phones.kind = 'phone' and both_origins.phone = phones.value
    left join persons as by_name
        on both_origins.name_kind = by_name.kind and both_origins.name_value = by_name.value
)

select * from final
