with

rejects as (
    select
        source,
        stream,
        reason
    from {{ source('ledger', 'rejects') }}
),

final as (
    select
        source,
        stream,
        reason,
        cast(count(*) as bigint) as rows
    from rejects
    group by source, stream, reason
)

select * from final
