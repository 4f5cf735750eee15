with

templates as (
    select
        template_name,
        template_language,
        category,
        status,
        quality,
        updated_at
    from {{ ref('stg_whatsapp__templates') }}
),

account_events as (
    select
        field,
        template_name,
        template_language,
        event,
        template_category,
        new_category,
        new_quality_score,
        occurred_at
    from {{ ref('stg_whatsapp__account_events') }}
    where template_name is not null and template_language is not null
),

sends as (
    select
        template_name,
        template_language
    from {{ ref('int_whatsapp_sends__folded') }}
    where template_name is not null
    group by all
),

-- Every statement about a template: the list's own and the webhooks', the latest of each wins.
statements as (
    select
        template_name,
        template_language,
        category,
        status,
        quality,
        updated_at as stated_at
    from templates
    union all
    select
        template_name,
        template_language,
        case field
            when 'template_category_update' then lower(new_category)
            when 'message_template_status_update' then lower(template_category)
        end as category,
        case when field = 'message_template_status_update' then lower(event) end as status,
        case when field = 'message_template_quality_update' then lower(new_quality_score) end
            as quality,
        occurred_at as stated_at
    from account_events
    union all
    select
        template_name,
        coalesce(template_language, 'unknown') as template_language,
        null as category,
        null as status,
        null as quality,
        null as stated_at
    from sends
),

-- A list without an update time is the base that dated statements replace.
numbered as (
    select
        *,
        row_number() over (
            partition by template_name, template_language
            order by stated_at nulls first, category, status, quality
        ) as statement_number
    from statements
),

final as (
    select
        template_name,
        template_language,
        max_by(category, statement_number) filter (where category is not null) as category,
        max_by(status, statement_number) filter (where status is not null) as status,
        max_by(quality, statement_number) filter (where quality is not null) as quality
    from numbered
    group by template_name, template_language
)

select * from final
