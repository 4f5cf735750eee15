with

watermarks as (
    select
        subject,
        watermark_at
    from {{ ref('int_watermarks') }}
),

messages as (
    select message_on
    from {{ ref('fct_messages') }}
    where not has_clock_anomaly
),

-- A link may have been clicked before the first message that is known; activity begins there.
clicks as (
    select {{ reporting_date('clicked_at') }} as clicked_on
    from {{ ref('int_link_clicks') }}
    where is_human and not has_clock_anomaly and contact_id <> 'unknown'
),

consent_events as (
    select {{ reporting_date('occurred_at') }} as occurred_on
    from {{ ref('fct_consent_events') }}
    where not has_clock_anomaly
),

identities as (
    select {{ reporting_date('first_event_at') }} as first_event_on
    from {{ ref('int_identities') }}
    where first_event_at >= timestamp '1971-01-01'
),

leads as (
    select {{ reporting_date('created_at') }} as created_on
    from {{ ref('fct_leads') }}
    where not has_clock_anomaly
),

checkouts as (
    select created_on
    from {{ ref('fct_abandoned_checkouts') }}
    where not has_clock_anomaly
),

-- What caused a conversation may stand on the day before its opening, by another clock; a
-- conversation whose own times can't be true may have messages that are.
conversations as (
    select
        least(
            case when not has_clock_anomaly then opened_on end,
            {{ reporting_date('first_inbound_at') }}
        ) as begun_on
    from {{ ref('fct_conversations') }}
),

first_message as (
    select min(message_on) as first_event_on
    from messages
),

first_order as (
    select min(ordered_on) as first_event_on
    from {{ ref('int_orders') }}
    where not has_clock_anomaly and not is_internal
),

first_ad_day as (
    select min(spent_on) as first_event_on
    from {{ ref('int_ad_spend__told') }}
    where not has_clock_anomaly
),

first_survey as (
    select
        least(
            min({{ reporting_date('sent_at') }}), min({{ reporting_date('answered_at') }})
        ) as first_event_on
    from {{ ref('int_survey_responses') }}
    where not has_clock_anomaly
),

-- Consent and contacts begin with whatever is first known of anybody.
first_trace as (
    select
        least(
            (select first_message.first_event_on from first_message),
            (select min(consent_events.occurred_on) from consent_events),
            (select min(identities.first_event_on) from identities)
        ) as first_event_on
),

first_events as (
    select
        'messages' as subject,
        least(
            (select first_message.first_event_on from first_message),
            (select min(clicks.clicked_on) from clicks)
        ) as first_event_on
    union all
    select
        'orders' as subject,
        first_event_on
    from first_order
    union all
    select
        'activity' as subject,
        least(
            (select first_message.first_event_on from first_message),
            (select min(clicks.clicked_on) from clicks),
            (select first_order.first_event_on from first_order)
        ) as first_event_on
    union all
    select
        'sales' as subject,
        least(
            (select first_message.first_event_on from first_message),
            (select min(conversations.begun_on) from conversations),
            (select first_order.first_event_on from first_order),
            (select min(leads.created_on) from leads),
            (select min(checkouts.created_on) from checkouts)
        ) as first_event_on
    union all
    -- What was spent before the first message or order brought them.
    select
        'acquisition' as subject,
        least(
            (select first_message.first_event_on from first_message),
            (select first_order.first_event_on from first_order),
            (select first_ad_day.first_event_on from first_ad_day)
        ) as first_event_on
    union all
    select
        'service' as subject,
        min(begun_on) as first_event_on
    from conversations
    union all
    select
        'consent' as subject,
        first_event_on
    from first_trace
    union all
    select
        'contacts' as subject,
        first_event_on
    from first_trace
    union all
    select
        'surveys' as subject,
        first_event_on
    from first_survey
    union all
    select
        'csat' as subject,
        first_event_on
    from first_survey
),

subject_days as (
    select
        watermarks.subject,
        {{ each_date('first_events.first_event_on', reporting_date('watermarks.watermark_at')) }}
            as day_on
    from watermarks
    inner join first_events
        on watermarks.subject = first_events.subject
    where first_events.first_event_on is not null
),

final as (
    select
        subject,
        'day' as period_grain,
        day_on,
        day_on as period_start_on
    from subject_days
    union all
    select
        subject,
        'week' as period_grain,
        day_on,
        cast(date_trunc('week', day_on) as date) as period_start_on
    from subject_days
    union all
    select
        subject,
        'month' as period_grain,
        day_on,
        cast(date_trunc('month', day_on) as date) as period_start_on
    from subject_days
)

select * from final
