with

sessions as (
    select
        _load_id,
        _row_number,
        date,
        session_source,
        session_medium,
        session_campaign,
        sessions,
        purchases,
        revenue
    from {{ source('raw', 'ga4_sessions') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        -- GA4 writes 20260501 in its own exports, 2026-05-01 in BigQuery's.
        coalesce(
            try_cast(sessions.date as date),
            cast(try_strptime(sessions.date, '%Y%m%d') as date)
        ) as session_on,
        {{ published_utm('sessions.session_source') }} as utm_source,
        {{ published_utm('sessions.session_medium') }} as utm_medium,
        {{ published_utm('sessions.session_campaign') }} as utm_campaign,
        try_cast(sessions.sessions as bigint) as sessions,
        try_cast(sessions.purchases as bigint) as purchases,
        {{ parsed_amount('sessions.revenue') }} as revenue
    from sessions
    inner join load_precedence on sessions._load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by
                session_on,
                sessions.session_source,
                sessions.session_medium,
                sessions.session_campaign
            order by load_precedence.precedence desc, sessions._row_number desc
        ) = 1
)

select * from final
