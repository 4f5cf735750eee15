-- What is in raw and in no KPI, and why. Counted by key, so that a doubled file changes nothing.
with

unusable_records as (
    select
        reason,
        record_kind,
        record_id,
        record_type,
        records
    from {{ ref('int_whatsapp_records__unusable') }}
),

folded_messages as not materialized (
    select
        record_id,
        direction,
        is_echo,
        person_wa_id,
        person_user_id
    from {{ ref('int_whatsapp_messages__folded') }}
),

folded_statuses as not materialized (
    select
        record_id,
        person_wa_id,
        person_user_id
    from {{ ref('int_whatsapp_statuses__folded') }}
),

folded_sends as not materialized (
    select
        record_id,
        recipient,
        recipient_user_id,
        contact_wa_id
    from {{ ref('int_whatsapp_sends__folded') }}
),

reports as not materialized (
    select
        record_id,
        direction,
        phone,
        name_kind,
        name_value
    from {{ ref('int_message_reports') }}
),

internal_values as (
    select
        persons.kind,
        persons.value
    from {{ ref('int_persons') }} as persons
    inner join {{ ref('int_contacts__internal') }} as internal_contacts
        on persons.contact_id = internal_contacts.contact_id
),

internal_phones as (
    select value
    from internal_values
    where kind = 'phone'
),

internal_user_ids as (
    select value
    from internal_values
    where kind = 'bsuid'
),

internal_messages as (
    select 'outbound' || record_id as message_key
    from folded_statuses
    where
        person_wa_id in (select internal_phones.value from internal_phones)
        or person_user_id in (select internal_user_ids.value from internal_user_ids)
    union
    select 'outbound' || record_id as message_key
    from folded_sends
    where
        recipient in (select internal_phones.value from internal_phones)
        or contact_wa_id in (select internal_phones.value from internal_phones)
        or recipient_user_id in (select internal_user_ids.value from internal_user_ids)
    union
    select direction || record_id as message_key
    from folded_messages
    where
        person_wa_id in (select internal_phones.value from internal_phones)
        or person_user_id in (select internal_user_ids.value from internal_user_ids)
    union
    select direction || record_id as message_key
    from reports
    where
        phone in (select internal_phones.value from internal_phones)
        or (
            phone is null
            and (name_kind, name_value) in (
                select
                    internal_values.kind,
                    internal_values.value
                from internal_values
            )
        )
),

counted as (
    -- What has no key is counted by row.
    select
        reason,
        sum(records) as rows
    from unusable_records
    where reason = 'malformed'
    group by reason
    union all
    select
        reason,
        count(distinct row(record_kind, record_id, record_type)) as rows
    from unusable_records
    where reason <> 'malformed'
    group by reason
    union all
    select
        'echo_of_send' as reason,
        count(*) as rows
    from folded_messages
    semi join folded_sends on folded_messages.record_id = folded_sends.record_id
    where folded_messages.is_echo and folded_messages.direction = 'outbound'
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from internal_messages
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_messages') }}
    where has_clock_anomaly
    union all
    -- A signal in a webhook is counted with its message.
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('int_consent_signals') }}
    where has_clock_anomaly and not is_internal and not is_in_webhooks
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_leads') }}
    where has_clock_anomaly
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_link_clicks') }}
    where has_clock_anomaly
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from {{ ref('int_consent_signals') }}
    where is_internal and not is_in_webhooks
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from {{ ref('int_leads') }}
    where is_internal
    union all
    select
        'no_time' as reason,
        count(*) as rows
    from {{ ref('int_orders__untimed') }}
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from {{ ref('int_orders') }}
    where is_internal
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('int_orders') }}
    where has_clock_anomaly and not is_internal
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_ad_spend') }}
    where has_clock_anomaly
    union all
    select
        'ad_day_told_twice' as reason,
        count(*) as rows
    from {{ ref('int_ad_spend__told') }}
    where is_outranked
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from {{ ref('int_abandoned_checkouts') }}
    where is_internal
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('int_abandoned_checkouts') }}
    where has_clock_anomaly and not is_internal
    union all
    -- Text where a number was asked for, and numbers outside of the scale: the answer counts, its
    -- score doesn't.
    select
        score_reason as reason,
        count(*) as rows
    from {{ ref('int_survey_answers') }}
    where score_reason is not null
    group by score_reason
    union all
    select
        'survey_answered_again' as reason,
        count(*) as rows
    from {{ ref('int_survey_answers') }}
    where is_superseded
    union all
    select
        case when is_completed then 'no_time' else 'survey_not_completed' end as reason,
        count(*) as rows
    from {{ ref('int_survey_answers__told') }}
    where not is_completed or coalesce(answered_at, sent_at) is null
    group by all
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from {{ ref('int_survey_answers') }}
    where is_internal
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_survey_responses') }}
    where has_clock_anomaly
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_conversations') }}
    where has_clock_anomaly
    union all
    select
        'clock_anomaly' as reason,
        count(*) as rows
    from {{ ref('fct_conversation_events') }}
    where has_clock_anomaly
    union all
    select
        'internal_contact' as reason,
        count(*) as rows
    from {{ ref('int_conversations__told') }}
    where is_internal
    union all
    -- Nothing else of such a conversation is in doubt. Chatwoot's closings are our own guess.
    select
        'closed_before_opened' as reason,
        count(*) as rows
    from {{ ref('int_conversations__told') }}
    where closed_at < opened_at and source <> 'chatwoot' and not is_internal
    union all
    select
        'identity_max_links' as reason,
        count(*) as rows
    from {{ ref('int_identifiers__shared') }}
),

final as (
    select
        reason,
        cast(sum(rows) as bigint) as rows
    from counted
    group by reason
    having sum(rows) > 0
)

select * from final
