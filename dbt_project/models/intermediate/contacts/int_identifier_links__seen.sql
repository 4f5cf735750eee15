-- State: one row per pair of identifiers that one record names together (smaller hash first), since
-- when, and whether a notice said that the person left one of them for the other.
{{
    config(
        materialized='incremental',
        unique_key=['identifier_hash_a', 'identifier_hash_b'],
        incremental_strategy='merge',
        pre_hook="{{ forget_retired('identifiers', ['identifier_hash_a', 'identifier_hash_b']) }}",
        merge_update_set_expressions=merge_columns(
            least=['first_seen_at', 'left_at', 'left_identifier_hash'],
            both=['is_change']
        )
    )
}}

with

named_persons as (
    select
        load_id,
        case when not is_implausible then event_at end as event_at,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id,
        linked_wa_id,
        linked_user_id
    from {{ ref('stg_whatsapp__named_persons') }}
    where
        {{ new_loads_only('load_id') }}
        -- Nearly all records name one identifier only.
        and (
            person_user_id is not null
            or contact_user_id is not null
            or contact_wa_id is distinct from person_wa_id
            or linked_wa_id is not null
            or linked_user_id is not null
        )
),

sends as (
    select
        load_id,
        case when not is_implausible then attempted_at end as event_at,
        recipient,
        recipient_user_id,
        contact_wa_id,
        contact_user_id
    from {{ ref('stg_whatsapp__sends') }}
    where recipient_type <> 'group' and {{ new_loads_only('load_id') }}
),

named_in_exports as (
    select
        load_id,
        case when not is_implausible then event_at end as event_at,
        phone,
        user_id,
        email,
        external_id,
        shop_customer_id,
        platform_contact_id
    from {{ ref('int_people__named_in_exports') }}
    where {{ new_loads_only('load_id') }}
),

-- Whom a contact's merge took in, under each name that the event gives the contact.
merged_contacts as (
    select
        load_id,
        case when not is_implausible then occurred_at end as event_at,
        phone,
        user_id,
        email,
        external_id,
        merged_kind,
        value
    from {{ ref('stg_contacts__events') }}
    where merged_kind is not null and {{ new_loads_only('load_id') }}
),

identifiers as (
    select
        kind,
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
),

