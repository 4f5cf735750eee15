-- One row per template and language: what was last said of it, by a list or by a webhook.
with

statements as (
    select
        template_name,
        template_language,
        category,
        status,
        quality,
        template_id,
        stated_at
    from {{ ref('int_template_statements') }}
),

-- The latest word on each wins. A list that tells neither its templates' update times nor, in its
-- name, its own is the base that dated statements replace.
numbered as (
    select
        *,
        row_number() over (
            partition by template_name, template_language
            order by stated_at nulls first, category, status, quality, template_id
        ) as statement_number
    from statements
),

final as (
    select
        template_name,
        template_language,
        max_by(category, statement_number) filter (where category is not null) as category,
        max_by(status, statement_number) filter (where status is not null) as status,
        max_by(quality, statement_number) filter (where quality is not null) as quality,
        max_by(template_id, statement_number) filter (where template_id is not null) as template_id
    from numbered
    group by template_name, template_language
)

select * from final
