-- The newest export of a template wins; within one export its own update time, then its id.
with

templates as (
    select
        _load_id,
        template_id,
        name,
        language,
        category,
        previous_category,
        status,
        quality_score,
        updated_at
    from {{ source('raw', 'whatsapp_templates') }}
),

load_precedence as (
    select
        load_id,
        precedence,
        exported_at
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        templates.template_id,
        templates.name as template_name,
        templates.language as template_language,
        lower({{ published_name('templates.category') }}) as category,
        lower({{ published_name('templates.previous_category') }}) as previous_category,
        lower({{ published_name('templates.status') }}) as status,
        lower({{ published_name('templates.quality_score') }}) as quality,
        {{ utc_time('templates.updated_at') }} as updated_at,
        try_cast(load_precedence.exported_at as timestamp) as exported_at
    from templates
    inner join load_precedence on templates._load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by templates.name, templates.language
            order by
                {{ utc_time('templates.updated_at') }} desc nulls last,
                load_precedence.precedence desc,
                templates.template_id desc,
                templates.status desc,
                templates.category desc,
                templates.quality_score desc
        ) = 1
)

select * from final
