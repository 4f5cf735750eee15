"""All tables of conversations, agents, bots and surveys, recomputed from the raw files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from . import cycles, kpis, service, surveys
from .costs import add_costs
from .exports import Exports, read_exports
from .hours import conversation_hours
from .messages import Facts, build_messages
from .recompute import DEFAULTS

SERVICE_DEFAULTS: dict[str, Any] = {
    **DEFAULTS,
    "session_gap_hours": 24,
    "conversation_join_seconds": 60,
    "abandonment_hours": 24,
    "reopen_window_hours": 72,
    "bot_confirm_hours": 24,
    "survey_repeat_days": 7,
}


def recompute_service(
    raw: Path, key: bytes, settings: Mapping[str, Any] | None = None
) -> dict[str, pd.DataFrame]:
    """Read the raw folder and return the tables by name."""
    chosen = {**SERVICE_DEFAULTS, **(settings or {})}
    exports = read_exports(raw)
    facts = build_messages(exports, key, chosen)
    add_costs(facts.messages, exports, chosen)
    return service_tables(raw, exports, facts, key, chosen)


def service_tables(
    raw: Path, exports: Exports, facts: Facts, key: bytes, settings: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """Return the tables by name, from the messages."""
    zone = settings["reporting_timezone"]
    found = cycles.find_cycles(exports, facts, key, settings)
    clock = kpis.Clock(zone, found.now, settings)
    conversations = cycles.fct_conversations(found, settings, zone)
    turns = cycles.fct_responses(found, facts, zone)
    events = cycles.fct_conversation_events(found, zone)
    answers = surveys.fct_survey_responses(raw, exports, facts, found, settings, zone)
    cycles.add_current_agents(conversations, events, found)
    surveys.add_ratings(conversations, answers)
    messages = kpis.message_frame(facts, zone)
    of = found.of_message
    keys = [of[m].key if m in of else None for m in messages["message_id"]]
    messages["cycle"] = pd.Series(keys, messages.index, dtype=object)
    # Ratings end with the conversations, other answers go by the messages.
    of_messages = kpis.Clock(zone, facts.watermark_at, settings)
    orders_now = facts.orders_watermark_at
    of_sales = replace(of_messages, now=min(facts.watermark_at, orders_now or facts.watermark_at))
    return {
        "fct_messages": messages,
        "fct_conversations": conversations,
        "fct_responses": turns,
        "fct_conversation_events": events,
        "fct_survey_responses": answers,
        "kpi_service": service.kpi_service(
            conversations, turns, clock, service.labour_of_months(exports, settings)
        ),
        "kpi_conversation_categories": service.kpi_conversation_categories(conversations, clock),
        "kpi_automation": service.kpi_automation(conversations, clock),
        "kpi_agents": service.kpi_agents(conversations, events, messages, answers, found, clock),
        "kpi_csat": service.kpi_csat(answers, clock),
        "kpi_nps": service.kpi_nps(answers, of_messages),
        "kpi_feedback": service.kpi_feedback(answers, of_messages),
        "kpi_busiest_hours": conversation_hours(conversations, messages, found.hours, clock),
        "kpi_sales": service.sales_columns(conversations, exports, facts, clock, of_sales),
    }
