-- What an order itself says of its campaign: the UTM values of its visit, the coupons it used. A
-- claim has the last message of that campaign that its buyer had got by then. Several campaigns may
-- share a UTM value or a code. Of a visit the campaign that messaged the buyer last has it, else
-- the one planned last. Of a coupon each campaign that messaged the buyer has a claim, and of an
-- order that no chat is known of each that messaged anybody.
with

orders as (
    select
        order_id,
        contact_id,
        ordered_at,
        utm_campaign,
        coalesce(utm_at, ordered_at) as visited_at,
        coupon_codes
    from {{ ref('int_orders') }}
    where
        is_valid
        and not has_clock_anomaly
        and not is_internal
        and (utm_campaign is not null or coupon_codes is not null)
),

chat_contacts as (
    select distinct contact_id
    from {{ ref('fct_messages') }}
    where
        contact_id in (
            select orders.contact_id
            from orders
            where orders.coupon_codes is not null
        )
),

campaigns as (
    -- `other` stands for values that may be somebody's: it names no campaign.
    select
        campaign_id,
        planned_at,
        nullif(utm_campaign, 'other') as utm_campaign,
        {{ coupon_list('coupon_codes') }} as coupon_codes
    from {{ ref('int_campaigns') }}
    where utm_campaign is not null or coupon_codes is not null
),

-- One message per second: which of two it was can't be told.
messages as (
    select
        campaign_id,
        contact_id,
        message_at,
        max(message_id) as message_id
    from {{ ref('int_campaign_messages') }}
    where
        failed_at is null
        and campaign_id in (select campaigns.campaign_id from campaigns)
        and contact_id in (select orders.contact_id from orders)
    group by campaign_id, contact_id, message_at
),

deliveries as (
    select
        campaign_id,
        contact_id,
        delivered_at,
        max(message_id) as message_id
    from {{ ref('int_campaign_messages') }}
    where
        delivered_at is not null
        and campaign_id in (select campaigns.campaign_id from campaigns)
    group by campaign_id, contact_id, delivered_at
),

campaign_deliveries as (
    select distinct
        campaign_id,
        delivered_at
    from deliveries
),

visits as (
    select
        orders.order_id,
        orders.contact_id,
        orders.visited_at,
        campaigns.campaign_id,
        case when campaigns.planned_at <= orders.visited_at then campaigns.planned_at end
            as planned_before_at
    from orders
    inner join campaigns on orders.utm_campaign = campaigns.utm_campaign
    where orders.visited_at <= orders.ordered_at
),

visits_of_people as (
    select
        visits.order_id,
        visits.campaign_id,
        messages.message_id,
        messages.message_at
    from visits
    asof join messages
        on
            visits.campaign_id = messages.campaign_id
            and visits.contact_id = messages.contact_id
            and visits.visited_at >= messages.message_at
),

claimed_visits as (
    select
        visits.order_id,
        visits.campaign_id,
        visits.visited_at as touched_at,
        coalesce(visits_of_people.message_id, 'none') as message_id
    from visits
    left join visits_of_people
        on
            visits.order_id = visits_of_people.order_id
            and visits.campaign_id = visits_of_people.campaign_id
    qualify
        row_number() over (
            partition by visits.order_id
            order by
                visits_of_people.message_at desc nulls last,
                visits.planned_before_at desc nulls last,
                visits.campaign_id asc
        ) = 1
),

order_coupons as (
    select
        order_id,
        contact_id,
        ordered_at,
        unnest(string_split(coupon_codes, '|')) as coupon_code
    from orders
),

campaign_coupons as (
    select
        campaign_id,
        unnest(string_split(coupon_codes, '|')) as coupon_code
    from campaigns
),

used_coupons as (
    select distinct
        order_coupons.order_id,
        order_coupons.contact_id,
        order_coupons.ordered_at,
        campaign_coupons.campaign_id,
        chat_contacts.contact_id is null as is_unstitched
    from order_coupons
    inner join campaign_coupons on order_coupons.coupon_code = campaign_coupons.coupon_code
    left join chat_contacts on order_coupons.contact_id = chat_contacts.contact_id
),

final as (
    select
        order_id,
        'utm' as touch_type,
        touched_at,
        campaign_id,
        message_id
    from claimed_visits
    union all
    select
        used_coupons.order_id,
        'coupon' as touch_type,
        deliveries.delivered_at as touched_at,
        used_coupons.campaign_id,
        deliveries.message_id
    from used_coupons
    asof join deliveries
        on
            used_coupons.campaign_id = deliveries.campaign_id
            and used_coupons.contact_id = deliveries.contact_id
            and used_coupons.ordered_at >= deliveries.delivered_at
    union all
    select
        used_coupons.order_id,
        'coupon' as touch_type,
        campaign_deliveries.delivered_at as touched_at,
        used_coupons.campaign_id,
        'none' as message_id
    from used_coupons
    asof join campaign_deliveries
        on
            used_coupons.campaign_id = campaign_deliveries.campaign_id
            and used_coupons.ordered_at >= campaign_deliveries.delivered_at
    where used_coupons.is_unstitched
)

select * from final
