-- What each order is credited to, with the columns of fct_orders: arm, channel and agent are those
-- of the touch's message and of the recipient's entry. A conversation counts only where nothing
-- else is credited (attribution_conversation_days).
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

conversation_touches as (
    select
        contact_id,
        channel_id,
        touched_at,
        message_id,
        agent_id
    from {{ ref('int_conversation_touches') }}
),

orders as (
    select
        order_id,
        contact_id,
        ordered_at
    from {{ ref('int_orders') }}
    where is_valid and not has_clock_anomaly and not is_internal
),

uncredited_orders as (
    select orders.*
    from orders
    anti join credits on orders.order_id = credits.order_id
),

conversation_credits as (
    select
        uncredited_orders.order_id,
        conversation_touches.channel_id,
        conversation_touches.touched_at,
        conversation_touches.message_id,
        conversation_touches.agent_id
    from uncredited_orders
    asof join conversation_touches
        on
            uncredited_orders.contact_id = conversation_touches.contact_id
            and uncredited_orders.ordered_at >= conversation_touches.touched_at
    where
        conversation_touches.touched_at
        >= uncredited_orders.ordered_at
        - interval ({{ var('attribution_conversation_days') | int }}) day
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
    union all
    select
        order_id,
        channel_id,
        'none' as attributed_campaign_id,
        'none' as attributed_variant,
        message_id as attributed_message_id,
        agent_id as attributed_agent_id,
        'none' as attributed_ad_id,
        'conversation' as attributed_touch_type,
        touched_at as attributed_at,
        'none' as first_touch_campaign_id,
        false as is_assisted
    from conversation_credits
)

select * from final
