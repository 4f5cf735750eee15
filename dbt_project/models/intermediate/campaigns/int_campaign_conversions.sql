-- The goal events that a campaign gets, and which entry of a person led to each: that of the
-- credited message; without one (a link or coupon that says no more) the latest before the event.
-- What came of a campaign in which the person never was is nobody's conversion.
with

credits as (
    select
        goal,
        event_key,
        contact_id,
        occurred_at,
        qualified_at,
        campaign_id,
        message_id
    from {{ ref('int_campaign_credits') }}
    where campaign_id <> 'none' and contact_id is not null
),

messages as (
    select
        message_id,
        message_group
    from {{ ref('int_campaign_messages') }}
    where message_id in (select credits.message_id from credits)
),

entries as (
    select
        campaign_id,
        contact_id,
        entry_number,
        message_group,
        variant,
        entered_at
    from {{ ref('int_campaign_entries') }}
),

orders as (
    select
        order_id,
        gross_amount,
        net_amount
    from {{ ref('int_orders') }}
),

placed as (
    select
        credits.goal,
        credits.event_key,
        credits.contact_id,
        credits.occurred_at,
        credits.qualified_at,
        credits.campaign_id,
        entries.entry_number,
        entries.variant
    from credits
    inner join messages on credits.message_id = messages.message_id
    inner join entries
        on
            credits.campaign_id = entries.campaign_id
            and credits.contact_id = entries.contact_id
            and messages.message_group = entries.message_group
    union all
    select
        credits.goal,
        credits.event_key,
        credits.contact_id,
        credits.occurred_at,
        credits.qualified_at,
        credits.campaign_id,
        entries.entry_number,
        entries.variant
    from credits
    asof join entries
        on
            credits.campaign_id = entries.campaign_id
            and credits.contact_id = entries.contact_id
            and credits.occurred_at >= entries.entered_at
    where credits.message_id = 'none'
),

final as (
    select
        placed.goal,
        placed.event_key,
        placed.campaign_id,
        placed.contact_id,
        placed.entry_number,
        placed.variant,
        placed.occurred_at as converted_at,
        orders.gross_amount,
        orders.net_amount
    from placed
    left join orders on placed.goal = 'order' and placed.event_key = orders.order_id
    union all
    select
        'qualified' as goal,
        event_key,
        campaign_id,
        contact_id,
        entry_number,
        variant,
        qualified_at as converted_at,
        null as gross_amount,
        null as net_amount
    from placed
    where goal = 'lead' and qualified_at is not null
)

select * from final
