"""Messages that other systems report of: beside webhooks, instead of them, and again and again."""

from __future__ import annotations

import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from orchestration.checks.declaration import Outcome
from orchestration.checks.runner import outcome_rows, run_check
from orchestration.checks.warnings import warnings
from orchestration.warehouse import connect
from tests.pipeline.conftest import World
from tests.pipeline.harness import query, records, settings_of
from tests.pipeline.payloads import (
    NUMBER,
    SENDS,
    WEBHOOKS,
    at,
    delivered,
    inbound,
    message_id,
    naive,
    send,
    status,
    write,
    write_csv,
)

MAPPINGS = Path("orchestration/mappings")
REPORTS = "generic/message_reports"
MESSAGES = "generic/messages"
ADA, BEN = "4917012345601", "4917012345602"
HEADER = (
    "message_id,channel_id,phone,email,direction,sent_at,delivered_at,read_at,failed_at,"
    "error_code,campaign_id,variant,category,button_clicked_at,opted_out_at,price_amount,"
    "currency_code\n"
)
FIRST = (
    "s1,shop,+49 170 12345601,,outbound,2026-03-02 10:00:00,2026-03-02 10:00:05,,,,spring,a,"
    "marketing,,,,\n"
    "s1,shop,+49 170 12345602,,outbound,2026-03-02 10:00:00,,,,131026,spring,b,marketing,,,,\n"
    "s1,shop,,ada@example.com,outbound,2026-03-02 10:00:00,2026-03-02 10:00:07,,,,spring,b,"
    "marketing,,,-0.05,EUR\n"
)


def _messages(world: World) -> dict[tuple[str, str], dict[str, object]]:
    rows = records(
        world.warehouse_dir / "build.duckdb",
        "select c.identifier_value as person, m.* from marts.fct_messages as m "
        "left join intermediate.int_identities as c on m.contact_id = c.identifier_hash "
        "order by all",
    )
    return {(str(row["person"]), str(row["direction"])): row for row in rows}


def test_a_report_stands_in_for_webhooks(messages_only: World) -> None:
    write_csv(messages_only.raw_dir, REPORTS, "r1.csv", HEADER + FIRST)
    messages_only.build()
    messages = _messages(messages_only)
    assert len(messages) == 3
    ada, ben = messages[ADA, "outbound"], messages[BEN, "outbound"]
    mail = messages["ada@example.com", "outbound"]
    assert (ada["campaign_id"], ada["variant"], ada["category"]) == ("spring", "a", "marketing")
    assert ada["delivered_at"] == datetime(2026, 3, 2, 10, 0, 5)
    assert (ben["sent_at"], ben["error_class"]) == (None, "invalid_recipient")
    assert (mail["cost_amount"], mail["cost_source"]) == (Decimal("0.050000"), "reported")
    assert (ada["cost_amount"], ada["channel_id"]) == (None, "shop")


def test_reports_that_come_again_knowing_more_equal_a_rebuild(messages_only: World) -> None:
    write_csv(messages_only.raw_dir, REPORTS, "2026-03-03.csv", HEADER + FIRST)
    write(messages_only.raw_dir, WEBHOOKS, "w.jsonl", [inbound("wamid.i1", at())])
    messages_only.build()
    later = FIRST.replace("10:00:05,,,,", "10:00:05,2026-03-02 12:00:00,,,").replace(
        "marketing,,,,\n", "marketing,2026-03-02 12:00:09,,,\n", 1
    )
    again = write_csv(messages_only.raw_dir, REPORTS, "2026-03-04.csv", HEADER + later)
    assert messages_only.assert_equals_a_rebuild().full_refresh_reason is None
    ada = _messages(messages_only)[ADA, "outbound"]
    assert ada["read_at"] == datetime(2026, 3, 2, 12)
    assert ada["first_replied_at"] == datetime(2026, 3, 2, 12, 0, 9)
    # The file is exported once more without Ben's row and with another campaign for Ada's.
    rows = later.splitlines(keepends=True)
    again.write_text(HEADER + rows[0].replace("spring", "autumn") + rows[2])
    messages_only.assert_equals_a_rebuild()
    assert _messages(messages_only)[ADA, "outbound"]["campaign_id"] == "autumn"
    # The first file goes too: Ben's message is gone, nothing of it stays behind.
    (messages_only.raw_dir / REPORTS / "2026-03-03.csv").write_text(HEADER + rows[2])
    messages_only.assert_equals_a_rebuild()
    assert (BEN, "outbound") not in _messages(messages_only)


def test_a_report_with_a_wamid_joins_the_webhooks(messages_only: World) -> None:
    write(messages_only.raw_dir, SENDS, "s.jsonl", [send("wamid.o1", at(), ADA)])
    write(
        messages_only.raw_dir, WEBHOOKS, "w.jsonl", [status("wamid.o1", "sent", at(seconds=1), ADA)]
    )
    messages_only.build()
    write_csv(
        messages_only.raw_dir,
        REPORTS,
        "r.csv",
        HEADER
        + f"wamid.o1,{NUMBER},{ADA},,outbound,{at(seconds=2)},{at(seconds=5)},{at(seconds=60)},,,spring,,,,,0.07,EUR\n"
        + f"wamid.o2,{NUMBER},{ADA},,outbound,{at(seconds=9)},,,,,,,,,,,\n",
    )
    write_csv(
        messages_only.raw_dir,
        MESSAGES,
        "m.csv",
        "message_id,channel_id,phone,direction,sent_at,message_type\n"
        f"wamid.i1,{NUMBER},{ADA},inbound,{at(seconds=120)},text\n",
    )
    assert messages_only.assert_equals_a_rebuild().full_refresh_reason is None
    db = messages_only.warehouse_dir / "build.duckdb"
    assert query(db, "select count(*) from marts.fct_messages") == [(3,)]
    [row] = records(db, "from marts.fct_messages where message_id = ?", message_id("wamid.o1"))
    times = [naive(at(seconds=seconds)) for seconds in (1, 5, 60)]
    assert [row["sent_at"], row["delivered_at"], row["read_at"]] == times
    assert (row["campaign_id"], row["cost_amount"]) == ("spring", Decimal("0.070000"))
    # The webhook of the received message comes after all: still one message.
    write(messages_only.raw_dir, WEBHOOKS, "w2.jsonl", [inbound("wamid.i1", at(seconds=120), ADA)])
    write(messages_only.raw_dir, WEBHOOKS, "w3.jsonl", [delivered("wamid.o2", at(seconds=9), ADA)])
    messages_only.assert_equals_a_rebuild()
    assert query(db, "select count(*) from marts.fct_messages") == [(3,)]


