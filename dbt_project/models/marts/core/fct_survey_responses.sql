with

responses as (
    select
        survey_response_id,
        survey_type,
        source_system,
        contact_id,
        conversation_key,
        is_about_conversation,
        {{
            message_id(
                "case when answered_at is null then 'outbound' else 'inbound' end",
                'message_record_id'
            )
        }} as message_id,
        channel_id,
        agent_id,
        sent_at,
        is_delivered,
        answered_at,
        score,
        scale_max,
        has_comment,
        topic,
        has_clock_anomaly,
        coalesce(sent_at, answered_at) as asked_at
    from {{ ref('int_survey_responses') }}
),

-- Of cycles that begin in one second the last.
cycles as (
    select
        conversation_key,
        arg_max(conversation_cycle_id, cycle_number) as conversation_cycle_id,
        opened_at
    from {{ ref('int_conversation_cycles') }}
    group by conversation_key, opened_at
),

messages as (
    select
        message_id,
        conversation_cycle_id
    from {{ ref('fct_messages') }}
    where message_id in (select responses.message_id from responses)
),

-- The cycle that was on, or the last one before: a survey is sent when a conversation is closed.
asked_about as (
    select
        responses.survey_response_id,
        cycles.conversation_cycle_id
    from responses
    asof inner join cycles
        on
            responses.conversation_key = cycles.conversation_key
            and responses.asked_at >= cycles.opened_at
),

final as (
    select
        responses.survey_response_id,
        responses.survey_type,
        responses.source_system,
        responses.contact_id,
        coalesce(
            asked_about.conversation_cycle_id,
            messages.conversation_cycle_id,
            case when responses.is_about_conversation then 'unknown' else 'none' end
        ) as conversation_cycle_id,
        responses.channel_id,
        responses.agent_id,
        responses.sent_at,
        {{ reporting_date('responses.sent_at') }} as sent_on,
        responses.is_delivered,
        responses.answered_at,
        {{ reporting_date('responses.answered_at') }} as answered_on,
        responses.score,
        responses.scale_max,
        responses.has_comment,
        responses.topic,
        responses.has_clock_anomaly
    from responses
    left join asked_about on responses.survey_response_id = asked_about.survey_response_id
    left join messages on responses.message_id = messages.message_id
)

select * from final
