with

users as (
    select
        _load_id,
        _row_number,
        id,
        name,
        display_name,
        updated_at
    from {{ source('raw', 'chatwoot_users') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        users._load_id as load_id,
        load_precedence.precedence,
        users._row_number as row_number,
        users.id as agent_id,
        users.name as full_name,
        coalesce(users.display_name, users.name) as agent_name,
        {{ utc_time('users.updated_at') }} as updated_at
    from users
    inner join load_precedence on users._load_id = load_precedence.load_id
)

select * from final
