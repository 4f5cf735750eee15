-- Every statement about a template: the list's own, the webhooks', and that the send log names it.
{{ config(materialized='view') }}

with

templates as (
    select
        template_id,
        template_name,
        template_language,
        category,
        status,
        quality,
        coalesce(updated_at, exported_at) as stated_at
    from {{ ref('stg_whatsapp__templates') }}
),

account_events as (
    select
        field,
        template_id,
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

final as (
    select
        template_name,
        template_language,
        category,
        status,
        quality,
        template_id,
        stated_at
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
        template_id,
        occurred_at as stated_at
    from account_events
    union all
    select
        template_name,
        coalesce(template_language, 'unknown') as template_language,
        null as category,
        null as status,
        null as quality,
        null as template_id,
        null as stated_at
    from sends
)

select * from final
