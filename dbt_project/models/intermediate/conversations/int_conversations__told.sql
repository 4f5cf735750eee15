-- One row per conversation that a platform tells of, by a list of conversations or by their events,
-- as the newest export has it; of Chatwoot's, which files every message, also by messages alone.
-- Whose it is, and in which channel, its messages say where it doesn't.
with

chatwoot_conversations as (
    select
        'chatwoot' as source,
        conversation_key,
        conversation_key as native_id,
        native_channel_id,
        cast(null as varchar) as phone,
        name_kind,
        name_value,
        created_at as opened_at,
        cast(null as varchar) as opened_by,
        case when status = 'resolved' then coalesce(last_activity_at, updated_at) end as closed_at,
        cast(null as varchar) as closed_by_agent_id,
        category,
        assignee_agent_id,
        is_implausible
    from {{ ref('stg_chatwoot__conversations') }}
    qualify
        row_number() over (
            partition by conversation_key
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

listed_conversations as (
    select
        source,
        conversation_key,
        conversation_native_id as native_id,
        native_channel_id,
        phone,
        name_kind,
        name_value,
        opened_at,
        opened_by,
        closed_at,
        closed_by_agent_id,
        category,
        assignee_agent_id,
        is_implausible
    from {{ ref('stg_generic__conversations') }}
    qualify
        row_number() over (
            partition by conversation_key order by precedence desc, row_number desc
        ) = 1
),

listed as (
    select * from chatwoot_conversations
    union all
    select * from listed_conversations
),

unlisted as (
    select
        source,
        conversation_key
    from {{ ref('int_conversation_events__told') }}
    union
    select
        'chatwoot' as source,
        conversation_key
    from {{ ref('int_message_reports') }}
    where told_in_inbox_at is not null and conversation_key is not null
),

known as (
    select * from listed
    union all
    select
        unlisted.source,
        unlisted.conversation_key,
        case
            when unlisted.source = 'chatwoot' then unlisted.conversation_key
            else substr(unlisted.conversation_key, length(unlisted.source) + 2)
        end as native_id,
        cast(null as varchar) as native_channel_id,
        cast(null as varchar) as phone,
        cast(null as varchar) as name_kind,
        cast(null as varchar) as name_value,
        cast(null as timestamp) as opened_at,
        cast(null as varchar) as opened_by,
        cast(null as timestamp) as closed_at,
        cast(null as varchar) as closed_by_agent_id,
        cast(null as varchar) as category,
        cast(null as varchar) as assignee_agent_id,
        false as is_implausible
    from unlisted
    anti join listed on unlisted.conversation_key = listed.conversation_key
),

first_messages as (
    select
        conversation_key,
        native_channel_id,
        phone,
        name_kind,
        name_value
    from {{ ref('int_message_reports') }}
    where conversation_key is not null
    qualify
        row_number() over (
            partition by conversation_key
            order by
                coalesce(phone, name_value) is null,
                direction = 'outbound',
                attempted_at,
                record_id
        ) = 1
),

identifiers as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'conversation'
),

named_agents as (
    select
        value,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'agent'
),

channels as (
    select
        native_channel_id,
        channel_id
    from {{ ref('int_channels') }}
),

persons as (
    select
        kind,
        value,
        contact_id,
        is_shared
    from {{ ref('int_persons') }}
),

internal_contacts as (
    select contact_id
    from {{ ref('int_contacts__internal') }}
),

resolved as (
    select
        known.*,
        {{ conversation_id('known.source', 'identifiers.identifier_hash') }} as conversation_id,
        coalesce(channels.channel_id, message_channels.channel_id, 'unknown') as channel_id,
        coalesce(
            {{ message_contact('phones', 'other_names') }},
            {{ message_contact('message_phones', 'message_names') }},
            'unknown'
        ) as contact_id,
        coalesce(closers.identifier_hash, known.closed_by_agent_id) as closer,
        coalesce(assignees.identifier_hash, known.assignee_agent_id) as assignee
    from known
    inner join identifiers on known.native_id = identifiers.value
    left join first_messages on known.conversation_key = first_messages.conversation_key
    left join channels on known.native_channel_id = channels.native_channel_id
    left join channels as message_channels
        on first_messages.native_channel_id = message_channels.native_channel_id
    left join persons as phones on phones.kind = 'phone' and known.phone = phones.value
    left join persons as other_names
        on known.name_kind = other_names.kind and known.name_value = other_names.value
    left join persons as message_phones
        on message_phones.kind = 'phone' and first_messages.phone = message_phones.value
    left join persons as message_names
        on
            first_messages.name_kind = message_names.kind
            and first_messages.name_value = message_names.value
    left join named_agents as closers on known.closed_by_agent_id = closers.value
    left join named_agents as assignees on known.assignee_agent_id = assignees.value
),

final as (
    select
        conversation_key,
        conversation_id,
        source,
        channel_id,
        contact_id,
        opened_at,
        opened_by,
        closed_at,
        source || ':' || closer as closing_agent_id,
        coalesce({{ published_label('category') }}, 'none') as category,
        source || ':' || assignee as assignee_agent_id,
        is_implausible,
        contact_id in (select internal_contacts.contact_id from internal_contacts) as is_internal
    from resolved
)

select * from final
