-- One row per stream of conversations that has events: how far its clock can be believed (MARTS 1).
with

conversations as (
    select
        source,
        opened_at,
        closed_at
    from {{ ref('int_conversations__told') }}
    where opened_at is not null and not is_implausible
),

told_events as (
    select
        source,
        stream,
        occurred_at
    from {{ ref('int_conversation_events__told') }}
    where not is_implausible
),

events as (
    select
        source || '/conversations' as stream,
        opened_at as event_at
    from conversations
    union all
    -- A closing is another event only where it is another time: one mistyped row is one witness.
    select
        source || '/conversations' as stream,
        closed_at as event_at
    from conversations
    where closed_at < opened_at + interval ({{ var('clock_gap_days') | int }}) day
    union all
    select
        source || '/' || stream as stream,
        occurred_at as event_at
    from told_events
),

limits as (
    {{ clock_limits('events') }}
),

latest as (
    select
        stream,
        count(*) as events,
        max(event_at) as last_event_at
    from events
    group by stream
),

final as (
    select
        split_part(latest.stream, '/', 1) as source,
        split_part(latest.stream, '/', 2) as stream,
        cast(latest.events as bigint) as events,
        limits.last_plausible_at,
        coalesce(limits.last_plausible_at, latest.last_event_at) as watermark_at
    from latest
    left join limits on latest.stream = limits.stream
)

select * from final
