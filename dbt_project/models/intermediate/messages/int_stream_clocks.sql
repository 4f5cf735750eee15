-- One row per stream of messages: how far its clock can be believed. An event that lies later than
-- a gap of more than clock_gap_days, behind which at most 3 events and 0.1 % of the stream lie
-- (one event in streams under 1,000), is an anomaly: one message dated 2099 must not close every
-- month. Counted on folded events, so that a doubled file changes nothing.
with

statuses as (
    select
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        first_status_at
    from {{ ref('int_whatsapp_statuses__folded') }}
),

messages as (
    select message_at
    from {{ ref('int_whatsapp_messages__folded') }}
),

sends as (
    select attempted_at
    from {{ ref('int_whatsapp_sends__folded') }}
),

reports as (
    select
        attempted_at,
        delivered_at,
        read_at,
        failed_at,
        case when not {{ is_before_1971('opted_out_at') }} then opted_out_at end as opted_out_at
    from {{ ref('int_message_reports') }}
    where not is_implausible and not coalesce(is_only_in_inbox, false)
),

inbox_messages as (
    select told_at
    from {{ ref('int_inbox_messages') }}
    where not is_implausible
),

counts as (
    select
        'webhooks' as stream,
        (
            select
                count(sent_at) + count(delivered_at) + count(read_at) + count(failed_at)
                + count(first_status_at) filter (
                    where coalesce(sent_at, delivered_at, read_at, failed_at) is null
                )
            from statuses
        ) + (select count(message_at) from messages) as events
    union all
    select
        'sends' as stream,
        (select count(attempted_at) from sends) as events
    union all
    select
        'message_reports' as stream,
        (
            select
                count(attempted_at) + count(delivered_at) + count(read_at) + count(failed_at)
                + count(opted_out_at)
            from reports
        ) as events
    union all
    select
        'chatwoot_messages' as stream,
        (select count(told_at) from inbox_messages) as events
),

-- Four events of a kind suffice: a fifth would lie before any gap that counts.
latest_sent as (
    select sent_at as event_at
    from statuses
    where sent_at is not null
    order by sent_at desc
    limit 4
),

latest_delivered as (
    select delivered_at as event_at
    from statuses
    where delivered_at is not null
    order by delivered_at desc
    limit 4
),

latest_read as (
    select read_at as event_at
    from statuses
    where read_at is not null
    order by read_at desc
    limit 4
),

latest_failed as (
    select failed_at as event_at
    from statuses
    where failed_at is not null
    order by failed_at desc
    limit 4
),

latest_other_statuses as (
    select first_status_at as event_at
    from statuses
    where
        first_status_at is not null
        and coalesce(sent_at, delivered_at, read_at, failed_at) is null
    order by first_status_at desc
    limit 4
),

latest_messages as (
    select message_at as event_at
    from messages
    where message_at is not null
    order by message_at desc
    limit 4
),

webhook_events as (
    select event_at from latest_sent
    union all
    select event_at from latest_delivered
    union all
    select event_at from latest_read
    union all
    select event_at from latest_failed
    union all
    select event_at from latest_other_statuses
    union all
    select event_at from latest_messages
),

send_events as (
    select attempted_at as event_at
    from sends
    where attempted_at is not null
    order by attempted_at desc
    limit 4
),

-- Few enough to be sorted as they are.
report_events as (
    select event_at
    from (
        select attempted_at as event_at from reports
        union all
        select delivered_at as event_at from reports
        union all
        select read_at as event_at from reports
        union all
        select failed_at as event_at from reports
        union all
        select opted_out_at as event_at from reports
    ) as all_report_events
    where event_at is not null
    order by event_at desc
    limit 4
),

inbox_events as (
    select told_at as event_at
    from inbox_messages
    order by told_at desc
    limit 4
),

latest as (
    select
        'chatwoot_messages' as stream,
        event_at
    from inbox_events
    union all
    select
        'message_reports' as stream,
        event_at
    from report_events
    union all
    select
        'webhooks' as stream,
        event_at
    from webhook_events
    union all
    select
        'sends' as stream,
        event_at
    from send_events
),

ranked as (
    select
        stream,
        event_at,
        row_number() over (partition by stream order by event_at desc) as later_events_and_own,
        lead(event_at) over (partition by stream order by event_at desc) as previous_event_at
    from latest
),

limits as (
    select
        ranked.stream,
        -- The lowest side of the earliest gap that qualifies.
        min(ranked.previous_event_at) as last_plausible_at
    from ranked
    inner join counts on ranked.stream = counts.stream
    where
        ranked.event_at
        > ranked.previous_event_at + interval ({{ var('clock_gap_days') | int }}) day
        and ranked.later_events_and_own
        <= case when counts.events < 1000 then 1 else least(3, floor(counts.events * 0.001)) end
    group by ranked.stream
),

final as (
    select
        'messages' as subject,
        case counts.stream
            when 'message_reports' then 'generic'
            when 'chatwoot_messages' then 'chatwoot'
            else 'whatsapp'
        end as source,
        counts.stream,
        counts.events,
        limits.last_plausible_at,
        coalesce(limits.last_plausible_at, max(latest.event_at)) as watermark_at
    from counts
    left join latest on counts.stream = latest.stream
    left join limits on counts.stream = limits.stream
    group by counts.stream, counts.events, limits.last_plausible_at
)

select * from final
