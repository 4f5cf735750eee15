-- One row per order of the admin's exports. An order's cells stand on its first line only; lines
-- that follow at the top of the next file of a split export are of it too.
with

lines as (
    select
        load_id,
        precedence,
        file_exported_at,
        row_number,
        order_name,
        shopify_id,
        is_first_line,
        phone,
        email,
        ordered_at,
        is_implausible,
        order_status,
        paid_at,
        fulfilled_at,
        cancelled_at,
        currency_code,
        total_amount,
        discount_amount,
        shipping_amount,
        tax_amount,
        refunded_amount,
        quantity,
        coupon_codes,
        is_cod,
        is_rto,
        utm_source,
        utm_medium,
        utm_campaign,
        -- Which time this file tells the order, 0 for lines whose first one it doesn't have: files
        -- may be glued together.
        count(*) filter (where is_first_line) over (
            partition by load_id, order_name order by row_number
        ) as telling
    from {{ ref('stg_shopify__orders') }}
),

orders_bulk as (
    select
        order_name,
        shopify_id
    from {{ ref('stg_shopify__orders_bulk') }}
),

-- Older exports have no Id: then the order is known by its name, as long as one shop uses it.
known_ids as (
    select
        order_name,
        min(shopify_id) as shopify_id
    from (
        select
            order_name,
            shopify_id
        from lines
        where is_first_line and shopify_id is not null
        union all
        select
            order_name,
            shopify_id
        from orders_bulk
        where order_name is not null
    ) as named
    group by order_name
    having count(distinct shopify_id) = 1
),

file_events as (
    select
        load_id as stream,
        file_exported_at,
        greatest(ordered_at, paid_at, fulfilled_at, cancelled_at) as event_at
    from lines
    where is_first_line
),

files as (
    {{ files_told_at('file_events') }}
),

first_lines as (
    select
        lines.*,
        files.told_at,
        coalesce(lines.shopify_id, known_ids.shopify_id, lines.order_name) as shop_order_id
    from lines
    inner join files on lines.load_id = files.load_id
    left join known_ids on lines.order_name = known_ids.order_name
    where lines.is_first_line and lines.ordered_at is not null
),

newest as (
    select
        *,
        count(distinct load_id) over (partition by shop_order_id) as files_telling
    from first_lines
    qualify
        row_number() over (
            partition by shop_order_id order by precedence desc, row_number desc
        ) = 1
),

own_units as (
    select
        newest.shop_order_id,
        lines.quantity
    from newest
    inner join lines
        on
            newest.load_id = lines.load_id
            and newest.order_name = lines.order_name
            and newest.telling = lines.telling
),

-- Of an order that is told once any file may have the rest, whatever their names; of one told
-- several times only a file that comes after the newest.
later_units as (
    select
        newest.shop_order_id,
        lines.quantity
    from newest
    inner join lines
        on
            newest.order_name = lines.order_name
            and newest.load_id <> lines.load_id
            and lines.telling = 0
            and (newest.files_telling = 1 or newest.precedence < lines.precedence)
),

units as (
    select
        shop_order_id,
        cast(sum(quantity) as bigint) as units
    from (
        select * from own_units
        union all
        select * from later_units
    ) as all_lines
    group by shop_order_id
),

final as (
    select
        'shopify:' || newest.shop_order_id as order_id,
        newest.told_at,
        newest.order_name as order_number,
        newest.phone,
        newest.email,
        cast(null as varchar) as shop_customer_id,
        newest.ordered_at,
        newest.order_status,
        false as is_test,
        newest.is_cod,
        newest.is_rto,
        newest.cancelled_at,
        newest.fulfilled_at,
        newest.currency_code,
        newest.total_amount as gross_amount_original,
        newest.discount_amount as discount_amount_original,
        newest.shipping_amount as shipping_amount_original,
        newest.tax_amount as tax_amount_original,
        -- A status may say it without an amount, which some exports write as 0.
        case
            when newest.order_status = 'refunded'
                then coalesce(nullif(newest.refunded_amount, 0), newest.total_amount, 0)
            else coalesce(newest.refunded_amount, 0)
        end as refunded_amount_original,
        units.units,
        newest.coupon_codes,
        newest.utm_source,
        newest.utm_medium,
        newest.utm_campaign,
        cast(null as timestamp) as utm_at,
        newest.is_implausible
    from newest
    left join units on newest.shop_order_id = units.shop_order_id
)

select * from final