-- Each pair once, as written; two names of one thing fall together after the join.
pairs as (
    select
        load_id,
        event_at,
        'phone' as kind_a,
        person_wa_id as value_a,
        'bsuid' as kind_b,
        person_user_id as value_b,
        false as is_change
    from named_persons
    where person_wa_id is not null and person_user_id is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        coalesce(person_wa_id, contact_wa_id) as value_a,
        'bsuid' as kind_b,
        contact_user_id as value_b,
        false as is_change
    from named_persons
    where coalesce(person_wa_id, contact_wa_id) is not null and contact_user_id is not null
    union all
    select
        load_id,
        event_at,
        'bsuid' as kind_a,
        person_user_id as value_a,
        'phone' as kind_b,
        contact_wa_id as value_b,
        false as is_change
    from named_persons
    where person_user_id is not null and contact_wa_id is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        person_wa_id as value_a,
        'phone' as kind_b,
        contact_wa_id as value_b,
        false as is_change
    from named_persons
    where person_wa_id <> contact_wa_id
    union all
    select
        load_id,
        event_at,
        'bsuid' as kind_a,
        person_user_id as value_a,
        'bsuid' as kind_b,
        contact_user_id as value_b,
        false as is_change
    from named_persons
    where person_user_id <> contact_user_id
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        person_wa_id as value_a,
        'phone' as kind_b,
        linked_wa_id as value_b,
        true as is_change
    from named_persons
    where person_wa_id is not null and linked_wa_id is not null
    union all
    select
        load_id,
        event_at,
        'bsuid' as kind_a,
        coalesce(person_user_id, contact_user_id) as value_a,
        'bsuid' as kind_b,
        linked_user_id as value_b,
        true as is_change
    from named_persons
    where coalesce(person_user_id, contact_user_id) is not null and linked_user_id is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        person_wa_id as value_a,
        'bsuid' as kind_b,
        linked_user_id as value_b,
        false as is_change
    from named_persons
    where person_wa_id is not null and linked_user_id is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        recipient as value_a,
        'phone' as kind_b,
        contact_wa_id as value_b,
        false as is_change
    from sends
    where recipient is not null and contact_wa_id is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        coalesce(contact_wa_id, recipient) as value_a,
        'bsuid' as kind_b,
        coalesce(contact_user_id, recipient_user_id) as value_b,
        false as is_change
    from sends
    where
        coalesce(contact_wa_id, recipient) is not null
        and coalesce(contact_user_id, recipient_user_id) is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        phone as value_a,
        'bsuid' as kind_b,
        user_id as value_b,
        false as is_change
    from named_in_exports
    where phone is not null and user_id is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        phone as value_a,
        'email' as kind_b,
        email as value_b,
        false as is_change
    from named_in_exports
    where phone is not null and email is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        phone as value_a,
        'external' as kind_b,
        external_id as value_b,
        false as is_change
    from named_in_exports
    where phone is not null and external_id is not null
    union all
    select
        load_id,
        event_at,
        'bsuid' as kind_a,
        user_id as value_a,
        'email' as kind_b,
        email as value_b,
        false as is_change
    from named_in_exports
    where user_id is not null and email is not null
    union all
    select
        load_id,
        event_at,
        'bsuid' as kind_a,
        user_id as value_a,
        'external' as kind_b,
        external_id as value_b,
        false as is_change
    from named_in_exports
    where user_id is not null and external_id is not null
    union all
    select
        load_id,
        event_at,
        'email' as kind_a,
        email as value_a,
        'external' as kind_b,
        external_id as value_b,
        false as is_change
    from named_in_exports
    where email is not null and external_id is not null
    union all
    -- Shops know neither user ids nor the ids of other systems.
    select
        load_id,
        event_at,
        'phone' as kind_a,
        phone as value_a,
        'shop' as kind_b,
        shop_customer_id as value_b,
        false as is_change
    from named_in_exports
    where phone is not null and shop_customer_id is not null
    union all
    select
        load_id,
        event_at,
        'email' as kind_a,
        email as value_a,
        'shop' as kind_b,
        shop_customer_id as value_b,
        false as is_change
    from named_in_exports
    where email is not null and shop_customer_id is not null
    union all
    -- A contact of an inbox is known by its number, its address and the business' own id.
    select
        load_id,
        event_at,
        'phone' as kind_a,
        phone as value_a,
        'platform' as kind_b,
        platform_contact_id as value_b,
        false as is_change
    from named_in_exports
    where phone is not null and platform_contact_id is not null
    union all
    select
        load_id,
        event_at,
        'email' as kind_a,
        email as value_a,
        'platform' as kind_b,
        platform_contact_id as value_b,
        false as is_change
    from named_in_exports
    where email is not null and platform_contact_id is not null
    union all
    select
        load_id,
        event_at,
        'external' as kind_a,
        external_id as value_a,
        'platform' as kind_b,
        platform_contact_id as value_b,
        false as is_change
    from named_in_exports
    where external_id is not null and platform_contact_id is not null
    union all
    select
        load_id,
        event_at,
        'phone' as kind_a,
        phone as value_a,
        merged_kind as kind_b,
        value as value_b,
        false as is_change
    from merged_contacts
    where phone is not null
    union all
    select
        load_id,
        event_at,
        'bsuid' as kind_a,
        user_id as value_a,
        merged_kind as kind_b,
        value as value_b,
        false as is_change
    from merged_contacts
    where user_id is not null
    union all
    select
        load_id,
        event_at,
        'email' as kind_a,
        email as value_a,
        merged_kind as kind_b,
        value as value_b,
        false as is_change
    from merged_contacts
    where email is not null
    union all
    select
        load_id,
        event_at,
        'external' as kind_a,
        external_id as value_a,
        merged_kind as kind_b,
        value as value_b,
        false as is_change
    from merged_contacts
    where external_id is not null
),

distinct_pairs as (
    select
        kind_a,
        value_a,
        kind_b,
        value_b,
        min(event_at) as first_seen_at,
        min(event_at) filter (where is_change) as left_at,
        bool_or(is_change) as is_left,
        bool_and(is_change) as is_change
    from pairs
    where {{ persons_to_fold(['(kind_a, value_a)', '(kind_b, value_b)']) }}
    group by all
),

final as (
    select
        least(a.identifier_hash, b.identifier_hash) as identifier_hash_a,
        greatest(a.identifier_hash, b.identifier_hash) as identifier_hash_b,
        min(distinct_pairs.first_seen_at) as first_seen_at,
        min(distinct_pairs.left_at) as left_at,
        min(a.identifier_hash) filter (where distinct_pairs.is_left) as left_identifier_hash,
        bool_and(distinct_pairs.is_change) as is_change
    from distinct_pairs
    inner join identifiers as a
        on distinct_pairs.kind_a = a.kind and distinct_pairs.value_a = a.value
    inner join identifiers as b
        on distinct_pairs.kind_b = b.kind and distinct_pairs.value_b = b.value
    where a.identifier_hash <> b.identifier_hash
    group by all
)

select * from final
