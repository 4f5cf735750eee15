-- A row whose day can't be read is left out (a check warns).
with

final as (
    select distinct
        schedule_id,
        try_cast(holiday_on as date) as holiday_on
    from {{ source('raw', 'reference_holidays') }}
    where try_cast(holiday_on as date) is not null
)

select * from final
