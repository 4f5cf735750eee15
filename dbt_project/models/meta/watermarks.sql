with

final as (
    select
        subject,
        source,
        stream,
        watermark_at
    from {{ ref('int_stream_clocks') }}
    where watermark_at is not null
)

select * from final
