with

channels as (
    select
        _load_id,
        channel_id,
        name,
        channel_type,
        timezone,
        schedule_id
    from {{ source('raw', 'reference_channels') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        channels.channel_id as native_channel_id,
        channels.name,
        -- Of a word that isn't from the list nobody knows what it means (a check names it).
        case
            when
                lower(channels.channel_type) in (
                    'whatsapp', 'instagram', 'messenger', 'webchat', 'sms', 'email'
                )
                then lower(channels.channel_type)
            when channels.channel_type is not null then 'other'
        end as channel_type,
        channels.timezone,
        channels.schedule_id
    from channels
    inner join load_precedence on channels._load_id = load_precedence.load_id
    qualify
        row_number() over (
            partition by channels.channel_id
            order by
                load_precedence.precedence desc,
                channels.name desc,
                channels.channel_type desc,
                channels.timezone desc,
                channels.schedule_id desc
        ) = 1
)

select * from final