def _kaleyra(world: World, rows: list[tuple[str, str, str, datetime]], sender: str) -> None:
    """Write Kaleyra's report through the shipped mapping: (id, recipient, status, sent at)."""
    folder = world.raw_dir / "mapped/kaleyra/message_reports"
    header = "WHATSAPP_ID,FROM,TO,MESSAGE_DIRECTION,CREATED_AT,SENT_AT,DELIVERED_AT\n"
    lines = [
        f"{key},{sender},{to},Outgoing,{naive(sent)},{naive(sent)},{delivered_at}"
        for key, to, delivered_at, sent in rows
    ]
    write_csv(
        world.raw_dir, "mapped/kaleyra/message_reports", "report.csv", header + "\n".join(lines)
    )
    shutil.copy(MAPPINGS / "kaleyra" / "message_reports.yml", folder / "mapping.yml")


def _overlap(world: World, **variables: float) -> Outcome:
    """Build and run the check of reports that repeat other sources."""
    settings = settings_of(world.raw_dir, world.warehouse_dir, variables)
    [check] = [c for c in warnings(settings) if c.name.startswith("reports_tell_of_messages")]
    with connect(settings, world.build().db, read_only=True) as con:
        return run_check(con, check)


def _told_by_webhooks(world: World, people: int) -> None:
    sent = [at(seconds=60 * n) for n in range(people)]
    write(
        world.raw_dir,
        WEBHOOKS,
        "w.jsonl",
        [status(f"wamid.o{n}", "sent", sent[n], _person(n)) for n in range(people)],
    )


def _person(n: int) -> str:
    return f"4917000007{n:03d}"


# How the webhooks of the tests show their number to people.
DISPLAYED = f"+49 30 {NUMBER[:6]}"


def test_a_report_of_messages_that_webhooks_have_too_is_a_warning_that_names_both(
    messages_only: World,
) -> None:
    _told_by_webhooks(messages_only, 3)
    rows = [(f"k{n}", _person(n), "", at(seconds=60 * n + 5)) for n in range(3)]
    _kaleyra(messages_only, rows, DISPLAYED)
    found = _overlap(messages_only)
    assert (found.violations, found.check.severity) == (1, "warning")
    [channel_id] = query(
        messages_only.warehouse_dir / "build.duckdb",
        "select distinct channel_id from marts.fct_messages where channel_id <> ?",
        NUMBER,
    )[0]
    month = at().date().replace(day=1)
    assert found.examples == (f"kaleyra, whatsapp, {channel_id}, {month}",)
    assert "kaleyra, whatsapp" in found.message
    row = outcome_rows([found])[0]
    assert (row[3], row[6]) == ("failed", found.examples[0])


def test_a_report_of_another_number_overlaps_with_nothing(messages_only: World) -> None:
    _told_by_webhooks(messages_only, 3)
    rows = [(f"k{n}", _person(n), "", at(seconds=60 * n + 5)) for n in range(3)]
    _kaleyra(messages_only, rows, "+49 30 999999")
    assert _overlap(messages_only).passed


def test_a_report_under_wamids_joins_and_overlaps_with_nothing(messages_only: World) -> None:
    _told_by_webhooks(messages_only, 3)
    rows = [(f"wamid.o{n}", _person(n), "", at(seconds=60 * n + 5)) for n in range(3)]
    _kaleyra(messages_only, rows, DISPLAYED)
    assert _overlap(messages_only).passed
    db = messages_only.warehouse_dir / "build.duckdb"
    assert query(db, "select count(*) from marts.fct_messages") == [(3,)]


def test_an_overlap_of_one_percent_is_none_yet(messages_only: World) -> None:
    _told_by_webhooks(messages_only, 1)
    rows = [(f"k{n}", _person(n), "", at(seconds=60 * n)) for n in range(100)]
    _kaleyra(messages_only, rows, DISPLAYED)
    assert _overlap(messages_only).passed
    assert _overlap(messages_only, overlap_share_warning=0.009).violations == 1
    _kaleyra(messages_only, rows[:99], DISPLAYED)
    assert _overlap(messages_only).violations == 1


def test_two_vendors_of_one_number_are_a_warning_each(messages_only: World) -> None:
    rows = [(f"k{n}", _person(n), "", at(seconds=60 * n)) for n in range(3)]
    _kaleyra(messages_only, rows, DISPLAYED)
    lines = [
        f"s{n},{DISPLAYED},+{_person(n)},,outbound,{naive(at(seconds=90 * n))}" + "," * 11
        for n in range(3)
    ]
    write_csv(messages_only.raw_dir, REPORTS, "r.csv", HEADER + "\n".join(lines) + "\n")
    found = _overlap(messages_only)
    assert {example.rsplit(", ", 2)[0] for example in found.examples} == {
        "generic, kaleyra",
        "kaleyra, generic",
    }
