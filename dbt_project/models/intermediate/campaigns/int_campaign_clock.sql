-- "Now" for campaigns: the smaller watermark of messages and orders, as far as there are any; where
-- there is neither, the latest entry.
with

watermarks as (
    select max(watermark_at) as watermark_at
    from {{ ref('int_watermarks') }}
    where subject = 'activity'
),

entries as (
    select max(entered_at) as last_entered_at
    from {{ ref('int_campaign_entries') }}
),

final as (
    select coalesce(watermarks.watermark_at, entries.last_entered_at) as watermark_at
    from watermarks
    cross join entries
)

select * from final
