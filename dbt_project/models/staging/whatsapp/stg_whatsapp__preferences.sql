with

webhooks as (
    select
        _load_id,
        record_type,
        record_time,
        received_at,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id
    from {{ source('raw', 'whatsapp_webhooks') }}
    where record_kind = 'preference'
),

final as (
    select distinct
        {{ unix_seconds('record_time') }} as occurred_at,
        {{ is_implausible(unix_seconds('record_time'), received_time('received_at')) }}
            as is_implausible,
        case record_type when 'stop' then 'opt_out' when 'resume' then 'opt_in' end as event,
        nullif(phone_number_id, '') as phone_number_id,
        coalesce(person_wa_id, contact_wa_id) as person_wa_id,
        coalesce(person_user_id, contact_user_id) as person_user_id
    from webhooks
    where
        record_type in ('stop', 'resume')
        and {{ unix_seconds('record_time') }} is not null
        and not {{ is_meta_test_payload() }}
)

select * from final
