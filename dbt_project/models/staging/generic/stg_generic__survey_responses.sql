with

responses as (
    select
        _load_id,
        _row_number,
        response_id,
        survey_type,
        conversation_id,
        answered_at,
        sent_at,
        score,
        scale_max,
        comment,
        topic,
        agent_id,
        phone,
        user_id,
        email,
        external_id
    from {{ source('raw', 'generic_survey_responses') }}
),

loads as (
    select
        load_id,
        source
    from {{ source('ledger', 'loads') }}
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
        loads.source,
        responses.response_id,
        {{ survey_type('responses.survey_type') }} as survey_type,
        responses.score as score_text,
        {{ survey_scale('responses.survey_type', 'responses.scale_max') }} as scale_max,
        responses.comment as comment_text,
        responses.topic,
        {{ utc_time('responses.answered_at') }} as answered_at,
        {{ utc_time('responses.sent_at') }} as sent_at,
        {{ is_before_1971(utc_time('coalesce(responses.answered_at, responses.sent_at)')) }}
            as is_implausible,
        {{ person_columns() }},
        responses.conversation_id,
        responses.agent_id
    from responses
    inner join loads on responses._load_id = loads.load_id
    inner join load_precedence on responses._load_id = load_precedence.load_id
)

select * from final
