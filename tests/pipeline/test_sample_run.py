"""The golden run: what is printed = what is published = what the demo drew before rendering it."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.demo import DemoSettings, generate
from orchestration.scorecard import shown
from tests.conftest import ROOT, SAMPLE, Built, RunCli
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import assert_same_marts, build, query, records
from tests.pipeline.payloads import WEBHOOKS, message_id, status, write

COUNTS = (
    "messages_attempted",
    "messages_sent",
    "messages_delivered",
    "messages_read",
    "messages_failed",
    "messages_pending",
    "messages_received",
)
FUNNEL = ("targeted", "skipped", "attempted", "sent", "delivered", "read")
OUTCOMES = ("clicked", "replied", "opted_out")
# The number whose messages only a vendor's report tells, and the second inbox, which is in no
# webhook: the truth keeps them apart.
REPORTED, SECOND_INBOX = "310200000000005", "218734"
IN_LOGS = f"channel_id not in ('{REPORTED}', '{SECOND_INBOX}')"
# What the truth says of one message, and how a mart writes it.
OF_MESSAGE = {
    "direction": "direction",
    "message_at": "message_at",
    "sent_at": "sent_at",
    "delivered_at": "delivered_at",
    "read_at": "read_at",
    "failed_at": "failed_at",
    "error_code": "cast(error_code as varchar)",
    "sender_type": "sender_type",
    # Who typed in the app, nothing tells.
    "agent_id": "coalesce(agent_id, if(sender_type = 'agent', 'unknown', 'none'))",
    "bot_id": "coalesce(bot_id, if(sender_type = 'bot', 'unknown', 'none'))",
    "is_billable": "is_billable",
    "is_delivered_implied": "coalesce(is_delivered_implied, false)",
    "is_failed_overridden": "coalesce(is_failed_overridden, false)",
}


@pytest.fixture(scope="module")
def truth(make_once: MakeOnce) -> Path:
    """Draw the committed sample once more, this time with its truth."""

    def make(folder: Path) -> None:
        generate(folder / "raw", DemoSettings(contacts=120, days=100), folder / "drawn.duckdb")

    folder = make_once("sample_truth", make)
    for path in filter(Path.is_file, (folder / "raw").rglob("*")):
        assert path.read_bytes() == (SAMPLE / path.relative_to(folder / "raw")).read_bytes()
    return folder / "drawn.duckdb"


def _months(db: Path, table: str, columns: tuple[str, ...], channel: str, month: str) -> Any:
    is_mart = table.startswith("marts.")
    where = f"where period_grain = 'month' and {IN_LOGS}" if is_mart else ""
    sums = ", ".join(f"cast(sum({column}) as varchar)" for column in columns)
    return query(
        db, f"select {month}, {channel}, {sums} from {table} {where} group by all order by all"
    )


def test_the_printed_scorecard_is_the_published_file_and_the_truth(
    sample: Built, truth: Path, run_cli: RunCli
) -> None:
    card = json.loads(run_cli(sample.raw_dir, sample.warehouse_dir, "scorecard", "--json").stdout)
    month = card["period_start_on"]
    assert month == "2026-10-01"
    drawn = {
        row["phone_number_id"]: row
        for row in records(truth, "from truth.kpi_messaging_months where month_on = ?::date", month)
    }
    costs = {
        row["phone_number_id"]: row
        for row in records(truth, "from truth.kpi_costs_months where month_on = ?::date", month)
    }
    printed = [line.split() for line in sample.output.splitlines()]
    # The fourth number fell silent before: a row of zeros that the truth has no line for.
    assert drawn.keys() <= {row["channel_id"] for row in card["messaging"]}
    reported = records(
        truth,
        "select count(*) as messages_attempted, count(delivered_at) as messages_delivered, "
        "count(read_at) as messages_read from truth.report_messages "
        "where date_trunc('month', sent_at) = ?::date",
        month,
    )
    [vendors] = [row for row in card["messaging"] if row["channel_id"] == REPORTED]
    assert [{name: vendors[name] for name in row} for row in reported] == reported
    inbox = records(
        truth,
        "select count(*) filter (where direction = 'outbound') as messages_attempted, "
        "count(*) filter (where direction = 'inbound') as messages_received "
        "from truth.respond_messages where date_trunc('month', sent_at) = ?::date",
        month,
    )
    [second] = [row for row in card["messaging"] if row["channel_id"] == SECOND_INBOX]
    assert [{name: second[name] for name in row} for row in inbox] == inbox
    for row in card["messaging"]:
        if row["channel_id"] in (REPORTED, SECOND_INBOX):
            continue
        expected = drawn.get(row["channel_id"], dict.fromkeys(COUNTS, 0))
        assert {name: row[name] for name in COUNTS} == {name: expected[name] for name in COUNTS}
        cost = costs.get(row["channel_id"], {"cost_amount": Decimal(0)})["cost_amount"]
        assert Decimal(row["cost_amount"]) == cost
        line = [*row["channel"].split(), *(str(expected[name]) for name in COUNTS)]
        assert line in printed
        assert any(cells[-1:] == [shown(Decimal(row["cost_amount"]))] for cells in printed)
    total = card["messaging_total"]
    for name in COUNTS:
        in_logs = sum(row[name] for row in drawn.values())
        assert total[name] == in_logs + vendors[name] + (second[name] or 0)
    # Of the second inbox nobody tells deliveries: it is on neither side of the fraction.
    assert (second["messages_delivered"], second["delivery_rate"]) == (None, None)
    assert total["delivery_rate"] == total["messages_delivered"] / (
        total["messages_sent"] - second["messages_sent"]
    )
    sums = {
        name: sum(row[name] for row in card["costs"])
        for name in ("messages_billable", "messages_free")
    }
    assert sums == {name: sum(row[name] for row in costs.values()) for name in sums}
    assert sum(Decimal(row["cost_amount"]) for row in card["costs"]) == sum(
        row["cost_amount"] for row in costs.values()
    )
    [active] = records(
        truth,
        "from truth.active_contacts_with_orders where active_on = last_day(?::date)",
        month,
    )
    assert card["active_contacts"]["active_on"] == str(active["active_on"])
    for window in ("1d", "7d", "28d"):
        name = f"contacts_active_{window}"
        assert card["active_contacts"][name] == active[name]


def test_the_readme_shows_what_a_run_prints(sample: Built) -> None:
    shown = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[1]
    printed = [line.split() for line in sample.output.splitlines()]
    assert len(shown.splitlines()) > 20
    assert [line for line in shown.splitlines() if line.split() not in printed] == []


def test_every_month_of_the_published_file_is_the_truth(sample: Built, truth: Path) -> None:
    columns = (*COUNTS, "messages_capped")
    published = _months(
        sample.published, "marts.kpi_messaging", columns, "channel_id", "period_start_on"
    )
    drawn = _months(truth, "truth.kpi_messaging_months", columns, "phone_number_id", "month_on")
    assert [row for row in published if set(row[2:]) != {"0"}] == drawn
    costs = ("messages_billable", "messages_free", "cost_amount")
    published = _months(sample.published, "marts.kpi_costs", costs, "channel_id", "period_start_on")
    drawn = _months(truth, "truth.kpi_costs_months", costs, "phone_number_id", "month_on")
    assert [row for row in published if row[2:4] != ("0", "0")] == drawn


def test_every_day_of_active_contacts_is_the_truth(sample: Built, truth: Path) -> None:
    columns = "active_on, contacts_active_1d, contacts_active_7d, contacts_active_28d"
    published = query(
        sample.published, f"select {columns} from marts.kpi_active_contacts order by active_on"
    )
    first = published[0][0]
    drawn = query(
        truth,
        f"select {columns} from truth.active_contacts_with_orders where active_on >= ? "
        "order by active_on",
        first,
    )
    assert published == drawn
    before = (
        "select max(contacts_active_28d) from truth.active_contacts_with_orders where active_on < ?"
    )
    assert query(truth, before, first) in ([(0,)], [(None,)])


def test_every_campaign_is_the_truth(sample: Built, truth: Path) -> None:
    """Per delivered recipient where the truth tells both; in the warehouse it is always so."""
    columns = {
        **{f"recipients_{name}": f"recipients_{name}" for name in FUNNEL},
        **{f"recipients_{name}": f"recipients_{name}_delivered" for name in OUTCOMES},
        "clicks_total": "clicks_total",
    }
    drawn = query(
        truth,
        f"select campaign_id, variant, {', '.join(columns.values())} from truth.kpi_campaigns "
        "where not is_control order by all",
    )
    published = query(
        sample.published,
        f"select campaign_id, variant, {', '.join(columns)} from marts.kpi_campaigns "
        "where campaign_id not like 'partner-%' and variant <> 'control' order by all",
    )
    assert len(drawn) > 8
    assert published == drawn


def test_a_vendors_campaign_is_the_truth(sample: Built, truth: Path) -> None:
    columns = [f"recipients_{name}" for name in (*FUNNEL[2:], "clicked", "replied", "opted_out")]
    listed = ", ".join(["campaign_id", *columns])
    drawn = query(truth, f"select {listed} from truth.kpi_report_campaigns order by all")
    published = query(
        sample.published,
        f"select {listed} from marts.kpi_campaigns where campaign_id like 'partner-%' order by all",
    )
    assert len(drawn) > 3
    assert published == drawn


def test_every_month_of_consent_is_the_truth(sample: Built, truth: Path) -> None:
    columns = "opt_ins, opt_outs, opt_outs_unknown, contacts_deleted_opted_in, opted_in_contacts"
    drawn = query(
        truth,
        f"select month_on, phone_number_id, {columns} from truth.kpi_consent_months order by all",
    )
    published = query(
        sample.published,
        f"select period_start_on, channel_id, {columns} from marts.kpi_consent "
        f"where period_grain = 'month' and {IN_LOGS} order by all",
    )
    shown = {(row[0], row[1]) for row in published}
    assert [row for row in published if (row[0], row[1]) in {(d[0], d[1]) for d in drawn}] == [
        row for row in drawn if (row[0], row[1]) in shown
    ]
    assert any(row[2] for row in drawn)


def test_every_source_of_leads_is_the_truth(sample: Built, truth: Path) -> None:
    drawn = query(
        truth,
        "select source_system, source, leads, qualified_leads, leads_won, leads_lost "
        "from truth.leads_by_source order by all",
    )
    published = query(
        sample.published,
        "select split_part(lead_id, ':', 1), lead_source, count(*), count(qualified_at), "
        "count(won_at), count(lost_at) from marts.fct_leads group by all order by all",
    )
    assert drawn
    assert published == drawn


def test_every_order_is_the_truth(sample: Built, truth: Path) -> None:
    columns = (
        "order_id, source_system, ordered_at, is_valid, is_cod, is_rto, cancelled_at, fulfilled_at, "
        "currency_code, net_amount_original, units, utm_source, utm_medium, utm_campaign"
    )
    drawn = query(truth, f"select {columns} from truth.orders order by order_id")
    published = query(sample.published, f"select {columns} from marts.fct_orders order by order_id")
    assert len(drawn) > 150
    assert published == drawn


def test_every_month_of_orders_is_the_truth(sample: Built, truth: Path) -> None:
    drawn = query(truth, "from truth.kpi_orders_months order by all")
    published = query(
        sample.published,
        "select cast(date_trunc('month', ordered_at) as date), currency_code, count(*), "
        "cast(sum(net_amount_original) as decimal(18, 4)) from marts.fct_orders "
        "where is_valid group by all order by all",
    )
    assert published == drawn
    # The last month isn't over: it ends with whichever of messages and orders ends first.
    of_months = query(
        sample.published,
        "select period_start_on, orders_valid from marts.kpi_aov "
        "where period_grain = 'month' and is_complete order by all",
    )
    told = query(
        truth,
        "select month_on, cast(sum(orders_valid) as bigint) from truth.kpi_orders_months "
        "group by all order by all",
    )
    assert len(of_months) == len(told) - 1
    assert of_months == told[:-1]


def test_every_customer_is_one_of_the_truth(sample: Built, truth: Path) -> None:
    """Customers by the time of their first order, which is nobody else's."""
    drawn = query(truth, "select first_order_at, orders_valid from truth.customers order by all")
    published = query(
        sample.published,
        "select min(ordered_at), count(*) from marts.fct_orders where is_valid "
        "group by contact_id order by all",
    )
    assert len(drawn) > 80
    assert published == drawn
    # Who was messaged is the same person in the shop.
    [(bought,)] = query(truth, "select count(contact_no) from truth.customers")
    [(stitched,)] = query(
        sample.published,
        "select count(distinct contact_id) from marts.fct_orders as o where o.is_valid "
        "and exists (select 1 from marts.fct_messages as m where m.contact_id = o.contact_id)",
    )
    assert bought - 5 <= stitched <= bought


