-- One row per survey sent, or answer, as an export tells of it: the newest telling of each. Two
-- rows may still be one survey that was answered twice: int_survey_responses folds those.
--   response_ref      tells it from all others of its system, and may be published hashed
--   survey_name       tells surveys of one system apart, for repeated answers
--   sending_key       which sending it belongs to; NULL where that isn't known
with

identifiers as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'survey'
),

conversation_identifiers as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'conversation'
),

conversations as (
    select
        conversation_key,
        source,
        substr(conversation_key, length(source) + 2) as native_id
    from {{ ref('int_conversations__told') }}
),

-- The number of a conversation whose system nobody names: sure where only one system has it.
sole_conversations as (
    select
        native_id,
        min(conversation_key) as conversation_key,
        min(source) as source
    from conversations
    group by native_id
    having count(*) = 1
),

tools as (
    select
        vendor,
        response_key,
        survey,
        survey_type,
        score_text,
        scale_max,
        comment_text,
        topic,
        is_completed,
        answered_at,
        sent_at,
        is_implausible,
        phone,
        name_kind,
        name_value,
        conversation_id,
        agent_id,
        ids_of
    from {{ ref('stg_surveys__responses') }}
    qualify
        row_number() over (
            partition by vendor, response_key order by precedence desc, row_number desc
        ) = 1
),

generic as (
    select
        source,
        response_id,
        survey_type,
        score_text,
        scale_max,
        comment_text,
        topic,
        answered_at,
        sent_at,
        is_implausible,
        phone,
        name_kind,
        name_value,
        conversation_id,
        agent_id
    from {{ ref('stg_generic__survey_responses') }}
    qualify
        row_number() over (
            partition by source, response_id order by precedence desc, row_number desc
        ) = 1
),

