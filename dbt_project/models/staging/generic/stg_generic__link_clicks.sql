with

clicks as (
    select
        _load_id,
        _row_number,
        click_id,
        clicked_at,
        url,
        phone,
        user_id,
        email,
        external_id,
        message_id,
        campaign_id,
        user_agent,
        is_human,
        utm_source,
        utm_medium,
        utm_campaign,
        click_key,
        page
    from {{ source('raw', 'generic_link_clicks') }}
),

final as (
    select
        _load_id as load_id,
        _row_number as row_number,
        click_id,
        click_key,
        {{ utc_time('clicked_at') }} as clicked_at,
        {{ is_before_1971(utc_time('clicked_at')) }} as is_implausible,
        url,
        page,
        {{ person_columns() }},
        message_id,
        campaign_id,
        user_agent,
        {{ parsed_boolean('is_human') }} as is_human,
        {{ published_utm('utm_source') }} as utm_source,
        {{ published_utm('utm_medium') }} as utm_medium,
        {{ published_utm('utm_campaign') }} as utm_campaign
    from clicks
    where {{ utc_time('clicked_at') }} is not null
)

select * from final
