-- The truth of orders, ads and lifts, from what was drawn: what the exports tell when they are read
-- rightly (MARTS section 2, SEMANTICS 13).

create table truth.orders as
with newest as (
    select *
    from order_tellings
    qualify row_number() over (partition by order_key order by export_no desc) = 1
)

select
    shop || ':' || native_id as order_id,
    shop as source_system,
    buyer_no,
    contact_no,
    ordered_at,
    cancelled_at is null and returned_at is null and outcome <> 'unpaid'
        and not (refunded_cents > 0 and refunded_cents >= total_cents) as is_valid,
    is_cod,
    returned_at is not null as is_rto,
    -- WooCommerce says that an order was cancelled, not when.
    if(shop = 'shopify', cancelled_at, null) as cancelled_at,
    fulfilled_at,
    currency_code,
    cast(total_cents / 100 as decimal(18, 4)) as gross_amount_original,
    cast(discount_cents / 100 as decimal(18, 4)) as discount_amount_original,
    cast(shipping_cents / 100 as decimal(18, 4)) as shipping_amount_original,
    cast(tax_cents / 100 as decimal(18, 4)) as tax_amount_original,
    cast(refunded_cents / 100 as decimal(18, 4)) as refunded_amount_original,
    cast((total_cents - refunded_cents) / 100 as decimal(18, 4)) as net_amount_original,
    cast((select sum(quantity) from order_items as i where i.order_key = newest.order_key) as bigint)
        as units,
    coupon_code,
    utm_source,
    utm_medium,
    utm_campaign,
    cause,
    cause_campaign_id,
    cause_variant,
    cause_ad_no,
from newest
order by ordered_at, order_id;

create table truth.kpi_orders_months as
select
    date_trunc('month', ordered_at)::date as month_on,
    currency_code,
    count(*) as orders_valid,
    cast(sum(net_amount_original) as decimal(18, 4)) as net_amount_original,
from truth.orders
where is_valid
group by all
order by month_on, currency_code;

create table truth.customers as
select
    buyer_no, contact_no, min(ordered_at) as first_order_at, count(*) as orders_valid,
    cast(sum(net_amount_original) as decimal(18, 4)) as net_amount_original,
from truth.orders
where is_valid
group by all
order by buyer_no;

create table truth.checkouts as
select
    'co-' || checkout_key as checkout_id, contact_no, created_at, currency_code,
    cast(value_cents / 100 as decimal(18, 4)) as value_amount_original, order_id as recovered_order_id,
from checkouts
where created_at < exported_until()
order by created_at, checkout_key;

create table truth.ad_spend_days as
select
    ad_id, ad_name, campaign_name, day_at::date as spent_on, currency_code,
    cast(told_cents / 100 as decimal(18, 4)) as spend_amount_original, impressions, link_clicks,
    conversations as conversations_started,
from ad_tellings
qualify row_number() over (partition by ad_id, day_at order by export_no desc) = 1
order by spent_on, ad_id;

create table truth.campaign_lift as
with members as (
    select
        m.*,
        exists (
            select 1
            from truth.orders as o
            where o.is_valid and o.contact_no = m.contact_no and o.ordered_at > m.assigned_at
                and o.ordered_at <= m.assigned_at + interval 14 day
                and o.cause_campaign_id is distinct from m.campaign_id
        ) as orders_anyway,
    from arm_members as m
    inner join (select contact_no, is_internal from contacts) as c using (contact_no)
    where not c.is_internal and m.assigned_at < exported_until()
),

campaigns_seen as (
    select
        campaign_id,
        count(*) as members,
        count(*) filter (where orders_anyway) as members_ordering,
        count(*) filter (where can_order and not orders_anyway) as members_open,
        max(assigned_at) + interval 14 day <= exported_until() as is_mature,
    from members
    group by campaign_id
)

select
    l.campaign_id,
    l.design,
    l.variant,
    l.is_control,
    l.probability,
    (select count(*) from members as m where m.campaign_id = l.campaign_id and m.variant = l.variant)
        as members,
    -- Whoever would have ordered anyway is no success more: expected over everybody in the test.
    (s.members_ordering + s.members_open * l.probability) / s.members as conversion_rate,
    s.is_mature,
from arm_lifts as l
inner join campaigns_seen as s using (campaign_id)
order by l.campaign_id, l.variant;

create table truth.clv_process as
from (select unnest(clv_parameters(), recursive := true));
