-- One row per survey sent, or answer, with whose it is. Those that count for nothing are marked,
-- not left out: they are counted. An answer is superseded by a later one to the same survey
-- (SEMANTICS 16): of a sending the last one within repeat days of the first counts, else whatever
-- is not followed by another one within that time.
with

told as (
    select
        source_system,
        response_ref,
        survey_name,
        sending_key,
        survey_type,
        score_text,
        score,
        scale_max,
        comment_text,
        topic,
        answered_at,
        sent_at,
        is_delivered,
        phone,
        name_kind,
        name_value,
        conversation_key,
        is_about_conversation,
        native_channel_id,
        agent_source,
        agent_id,
        message_record_id,
        stream,
        is_completed,
        is_implausible
    from {{ ref('int_survey_answers__told') }}
),

comment_topics as (
    select
        comment_text,
        topic
    from {{ ref('int_survey_topics') }}
),

known_topics as (
    select
        lower(topic) as topic_word,
        min(topic) as topic
    from {{ ref('stg_reference__feedback_topics') }}
    group by lower(topic)
),

conversations as (
    select
        conversation_key,
        contact_id,
        channel_id
    from {{ ref('int_conversations__told') }}
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

named_agents as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'agent'
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

clocks as (
    select
        stream,
        last_plausible_at
    from {{ ref('int_export_clocks') }}
    where stream = 'survey_responses'
    union all
    select
        stream,
        last_plausible_at
    from {{ ref('int_stream_clocks') }}
    where stream = 'webhooks'
),

resolved as (
    select
        told.*,
        coalesce(
            {{ message_contact('phones', 'by_name') }}, conversations.contact_id, 'unknown'
        ) as contact_id,
        coalesce(channels.channel_id, conversations.channel_id, 'unknown') as channel_id,
        -- Chatwoot says whose conversation it was, and so that it was nobody's.
        case
            when told.agent_id is not null
                then
                    told.agent_source || ':'
                    || coalesce(named_agents.identifier_hash, told.agent_id)
            when told.source_system = 'chatwoot' and told.answered_at is not null then 'none'
            else 'unknown'
        end as asked_agent_id,
        case
            when told.topic is not null
                then coalesce(
                    known_topics.topic,
                    -- A label, and no sentence that could hold a name or a number.
                    case
                        when
                            length(told.topic) <= 40
                            and regexp_full_match(
                                told.topic, '[\p{L}][\p{L}_&/\-]*( [\p{L}_&/\-]+){0,3}'
                            )
                            then told.topic
                    end,
                    'other'
                )
            when told.comment_text is null then 'none'
            else coalesce(comment_topics.topic, 'unknown')
        end as published_topic,
        told.is_implausible
        or coalesce(
            greatest(told.sent_at, told.answered_at) > clocks.last_plausible_at, false
        ) as has_clock_anomaly
    from told
    left join persons as phones on phones.kind = 'phone' and told.phone = phones.value
    left join persons as by_name
        on told.name_kind = by_name.kind and told.name_value = by_name.value
    left join conversations on told.conversation_key = conversations.conversation_key
    left join channels on told.native_channel_id = channels.native_channel_id
    left join named_agents on told.agent_id = named_agents.value
    left join known_topics on lower(told.topic) = known_topics.topic_word
    left join comment_topics on told.comment_text = comment_topics.comment_text
    left join clocks on told.stream = clocks.stream
),

-- Who can't be named answers once, but for the conversation that may stand for them.
respondents as (
    select
        *,
        case
            when contact_id <> 'unknown' then contact_id
            else coalesce(conversation_key, source_system || '|' || response_ref)
        end as respondent,
        coalesce(conversation_key, concat_ws('|', source_system, survey_name)) as asked_about
    from resolved
    where is_completed and coalesce(answered_at, sent_at) is not null
),

answered as (
    select
        *,
        lead(answered_at) over answers as next_answered_at,
        answered_at
        <= min(answered_at) over sendings + interval '{{ var("survey_repeat_days") }} days'
            as is_in_time
    from respondents
    window
        sendings as (
            partition by
                source_system,
                survey_type,
                survey_name,
                sending_key,
                asked_about,
                case when sending_key is null then response_ref else respondent end
        ),
        answers as (
            partition by survey_type, respondent, asked_about, sending_key is null
            order by answered_at, source_system, response_ref
        )
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                source_system,
                survey_type,
                survey_name,
                sending_key,
                asked_about,
                case when sending_key is null then response_ref else respondent end
            order by
                is_in_time desc nulls last,
                answered_at desc nulls last,
                response_ref desc
        ) as answer_rank
    from answered
),

final as (
    select
        {{ survey_response_id('source_system', 'response_ref') }} as survey_response_id,
        source_system,
        survey_type,
        contact_id,
        conversation_key,
        is_about_conversation,
        message_record_id,
        channel_id,
        asked_agent_id as agent_id,
        sent_at,
        is_delivered,
        answered_at,
        score,
        case
            when score is not null or score_text is null then null
            when not isfinite(try_cast(score_text as double)) then 'survey_text_answer'
            when try_cast(score_text as double) is null then 'survey_text_answer'
            else 'survey_score_out_of_range'
        end as score_reason,
        scale_max,
        comment_text is not null as has_comment,
        published_topic as topic,
        has_clock_anomaly,
        contact_id in (select internal_contacts.contact_id from internal_contacts) as is_internal,
        answer_rank > 1
        or (
            sending_key is null
            and coalesce(
                next_answered_at
                <= answered_at + interval '{{ var("survey_repeat_days") }} days',
                false
            )
        ) as is_superseded
    from ranked
)

select * from final
