-- What a send filled into the open end of a template's link button: of sends that have one.
with

sends as (
    select
        _load_id,
        record_id,
        template_components
    from {{ source('raw', 'whatsapp_sends') }}
    where
        template_components is not null
        -- Told by the text first: taking every template's JSON apart costs ten times the time.
        and contains(lower(cast(template_components as varchar)), '"url"')
        and {{ utc_time('requested_at') }} is not null
),

components as (
    select
        _load_id,
        record_id,
        unnest(json_extract(template_components, '$[*]')) as component
    from sends
),

parameters as (
    select
        _load_id,
        record_id,
        unnest(json_extract_string(component, '$.parameters[*].text')) as parameter
    from components
    where
        lower(component ->> '$.type') = 'button'
        and lower(component ->> '$.sub_type') = 'url'
),

final as (
    select
        _load_id as load_id,
        record_id,
        parameter
    from parameters
    where nullif(parameter, '') is not null
)

select * from final