def test_every_checkout_is_the_truth(sample: Built, truth: Path) -> None:
    """What the export calls recovered is; an order soon after may make more of them recovered."""
    drawn = query(
        truth,
        "select 'generic:' || checkout_id, created_at, recovered_order_id from truth.checkouts "
        "order by all",
    )
    published = query(
        sample.published,
        "select checkout_id, created_at, recovered_order_id from marts.fct_abandoned_checkouts "
        "order by all",
    )
    assert len(drawn) > 30
    assert [row[:2] for row in published] == [row[:2] for row in drawn]
    assert {row for row in drawn if row[2]} <= set(published)
    assert any(row[2] == "none" for row in published)


def test_every_ads_day_is_the_truth(sample: Built, truth: Path) -> None:
    columns = (
        "ad_id, spent_on, ad_name, campaign_name, currency_code, spend_amount_original, "
        "impressions, link_clicks, conversations_started"
    )
    drawn = query(truth, f"select {columns} from truth.ad_spend_days order by all")
    published = query(sample.published, f"select {columns} from marts.fct_ad_spend order by all")
    assert len(drawn) == 300
    assert published == drawn


def test_every_message_has_the_times_of_the_truth(sample: Built, truth: Path) -> None:
    """Message by message: folded from late, repeated, shuffled and missing statuses."""
    told = ", ".join(f"{sql} as {name}" for name, sql in OF_MESSAGE.items())
    rows = records(truth, f"select wamid, {told} from truth.messages where not is_internal")
    # A refused call has no wamid in the exports: its key is composed, and hashed with the key.
    drawn = {
        message_id(wamid, row["direction"]) if wamid else f"refused {number}": row
        for number, (wamid, row) in enumerate((row.pop("wamid"), row) for row in rows)
    }
    published = {
        row.pop("message_id"): row
        for row in records(
            sample.published,
            f"select message_id, {', '.join(OF_MESSAGE)} from marts.fct_messages where {IN_LOGS}",
        )
    }
    refused = sorted(str(row) for key, row in drawn.items() if key not in published)
    composed = sorted(str(row) for key, row in published.items() if key not in drawn)
    assert 0 < len(refused) < 50
    assert composed == refused
    known = drawn.keys() & published.keys()
    assert len(known) > 800
    assert {key: published[key] for key in known} == {key: drawn[key] for key in known}


