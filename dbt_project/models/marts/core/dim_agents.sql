with

final as (
    select
        cast(null as varchar) as agent_id,
        cast(null as varchar) as agent_label,
        cast(null as varchar) as team_id,
        cast(null as varchar) as team_name,
        cast(null as boolean) as is_bot
    where false
)

select * from final
