-- One row per stream of orders that has events: how far its clock can be believed (MARTS 1).
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
