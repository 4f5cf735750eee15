with

checkouts as (
    select
        _load_id,
        _line_hash,
        object_id,
        object_kind,
        created_at,
        updated_at,
        completed_at,
        currency_code,
        total_currency_code,
        total,
        email,
        phone,
        customer_email,
        customer_phone,
        billing_phone,
        shipping_phone,
        shop_customer_id
    from {{ source('raw', 'shopify_orders_bulk') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        checkouts._load_id as load_id,
        load_precedence.precedence,
        checkouts._line_hash as line_hash,
        {{ gid_number('checkouts.object_id') }} as checkout_id,
        coalesce(
            nullif(checkouts.phone, ''),
            nullif(checkouts.billing_phone, ''),
            nullif(checkouts.shipping_phone, ''),
            nullif(checkouts.customer_phone, '')
        ) as phone,
        coalesce(nullif(checkouts.email, ''), nullif(checkouts.customer_email, '')) as email,
        checkouts.shop_customer_id,
        {{ utc_time('checkouts.created_at') }} as created_at,
        {{ is_before_1971(utc_time('checkouts.created_at')) }} as is_implausible,
        {{ utc_time('checkouts.updated_at') }} as updated_at,
        {{ utc_time('checkouts.completed_at') }} as completed_at,
        upper(coalesce(checkouts.total_currency_code, checkouts.currency_code)) as currency_code,
        {{ parsed_amount('checkouts.total') }} as value_amount
    from checkouts
    inner join load_precedence on checkouts._load_id = load_precedence.load_id
    where
        checkouts.object_kind = 'AbandonedCheckout'
        and {{ gid_number('checkouts.object_id') }} is not null
)

select * from final
