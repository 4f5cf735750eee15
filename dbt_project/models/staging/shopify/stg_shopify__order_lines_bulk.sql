with

objects as (
    select
        _load_id,
        _line_hash,
        object_id,
        object_kind,
        parent_id,
        quantity
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
        objects._load_id as load_id,
        load_precedence.precedence,
        objects._line_hash as line_hash,
        {{ gid_number('objects.parent_id') }} as shopify_id,
        objects.object_id as line_item_id,
        try_cast(objects.quantity as bigint) as quantity
    from objects
    inner join load_precedence on objects._load_id = load_precedence.load_id
    where
        starts_with(objects.parent_id, 'gid://shopify/Order/')
        and coalesce(objects.object_kind, 'LineItem') = 'LineItem'
        and try_cast(objects.quantity as bigint) is not null
)

select * from final
