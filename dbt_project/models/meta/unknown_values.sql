-- What WhatsApp or another export says that the models don't know yet. Names only, and none
-- that could hold a number.
with

webhooks as (
    select
        record_kind,
        field,
        record_type,
        count(*) as records
    from {{ source('raw', 'whatsapp_webhooks') }}
    group by all
),

sends as (
    select unnest(json_keys(_extra)) as key_name
    from {{ source('raw', 'whatsapp_sends') }}
    where _extra is not null
),

consent_events as (
    select
        lower(event) as event,
        count(*) as records
    from {{ source('raw', 'consent_events') }}
    group by all
),

contact_events as (
    select
        lower(event) as event,
        count(*) as records
    from {{ source('raw', 'contacts_events') }}
    group by all
),

campaigns as (
    select
        case when lower(goal) like 'event:%' then 'event' else lower(goal) end as goal,
        count(*) as records
    from {{ source('raw', 'campaigns_registry') }}
    where goal is not null
    group by all
),

audience as (
    select
        lower(is_control) as is_control,
        count(*) as records
    from {{ source('raw', 'campaigns_audience') }}
    where is_control is not null
    group by all
),

messages as (
    select
        lower(direction) as direction,
        case
            when
                not coalesce({{ is_inbound_word('direction') }}, false)
                and {{ parsed_sender_type('sender_type') }} is null
                then nullif(lower(trim(sender_type)), '')
        end as sender_type,
        count(*) as records
    from (
        select
            direction,
            sender_type
        from {{ source('raw', 'generic_messages') }}
        union all
        select
            direction,
            sender_type
        from {{ source('raw', 'generic_message_reports') }}
    )
    group by all
),

inbox_messages as (
    select
        case when not regexp_full_match(message_type, '[0-3]') then lower(message_type) end
            as message_type,
        sender_type,
        count(*) as records
    from {{ source('raw', 'chatwoot_messages') }}
    group by all
),

inbox_conversations as (
    select
        lower(status) as status,
        count(*) as records
    from {{ source('raw', 'chatwoot_conversations') }}
    where not regexp_full_match(status, '[0-3]')
    group by all
),

inboxes as (
    select
        lower(replace(channel_type, 'Channel::', '')) as channel_type,
        count(*) as records
    from {{ source('raw', 'chatwoot_inboxes') }}
    group by all
),

channels as (
    select
        lower(channel_type) as channel_type,
        count(*) as records
    from {{ source('raw', 'reference_channels') }}
    where channel_type is not null
    group by all
),

conversation_events as (
    select
        lower(event_type) as event_type,
        nullif(lower(trim(actor_type)), '') as actor_type,
        count(*) as records
    from {{ source('raw', 'generic_conversation_events') }}
    group by all
),

conversations as (
    select
        lower(opened_by) as opened_by,
        count(*) as records
    from {{ source('raw', 'generic_conversations') }}
    where opened_by is not null
    group by all
),

survey_responses as (
    select
        lower(survey_type) as survey_type,
        count(*) as records
    from (
        select survey_type from {{ source('raw', 'generic_survey_responses') }}
        union all
        select survey_type from {{ source('raw', 'surveys_typeform') }}
        union all
        select survey_type from {{ source('raw', 'surveys_surveymonkey') }}
        union all
        select survey_type from {{ source('raw', 'surveys_delighted') }}
    )
    group by all
),

known_values as (
    select
        what,
        name
    from {{ ref('known_values') }}
),

named as (
    select
        'webhook_field' as what,
        coalesce(field, 'none') as name,
        records
    from webhooks
    where record_kind = 'change'
    union all
    select
        'message_type' as what,
        coalesce(record_type, 'none') as name,
        records
    from webhooks
    where record_kind in ('message', 'echo', 'history')
    union all
    select
        'status' as what,
        coalesce(record_type, 'none') as name,
        records
    from webhooks
    where record_kind = 'status' and coalesce(field, 'messages') <> 'calls'
    union all
    select
        'send_log_key' as what,
        key_name as name,
        1 as records
    from sends
    union all
    select
        'automatic_event' as what,
        coalesce(record_type, 'none') as name,
        records
    from webhooks
    where record_kind = 'automatic_event'
    union all
    select
        'consent_event' as what,
        coalesce(event, 'none') as name,
        records
    from consent_events
    union all
    select
        'contact_event' as what,
        coalesce(event, 'none') as name,
        records
    from contact_events
    union all
    select
        'campaign_goal' as what,
        goal as name,
        records
    from campaigns
    union all
    select
        'is_control' as what,
        is_control as name,
        records
    from audience
    union all
    select
        'message_direction' as what,
        coalesce(direction, 'none') as name,
        records
    from messages
    union all
    select
        'message_sender_type' as what,
        sender_type as name,
        records
    from messages
    where sender_type is not null
    union all
    select
        'chatwoot_message_type' as what,
        message_type as name,
        records
    from inbox_messages
    where message_type is not null
    union all
    select
        'chatwoot_sender_type' as what,
        sender_type as name,
        records
    from inbox_messages
    where sender_type is not null
    union all
    select
        'chatwoot_status' as what,
        status as name,
        records
    from inbox_conversations
    union all
    select
        'chatwoot_channel_type' as what,
        channel_type as name,
        records
    from inboxes
    union all
    select
        'channel_type' as what,
        channel_type as name,
        records
    from channels
    union all
    select
        'conversation_event' as what,
        event_type as name,
        records
    from conversation_events
    union all
    select
        'conversation_actor_type' as what,
        actor_type as name,
        records
    from conversation_events
    where actor_type is not null
    union all
    select
        'conversation_opened_by' as what,
        opened_by as name,
        records
    from conversations
    union all
    select
        'survey_type' as what,
        coalesce(survey_type, 'none') as name,
        records
    from survey_responses
),

final as (
    select
        named.what,
        case
            when regexp_full_match(named.name, '[A-Za-z][A-Za-z_.\-]{0,59}') then named.name
            else 'other'
        end as name,
        cast(sum(named.records) as bigint) as rows
    from named
    anti join known_values on named.what = known_values.what and named.name = known_values.name
    group by all
)

select * from final
