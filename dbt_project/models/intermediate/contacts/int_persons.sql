-- One row per way a person is written in an export: the bridge from raw values to contacts. A
-- written value that no usable event named has no contact.
{{ config(materialized='view') }}

with

written as (
    select
        kind,
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind in ('phone', 'bsuid', 'email', 'platform', 'shop', 'external')
),

identities as (
    select
        identifier_hash,
        contact_id,
        is_shared
    from {{ ref('int_identities') }}
),

final as (
    select
        written.kind,
        written.value,
        written.identifier_hash,
        identities.contact_id,
        identities.is_shared
    from written
    inner join identities on written.identifier_hash = identities.identifier_hash
)

select * from final
