with

inboxes as (
    select
        _load_id,
        _row_number,
        id,
        channel_type,
        updated_at,
        timezone
    from {{ source('raw', 'chatwoot_inboxes') }}
),

load_precedence as (
    select
        load_id,
        precedence
    from {{ source('ledger', 'load_precedence') }}
),

final as (
    select
        inboxes._load_id as load_id,
        load_precedence.precedence,
        inboxes._row_number as row_number,
        'chatwoot:' || inboxes.id as native_channel_id,
        case lower(replace(inboxes.channel_type, 'Channel::', ''))
            when 'whatsapp' then 'whatsapp'
            when 'webwidget' then 'webchat'
            when 'email' then 'email'
            when 'twiliosms' then 'sms'
            when 'sms' then 'sms'
            when 'facebookpage' then 'messenger'
            when 'instagram' then 'instagram'
            else 'other'
        end as channel_type,
        inboxes.timezone,
        {{ utc_time('inboxes.updated_at') }} as updated_at
    from inboxes
    inner join load_precedence on inboxes._load_id = load_precedence.load_id
)

select * from final
