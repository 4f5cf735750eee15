"""How customers are answered, from WhatsApp's logs alone: conversations, agents, bots, sales."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.checks.orders import INVARIANTS as ORDER_INVARIANTS
from orchestration.checks.service import INVARIANTS as SERVICE_INVARIANTS
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, clone, mart_hashes, query, records
from tests.pipeline.payloads import SENDS, WEBHOOKS, at, delivered, inbound, send, write, write_csv

PEOPLE = ("ada", "ben", "cleo", "dora", "emil", "finn")
PHONE = {name: f"49170000{number:05}" for number, name in enumerate(PEOPLE, start=1)}
SETTINGS = {"labour_cost_share": 0.5, "attribution_conversation_days": 3}
MONTH = "period_grain = 'month' and period_start_on = date '2026-10-01'"


def _exports(raw_dir: Path) -> None:
    write(
        raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            inbound("wamid.ada1", at(0), PHONE["ada"]),
            inbound("wamid.ada2", at(0, 120), PHONE["ada"]),
            inbound("wamid.ben1", at(0), PHONE["ben"]),
            inbound("wamid.cleo1", at(1), PHONE["cleo"]),
            inbound("wamid.cleo2", at(1, 20), PHONE["cleo"]),
            delivered("wamid.spring", at(0, 5), PHONE["dora"]),
            inbound("wamid.dora1", at(0, 600), PHONE["dora"], context="wamid.spring"),
            inbound("wamid.emil1", at(2), PHONE["emil"]),
            # The clock: Finn's own conversation is open still.
            inbound("wamid.finn1", at(20), PHONE["finn"]),
        ],
    )
    anna = {"sender_type": "agent", "agent_id": "anna"}
    bert = {"sender_type": "agent", "agent_id": "bert"}
    bot = {"sender_type": "bot", "bot_id": "helper"}
    write(
        raw_dir,
        SENDS,
        "1.jsonl",
        [
            send("wamid.to_ada", at(0, 60), PHONE["ada"], **anna),
            send("wamid.to_ben", at(0, 5), PHONE["ben"], **bot),
            send("wamid.bot_to_cleo", at(1, 5), PHONE["cleo"], **bot),
            send("wamid.to_cleo", at(1, 100), PHONE["cleo"], **bert),
            send("wamid.spring", at(0), PHONE["dora"], template="spring", campaign_id="spring"),
            send("wamid.to_dora", at(0, 900), PHONE["dora"], **anna),
        ],
    )
    bought = {"ada": at(2), "ben": at(1), "cleo": at(9), "dora": at(1)}
    write_csv(
        raw_dir,
        "generic/orders",
        "1.csv",
        "order_id,ordered_at,total_amount,currency_code,phone\n"
        + "".join(
            f"{name},{moment.isoformat()},40,EUR,+{PHONE[name]}\n"
            for name, moment in bought.items()
        ),
    )
    write_csv(
        raw_dir,
        "generic/leads",
        "1.csv",
        f"lead_id,phone,created_at\nl1,+{PHONE['ada']},{at(1).isoformat()}\n"
        f"l2,+{PHONE['dora']},{at(1).isoformat()}\n",
    )
    write_csv(
        raw_dir,
        "generic/costs",
        "1.csv",
        "cost_id,cost_type,starts_on,ends_on,amount,currency_code\n"
        "team,labour,2026-10-01,2026-10-31,310,EUR\n",
    )
    # The clock of the orders: they go as far as the messages.
    write_csv(
        raw_dir,
        "generic/orders",
        "2.csv",
        "order_id,ordered_at,total_amount,currency_code\n" + f"late,{at(20).isoformat()},1,EUR\n",
    )


@pytest.fixture(scope="module")
def world(make_once: MakeOnce) -> Path:
    """Return a folder with the raw exports and the warehouse built from them."""

    def make(folder: Path) -> None:
        _exports(folder / "raw")
        build(folder / "raw", folder / "warehouse", SETTINGS)

    return make_once("service", make)


@pytest.fixture(scope="module")
def db(world: Path) -> Path:
    return world / "warehouse" / "build.duckdb"


def test_conversations_are_inferred_and_answered(db: Path) -> None:
    assert query(db, "select distinct session_source from marts.fct_conversations") == [
        ("inferred",)
    ]
    [month] = records(db, f"from marts.kpi_service where {MONTH}")
    assert {name: value for name, value in month.items() if name.startswith("conversations_")} == {
        "conversations_open_at_start": 0,
        "conversations_opened": 6,
        "conversations_reopened": 0,
        "conversations_closed": 5,
        "conversations_open_at_end": 1,
        "conversations_opened_by_contact": 5,
        "conversations_opened_by_agent": 0,
        "conversations_opened_by_automation": 0,
        "conversations_opened_by_campaign": 1,
        "conversations_opened_by_api": 0,
        "conversations_with_inbound": 6,
        "conversations_responded": 3,
        # Emil, and Ada's thanks, to which nobody said a word.
        "conversations_abandoned": 2,
        "conversations_abandoned_no_response": 2,
        "conversations_abandoned_queue_abandon": 0,
        "conversations_abandoned_bot_dropoff": 0,
        "conversations_with_sla": 0,
        "conversations_sla_met": 0,
        "conversations_closed_reopened": 0,
        "conversations_one_touch": 3,
        "conversations_cost_unknown": 0,
    }
    # Ada after 60 seconds, Cleo after 100, Dora after 300.
    assert month["first_response_seconds_median"] == 100
    assert month["first_response_business_seconds_median"] is None
    # Half of the team's cost, over the five that were closed.
    assert month["labour_cost_amount"] == Decimal("155.0000")


def test_bots_and_agents_have_their_own_part(db: Path) -> None:
    assert query(
        db,
        "select bot_conversations, bot_completed, bot_handed_off, bot_dropped_off, bot_open "
        f"from marts.kpi_automation where {MONTH}",
    ) == [(2, 1, 1, 0, 0)]
    assert query(
        db,
        "select agent_id, conversations_assigned, conversations_replied, contacts_replied, "
        "first_response_seconds_median, attributed_revenue_amount "
        f"from marts.kpi_agents where {MONTH} order by agent_id",
    ) == [
        ("whatsapp:anna", None, 2, 2, 180.0, Decimal("40.0000")),
        ("whatsapp:bert", None, 1, 1, 100.0, Decimal("0.0000")),
    ]
    # Monday, nine to ten: Anna twice is one agent.
    assert query(
        db,
        "select conversations_opened, agent_hours from marts.kpi_busiest_hours "
        "where iso_day_of_week = 1 and hour_of_day = 9",
    ) == [(3, 1)]


def test_a_conversation_is_credited_where_no_campaign_is(db: Path) -> None:
    assert query(
        db,
        "select split_part(order_id, ':', 2) as name, attributed_touch_type, attributed_agent_id, "
        "attributed_campaign_id from marts.fct_orders where order_id not like '%late' order by 1",
    ) == [
        # Within three days of her thanks.
        ("ada", "conversation", "whatsapp:anna", "none"),
        # A bot alone is nobody to thank; Cleo ordered a week later.
        ("ben", None, "none", "none"),
        ("cleo", None, "none", "none"),
        # She answered a campaign before she talked with Anna.
        ("dora", "reply", "none", "spring"),
    ]
    assert query(
        db,
        "select contacts_started_conversation, contacts_started_lead, lead_generation_rate, "
        "conversations_with_inbound, revenue_per_conversation_amount from marts.kpi_sales "
        f"where {MONTH}",
    ) == [(5, 1, 0.2, 6, 80 / 6)]


def test_neither_labour_nor_conversations_count_unless_they_are_asked_for(
    world: Path, tmp_path: Path
) -> None:
    before = mart_hashes(world / "warehouse" / "build.duckdb")
    again = build(world / "raw", clone(world / "warehouse", tmp_path / "again"))
    after = mart_hashes(again.db)
    assert {"fct_orders", "kpi_service", "kpi_agents", "kpi_sales"} <= {
        name for name in before if before[name] != after[name]
    }
    assert before["fct_conversations"] == after["fct_conversations"]
    assert query(
        again.db,
        "select count(*) filter (where attributed_touch_type = 'conversation') "
        "from marts.fct_orders",
    ) == [(0,)]
    assert query(again.db, f"select labour_cost_amount from marts.kpi_service where {MONTH}") == [
        (None,)
    ]


@pytest.mark.parametrize(
    "check", (*SERVICE_INVARIANTS, *ORDER_INVARIANTS), ids=lambda check: str(check.name)
)
def test_every_invariant_holds(db: Path, check: Any) -> None:
    assert query(db, check.sql) == []
