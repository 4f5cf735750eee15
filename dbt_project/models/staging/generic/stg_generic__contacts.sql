with

contacts as (
    select
        _load_id,
        phone,
        user_id,
        email,
        external_id,
        created_at,
        source,
        country_code
    from {{ source('raw', 'generic_contacts') }}
),

final as (
    select
        _load_id as load_id,
        {{ person_columns() }},
        {{ utc_time('created_at') }} as created_at,
        {{ is_before_1971(utc_time('created_at')) }} as is_implausible,
        {{ published_source('source') }} as source,
        upper(country_code) as country_code
    from contacts
)

select * from final
