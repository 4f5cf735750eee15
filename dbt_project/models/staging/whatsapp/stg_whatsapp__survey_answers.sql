-- Fields of flow replies that by their names can only be an answer to a survey, one row per field.
-- What other fields mean, only the author of the flow knows: a field `delivery_rating` may hold the
-- number of an option in any order.
with

webhooks as (
    select
        _load_id,
        record_id,
        record_time,
        received_at,
        phone_number_id,
        display_phone_number,
        person_wa_id,
        person_user_id,
        contact_wa_id,
        contact_user_id,
        context_id,
        try_cast(payload ->> '$.interactive.nfm_reply.response_json' as json) as answers
    from {{ source('raw', 'whatsapp_webhooks') }}
    where
        record_kind = 'message'
        and record_type = 'interactive'
        -- Cheaper than to read the JSON of every reply.
        and contains(cast(payload as varchar), 'nfm_reply')
),

fields as (
    select
        *,
        unnest(json_keys(answers)) as key_name
    from webhooks
    where
        json_type(answers) = 'OBJECT'
        and nullif(record_id, '') is not null
        and {{ unix_seconds('record_time') }} is not null
        and not {{ is_meta_test_payload() }}
),

-- Meta's builder puts the screen before a name and the place of the field behind it.
named as (
    select
        *,
        regexp_replace(
            regexp_replace(lower(key_name), '^screen_[0-9]+_', ''), '_[0-9]+$', ''
        ) as field_name,
        trim(json_extract_string(
            answers, '/' || replace(replace(key_name, '~', '~0'), '/', '~1')
        )) as field_value
    from fields
),

answers as (
    select
        *,
        case
            when field_name in ('nps', 'nps_score', 'nps_rating') then 'nps'
            when
                field_name in (
                    'csat', 'csat_score', 'csat_rating', 'rating', 'satisfaction', 'stars'
                )
                then 'csat'
            when field_name in ('ces', 'ces_score') then 'ces'
            when field_name = 'score' then 'score'
            when
                field_name in (
                    'comment', 'comments', 'comment_text', 'feedback', 'feedback_text', 'reason'
                )
                then 'comment'
        end as answer_kind
    from named
),

final as (
    select
        _load_id as load_id,
        record_id,
        answer_kind,
        nullif(field_value, '') as answer_text,
        {{ unix_seconds('record_time') }} as answered_at,
        {{ is_implausible(unix_seconds('record_time'), received_time('received_at')) }}
            as is_implausible,
        nullif(phone_number_id, '') as phone_number_id,
        coalesce(person_wa_id, contact_wa_id) as person_wa_id,
        coalesce(person_user_id, contact_user_id) as person_user_id,
        nullif(context_id, '') as context_id
    from answers
    where answer_kind is not null and nullif(field_value, '') is not null
)

select * from final
