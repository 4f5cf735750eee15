"""Messages that other systems report of: beside webhooks, instead of them, and again and again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tests.pipeline.conftest import World
from tests.pipeline.harness import query, records
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


def test_a_report_stands_in_for_webhooks(empty: World) -> None:
    write_csv(empty.raw_dir, REPORTS, "r1.csv", HEADER + FIRST)
    empty.build()
    messages = _messages(empty)
    assert len(messages) == 3
    ada, ben = messages[ADA, "outbound"], messages[BEN, "outbound"]
    mail = messages["ada@example.com", "outbound"]
    assert (ada["campaign_id"], ada["variant"], ada["category"]) == ("spring", "a", "marketing")
    assert ada["delivered_at"] == datetime(2026, 3, 2, 10, 0, 5)
    assert (ben["sent_at"], ben["error_class"]) == (None, "invalid_recipient")
    assert (mail["cost_amount"], mail["cost_source"]) == (Decimal("0.050000"), "reported")
    assert (ada["cost_amount"], ada["channel_id"]) == (None, "shop")


def test_reports_that_come_again_knowing_more_equal_a_rebuild(empty: World) -> None:
    write_csv(empty.raw_dir, REPORTS, "2026-03-03.csv", HEADER + FIRST)
    write(empty.raw_dir, WEBHOOKS, "w.jsonl", [inbound("wamid.i1", at())])
    empty.build()
    later = FIRST.replace("10:00:05,,,,", "10:00:05,2026-03-02 12:00:00,,,").replace(
        "marketing,,,,\n", "marketing,2026-03-02 12:00:09,,,\n", 1
    )
    again = write_csv(empty.raw_dir, REPORTS, "2026-03-04.csv", HEADER + later)
    assert empty.assert_equals_a_rebuild().full_refresh_reason is None
    ada = _messages(empty)[ADA, "outbound"]
    assert ada["read_at"] == datetime(2026, 3, 2, 12)
    assert ada["first_replied_at"] == datetime(2026, 3, 2, 12, 0, 9)
    # The file is exported once more without Ben's row and with another campaign for Ada's.
    rows = later.splitlines(keepends=True)
    again.write_text(HEADER + rows[0].replace("spring", "autumn") + rows[2])
    empty.assert_equals_a_rebuild()
    assert _messages(empty)[ADA, "outbound"]["campaign_id"] == "autumn"
    # The first file goes too: Ben's message is gone, nothing of it stays behind.
    (empty.raw_dir / REPORTS / "2026-03-03.csv").write_text(HEADER + rows[2])
    empty.assert_equals_a_rebuild()
    assert (BEN, "outbound") not in _messages(empty)


def test_a_report_with_a_wamid_joins_the_webhooks(empty: World) -> None:
    write(empty.raw_dir, SENDS, "s.jsonl", [send("wamid.o1", at(), ADA)])
    write(empty.raw_dir, WEBHOOKS, "w.jsonl", [status("wamid.o1", "sent", at(seconds=1), ADA)])
    empty.build()
    write_csv(
        empty.raw_dir,
        REPORTS,
        "r.csv",
        HEADER
        + f"wamid.o1,{NUMBER},{ADA},,outbound,{at(seconds=2)},{at(seconds=5)},{at(seconds=60)},,,spring,,,,,0.07,EUR\n"
        + f"wamid.o2,{NUMBER},{ADA},,outbound,{at(seconds=9)},,,,,,,,,,,\n",
    )
    write_csv(
        empty.raw_dir,
        MESSAGES,
        "m.csv",
        "message_id,channel_id,phone,direction,sent_at,message_type\n"
        f"wamid.i1,{NUMBER},{ADA},inbound,{at(seconds=120)},text\n",
    )
    assert empty.assert_equals_a_rebuild().full_refresh_reason is None
    db = empty.warehouse_dir / "build.duckdb"
    assert query(db, "select count(*) from marts.fct_messages") == [(3,)]
    [row] = records(db, "from marts.fct_messages where message_id = ?", message_id("wamid.o1"))
    times = [naive(at(seconds=seconds)) for seconds in (1, 5, 60)]
    assert [row["sent_at"], row["delivered_at"], row["read_at"]] == times
    assert (row["campaign_id"], row["cost_amount"]) == ("spring", Decimal("0.070000"))
    # The webhook of the received message comes after all: still one message.
    write(empty.raw_dir, WEBHOOKS, "w2.jsonl", [inbound("wamid.i1", at(seconds=120), ADA)])
    write(empty.raw_dir, WEBHOOKS, "w3.jsonl", [delivered("wamid.o2", at(seconds=9), ADA)])
    empty.assert_equals_a_rebuild()
    assert query(db, "select count(*) from marts.fct_messages") == [(3,)]
