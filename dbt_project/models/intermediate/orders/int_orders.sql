-- One row per order: whose it is, what it is worth in the reporting currency, whether it counts
-- (SOURCES 5, SEMANTICS 13). The first order of a person is their first valid one, so a
-- cancellation says anew who is a new customer.
with

orders as (
    select * from {{ ref('int_orders__told') }}
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

clocks as (
    select
        source,
        stream,
        last_plausible_at
    from {{ ref('int_order_clocks') }}
),

fx_rates as (
    select
        currency_code,
        valid_from_on,
        valid_before_on,
        rate
    from {{ ref('int_fx_rates__to_reporting') }}
),

resolved as (
    select
        orders.*,
        {{ message_contact('phones', 'by_name') }} as contact_id,
        {{ reporting_date('orders.ordered_at') }} as ordered_on,
        orders.is_implausible
        or coalesce(orders.ordered_at > clocks.last_plausible_at, false) as has_clock_anomaly
    from orders
    left join persons as phones
        on phones.kind = 'phone' and orders.phone = phones.value
    left join persons as by_name
        on orders.name_kind = by_name.kind and orders.name_value = by_name.value
    left join clocks on orders.source_system = clocks.source and orders.stream = clocks.stream
),

rates as (
    {{ rates_of_days('resolved', 'ordered_on') }}
),

-- By the date of the order, the refunds too: what is left of an order is one sum of one rate.
converted as (
    select
        resolved.*,
        cast(resolved.gross_amount_original * rates.rate as decimal(18, 4)) as gross_amount,
        cast(resolved.discount_amount_original * rates.rate as decimal(18, 4))
            as discount_amount,
        cast(resolved.shipping_amount_original * rates.rate as decimal(18, 4))
            as shipping_amount,
        cast(resolved.tax_amount_original * rates.rate as decimal(18, 4)) as tax_amount,
        cast(resolved.refunded_amount_original * rates.rate as decimal(18, 4))
            as refunded_amount,
        rates.rate as reporting_rate
    from resolved
    left join rates
        on
            resolved.currency_code = rates.currency_code
            and resolved.ordered_on = rates.ordered_on
),

-- An amount that nobody knows is no reason to call an order invalid.
judged as (
    select
        *,
        case
            when
                is_test
                or is_unpaid
                or is_rto
                or cancelled_at is not null
                or order_status in ('cancelled', 'voided', 'failed', 'returned')
                then false
            when
                refunded_amount_original > 0
                and refunded_amount_original >= gross_amount_original
                then false
            when gross_amount < {{ var('min_order_amount') }} then false
            else true
        end as is_valid
    from converted
),

numbered as (
    select
        order_id,
        row_number() over (partition by contact_id order by ordered_at, order_id)
            as customer_order_number
    from judged
    where is_valid and contact_id is not null and not has_clock_anomaly
),

final as (
    select
        judged.order_id,
        judged.source_system,
        judged.stream,
        {{ published_order_number('judged.order_number', 'judged.phone') }} as order_number,
        judged.contact_id,
        judged.ordered_at,
        judged.ordered_on,
        judged.order_status,
        judged.is_valid,
        judged.is_test,
        judged.is_cod,
        judged.is_rto,
        judged.cancelled_at,
        judged.fulfilled_at,
        judged.cod_confirmed_at,
        judged.currency_code,
        judged.gross_amount,
        judged.discount_amount,
        judged.shipping_amount,
        judged.tax_amount,
        judged.refunded_amount,
        judged.gross_amount - judged.refunded_amount as net_amount,
        judged.gross_amount_original - judged.refunded_amount_original as net_amount_original,
        judged.gross_amount_original,
        judged.refunded_amount_original,
        judged.reporting_rate,
        judged.units,
        numbered.customer_order_number,
        judged.coupon_codes,
        judged.utm_source,
        judged.utm_medium,
        judged.utm_campaign,
        judged.utm_at,
        judged.has_clock_anomaly,
        internal_contacts.contact_id is not null as is_internal
    from judged
    left join numbered on judged.order_id = numbered.order_id
    left join internal_contacts on judged.contact_id = internal_contacts.contact_id
)

select * from final
