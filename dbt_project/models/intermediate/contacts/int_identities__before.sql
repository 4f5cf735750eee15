-- The identities as the run before left them, to find whose contact has changed. It reads the
-- table that int_identities is about to replace, so it takes the relation, not a ref. A run that
-- fails or is killed after this point is followed by a full refresh, which needs no "before".
{% set before = identities_before() %}
with

final as (
    {% if before is not none %}
        select
            identifier_hash,
            contact_id,
            is_shared
        from {{ before }}
    {% else %}
        select
            cast(null as varchar) as identifier_hash,
            cast(null as varchar) as contact_id,
            cast(null as boolean) as is_shared
        where false
    {% endif %}
)

select * from final