# What the truth says of a cycle and how the mart writes it: to the second, which is what an inbox
# and the webhooks of its messages agree on.
OF_CYCLE = {
    **{name: name for name in ("cycle_number", "opened_by", "closed_by", "closing_agent_id")},
    "category": "coalesce(category, 'none')",
    **{
        name: f"date_trunc('second', {name})"
        for name in (
            "closed_at",
            "first_inbound_at",
            "first_response_at",
            "first_any_response_at",
            "bot_started_at",
            "handed_off_at",
        )
    },
    "first_responder_agent_id": "first_responder_agent_id",
    "first_response_seconds": "round(first_response_seconds)",
    "resolution_seconds": "round(resolution_seconds)",
    **{
        f"messages_{name}": f"messages_{name}"
        for name in ("received", "sent", "sent_by_agents", "sent_by_bots")
    },
    **{name: name for name in ("is_reopening", "was_reopened", "is_one_touch")},
    "is_abandoned": "coalesce(is_abandoned, false)",
    **{name: name for name in ("abandonment_reason", "bot_outcome")},
}


def _cycles(db: Path, table: str, where: str) -> list[tuple[Any, ...]]:
    columns = ", ".join(f"{sql} as {name}" for name, sql in OF_CYCLE.items())
    return query(
        db,
        f"select channel_id, date_trunc('second', opened_at) as opened_at, {columns} "
        f"from {table} where {where} order by all",
    )


