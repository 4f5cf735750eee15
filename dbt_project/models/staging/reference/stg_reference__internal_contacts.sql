with

internal_contacts as (
    select
        phone,
        user_id,
        email,
        external_id
    from {{ source('raw', 'reference_internal_contacts') }}
),

listed as (
    select
        'phone' as kind,
        phone as value
    from internal_contacts
    union all
    select
        'bsuid' as kind,
        user_id as value
    from internal_contacts
    union all
    select
        'email' as kind,
        email as value
    from internal_contacts
    union all
    select
        'external' as kind,
        external_id as value
    from internal_contacts
),

final as (
    select distinct
        kind,
        value
    from listed
    where value is not null
)

select * from final
