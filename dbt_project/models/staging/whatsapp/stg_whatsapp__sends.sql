with

sends as (
    select
        _load_id,
        record_id,
        message_id,
        requested_at,
        phone_number_id,
        http_status,
        campaign_id,
        variant,
        sender_type,
        agent_id,
        bot_id,
        flow_id,
        flow_step,
        conversation_id,
        recipient,
        recipient_user_id,
        recipient_type,
        message_type,
        template_name,
        template_language,
        context_id,
        contact_input,
        contact_wa_id,
        contact_user_id,
        error_code
    from {{ source('raw', 'whatsapp_sends') }}
),

final as (
    select
        _load_id as load_id,
        record_id,
        message_id is null as is_composed_id,
        {{ utc_time('requested_at') }} as attempted_at,
        {{ is_implausible(utc_time('requested_at'), 'cast(null as timestamp)') }}
            as is_implausible,
        phone_number_id,
        campaign_id,
        variant,
        case
            when lower(sender_type) in ('campaign', 'agent', 'bot', 'api') then lower(sender_type)
        end as sender_type,
        agent_id,
        bot_id,
        flow_id,
        flow_step,
        conversation_id,
        nullif(recipient, '') as recipient,
        nullif(recipient_user_id, '') as recipient_user_id,
        coalesce(recipient_type, 'individual') as recipient_type,
        coalesce(message_type, 'unknown') as message_type,
        template_name,
        template_language,
        context_id,
        nullif(contact_input, '') as contact_input,
        nullif(contact_wa_id, '') as contact_wa_id,
        nullif(contact_user_id, '') as contact_user_id,
        -- An error answer means attempted, never sent: no webhook follows.
        error_code is not null
        or (message_id is null and try_cast(http_status as integer) >= 400) as is_refused,
        error_code
    from sends
    where {{ utc_time('requested_at') }} is not null
)

select * from final
