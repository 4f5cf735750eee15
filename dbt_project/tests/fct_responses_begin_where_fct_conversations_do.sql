-- The first turn of a conversation cycle begins with the customer's first message, by the messages'
-- order here and by their times there; a cycle without the one is without the other.
with

turns as (
    select
        conversation_cycle_id,
        min(started_at) as first_turn_at
    from {{ ref('fct_responses') }}
    where not has_clock_anomaly
    group by conversation_cycle_id
),

cycles as (
    select
        conversation_cycle_id,
        first_inbound_at
    from {{ ref('fct_conversations') }}
    where first_inbound_at is not null
)

select
    turns.first_turn_at,
    cycles.first_inbound_at,
    coalesce(turns.conversation_cycle_id, cycles.conversation_cycle_id) as conversation_cycle_id
from turns
full outer join cycles on turns.conversation_cycle_id = cycles.conversation_cycle_id
where turns.first_turn_at is distinct from cycles.first_inbound_at
