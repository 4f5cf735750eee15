-- int_lookups as the run before left it; like int_identities__before it takes the relation.
{% set before = relation_before('intermediate', 'int_lookups') %}
with

final as (
    {% if before is not none %}
        select
            lookup,
            key_1,
            key_2,
            looked_up
        from {{ before }}
    {% else %}
        select
            cast(null as varchar) as lookup,
            cast(null as varchar) as key_1,
            cast(null as varchar) as key_2,
            cast(null as varchar) as looked_up
        where false
    {% endif %}
)

select * from final
