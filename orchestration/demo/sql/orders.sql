-- What people buy, what becomes of it, and what the ads cost: drawn from processes whose parameters
-- the truth tells (truth.clv_process, truth.campaign_lift, truth.ad_spend_days). Everything depends on
-- (seed, its own key, its day) alone, as in plan.sql; what comes after exported_until() is in no
-- export and not here.
--
-- Four causes bring an order:
-- - organic: somebody buys for the first time and, by BG/NBD, again until they drop out;
-- - campaign: who is assigned to a broadcast of the designs `test` and `control` orders within five
--   days with the probability of their arm, messaged or not;
-- - click: who opens a link of any other message orders within two hours, one in four;
-- - ad: who came by an ad orders within three days, one in three.

-- The quantiles that the generator computes, one row per place: a draw takes one row.
create table quantiles as
select
    unnest(range(len(purchase_rate_quantiles()))) as place,
    unnest(purchase_rate_quantiles()) as purchase_rate,
    unnest(dropout_quantiles()) as dropout,
    unnest(spend_quantiles()) as spend,
    unnest(spend_scale_quantiles()) as spend_scale;
create macro place(purpose, k) as r(purpose, k, len(purchase_rate_quantiles()));

-- Customers are people with a number (at most some 30,000 of them) and, a quarter as many, people
-- whom nobody ever messaged.
create table buyers as
with people as (
    select
        contact_no as buyer_no,
        contact_no,
        dialled,
        email,
        country_code,
        profile_name as name,
        deleted_at,
    from steady_people
    where identity_kind = 'phone' and u('buys', contact_no) < least(1.0, 30000.0 / contacts_total())
    union all
    select
        1000000000 + i, null, null, 'shopper' || i || '@example.com',
        pick(['DE', 'DE', 'GB', 'US', 'BR', 'IN'], 'shopper_country', i),
        pick(['Kim', 'Alex', 'Sam', 'Robin "Rob"', 'Noa'], 'shopper', i) || ' '
            || pick(['Demo', 'Doe, Jr.', 'Sample'], 'shopper_last', i),
        null,
    from range(least(contacts_total() // 4, 10000)) as t (i)
)

select
    *,
    if(country_code = 'BR', 'woocommerce', 'shopify') as shop,
    case country_code when 'GB' then 'GBP' when 'BR' then 'BRL' when 'MX' then 'MXN'
        when 'IN' then 'INR' when 'US' then 'USD' when 'AR' then 'USD' else 'EUR' end
        as currency_code,
    case country_code when 'BR' then 6 when 'MX' then 20 when 'IN' then 95 else 1 end
        as price_level,
    contact_no is null or r('regular', buyer_no, 100) < 55 as is_regular,
    start_at() + to_seconds(r('first_at', buyer_no, 7776000)) as first_at,
from people;

-- At most 40 purchases more than the first: a rate so high is drawn by nobody.
create table organic_orders as
with rated as (
    select
        b.buyer_no,
        b.first_at,
        of_rate.purchase_rate,
        of_dropout.dropout,
        unnest(range(1, 41)) as n,
    from buyers as b
    inner join quantiles as of_rate on of_rate.place = place('purchase_rate', b.buyer_no)
    inner join quantiles as of_dropout on of_dropout.place = place('dropout', b.buyer_no)
    where b.is_regular
),

paced as (
    select
        buyer_no,
        n,
        first_at,
        sum(-ln(1 - u('gap', buyer_no * 100 + n)) / purchase_rate) over earlier as days_after_first,
        -- After each purchase but the first.
        coalesce(max(cast(u('drops_out', buyer_no * 100 + n) < dropout as integer)) over (
            partition by buyer_no order by n rows between unbounded preceding and 1 preceding
        ), 0) = 1 as has_dropped_out,
    from rated
    window earlier as (partition by buyer_no order by n)
)

select buyer_no, cast(0 as bigint) as n, first_at as bought_at from buyers where is_regular
union all
select buyer_no, n, first_at + to_seconds(cast(days_after_first * 86400 as bigint))
from paced
where not has_dropped_out and days_after_first < days_total();

-- What an arm does. Of the two texts of a `test` neither sells more than the other.
create table arm_lifts as
select c.campaign_id, c.design, l.variant, l.variant = 'control' as is_control, l.probability
from campaigns as c
inner join (values
    ('control', 'control', 0.02), ('control', 'A', 0.12), ('control', 'B', 0.12),
    ('test', 'A', 0.08), ('test', 'B', 0.08)
) as l (design, variant, probability) on l.design = c.design;

-- Who is in which arm, by the first row of the audience that names them.
create table arm_members as
select
    a.id,
    a.campaign_id,
    a.variant,
    a.contact_no,
    a.assigned_at,
    l.probability,
    -- Whoever is about to be forgotten orders nothing more.
    b.buyer_no is not null and (b.deleted_at is null or b.deleted_at > a.assigned_at + interval 6 day)
        as can_order,
from assigned as a
inner join arm_lifts as l on l.campaign_id = a.campaign_id and l.variant = a.variant
left join buyers as b on b.contact_no = a.contact_no
where a.kind = 'broadcast'
qualify row_number() over (partition by a.campaign_id, a.contact_no order by a.assigned_at, a.id) = 1;

create table ad_chats as
select in_id // 100 as chat_id, contact_no, occurred_at, r('ad', in_id, 3) as ad_no
from inbound
where has_referral;

create table drawn_orders as
select
    buyer_no * 100 + n as order_key,
    buyer_no,
    'organic' as cause,
    cast(null as varchar) as cause_campaign_id,
    cast(null as varchar) as cause_variant,
    cast(null as bigint) as cause_ad_no,
    date_trunc('day', bought_at)
    + to_seconds(hour_curve()[r('order_hour', buyer_no * 100 + n, 100) + 1] * 3600
        + r('order_at', buyer_no * 100 + n, 3600)) as ordered_at,
from organic_orders
union all
select
    m.id, m.contact_no, 'campaign', m.campaign_id, m.variant, null,
    -- Soon after the click, if there is one, else when they get to it.
    coalesce(
        if(o.first_at < m.assigned_at + interval 5 day,
            sec(o.first_at) + to_seconds(300 + r('order_after_click', m.id, 5100)), null),
        m.assigned_at + to_seconds(43200 + r('order_after', m.id, 302400))
    ),
from arm_members as m
left join opened_links as o on o.id = m.id
where m.can_order and u('buys_by_campaign', m.id) < m.probability
union all
select
    a.chat_id, b.buyer_no, 'ad', null, null, a.ad_no,
    sec(a.occurred_at) + to_seconds(3600 + r('order_after_ad', a.chat_id, 255600)),
from ad_chats as a
inner join buyers as b on b.contact_no = a.contact_no
where r('buys_by_ad', a.chat_id, 3) = 0
union all
select
    o.id, b.buyer_no, 'click', o.campaign_id, o.variant, null,
    sec(o.first_at) + to_seconds(240 + r('order_after_click', o.id, 6900)),
from opened_links as o
inner join buyers as b on b.contact_no = o.contact_no
where r('buys_by_click', o.id, 4) = 0
    and coalesce(o.campaign_id, 'none') not in (select campaign_id from arm_lifts);

-- What becomes of an order. An order that a campaign brought stands, so that the probability of an
-- arm is that of a valid order.
create table orders as
with known as (
    select
        d.*,
        b.* exclude (buyer_no, first_at, is_regular),
        u('fate', d.order_key) as fate,
        b.country_code in ('IN', 'MX', 'AR') and r('cod', d.order_key, 10) < 6 as is_cod,
        row_number() over (partition by b.shop order by d.ordered_at, d.order_key) as order_no,
    from drawn_orders as d
    inner join buyers as b using (buyer_no)
    where d.ordered_at >= start_at() and d.ordered_at < exported_until()
        and (b.deleted_at is null or d.ordered_at < b.deleted_at)
),

fated as (
    select
        *,
        case
            when cause <> 'campaign' and fate < 0.04 then 'cancelled'
            -- The link to the payment was never opened.
            when cause <> 'campaign' and shop = 'woocommerce' and fate > 0.94 then 'unpaid'
            when cause <> 'campaign' and is_cod and u('rto', order_key) < 0.22 then 'rto'
            when cause <> 'campaign' and not is_cod and fate < 0.08 then 'refunded'
            when not is_cod and fate < 0.15 then 'partly_refunded'
            else 'kept'
        end as outcome,
    from known
),

timed as (
    select
        *,
        if(outcome = 'cancelled',
            ordered_at + to_seconds(1800 + r('cancelled_at', order_key, 150000)), null)
            as cancelled_time,
        if(outcome in ('cancelled', 'unpaid'), null,
            ordered_at + to_seconds(72000 + r('fulfilled_at', order_key, 288000)))
            as fulfilled_time,
    from fated
),

followed as (
    select
        *,
        if(outcome like '%refunded',
            fulfilled_time + to_seconds(259200 + r('refunded_at', order_key, 777600)), null)
            as refunded_time,
        if(outcome = 'rto', fulfilled_time + to_seconds(345600 + r('rto_at', order_key, 518400)), null)
            as returned_time,
        if(is_cod and outcome not in ('rto', 'cancelled'),
            fulfilled_time + to_seconds(172800 + r('collected_at', order_key, 345600)),
            if(is_cod or outcome = 'unpaid', null, ordered_at)) as paid_time,
    from timed
),

-- The newest visit by a link within a day before; some shops forget where it came from.
visited as (
    select
        f.*,
        o.first_at as visit_at,
        o.utm_campaign as visit_campaign,
        o.first_at >= f.ordered_at - interval 1 day and u('utm_kept', f.order_key) < 0.85
            and r('no_utm', o.id, 10) > 0 as is_by_link,
        u('utm_other', f.order_key) < 0.25 as is_by_other,
        r('utm_other_what', f.order_key, 3) + 1 as other_no,
    from followed as f
    asof left join opened_links as o
        on o.contact_no = f.contact_no and o.first_at <= f.ordered_at
),

-- A code that a message of the last thirty days brought, or one that a friend passed on.
coupons as (
    select
        m.contact_no,
        m.delivered_time,
        string_split(c.coupon_codes, '|') as codes,
    from outbound as m
    inner join campaigns as c using (campaign_id)
    where c.coupon_codes is not null and m.delivered_time is not null and m.flow_step is distinct from 2
),

coded as (
    select
        v.*,
        case
            when u('gift', v.order_key) < 0.008 then 'GIFT100'
            when c.delivered_time >= v.ordered_at - interval 30 day and u('coupon', v.order_key) < 0.4
                then c.codes[r('code', v.order_key, len(c.codes)) + 1]
            when v.contact_no is null and u('coupon', v.order_key) < 0.06 then 'SAVE10'
        end as coupon_code,
    from visited as v
    asof left join coupons as c
        on c.contact_no = v.contact_no and c.delivered_time <= v.ordered_at
),

spent as (
    select
        c.*,
        -- Gamma-Gamma in the buyer's own currency: what an order costs around what theirs cost.
        greatest(100, cast(round(100 * c.price_level * of_order.spend / of_buyer.spend_scale) as bigint))
            as items_cents,
    from coded as c
    inner join quantiles as of_order on of_order.place = place('spend', c.order_key)
    inner join quantiles as of_buyer on of_buyer.place = place('spend_scale', c.buyer_no)
),

charged as (
    select
        *,
        case when coupon_code = 'GIFT100' then items_cents when coupon_code is not null
            then items_cents // 10 else 0 end as discount_cents,
        if(coupon_code = 'GIFT100' or items_cents >= 5000 * price_level, 0, 490 * price_level)
            as shipping_cents,
    from spent
),

totalled as (
    select
        *,
        items_cents - discount_cents + shipping_cents as total_cents,
        -- Prices have the tax in them.
        cast((items_cents - discount_cents + shipping_cents)
            * case country_code when 'DE' then 19 when 'GB' then 20 else 0 end
            // (case country_code when 'DE' then 119 when 'GB' then 120 else 100 end) as bigint)
            as tax_cents,
        if(items_cents < 300, 1, 1 + r('lines', order_key, 3)) as line_total,
    from charged
)

select
    * exclude (fate, visit_campaign, is_by_link, is_by_other, other_no, price_level),
    if(shop = 'shopify', 5000000000, 70000) + order_no as native_id,
    if(is_by_link, 'whatsapp', if(is_by_other, ['google', 'instagram', 'newsletter'][other_no], null))
        as utm_source,
    if(is_by_link, 'chat', if(is_by_other, ['cpc', 'social', 'email'][other_no], null)) as utm_medium,
    if(is_by_link, coalesce(visit_campaign, 'service'),
        if(is_by_other, ['brand_search', 'bio', 'weekly'][other_no], null)) as utm_campaign,
    case when is_by_link then visit_at
        when is_by_other then ordered_at - to_seconds(300 + r('visit_at', order_key, 2700)) end
        as utm_at,
    case outcome when 'refunded' then total_cents
        when 'partly_refunded' then (items_cents - discount_cents) // 3 else 0 end as refund_cents,
from totalled;

create table order_items as
with split as (
    select
        order_key,
        line_no,
        if(line_no = 0, items_cents - (line_total - 1) * (items_cents // line_total),
            items_cents // line_total) as line_cents,
        order_key * 10 + line_no as line_key,
    from (select *, unnest(range(line_total)) as line_no from orders)
)

select
    order_key,
    line_no,
    line_key,
    if(line_cents % 2 = 0 and r('quantity', line_key, 2) = 0, 2, 1) as quantity,
    line_cents // if(line_cents % 2 = 0 and r('quantity', line_key, 2) = 0, 2, 1) as price_cents,
    100 + r('item', line_key, 40) as item_no,
from split;

-- An order stands in the export of its day and again in that of each thing that became of it, as far
-- as it had happened by then.
create table order_tellings as
select
    o.* exclude (cancelled_time, fulfilled_time, refunded_time, returned_time, paid_time, refund_cents),
    o.export_no,
    if(o.cancelled_time < told_until, o.cancelled_time, null) as cancelled_at,
    if(o.fulfilled_time < told_until, o.fulfilled_time, null) as fulfilled_at,
    if(o.refunded_time < told_until, o.refunded_time, null) as refunded_at,
    if(o.returned_time < told_until, o.returned_time, null) as returned_at,
    if(o.paid_time < told_until, o.paid_time, null) as paid_at,
    if(o.refunded_time < told_until, o.refund_cents, 0) as refunded_cents,
from (
    select
        *,
        export_ends(export_no) as told_until,
    from (
        select *, unnest(list_distinct(list_transform(list_filter(
            [ordered_at, cancelled_time, fulfilled_time, refunded_time, returned_time, paid_time],
            lambda t: t < exported_until()
        ), lambda t: export_of(t)))) as export_no
        from orders
    )
) as o;

-- Checkouts that were left: one in eight orders was one first, the others came to nothing.
create table checkouts as
select
    order_key as checkout_key,
    buyer_no, contact_no, dialled, email, currency_code, total_cents as value_cents,
    ordered_at - to_seconds(3600 + r('left_at', order_key, 68400)) as created_at,
    shop || ':' || native_id as order_id,
    ordered_at as recovered_at,
from orders
where r('left_first', order_key, 8) = 0
union all
select
    d.key, b.buyer_no, b.contact_no, b.dialled, b.email, b.currency_code,
    b.price_level * (1500 + r('left_value', d.key, 9000)),
    d.d + to_seconds(hour_curve()[r('left_hour', d.key, 100) + 1] * 3600 + r('left_at', d.key, 3600)),
    null, null,
from (
    select *, 80000000000000 + i * 10000000 + slot as key
    from (
        select *, unnest(slots(i, least(40, contacts_total() / 400.0))) as slot
        from days
    )
) as d
inner join buyers as b on b.contact_no = r('leaves', d.key, contacts_total())
where b.deleted_at is null and d.d < exported_until();

-- Three ads: two that Meta's insights tell of, one that stands in a list of our own.
create table ads as
select * from (values
    (0, '120200000000000000', 'Chat about the new season', 'New season', 'EUR', true),
    (1, '120200000000000001', 'Ask for your size', 'New season', 'USD', true),
    (2, '120200000000000002', 'Partner magazine, chat link', 'Partners', 'EUR', false)
) as t (ad_no, ad_id, ad_name, campaign_name, currency_code, is_metas);

create table ad_days as
with started as (
    select ad_no, date_trunc('day', occurred_at) as d, count(*) as conversations
    from ad_chats
    group by all
)

select
    a.*,
    days.d as day_at,
    days.i,
    (500 + r('spend', days.i * 10 + a.ad_no, 900)) * greatest(1, contacts_total() // 1000)
        as spend_cents,
    900 + r('impressions', days.i * 10 + a.ad_no, 2400) as impressions,
    12 + r('ad_clicks', days.i * 10 + a.ad_no, 40) as link_clicks,
    coalesce(s.conversations, 0) as conversations,
from days
cross join ads as a
left join started as s on s.ad_no = a.ad_no and s.d = days.d
where days.d < exported_until();

-- The last day of an export isn't over yet: it stands in the next one again.
create table ad_tellings as
select
    *,
    if(export_no = i // export_days() and i % export_days() = export_days() - 1,
        spend_cents * 9 // 10, spend_cents) as told_cents,
from (
    select *, unnest(if(i % export_days() = export_days() - 1,
        [i // export_days(), i // export_days() + 1], [i // export_days()])) as export_no
    from ad_days
)
where export_ends(export_no) <= exported_until();
