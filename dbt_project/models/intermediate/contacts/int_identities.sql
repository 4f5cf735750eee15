-- One row per identifier: whose it is. A person is known by the identifier with the earliest first
-- event (ties: wa_id, bsuid, phone, e-mail, platform, shop, external; then its value).
-- depends_on: {{ ref('int_identities__before') }}
with

identifiers as (
    select
        identifier_hash,
        identifier_type,
        identifier_value,
        coalesce(first_event_at, implausible_event_at) as first_event_at,
        case
            when identifier_type = 'wa_id' or is_seen_as_wa_id then 1
            when identifier_type = 'bsuid' then 2
            when identifier_type = 'phone' then 3
            when identifier_type = 'email' then 4
            else 5
        end as type_rank
    from {{ ref('int_identifiers__seen') }}
),

components as (
    select
        identifier_hash,
        component_number
    from {{ ref('int_contact_components') }}
),

shared as (
    select identifier_hash
    from {{ ref('int_identifiers__shared') }}
),

linked as (
    select
        identifiers.identifier_hash,
        first_value(identifiers.identifier_hash) over (
            partition by components.component_number
            order by
                identifiers.first_event_at,
                identifiers.type_rank,
                identifiers.identifier_value,
                identifiers.identifier_hash
        ) as contact_id
    from components
    inner join identifiers on components.identifier_hash = identifiers.identifier_hash
),

final as (
    select
        identifiers.identifier_hash,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.first_event_at,
        coalesce(linked.contact_id, identifiers.identifier_hash) as contact_id,
        shared.identifier_hash is not null as is_shared
    from identifiers
    left join shared on identifiers.identifier_hash = shared.identifier_hash
    left join linked on identifiers.identifier_hash = linked.identifier_hash
)

select * from final
