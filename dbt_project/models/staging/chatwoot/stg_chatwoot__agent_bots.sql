with

agent_bots as (
    select
        _load_id,
        _row_number,
        id,
        name,
        updated_at
    from {{ source('raw', 'chatwoot_agent_bots') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        agent_bots._load_id as load_id,
        load_precedence.precedence,
        agent_bots._row_number as row_number,
        'chatwoot:bot-' || agent_bots.id as bot_id,
        agent_bots.name as bot_name,
        {{ utc_time('agent_bots.updated_at') }} as updated_at
    from agent_bots
    inner join load_precedence on agent_bots._load_id = load_precedence.load_id
)

select * from final
