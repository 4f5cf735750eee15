with

leads as (
    select
        _load_id,
        _row_number,
        lead_id,
        phone,
        user_id,
        email,
        external_id,
        created_at,
        qualified_at,
        won_at,
        lost_at,
        source
    from {{ source('raw', 'generic_leads') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        leads._load_id as load_id,
        load_precedence.precedence,
        leads._row_number as row_number,
        leads.lead_id,
        {{ person_columns() }},
        {{ utc_time('leads.created_at') }} as created_at,
        {{ is_before_1971(utc_time('leads.created_at')) }} as is_implausible,
        {{ utc_time('leads.qualified_at') }} as qualified_at,
        {{ utc_time('leads.won_at') }} as won_at,
        {{ utc_time('leads.lost_at') }} as lost_at,
        {{ published_source('leads.source') }} as lead_source
    from leads
    inner join load_precedence on leads._load_id = load_precedence.load_id
    where {{ utc_time('leads.created_at') }} is not null
)

select * from final
