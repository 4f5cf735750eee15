-- Orders and checkouts of the shops whose own time can't be read: they are in no fact, and counted.
{{ config(materialized='view') }}

with

final as (
    select distinct
        'shopify' as source_system,
        'orders' as stream,
        order_name as record_id
    from {{ ref('stg_shopify__orders') }}
    where is_first_line and ordered_at is null
    union all
    select distinct
        'shopify' as source_system,
        'orders_bulk' as stream,
        shopify_id as record_id
    from {{ ref('stg_shopify__orders_bulk') }}
    where ordered_at is null
    union all
    select distinct
        'shopify' as source_system,
        'orders_bulk' as stream,
        'checkout ' || checkout_id as record_id
    from {{ ref('stg_shopify__abandoned_checkouts') }}
    where created_at is null
    union all
    select distinct
        'woocommerce' as source_system,
        'orders' as stream,
        order_id as record_id
    from {{ ref('stg_woocommerce__orders') }}
    where ordered_at is null
)

select * from final
