-- Every place where an event names a person, as it was written. A view: its readers fold it.
{{ config(materialized='view') }}

with

-- Not materialized: a reader's filter on load_id must reach the table.
webhooks as not materialized (
    select
        _load_id,
        record_kind,
        record_time,
        received_at,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id,
        linked_wa_id,
        linked_user_id,
        {{ unix_seconds('record_time') }} as event_at,
        {{ is_implausible(unix_seconds('record_time'), utc_time('received_at')) }}
            as is_implausible
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        record_kind in ('message', 'status', 'echo', 'history', 'preference', 'user_id_update')
        and coalesce(field, 'messages') <> 'calls'
        and record_time is not null
        -- A group is nobody.
        and coalesce(person_wa_id, '') not like '%@g.us'
),

sends as not materialized (
    select
        load_id,
        attempted_at,
        is_implausible,
        recipient,
        recipient_user_id,
        contact_input,
        contact_wa_id,
        contact_user_id
    from {{ ref('stg_whatsapp__sends') }}
    where recipient_type <> 'group'
),

-- One branch a column: an unpivot would copy every row six times before the filter.
final as (
    select
        _load_id as load_id,
        'phone' as kind,
        person_wa_id as value,
        event_at,
        is_implausible,
        true as is_wa_id
    from webhooks
    where person_wa_id is not null and event_at is not null and not {{ is_meta_test_payload() }}
    union all
    select
        _load_id as load_id,
        'bsuid' as kind,
        person_user_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from webhooks
    where person_user_id is not null and event_at is not null and not {{ is_meta_test_payload() }}
    union all
    select
        _load_id as load_id,
        'phone' as kind,
        contact_wa_id as value,
        event_at,
        is_implausible,
        true as is_wa_id
    from webhooks
    where
        contact_wa_id is not null
        and contact_wa_id is distinct from person_wa_id
        and event_at is not null
        and not {{ is_meta_test_payload() }}
    union all
    select
        _load_id as load_id,
        'bsuid' as kind,
        contact_user_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from webhooks
    where
        contact_user_id is not null
        and contact_user_id is distinct from person_user_id
        and event_at is not null
        and not {{ is_meta_test_payload() }}
    union all
    select
        _load_id as load_id,
        'phone' as kind,
        linked_wa_id as value,
        event_at,
        is_implausible,
        true as is_wa_id
    from webhooks
    where linked_wa_id is not null and event_at is not null
    union all
    select
        _load_id as load_id,
        'bsuid' as kind,
        linked_user_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from webhooks
    where linked_user_id is not null and event_at is not null
    union all
    select
        load_id,
        'phone' as kind,
        recipient as value,
        attempted_at as event_at,
        is_implausible,
        false as is_wa_id
    from sends
    where recipient is not null
    union all
    select
        load_id,
        'bsuid' as kind,
        recipient_user_id as value,
        attempted_at as event_at,
        is_implausible,
        false as is_wa_id
    from sends
    where recipient_user_id is not null
    union all
    select
        load_id,
        'phone' as kind,
        contact_wa_id as value,
        attempted_at as event_at,
        is_implausible,
        true as is_wa_id
    from sends
    where contact_wa_id is not null
    union all
    select
        load_id,
        'bsuid' as kind,
        contact_user_id as value,
        attempted_at as event_at,
        is_implausible,
        false as is_wa_id
    from sends
    where contact_user_id is not null
)

select * from final
