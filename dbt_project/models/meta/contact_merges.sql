-- Whoever once had an id of their own: each identifier of a person but the one that names them.
with

identities as (
    select
        identifier_hash,
        contact_id
    from {{ ref('int_identities') }}
),

changes as (
    select
        identifier_hash_a,
        identifier_hash_b
    from {{ ref('int_identifier_links__seen') }}
    where is_change
),

changed as (
    select identifier_hash_a as identifier_hash from changes
    union
    select identifier_hash_b as identifier_hash from changes
),

final as (
    select
        identities.identifier_hash as old_contact_id,
        identities.contact_id,
        case
            when changed.identifier_hash is not null then 'identifier_changed'
            else 'identifiers_seen_together'
        end as reason
    from identities
    left join changed on identities.identifier_hash = changed.identifier_hash
    where identities.identifier_hash <> identities.contact_id
)

select * from final
