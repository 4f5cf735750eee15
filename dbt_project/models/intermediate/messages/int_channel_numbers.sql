-- One row per business number that an export names, with its digits where a webhook tells them. A
-- table: several models read it, and it takes a look at every record of the logs.
with

webhook_numbers as (
    select
        phone_number_id,
        display_phone_number
    from {{ ref('stg_whatsapp__channel_numbers') }}
),

sends as (
    select distinct phone_number_id
    from {{ ref('stg_whatsapp__sends') }}
),

reports as (
    select distinct native_channel_id
    from {{ ref('stg_generic__message_reports') }}
),

final as (
    select distinct
        phone_number_id as native_channel_id,
        regexp_replace(display_phone_number, '[^0-9]', '', 'g') as digits
    from webhook_numbers
    union
    select
        phone_number_id as native_channel_id,
        cast(null as varchar) as digits
    from sends
    where phone_number_id is not null
    union
    select
        native_channel_id,
        cast(null as varchar) as digits
    from reports
    where native_channel_id is not null
)

select * from final
