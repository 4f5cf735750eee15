-- The messages by which Chatwoot asks how it was. It writes the answer into the message too: that
-- serves where the table of the answers isn't exported.
with

messages as (
    select
        _load_id,
        _row_number,
        id,
        inbox_id,
        created_at,
        updated_at,
        status,
        content_attributes,
        message_key,
        conversation_key
    from {{ source('raw', 'chatwoot_messages') }}
    where lower(content_type) in ('9', 'input_csat')
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

-- JSON, in some dumps quoted once more.
unquoted as (
    select
        *,
        case
            when json_type(try_cast(content_attributes as json)) = 'VARCHAR'
                then try_cast(try_cast(content_attributes as json) ->> '$' as json)
            else try_cast(content_attributes as json)
        end as attributes
    from messages
),

final as (
    select
        unquoted._load_id as load_id,
        load_precedence.precedence,
        unquoted._row_number as row_number,
        unquoted.id as chatwoot_message_id,
        unquoted.message_key as record_id,
        unquoted.conversation_key,
        'chatwoot:' || unquoted.inbox_id as native_channel_id,
        {{ utc_time('unquoted.created_at') }} as sent_at,
        {{ is_before_1971(utc_time('unquoted.created_at')) }} as is_implausible,
        {{ utc_time('unquoted.updated_at') }} as updated_at,
        case lower(unquoted.status)
            when '0' then 'sent'
            when '1' then 'delivered'
            when '2' then 'read'
            when '3' then 'failed'
            else lower(unquoted.status)
        end as status,
        unquoted.attributes ->> '$.submitted_values.csat_survey_response.rating' as score_text,
        unquoted.attributes ->> '$.submitted_values.csat_survey_response.feedback_message'
            as comment_text
    from unquoted
    inner join load_precedence on unquoted._load_id = load_precedence.load_id
    where {{ utc_time('unquoted.created_at') }} is not null
)

select * from final
