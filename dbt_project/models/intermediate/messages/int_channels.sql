-- One row per business number that any stream names, with the id under which it is published: as
-- it is, or hashed where the id is itself a phone number.
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

final as (
    select
        identifiers.value as native_channel_id,
        case
            when
                identifiers.identifier_type = 'channel_phone'
                or own_numbers.digits is not null
                then identifiers.identifier_hash
            else identifiers.value
        end as channel_id,
        coalesce(channels.channel_type, 'whatsapp') as channel_type,
        channels.name,
        coalesce(channels.timezone, 'UTC') as timezone,
        channels.schedule_id
    from identifiers
    left join own_numbers
        on
            length(own_numbers.digits) >= 7
            and regexp_replace(identifiers.value, '[^0-9]', '', 'g') = own_numbers.digits
    left join channels on identifiers.value = channels.native_channel_id
    -- The number of Meta's test button is nobody's; one that left with its file is gone.
    where
        identifiers.value <> '123456123'
        and identifiers.value in (select named_channels.native_channel_id from named_channels)
)

select * from final
