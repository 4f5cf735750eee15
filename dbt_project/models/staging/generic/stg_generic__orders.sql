with

orders as (
    select
        _load_id,
        _row_number,
        order_id,
        phone,
        user_id,
        email,
        external_id,
        ordered_at,
        total_amount,
        currency_code,
        order_number,
        status,
        discount_amount,
        shipping_amount,
        tax_amount,
        refunded_amount,
        cancelled_at,
        fulfilled_at,
        cod_confirmed_at,
        is_test,
        is_cod,
        is_rto,
        units,
        coupon_codes,
        utm_source,
        utm_medium,
        utm_campaign,
        updated_at
    from {{ source('raw', 'generic_orders') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        orders._load_id as load_id,
        load_precedence.precedence,
        orders._row_number as row_number,
        orders.order_id,
        {{ person_columns() }},
        {{ utc_time('orders.ordered_at') }} as ordered_at,
        {{ is_before_1971(utc_time('orders.ordered_at')) }} as is_implausible,
        {{ parsed_amount('orders.total_amount') }} as total_amount,
        upper(orders.currency_code) as currency_code,
        orders.order_number,
        {{ order_status('orders.status') }} as order_status,
        {{ parsed_amount('orders.discount_amount') }} as discount_amount,
        {{ parsed_amount('orders.shipping_amount') }} as shipping_amount,
        {{ parsed_amount('orders.tax_amount') }} as tax_amount,
        -- Some systems write what flowed back as a negative amount.
        abs({{ parsed_amount('orders.refunded_amount') }}) as refunded_amount,
        {{ utc_time('orders.cancelled_at') }} as cancelled_at,
        {{ utc_time('orders.fulfilled_at') }} as fulfilled_at,
        {{ utc_time('orders.cod_confirmed_at') }} as cod_confirmed_at,
        coalesce({{ parsed_boolean('orders.is_test') }}, false) as is_test,
        coalesce({{ parsed_boolean('orders.is_cod') }}, false) as is_cod,
        coalesce({{ parsed_boolean('orders.is_rto') }}, false) as is_rto,
        try_cast(orders.units as bigint) as units,
        {{ coupon_list('orders.coupon_codes') }} as coupon_codes,
        {{ published_utm('orders.utm_source') }} as utm_source,
        {{ published_utm('orders.utm_medium') }} as utm_medium,
        {{ published_utm('orders.utm_campaign') }} as utm_campaign,
        {{ utc_time('orders.updated_at') }} as updated_at
    from orders
    inner join load_precedence on orders._load_id = load_precedence.load_id
    where {{ utc_time('orders.ordered_at') }} is not null
)

select * from final
