with

audience as (
    select
        _load_id,
        _row_number,
        campaign_id,
        variant,
        phone,
        user_id,
        email,
        external_id,
        assigned_at,
        is_control,
        planned_share,
        skipped_reason
    from {{ source('raw', 'campaigns_audience') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        audience._load_id as load_id,
        load_precedence.precedence,
        audience._row_number as row_number,
        audience.campaign_id,
        coalesce(audience.variant, 'none') as variant,
        {{ person_columns() }},
        {{ utc_time('audience.assigned_at') }} as assigned_at,
        coalesce({{ parsed_boolean('audience.is_control') }}, false) as is_control,
        try_cast(audience.planned_share as double) as planned_share,
        {{ published_name('audience.skipped_reason') }} as skipped_reason
    from audience
    inner join load_precedence on audience._load_id = load_precedence.load_id
    where {{ utc_time('audience.assigned_at') }} is not null
)

select * from final
