-- Changes of a business number's quality and limits. A quality event names the number, not its id.
{{ config(materialized='view') }}

with

account_events as (
    select
        display_phone_number,
        event,
        occurred_at,
        current_limit
    from {{ ref('stg_whatsapp__account_events') }}
    where field = 'phone_number_quality_update'
),

numbers as (
    select
        native_channel_id,
        digits
    from {{ ref('int_channel_numbers') }}
    where native_channel_id is not null
),

final as (
    select
        numbers.native_channel_id,
        lower(account_events.event) as event,
        account_events.current_limit,
        account_events.occurred_at
    from account_events
    inner join numbers
        on regexp_replace(account_events.display_phone_number, '[^0-9]', '', 'g') = numbers.digits
)

select * from final
