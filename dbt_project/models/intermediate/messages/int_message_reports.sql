-- One row per message that another system's log or report tells of. Reports come again, each time
-- knowing more: a time is the first that any of them gives, all else is what the newest one says
-- (a report of what became of a message before a bare log of it), also whether its person opted
-- out: a state can be taken back, an event can't.
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

final as (
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
        newest.message_type,
        newest.error_code,
        case
            when newest.conversation_id is not null
                then newest.source || ':' || newest.conversation_id
        end as conversation_key,
        newest.template_name,
        newest.campaign_id,
        newest.variant,
        newest.category,
        newest.price_amount,
        newest.currency_code
    from newest
    inner join times
        on newest.record_id = times.record_id and newest.direction = times.direction
)

select * from final
