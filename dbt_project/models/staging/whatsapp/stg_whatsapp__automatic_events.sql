-- What WhatsApp itself takes a chat for: a lead, a purchase. The record names no person, only the
-- message of theirs that told it.
with

webhooks as (
    select
        record_id,
        record_type,
        record_time,
        received_at,
        phone_number_id,
        display_phone_number,
        person_wa_id
    from {{ source('raw', 'whatsapp_webhooks') }}
    where record_kind = 'automatic_event'
),

final as (
    select distinct
        record_id,
        case lower(record_type) when 'leadsubmitted' then 'lead' when 'purchase' then 'won' end
            as event,
        {{ unix_seconds('record_time') }} as occurred_at,
        {{ is_implausible(unix_seconds('record_time'), received_time('received_at')) }}
            as is_implausible
    from webhooks
    where
        nullif(record_id, '') is not null
        and lower(record_type) in ('leadsubmitted', 'purchase')
        and {{ unix_seconds('record_time') }} is not null
        and not {{ is_meta_test_payload() }}
)

select * from final
