-- One row per business number or inbox that any stream names, with the id under which it is
-- published: as it is, or hashed where the id is itself a phone number. An inbox of a number is
-- that number's channel, and all that is one channel is described alike.
with

identifiers as (
    select
        value,
        identifier_type,
        identifier_hash
    from {{ source('ledger', 'identifiers') }}
    where kind = 'channel'
),

own_numbers as (
    select distinct digits
    from {{ ref('int_channel_numbers') }}
    where digits is not null
),

named_channels as (
    select native_channel_id
    from {{ ref('int_channel_numbers') }}
    union
    select native_channel_id
    from {{ ref('stg_reference__channels') }}
    union
    select native_channel_id
    from {{ ref('stg_consent__events') }}
    union
    select native_channel_id
    from {{ ref('stg_generic__message_reports') }}
    union
    select native_channel_id
    from {{ ref('stg_generic__conversations') }}
),

inboxes as (
    select
        native_channel_id,
        channel_type,
        timezone,
        phone_number_id
    from {{ ref('int_channels__inboxes') }}
),

channels as (
    select
        native_channel_id,
        name,
        channel_type,
        timezone,
        schedule_id
    from {{ ref('stg_reference__channels') }}
),

-- A zone that no clock knows would stop the run.
zones as (
    select name
    from pg_timezone_names()
),

numbers as (
    select
        identifiers.value as native_channel_id,
        case
            when
                identifiers.identifier_type = 'channel_phone'
                or own_numbers.digits is not null
                then identifiers.identifier_hash
            else identifiers.value
        end as channel_id
    from identifiers
    left join own_numbers
        on
            length(own_numbers.digits) >= 7
            and regexp_replace(identifiers.value, '[^0-9]', '', 'g') = own_numbers.digits
    -- The number of Meta's test button is nobody's; one that left with its file is gone.
    where
        identifiers.value <> '123456123'
        and identifiers.value in (select named_channels.native_channel_id from named_channels)
),

published as (
    select
        numbers.native_channel_id,
        numbers.channel_id,
        cast(null as varchar) as inbox_type,
        cast(null as varchar) as inbox_timezone
    from numbers
    anti join inboxes on numbers.native_channel_id = inboxes.native_channel_id
    union all
    select
        inboxes.native_channel_id,
        coalesce(numbers.channel_id, inboxes.native_channel_id) as channel_id,
        coalesce(inboxes.channel_type, 'other') as inbox_type,
        zones.name as inbox_timezone
    from inboxes
    left join numbers on inboxes.phone_number_id = numbers.native_channel_id
    left join zones on inboxes.timezone = zones.name
),

-- What a table of the user's says of the channel itself goes before what it says of its inbox.
described as (
    select
        published.native_channel_id,
        published.channel_id,
        published.inbox_type,
        published.inbox_timezone,
        channels.name,
        channels.channel_type,
        zones.name as timezone,
        channels.schedule_id,
        published.native_channel_id = published.channel_id as is_itself
    from published
    left join channels on published.native_channel_id = channels.native_channel_id
    left join zones on channels.timezone = zones.name
),

final as (
    select
        native_channel_id,
        channel_id,
        coalesce(
            min(channel_type) filter (where is_itself) over same_channel,
            min(channel_type) over same_channel,
            case when bool_or(inbox_type is null) over same_channel then 'whatsapp' end,
            min(inbox_type) over same_channel
        ) as channel_type,
        coalesce(
            min(name) filter (where is_itself) over same_channel, min(name) over same_channel
        ) as name,
        coalesce(
            min(timezone) filter (where is_itself) over same_channel,
            min(timezone) over same_channel,
            min(inbox_timezone) over same_channel,
            '{{ var("reporting_timezone") }}'
        ) as timezone,
        coalesce(
            min(schedule_id) filter (where is_itself) over same_channel,
            min(schedule_id) over same_channel
        ) as schedule_id
    from described
    window same_channel as (partition by channel_id)
)

select * from final
