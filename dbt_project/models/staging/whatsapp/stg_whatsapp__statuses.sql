-- A status without a readable time is in no fact; meta.exclusions counts it.
with

webhooks as (
    select
        _load_id,
        record_id,
        record_type,
        record_time,
        received_at,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        person_user_id,
        conversation_id,
        conversation_origin,
        pricing_billable,
        pricing_model,
        pricing_type,
        pricing_category,
        error_code
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        record_kind = 'status'
        -- Calls have statuses of their own.
        and coalesce(field, 'messages') <> 'calls'
),

final as (
    select
        _load_id as load_id,
        record_id,
        record_type as status,
        {{ unix_seconds('record_time') }} as status_at,
        {{ is_implausible(unix_seconds('record_time'), received_time('received_at')) }}
            as is_implausible,
        nullif(phone_number_id, '') as phone_number_id,
        person_wa_id,
        person_user_id,
        conversation_id,
        conversation_origin,
        try_cast(pricing_billable as boolean) as is_billable,
        pricing_model,
        pricing_type,
        pricing_category,
        error_code
    from webhooks
    where
        nullif(record_id, '') is not null
        and record_type is not null
        and {{ unix_seconds('record_time') }} is not null
        and not {{ is_meta_test_payload() }}
)

select * from final
