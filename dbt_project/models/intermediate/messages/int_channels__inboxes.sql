-- One row per inbox of Chatwoot that any of its tables names. An inbox whose messages stand in
-- WhatsApp's own logs is the number they stand under there: of several the most frequent.
with

inboxes as (
    select
        precedence,
        row_number,
        native_channel_id,
        channel_type,
        timezone,
        updated_at
    from {{ ref('stg_chatwoot__inboxes') }}
),

messages as (
    select
        record_id,
        native_channel_id
    from {{ ref('int_inbox_messages') }}
),

conversations as (
    select distinct native_channel_id
    from {{ ref('stg_chatwoot__conversations') }}
),

logged_messages as (
    select
        record_id,
        phone_number_id
    from {{ ref('int_whatsapp_statuses__folded') }}
    where record_id in (select messages.record_id from messages)
    union
    select
        record_id,
        phone_number_id
    from {{ ref('int_whatsapp_messages__folded') }}
    where record_id in (select messages.record_id from messages)
    union
    select
        record_id,
        phone_number_id
    from {{ ref('int_whatsapp_sends__folded') }}
    where record_id in (select messages.record_id from messages)
),

named_inboxes as (
    select native_channel_id
    from inboxes
    union
    select native_channel_id
    from messages
    union
    select native_channel_id
    from conversations
),

described_inboxes as (
    select *
    from inboxes
    qualify
        row_number() over (
            partition by native_channel_id
            order by updated_at desc nulls last, precedence desc, row_number desc
        ) = 1
),

numbers as (
    select
        messages.native_channel_id,
        logged_messages.phone_number_id
    from messages
    inner join logged_messages on messages.record_id = logged_messages.record_id
    where logged_messages.phone_number_id is not null
    group by messages.native_channel_id, logged_messages.phone_number_id
    qualify
        row_number() over (
            partition by messages.native_channel_id
            order by count(*) desc, logged_messages.phone_number_id
        ) = 1
),

final as (
    select
        named_inboxes.native_channel_id,
        described_inboxes.channel_type,
        described_inboxes.timezone,
        numbers.phone_number_id
    from named_inboxes
    left join described_inboxes
        on named_inboxes.native_channel_id = described_inboxes.native_channel_id
    left join numbers on named_inboxes.native_channel_id = numbers.native_channel_id
)

select * from final
