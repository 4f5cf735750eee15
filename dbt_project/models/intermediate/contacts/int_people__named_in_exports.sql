-- Every row of the CSV exports that names a person, with all its names and its own time. A view:
-- its readers fold it. A tracked link has no time of its own.
{{ config(materialized='view') }}

with

-- Not materialized: a reader's filter on load_id must reach the tables.
audience as not materialized (
    select
        {{ named_person("assigned_at", is_implausible=is_before_1971('assigned_at')) }}
    from {{ ref('stg_campaigns__audience') }}
),

consent_events as not materialized (
    select
        {{ named_person("occurred_at") }}
    from {{ ref('stg_consent__events') }}
),

contact_events as not materialized (
    select
        {{ named_person("occurred_at") }}
    from {{ ref('stg_contacts__events') }}
),

-- Whom a merge took in, named by the value of the event.
merged_contacts as not materialized (
    select
        {{
            named_person(
                "occurred_at",
                phone="case when merged_kind = 'phone' then value end",
                user_id="null",
                email="case when merged_kind = 'email' then value end",
                external_id="case when merged_kind = 'external' then value end"
            )
        }}
    from {{ ref('stg_contacts__events') }}
    where merged_kind is not null
),

links as not materialized (
    select
        {{ named_person("null", is_implausible="false") }}
    from {{ ref('stg_clicks__links') }}
),

message_reports as not materialized (
    select
        {{ named_person("sent_at") }}
    from {{ ref('stg_generic__message_reports') }}
),

contacts as not materialized (
    select
        {{ named_person("created_at") }}
    from {{ ref('stg_generic__contacts') }}
),

link_clicks as not materialized (
    select
        {{ named_person("clicked_at") }}
    from {{ ref('stg_generic__link_clicks') }}
),

leads as not materialized (
    select
        {{ named_person("created_at") }}
    from {{ ref('stg_generic__leads') }}
),

orders as not materialized (
    select
        {{ named_person("ordered_at") }}
    from {{ ref('stg_generic__orders') }}
),

checkouts as not materialized (
    select
        {{ named_person("created_at") }}
    from {{ ref('stg_generic__abandoned_checkouts') }}
),

shopify_orders as not materialized (
    select
        {{ named_person("ordered_at", user_id="null", external_id="null") }}
    from {{ ref('stg_shopify__orders') }}
    where is_first_line and ordered_at is not null
),

shopify_orders_bulk as not materialized (
    select
        {{
            named_person(
                "ordered_at",
                user_id="null",
                external_id="null",
                shop_customer_id="shop_customer_id"
            )
        }}
    from {{ ref('stg_shopify__orders_bulk') }}
    where ordered_at is not null
),

shopify_checkouts as not materialized (
    select
        {{
            named_person(
                "created_at",
                user_id="null",
                external_id="null",
                shop_customer_id="shop_customer_id"
            )
        }}
    from {{ ref('stg_shopify__abandoned_checkouts') }}
    where created_at is not null
),

woocommerce_orders as not materialized (
    select
        {{
            named_person(
                "ordered_at",
                user_id="null",
                external_id="null",
                shop_customer_id="shop_customer_id"
            )
        }}
    from {{ ref('stg_woocommerce__orders') }}
    where ordered_at is not null
),

chatwoot_contacts as not materialized (
    select
        {{ named_person("created_at", user_id="null", platform_contact_id="platform_contact_id") }}
    from {{ ref('stg_chatwoot__contacts') }}
),

-- The numbers in an inbox are telephones where the inbox is of WhatsApp or SMS. Which one is, a
-- dump of its own says: what it tells is new when both are there.
telephone_inboxes as (
    select
        native_channel_id,
        min(load_id) as load_id
    from {{ ref('stg_chatwoot__inboxes') }}
    where channel_type in ('whatsapp', 'sms')
    group by native_channel_id
),

chatwoot_contact_inboxes as not materialized (
    select
        {{
            named_person(
                "contact_inboxes.created_at",
                load_id="greatest(contact_inboxes.load_id, telephone_inboxes.load_id)",
                is_implausible="contact_inboxes.is_implausible",
                phone="contact_inboxes.phone",
                user_id="null",
                email="null",
                external_id="null",
                platform_contact_id="contact_inboxes.platform_contact_id"
            )
        }}
    from {{ ref('stg_chatwoot__contact_inboxes') }} as contact_inboxes
    inner join telephone_inboxes
        on contact_inboxes.native_channel_id = telephone_inboxes.native_channel_id
    where contact_inboxes.phone is not null
),

chatwoot_conversations as not materialized (
    select
        {{
            named_person(
                "created_at",
                phone="null",
                user_id="null",
                email="null",
                external_id="null",
                platform_contact_id="name_value"
            )
        }}
    from {{ ref('stg_chatwoot__conversations') }}
    where name_kind = 'platform'
),

chatwoot_messages as not materialized (
    select
        {{
            named_person(
                "created_at",
                phone="null",
                user_id="null",
                email="null",
                external_id="null",
                platform_contact_id="name_value"
            )
        }}
    from {{ ref('stg_chatwoot__messages') }}
    where name_kind = 'platform'
),

conversations as not materialized (
    select
        {{ named_person("opened_at") }}
    from {{ ref('stg_generic__conversations') }}
),

survey_responses as not materialized (
    select
        {{ named_person("coalesce(answered_at, sent_at)") }}
    from {{ ref('stg_generic__survey_responses') }}
),

-- A form that was never handed in names its person all the same.
survey_tools as not materialized (
    select
        {{ named_person("coalesce(answered_at, sent_at)") }}
    from {{ ref('stg_surveys__responses') }}
),

csat_answers as not materialized (
    select
        {{
            named_person(
                "answered_at",
                phone="null",
                user_id="null",
                email="null",
                external_id="null",
                platform_contact_id="name_value"
            )
        }}
    from {{ ref('stg_chatwoot__csat_survey_responses') }}
    where name_kind = 'platform'
),

final as (
    select * from audience
    union all
    select * from consent_events
    union all
    select * from contact_events
    union all
    select * from merged_contacts
    union all
    select * from links
    union all
    select * from message_reports
    union all
    select * from contacts
    union all
    select * from link_clicks
    union all
    select * from leads
    union all
    select * from orders
    union all
    select * from checkouts
    union all
    select * from shopify_orders
    union all
    select * from shopify_orders_bulk
    union all
    select * from shopify_checkouts
    union all
    select * from woocommerce_orders
    union all
    select * from chatwoot_contacts
    union all
    select * from chatwoot_contact_inboxes
    union all
    select * from chatwoot_conversations
    union all
    select * from chatwoot_messages
    union all
    select * from conversations
    union all
    select * from survey_responses
    union all
    select * from survey_tools
    union all
    select * from csat_answers
)

select * from final
