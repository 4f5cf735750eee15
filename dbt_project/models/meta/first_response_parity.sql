with

reported as (
    select
        conversation_key,
        responded_at
    from {{ ref('int_first_responses__reported') }}
),

cycles as (
    select
        conversation_key,
        conversation_cycle_id
    from {{ ref('int_conversation_cycles') }}
),

conversations as (
    select
        conversation_cycle_id,
        opened_by,
        first_inbound_at,
        first_response_at,
        bot_started_at,
        handed_off_at
    from {{ ref('fct_conversations') }}
    where session_source = 'platform'
),

human_messages as (
    select
        message_id,
        conversation_cycle_id,
        campaign_id,
        message_at,
        failed_at
    from {{ ref('fct_messages') }}
    where direction = 'outbound' and sender_type = 'agent' and conversation_cycle_id <> 'none'
),

reported_cycles as (
    select
        reported.conversation_key,
        reported.responded_at,
        conversations.conversation_cycle_id,
        conversations.opened_by,
        conversations.first_inbound_at,
        conversations.first_response_at,
        conversations.bot_started_at,
        conversations.handed_off_at,
        min(conversations.first_response_at) over (
            partition by reported.conversation_key
        ) as our_responded_at
    from reported
    inner join cycles on reported.conversation_key = cycles.conversation_key
    inner join conversations
        on cycles.conversation_cycle_id = conversations.conversation_cycle_id
),

-- The message that the platform means, as near as its time and ours can be: the send log and the
-- webhooks have clocks of their own.
meant_messages as (
    select
        reported_cycles.*,
        human_messages.message_at,
        human_messages.campaign_id,
        human_messages.failed_at
    from reported_cycles
    left join human_messages
        on
            reported_cycles.conversation_cycle_id = human_messages.conversation_cycle_id
            and human_messages.message_at
            between reported_cycles.responded_at - interval 2 minute
            and reported_cycles.responded_at + interval 2 minute
    qualify
        row_number() over (
            partition by reported_cycles.conversation_key
            order by
                abs(epoch(human_messages.message_at - reported_cycles.responded_at)) nulls last,
                human_messages.message_id,
                reported_cycles.conversation_cycle_id
        ) = 1
),

explained as (
    select
        conversation_key,
        case
            when date_trunc('second', our_responded_at) = date_trunc('second', responded_at)
                then 'equal'
            when message_at is null then 'message_not_loaded'
            when failed_at is not null then 'message_failed'
            when campaign_id <> 'none' then 'campaign_message'
            when coalesce(first_inbound_at > message_at, true) then 'before_the_customer_wrote'
            when opened_by = 'agent' then 'opened_by_agent'
            when bot_started_at <= message_at and handed_off_at > message_at
                then 'before_the_handoff'
            when our_responded_at = message_at then 'other_clock'
            else 'unexplained'
        end as reason
    from meant_messages
),

final as (
    select
        reason,
        cast(count(*) as bigint) as conversations
    from explained
    group by reason
)

select * from final
