-- State: one row per pair of identifiers that one record names together (smaller hash first).
{{
    config(
        materialized='incremental',
        unique_key=['identifier_hash_a', 'identifier_hash_b'],
        incremental_strategy='merge',
        pre_hook="{{ forget_retired('identifiers', ['identifier_hash_a', 'identifier_hash_b']) }}",
        merge_update_set_expressions=merge_columns(
            both=['is_change']
        )
    )
}}

with

named_persons as (
    select
        load_id,
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
        recipient,
        recipient_user_id,
        contact_input,
        contact_wa_id,
        contact_user_id
    from {{ ref('stg_whatsapp__sends') }}
    where recipient_type <> 'group' and {{ new_loads_only('load_id') }}
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
        'phone' as kind_a,
        coalesce(contact_wa_id, recipient) as value_a,
        'bsuid' as kind_b,
        coalesce(contact_user_id, recipient_user_id) as value_b,
        false as is_change
    from sends
    where
        coalesce(contact_wa_id, recipient) is not null
        and coalesce(contact_user_id, recipient_user_id) is not null
),

distinct_pairs as (
    select
        kind_a,
        value_a,
        kind_b,
        value_b,
        bool_and(is_change) as is_change
    from pairs
    where {{ persons_to_fold(['(kind_a, value_a)', '(kind_b, value_b)']) }}
    group by all
),

final as (
    select
        least(a.identifier_hash, b.identifier_hash) as identifier_hash_a,
        greatest(a.identifier_hash, b.identifier_hash) as identifier_hash_b,
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
