-- What each order is credited to, with the columns of fct_orders: arm, channel and agent are those
-- of the touch's message and of the recipient's entry.
with

credits as (
    select
        event_key as order_id,
        touch_type,
        touched_at,
        campaign_id,
        message_id,
        ad_id,
        first_touch_campaign_id,
        is_assisted
    from {{ ref('int_campaign_credits') }}
    where goal = 'order'
),

conversions as (
    select
        event_key as order_id,
        variant
    from {{ ref('int_campaign_conversions') }}
    where goal = 'order'
),

messages as (
    select
        message_id,
        channel_id,
        agent_id
    from {{ ref('fct_messages') }}
    where message_id in (select credits.message_id from credits)
),

final as (
    select
        credits.order_id,
        coalesce(messages.channel_id, 'none') as channel_id,
        credits.campaign_id as attributed_campaign_id,
        coalesce(conversions.variant, 'none') as attributed_variant,
        credits.message_id as attributed_message_id,
        coalesce(messages.agent_id, 'none') as attributed_agent_id,
        credits.ad_id as attributed_ad_id,
        credits.touch_type as attributed_touch_type,
        credits.touched_at as attributed_at,
        credits.first_touch_campaign_id,
        credits.is_assisted
    from credits
    left join conversions on credits.order_id = conversions.order_id
    left join messages on credits.message_id = messages.message_id
)

select * from final
