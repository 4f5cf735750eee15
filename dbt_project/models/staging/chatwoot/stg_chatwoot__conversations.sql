with

conversations as (
    select
        _load_id,
        _row_number,
        id,
        inbox_id,
        created_at,
        status,
        assignee_id,
        updated_at,
        last_activity_at,
        team_id,
        campaign_id,
        snoozed_until,
        first_reply_created_at,
        waiting_since,
        cached_label_list,
        assignee_agent_bot_id,
        conversation_key,
        platform_contact_id
    from {{ source('raw', 'chatwoot_conversations') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

-- The first label in byte order (SOURCES 5).
categorised as (
    select
        *,
        list_min(
            list_filter(
                list_transform(string_split(cached_label_list, ','), lambda label: trim(label)),
                lambda label: label <> ''
            )
        ) as category
    from conversations
),

final as (
    select
        conversations._load_id as load_id,
        load_precedence.precedence,
        conversations._row_number as row_number,
        conversations.conversation_key,
        'chatwoot:' || conversations.inbox_id as native_channel_id,
        case
            when conversations.platform_contact_id is not null then 'platform'
        end as name_kind,
        conversations.platform_contact_id as name_value,
        {{ utc_time('conversations.created_at') }} as created_at,
        {{ is_before_1971(utc_time('conversations.created_at')) }} as is_implausible,
        {{ utc_time('conversations.updated_at') }} as updated_at,
        {{ utc_time('conversations.last_activity_at') }} as last_activity_at,
        {{ utc_time('conversations.first_reply_created_at') }} as first_reply_created_at,
        {{ utc_time('conversations.waiting_since') }} as waiting_since,
        {{ utc_time('conversations.snoozed_until') }} as snoozed_until,
        -- Dumps hold the number of a status, other exports its name.
        case lower(conversations.status)
            when '0' then 'open'
            when '1' then 'resolved'
            when '2' then 'pending'
            when '3' then 'snoozed'
            else lower(conversations.status)
        end as status,
        conversations.assignee_id as assignee_agent_id,
        'chatwoot:bot-' || conversations.assignee_agent_bot_id as assignee_bot_id,
        conversations.team_id,
        conversations.campaign_id,
        conversations.category
    from categorised as conversations
    inner join load_precedence on conversations._load_id = load_precedence.load_id
    where {{ utc_time('conversations.created_at') }} is not null
)

select * from final
