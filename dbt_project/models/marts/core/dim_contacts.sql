with

identities as (
    select
        identifier_hash,
        identifier_type,
        identifier_value,
        first_event_at,
        contact_id
    from {{ ref('int_identities') }}
),

markets as (
    select
        identifier_hash,
        country_code
    from {{ ref('int_identifier_markets') }}
),

messages as not materialized (
    select
        contact_id,
        campaign_id,
        message_at,
        has_clock_anomaly,
        direction = 'inbound' and message_type <> 'system' as is_customer_message,
        direction = 'outbound' and sender_type = 'campaign' as is_campaign_message
    from {{ ref('fct_messages') }}
),

ad_messages as (
    select
        person_wa_id,
        person_user_id,
        referral_source_id,
        coalesce(message_at, implausible_message_at) as message_at
    from {{ ref('int_whatsapp_messages__folded') }}
    where is_from_ad and direction = 'inbound'
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

consent_events as (
    select
        contact_id,
        event,
        occurred_at,
        is_last
    from {{ ref('int_consent_events') }}
    where not has_clock_anomaly
),

described as (
    select
        contact_id,
        described_at,
        described_source,
        country_code,
        assigned_at,
        assigned_campaign_id,
        lifecycle_stage,
        deleted_at
    from {{ ref('int_contacts__described') }}
),

leads as (
    select
        contact_id,
        created_at,
        qualified_at
    from {{ ref('fct_leads') }}
    where not has_clock_anomaly
),

orders as not materialized (
    select
        contact_id,
        ordered_at,
        is_valid,
        net_amount,
        has_clock_anomaly
    from {{ ref('int_orders') }}
    where not is_internal
),

checkouts as (
    select
        contact_id,
        created_at
    from {{ ref('int_abandoned_checkouts') }}
    where not has_clock_anomaly and not is_internal and contact_id <> 'unknown'
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

segments as (
    select
        contact_id,
        customer_segment
    from {{ ref('int_customer_segments') }}
    where is_latest
),

people as (
    select
        identities.contact_id,
        min(identities.first_event_at) as created_at,
        -- A number says more of where somebody is than a user id; the smallest of several.
        coalesce(
            min(markets.country_code) filter (where identities.identifier_type = 'phone'),
            min(markets.country_code)
        ) as country_code
    from identities
    left join markets on identities.identifier_hash = markets.identifier_hash
    group by identities.contact_id
),

activity as (
    -- Plausible times first; an anomaly counts only for whom there is nothing else.
    select
        contact_id,
        coalesce(
            min(message_at) filter (where not has_clock_anomaly),
            min(message_at)
        ) as first_message_at,
        coalesce(
            min(message_at) filter (where is_customer_message and not has_clock_anomaly),
            min(message_at) filter (where is_customer_message)
        ) as first_inbound_at,
        max(message_at) filter (where is_customer_message and not has_clock_anomaly)
            as last_inbound_at,
        max(message_at) filter (where is_customer_message) as last_message_at,
        coalesce(
            min(message_at) filter (where is_campaign_message and not has_clock_anomaly),
            min(message_at) filter (where is_campaign_message)
        ) as first_campaign_at
    from messages
    group by contact_id
),

-- Ties of one second go to the smallest id.
first_campaigns as (
    select
        messages.contact_id,
        min(messages.campaign_id) as campaign_id
    from messages
    inner join activity
        on
            messages.contact_id = activity.contact_id
            and messages.message_at = activity.first_campaign_at
    where messages.is_campaign_message
    group by messages.contact_id
),

contacts_from_ads as (
    select
        {{ message_contact('phones', 'user_ids') }} as contact_id,
        ad_messages.message_at,
        ad_messages.referral_source_id
    from ad_messages
    left join persons as phones
        on phones.kind = 'phone' and ad_messages.person_wa_id = phones.value
    left join persons as user_ids
        on user_ids.kind = 'bsuid' and ad_messages.person_user_id = user_ids.value
),

first_ads as (
    select
        contacts_from_ads.contact_id,
        min(contacts_from_ads.referral_source_id) as ad_id
    from contacts_from_ads
    inner join activity
        on
            contacts_from_ads.contact_id = activity.contact_id
            and contacts_from_ads.message_at = activity.first_inbound_at
    group by contacts_from_ads.contact_id
),

-- In on any channel is in: whoever left one list may stay on another.
consent as (
    select
        contact_id,
        bool_or(is_last and event = 'opt_in') as is_opted_in,
        max(occurred_at) filter (where event = 'opt_in') as opted_in_at,
        max(occurred_at) filter (where event = 'opt_out') as opted_out_at
    from consent_events
    group by contact_id
),

purchases as (
    select
        contact_id,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at,
        count(*) as orders_valid,
        sum(net_amount) as net_revenue_amount
    from orders
    where is_valid and not has_clock_anomaly and contact_id is not null
    group by contact_id
),

-- A cancelled order names its person too, and so does a checkout that came to nothing.
shop_traces as (
    select
        contact_id,
        min(traced_at) as shop_at
    from (
        select
            contact_id,
            ordered_at as traced_at
        from orders
        where not has_clock_anomaly and contact_id is not null
        union all
        select
            contact_id,
            created_at as traced_at
        from checkouts
    ) as traces
    group by contact_id
),

-- A stream that nobody exports is not known: not 0.
loaded as (
    select count(*) > 0 as has_orders
    from orders
),

first_leads as (
    select
        contact_id,
        min(created_at) as lead_created_at,
        min(qualified_at) as qualified_at
    from leads
    group by contact_id
),

-- How the first trace came about, by the chat, the campaigns' lists and the shop: in one second the
-- contact wrote first. A list on which they stood before anybody wrote is a trace of its campaign.
traced as (
    select
        people.contact_id,
        activity.contact_id is not null as is_chat_contact,
        activity.first_message_at,
        activity.first_inbound_at,
        coalesce(
            greatest(activity.last_inbound_at, purchases.last_order_at), activity.last_message_at
        ) as last_active_at,
        case
            when
                shop_traces.shop_at is not null
                and coalesce(
                    shop_traces.shop_at
                    < least(activity.first_message_at, described.assigned_at),
                    true
                )
                then 'shop'
            when
                described.assigned_at < activity.first_message_at
                or (described.assigned_at is not null and activity.contact_id is null)
                then 'campaign'
            when
                first_ads.contact_id is not null
                and activity.first_inbound_at = activity.first_message_at
                then 'ad'
            when activity.first_inbound_at = activity.first_message_at then 'incoming_message'
            when activity.first_campaign_at = activity.first_message_at then 'campaign'
            else 'unknown'
        end as trace,
        least(activity.first_message_at, described.assigned_at, shop_traces.shop_at) as traced_at,
        first_ads.ad_id,
        first_campaigns.campaign_id
    from people
    left join activity on people.contact_id = activity.contact_id
    left join described on people.contact_id = described.contact_id
    left join first_campaigns on people.contact_id = first_campaigns.contact_id
    left join first_ads on people.contact_id = first_ads.contact_id
    left join purchases on people.contact_id = purchases.contact_id
    left join shop_traces on people.contact_id = shop_traces.contact_id
),

final as (
    select
        people.contact_id,
        traced.is_chat_contact,
        purchases.contact_id is not null as is_customer,
        coalesce(people.country_code, described.country_code) as country_code,
        people.created_at,
        coalesce(
            described.described_source,
            case traced.trace when 'campaign' then 'campaign_list' else traced.trace end
        ) as created_source,
        traced.first_inbound_at,
        traced.last_active_at,
        described.deleted_at,
        internal_contacts.contact_id is not null as is_test,
        consent.is_opted_in,
        consent.opted_in_at,
        consent.opted_out_at,
        described.lifecycle_stage,
        first_leads.lead_created_at,
        first_leads.qualified_at,
        purchases.first_order_at,
        cast(
            case when loaded.has_orders then coalesce(purchases.orders_valid, 0) end as bigint
        ) as orders_valid,
        cast(
            case
                when purchases.contact_id is not null then purchases.net_revenue_amount
                when loaded.has_orders then 0
            end as decimal(18, 4)
        ) as net_revenue_amount,
        coalesce(segments.customer_segment, 'none') as customer_segment,
        case
            -- A system that knew them before the first message or campaign brought them; whoever
            -- wrote on an ad came by the ad, whatever a system wrote down.
            when
                described.described_source is not null
                and traced.trace <> 'ad'
                and (
                    traced.trace = 'unknown'
                    or coalesce(described.described_at < traced.traced_at, false)
                )
                then 'import'
            else traced.trace
        end as acquisition_source,
        case when traced.trace = 'ad' then traced.ad_id end as acquisition_ad_id,
        case
            when traced.trace <> 'campaign' then null
            when described.assigned_at < traced.first_message_at then described.assigned_campaign_id
            when traced.first_message_at is null then described.assigned_campaign_id
            else nullif(traced.campaign_id, 'none')
        end as acquisition_campaign_id
    from people
    inner join traced on people.contact_id = traced.contact_id
    cross join loaded
    left join purchases on people.contact_id = purchases.contact_id
    left join described on people.contact_id = described.contact_id
    left join first_leads on people.contact_id = first_leads.contact_id
    left join consent on people.contact_id = consent.contact_id
    left join internal_contacts on people.contact_id = internal_contacts.contact_id
    left join segments on people.contact_id = segments.contact_id
)

select * from final
