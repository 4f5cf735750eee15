-- What a person did with a message of a campaign: a touch that may have led to what came after
-- (SEMANTICS 12). A view: few of them are ever compared with anything.
{{ config(materialized='view') }}

with

messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        channel_id,
        message_at,
        read_at,
        replied_at
    from {{ ref('int_campaign_messages') }}
    where failed_at is null
),

clicks as (
    select
        clicked_at,
        campaign_id,
        contact_id,
        message_id
    from {{ ref('int_campaign_clicks') }}
    where message_id is not null
),

button_replies as (
    select distinct
        contact_id,
        channel_id,
        message_at
    from {{ ref('fct_messages') }}
    where direction = 'inbound' and message_type in ('button', 'interactive')
),

final as (
    select
        contact_id,
        'click' as touch_type,
        1 as touch_rank,
        clicked_at as touched_at,
        campaign_id,
        message_id
    from clicks
    union all
    select
        messages.contact_id,
        case when button_replies.contact_id is null then 'reply' else 'button' end as touch_type,
        case when button_replies.contact_id is null then 3 else 2 end as touch_rank,
        messages.replied_at as touched_at,
        messages.campaign_id,
        messages.message_id
    from messages
    left join button_replies
        on
            messages.contact_id = button_replies.contact_id
            and messages.channel_id = button_replies.channel_id
            and messages.replied_at = button_replies.message_at
    where messages.replied_at is not null
    union all
    select
        contact_id,
        'read' as touch_type,
        6 as touch_rank,
        read_at as touched_at,
        campaign_id,
        message_id
    from messages
    where read_at is not null
)

select * from final
