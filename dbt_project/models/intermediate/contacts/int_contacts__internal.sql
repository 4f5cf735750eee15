-- Contacts of the business itself: whoever reference/internal_contacts names, by any identifier.
with

internal_contacts as (
    select
        kind,
        value
    from {{ ref('stg_reference__internal_contacts') }}
),

written as (
    select
        kind,
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
),

identities as (
    select
        identifier_hash,
        contact_id
    from {{ ref('int_identities') }}
),

final as (
    -- By hash: the list may write a number otherwise than the logs do.
    select distinct identities.contact_id
    from internal_contacts
    inner join written
        on internal_contacts.kind = written.kind and internal_contacts.value = written.value
    inner join identities on written.identifier_hash = identities.identifier_hash
)

select * from final