def test_every_cycle_of_an_inbox_is_the_truth(sample: Built, truth: Path) -> None:
    drawn = _cycles(truth, "truth.conversations", "not is_internal")
    published = _cycles(sample.published, "marts.fct_conversations", "session_source = 'platform'")
    assert len(drawn) > 70
    assert published == drawn
    # The other two numbers have no inbox.
    inferred = query(
        sample.published,
        "select distinct channel_id from marts.fct_conversations "
        "where session_source = 'inferred' order by all",
    )
    assert {"104200000000001", "104200000000004"} <= {channel for (channel,) in inferred}


def test_every_turn_in_an_inbox_is_the_truth(sample: Built, truth: Path) -> None:
    columns = (
        "channel_id, date_trunc('second', r.started_at), "
        "date_trunc('second', r.first_reply_at), "
        "date_trunc('second', r.first_human_reply_at), r.messages_received"
    )
    drawn = query(
        truth,
        f"select c.{columns} from truth.responses as r inner join truth.conversations as c "
        "using (source, conversation_no, cycle_number) where not c.is_internal order by all",
    )
    published = query(
        sample.published,
        f"select c.{columns} from marts.fct_responses as r inner join marts.fct_conversations as c "
        "using (conversation_cycle_id) where c.session_source = 'platform' order by all",
    )
    assert len(drawn) > 120
    assert published == drawn


