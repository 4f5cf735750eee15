with

contact_inboxes as (
    select
        _load_id,
        inbox_id,
        source_id,
        created_at,
        platform_contact_id
    from {{ source('raw', 'chatwoot_contact_inboxes') }}
),

final as (
    select
        _load_id as load_id,
        'chatwoot:' || inbox_id as native_channel_id,
        platform_contact_id,
        source_id,
        case
            when regexp_full_match(source_id, '(whatsapp:)?\+?[0-9]{5,15}') then source_id
        end as phone,
        {{ utc_time('created_at') }} as created_at,
        {{ is_before_1971(utc_time('created_at')) }} as is_implausible
    from contact_inboxes
)

select * from final
