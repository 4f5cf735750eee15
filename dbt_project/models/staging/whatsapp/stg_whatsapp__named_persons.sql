-- Records that name a person, with every name they give: their own number and user id, those of
-- their contact, and those that a notice of a changed number or user id links.
with

webhooks as (
    select
        _load_id,
        record_time,
        received_at,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id,
        linked_wa_id,
        linked_user_id
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        record_kind in ('message', 'status', 'echo', 'history', 'preference', 'user_id_update')
        and coalesce(field, 'messages') <> 'calls'
        and record_time is not null
),

final as (
    select
        _load_id as load_id,
        {{ unix_seconds('record_time') }} as event_at,
        {{ is_implausible(unix_seconds('record_time'), received_time('received_at')) }}
            as is_implausible,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id,
        linked_wa_id,
        linked_user_id
    from webhooks
    where
        {{ unix_seconds('record_time') }} is not null
        and not {{ is_meta_test_payload() }}
        -- A group is nobody.
        and coalesce(person_wa_id, '') not like '%@g.us'
)

select * from final
