with

final as (
    select
        template_name,
        template_language,
        category,
        status,
        quality
    from {{ ref('int_templates') }}
)

select * from final
