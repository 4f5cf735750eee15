-- What a campaign may aim at, as far as it can be seen by now: leads, and the goals that other
-- systems tell. A goal told twice is one. Orders and forms join here with their own streams.
with

leads as (
    select
        lead_id,
        contact_id,
        created_at,
        qualified_at
    from {{ ref('int_leads') }}
    where not has_clock_anomaly and not is_internal
),

told as (
    select distinct
        phone,
        name_kind,
        name_value,
        value,
        occurred_at
    from {{ ref('stg_contacts__events') }}
    where event = 'goal' and value is not null and not is_implausible
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

goals as (
    select distinct
        {{ message_contact('phones', 'person_names') }} as contact_id,
        'event:' || told.value as goal,
        told.occurred_at
    from told
    left join persons as phones
        on phones.kind = 'phone' and told.phone = phones.value
    left join persons as person_names
        on told.name_kind = person_names.kind and told.name_value = person_names.value
),

final as (
    select
        'lead' as goal,
        lead_id as event_key,
        contact_id,
        created_at as occurred_at,
        qualified_at
    from leads
    where contact_id not in ('none', 'unknown')
    union all
    select
        goal,
        concat_ws('|', goal, contact_id, occurred_at) as event_key,
        contact_id,
        occurred_at,
        cast(null as timestamp) as qualified_at
    from goals
    where
        contact_id is not null
        and contact_id not in (select internal_contacts.contact_id from internal_contacts)
)

select * from final
