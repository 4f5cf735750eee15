-- Responses of the survey tools, as each names them; int_survey_answers__told takes the newest.
with

all_vendors as (
    {% for vendor in ["typeform", "surveymonkey", "delighted"] %}
        select
            '{{ vendor }}' as vendor,
            _load_id,
            _row_number,
            response_key,
            survey,
            survey_type,
            score,
            scale_max,
            comment,
            topic,
            answered_at,
            sent_at,
            response_status,
            phone,
            user_id,
            email,
            external_id,
            conversation_id,
            agent_id,
            ids_of
        from {{ source('raw', 'surveys_' ~ vendor) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        all_vendors._load_id as load_id,
        load_precedence.precedence,
        all_vendors._row_number as row_number,
        all_vendors.vendor,
        all_vendors.response_key,
        all_vendors.survey,
        {{ survey_type('all_vendors.survey_type') }} as survey_type,
        all_vendors.score as score_text,
        {{ survey_scale('all_vendors.survey_type', 'all_vendors.scale_max') }} as scale_max,
        all_vendors.comment as comment_text,
        all_vendors.topic,
        -- A form that was begun and never handed in has no answer (Typeform: partial).
        coalesce(lower(all_vendors.response_status) = 'completed', true) as is_completed,
        {{ utc_time('all_vendors.answered_at') }} as answered_at,
        {{ utc_time('all_vendors.sent_at') }} as sent_at,
        {{ is_before_1971(utc_time('coalesce(all_vendors.answered_at, all_vendors.sent_at)')) }}
            as is_implausible,
        {{ person_columns() }},
        all_vendors.conversation_id,
        all_vendors.agent_id,
        lower(all_vendors.ids_of) as ids_of
    from all_vendors
    inner join load_precedence on all_vendors._load_id = load_precedence.load_id
)

select * from final
