with

orders as (
    select
        _load_id,
        _line_hash,
        order_id,
        refunds
    from {{ source('raw', 'woocommerce_orders') }}
),

listed as (
    select
        _load_id as load_id,
        order_id,
        _line_hash as line_hash,
        unnest(json_extract(refunds, '$[*]')) as refund
    from orders
),

final as (
    select
        load_id,
        order_id,
        line_hash,
        refund ->> '$.id' as refund_id,
        -- Only the list of an order's refunds has dates, not the order itself.
        {{ utc_time("(refund ->> '$.date_created_gmt')") }} as refunded_at,
        -- Negative in the order, positive in the list of its refunds.
        abs(
            {{ parsed_amount("coalesce(refund ->> '$.total', refund ->> '$.amount')") }}
        ) as refunded_amount
    from listed
)

select * from final
where refunded_amount > 0
