-- Orders, checkouts and ads as their systems export them: lines by stream and export.

create macro own(line_no, text) as if(line_no = 0, coalesce(text, ''), '');
create macro csv_cell(text) as
    if(regexp_matches(text, '[",\n]'), '"' || replace(text, '"', '""') || '"', coalesce(text, ''));
-- The last Sunday of a month, when clocks are changed at 01:00 UTC.
create macro last_sunday(y, m) as
    last_day(make_date(y, m, 1)) - cast(isodow(last_day(make_date(y, m, 1))) % 7 as integer);
create macro berlin_hours(t) as
    if(t >= last_sunday(year(t), 3) + interval 1 hour and t < last_sunday(year(t), 10) + interval 1 hour,
        2, 1);
-- As the admin writes a time: in the shop's own zone.
create macro admin_time(t) as
    strftime(t + to_hours(berlin_hours(t)), '%Y-%m-%d %H:%M:%S') || ' +0' || berlin_hours(t) || '00';
create macro shop_time(t) as strftime(t, '%Y-%m-%dT%H:%M:%S');
create macro shop_money(cents, currency_code) as
    {'shopMoney': {'amount': cents_text(cents), 'currencyCode': currency_code}};
create macro gid(kind, id) as 'gid://shopify/' || kind || '/' || id;

insert into export_heads values
    ('shopify/orders', 'Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,Payment References'),
    ('generic/abandoned_checkouts', 'checkout_id,phone,email,created_at,value_amount,currency_code,recovered_order_id'),
    ('generic/ad_spend', 'ad_id,spent_on,spend_amount,currency_code,ad_name,campaign_name,impressions,link_clicks,conversations_started');

