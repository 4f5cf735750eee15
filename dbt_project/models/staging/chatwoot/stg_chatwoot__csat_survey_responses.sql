with

responses as (
    select
        _load_id,
        _row_number,
        id,
        message_id,
        rating,
        feedback_message,
        assigned_agent_id,
        created_at,
        updated_at,
        conversation_key,
        platform_contact_id
    from {{ source('raw', 'chatwoot_csat_survey_responses') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        responses._load_id as load_id,
        load_precedence.precedence,
        responses._row_number as row_number,
        responses.id as chatwoot_response_id,
        responses.message_id as chatwoot_message_id,
        responses.conversation_key,
        case when responses.platform_contact_id is not null then 'platform' end as name_kind,
        responses.platform_contact_id as name_value,
        responses.rating as score_text,
        responses.feedback_message as comment_text,
        responses.assigned_agent_id as agent_id,
        {{ utc_time('responses.created_at') }} as answered_at,
        {{ is_before_1971(utc_time('responses.created_at')) }} as is_implausible,
        {{ utc_time('responses.updated_at') }} as updated_at
    from responses
    inner join load_precedence on responses._load_id = load_precedence.load_id
    where {{ utc_time('responses.created_at') }} is not null
)

select * from final
