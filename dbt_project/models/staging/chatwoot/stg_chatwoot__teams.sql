with

teams as (
    select
        _load_id,
        _row_number,
        id,
        name,
        updated_at
    from {{ source('raw', 'chatwoot_teams') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        teams._load_id as load_id,
        load_precedence.precedence,
        teams._row_number as row_number,
        teams.id as team_id,
        teams.name as team_name,
        {{ utc_time('teams.updated_at') }} as updated_at
    from teams
    inner join load_precedence on teams._load_id = load_precedence.load_id
)

select * from final
