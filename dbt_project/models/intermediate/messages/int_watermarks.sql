-- "Now" per subject: the latest plausible event of its streams. No row for a subject without one.
-- Consent, contacts and surveys hold nothing back: they go by the messages, and only where there
-- are none by the latest event of their own streams. Ratings end with the conversations, too: those
-- of an inbox come with its dump.
with

stream_clocks as (
    select
        subject,
        watermark_at
    from {{ ref('int_stream_clocks') }}
),

export_clocks as (
    select
        stream,
        watermark_at
    from {{ ref('int_export_clocks') }}
),

conversation_clocks as (
    select watermark_at
    from {{ ref('int_conversation_clocks') }}
),

order_clocks as (
    select watermark_at
    from {{ ref('int_order_clocks') }}
),

consent_signals as (
    select occurred_at
    from {{ ref('int_consent_signals') }}
    where not has_clock_anomaly
),

messages as (
    select max(watermark_at) as watermark_at
    from stream_clocks
    where subject = 'messages'
),

orders as (
    select max(watermark_at) as watermark_at
    from order_clocks
),

conversations as (
    select max(watermark_at) as watermark_at
    from conversation_clocks
),

leads as (
    select max(watermark_at) as watermark_at
    from export_clocks
    where stream in ('contact_events', 'leads')
),

surveys as (
    select max(watermark_at) as watermark_at
    from export_clocks
    where stream = 'survey_responses'
),

own_streams as (
    select
        'consent' as subject,
        max(occurred_at) as watermark_at
    from consent_signals
    union all
    select
        'contacts' as subject,
        max(watermark_at) as watermark_at
    from export_clocks
    where stream in ('contact_events', 'contacts')
    union all
    select
        'surveys' as subject,
        watermark_at
    from surveys
    union all
    select
        'csat' as subject,
        watermark_at
    from surveys
),

subjects as (
    select
        subject,
        watermark_at
    from stream_clocks
    union all
    select
        'orders' as subject,
        watermark_at
    from orders
    union all
    select
        'conversations' as subject,
        watermark_at
    from conversations
    union all
    -- What needs messages and orders ends with the shorter of the two.
    select
        'activity' as subject,
        least(messages.watermark_at, orders.watermark_at) as watermark_at
    from messages
    cross join orders
    union all
    -- Ads hold nothing back; where there is nothing else, their own end counts.
    select
        'acquisition' as subject,
        coalesce(
            least(messages.watermark_at, orders.watermark_at),
            (
                select max(export_clocks.watermark_at)
                from export_clocks
                where export_clocks.stream = 'ad_spend'
            )
        ) as watermark_at
    from messages
    cross join orders
    union all
    -- Only what is told of conversations ends with them: kpi_sales sees to that. Leads hold nothing
    -- back, and only they tell what now is where nothing else does.
    select
        'sales' as subject,
        coalesce(
            least(messages.watermark_at, orders.watermark_at),
            conversations.watermark_at,
            leads.watermark_at
        ) as watermark_at
    from messages
    cross join conversations
    cross join orders
    cross join leads
    union all
    -- What customers are answered: the shorter of messages and conversations that there are.
    select
        'service' as subject,
        least(messages.watermark_at, conversations.watermark_at) as watermark_at
    from messages
    cross join conversations
    union all
    select
        own_streams.subject,
        coalesce(
            case
                when own_streams.subject = 'csat'
                    then least(messages.watermark_at, conversations.watermark_at)
                when own_streams.subject = 'surveys'
                    then coalesce(messages.watermark_at, conversations.watermark_at)
                else messages.watermark_at
            end,
            own_streams.watermark_at
        ) as watermark_at
    from own_streams
    cross join messages
    cross join conversations
),

final as (
    select
        subject,
        max(watermark_at) as watermark_at
    from subjects
    where watermark_at is not null
    group by subject
)

select * from final
