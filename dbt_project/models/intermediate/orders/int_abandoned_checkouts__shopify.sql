-- One row per abandoned checkout of Shopify. It says when it was paid after all, not by which
-- order: the one of the same buyer that was made within an hour of then.
with

checkouts as (
    select
        precedence,
        line_hash,
        checkout_id,
        phone,
        email,
        shop_customer_id,
        created_at,
        is_implausible,
        updated_at,
        completed_at,
        currency_code,
        value_amount
    from {{ ref('stg_shopify__abandoned_checkouts') }}
    where created_at is not null
),

orders as (
    select
        order_id,
        phone,
        name_kind,
        name_value,
        ordered_at
    from {{ ref('int_orders__shopify') }}
),

newest as (
    select
        *,
        case
            when shop_customer_id is not null then 'shop'
            when email is not null then 'email'
        end as name_kind,
        coalesce(shop_customer_id, email) as name_value
    from checkouts
    qualify
        row_number() over (
            partition by checkout_id
            order by updated_at desc nulls last, precedence desc, line_hash asc
        ) = 1
),

same_buyer as (
    select
        newest.checkout_id,
        newest.completed_at,
        orders.order_id,
        orders.ordered_at
    from newest
    inner join orders
        on newest.name_kind = orders.name_kind and newest.name_value = orders.name_value
    where newest.completed_at is not null
    union all
    select
        newest.checkout_id,
        newest.completed_at,
        orders.order_id,
        orders.ordered_at
    from newest
    inner join orders on newest.phone = orders.phone
    where newest.completed_at is not null
),

recovered as (
    select
        checkout_id,
        order_id
    from same_buyer
    where
        ordered_at
        between completed_at - interval 1 hour and completed_at + interval 1 hour
    qualify
        row_number() over (
            partition by checkout_id
            order by abs(date_diff('second', ordered_at, completed_at)), order_id
        ) = 1
),

final as (
    select
        'shopify:' || newest.checkout_id as checkout_id,
        'shopify' as source_system,
        newest.phone,
        newest.name_kind,
        newest.name_value,
        newest.created_at,
        newest.value_amount as value_amount_original,
        newest.currency_code,
        recovered.order_id as recovered_order_id,
        newest.is_implausible
    from newest
    left join recovered on newest.checkout_id = recovered.checkout_id
)

select * from final