def test_what_agents_and_bots_did_is_the_truth(sample: Built, truth: Path) -> None:
    drawn = query(
        truth,
        "select e.event_type, e.actor_agent_id, e.assignee_agent_id, e.occurred_at "
        "from truth.conversation_events as e inner join truth.conversations as c "
        "using (conversation_no, cycle_number) where c.source = 'chatwoot' and not c.is_internal "
        "and e.event_type in ('assigned', 'comment', 'handoff') order by all",
    )
    published = query(
        sample.published,
        "select event_type, nullif(actor_agent_id, 'none'), nullif(assignee_agent_id, 'none'), "
        "occurred_at from marts.fct_conversation_events where event_type in "
        "('assigned', 'comment', 'handoff') "
        "and coalesce(assignment_source, '') <> 'current_assignee' order by all",
    )
    assert len(drawn) > 30
    assert published == drawn


def test_every_month_of_surveys_is_the_truth(sample: Built, truth: Path) -> None:
    recommended = "responses, promoters, passives, detractors"
    drawn = query(truth, f"select month_on, {recommended} from truth.kpi_nps_months order by all")
    published = query(
        sample.published,
        f"select period_start_on, {recommended} from marts.kpi_nps "
        "where period_grain = 'month' and is_complete order by all",
    )
    assert len(drawn) > 3
    # The last month isn't over: what is answered after the inboxes' last event waits.
    assert published == drawn[:-1]
    satisfied = "surveys_sent, surveys_sent_answered, responses, responses_satisfied"
    drawn = query(
        truth, f"select month_on, channel_id, {satisfied} from truth.kpi_csat_months order by all"
    )
    published = query(
        sample.published,
        f"select period_start_on, channel_id, {satisfied} from marts.kpi_csat "
        "where period_grain = 'month' and surveys_sent + responses > 0 order by all",
    )
    assert len(drawn) > 6
    assert published == drawn


