with

links as (
    select
        _load_id,
        _row_number,
        url,
        campaign_id,
        variant,
        phone,
        user_id,
        email,
        external_id,
        message_id,
        destination_url,
        page
    from {{ source('raw', 'clicks_links') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        links._load_id as load_id,
        load_precedence.precedence,
        links._row_number as row_number,
        links.url,
        links.page,
        links.campaign_id,
        links.variant,
        {{ person_columns() }},
        links.message_id,
        links.destination_url
    from links
    inner join load_precedence on links._load_id = load_precedence.load_id
)

select * from final
