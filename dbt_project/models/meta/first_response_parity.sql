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
        agent_id,
        campaign_id,
        message_at,
        failed_at
    from {{ ref('fct_messages') }}
    where direction = 'outbound' and sender_type = 'agent' and conversation_cycle_id <> 'none'
),

-- Typed in the app, or sent by another tool: WhatsApp tells of it, the platform doesn't know whose
-- it is.
answers_elsewhere as (
    select distinct
        conversation_cycle_id,
        message_at
    from human_messages
    where agent_id = 'unknown'
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
        min(conversations.first_response_at) over conversation as our_responded_at,
        arg_min(
            answers_elsewhere.message_at is not null, conversations.first_response_at
        ) over conversation as is_ours_from_elsewhere
    from reported
    inner join cycles on reported.conversation_key = cycles.conversation_key
    inner join conversations
        on cycles.conversation_cycle_id = conversations.conversation_cycle_id
    left join answers_elsewhere
        on
            conversations.conversation_cycle_id = answers_elsewhere.conversation_cycle_id
            and conversations.first_response_at = answers_elsewhere.message_at
    window conversation as (partition by reported.conversation_key)
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
            when our_responded_at < message_at and is_ours_from_elsewhere then 'answered_elsewhere'
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
