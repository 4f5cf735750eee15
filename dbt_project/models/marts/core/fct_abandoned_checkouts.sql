with

checkouts as (
    select
        checkout_id,
        source_system,
        contact_id,
        created_at,
        created_on,
        recovered_order_id,
        recovered_at,
        is_recovery_inferred,
        currency_code,
        value_amount_original,
        value_amount,
        has_clock_anomaly
    from {{ ref('int_abandoned_checkouts') }}
    where not is_internal
),

-- What failed reached nobody.
messages as (
    select distinct
        contact_id,
        message_at
    from {{ ref('fct_messages') }}
    where
        direction = 'outbound'
        and failed_at is null
        and not has_clock_anomaly
        and contact_id not in ('none', 'unknown')
),

-- In one second the customer comes first: the message is after the checkout, the order before it.
first_messages as (
    select
        checkouts.checkout_id,
        messages.message_at
    from checkouts
    asof join messages
        on
            checkouts.contact_id = messages.contact_id
            and checkouts.created_at <= messages.message_at
    where
        messages.message_at
        <= checkouts.created_at + interval ({{ var('attribution_click_days') | int }}) day
        and coalesce(messages.message_at < checkouts.recovered_at, true)
),

final as (
    select
        checkouts.checkout_id,
        checkouts.source_system,
        checkouts.contact_id,
        checkouts.created_at,
        checkouts.created_on,
        first_messages.message_at as messaged_at,
        coalesce(checkouts.recovered_order_id, 'none') as recovered_order_id,
        checkouts.recovered_at,
        checkouts.is_recovery_inferred,
        {{ published_currency('checkouts.currency_code') }} as currency_code,
        cast(checkouts.value_amount as decimal(18, 4)) as value_amount,
        cast(checkouts.value_amount_original as decimal(18, 4)) as value_amount_original,
        checkouts.has_clock_anomaly
    from checkouts
    left join first_messages on checkouts.checkout_id = first_messages.checkout_id
)

select * from final
