-- One row per checkout that was begun and not paid, of any shop, as the newest export tells it.
with

checkouts as (
    select
        load_id,
        precedence,
        row_number,
        checkout_id,
        phone,
        name_kind,
        name_value,
        created_at,
        is_implausible,
        value_amount,
        currency_code,
        recovered_order_id
    from {{ ref('stg_generic__abandoned_checkouts') }}
),

loads as (
    select
        load_id,
        source
    from {{ source('ledger', 'loads') }}
),

generic_checkouts as (
    select
        loads.source || ':' || checkouts.checkout_id as checkout_id,
        loads.source as source_system,
        checkouts.phone,
        checkouts.name_kind,
        checkouts.name_value,
        checkouts.created_at,
        checkouts.value_amount as value_amount_original,
        checkouts.currency_code,
        -- A row may name the order as its own shop does, or with its shop before it.
        case
            when contains(checkouts.recovered_order_id, ':') then checkouts.recovered_order_id
            else loads.source || ':' || checkouts.recovered_order_id
        end as recovered_order_id,
        checkouts.is_implausible
    from checkouts
    inner join loads on checkouts.load_id = loads.load_id
    qualify
        row_number() over (
            partition by loads.source, checkouts.checkout_id
            order by checkouts.precedence desc, checkouts.row_number desc
        ) = 1
),

shopify_checkouts as (
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
    from {{ ref('int_abandoned_checkouts__shopify') }}
),

final as (
    select * from generic_checkouts
    union all
    select * from shopify_checkouts
)

select * from final
