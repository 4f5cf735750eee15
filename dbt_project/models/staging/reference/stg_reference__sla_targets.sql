-- A row whose seconds, clock or metric can't be read is left out (a check warns); of one channel
-- and category the newest export that can be read wins, and of two in one export the stricter.
with

sla_targets as (
    select
        _load_id,
        channel_id as native_channel_id,
        lower(category) as category,
        lower(metric) as metric,
        try_cast(target_seconds as bigint) as target_seconds,
        lower(clock) as clock
    from {{ source('raw', 'reference_sla_targets') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

readable as (
    select
        _load_id,
        native_channel_id,
        category,
        target_seconds,
        coalesce(
            clock,
            case metric when 'first_response_business_seconds' then 'business' else 'calendar' end
        ) as clock
    from sla_targets
    where
        metric in ('first_response', 'first_response_seconds', 'first_response_business_seconds')
        and target_seconds > 0
        and coalesce(clock, 'calendar') in ('calendar', 'business')
),

final as (
    select
        readable.native_channel_id,
        readable.category,
        readable.target_seconds,
        readable.clock
    from readable
    inner join load_precedence on readable._load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by readable.native_channel_id, readable.category
            order by
                load_precedence.precedence desc,
                readable.target_seconds asc,
                readable.clock asc
        ) = 1
)

select * from final
