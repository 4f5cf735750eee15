with

conversations as (
    select
        _load_id,
        _row_number,
        conversation_id,
        conversation_key,
        channel_id,
        phone,
        user_id,
        email,
        external_id,
        opened_at,
        opened_by,
        closed_at,
        closed_by_agent_id,
        category,
        assignee_agent_id
    from {{ source('raw', 'generic_conversations') }}
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
        conversations._load_id as load_id,
        load_precedence.precedence,
        conversations._row_number as row_number,
        loads.source,
        conversations.conversation_key as conversation_native_id,
        loads.source || ':' || conversations.conversation_key as conversation_key,
        conversations.channel_id as native_channel_id,
        {{ person_columns() }},
        {{ utc_time('conversations.opened_at') }} as opened_at,
        {{ is_before_1971(utc_time('conversations.opened_at')) }} as is_implausible,
        case lower(conversations.opened_by)
            when 'contact' then 'contact'
            when 'agent' then 'agent'
            when 'automation' then 'automation'
            when 'bot' then 'automation'
            when 'campaign' then 'campaign'
            when 'api' then 'api'
        end as opened_by,
        {{ utc_time('conversations.closed_at') }} as closed_at,
        conversations.closed_by_agent_id,
        conversations.category,
        conversations.assignee_agent_id
    from conversations
    inner join loads on conversations._load_id = loads.load_id
    inner join load_precedence on conversations._load_id = load_precedence.load_id
    where {{ utc_time('conversations.opened_at') }} is not null
)

select * from final
