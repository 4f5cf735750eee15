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
            when identifier_type = 'platform' then 5
            when identifier_type = 'shop' then 6
            else 7
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

left_identifiers as (
    select identifier_hash
    from {{ ref('int_identifiers__left') }}
),

linked as (
    select
        identifiers.identifier_hash,
        first_value(identifiers.identifier_hash) over (
            partition by components.component_number
            order by
                identifiers.first_event_at nulls last,
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
        -- Of several owners, at a time or one after another: where a record gives another name,
        -- that name counts.
        shared.identifier_hash is not null or left_identifiers.identifier_hash is not null
            as is_shared
    from identifiers
    left join shared on identifiers.identifier_hash = shared.identifier_hash
    left join left_identifiers
        on identifiers.identifier_hash = left_identifiers.identifier_hash
    left join linked on identifiers.identifier_hash = linked.identifier_hash
)

select * from final
