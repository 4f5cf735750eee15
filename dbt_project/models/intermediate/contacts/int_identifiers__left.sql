-- One row per number or user id that its owner has left for another, as a notice of WhatsApp said,
-- and when. Whoever is seen with it later is somebody else.
with

links as (
    select
        left_identifier_hash,
        left_at
    from {{ ref('int_identifier_links__seen') }}
    where left_at is not null
),

final as (
    select
        left_identifier_hash as identifier_hash,
        min(left_at) as left_at
    from links
    group by left_identifier_hash
)

select * from final
