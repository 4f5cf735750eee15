-- One row per stream of orders that has events: how far its shop's clock can be believed (MARTS 1).
with

orders as (
    select
        order_id,
        source_system,
        stream,
        ordered_at,
        cancelled_at,
        fulfilled_at
    from {{ ref('int_orders__told') }}
),

refunds as (
    select
        order_id,
        refunded_at
    from {{ ref('int_order_refunds__told') }}
    where refunded_at is not null
),

all_events as (
    select
        order_id,
        source_system || '/' || stream as stream,
        ordered_at as event_at
    from orders
    union all
    select
        order_id,
        source_system || '/' || stream as stream,
        cancelled_at as event_at
    from orders
    union all
    select
        order_id,
        source_system || '/' || stream as stream,
        fulfilled_at as event_at
    from orders
    union all
    select
        orders.order_id,
        orders.source_system || '/' || orders.stream as stream,
        refunds.refunded_at as event_at
    from refunds
    inner join orders on refunds.order_id = orders.order_id
),

-- One mistyped order is one witness, however many of its times follow the mistake: of times that no
-- gap parts only the last counts.
events as (
    select
        stream,
        event_at
    from all_events
    where event_at >= timestamp '1971-01-01'
    qualify
        coalesce(
            lead(event_at) over (partition by order_id order by event_at)
            > event_at + interval ({{ var('clock_gap_days') | int }}) day,
            true
        )
),

-- By shop: of orders that two exports tell only the winner's stream has them, and what is left to
-- the other may be the mistyped one alone.
shop_events as (
    select
        split_part(stream, '/', 1) as stream,
        event_at
    from events
),

limits as (
    {{ clock_limits('shop_events') }}
),

latest as (
    select
        events.stream,
        count(*) as events,
        limits.last_plausible_at,
        max(events.event_at) as last_event_at,
        max(events.event_at) filter (where events.event_at <= limits.last_plausible_at)
            as last_plausible_event_at
    from events
    left join limits on split_part(events.stream, '/', 1) = limits.stream
    group by events.stream, limits.last_plausible_at
),

final as (
    select
        split_part(stream, '/', 1) as source,
        split_part(stream, '/', 2) as stream,
        cast(events as bigint) as events,
        last_plausible_at,
        coalesce(last_plausible_event_at, last_plausible_at, last_event_at) as watermark_at
    from latest
)

select * from final
