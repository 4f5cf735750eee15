"""What must hold between conversations, agents, bots and their marts (MARTS 3, SEMANTICS 5 to 11).

The marts end with the watermark of service, which may lie before the last conversation: days after
it are left out of every comparison with a fact.
"""

from __future__ import annotations

from orchestration.checks.declaration import Check
from orchestration.checks.grains import agrees_across_grains, agrees_with_fact

KEYS: dict[str, tuple[str, ...]] = {
    "marts.fct_conversations": ("conversation_cycle_id",),
    "marts.fct_responses": ("turn_id",),
    "marts.fct_conversation_events": ("event_id",),
    "marts.fct_survey_responses": ("survey_response_id",),
    "marts.dim_agents": ("agent_id",),
    "marts.kpi_service": ("period_grain", "period_start_on", "channel_id"),
    "marts.kpi_conversation_categories": (
        "period_grain",
        "period_start_on",
        "channel_id",
        "category",
    ),
    "marts.kpi_agents": ("period_grain", "period_start_on", "agent_id"),
    "marts.kpi_automation": ("period_grain", "period_start_on", "channel_id"),
}

# Column of the mart → the same over the conversations of a day of opening.
_OPENED = {
    "conversations_opened": "count(*) filter (where not is_reopening)",
    "conversations_reopened": "count(*) filter (where is_reopening)",
    "conversations_with_inbound": "count(first_inbound_at)",
    "conversations_responded": "count(first_response_at)",
    "conversations_abandoned": "count(*) filter (where is_abandoned)",
    "conversations_with_sla": "count(is_sla_met)",
    "conversations_sla_met": "count(*) filter (where is_sla_met)",
}
_CLOSED = {
    "conversations_closed": "count(*)",
    "conversations_closed_reopened": "count(*) filter (where was_reopened)",
    "conversations_one_touch": "count(*) filter (where is_one_touch)",
    "message_cost_amount": "sum(message_cost_amount)",
}
_TURNS = {
    "turns_received": "count(*)",
    "turns_answered": "count(response_seconds)",
}
_BOTS = {
    "bot_conversations": "count(bot_outcome)",
    "bot_handed_off": "count(*) filter (where bot_outcome = 'handed_off')",
    "bot_open": "count(*) filter (where bot_outcome = 'open')",
    "bot_dropped_off": "count(*) filter (where bot_outcome = 'dropped_off')",
    "bot_completed": "count(*) filter (where bot_outcome = 'completed')",
}
_AGENT_COUNTS = (
    "conversations_closed",
    "messages_sent",
    "conversations_first_responded",
    "assignments_responded",
    "csat_responses",
    "csat_responses_satisfied",
)

_LAST_DAY = (
    "(select max(day_on) from intermediate.int_period_days "
    "where subject = 'service' and period_grain = 'day')"
)


