-- Links that merge people. An identifier that is linked with more than identity_max_links others
-- of another kind is no person's own (a shop's phone, noreply@): it merges nobody. And whatever is
-- first seen with a number after a notice said that its owner had left it belongs to the next
-- owner: numbers are given out again.
with

links as (
    select
        identifier_hash_a,
        identifier_hash_b,
        first_seen_at,
        left_at is not null as is_change
    from {{ ref('int_identifier_links__seen') }}
),

left_identifiers as (
    select
        identifier_hash,
        left_at
    from {{ ref('int_identifiers__left') }}
),

-- A message that was sent to a user id and reported of a number names both.
sends as (
    select
        record_id,
        coalesce(contact_user_id, recipient_user_id) as user_id
    from {{ ref('int_whatsapp_sends__folded') }}
    where
        coalesce(contact_user_id, recipient_user_id) is not null
        and coalesce(contact_wa_id, recipient) is null
),

statuses as (
    select
        record_id,
        person_wa_id
    from {{ ref('int_whatsapp_statuses__folded') }}
    where person_wa_id is not null
),

written as (
    select
        kind,
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
),

links_by_message as (
    select distinct
        user_ids.identifier_hash as identifier_hash_a,
        phones.identifier_hash as identifier_hash_b
    from sends
    inner join statuses on sends.record_id = statuses.record_id
    inner join written as user_ids
        on user_ids.kind = 'bsuid' and sends.user_id = user_ids.value
    inner join written as phones
        on phones.kind = 'phone' and statuses.person_wa_id = phones.value
),

dated_links as (
    select
        links.identifier_hash_a,
        links.identifier_hash_b
    from links
    left join left_identifiers as left_a
        on links.identifier_hash_a = left_a.identifier_hash
    left join left_identifiers as left_b
        on links.identifier_hash_b = left_b.identifier_hash
    where
        links.is_change
        or not coalesce(
            links.first_seen_at > left_a.left_at or links.first_seen_at > left_b.left_at, false
        )
),

all_links as (
    select * from dated_links
    union
    select * from links_by_message
),

shared as (
    select identifier_hash
    from {{ ref('int_identifiers__shared') }}
),

final as (
    select
        all_links.identifier_hash_a,
        all_links.identifier_hash_b
    from all_links
    left join shared as shared_a on all_links.identifier_hash_a = shared_a.identifier_hash
    left join shared as shared_b on all_links.identifier_hash_b = shared_b.identifier_hash
    where shared_a.identifier_hash is null and shared_b.identifier_hash is null
)

select * from final
