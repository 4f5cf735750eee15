-- One row per click with the message that it belongs to (SOURCES 5): the one that the log, the list
-- of links or a report names, else the one whose button ended in a token of the clicked link, else
-- the last campaign message that its person got before it. Read off the state tables and not off
-- fct_messages, for a click changes its message there.
with

clicks as (
    select
        click_id,
        clicked_at,
        contact_id,
        record_id,
        sendout_id,
        campaign_id,
        variant,
        url,
        url_key,
        is_human,
        has_clock_anomaly,
        utm_source,
        utm_medium,
        utm_campaign
    from {{ ref('int_link_clicks__told') }}
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

button_tokens as not materialized (
    select
        record_id,
        token
    from {{ ref('int_whatsapp_button_tokens') }}
),

sends as not materialized (
    select
        record_id,
        attempted_at,
        implausible_attempted_at,
        refused_at,
        is_composed_id,
        is_group,
        campaign_id,
        variant,
        sender_type,
        recipient,
        recipient_user_id,
        contact_wa_id,
        contact_user_id,
        template_name,
        template_language
    from {{ ref('int_whatsapp_sends__current') }}
),

statuses as not materialized (
    select
        record_id,
        person_wa_id,
        person_user_id,
        first_status_at,
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        first_pricing
    from {{ ref('int_whatsapp_statuses__folded') }}
),

typed_in_app as not materialized (
    select
        record_id,
        person_wa_id,
        person_user_id,
        message_at
    from {{ ref('int_whatsapp_messages__folded') }}
    where direction = 'outbound'
),

templates as (
    select
        template_name,
        template_language,
        category
    from {{ ref('int_templates') }}
),

categories as (
    select
        category_reported,
        category
    from {{ ref('message_categories') }}
),

message_keys as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'message'
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

reports as (
    select
        reports.record_id,
        split_part(reports.record_id, '|', 2) as sendout_id,
        reports.sent_at as message_at,
        reports.failed_at is not null
        and reports.delivered_at is null
        and reports.read_at is null as is_failed,
        reports.is_composed_id,
        reports.sender_type,
        reports.campaign_id,
        reports.variant,
        reports.category,
        coalesce({{ message_contact('phones', 'named_persons') }}, 'unknown') as contact_id
    from {{ ref('stg_generic__message_reports') }} as reports
    inner join load_precedence on reports.load_id = load_precedence.load_id
    left join persons as phones on phones.kind = 'phone' and reports.phone = phones.value
    left join persons as named_persons
        on reports.name_kind = named_persons.kind and reports.name_value = named_persons.value
    where reports.direction = 'outbound' and not reports.is_implausible
    qualify
        row_number() over (
            partition by reports.record_id
            order by load_precedence.precedence desc, reports.row_number desc
        ) = 1
),

-- A sendout's own id is one message only with its recipient.
sendouts as (
    select
        sendout_id,
        contact_id,
        min(record_id) as record_id,
        count(*) over (partition by sendout_id) = 1 as is_to_one_person
    from reports
    where is_composed_id
    group by sendout_id, contact_id
),

named as (
    select
        clicks.click_id,
        min(coalesce(clicks.record_id, sendouts.record_id)) as record_id
    from clicks
    left join sendouts
        on
            clicks.sendout_id = sendouts.sendout_id
            and (
                clicks.contact_id = sendouts.contact_id
                or (clicks.contact_id = 'unknown' and sendouts.is_to_one_person)
            )
    where clicks.record_id is not null or sendouts.record_id is not null
    group by clicks.click_id
),

clicked_tokens as (
    select
        click_id,
        clicked_at,
        contact_id,
        {{ link_tokens('url') }} as token
    from clicks
    where url is not null and click_id not in (select named.click_id from named)
),

tokens as (
    select distinct
        click_id,
        clicked_at,
        contact_id,
        url_decode(token) as token
    from clicked_tokens
    where token <> ''
),

token_records as (
    select distinct
        token,
        record_id
    from button_tokens
    where token in (select tokens.token from tokens)
),

-- Nobody gets a hundred messages with one link: what more of them share (`sale`) is no recipient's.
rare_token_records as (
    select
        token,
        record_id
    from token_records
    qualify count(*) over (partition by token) <= 100
),

-- Whoever clicked without a message that anything names: all their messages are looked at.
clicking_persons as (
    select
        persons.kind,
        persons.value
    from persons
    where
        persons.contact_id in (
            select clicks.contact_id
            from clicks
            where
                clicks.contact_id <> 'unknown'
                and clicks.click_id not in (select named.click_id from named)
        )
),

phone_values as (
    select value
    from clicking_persons
    where kind = 'phone'
),

user_id_values as (
    select value
    from clicking_persons
    where kind = 'bsuid'
),

wanted_records as (
    select record_id
    from named
    union
    select record_id
    from rare_token_records
    union
    select record_id
    from sends
    where
        recipient in (select phone_values.value from phone_values)
        or contact_wa_id in (select phone_values.value from phone_values)
        or recipient_user_id in (select user_id_values.value from user_id_values)
        or contact_user_id in (select user_id_values.value from user_id_values)
),

wanted_sends as (
    select *
    from sends
    where record_id in (select wanted_records.record_id from wanted_records)
),

wanted_statuses as (
    select *
    from statuses
    where record_id in (select wanted_records.record_id from wanted_records)
),

wanted_typed_in_app as (
    select *
    from typed_in_app
    where record_id in (select wanted_records.record_id from wanted_records)
),

whatsapp_messages as (
    select
        wanted_records.record_id,
        coalesce(sends.is_composed_id, false) as is_composed_id,
        coalesce(sends.is_group, false) as is_group,
        {{ message_wa_id('sends', 'statuses', 'typed_in_app') }} as person_wa_id,
        {{ message_user_id('sends', 'statuses', 'typed_in_app') }} as person_user_id,
        sends.campaign_id,
        sends.variant,
        sends.sender_type,
        sends.template_name,
        sends.template_language,
        nullif(split_part(statuses.first_pricing, '|', 5), '') as category_reported,
        coalesce(
            least(sends.attempted_at, statuses.sent_at, typed_in_app.message_at),
            statuses.first_status_at,
            sends.implausible_attempted_at
        ) as message_at,
        coalesce(statuses.failed_at, sends.refused_at) is not null
        and statuses.delivered_at is null
        and statuses.read_at is null as is_failed
    from wanted_records
    left join wanted_sends as sends on wanted_records.record_id = sends.record_id
    left join wanted_statuses as statuses on wanted_records.record_id = statuses.record_id
    left join wanted_typed_in_app as typed_in_app
        on wanted_records.record_id = typed_in_app.record_id
    where coalesce(sends.record_id, statuses.record_id, typed_in_app.record_id) is not null
),

messages as (
    select
        whatsapp_messages.record_id,
        whatsapp_messages.is_composed_id,
        case
            when whatsapp_messages.is_group or whatsapp_messages.person_wa_id like '%@g.us'
                then 'unknown'
            else coalesce({{ message_contact('phones', 'user_ids') }}, 'unknown')
        end as contact_id,
        whatsapp_messages.message_at,
        whatsapp_messages.is_failed,
        whatsapp_messages.campaign_id,
        whatsapp_messages.variant,
        whatsapp_messages.campaign_id is not null
        or coalesce(whatsapp_messages.sender_type, 'unknown') = 'campaign'
        or (
            whatsapp_messages.sender_type is null
            and coalesce(categories.category, templates.category, 'unknown') = 'marketing'
        ) as is_campaign_message
    from whatsapp_messages
    left join persons as phones
        on phones.kind = 'phone' and whatsapp_messages.person_wa_id = phones.value
    left join persons as user_ids
        on user_ids.kind = 'bsuid' and whatsapp_messages.person_user_id = user_ids.value
    left join categories on whatsapp_messages.category_reported = categories.category_reported
    left join templates
        on
            whatsapp_messages.template_name = templates.template_name
            and whatsapp_messages.template_language = templates.template_language
    union all
    select
        reports.record_id,
        reports.is_composed_id,
        reports.contact_id,
        reports.message_at,
        reports.is_failed,
        reports.campaign_id,
        reports.variant,
        reports.campaign_id is not null
        or coalesce(reports.sender_type = 'campaign', false)
        or coalesce(lower(reports.category) = 'marketing', false) as is_campaign_message
    from reports
    anti join whatsapp_messages on reports.record_id = whatsapp_messages.record_id
),

one_persons_tokens as (
    select rare_token_records.token
    from rare_token_records
    inner join messages on rare_token_records.record_id = messages.record_id
    group by rare_token_records.token
    having
        count(*) = 1
        or (count(distinct messages.contact_id) = 1 and min(messages.contact_id) <> 'unknown')
),

reached_by_token as (
    select
        tokens.click_id,
        messages.record_id
    from tokens
    inner join rare_token_records on tokens.token = rare_token_records.token
    inner join messages on rare_token_records.record_id = messages.record_id
    where
        tokens.token in (select one_persons_tokens.token from one_persons_tokens)
        and tokens.clicked_at >= messages.message_at
        and (tokens.contact_id = 'unknown' or tokens.contact_id = messages.contact_id)
    qualify
        row_number() over (
            partition by tokens.click_id
            order by messages.message_at desc, messages.record_id desc
        ) = 1
),

-- A link that several people got has no person; it may still be one campaign's.
shared_tokens as (
    select
        token_records.token,
        min(sends.campaign_id) as campaign_id
    from token_records
    inner join sends on token_records.record_id = sends.record_id
    where token_records.token not in (select one_persons_tokens.token from one_persons_tokens)
    group by token_records.token
    having
        count(sends.campaign_id) = count(*)
        and min(sends.campaign_id) = max(sends.campaign_id)
),

campaigns_of_tokens as (
    select
        tokens.click_id,
        min(shared_tokens.campaign_id) as campaign_id
    from tokens
    inner join shared_tokens on tokens.token = shared_tokens.token
    group by tokens.click_id
    having min(shared_tokens.campaign_id) = max(shared_tokens.campaign_id)
),

-- Whom the link names, and nothing names the message.
persons_clicks as (
    select
        click_id,
        contact_id,
        clicked_at,
        campaign_id
    from clicks
    where
        contact_id <> 'unknown'
        and click_id not in (select named.click_id from named)
        and click_id not in (select reached_by_token.click_id from reached_by_token)
),

campaign_messages as (
    select
        contact_id,
        campaign_id,
        message_at,
        record_id
    from messages
    where is_campaign_message and not is_failed and contact_id <> 'unknown'
    -- One message a second, so that the latest one is one.
    qualify
        row_number() over (
            partition by contact_id, campaign_id, message_at order by record_id desc
        ) = 1
),

last_campaign_messages as (
    select
        contact_id,
        message_at,
        max(record_id) as record_id
    from campaign_messages
    group by contact_id, message_at
),

reached_by_person as (
    select
        persons_clicks.click_id,
        campaign_messages.record_id
    from persons_clicks
    asof join campaign_messages
        on
            persons_clicks.contact_id = campaign_messages.contact_id
            and persons_clicks.campaign_id = campaign_messages.campaign_id
            and persons_clicks.clicked_at >= campaign_messages.message_at
    union all
    select
        persons_clicks.click_id,
        last_campaign_messages.record_id
    from persons_clicks
    asof join last_campaign_messages
        on
            persons_clicks.contact_id = last_campaign_messages.contact_id
            and persons_clicks.clicked_at >= last_campaign_messages.message_at
    where
        persons_clicks.campaign_id is null
        and persons_clicks.clicked_at
        <= last_campaign_messages.message_at
        + interval ({{ var('click_window_days') | int }}) day
),

reached as (
    select * from named
    union all
    select * from reached_by_token
    union all
    select * from reached_by_person
),

final as (
    select
        clicks.click_id,
        clicks.clicked_at,
        case
            when coalesce(messages.contact_id, 'unknown') <> 'unknown' then messages.contact_id
            else clicks.contact_id
        end as contact_id,
        messages.record_id,
        case
            when messages.record_id is null then 'none'
            when messages.is_composed_id then message_keys.identifier_hash
            else {{ message_id("'outbound'", 'messages.record_id') }}
        end as message_id,
        coalesce(messages.campaign_id, clicks.campaign_id, campaigns_of_tokens.campaign_id, 'none')
            as campaign_id,
        coalesce(
            case
                when messages.campaign_id is not null then messages.variant
                else clicks.variant
            end,
            'none'
        ) as variant,
        clicks.url_key,
        -- Nobody reads a message in two seconds; what asks that fast makes the preview.
        clicks.is_human
        and coalesce(clicks.clicked_at >= messages.message_at + interval 2 second, true)
            as is_human,
        clicks.has_clock_anomaly,
        clicks.utm_source,
        clicks.utm_medium,
        clicks.utm_campaign
    from clicks
    left join reached on clicks.click_id = reached.click_id
    left join messages on reached.record_id = messages.record_id
    left join campaigns_of_tokens on clicks.click_id = campaigns_of_tokens.click_id
    left join message_keys
        on messages.is_composed_id and messages.record_id = message_keys.value
    where
        case
            when coalesce(messages.contact_id, 'unknown') <> 'unknown' then messages.contact_id
            else clicks.contact_id
        end not in (select internal_contacts.contact_id from internal_contacts)
)

select * from final
