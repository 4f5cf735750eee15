-- "Now" per subject: the latest plausible event of its streams. No row for a subject without one.
with

stream_clocks as (
    select
        subject,
        watermark_at
    from {{ ref('int_stream_clocks') }}
),

final as (
    select
        subject,
        max(watermark_at) as watermark_at
    from stream_clocks
    where watermark_at is not null
    group by subject
)

select * from final
