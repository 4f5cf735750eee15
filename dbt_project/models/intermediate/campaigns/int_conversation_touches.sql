-- What may lead to an order without any campaign: a conversation in which the customer and an agent
-- wrote. A touch is each message of theirs from the moment both have written; it is the agent's who
-- wrote last. Off (and empty) while attribution_conversation_days is 0.
with

messages as (
    select
        conversation_cycle_id,
        message_id,
        contact_id,
        channel_id,
        direction,
        agent_id,
        message_at
    from {{ ref('fct_messages') }}
    where
        {{ var('attribution_conversation_days') | int }} > 0
        and conversation_cycle_id not in ('none', 'unknown')
        and contact_id not in ('none', 'unknown')
        and (
            (direction = 'inbound' and message_type not in ('system', 'reaction'))
            or (direction = 'outbound' and sender_type = 'agent' and failed_at is null)
        )
        and not has_clock_anomaly
),

followed as (
    select
        contact_id,
        channel_id,
        message_at,
        bool_or(direction = 'inbound') over messages_before as has_customer,
        last_value(case when direction = 'outbound' then agent_id end ignore nulls)
            over messages_before as agent_id,
        last_value(case when direction = 'outbound' then message_id end ignore nulls)
            over messages_before as message_id,
        last_value(case when direction = 'outbound' then message_at end ignore nulls)
            over messages_before as agent_wrote_at
    from messages
    window
        messages_before as (
            partition by conversation_cycle_id
            order by message_at, message_id
            rows between unbounded preceding and current row
        )
),

-- One touch of a second, when all of it is written: else a join would choose as it likes.
final as (
    select
        contact_id,
        channel_id,
        message_at as touched_at,
        message_id,
        agent_id
    from followed
    where has_customer and message_id is not null
    qualify
        row_number() over (
            partition by contact_id, message_at order by agent_wrote_at desc, message_id desc
        ) = 1
)

select * from final
