-- One row per survey sent, or answer whose sending isn't known: what the surveys' KPIs count.
with

final as (
    select
        survey_response_id,
        source_system,
        survey_type,
        contact_id,
        conversation_key,
        is_about_conversation,
        message_record_id,
        channel_id,
        agent_id,
        sent_at,
        is_delivered,
        answered_at,
        score,
        scale_max,
        has_comment,
        topic,
        has_clock_anomaly
    from {{ ref('int_survey_answers') }}
    where not is_superseded and not is_internal
)

select * from final
