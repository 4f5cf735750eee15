-- Every place where an event names a person, as it was written. A view: its readers fold it.
{{ config(materialized='view') }}

with

-- Not materialized: a reader's filter on load_id must reach the table.
named_persons as not materialized (
    select
        load_id,
        event_at,
        is_implausible,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id,
        linked_wa_id,
        linked_user_id
    from {{ ref('stg_whatsapp__named_persons') }}
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

named_in_exports as not materialized (
    select
        load_id,
        event_at,
        is_implausible,
        phone,
        user_id,
        email,
        external_id,
        shop_customer_id,
        platform_contact_id
    from {{ ref('int_people__named_in_exports') }}
),

-- One branch a column: an unpivot would copy every row six times before the filter.
final as (
    select
        load_id,
        'phone' as kind,
        person_wa_id as value,
        event_at,
        is_implausible,
        true as is_wa_id
    from named_persons
    where person_wa_id is not null
    union all
    select
        load_id,
        'bsuid' as kind,
        person_user_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_persons
    where person_user_id is not null
    union all
    select
        load_id,
        'phone' as kind,
        contact_wa_id as value,
        event_at,
        is_implausible,
        true as is_wa_id
    from named_persons
    where contact_wa_id is not null and contact_wa_id is distinct from person_wa_id
    union all
    select
        load_id,
        'bsuid' as kind,
        contact_user_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_persons
    where contact_user_id is not null and contact_user_id is distinct from person_user_id
    union all
    select
        load_id,
        'phone' as kind,
        linked_wa_id as value,
        event_at,
        is_implausible,
        true as is_wa_id
    from named_persons
    where linked_wa_id is not null
    union all
    select
        load_id,
        'bsuid' as kind,
        linked_user_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_persons
    where linked_user_id is not null
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
    union all
    select
        load_id,
        'phone' as kind,
        phone as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_in_exports
    where phone is not null
    union all
    select
        load_id,
        'bsuid' as kind,
        user_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_in_exports
    where user_id is not null
    union all
    select
        load_id,
        'email' as kind,
        email as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_in_exports
    where email is not null
    union all
    select
        load_id,
        'external' as kind,
        external_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_in_exports
    where external_id is not null
    union all
    select
        load_id,
        'shop' as kind,
        shop_customer_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_in_exports
    where shop_customer_id is not null
    union all
    select
        load_id,
        'platform' as kind,
        platform_contact_id as value,
        event_at,
        is_implausible,
        false as is_wa_id
    from named_in_exports
    where platform_contact_id is not null
)

select * from final
