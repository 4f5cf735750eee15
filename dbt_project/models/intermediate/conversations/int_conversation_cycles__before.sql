-- int_conversation_cycles as the run before left it; like int_identities__before it takes the
-- relation.
{% set before = relation_before('intermediate', 'int_conversation_cycles') %}
with

final as (
    {% if before is not none %}
        select
            conversation_key,
            conversation_cycle_id,
            channel_id,
            contact_id,
            opened_at,
            closed_at
        from {{ before }}
    {% else %}
        select
            cast(null as varchar) as conversation_key,
            cast(null as varchar) as conversation_cycle_id,
            cast(null as varchar) as channel_id,
            cast(null as varchar) as contact_id,
            cast(null as timestamp) as opened_at,
            cast(null as timestamp) as closed_at
        where false
    {% endif %}
)

select * from final
