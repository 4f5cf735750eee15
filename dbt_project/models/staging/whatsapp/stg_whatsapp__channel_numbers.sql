-- The business numbers as webhooks show them, beside their ids.
with

final as (
    select distinct
        phone_number_id,
        display_phone_number
    from {{ source('raw', 'whatsapp_webhooks') }}
    where display_phone_number is not null
)

select * from final
