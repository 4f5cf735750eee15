with

clicks as (
    select
        _load_id,
        _row_number,
        link,
        clicked_at,
        ip,
        user_agent,
        utm_source,
        utm_medium,
        utm_campaign,
        human,
        click_key,
        page
    from {{ source('raw', 'clicks_short_io') }}
),

final as (
    select
        _load_id as load_id,
        _row_number as row_number,
        click_key,
        link as url,
        page,
        {{ utc_time('clicked_at') }} as clicked_at,
        {{ is_before_1971(utc_time('clicked_at')) }} as is_implausible,
        ip,
        user_agent,
        {{ published_utm('utm_source') }} as utm_source,
        {{ published_utm('utm_medium') }} as utm_medium,
        {{ published_utm('utm_campaign') }} as utm_campaign,
        {{ parsed_boolean('human') }} as is_human
    from clicks
    where {{ utc_time('clicked_at') }} is not null
)

select * from final
