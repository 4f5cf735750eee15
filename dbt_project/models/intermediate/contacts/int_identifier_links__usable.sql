-- Links that merge people. An identifier that is linked with more than identity_max_links others
-- of another kind is no person's own (a shop's phone, noreply@): it merges nobody.
with

links as (
    select
        identifier_hash_a,
        identifier_hash_b
    from {{ ref('int_identifier_links__seen') }}
),

shared as (
    select identifier_hash
    from {{ ref('int_identifiers__shared') }}
),

final as (
    select
        links.identifier_hash_a,
        links.identifier_hash_b
    from links
    left join shared as shared_a on links.identifier_hash_a = shared_a.identifier_hash
    left join shared as shared_b on links.identifier_hash_b = shared_b.identifier_hash
    where shared_a.identifier_hash is null and shared_b.identifier_hash is null
)

select * from final
