with

links as (
    select
        identifier_hash_a,
        identifier_hash_b,
        is_change
    from {{ ref('int_identifier_links__seen') }}
),

identifiers as (
    select
        identifier_hash,
        identifier_type
    from {{ ref('int_identifiers__seen') }}
),

both_ways as (
    select
        identifier_hash_a as identifier_hash,
        identifier_hash_b as other_hash
    from links
    where not is_change
    union all
    select
        identifier_hash_b,
        identifier_hash_a
    from links
    where not is_change
),

final as (
    select
        both_ways.identifier_hash,
        own.identifier_type,
        cast(count(distinct both_ways.other_hash) as bigint) as linked_identifiers
    from both_ways
    inner join identifiers as own on both_ways.identifier_hash = own.identifier_hash
    inner join identifiers as other on both_ways.other_hash = other.identifier_hash
    -- wa_id and phone are two names of one kind: a number.
    where
        replace(own.identifier_type, 'wa_id', 'phone')
        <> replace(other.identifier_type, 'wa_id', 'phone')
    group by all
    having count(distinct both_ways.other_hash) > {{ var('identity_max_links') | int }}
)

select * from final
