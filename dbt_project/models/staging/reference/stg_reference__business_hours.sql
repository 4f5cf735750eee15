-- Lines of several files add up: a schedule may come split over files, and shifts that overlap are
-- merged later. A row whose day or time can't be read is left out (a check warns): no bad cell
-- stops a run.
with

business_hours as (
    select
        schedule_id,
        try_cast(iso_day_of_week as integer) as iso_day_of_week,
        floor(epoch(try_cast(opens_at as time))) as opens_second,
        floor(epoch(try_cast(closes_at as time))) as closes_second
    from {{ source('raw', 'reference_business_hours') }}
),

final as (
    select distinct
        schedule_id,
        cast(iso_day_of_week as bigint) as iso_day_of_week,
        cast(opens_second as bigint) as opens_second,
        -- 22:00 to 06:00 ends on the next day, and so does what ends at midnight, 00:00 or 24:00.
        cast(
            closes_second + case when closes_second <= opens_second then 86400 else 0 end as bigint
        ) as closes_second
    from business_hours
    where
        iso_day_of_week between 1 and 7
        and opens_second < 86400
        and closes_second is not null
)

select * from final
