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

stop_words as (
    select
        word,
        event
    from {{ ref('stg_reference__stop_words') }}
),

readable as (
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
        {{ unix_seconds('record_time') }} as message_at,
        {{ is_implausible(unix_seconds('record_time'), utc_time('received_at')) }}
            as is_implausible,
        phone_number_id,
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
        record_id is not null
        and {{ unix_seconds('record_time') }} is not null
        and not {{ is_meta_test_payload() }}
),

final as (
    select
        readable.load_id,
        readable.record_id,
        readable.direction,
        readable.is_echo,
        readable.message_type,
        readable.message_at,
        readable.is_implausible,
        readable.phone_number_id,
        readable.person_wa_id,
        readable.person_user_id,
        readable.context_id,
        readable.referral_source_id,
        readable.referral_source_type,
        coalesce(said.event, pressed.event, labelled.event) as consent_word_event
    from readable
    left join stop_words as said on readable.text_word = said.word
    left join stop_words as pressed on readable.payload_word = pressed.word
    left join stop_words as labelled on readable.button_word = labelled.word
)

select * from final