-- Shopify: a row per line item; the order's cells stand on its first one only, and every now and then
-- the rows that follow lack even its name.
insert into export_lines
with told as (
    select
        *,
        '#' || (1000 + order_no) as order_name,
        -- A spreadsheet keeps the plus with an apostrophe.
        if(dialled is null, '', if(r('apostrophe', order_key, 3) > 0, '''', '') || '+' || dialled) as phone,
        coalesce(refunded_cents > 0 and refunded_cents >= total_cents, false) as is_refunded,
        returned_at is not null and r('returned_how', order_key, 2) = 0 as is_returned,
        concat_ws(', ', if(is_cod, 'COD', null),
            if(returned_at is not null and r('returned_how', order_key, 2) = 1, 'RTO', null),
            if(cause = 'campaign' and r('tagged', order_key, 3) = 0, 'whatsapp', null)) as tags,
        if(country_code = 'DE', 'VAT 19%', if(country_code = 'GB', 'VAT 20%', '')) as tax_name,
    from order_tellings
    where shop = 'shopify'
),

lines as (
    select t.*, i.line_no, i.quantity, i.price_cents, i.item_no
    from told as t
    inner join order_items as i using (order_key)
)

select
    'shopify/orders', export_no, lpad(order_no::varchar, 12, '0') || line_no,
    array_to_string([
        if(line_no > 0 and r('nameless', order_key, 9) = 0, '', order_name),
        if(line_no > 0 and r('nameless', order_key, 9) = 0, '', email),
        own(line_no, case when cancelled_at is not null then 'voided' when is_refunded then 'refunded'
            when refunded_cents > 0 then 'partially_refunded' when paid_at is null then 'pending'
            else 'paid' end),
        own(line_no, admin_time(paid_at)),
        own(line_no, case when is_returned then 'returned' when fulfilled_at is null then 'unfulfilled'
            else 'fulfilled' end),
        own(line_no, admin_time(fulfilled_at)),
        own(line_no, if(r('accepts', buyer_no, 2) = 0, 'yes', 'no')),
        own(line_no, currency_code),
        own(line_no, cents_text(items_cents - discount_cents)),
        own(line_no, cents_text(shipping_cents)),
        own(line_no, cents_text(tax_cents)),
        own(line_no, cents_text(total_cents)),
        own(line_no, coupon_code),
        own(line_no, cents_text(discount_cents)),
        own(line_no, 'Standard'),
        own(line_no, admin_time(ordered_at)),
        quantity::varchar, 'Demo item ' || item_no, cents_text(price_cents), '', 'SKU-' || item_no,
        'true', 'true', if(fulfilled_at is null, 'pending', 'fulfilled'),
        own(line_no, csv_cell(name)), own(line_no, 'Demo Street 1'), own(line_no, 'Demo Street 1'), '', '',
        own(line_no, 'Demo City'), own(line_no, '''00000'), '', own(line_no, country_code),
        own(line_no, phone),
        own(line_no, csv_cell(name)), own(line_no, 'Demo Street 1'), own(line_no, 'Demo Street 1'), '', '',
        own(line_no, 'Demo City'), own(line_no, '''00000'), '', own(line_no, country_code), '',
        '',
        own(line_no, csv_cell('utm_source: ' || utm_source || chr(10) || 'utm_medium: ' || utm_medium
            || chr(10) || 'utm_campaign: ' || utm_campaign)),
        own(line_no, admin_time(cancelled_at)),
        own(line_no, if(is_cod, 'Cash on Delivery (COD)', 'Demo Payments')),
        own(line_no, 'ref-' || order_no),
        own(line_no, cents_text(refunded_cents)),
        'Demo Vendor',
        own(line_no, if(paid_at is null and cancelled_at is null, cents_text(total_cents), '0.00')),
        '', '', '',
        own(line_no, native_id::varchar),
        own(line_no, csv_cell(tags)),
        own(line_no, 'Low'),
        own(line_no, 'web'),
        '0.00',
        own(line_no, tax_name), own(line_no, if(tax_name = '', '', cents_text(tax_cents))),
        '', '', '', '', '', '', '', '',
        own(line_no, if(r('order_phone', order_key, 2) = 0, phone, '')),
        '', '', '', '', '', '', '', ''
    ], ',')
from lines;

-- A bulk operation of the newest orders, made with every fifth export: an order, then its lines.
create macro is_bulk(export_no) as export_no % 5 = 4;

create table bulk_lines as
with told as (
    select
        *,
        greatest(ordered_at, cancelled_at, fulfilled_at, refunded_at, returned_at, paid_at) as updated_at,
        if(dialled is null, null, '+' || dialled) as phone,
    from order_tellings
    where shop = 'shopify' and is_bulk(export_no)
)

select
    export_no,
    lpad(order_no::varchar, 12, '0') as position,
    cast(to_json({
        'id': gid('Order', native_id),
        'name': '#' || (1000 + order_no),
        'createdAt': plain_time(ordered_at),
        'processedAt': plain_time(ordered_at),
        'updatedAt': plain_time(updated_at),
        'cancelledAt': nullif(plain_time(cancelled_at), ''),
        'test': false,
        'displayFinancialStatus': case when cancelled_at is not null then 'VOIDED'
            when refunded_cents > 0 and refunded_cents >= total_cents then 'REFUNDED'
            when refunded_cents > 0 then 'PARTIALLY_REFUNDED' when paid_at is null then 'PENDING'
            else 'PAID' end,
        'displayFulfillmentStatus': if(fulfilled_at is null, 'UNFULFILLED', 'FULFILLED'),
        'currencyCode': currency_code,
        'totalPriceSet': shop_money(total_cents, currency_code),
        'totalDiscountsSet': shop_money(discount_cents, currency_code),
        'totalShippingPriceSet': shop_money(shipping_cents, currency_code),
        'totalTaxSet': shop_money(tax_cents, currency_code),
        'totalRefundedSet': shop_money(refunded_cents, currency_code),
        'email': email,
        'phone': phone,
        'customer': {'id': gid('Customer', 7000000000 + buyer_no)},
        'billingAddress': {'phone': phone},
        'discountCodes': list_filter([coupon_code], lambda code: code is not null),
        'tags': list_filter([
            if(is_cod, 'COD', null), if(returned_at is null, null, 'RTO')
        ], lambda tag: tag is not null),
        'paymentGatewayNames': [if(is_cod, 'Cash on Delivery (COD)', 'demo_payments')],
        'subtotalLineItemsQuantity': (
            select sum(quantity)::integer from order_items as i where i.order_key = told.order_key
        ),
        'fulfillments': list_filter([
            if(fulfilled_at is null, null, {'status': 'SUCCESS', 'createdAt': plain_time(fulfilled_at)})
        ], lambda part: part is not null),
        'refunds': list_filter([
            if(refunded_cents = 0, null, {
                'id': gid('Refund', 8000000000 + order_no),
                'createdAt': plain_time(refunded_at),
                'totalRefundedSet': shop_money(refunded_cents, currency_code)
            })
        ], lambda part: part is not null),
        'customerJourneySummary': if(utm_at is null, null, {
            'lastVisit': {
                'occurredAt': plain_time(utm_at),
                'utmParameters': {
                    'source': utm_source, 'medium': utm_medium, 'campaign': utm_campaign
                }
            }
        })
    }) as varchar) as line,
from told
union all
select
    t.export_no,
    lpad(t.order_no::varchar, 12, '0') || '-' || i.line_no,
    cast(to_json({
        'id': gid('LineItem', i.line_key),
        'name': 'Demo item ' || i.item_no,
        'quantity': i.quantity,
        '__parentId': gid('Order', t.native_id)
    }) as varchar),
from told as t
inner join order_items as i using (order_key);

-- WooCommerce: an answer of the REST API, one JSON array with every order that changed.
create table woocommerce_lines as
with told as (
    select
        *,
        greatest(ordered_at, cancelled_at, fulfilled_at, refunded_at, paid_at) as updated_at,
    from order_tellings
    where shop = 'woocommerce'
),

items as (
    select
        order_key,
        list({
            'id': line_key, 'name': 'Demo item ' || item_no, 'quantity': quantity,
            'total': cents_text(quantity * price_cents)
        } order by line_no) as line_items,
    from order_items
    group by order_key
),

objects as (
    select
        t.export_no,
        t.order_no,
        cast(to_json({
            'id': t.native_id,
            'number': t.native_id::varchar,
            'status': case when t.outcome = 'unpaid' then 'pending'
                when t.cancelled_at is not null then 'cancelled'
                when t.refunded_cents > 0 and t.refunded_cents >= t.total_cents then 'refunded'
                when t.fulfilled_at is null then 'processing' else 'completed' end,
            'currency': t.currency_code,
            'date_created': shop_time(t.ordered_at - interval 3 hour),
            'date_created_gmt': shop_time(t.ordered_at),
            'date_modified_gmt': shop_time(t.updated_at),
            'date_paid_gmt': shop_time(t.paid_at),
            'date_completed_gmt': shop_time(t.fulfilled_at),
            'discount_total': cents_text(t.discount_cents),
            'shipping_total': cents_text(t.shipping_cents),
            'total': cents_text(t.total_cents),
            'total_tax': cents_text(t.tax_cents),
            -- Who has no account is customer 0.
            'customer_id': if(t.contact_no is null, 0, t.buyer_no + 300),
            'billing': {
                'first_name': t.name, 'country': t.country_code, 'email': t.email,
                'phone': if(t.dialled is null, '', '+' || t.dialled)
            },
            'shipping': {'first_name': t.name, 'country': t.country_code, 'phone': ''},
            'payment_method': 'demo_pix',
            'payment_method_title': 'Demo Pix',
            'line_items': i.line_items,
            'coupon_lines': list_filter([
                if(t.coupon_code is null, null, {
                    'code': lower(t.coupon_code), 'discount': cents_text(t.discount_cents)
                })
            ], lambda part: part is not null),
            'refunds': list_filter([
                if(t.refunded_cents = 0, null, {
                    'id': 90000 + t.order_no, 'reason': '', 'total': '-' || cents_text(t.refunded_cents)
                })
            ], lambda part: part is not null),
            'meta_data': list_filter([
                if(t.utm_source is null, null,
                    {'key': '_wc_order_attribution_utm_source', 'value': t.utm_source}),
                if(t.utm_source is null, null,
                    {'key': '_wc_order_attribution_utm_medium', 'value': t.utm_medium}),
                if(t.utm_source is null, null,
                    {'key': '_wc_order_attribution_utm_campaign', 'value': t.utm_campaign}),
                if(t.utm_source is null, null,
                    {'key': '_wc_order_attribution_session_start_time',
                        'value': replace(shop_time(t.utm_at), 'T', ' ')})
            ], lambda part: part is not null)
        }) as varchar) as object,
    from told as t
    inner join items as i using (order_key)
)

select export_no, '[' || string_agg(object, ',' || chr(10) order by order_no) || ']' as line
from objects
group by export_no;

insert into export_lines
select
    'generic/abandoned_checkouts', n, iso(created_at) || checkout_key,
    'co-' || checkout_key || ',' || phone_cell(dialled, checkout_key) || ',' || email || ','
    || plain_time(created_at) || ',' || cents_text(value_cents) || ',' || currency_code || ','
    || coalesce(if(recovered_at < export_ends(n), order_id, null), '')
from (
    select *, unnest(list_distinct(list_filter(
        [export_of(created_at), export_of(recovered_at)], lambda x: x is not null
    ))) as n
    from checkouts
);

insert into export_lines
select
    'generic/ad_spend', export_no, iso(day_at) || ad_id,
    ad_id || ',' || strftime(day_at, '%Y-%m-%d') || ',' || cents_text(told_cents) || ','
    || currency_code || ',' || csv_cell(ad_name) || ',' || campaign_name || ',' || impressions || ','
    || link_clicks || ',' || conversations
from ad_tellings
where not is_metas;

-- Meta writes every number as a text, and tells of a purchase under several names at once.
create table insights_lines as
select
    export_no,
    iso(day_at) || ad_id as position,
    cast(to_json({
        'date_start': strftime(day_at, '%Y-%m-%d'),
        'date_stop': strftime(day_at, '%Y-%m-%d'),
        'account_currency': currency_code,
        'campaign_name': campaign_name,
        'ad_id': ad_id,
        'ad_name': ad_name,
        'impressions': impressions::varchar,
        'reach': (impressions * 4 // 5)::varchar,
        'inline_link_clicks': link_clicks::varchar,
        'spend': cents_text(told_cents),
        'actions': list_filter([
            {'action_type': 'link_click', 'value': link_clicks::varchar},
            if(conversations = 0, null, {
                'action_type': 'onsite_conversion.messaging_conversation_started_7d',
                'value': conversations::varchar
            }),
            if(i % 4 > 0, null, {'action_type': 'purchase', 'value': '1'}),
            if(i % 4 > 0, null, {'action_type': 'omni_purchase', 'value': '1'})
        ], lambda action: action is not null)
    }) as varchar) as line,
from ad_tellings
where is_metas;
