-- Messages that carry content: the customers' own, those an agent typed in the app (echo), and
-- those of the app's history. A message without a readable time is in no fact.
with

webhooks as (
    select
        _load_id,
        record_kind,
        record_id,
        record_type,
        record_time,
        received_at,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id,
        context_id,
        referral_source_id,
        referral_source_type,
        text_body,
        button_payload,
        button_text,
        payload
    from {{ source('raw', 'whatsapp_webhooks') }}
    where record_kind in ('message', 'echo', 'history')
),

final as (
    select
        _load_id as load_id,
        record_id,
        -- The app's history holds both sides of a thread: the customer's are from the thread's id.
        case
            when record_kind = 'message' then 'inbound'
            when record_kind = 'echo' then 'outbound'
            when (payload ->> '$.from') = person_wa_id then 'inbound'
            else 'outbound'
        end as direction,
        record_kind = 'echo' as is_echo,
        coalesce(record_type, 'unknown') as message_type,
        coalesce(
            record_type = 'interactive' and (payload ->> '$.interactive.type') = 'nfm_reply', false
        ) as is_form_answer,
        {{ unix_seconds('record_time') }} as message_at,
        {{ is_implausible(unix_seconds('record_time'), received_time('received_at')) }}
            as is_implausible,
        nullif(phone_number_id, '') as phone_number_id,
        coalesce(person_wa_id, contact_wa_id) as person_wa_id,
        coalesce(person_user_id, contact_user_id) as person_user_id,
        context_id,
        referral_source_id,
        referral_source_type,
        {{ normalised_word('text_body') }} as text_word,
        {{ normalised_word('button_payload') }} as payload_word,
        {{ normalised_word('button_text') }} as button_word
    from webhooks
    where
        nullif(record_id, '') is not null
        and {{ unix_seconds('record_time') }} is not null
        and not {{ is_meta_test_payload() }}
)

select * from final
