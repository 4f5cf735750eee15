with

agents as (
    select
        _load_id,
        _row_number,
        agent_id,
        name,
        team_id,
        team_name
    from {{ source('raw', 'generic_agents') }}
),

loads as (
    select
        load_id,
        source
    from {{ source('ledger', 'loads') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        agents._load_id as load_id,
        load_precedence.precedence,
        agents._row_number as row_number,
        loads.source,
        agents.agent_id,
        agents.name as agent_name,
        agents.team_id,
        agents.team_name
    from agents
    inner join loads on agents._load_id = loads.load_id
    inner join load_precedence on agents._load_id = load_precedence.load_id
)

select * from final
