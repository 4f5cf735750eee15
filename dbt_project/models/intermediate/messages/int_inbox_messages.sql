-- One row per message of a chat that Chatwoot tells of, as its newest export does. Whose it is, the
-- conversation says: people who turned out to be one are moved there. Without its row the customer
-- who wrote in it does. Two inboxes may be of one
-- number, and each tells of its message: the first one counts.
with

messages as (
    select
        precedence,
        row_number,
        chatwoot_message_id,
        record_id,
        is_composed_id,
        conversation_key,
        native_channel_id,
        direction,
        created_at,
        is_implausible,
        updated_at,
        sender_type,
        agent_id,
        bot_id,
        name_kind,
        name_value,
        status,
        error_code,
        content_type,
        template_name,
        template_language,
        template_category,
        has_no_text,
        text_word
    from {{ ref('stg_chatwoot__messages') }}
    where is_message
),

conversations as (
    select
        precedence,
        row_number,
        conversation_key,
        name_kind,
        name_value,
        updated_at
    from {{ ref('stg_chatwoot__conversations') }}
),

stop_words as (
    select
        word,
        event
    from {{ ref('stg_reference__stop_words') }}
),

newest_messages as (
    select *
    from messages
    qualify
        row_number() over (
            partition by chatwoot_message_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

distinct_messages as (
    select *
    from newest_messages
    qualify
        row_number() over (
            partition by record_id, direction
            order by created_at, chatwoot_message_id
        ) = 1
),

newest_conversations as (
    select *
    from conversations
    qualify
        row_number() over (
            partition by conversation_key
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

-- Who wrote first, for what we wrote in a conversation whose row isn't there.
writers as (
    select
        conversation_key,
        name_kind,
        name_value
    from newest_messages
    where direction = 'inbound' and name_value is not null
    qualify
        row_number() over (
            partition by conversation_key
            order by created_at, chatwoot_message_id
        ) = 1
),

final as (
    select
        messages.record_id,
        messages.direction,
        messages.is_composed_id,
        messages.conversation_key,
        messages.native_channel_id,
        coalesce(conversations.name_kind, messages.name_kind, writers.name_kind) as name_kind,
        coalesce(conversations.name_value, messages.name_value, writers.name_value) as name_value,
        messages.created_at as told_at,
        messages.is_implausible,
        -- Chatwoot knows that a message failed, or came, and not when: a failure is put to the time
        -- of sending, and of the rest the webhooks know more.
        case when messages.status = 'failed' then messages.created_at end as failed_at,
        messages.sender_type,
        messages.agent_id,
        messages.bot_id,
        case
            when messages.template_name is not null then 'template'
            when messages.content_type <> 'text' then messages.content_type
            when not messages.has_no_text then 'text'
        end as message_type,
        case when messages.status = 'failed' then messages.error_code end as error_code,
        messages.template_name,
        messages.template_language,
        messages.template_category as category,
        messages.direction = 'outbound' and messages.template_name is null as is_free_form,
        stop_words.event as consent_word_event
    from distinct_messages as messages
    left join newest_conversations as conversations
        on messages.conversation_key = conversations.conversation_key
    left join writers on messages.conversation_key = writers.conversation_key
    left join stop_words on messages.text_word = stop_words.word
)

select * from final