INVARIANTS: tuple[Check, ...] = (
    Check(
        name="conversations_open_are_carried_over",
        table="marts.kpi_service",
        keys=KEYS["marts.kpi_service"],
        sql="""
select period_grain, period_start_on, channel_id
from (
    select
        *,
        lag(conversations_open_at_end, 1, 0) over (
            partition by period_grain, channel_id order by period_start_on
        ) as conversations_open_before
    from marts.kpi_service
)
where conversations_open_at_start is distinct from conversations_open_before
    or conversations_open_at_end is distinct from conversations_open_before
        + conversations_opened + conversations_reopened - conversations_closed
    or not coalesce(conversations_open_at_end >= 0, false)
""",
        description="open at the end = before + opened + reopened − closed, and closed ≤ opened",
    ),
    Check(
        name="conversations_open_at_the_end_are_those_not_closed",
        table="marts.kpi_service",
        keys=("channel_id",),
        sql=f"""
with stock as (
    select channel_id, period_grain, max_by(conversations_open_at_end, period_start_on) as open
    from marts.kpi_service group by all
),
conversations as (
    select channel_id, count(*) as open from marts.fct_conversations
    where not has_clock_anomaly and opened_on <= {_LAST_DAY}
        and coalesce(closed_on > {_LAST_DAY}, true)
    group by all
)
select stock.channel_id
from stock left join conversations using (channel_id)
where stock.open <> coalesce(conversations.open, 0)
""",
        description="the last stock of each grain counts the conversations without a close",
    ),
    agrees_across_grains(
        "marts.kpi_service",
        (*_OPENED, *_CLOSED, *_TURNS, "labour_cost_amount"),
        over=("channel_id",),
        name="service_agrees_across_grains",
        is_unknown_nothing=True,
    ),
    agrees_with_fact(
        "marts.kpi_service",
        _OPENED,
        name="openings_agree_with_the_conversations",
        fact="marts.fct_conversations",
        day="opened_on",
        over={"channel_id": "channel_id"},
        until="service",
    ),
    agrees_with_fact(
        "marts.kpi_service",
        _CLOSED,
        name="closings_agree_with_the_conversations",
        fact="marts.fct_conversations",
        day="closed_on",
        over={"channel_id": "channel_id"},
        until="service",
    ),
    agrees_with_fact(
        "marts.kpi_service",
        _TURNS,
        name="turns_agree_with_the_responses",
        fact="marts.fct_responses",
        day="started_on",
        over={"channel_id": "channel_id"},
        until="service",
    ),
    agrees_with_fact(
        "marts.kpi_automation",
        _BOTS,
        name="bots_agree_with_the_conversations",
        fact="marts.fct_conversations",
        day="opened_on",
        over={"channel_id": "channel_id"},
        until="service",
    ),
    Check(
        name="bot_outcomes_add_up",
        table="marts.kpi_automation",
        keys=KEYS["marts.kpi_automation"],
        sql="select period_grain, period_start_on, channel_id from marts.kpi_automation "
        "where not coalesce(bot_completed + bot_handed_off + bot_dropped_off + bot_open "
        "= bot_conversations and bot_engaged <= bot_conversations, false)",
        description="completed + handed off + dropped off + open = conversations with a bot",
    ),
    Check(
        name="every_bot_conversation_has_one_outcome",
        table="marts.fct_conversations",
        keys=KEYS["marts.fct_conversations"],
        sql="select conversation_cycle_id from marts.fct_conversations "
        "where (bot_started_at is null) <> (bot_outcome is null) "
        "or bot_outcome not in ('handed_off', 'open', 'dropped_off', 'completed')",
        description="who met a bot has one of four outcomes, nobody else has",
    ),
    Check(
        name="categories_add_up_to_service",
        table="marts.kpi_conversation_categories",
        keys=KEYS["marts.kpi_service"],
        sql="""
with categories as (
    select period_grain, period_start_on, channel_id, sum(conversations_opened) as opened,
        sum(conversations_closed) as closed, max(conversations_opened_on_channel) as on_channel
    from marts.kpi_conversation_categories group by all
)
select period_grain, period_start_on, channel_id
from marts.kpi_service full join categories using (period_grain, period_start_on, channel_id)
where coalesce(opened, 0) is distinct from conversations_opened
    or coalesce(closed, 0) is distinct from conversations_closed
    or coalesce(on_channel, 0) is distinct from conversations_opened
""",
        description="conversations of all categories are those of the channel",
    ),
    Check(
        name="reasons_add_up_to_the_abandoned",
        table="marts.fct_conversations",
        keys=KEYS["marts.fct_conversations"],
        sql="select conversation_cycle_id from marts.fct_conversations "
        "where coalesce(is_abandoned, false) <> (abandonment_reason is not null) "
        "or is_abandoned and first_inbound_at is null "
        "or abandonment_reason not in ('no_response', 'queue_abandon', 'bot_dropoff')",
        description="who was abandoned had written, and has one of three reasons",
    ),
    Check(
        name="times_of_conversations_stand_in_order",
        table="marts.fct_conversations",
        keys=KEYS["marts.fct_conversations"],
        sql="select conversation_cycle_id from marts.fct_conversations "
        "where closed_at < opened_at or first_response_at < first_inbound_at "
        "or first_any_response_at < first_inbound_at or first_any_response_at > first_response_at "
        "or opened_at is null or opened_on is null or (closed_at is null) <> (closed_on is null)",
        description="opened ≤ closed, inbound ≤ any response ≤ human response",
    ),
    Check(
        name="response_times_are_never_negative",
        table="marts.fct_conversations",
        keys=KEYS["marts.fct_conversations"],
        sql="select conversation_cycle_id from marts.fct_conversations "
        "where least(first_response_seconds, first_response_business_seconds, resolution_seconds, "
        "resolution_business_seconds, full_resolution_seconds) < 0 "
        "or first_response_business_seconds > first_response_seconds "
        "or resolution_business_seconds > resolution_seconds "
        "or resolution_seconds > full_resolution_seconds "
        "or (first_response_at is null) <> (first_response_seconds is null)",
        description="0 ≤ business seconds ≤ seconds, and a cycle is no longer than the whole",
    ),
    Check(
        name="answers_come_after_their_turns",
        table="marts.fct_responses",
        keys=KEYS["marts.fct_responses"],
        sql="select turn_id from marts.fct_responses where response_seconds < 0 "
        "or response_business_seconds < 0 or response_business_seconds > response_seconds "
        "or first_reply_at < started_at or first_reply_at > first_human_reply_at",
        description="0 ≤ business seconds ≤ seconds; turn ≤ any reply ≤ human reply",
    ),
    Check(
        name="cycles_follow_each_other",
        table="marts.fct_conversations",
        keys=KEYS["marts.fct_conversations"],
        sql="""
select conversation_cycle_id
from (
    select
        conversation_cycle_id, cycle_number, opened_at, is_reopening,
        row_number() over cycles as place,
        lag(closed_at) over cycles as closed_before_at
    from marts.fct_conversations
    where not has_clock_anomaly
    window cycles as (partition by conversation_id order by cycle_number)
)
where (place > 1 and not coalesce(opened_at >= closed_before_at, false))
    or (place = 1 and is_reopening)
""",
        description="a conversation is closed before it opens again",
    ),
    Check(
        name="every_cycle_of_a_message_is_known",
        table="marts.fct_messages",
        keys=("message_id",),
        sql="select message_id from marts.fct_messages as messages "
        "where conversation_cycle_id <> 'none' and not exists "
        "(select 1 from marts.fct_conversations as c "
        "where c.conversation_cycle_id = messages.conversation_cycle_id)",
        description="conversation_cycle_id is in fct_conversations",
    ),
    Check(
        name="every_platform_message_is_in_one_cycle",
        table="marts.fct_messages",
        keys=("message_id",),
        # Of an increment the messages that it works out anew. An inbox files every message, also
        # under a conversation of which nothing else tells.
        sql="""
select message_id
from intermediate.int_messages__unioned as messages
join marts.fct_messages as fct using (message_id)
left join intermediate.int_conversations__told as told
    on messages.conversation_key = told.conversation_key
left join marts.fct_conversations as cycles
    on fct.conversation_cycle_id = cycles.conversation_cycle_id
    and told.conversation_id = cycles.conversation_id
where not told.is_internal
    or told.conversation_key is null and messages.conversation_key in (
        select conversation_key from intermediate.int_message_reports
        where told_in_inbox_at is not null
    )
group by message_id
having count(*) <> 1 or count(cycles.conversation_cycle_id) <> 1
""",
        description="what a platform files under a conversation is in exactly one cycle of it",
    ),
    Check(
        name="messages_of_a_conversation_are_counted_once",
        table="marts.fct_conversations",
        keys=KEYS["marts.fct_conversations"],
        sql="""
with messages as (
    select conversation_cycle_id,
        count(*) filter (where direction = 'inbound' and message_type <> 'system') as received,
        count(*) filter (where direction = 'outbound' and failed_at is null) as sent,
        sum(cost_amount) as cost_amount
    from marts.fct_messages where not has_clock_anomaly group by 1
)
select conversation_cycle_id
from marts.fct_conversations left join messages using (conversation_cycle_id)
where messages_received <> coalesce(received, 0) or messages_sent <> coalesce(sent, 0)
    or message_cost_amount <> coalesce(cost_amount, 0)
""",
        description="messages and costs of a cycle are those of fct_messages",
    ),
    Check(
        name="every_conversation_has_a_known_contact",
        table="marts.fct_conversations",
        keys=KEYS["marts.fct_conversations"],
        sql="select conversation_cycle_id from marts.fct_conversations as conversations "
        "where contact_id is null or contact_id not in ('none', 'unknown') and not exists "
        "(select 1 from marts.dim_contacts as c where c.contact_id = conversations.contact_id)",
        description="contact_id is in dim_contacts",
    ),
    Check(
        name="every_agent_is_known",
        table="marts.dim_agents",
        keys=("agent_id",),
        sql="""
with named as (
    select agent_id from marts.kpi_agents
    union
    select agent_id from marts.fct_messages where direction = 'outbound'
    union
    select attributed_agent_id from marts.fct_orders
)
select agent_id from named
where agent_id is null or agent_id not in ('none', 'unknown')
    and agent_id not in (select a.agent_id from marts.dim_agents as a)
""",
        description="agent_id is in dim_agents",
    ),
    agrees_across_grains(
        "marts.kpi_agents",
        _AGENT_COUNTS,
        over=("agent_id",),
        name="agents_agree_across_grains",
        is_unknown_nothing=True,
    ),
    agrees_with_fact(
        "marts.kpi_agents",
        {"conversations_closed": "count(*)"},
        name="closings_of_agents_agree_with_the_conversations",
        fact="marts.fct_conversations",
        day="closed_on",
        over={"agent_id": "closing_agent_id"},
        where="closing_agent_id <> 'none'",
        until="service",
    ),
    agrees_with_fact(
        "marts.kpi_agents",
        {"conversations_first_responded": "count(first_response_at)"},
        name="first_responses_of_agents_agree_with_the_conversations",
        fact="marts.fct_conversations",
        day="opened_on",
        over={"agent_id": "first_responder_agent_id"},
        where="first_responder_agent_id <> 'none'",
        until="service",
    ),
    agrees_with_fact(
        "marts.kpi_agents",
        {
            "messages_sent": "count(sent_at) filter "
            "(where direction = 'outbound' and sender_type = 'agent')"
        },
        name="messages_of_agents_agree_with_the_messages",
        fact="marts.fct_messages",
        day="message_on",
        over={"agent_id": "agent_id"},
        where="agent_id <> 'none'",
        until="service",
    ),
    Check(
        name="agents_hold_no_more_than_is_open",
        table="marts.kpi_agents",
        keys=("period_grain", "period_start_on"),
        sql="""
with held as (
    select period_grain, period_start_on, sum(conversations_open_at_end) as held
    from marts.kpi_agents group by all
),
stock as (
    select period_grain, period_start_on, sum(conversations_open_at_end) as open
    from marts.kpi_service group by all
)
select period_grain, period_start_on
from held left join stock using (period_grain, period_start_on)
where held > coalesce(open, 0)
""",
        description="the backlog of the agents is part of the conversations open",
    ),
)

WARNINGS: tuple[Check, ...] = (
    Check(
        name="no_conversation_closes_before_it_opens",
        table="marts.fct_conversations",
        keys=("source", "conversation_id"),
        sql="select source, conversation_id from intermediate.int_conversations__told "
        "where closed_at < opened_at and source <> 'chatwoot' and not is_internal",
        description="each closed_at of a listed conversation comes after its opened_at",
        severity="warning",
        advice="Such a closing is left out and the conversation stays open; meta.exclusions counts "
        "it. Mend the times where they come from, or the zone in `time:` of the mapping.yml where "
        "one column is local time and the other UTC",
    ),
)
