with

final as (
    select
        template_name,
        template_language,
        category,
        status,
        quality,
        template_id
    from {{ ref('int_templates') }}
)

select * from final
