with

lines as (
    select
        _load_id,
        _row_number,
        name,
        id,
        email,
        financial_status,
        paid_at,
        fulfillment_status,
        fulfilled_at,
        currency,
        shipping,
        taxes,
        total,
        discount_code,
        discount_amount,
        created_at,
        lineitem_quantity,
        billing_phone,
        shipping_phone,
        note_attributes,
        cancelled_at,
        payment_method,
        refunded_amount,
        tags,
        phone
    from {{ source('raw', 'shopify_orders') }}
),

load_precedence as (
    select
        load_id,
        precedence,
        exported_at
    from {{ source('ledger', 'load_precedence') }}
),

unquoted as (
    select
        lines._load_id as load_id,
        load_precedence.precedence,
        {{ utc_time('load_precedence.exported_at') }} as file_exported_at,
        lines._row_number as row_number,
        {{ without_apostrophe('lines.name') }} as order_name,
        {{ without_apostrophe('lines.id') }} as shopify_id,
        {{ shop_time(without_apostrophe('lines.created_at')) }} as ordered_at,
        -- Continuation rows have no cells of the order; some exports repeat the e-mail there.
        lines.created_at is not null or lines.total is not null as is_first_line,
        -- Only the first filled one: the others may be of whoever gets the present.
        coalesce(lines.phone, lines.billing_phone, lines.shipping_phone) as phone,
        lines.email,
        {{ without_apostrophe('lines.financial_status') }} as financial_status,
        {{ without_apostrophe('lines.fulfillment_status') }} as fulfillment_status,
        {{ shop_time(without_apostrophe('lines.paid_at')) }} as paid_at,
        {{ shop_time(without_apostrophe('lines.fulfilled_at')) }} as fulfilled_at,
        {{ shop_time(without_apostrophe('lines.cancelled_at')) }} as cancelled_at,
        upper({{ without_apostrophe('lines.currency') }}) as currency_code,
        {{ parsed_amount(without_apostrophe('lines.total')) }} as total_amount,
        {{ parsed_amount(without_apostrophe('lines.discount_amount')) }} as discount_amount,
        {{ parsed_amount(without_apostrophe('lines.shipping')) }} as shipping_amount,
        {{ parsed_amount(without_apostrophe('lines.taxes')) }} as tax_amount,
        abs({{ parsed_amount(without_apostrophe('lines.refunded_amount')) }}) as refunded_amount,
        try_cast({{ without_apostrophe('lines.lineitem_quantity') }} as bigint) as quantity,
        {{ without_apostrophe('lines.discount_code') }} as discount_code,
        {{ without_apostrophe('lines.payment_method') }} as payment_method,
        {{ without_apostrophe('lines.tags') }} as tags,
        {{ without_apostrophe('lines.note_attributes') }} as note_attributes
    from lines
    inner join load_precedence on lines._load_id = load_precedence.load_id
),

final as (
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
        {{ is_before_1971('ordered_at') }} as is_implausible,
        case
            when cancelled_at is not null then 'cancelled'
            else {{ order_status('financial_status') }}
        end as order_status,
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
        {{ coupon_list('discount_code') }} as coupon_codes,
        coalesce({{ has_tag('tags', 'cod_tags') }}, false)
        or coalesce({{ is_cod_method('payment_method') }}, false) as is_cod,
        coalesce({{ has_tag('tags', 'rto_tags') }}, false)
        or coalesce({{ is_rto_fulfillment('fulfillment_status') }}, false) as is_rto,
        {{ told_utm(line_value('note_attributes', 'utm_source')) }} as utm_source,
        {{ told_utm(line_value('note_attributes', 'utm_medium')) }} as utm_medium,
        {{ told_utm(line_value('note_attributes', 'utm_campaign')) }} as utm_campaign
    from unquoted
)

select * from final
