-- One row per refund of an order in bulk exports. A refund never goes away, so all exports that
-- tell of an order tell of its refunds; transactions count only where no refund is told, for they
-- are the same money.
with

refunds as (
    select
        precedence,
        line_hash,
        shopify_id,
        told_as,
        refund_id,
        refunded_at,
        refunded_amount
    from {{ ref('stg_shopify__refunds_bulk') }}
),

newest as (
    select *
    from refunds
    qualify
        row_number() over (
            partition by shopify_id, told_as, refund_id
            order by
                precedence desc,
                refunded_amount desc,
                refunded_at asc,
                line_hash asc
        ) = 1
),

told_once as (
    select *
    from newest
    qualify told_as = min(told_as) over (partition by shopify_id)
),

final as (
    select
        'shopify:' || shopify_id as order_id,
        refund_id,
        refunded_at,
        refunded_amount as refunded_amount_original
    from told_once
)

select * from final
