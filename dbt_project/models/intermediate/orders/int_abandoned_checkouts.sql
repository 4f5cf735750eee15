-- One row per checkout that was begun and not paid: whose it is, what it would have come to in the
-- reporting currency, and the order that came of it. What its shop tells goes first; else it is the
-- person's first valid order after it, within the window and before they begin another checkout.
with

checkouts as (
    select
        checkout_id,
        source_system,
        phone,
        name_kind,
        name_value,
        created_at,
        value_amount_original,
        currency_code,
        recovered_order_id,
        is_implausible
    from {{ ref('int_abandoned_checkouts__told') }}
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

orders as (
    select
        order_id,
        contact_id,
        ordered_at,
        is_valid and not has_clock_anomaly as is_sale
    from {{ ref('int_orders') }}
),

fx_rates as (
    select
        currency_code,
        valid_from_on,
        valid_before_on,
        rate
    from {{ ref('int_fx_rates__to_reporting') }}
),

events as (
    select
        source_system as stream,
        created_at as event_at
    from checkouts
    where not is_implausible
),

clocks as (
    {{ clock_limits('events') }}
),

resolved as (
    select
        checkouts.checkout_id,
        checkouts.source_system,
        coalesce({{ message_contact('phones', 'by_name') }}, 'unknown') as contact_id,
        checkouts.created_at,
        {{ reporting_date('checkouts.created_at') }} as created_on,
        checkouts.value_amount_original,
        checkouts.currency_code,
        checkouts.recovered_order_id,
        checkouts.is_implausible
        or coalesce(checkouts.created_at > clocks.last_plausible_at, false) as has_clock_anomaly
    from checkouts
    left join persons as phones
        on phones.kind = 'phone' and checkouts.phone = phones.value
    left join persons as by_name
        on checkouts.name_kind = by_name.kind and checkouts.name_value = by_name.value
    left join clocks on checkouts.source_system = clocks.stream
),

rates as (
    {{ rates_of_days('resolved', 'created_on') }}
),

-- An order that is known to have come of a checkout comes of no other.
other_sales as (
    select
        orders.order_id,
        orders.contact_id,
        orders.ordered_at
    from orders
    anti join resolved on orders.order_id = resolved.recovered_order_id
    where orders.is_sale and orders.contact_id is not null
    qualify
        row_number() over (
            partition by orders.contact_id, orders.ordered_at order by orders.order_id
        ) = 1
),

waiting as (
    select
        checkout_id,
        contact_id,
        created_at,
        least(
            created_at + interval ({{ var('attribution_click_days') | int }}) day,
            -- The later of two checkouts of one second waits on.
            lead(created_at) over (
                partition by contact_id order by created_at, checkout_id
            ) - interval 1 microsecond
        ) as waits_until
    from resolved
    where contact_id <> 'unknown' and not has_clock_anomaly
),

inferred as (
    select
        waiting.checkout_id,
        other_sales.order_id,
        other_sales.ordered_at
    from waiting
    asof join other_sales
        on
            waiting.contact_id = other_sales.contact_id
            and waiting.created_at <= other_sales.ordered_at
    where other_sales.ordered_at <= waiting.waits_until
),

final as (
    select
        resolved.checkout_id,
        resolved.source_system,
        resolved.contact_id,
        resolved.created_at,
        resolved.created_on,
        coalesce(resolved.recovered_order_id, inferred.order_id) as recovered_order_id,
        case
            when resolved.recovered_order_id is not null then told_orders.ordered_at
            else inferred.ordered_at
        end as recovered_at,
        resolved.recovered_order_id is null and inferred.order_id is not null
            as is_recovery_inferred,
        resolved.currency_code,
        resolved.value_amount_original,
        cast(resolved.value_amount_original * rates.rate as decimal(18, 4)) as value_amount,
        resolved.has_clock_anomaly,
        internal_contacts.contact_id is not null as is_internal
    from resolved
    left join inferred on resolved.checkout_id = inferred.checkout_id
    left join orders as told_orders on resolved.recovered_order_id = told_orders.order_id
    left join rates
        on
            resolved.currency_code = rates.currency_code
            and resolved.created_on = rates.created_on
    left join internal_contacts on resolved.contact_id = internal_contacts.contact_id
)

select * from final
