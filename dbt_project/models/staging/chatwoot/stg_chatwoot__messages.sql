with

messages as (
    select
        _load_id,
        _row_number,
        id,
        inbox_id,
        message_type,
        created_at,
        content,
        updated_at,
        private,
        status,
        source_id,
        content_type,
        content_attributes,
        sender_type,
        sender_id,
        additional_attributes,
        message_key,
        conversation_key,
        platform_contact_id
    from {{ source('raw', 'chatwoot_messages') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

-- Dumps hold the numbers of types and statuses, other exports their names.
named as (
    select
        *,
        case lower(message_type)
            when '0' then 'incoming'
            when '1' then 'outgoing'
            when '2' then 'activity'
            when '3' then 'template'
            else lower(message_type)
        end as message_kind,
        coalesce({{ parsed_boolean('private') }}, false) as is_private,
        -- A template of WhatsApp's; what Chatwoot calls template are texts of its own.
        try_cast(additional_attributes as json) as attributes,
        json_extract(try_cast(additional_attributes as json), '$.template_params')
            as template_params,
        -- JSON that may be quoted once more.
        regexp_matches(content_attributes, 'external_echo[\\": ]+true\b') as is_external_echo
    from messages
),

final as (
    select
        named._load_id as load_id,
        load_precedence.precedence,
        named._row_number as row_number,
        named.id as chatwoot_message_id,
        named.message_key as record_id,
        named.message_key not like 'wamid.%' as is_composed_id,
        named.conversation_key,
        'chatwoot:' || named.inbox_id as native_channel_id,
        named.message_kind,
        named.is_private,
        -- Notes are for colleagues, activities are notices: neither is a message of the chat.
        not named.is_private
        and named.message_kind in ('incoming', 'outgoing', 'template') as is_message,
        case when named.message_kind = 'incoming' then 'inbound' else 'outbound' end as direction,
        {{ utc_time('named.created_at') }} as created_at,
        {{ is_before_1971(utc_time('named.created_at')) }} as is_implausible,
        {{ utc_time('named.updated_at') }} as updated_at,
        case
            when named.message_kind = 'incoming' then 'contact'
            -- Chatwoot's own campaigns mark what they send.
            when named.attributes ->> '$.campaign_id' is not null then 'campaign'
            when named.sender_type = 'User' then 'agent'
            when named.sender_type in ('AgentBot', 'Captain::Assistant') then 'bot'
            -- Nobody of Chatwoot's: typed in the app on the telephone (SOURCES 5).
            when
                named.message_kind = 'outgoing'
                and named.sender_type is null
                and named.is_external_echo
                then 'agent'
        end as sender_type,
        case when named.sender_type = 'User' then named.sender_id end as agent_id,
        -- An agent and a bot may have the same number.
        case
            when named.sender_type = 'AgentBot' then 'chatwoot:bot-' || named.sender_id
            when named.sender_type = 'Captain::Assistant'
                then 'chatwoot:captain-' || named.sender_id
        end as bot_id,
        case when named.platform_contact_id is not null then 'platform' end as name_kind,
        named.platform_contact_id as name_value,
        case lower(named.status)
            when '0' then 'sent'
            when '1' then 'delivered'
            when '2' then 'read'
            when '3' then 'failed'
            else lower(named.status)
        end as status,
        -- "131049: This message was not delivered …", in JSON that may be quoted once more.
        nullif(
            regexp_extract(named.content_attributes, 'external_error[\\": ]+([0-9]{1,6})\b', 1), ''
        ) as error_code,
        case lower(named.content_type)
            when '0' then 'text'
            when '1' then 'input_text'
            when '2' then 'input_textarea'
            when '3' then 'input_email'
            when '4' then 'input_select'
            when '5' then 'cards'
            when '6' then 'form'
            when '7' then 'article'
            when '8' then 'incoming_email'
            when '9' then 'input_csat'
            when '10' then 'integrations'
            when '11' then 'sticker'
            when '12' then 'voice_call'
            else lower(named.content_type)
        end as content_type,
        named.template_params ->> '$.name' as template_name,
        named.template_params ->> '$.language' as template_language,
        lower(named.template_params ->> '$.category') as template_category,
        -- What a picture or voice message is, another table says.
        coalesce(named.content, '') = '' as has_no_text,
        case when named.message_kind = 'incoming' then {{ normalised_word('named.content') }} end
            as text_word,
        -- Read for what it tells of assignments and statuses; the words of people stay in raw.
        case when named.message_kind = 'activity' then named.content end as activity_text
    from named
    inner join load_precedence on named._load_id = load_precedence.load_id
    where {{ utc_time('named.created_at') }} is not null
)

select * from final
