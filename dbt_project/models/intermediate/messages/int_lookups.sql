-- One row per thing that messages are looked up by and that may change without a message of its
-- own: a template's category, the published id of a business number, how far a stream's clock is
-- believed, which of two lines of the send log is the newer, what an inbox tells of a message (its
-- dumps tell of all messages each time). Compared with int_lookups__before to
-- find the messages that say something else than they did.
-- depends_on: {{ ref('int_lookups__before') }}
with

templates as (
    select
        template_name,
        template_language,
        category
    from {{ ref('int_templates') }}
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

newest_sends as (
    select
        record_id,
        said
    from {{ ref('int_whatsapp_sends__newest') }}
),

clocks as (
    select
        stream,
        last_plausible_at
    from {{ ref('int_stream_clocks') }}
    where last_plausible_at is not null
),

clicked_messages as (
    select
        record_id,
        first_clicked_at
    from {{ ref('int_messages__clicked') }}
),

inbox_messages as (
    select
        record_id,
        direction,
        hash(
            is_composed_id,
            conversation_key,
            native_channel_id,
            name_kind,
            name_value,
            told_at,
            is_implausible,
            failed_at,
            sender_type,
            agent_id,
            bot_id,
            message_type,
            error_code,
            template_name,
            template_language,
            category,
            consent_word_event
        ) as said
    from {{ ref('int_inbox_messages') }}
),

final as (
    select
        'template' as lookup,
        template_name as key_1,
        template_language as key_2,
        category as looked_up
    from templates
    union all
    select
        'channel' as lookup,
        native_channel_id as key_1,
        '' as key_2,
        channel_id as looked_up
    from channels
    union all
    select
        'clock' as lookup,
        stream as key_1,
        '' as key_2,
        cast(last_plausible_at as varchar) as looked_up
    from clocks
    union all
    select
        'send' as lookup,
        record_id as key_1,
        '' as key_2,
        cast(said as varchar) as looked_up
    from newest_sends
    union all
    select
        'click' as lookup,
        record_id as key_1,
        '' as key_2,
        cast(first_clicked_at as varchar) as looked_up
    from clicked_messages
    union all
    select
        'inbox' as lookup,
        record_id as key_1,
        direction as key_2,
        cast(said as varchar) as looked_up
    from inbox_messages
)

select * from final
