with

agents as (
    select
        agent_id,
        agent_name,
        team_id,
        team_name,
        is_bot
    from {{ ref('int_agents') }}
),

final as (
    select
        agent_id,
        {% if var('publish_agent_names') -%}
            coalesce(agent_name, agent_id) as agent_label,
        {%- else -%}
            agent_id as agent_label,
        {%- endif %}
        coalesce(team_id, 'none') as team_id,
        {{ published_source('team_name') }} as team_name,
        is_bot
    from agents
)

select * from final
