-- One row per message that the business tried to send, with what the send log last said of it. A
-- view: its readers take a batch of it.
{{ config(materialized='view') }}

with

sends as not materialized (
    select
        record_id,
        is_composed_id,
        attempted_at,
        implausible_attempted_at,
        refused_at,
        first_error,
        is_group,
        phone_number_id,
        campaign_id,
        variant,
        sender_type,
        agent_id,
        bot_id,
        recipient,
        recipient_user_id,
        contact_wa_id,
        contact_user_id,
        message_type,
        template_name,
        template_language,
        conversation_id
    from {{ ref('int_whatsapp_sends__folded') }}
),

newest_sends as (
    select
        record_id,
        is_group,
        phone_number_id,
        campaign_id,
        variant,
        sender_type,
        agent_id,
        bot_id,
        recipient,
        recipient_user_id,
        contact_wa_id,
        contact_user_id,
        message_type,
        template_name,
        template_language,
        conversation_id
    from {{ ref('int_whatsapp_sends__newest') }}
),

final as (
    select
        sends.record_id,
        sends.is_composed_id,
        sends.attempted_at,
        sends.implausible_attempted_at,
        sends.refused_at,
        sends.first_error,
        sends.is_group,
        sends.phone_number_id,
        sends.campaign_id,
        sends.variant,
        sends.sender_type,
        sends.agent_id,
        sends.bot_id,
        sends.recipient,
        sends.recipient_user_id,
        sends.contact_wa_id,
        sends.contact_user_id,
        sends.message_type,
        sends.template_name,
        sends.template_language,
        sends.conversation_id
    from sends
    anti join newest_sends on sends.record_id = newest_sends.record_id
    union all
    select
        sends.record_id,
        sends.is_composed_id,
        sends.attempted_at,
        sends.implausible_attempted_at,
        sends.refused_at,
        sends.first_error,
        newest_sends.is_group,
        newest_sends.phone_number_id,
        newest_sends.campaign_id,
        newest_sends.variant,
        newest_sends.sender_type,
        newest_sends.agent_id,
        newest_sends.bot_id,
        newest_sends.recipient,
        newest_sends.recipient_user_id,
        newest_sends.contact_wa_id,
        newest_sends.contact_user_id,
        newest_sends.message_type,
        newest_sends.template_name,
        newest_sends.template_language,
        newest_sends.conversation_id
    from sends
    inner join newest_sends on sends.record_id = newest_sends.record_id
)

select * from final
