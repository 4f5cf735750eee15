-- What a person did with a message of a campaign, and what they wrote on an ad: a touch that may
-- have led to what came after (SEMANTICS 12). What failed was never there to be touched. A view:
-- few of them are ever compared with anything.
{{ config(materialized='view') }}

with

messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        read_at,
        first_replied_at
    from {{ ref('int_campaign_messages') }}
    where failed_at is null
),

clicks as (
    select
        clicked_at,
        message_id
    from {{ ref('int_campaign_clicks') }}
    where message_id is not null
),

answers as (
    select
        record_id,
        context_id,
        message_type,
        referral_source_id,
        is_from_ad,
        consent_word_event
    from {{ ref('int_whatsapp_messages__folded') }}
    where
        direction = 'inbound'
        and (is_from_ad or (message_type in ('button', 'interactive') and context_id is not null))
),

inbound_messages as (
    select
        message_id,
        contact_id,
        message_at
    from {{ ref('fct_messages') }}
    where
        direction = 'inbound'
        and message_type <> 'system'
        and contact_id not in ('none', 'unknown')
        and not has_clock_anomaly
),

reports as (
    select
        record_id,
        is_composed_id,
        button_clicked_at
    from {{ ref('int_message_reports') }}
    where direction = 'outbound' and button_clicked_at is not null
),

identifiers as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'message'
),

pressed as (
    select
        {{ message_id("'outbound'", 'answers.context_id') }} as message_id,
        inbound_messages.message_at as pressed_at
    from answers
    inner join inbound_messages
        on {{ message_id("'inbound'", 'answers.record_id') }} = inbound_messages.message_id
    where
        answers.message_type in ('button', 'interactive')
        and answers.context_id is not null
        and coalesce(answers.consent_word_event <> 'opt_out', true)
    union all
    select
        case
            when reports.is_composed_id then identifiers.identifier_hash
            else {{ message_id("'outbound'", 'reports.record_id') }}
        end as message_id,
        reports.button_clicked_at as pressed_at
    from reports
    left join identifiers on reports.is_composed_id and reports.record_id = identifiers.value
),

final as (
    select
        messages.contact_id,
        'click' as touch_type,
        clicks.clicked_at as touched_at,
        messages.campaign_id,
        messages.message_id,
        'none' as ad_id
    from clicks
    inner join messages on clicks.message_id = messages.message_id
    union all
    select
        messages.contact_id,
        'button' as touch_type,
        pressed.pressed_at as touched_at,
        messages.campaign_id,
        messages.message_id,
        'none' as ad_id
    from pressed
    inner join messages on pressed.message_id = messages.message_id
    union all
    select
        contact_id,
        'reply' as touch_type,
        first_replied_at as touched_at,
        campaign_id,
        message_id,
        'none' as ad_id
    from messages
    where first_replied_at is not null
    union all
    select
        inbound_messages.contact_id,
        'ctwa' as touch_type,
        inbound_messages.message_at as touched_at,
        'none' as campaign_id,
        inbound_messages.message_id,
        coalesce(answers.referral_source_id, 'unknown') as ad_id
    from answers
    inner join inbound_messages
        on {{ message_id("'inbound'", 'answers.record_id') }} = inbound_messages.message_id
    where answers.is_from_ad
    union all
    select
        contact_id,
        'read' as touch_type,
        read_at as touched_at,
        campaign_id,
        message_id,
        'none' as ad_id
    from messages
    where read_at is not null
)

select * from final