csat_answers as (
    select
        chatwoot_message_id,
        conversation_key,
        name_kind,
        name_value,
        score_text,
        comment_text,
        agent_id,
        answered_at,
        is_implausible
    from {{ ref('stg_chatwoot__csat_survey_responses') }}
    qualify
        row_number() over (
            partition by chatwoot_message_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

csat_surveys as (
    select
        chatwoot_message_id,
        record_id,
        conversation_key,
        native_channel_id,
        sent_at,
        is_implausible,
        updated_at,
        status,
        score_text,
        comment_text
    from {{ ref('stg_chatwoot__csat_surveys') }}
    qualify
        row_number() over (
            partition by chatwoot_message_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

flow_fields as (
    select
        record_id,
        answer_kind,
        answer_text,
        answered_at,
        is_implausible,
        phone_number_id,
        person_wa_id,
        person_user_id,
        context_id
    from {{ ref('stg_whatsapp__survey_answers') }}
),

-- Not materialized: of millions of messages a few are surveys.
statuses as not materialized (
    select
        record_id,
        least(sent_at, delivered_at, read_at) as sent_at,
        coalesce(delivered_at, read_at) is not null as is_delivered
    from {{ ref('int_whatsapp_statuses__folded') }}
),

sends as not materialized (
    select
        record_id,
        phone_number_id,
        attempted_at,
        template_name,
        coalesce(contact_wa_id, recipient) as person_wa_id,
        coalesce(contact_user_id, recipient_user_id) as person_user_id
    from {{ ref('int_whatsapp_sends__folded') }}
    where template_name is not null and attempted_at is not null and refused_at is null
),

told_by_tools as (
    select
        tools.vendor as source_system,
        identifiers.identifier_hash as response_ref,
        tools.survey as survey_name,
        case when tools.sent_at is not null then cast(tools.sent_at as varchar) end as sending_key,
        tools.survey_type,
        tools.score_text,
        tools.scale_max,
        tools.comment_text,
        tools.topic,
        coalesce(
            tools.answered_at,
            case
                when coalesce(tools.score_text, tools.comment_text) is not null then tools.sent_at
            end
        ) as answered_at,
        tools.sent_at,
        cast(null as boolean) as is_delivered,
        tools.phone,
        tools.name_kind,
        tools.name_value,
        coalesce(
            tools.ids_of || ':' || tools.conversation_id, sole_conversations.conversation_key
        ) as conversation_key,
        tools.conversation_id is not null as is_about_conversation,
        cast(null as varchar) as native_channel_id,
        coalesce(tools.ids_of, sole_conversations.source, tools.vendor) as agent_source,
        tools.agent_id,
        cast(null as varchar) as message_record_id,
        'survey_responses' as stream,
        tools.is_completed,
        tools.is_implausible
    from tools
    inner join identifiers on tools.response_key = identifiers.value
    left join sole_conversations on tools.conversation_id = sole_conversations.native_id
),

told_by_us as (
    select
        generic.source as source_system,
        identifiers.identifier_hash as response_ref,
        '' as survey_name,
        case when generic.sent_at is not null then cast(generic.sent_at as varchar) end
            as sending_key,
        generic.survey_type,
        generic.score_text,
        generic.scale_max,
        generic.comment_text,
        generic.topic,
        coalesce(
            generic.answered_at,
            case
                when coalesce(generic.score_text, generic.comment_text) is not null
                    then generic.sent_at
            end
        ) as answered_at,
        generic.sent_at,
        cast(null as boolean) as is_delivered,
        generic.phone,
        generic.name_kind,
        generic.name_value,
        coalesce(
            own_conversations.conversation_key, sole_conversations.conversation_key
        ) as conversation_key,
        generic.conversation_id is not null as is_about_conversation,
        cast(null as varchar) as native_channel_id,
        coalesce(own_conversations.source, sole_conversations.source, generic.source)
            as agent_source,
        generic.agent_id,
        cast(null as varchar) as message_record_id,
        'survey_responses' as stream,
        true as is_completed,
        generic.is_implausible
    from generic
    inner join identifiers on generic.response_id = identifiers.value
    left join conversations as own_conversations
        on generic.source || ':' || generic.conversation_id = own_conversations.conversation_key
    left join sole_conversations on generic.conversation_id = sole_conversations.native_id
),

-- The message is the survey sent. Which agent was asked about, only the answer tells.
told_by_chatwoot as (
    select
        'chatwoot' as source_system,
        conversation_identifiers.identifier_hash || '|csat|'
        || coalesce(csat_surveys.chatwoot_message_id, csat_answers.chatwoot_message_id)
            as response_ref,
        '' as survey_name,
        coalesce(csat_surveys.chatwoot_message_id, csat_answers.chatwoot_message_id)
            as sending_key,
        'csat' as survey_type,
        coalesce(csat_answers.score_text, csat_surveys.score_text) as score_text,
        5.0 as scale_max,
        coalesce(csat_answers.comment_text, csat_surveys.comment_text) as comment_text,
        cast(null as varchar) as topic,
        coalesce(
            csat_answers.answered_at,
            case when csat_surveys.score_text is not null then csat_surveys.updated_at end
        ) as answered_at,
        csat_surveys.sent_at,
        case
            when csat_surveys.status = 'failed' then false
            when statuses.record_id is not null then statuses.is_delivered
            when csat_surveys.status in ('delivered', 'read') then true
        end as is_delivered,
        cast(null as varchar) as phone,
        csat_answers.name_kind,
        csat_answers.name_value,
        coalesce(csat_surveys.conversation_key, csat_answers.conversation_key)
            as conversation_key,
        true as is_about_conversation,
        csat_surveys.native_channel_id,
        'chatwoot' as agent_source,
        csat_answers.agent_id,
        cast(null as varchar) as message_record_id,
        'survey_responses' as stream,
        true as is_completed,
        coalesce(csat_answers.is_implausible, csat_surveys.is_implausible) as is_implausible
    from csat_surveys
    full outer join csat_answers
        on csat_surveys.chatwoot_message_id = csat_answers.chatwoot_message_id
    inner join conversation_identifiers
        on
            coalesce(csat_surveys.conversation_key, csat_answers.conversation_key)
            = conversation_identifiers.value
    left join statuses on csat_surveys.record_id = statuses.record_id
),

-- Nothing says whether a bare `score` is of 5 or of 10 but all answers that were given to it.
score_types as (
    select
        case
            when
                bool_and(
                    coalesce(try_cast(answer_text as double) in (1, 2, 3, 4, 5), false)
                )
                then 'csat'
            when
                bool_and(
                    coalesce(
                        try_cast(answer_text as double) between 0 and 10
                        and try_cast(answer_text as double)
                        = floor(try_cast(answer_text as double)),
                        false
                    )
                )
                then 'nps'
            else 'other'
        end as survey_type
    from flow_fields
    where answer_kind = 'score'
),

flow_answers as (
    select
        flow_fields.record_id,
        case
            when flow_fields.answer_kind = 'score' then score_types.survey_type
            else flow_fields.answer_kind
        end as survey_type,
        min(flow_fields.answer_text) as score_text,
        min(flow_fields.answered_at) as answered_at,
        bool_or(flow_fields.is_implausible) as is_implausible,
        min(flow_fields.phone_number_id) as phone_number_id,
        min(flow_fields.person_wa_id) as person_wa_id,
        min(flow_fields.person_user_id) as person_user_id,
        min(flow_fields.context_id) as context_id
    from flow_fields
    cross join score_types
    where flow_fields.answer_kind <> 'comment'
    group by all
),

flow_comments as (
    select
        record_id,
        min(answer_text) as comment_text
    from flow_fields
    where answer_kind = 'comment'
    group by record_id
),

-- A template that brought an answer to a survey is one, to whomever it went. Of flows that were
-- sent without a template only those that were answered are known: no share of them says anything.
survey_templates as (
    select distinct
        sends.phone_number_id,
        sends.template_name,
        flow_answers.survey_type
    from flow_answers
    inner join sends on flow_answers.context_id = sends.record_id
),

template_surveys as (
    select
        sends.record_id,
        survey_templates.survey_type,
        sends.phone_number_id,
        sends.person_wa_id,
        sends.person_user_id,
        coalesce(statuses.sent_at, sends.attempted_at) as sent_at,
        coalesce(statuses.is_delivered, false) as is_delivered
    from sends
    inner join survey_templates
        on
            sends.phone_number_id = survey_templates.phone_number_id
            and sends.template_name = survey_templates.template_name
    left join statuses on sends.record_id = statuses.record_id
),

told_by_whatsapp as (
    select
        'whatsapp' as source_system,
        coalesce(flow_answers.survey_type, template_surveys.survey_type) || '|'
        || coalesce(flow_answers.record_id, template_surveys.record_id) as response_ref,
        '' as survey_name,
        coalesce(template_surveys.record_id, flow_answers.context_id) as sending_key,
        coalesce(flow_answers.survey_type, template_surveys.survey_type) as survey_type,
        flow_answers.score_text,
        {{
            survey_scale('coalesce(flow_answers.survey_type, template_surveys.survey_type)', 'null')
        }} as scale_max,
        flow_comments.comment_text,
        cast(null as varchar) as topic,
        flow_answers.answered_at,
        template_surveys.sent_at,
        template_surveys.is_delivered,
        coalesce(flow_answers.person_wa_id, template_surveys.person_wa_id) as phone,
        case
            when coalesce(flow_answers.person_user_id, template_surveys.person_user_id) is not null
                then 'bsuid'
        end as name_kind,
        coalesce(flow_answers.person_user_id, template_surveys.person_user_id) as name_value,
        cast(null as varchar) as conversation_key,
        coalesce(flow_answers.record_id is not null, false) as is_about_conversation,
        coalesce(flow_answers.phone_number_id, template_surveys.phone_number_id)
            as native_channel_id,
        'whatsapp' as agent_source,
        cast(null as varchar) as agent_id,
        coalesce(flow_answers.record_id, template_surveys.record_id) as message_record_id,
        'webhooks' as stream,
        true as is_completed,
        coalesce(flow_answers.is_implausible, false) as is_implausible
    from flow_answers
    full outer join template_surveys
        on
            flow_answers.context_id = template_surveys.record_id
            and flow_answers.survey_type = template_surveys.survey_type
    left join flow_comments on flow_answers.record_id = flow_comments.record_id
),

told as (
    select * from told_by_tools
    union all
    select * from told_by_us
    union all
    select * from told_by_chatwoot
    union all
    select * from told_by_whatsapp
),

final as (
    select
        source_system,
        response_ref,
        survey_name,
        sending_key,
        survey_type,
        score_text,
        {{ survey_score('survey_type', 'scale_max', 'score_text') }} as score,
        scale_max,
        comment_text,
        topic,
        answered_at,
        -- An answer proves that the survey was sent by then.
        case when sent_at is not null then least(sent_at, answered_at) end as sent_at,
        case
            when sent_at is null then null
            when answered_at is not null then true
            else is_delivered
        end as is_delivered,
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
    from told
)

select * from final
