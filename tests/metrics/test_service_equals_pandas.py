"""Conversations, agents, bots and surveys equal their recomputation in pandas from the raw files.

Cycles are known on both sides by what they mean (whose, where, when, the n-th), not by their ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Protocol

import duckdb
import pandas as pd

from .compare import (
    Records,
    differences,
    near_differences,
    plain,
    record_bag_differences,
    record_differences,
    records_of,
    warehouse_rows,
)
from .cycles import find_cycles
from .edge_service import SETTINGS, build
from .exports import read_exports
from .kpis import Clock, rows_of
from .messages import build_messages
from .recompute import recompute
from .service import ORDERS_OF_AGENTS, orders_of_agents
from .service_tables import SERVICE_DEFAULTS, recompute_service

RunCli = Callable[..., CompletedProcess[str]]


class Built(Protocol):
    """What the fixture `sample` gives."""

    published: Path
    raw_dir: Path


KEY = "a key for tests, never for data"
MAX_SHOWN = 60
PERIOD = ["period_grain", "period_start_on"]

# KPI marts by their keys: every column that isn't set aside is compared.
MARTS: dict[str, list[str]] = {
    "kpi_service": [*PERIOD, "channel_id"],
    "kpi_conversation_categories": [*PERIOD, "channel_id", "category"],
    "kpi_automation": [*PERIOD, "channel_id"],
    "kpi_agents": [*PERIOD, "agent_id"],
    "kpi_csat": [*PERIOD, "channel_id"],
    "kpi_nps": PERIOD,
    "kpi_feedback": [*PERIOD, "survey_type", "topic"],
}
# Parts of labour are rounded so that they add up.
NEARLY = {"kpi_service": ["labour_cost_amount", "cost_per_closed_conversation_amount"]}
# Marts of other issues: only the columns that conversations fill.
COLUMNS: dict[str, tuple[list[str], list[str]]] = {
    "kpi_busiest_hours": (
        ["channel_id", "iso_day_of_week", "hour_of_day"],
        ["conversations_opened", "agent_hours", "agents_active_per_hour"],
    ),
    "kpi_sales": (
        PERIOD,
        [
            *("contacts_started_conversation", "contacts_started_lead", "lead_generation_rate"),
            "conversations_with_inbound",
        ],
    ),
}
# Facts whose key is a hash of their own; a cycle stands by its meaning.
FACTS = ("fct_responses", "fct_conversation_events", "fct_survey_responses")
# Columns that hashes of their own fill, that rest on attribution, or are told by other tables.
NOT_RECOMPUTED: dict[str, set[str]] = {
    "fct_conversations": {
        *("conversation_cycle_id", "conversation_id"),
    },
    "fct_responses": {"turn_id"},
    "fct_conversation_events": {"event_id", "has_clock_anomaly"},
    "fct_survey_responses": {"survey_response_id"},
    "kpi_agents": {
        *("orders_attributed", "orders_attributed_amount_unknown", "attributed_revenue_amount"),
    },
}
MEANING = ["contact_id", "channel_id", "opened_at", "cycle_number", "session_source"]


def cycles_by_id(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[Any, ...]]:
    """Return what each cycle of the warehouse means."""
    listed = ", ".join(["conversation_cycle_id", *MEANING])
    rows = connection.execute(f"select {listed} from marts.fct_conversations").fetchall()
    return {row[0]: row[1:] for row in rows}


def with_meaning(rows: Records, meaning: dict[str, tuple[Any, ...]]) -> Records:
    """Put the meaning of its cycle beside each row."""
    return [{**r, "cycle": meaning.get(r["conversation_cycle_id"], r["conversation_cycle_id"])}
            for r in rows]  # fmt: skip


def of_facts(connection: duckdb.DuckDBPyConnection, ours: dict[str, pd.DataFrame]) -> list[str]:
    """Compare the facts, whose cycles have ids of their own."""
    meaning = cycles_by_id(connection)
    names, _ = warehouse_rows(connection, "fct_conversations")
    checked = [n for n in names if n not in NOT_RECOMPUTED["fct_conversations"]]
    told = with_meaning(records_of(connection, "from marts.fct_conversations"), meaning)
    conversations = rows_of(ours["fct_conversations"])
    found = record_differences("fct_conversations", conversations, told, ["cycle"], checked)
    query = "select message_id, conversation_cycle_id from marts.fct_messages"
    messages = [
        {**m, "cycle": None if m["cycle"] == "none" else m["cycle"]}
        for m in with_meaning(records_of(connection, query), meaning)
    ]
    own = rows_of(ours["fct_messages"][["message_id", "cycle"]])
    found += record_differences("fct_messages", own, messages, ["message_id"], ["cycle"])
    for table in FACTS:
        theirs = with_meaning(records_of(connection, f"from marts.{table}"), meaning)
        aside = {*NOT_RECOMPUTED[table], "conversation_cycle_id"}
        columns, _ = warehouse_rows(connection, table)
        kept = ["cycle", *(c for c in columns if c not in aside)]
        expected = rows_of(ours[table])
        found += record_bag_differences(table, expected, theirs, kept)
    return found


def of_columns(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    ours: pd.DataFrame,
    keys: list[str],
    columns: list[str],
) -> list[str]:
    """Compare some columns of a mart that has rows without any conversation, too."""
    listed = ", ".join([*keys, *columns])
    theirs = records_of(connection, f"select {listed} from marts.{table}")
    expected = rows_of(ours)
    known = {tuple(plain(row[k]) for k in keys) for row in expected}
    told = [
        row
        for row in theirs
        if tuple(row[k] for k in keys) in known or any(row[c] for c in columns)
    ]
    return record_differences(table, expected, told, keys, columns)


def check(published: Path, raw: Path, settings: dict[str, Any]) -> None:
    """Compare all tables of service."""
    with duckdb.connect(str(published), read_only=True) as connection:
        ours = recompute_service(raw, KEY.encode(), settings)
        found = of_facts(connection, ours)
        for table, keys in MARTS.items():
            aside = {*keys, *NOT_RECOMPUTED.get(table, ())}
            names, _ = warehouse_rows(connection, table)
            columns = [name for name in names if name not in aside]
            found += [f"{table}.{c} is not recomputed" for c in columns if c not in ours[table]]
            columns = [c for c in columns if c in ours[table]]
            nearly = NEARLY.get(table, [])
            columns = [c for c in columns if c not in nearly]
            if nearly:
                found += near_differences(connection, table, ours[table], keys, nearly)
            found += differences(connection, table, ours[table], keys, columns)
        for table, (keys, columns) in COLUMNS.items():
            found += of_columns(connection, table, ours[table], keys, columns)
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:MAX_SHOWN])


def check_orders_of_agents(published: Path, raw: Path) -> None:
    """Compare what agents are credited with."""
    chosen = {**SERVICE_DEFAULTS}
    exports = read_exports(raw)
    facts = build_messages(exports, KEY.encode(), chosen)
    agents = recompute_service(raw, KEY.encode())["kpi_agents"]
    orders = recompute(raw, KEY.encode())["fct_orders"]
    now = find_cycles(exports, facts, KEY.encode(), chosen).now
    clock = Clock(chosen["reporting_timezone"], now, chosen)
    ours = orders_of_agents(agents, orders, clock, facts.orders_watermark_at)
    keys = [*PERIOD, "agent_id"]
    with duckdb.connect(str(published), read_only=True) as connection:
        found = differences(connection, "kpi_agents", ours, keys, list(ORDERS_OF_AGENTS))
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:MAX_SHOWN])
    assert ours["orders_attributed"].sum() > 0, "no order of the sample is an agent's"


def test_service_of_edge_cases_equals_its_recomputation(run_cli: RunCli, tmp_path: Path) -> None:
    raw, warehouse = tmp_path / "raw", tmp_path / "warehouse"
    raw.mkdir()
    build(raw)
    done = run_cli(raw, warehouse, CHATMART_HMAC_KEY=KEY, CHATMART_VARS=json.dumps(SETTINGS))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    check(warehouse / "warehouse.duckdb", raw, SETTINGS)


def test_service_of_the_sample_equals_its_recomputation(sample: Built) -> None:
    check(sample.published, sample.raw_dir, {})


def test_orders_of_the_samples_agents_equal_their_recomputation(sample: Built) -> None:
    check_orders_of_agents(sample.published, sample.raw_dir)
