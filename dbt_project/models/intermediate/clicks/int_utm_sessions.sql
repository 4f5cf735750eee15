-- Sessions of the website by day and UTM, in the words of the clicks: what GA4 writes in brackets
-- where nothing is there is `none`. A day beyond what its stream's clock makes plausible is no day.
with

sessions as (
    select
        session_on,
        utm_source,
        utm_medium,
        utm_campaign,
        sessions
    from {{ ref('stg_ga4__sessions') }}
    where session_on >= date '1971-01-01'
),

events as (
    select
        'ga4/sessions' as stream,
        cast(session_on as timestamp) as event_at
    from sessions
),

clocks as (
    {{ clock_limits('events') }}
),

final as (
    select
        sessions.session_on,
        coalesce(nullif(nullif(sessions.utm_source, '(not set)'), '(none)'), 'none') as utm_source,
        coalesce(nullif(nullif(sessions.utm_medium, '(not set)'), '(none)'), 'none') as utm_medium,
        coalesce(nullif(nullif(sessions.utm_campaign, '(not set)'), '(none)'), 'none')
            as utm_campaign,
        cast(coalesce(sum(sessions.sessions), 0) as bigint) as sessions
    from sessions
    left join clocks on true
    where coalesce(sessions.session_on <= cast(clocks.last_plausible_at as date), true)
    group by all
)

select * from final
