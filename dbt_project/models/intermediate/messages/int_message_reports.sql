-- One row per message that another system's log or report tells of. Reports come again, each time
-- knowing more: a time is the first that any of them gives, all else is what the newest one says
-- (a report of what became of a message before a bare log of it), also whether its person opted
-- out: a state can be taken back, an event can't. What an inbox system tells of the same message
-- stands beside it: it knows who wrote it, and in which conversation.
{#- An inbox knows who sits behind it, a report often no more than which kind of message it was. -#}
{% set told_by_inbox -%}
    reported.agent_id is null and reported.bot_id is null and inbox_messages.sender_type is not null
{%- endset %}
with

reports as (
    select *
    from {{ ref('stg_generic__message_reports') }}
),

loads as (
    select
        load_id,
        source,
        stream
    from {{ source('ledger', 'loads') }}
),

inbox_messages as (
    select *
    from {{ ref('int_inbox_messages') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

ranked as (
    select
        reports.*,
        loads.source,
        row_number() over (
            partition by reports.record_id, reports.direction
            order by
                loads.stream = 'message_reports' desc,
                load_precedence.precedence desc,
                loads.source asc,
                reports.row_number desc
        ) as age
    from reports
    inner join loads on reports.load_id = loads.load_id
    inner join load_precedence on reports.load_id = load_precedence.load_id
),

times as (
    select
        record_id,
        direction,
        min(sent_at) as sent_at,
        min(delivered_at) as delivered_at,
        min(read_at) as read_at,
        min(failed_at) as failed_at,
        min(button_clicked_at) as button_clicked_at,
        min(link_clicked_at) as link_clicked_at,
        bool_or(is_implausible) as is_implausible,
        bool_and(is_not_yet_sent) as is_not_yet_sent
    from ranked
    group by record_id, direction
),

newest as (
    select *
    from ranked
    where age = 1
),

reported as (
    select
        newest.record_id,
        newest.direction,
        newest.is_composed_id,
        newest.source,
        newest.native_channel_id,
        newest.phone,
        newest.name_kind,
        newest.name_value,
        times.sent_at as attempted_at,
        -- A report gives each message a time of sending; one that failed, or is waiting still, was
        -- attempted then and not sent.
        case
            when times.delivered_at is not null or times.read_at is not null then times.sent_at
            when times.failed_at is null and not times.is_not_yet_sent then times.sent_at
        end as sent_at,
        times.delivered_at,
        times.read_at,
        times.failed_at,
        times.button_clicked_at,
        times.link_clicked_at,
        newest.opted_out_at,
        times.is_implausible,
        times.is_not_yet_sent,
        newest.sender_type,
        newest.agent_id,
        newest.bot_id,
        newest.source || ':' || newest.conversation_id as conversation_key,
        newest.message_type,
        newest.error_code,
        newest.template_name,
        newest.campaign_id,
        newest.variant,
        newest.category,
        newest.price_amount,
        newest.currency_code
    from newest
    inner join times
        on newest.record_id = times.record_id and newest.direction = times.direction
),

final as (
    select
        coalesce(reported.record_id, inbox_messages.record_id) as record_id,
        coalesce(reported.direction, inbox_messages.direction) as direction,
        coalesce(reported.is_composed_id, inbox_messages.is_composed_id) as is_composed_id,
        coalesce(reported.source, 'chatwoot') as source,
        coalesce(reported.native_channel_id, inbox_messages.native_channel_id)
            as native_channel_id,
        reported.phone,
        case
            when reported.name_value is not null then reported.name_kind
            else inbox_messages.name_kind
        end as name_kind,
        coalesce(reported.name_value, inbox_messages.name_value) as name_value,
        least(reported.attempted_at, inbox_messages.told_at) as attempted_at,
        least(
            reported.sent_at,
            case when inbox_messages.failed_at is null then inbox_messages.told_at end
        ) as sent_at,
        reported.delivered_at,
        reported.read_at,
        least(reported.failed_at, inbox_messages.failed_at) as failed_at,
        reported.button_clicked_at,
        reported.link_clicked_at,
        reported.opted_out_at,
        coalesce(reported.is_implausible, false)
        or coalesce(inbox_messages.is_implausible, false) as is_implausible,
        coalesce(reported.is_not_yet_sent, false) as is_not_yet_sent,
        inbox_messages.told_at as told_in_inbox_at,
        reported.record_id is null as is_only_in_inbox,
        case when {{ told_by_inbox }} then 'chatwoot' else reported.source end as agent_source,
        case
            when {{ told_by_inbox }} then inbox_messages.sender_type
            else reported.sender_type
        end as sender_type,
        case when {{ told_by_inbox }} then inbox_messages.agent_id else reported.agent_id end
            as agent_id,
        case when {{ told_by_inbox }} then inbox_messages.bot_id else reported.bot_id end
            as bot_id,
        coalesce(inbox_messages.conversation_key, reported.conversation_key)
            as conversation_key,
        coalesce(reported.message_type, inbox_messages.message_type) as message_type,
        coalesce(reported.error_code, inbox_messages.error_code) as error_code,
        coalesce(reported.template_name, inbox_messages.template_name) as template_name,
        case
            when reported.template_name is null then inbox_messages.template_language
        end as template_language,
        reported.campaign_id,
        reported.variant,
        coalesce(reported.category, inbox_messages.category) as category,
        coalesce(inbox_messages.is_free_form and reported.template_name is null, false)
            as is_free_form,
        inbox_messages.consent_word_event,
        reported.price_amount,
        reported.currency_code
    from reported
    full outer join inbox_messages
        on
            reported.record_id = inbox_messages.record_id
            and reported.direction = inbox_messages.direction
)

select * from final
