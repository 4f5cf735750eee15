-- What customers wrote in one go within a cycle, and when that was answered (SEMANTICS 6). In a
-- second's tie the customer wrote first: a bot answers within the second.
with

messages as (
    select
        message_id,
        conversation_cycle_id,
        contact_id,
        direction,
        sender_type,
        agent_id,
        message_at,
        has_clock_anomaly
    from {{ ref('fct_messages') }}
    where
        conversation_cycle_id <> 'none'
        and ({{ is_customer_message() }} or {{ is_possible_answer() }})
),

-- A message of 1970 or 2099 is a turn of its own and answers none: the others are counted as if it
-- were not there.
messages_ordered as (
    select
        *,
        row_number() over (
            partition by conversation_cycle_id, has_clock_anomaly
            order by message_at, direction, message_id
        ) as message_number,
        direction = 'inbound'
        and coalesce(
            lag(direction) over (
                partition by conversation_cycle_id, has_clock_anomaly
                order by message_at, direction, message_id
            ),
            'none'
        ) <> 'inbound' as is_turn_start
    from messages
),

-- What the business wrote before the first turn belongs to none: turn 0.
messages_in_turns as (
    select
        *,
        sum(case when is_turn_start then 1 else 0 end) over (
            partition by conversation_cycle_id, has_clock_anomaly
            order by message_number
            rows unbounded preceding
        ) as turn_number
    from messages_ordered
),

turns as (
    select
        conversation_cycle_id,
        has_clock_anomaly,
        turn_number,
        max(message_id) filter (where is_turn_start) as first_message_id,
        max(contact_id) filter (where is_turn_start) as contact_id,
        min(message_at) filter (where direction = 'inbound') as started_at,
        count(*) filter (where direction = 'inbound') as messages_received,
        min(message_at) filter (where direction = 'outbound') as first_reply_at,
        min(message_at) filter (where sender_type = 'agent') as first_human_reply_at,
        min_by(agent_id, message_number) filter (where sender_type = 'agent') as responder_agent_id
    from messages_in_turns
    where turn_number > 0
    group by conversation_cycle_id, has_clock_anomaly, turn_number
),

final as (
    select
        left(sha256('turn:' || first_message_id), 32) as turn_id,
        conversation_cycle_id,
        contact_id,
        started_at,
        messages_received,
        first_reply_at,
        first_human_reply_at,
        coalesce(responder_agent_id, 'none') as responder_agent_id,
        has_clock_anomaly
    from turns
)

select * from final
