-- One row per agent or bot that any export names: what its system's own list says of it, else that
-- it is there. Chatwoot's lists say in which team nobody is: an agent's is the team of most
-- conversations that are theirs.
with

users as (
    select
        precedence,
        row_number,
        agent_id,
        agent_name,
        updated_at
    from {{ ref('stg_chatwoot__users') }}
),

agent_bots as (
    select
        precedence,
        row_number,
        bot_id,
        bot_name,
        updated_at
    from {{ ref('stg_chatwoot__agent_bots') }}
),

teams as (
    select
        precedence,
        row_number,
        team_id,
        team_name,
        updated_at
    from {{ ref('stg_chatwoot__teams') }}
),

conversations as (
    select
        precedence,
        row_number,
        conversation_key,
        assignee_agent_id,
        assignee_bot_id,
        team_id,
        updated_at
    from {{ ref('stg_chatwoot__conversations') }}
),

reporting_events as (
    select distinct agent_id
    from {{ ref('stg_chatwoot__reporting_events') }}
),

listed_agents as (
    select
        precedence,
        row_number,
        source,
        agent_id,
        agent_name,
        team_id,
        team_name
    from {{ ref('stg_generic__agents') }}
),

-- Of all messages, notes among them.
inbox_messages as (
    select distinct
        agent_id,
        bot_id
    from {{ ref('stg_chatwoot__messages') }}
),

reports as (
    select distinct
        agent_source,
        agent_id,
        bot_id
    from {{ ref('int_message_reports') }}
),

sends as (
    select distinct
        agent_id,
        bot_id
    from {{ ref('int_whatsapp_sends__current') }}
),

told_conversations as (
    select distinct
        source,
        closed_by_agent_id,
        assignee_agent_id
    from {{ ref('stg_generic__conversations') }}
),

told_events as (
    select distinct
        source,
        actor_agent_id,
        assignee_agent_id,
        bot_id
    from {{ ref('stg_generic__conversation_events') }}
),

-- Whom a survey asks about, nobody else may name.
surveys as (
    select distinct
        agent_source,
        agent_id
    from {{ ref('int_survey_answers__told') }}
),

named_agents as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'agent'
),

newest_conversations as (
    select
        assignee_agent_id,
        assignee_bot_id,
        team_id
    from conversations
    qualify
        row_number() over (
            partition by conversation_key
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

teams_of_agents as (
    select
        assignee_agent_id as agent_id,
        team_id
    from newest_conversations
    where assignee_agent_id is not null and team_id is not null
    group by assignee_agent_id, team_id
    qualify
        row_number() over (
            partition by assignee_agent_id
            order by count(*) desc, team_id
        ) = 1
),

newest_users as (
    select
        agent_id,
        agent_name
    from users
    qualify
        row_number() over (
            partition by agent_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

newest_bots as (
    select
        bot_id,
        bot_name
    from agent_bots
    qualify
        row_number() over (
            partition by bot_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

newest_teams as (
    select
        team_id,
        team_name
    from teams
    qualify
        row_number() over (
            partition by team_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

newest_agents as (
    select
        source,
        agent_id,
        agent_name,
        team_id,
        team_name
    from listed_agents
    qualify
        row_number() over (
            partition by source, agent_id
            order by precedence desc, row_number desc
        ) = 1
),

-- A bot's id is published as its system writes it, an agent's with the system before it.
named as (
    select
        'chatwoot' as source,
        agent_id as native_agent_id,
        false as is_bot
    from newest_users
    union
    select
        'chatwoot' as source,
        assignee_agent_id as native_agent_id,
        false as is_bot
    from newest_conversations
    union
    select
        'chatwoot' as source,
        agent_id as native_agent_id,
        false as is_bot
    from reporting_events
    union
    select
        'chatwoot' as source,
        agent_id as native_agent_id,
        false as is_bot
    from inbox_messages
    union
    select
        agent_source as source,
        agent_id as native_agent_id,
        false as is_bot
    from reports
    union
    select
        'whatsapp' as source,
        agent_id as native_agent_id,
        false as is_bot
    from sends
    union
    select
        source,
        agent_id as native_agent_id,
        false as is_bot
    from newest_agents
    union
    select
        source,
        closed_by_agent_id as native_agent_id,
        false as is_bot
    from told_conversations
    union
    select
        source,
        assignee_agent_id as native_agent_id,
        false as is_bot
    from told_conversations
    union
    select
        source,
        actor_agent_id as native_agent_id,
        false as is_bot
    from told_events
    union
    select
        source,
        assignee_agent_id as native_agent_id,
        false as is_bot
    from told_events
    union
    select
        agent_source as source,
        agent_id as native_agent_id,
        false as is_bot
    from surveys
    union
    select
        'none' as source,
        bot_id as native_agent_id,
        true as is_bot
    from (
        select bot_id from newest_bots
        union
        select assignee_bot_id from newest_conversations
        union
        select bot_id from inbox_messages
        union
        select bot_id from reports
        union
        select bot_id from sends
        union
        select bot_id from told_events
    ) as all_bots
),

published as (
    select
        named.source,
        named.native_agent_id,
        named.is_bot,
        case when not named.is_bot then named.source || ':' else '' end
        || coalesce(named_agents.identifier_hash, named.native_agent_id) as agent_id
    from named
    left join named_agents on named.native_agent_id = named_agents.value
    where named.native_agent_id is not null
),

described as (
    select
        published.agent_id,
        published.is_bot,
        case
            when published.is_bot then newest_bots.bot_name
            else coalesce(newest_agents.agent_name, newest_users.agent_name)
        end as agent_name,
        case
            when newest_agents.team_id is not null
                then
                    published.source
                    || ':'
                    || coalesce(hashed_teams.identifier_hash, newest_agents.team_id)
            when teams_of_agents.team_id is not null
                then 'chatwoot:' || teams_of_agents.team_id
        end as team_id,
        case
            when newest_agents.team_id is not null then newest_agents.team_name
            else coalesce(newest_agents.team_name, newest_teams.team_name)
        end as team_name
    from published
    left join newest_users
        on
            published.source = 'chatwoot'
            and published.native_agent_id = newest_users.agent_id
    left join newest_bots
        on published.is_bot and published.native_agent_id = newest_bots.bot_id
    left join newest_agents
        on
            published.source = newest_agents.source
            and published.native_agent_id = newest_agents.agent_id
    left join named_agents as hashed_teams on newest_agents.team_id = hashed_teams.value
    left join teams_of_agents
        on
            published.source = 'chatwoot'
            and published.native_agent_id = teams_of_agents.agent_id
    left join newest_teams on teams_of_agents.team_id = newest_teams.team_id
),

-- Two ways of writing one address have one hash.
final as (
    select
        agent_id,
        min(agent_name) as agent_name,
        min(team_id) as team_id,
        min_by(team_name, team_id) as team_name,
        bool_or(is_bot) as is_bot
    from described
    group by agent_id
)

select * from final
