-- One row per refund that an export tells of an order, in one of four ways: in the order's list of
-- refunds or of transactions, or as a child object of either kind.
with

objects as (
    select
        _load_id,
        _line_hash,
        object_id,
        object_kind,
        parent_id,
        created_at,
        processed_at,
        kind,
        status,
        refunded,
        amount,
        refunds,
        transactions
    from {{ source('raw', 'shopify_orders_bulk') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

listed as (
    select
        _load_id,
        _line_hash,
        object_id as order_gid,
        'refund' as told_as,
        unnest(json_extract(refunds, '$[*]')) as item
    from objects
    where object_kind = 'Order'
    union all
    select
        _load_id,
        _line_hash,
        object_id as order_gid,
        'transaction' as told_as,
        unnest(json_extract(transactions, '$[*]')) as item
    from objects
    where object_kind = 'Order'
),

told as (
    select
        _load_id,
        _line_hash,
        order_gid,
        told_as,
        item ->> '$.id' as refund_gid,
        coalesce(item ->> '$.processedAt', item ->> '$.createdAt') as refunded_at,
        coalesce(
            item ->> '$.totalRefundedSet.shopMoney.amount', item ->> '$.amountSet.shopMoney.amount'
        ) as amount,
        item ->> '$.kind' as kind,
        item ->> '$.status' as status
    from listed
    union all
    select
        _load_id,
        _line_hash,
        parent_id as order_gid,
        case object_kind when 'Refund' then 'refund' else 'transaction' end as told_as,
        object_id as refund_gid,
        coalesce(processed_at, created_at) as refunded_at,
        coalesce(refunded, amount) as amount,
        kind,
        status
    from objects
    where
        starts_with(parent_id, 'gid://shopify/Order/')
        and object_kind in ('Refund', 'OrderTransaction')
),

final as (
    select
        told._load_id as load_id,
        load_precedence.precedence,
        told._line_hash as line_hash,
        {{ gid_number('told.order_gid') }} as shopify_id,
        told.told_as,
        coalesce(told.refund_gid, told.refunded_at) as refund_id,
        {{ utc_time('told.refunded_at') }} as refunded_at,
        abs({{ parsed_amount('told.amount') }}) as refunded_amount
    from told
    inner join load_precedence on told._load_id = load_precedence.load_id
    where
        abs({{ parsed_amount('told.amount') }}) > 0
        -- Sales, authorizations and captures are no refunds, nor is one that failed.
        and (
            told.told_as = 'refund'
            or (told.kind = 'REFUND' and coalesce(told.status, 'SUCCESS') = 'SUCCESS')
        )
)

select * from final
