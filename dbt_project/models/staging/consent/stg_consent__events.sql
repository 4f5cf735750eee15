with

events as (
    select
        _load_id,
        phone,
        user_id,
        email,
        external_id,
        channel_id,
        event,
        occurred_at,
        source
    from {{ source('raw', 'consent_events') }}
),

final as (
    select
        _load_id as load_id,
        {{ person_columns() }},
        channel_id as native_channel_id,
        lower(event) as event,
        {{ utc_time('occurred_at') }} as occurred_at,
        {{ is_before_1971(utc_time('occurred_at')) }} as is_implausible,
        coalesce({{ published_name('source') }}, 'unknown') as source
    from events
    where {{ utc_time('occurred_at') }} is not null
)

select * from final
