with

conversation_events as (
    select
        _load_id,
        _row_number,
        event_key,
        conversation_key,
        event_type,
        occurred_at,
        actor_type,
        actor_agent_id,
        assignee_agent_id,
        bot_id
    from {{ source('raw', 'generic_conversation_events') }}
),

loads as (
    select
        load_id,
        source
    from {{ source('ledger', 'loads') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        conversation_events._load_id as load_id,
        load_precedence.precedence,
        conversation_events._row_number as row_number,
        loads.source,
        conversation_events.event_key,
        conversation_events.conversation_key as conversation_native_id,
        loads.source || ':' || conversation_events.conversation_key as conversation_key,
        lower(conversation_events.event_type) as event_type,
        {{ utc_time('conversation_events.occurred_at') }} as occurred_at,
        {{ is_before_1971(utc_time('conversation_events.occurred_at')) }} as is_implausible,
        case
            when
                lower(trim(conversation_events.actor_type))
                in ('contact', 'agent', 'bot', 'automation', 'api', 'campaign')
                then lower(trim(conversation_events.actor_type))
        end as actor_type,
        conversation_events.actor_agent_id,
        conversation_events.assignee_agent_id,
        conversation_events.bot_id
    from conversation_events
    inner join loads on conversation_events._load_id = loads.load_id
    inner join load_precedence on conversation_events._load_id = load_precedence.load_id
    where {{ utc_time('conversation_events.occurred_at') }} is not null
)

select * from final
