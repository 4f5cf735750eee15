with

reporting_events as (
    select
        _load_id,
        _row_number,
        name,
        created_at,
        inbox_id,
        user_id,
        updated_at,
        event_end_time,
        event_key,
        conversation_key
    from {{ source('raw', 'chatwoot_reporting_events') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        reporting_events._load_id as load_id,
        load_precedence.precedence,
        reporting_events._row_number as row_number,
        reporting_events.event_key,
        reporting_events.conversation_key,
        lower(reporting_events.name) as name,
        'chatwoot:' || reporting_events.inbox_id as native_channel_id,
        reporting_events.user_id as agent_id,
        {{ utc_time('reporting_events.created_at') }} as created_at,
        {{ is_before_1971(utc_time('reporting_events.created_at')) }} as is_implausible,
        {{ utc_time('reporting_events.updated_at') }} as updated_at,
        {{ utc_time('reporting_events.event_end_time') }} as event_end_at
    from reporting_events
    inner join load_precedence on reporting_events._load_id = load_precedence.load_id
    where {{ utc_time('reporting_events.created_at') }} is not null
)

select * from final
