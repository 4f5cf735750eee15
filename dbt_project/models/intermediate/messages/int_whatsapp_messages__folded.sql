-- State: one row per message whose content a webhook brought: the customer's own (inbound), those
-- typed in the app (outbound). An inbound and an outbound message never share an id in earnest,
-- but test data does it, so the direction is part of the key.
{{
    config(
        materialized='incremental',
        unique_key=['record_id', 'direction'],
        incremental_strategy='merge',
        pre_hook="{{ forget_retired('whatsapp_webhooks') }}",
        merge_update_set_expressions=merge_columns(
            least=[
                'message_type',
                'message_at',
                'implausible_message_at',
                'phone_number_id',
                'person_wa_id',
                'person_user_id',
                'context_id',
                'referral_source_id',
                'consent_word_event'
            ],
            either=['is_echo', 'is_form_answer', 'is_from_ad']
        )
    )
}}

with

messages as (
    select
        record_id,
        direction,
        is_echo,
        message_type,
        is_form_answer,
        message_at,
        is_implausible,
        phone_number_id,
        person_wa_id,
        person_user_id,
        context_id,
        referral_source_id,
        referral_source_type,
        text_word,
        payload_word,
        button_word
    from {{ ref('stg_whatsapp__messages') }}
    where {{ rows_to_fold('whatsapp_webhooks') }}
),

stop_words as (
    select
        word,
        event
    from {{ ref('stg_reference__stop_words') }}
),

-- STOP and START are told by the whole message, as text, button payload or button label.
messages_with_events as (
    select
        messages.record_id,
        messages.direction,
        messages.is_echo,
        messages.message_type,
        messages.is_form_answer,
        messages.message_at,
        messages.is_implausible,
        messages.phone_number_id,
        messages.person_wa_id,
        messages.person_user_id,
        messages.context_id,
        messages.referral_source_id,
        messages.referral_source_type,
        coalesce(said.event, pressed.event, labelled.event) as consent_word_event
    from messages
    left join stop_words as said on messages.text_word = said.word
    left join stop_words as pressed on messages.payload_word = pressed.word
    left join stop_words as labelled on messages.button_word = labelled.word
),

final as (
    select
        record_id,
        direction,
        bool_or(is_echo) as is_echo,
        min(message_type) as message_type,
        bool_or(is_form_answer) as is_form_answer,
        min(message_at) filter (where not is_implausible) as message_at,
        min(message_at) filter (where is_implausible) as implausible_message_at,
        min(phone_number_id) as phone_number_id,
        min(person_wa_id) as person_wa_id,
        min(person_user_id) as person_user_id,
        min(context_id) as context_id,
        min(referral_source_id) as referral_source_id,
        -- A click-to-WhatsApp message is told by its referral, with or without a click id.
        bool_or(referral_source_id is not null or coalesce(referral_source_type = 'ad', false))
            as is_from_ad,
        min(consent_word_event) as consent_word_event
    from messages_with_events
    group by record_id, direction
)

select * from final