def test_a_second_run_leaves_the_published_file_alone(sample_copy: Built, run_cli: RunCli) -> None:
    before = sample_copy.published.read_bytes(), sample_copy.published.stat().st_mtime_ns
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert done.returncode == 0, done.stderr
    assert "Up to date since" in done.stdout
    assert (sample_copy.published.read_bytes(), sample_copy.published.stat().st_mtime_ns) == before


def test_a_new_file_changes_only_what_it_touches(
    sample: Built, sample_copy: Built, run_cli: RunCli, tmp_path: Path
) -> None:
    """A late `read` for one message: one row of the fact, its day, week and month, no other."""
    [told] = records(
        sample.working,
        "select w.record_id, w.person_wa_id, w.phone_number_id, f.message_id, f.message_on, "
        "f.template_name from raw.whatsapp_webhooks as w join marts.fct_messages as f "
        "on f.message_id = left(sha256('whatsapp:outbound:' || w.record_id), 32) "
        "where w.record_kind = 'status' and w.person_wa_id is not null "
        "and f.delivered_at is not null and f.inferred_read_at is null "
        "and f.template_name <> 'none' and f.campaign_id = 'none' "
        "and f.message_on < date '2026-10-01' order by w.record_id limit 1",
    )
    [(delivered_at,)] = query(
        sample.working,
        "select delivered_at from marts.fct_messages where message_id = ?",
        told["message_id"],
    )
    moment = delivered_at.replace(tzinfo=UTC) + timedelta(hours=2)
    late = status(
        told["record_id"], "read", moment, told["person_wa_id"], number=told["phone_number_id"]
    )
    write(sample_copy.raw_dir, WEBHOOKS, "late.jsonl", [late])
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "full refresh" not in done.stdout

    def changed(table: str, key: str) -> list[tuple[Any, ...]]:
        before, after = (
            set(query(built.published, f"from marts.{table}")) for built in (sample, sample_copy)
        )
        names = [
            n
            for (n,) in query(
                sample.published,
                "select column_name from duckdb_columns() where schema_name = 'marts' "
                "and table_name = ? order by column_index",
                table,
            )
        ]
        places = [names.index(name) for name in key.split(", ")]
        return sorted({tuple(row[place] for place in places) for row in before ^ after}, key=str)

    tables = {
        n
        for (n,) in query(
            sample.published, "select table_name from duckdb_tables() where schema_name = 'marts'"
        )
    }
    assert changed("fct_messages", "message_id") == [(told["message_id"],)]
    [starts] = query(
        sample.published,
        "select ?::date, date_trunc('month', ?::date)::date, date_trunc('week', ?::date)::date",
        *[told["message_on"]] * 3,
    )
    periods = [
        (grain, start, told["phone_number_id"])
        for grain, start in zip(("day", "month", "week"), starts, strict=True)
    ]
    assert changed("kpi_messaging", "period_grain, period_start_on, channel_id") == periods
    touched = changed("kpi_templates", "period_grain, period_start_on, template_name")
    assert touched == [(*period[:2], told["template_name"]) for period in periods]
    # Meta's count of reads of the day is compared with one read more.
    reconciled = changed("kpi_reconciliation", "source, metric")
    assert set(reconciled) <= {("template_analytics", "read")}
    unchanged = tables - {"fct_messages", "kpi_messaging", "kpi_templates", "kpi_reconciliation"}
    for table in unchanged:
        assert changed(table, _first_column(sample.published, table)) == []
    clean = build(sample_copy.raw_dir, tmp_path / "clean")
    assert_same_marts(sample_copy.published, clean.db, marts_only=True)


def _first_column(db: Path, table: str) -> str:
    [(name,)] = query(
        db,
        "select column_name from duckdb_columns() where schema_name = 'marts' "
        "and table_name = ? and column_index = 1",
        table,
    )
    return str(name)
