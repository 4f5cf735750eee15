-- The business numbers as webhooks show them, beside their ids.
with

final as (
    select distinct
        nullif(phone_number_id, '') as phone_number_id,
        display_phone_number
    from {{ source('raw', 'whatsapp_webhooks') }}
    where phone_number_id is not null or display_phone_number is not null
)

select * from final
