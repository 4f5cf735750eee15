with

contacts as (
    select
        _load_id,
        _row_number,
        email,
        phone_number,
        identifier,
        created_at,
        updated_at,
        country_code,
        platform_contact_id
    from {{ source('raw', 'chatwoot_contacts') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        contacts._load_id as load_id,
        load_precedence.precedence,
        contacts._row_number as row_number,
        contacts.platform_contact_id,
        contacts.phone_number as phone,
        contacts.email,
        contacts.identifier as external_id,
        {{ utc_time('contacts.created_at') }} as created_at,
        {{ is_before_1971(utc_time('contacts.created_at')) }} as is_implausible,
        {{ utc_time('contacts.updated_at') }} as updated_at,
        upper(contacts.country_code) as country_code
    from contacts
    inner join load_precedence on contacts._load_id = load_precedence.load_id
)

select * from final
