-- One row per business number as webhooks name it: its id and its digits. A table: two models read
-- it, and it takes a look at every record of the log.
with

channel_numbers as (
    select
        phone_number_id,
        display_phone_number
    from {{ ref('stg_whatsapp__channel_numbers') }}
),

final as (
    select distinct
        phone_number_id as native_channel_id,
        regexp_replace(display_phone_number, '[^0-9]', '', 'g') as digits
    from channel_numbers
)

select * from final
