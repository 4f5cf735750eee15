-- The messages of campaigns and the entry of each: a broadcast has one, a drip or flow begins a new
-- one with a message that comes more than flow_reentry_days after the one before. A message whose
-- clock is off can decide no entry and no window, nobody's message is no recipient's.
with

messages as (
    select
        message_id,
        campaign_id,
        contact_id,
        channel_id,
        variant,
        category,
        message_at,
        message_on,
        attempted_at,
        sent_at,
        delivered_at,
        read_at,
        failed_at,
        first_replied_at,
        inferred_read_at,
        cost_amount
    from {{ ref('fct_messages') }}
    where
        direction = 'outbound'
        and campaign_id <> 'none'
        and contact_id not in ('none', 'unknown')
        and not has_clock_anomaly
),

flows as (
    select campaign_id
    from {{ ref('stg_campaigns__registry') }}
    where campaign_type in ('drip', 'flow')
),

steps as (
    select
        message_id,
        flow_step
    from {{ ref('int_campaign_steps') }}
),

flow_messages as (
    select
        messages.*,
        lag(messages.message_at) over (
            partition by messages.campaign_id, messages.contact_id
            order by messages.message_at, messages.message_id
        ) as previous_message_at
    from messages
    semi join flows on messages.campaign_id = flows.campaign_id
),

flow_entries as (
    select
        *,
        -- The first message has none before it and begins group 0.
        count(*) filter (
            where message_at
            > previous_message_at + interval ({{ var('flow_reentry_days') | int }}) day
        ) over (
            partition by campaign_id, contact_id
            order by message_at, message_id
            rows between unbounded preceding and current row
        ) as message_group
    from flow_messages
),

grouped as (
    select
        * exclude (previous_message_at),
        true as is_reentered
    from flow_entries
    union all
    select
        messages.*,
        0 as message_group,
        false as is_reentered
    from messages
    anti join flows on messages.campaign_id = flows.campaign_id
),

final as (
    select
        grouped.message_id,
        grouped.campaign_id,
        grouped.contact_id,
        grouped.message_group,
        grouped.is_reentered,
        grouped.channel_id,
        grouped.variant,
        grouped.category,
        grouped.message_at,
        grouped.message_on,
        grouped.attempted_at,
        grouped.sent_at,
        grouped.delivered_at,
        grouped.read_at,
        grouped.failed_at,
        grouped.first_replied_at,
        case
            when
                grouped.first_replied_at
                <= grouped.message_at + interval ({{ var('response_window_hours') | int }}) hour
                then grouped.first_replied_at
        end as replied_at,
        grouped.inferred_read_at,
        grouped.cost_amount,
        steps.flow_step
    from grouped
    left join steps on grouped.message_id = steps.message_id
)

select * from final
