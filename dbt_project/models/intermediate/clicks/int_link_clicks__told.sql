-- One row per click of any stream, with what its log, the list of tracked links and its own robot's
-- name tell of it. Which message it belongs to is found out in int_link_clicks__reached.
with

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

pages as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'page'
),

click_keys as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'click'
),

short_io as (
    select
        load_id,
        row_number,
        click_key,
        url,
        page,
        clicked_at,
        is_implausible,
        user_agent,
        is_human,
        utm_source,
        utm_medium,
        utm_campaign
    from {{ ref('stg_clicks__short_io') }}
),

link_clicks as (
    select
        load_id,
        row_number,
        click_key,
        url,
        page,
        clicked_at,
        is_implausible,
        user_agent,
        is_human,
        utm_source,
        utm_medium,
        utm_campaign,
        phone,
        name_kind,
        name_value,
        message_id,
        campaign_id
    from {{ ref('stg_generic__link_clicks') }}
),

message_reports as (
    select
        load_id,
        row_number,
        record_id,
        is_composed_id,
        phone,
        name_kind,
        name_value,
        campaign_id,
        variant,
        link_clicked_at
    from {{ ref('stg_generic__message_reports') }}
    where link_clicked_at is not null and direction = 'outbound'
),

message_keys as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'message'
),

-- The newest row of a link counts. One with a query stands for that query only, one without for
-- the page whatever is added to it.
links as (
    select
        links.page,
        {{ link_query('links.url') }} as query,
        links.phone,
        links.name_kind,
        links.name_value,
        links.message_id,
        links.campaign_id,
        links.variant
    from {{ ref('stg_clicks__links') }} as links
    qualify
        row_number() over (
            partition by links.page, {{ link_query('links.url') }}
            order by links.precedence desc, links.row_number desc
        ) = 1
),

logged as (
    select
        'clicks/short_io' as stream,
        *,
        cast(null as varchar) as phone,
        cast(null as varchar) as name_kind,
        cast(null as varchar) as name_value,
        cast(null as varchar) as message_id,
        cast(null as varchar) as campaign_id
    from short_io
    union all
    select
        'generic/link_clicks' as stream,
        *
    from link_clicks
),

-- A log that is exported again holds its clicks again.
newest_logged as (
    select logged.*
    from logged
    inner join load_precedence on logged.load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by logged.stream, logged.click_key
            order by load_precedence.precedence desc, logged.row_number desc
        ) = 1
),

with_link as (
    select
        newest_logged.stream,
        newest_logged.click_key,
        newest_logged.url,
        newest_logged.page,
        newest_logged.clicked_at,
        newest_logged.is_implausible,
        newest_logged.user_agent,
        newest_logged.is_human,
        newest_logged.utm_source,
        newest_logged.utm_medium,
        newest_logged.utm_campaign,
        coalesce(newest_logged.phone, newest_logged.name_value) is not null as names_person,
        newest_logged.phone,
        newest_logged.name_kind,
        newest_logged.name_value,
        coalesce(tracked.phone, pages_tracked.phone) as link_phone,
        coalesce(tracked.name_kind, pages_tracked.name_kind) as link_name_kind,
        coalesce(tracked.name_value, pages_tracked.name_value) as link_name_value,
        coalesce(newest_logged.message_id, tracked.message_id, pages_tracked.message_id)
            as message_id,
        coalesce(newest_logged.campaign_id, tracked.campaign_id, pages_tracked.campaign_id)
            as campaign_id,
        coalesce(tracked.variant, pages_tracked.variant) as variant
    from newest_logged
    left join links as tracked
        on
            newest_logged.page = tracked.page
            and {{ link_query('newest_logged.url') }} = tracked.query
    left join links as pages_tracked
        on
            pages_tracked.query = ''
            and tracked.page is null
            and newest_logged.page = pages_tracked.page
),

newest_reports as (
    select message_reports.*
    from message_reports
    inner join load_precedence on message_reports.load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by message_reports.record_id
            order by load_precedence.precedence desc, message_reports.row_number desc
        ) = 1
),

told as (
    select
        with_link.stream,
        click_keys.identifier_hash as click_hash,
        with_link.url,
        pages.identifier_hash as url_key,
        with_link.clicked_at,
        with_link.is_implausible,
        coalesce(with_link.is_human, true) and not {{ is_robot('with_link.user_agent') }}
            as is_human,
        with_link.utm_source,
        with_link.utm_medium,
        with_link.utm_campaign,
        case when with_link.names_person then with_link.phone else with_link.link_phone end
            as phone,
        case when with_link.names_person then with_link.name_kind else with_link.link_name_kind end
            as name_kind,
        case
            when with_link.names_person then with_link.name_value else with_link.link_name_value
        end as name_value,
        case when with_link.message_id like 'wamid.%' then with_link.message_id end as record_id,
        case when with_link.message_id not like 'wamid.%' then with_link.message_id end
            as sendout_id,
        with_link.campaign_id,
        with_link.variant
    from with_link
    left join click_keys on with_link.click_key = click_keys.value
    left join pages on with_link.page = pages.value
    union all
    select
        'generic/message_reports' as stream,
        case
            when newest_reports.is_composed_id then message_keys.identifier_hash
            else {{ message_id("'outbound'", 'newest_reports.record_id') }}
        end as click_hash,
        cast(null as varchar) as url,
        cast(null as varchar) as url_key,
        newest_reports.link_clicked_at as clicked_at,
        {{ is_before_1971('newest_reports.link_clicked_at') }} as is_implausible,
        true as is_human,
        cast(null as varchar) as utm_source,
        cast(null as varchar) as utm_medium,
        cast(null as varchar) as utm_campaign,
        newest_reports.phone,
        newest_reports.name_kind,
        newest_reports.name_value,
        newest_reports.record_id,
        cast(null as varchar) as sendout_id,
        newest_reports.campaign_id,
        newest_reports.variant
    from newest_reports
    left join message_keys
        on newest_reports.is_composed_id and newest_reports.record_id = message_keys.value
),

plausible_events as (
    select
        stream,
        clicked_at as event_at
    from told
    where not is_implausible
),

clocks as (
    {{ clock_limits('plausible_events') }}
),

final as (
    select
        left(sha256('click:' || told.stream || ':' || told.click_hash), 32) as click_id,
        told.clicked_at,
        coalesce({{ message_contact('phones', 'named_persons') }}, 'unknown') as contact_id,
        told.record_id,
        told.sendout_id,
        told.campaign_id,
        told.variant,
        told.url,
        coalesce(told.url_key, 'none') as url_key,
        told.is_human,
        told.is_implausible or coalesce(told.clicked_at > clocks.last_plausible_at, false)
            as has_clock_anomaly,
        coalesce(nullif(told.utm_source, ''), 'none') as utm_source,
        coalesce(nullif(told.utm_medium, ''), 'none') as utm_medium,
        coalesce(nullif(told.utm_campaign, ''), 'none') as utm_campaign
    from told
    left join clocks on told.stream = clocks.stream
    left join persons as phones on phones.kind = 'phone' and told.phone = phones.value
    left join persons as named_persons
        on told.name_kind = named_persons.kind and told.name_value = named_persons.value
)

select * from final
