-- State: one row per message that the business tried to send, from its send log. Where two lines of
-- one message differ in what they say of it (they do in a corrected export), least_said and
-- greatest_said differ, and int_whatsapp_sends__newest asks raw for the newer one.
{{
    config(
        materialized='incremental',
        unique_key='record_id',
        incremental_strategy='merge',
        pre_hook="{{ forget_retired('whatsapp_sends') }}",
        merge_update_set_expressions=merge_columns(
            least=[
                'phone_number_id',
                'attempted_at',
                'implausible_attempted_at',
                'refused_at',
                'first_error',
                'campaign_id',
                'variant',
                'sender_type',
                'agent_id',
                'bot_id',
                'recipient',
                'recipient_user_id',
                'contact_wa_id',
                'contact_user_id',
                'message_type',
                'template_name',
                'template_language',
                'conversation_id',
                'least_said'
            ],
            greatest=['greatest_said'],
            either=['is_group'],
            both=['is_composed_id']
        )
    )
}}

with

sends as (
    select
        record_id,
        is_composed_id,
        attempted_at,
        is_implausible,
        phone_number_id,
        campaign_id,
        variant,
        sender_type,
        agent_id,
        bot_id,
        recipient,
        recipient_user_id,
        recipient_type,
        contact_wa_id,
        contact_user_id,
        message_type,
        template_name,
        template_language,
        conversation_id,
        is_refused,
        error_code,
        {{ said_of_a_send() }} as said
    from {{ ref('stg_whatsapp__sends') }}
    where {{ rows_to_fold('whatsapp_sends') }}
),

final as (
    select
        record_id,
        bool_and(is_composed_id) as is_composed_id,
        min(phone_number_id) as phone_number_id,
        min(attempted_at) filter (where not is_implausible) as attempted_at,
        min(attempted_at) filter (where is_implausible) as implausible_attempted_at,
        min(attempted_at) filter (where is_refused) as refused_at,
        min(
            case
                when is_refused and error_code is not null
                    then strftime(attempted_at, '%Y%m%d%H%M%S%f') || '|' || error_code
            end
        ) as first_error,
        min(campaign_id) as campaign_id,
        min(variant) as variant,
        min(sender_type) as sender_type,
        min(agent_id) as agent_id,
        min(bot_id) as bot_id,
        bool_or(recipient_type = 'group') as is_group,
        min(recipient) as recipient,
        min(recipient_user_id) as recipient_user_id,
        min(contact_wa_id) as contact_wa_id,
        min(contact_user_id) as contact_user_id,
        min(message_type) as message_type,
        min(template_name) as template_name,
        min(template_language) as template_language,
        min(conversation_id) as conversation_id,
        min(said) as least_said,
        max(said) as greatest_said
    from sends
    group by record_id
)

select * from final
