"""Conversation cycles: inferred from the message log, told by a platform, and both at once."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from orchestration.checks import service
from orchestration.checks.runner import run_check
from orchestration.warehouse import connect
from tests.pipeline.conftest import World
from tests.pipeline.harness import build, query, records, settings_of
from tests.pipeline.payloads import (
    NUMBER,
    SENDS,
    WEBHOOKS,
    at,
    inbound,
    message_id,
    naive,
    send,
    write,
    write_csv,
)

ADA, BEN, CLEO = "4917012345601", "4917012345602", "4917012345603"
ADA_ID = "DE.13491208655302741918"
CONVERSATIONS = "conversation_id,channel_id,phone,opened_at,closed_at\n"
EVENTS = "event_id,conversation_id,event_type,occurred_at,actor_agent_id\n"
MESSAGES = "message_id,channel_id,phone,direction,sent_at,conversation_id,sender_type,agent_id\n"


def _row(*cells: Any) -> str:
    return ",".join("" if cell is None else str(cell) for cell in cells) + "\n"


def _conversations(db: Path) -> list[dict[str, Any]]:
    return records(
        db,
        "select session_source, cycle_number, opened_at, closed_at, opened_by, messages_received, "
        "messages_sent from marts.fct_conversations order by opened_at, conversation_cycle_id",
    )


def _cycle_of(db: Path, wamid: str, direction: str = "inbound") -> str:
    [(cycle,)] = query(
        db,
        "select conversation_cycle_id from marts.fct_messages where message_id = ?",
        message_id(wamid, direction),
    )
    return str(cycle)


def _broken(world: World) -> list[str]:
    """Return the invariants of what `kpi_service` counts that don't hold."""
    with connect(settings_of(world.raw_dir, world.warehouse_dir)) as con:
        outcomes = [
            run_check(con, check)
            for check in service.INVARIANTS
            if check.table in ("marts.kpi_service", "marts.fct_responses", "marts.fct_messages")
        ]
    return [outcome.check.name for outcome in outcomes if not outcome.passed]


def test_webhooks_and_sends_alone_give_inferred_conversations(
    small_world: World, tmp_path: Path
) -> None:
    for stream in (WEBHOOKS, SENDS):
        shutil.copytree(small_world.raw_dir / stream, tmp_path / "raw" / stream)
    db = build(tmp_path / "raw", tmp_path / "warehouse").db
    [(inferred, responded, told)] = query(
        db,
        "select count(*) filter (where session_source = 'inferred'), count(first_response_seconds), "
        "count(*) filter (where session_source <> 'inferred') from marts.fct_conversations",
    )
    assert inferred > 10
    assert responded > 0
    assert told == 0
    # Every message of a cycle is in one that stands.
    [(strays,)] = query(
        db,
        "select count(*) from marts.fct_messages anti join marts.fct_conversations "
        "using (conversation_cycle_id) where conversation_cycle_id <> 'none'",
    )
    assert strays == 0


def test_a_closing_that_is_told_later_ends_the_cycle_and_begins_another(chats_only: World) -> None:
    write(
        chats_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [inbound("wamid.i1", at(0), ADA), inbound("wamid.i2", at(1), ADA)],
    )
    write(chats_only.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i9", at(9), BEN)])
    write_csv(
        chats_only.raw_dir,
        "generic/conversations",
        "1.csv",
        CONVERSATIONS + _row("k1", NUMBER, f"+{ADA}", at(0), None),
    )
    write_csv(
        chats_only.raw_dir,
        "generic/messages",
        "1.csv",
        MESSAGES
        + _row("wamid.i1", NUMBER, f"+{ADA}", "inbound", at(0), "k1", None, None)
        + _row("wamid.i2", NUMBER, f"+{ADA}", "inbound", at(1), "k1", None, None)
        + _row("m1", NUMBER, f"+{ADA}", "outbound", at(0, 90), "k1", "agent", "anna"),
    )
    before = chats_only.build()
    assert _cycle_of(before.db, "wamid.i1") == _cycle_of(before.db, "wamid.i2")
    closing = EVENTS + _row("e1", "k1", "closed", at(0, 600), "anna")
    write_csv(chats_only.raw_dir, "generic/conversation_events", "1.csv", closing)
    after = chats_only.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    assert _cycle_of(after.db, "wamid.i1") != _cycle_of(after.db, "wamid.i2")
    one, two, three = _conversations(after.db)
    assert (one["cycle_number"], one["closed_at"]) == (1, naive(at(0, 600)))
    assert (one["messages_received"], one["messages_sent"]) == (1, 1)
    assert (two["cycle_number"], two["opened_by"], two["closed_at"]) == (2, "contact", None)
    assert (two["opened_at"], three["session_source"]) == (naive(at(1)), "inferred")
    # The closing was a mistake: its file is written anew without it.
    taken_back = EVENTS + _row("e1", "k1", "comment", at(0, 600), "anna")
    write_csv(chats_only.raw_dir, "generic/conversation_events", "1.csv", taken_back)
    again = chats_only.assert_equals_a_rebuild()
    assert _cycle_of(again.db, "wamid.i1") == _cycle_of(again.db, "wamid.i2")


def test_a_platform_that_appears_takes_over_the_inferred_cycles_of_its_threads(
    chats_only: World,
) -> None:
    """The platform knows the conversation, and of its messages only the webhooks tell."""
    write(
        chats_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            inbound("wamid.i1", at(0), ADA),
            inbound("wamid.i2", at(0, 7200), ADA),
            inbound("wamid.i3", at(3), ADA),
            inbound("wamid.i4", at(0), BEN),
            inbound("wamid.i5", at(9), CLEO),
        ],
    )
    before = chats_only.build()
    assert {row["session_source"] for row in _conversations(before.db)} == {"inferred"}
    inferred = _cycle_of(before.db, "wamid.i4")
    told = CONVERSATIONS + _row("k1", NUMBER, f"+{ADA}", at(0, -60), at(0, 3600))
    write_csv(chats_only.raw_dir, "generic/conversations", "1.csv", told)
    after = chats_only.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    first = _conversations(after.db)[0]
    assert (first["session_source"], first["messages_received"]) == ("platform", 1)
    # After its closing the platform knew nothing of Ada: a session of its own.
    assert _cycle_of(after.db, "wamid.i2") != _cycle_of(after.db, "wamid.i1")
    assert _cycle_of(after.db, "wamid.i4") == inferred
    # A newer export tells the conversation longer, and of Ben instead: his is now told, hers again
    # inferred.
    moved = CONVERSATIONS + _row("k1", NUMBER, f"+{BEN}", at(0, -60), at(0, 9000))
    write_csv(chats_only.raw_dir, "generic/conversations", "1.csv", moved)
    again = chats_only.assert_equals_a_rebuild()
    assert _cycle_of(again.db, "wamid.i1") == _cycle_of(again.db, "wamid.i2")
    assert _cycle_of(again.db, "wamid.i4") != inferred
    # The export goes: all is as before.
    (chats_only.raw_dir / "generic/conversations" / "1.csv").write_text(
        CONVERSATIONS + _row("k2", NUMBER, f"+{CLEO}", at(8), None)
    )
    gone = chats_only.assert_equals_a_rebuild()
    assert _cycle_of(gone.db, "wamid.i4") == inferred


def test_a_turn_is_where_its_conversation_is(empty: World) -> None:
    """The platform names its channel, its messages came in on another."""
    told = CONVERSATIONS + _row("k1", "WhatsApp Main", f"+{ADA}", at(0), None)
    write_csv(empty.raw_dir, "generic/conversations", "1.csv", told)
    write_csv(
        empty.raw_dir,
        "generic/messages",
        "1.csv",
        MESSAGES
        + _row("m1", NUMBER, f"+{ADA}", "inbound", at(0), "k1", None, None)
        + _row("m2", NUMBER, f"+{ADA}", "outbound", at(0, 300), "k1", "agent", "anna")
        + _row("m3", NUMBER, f"+{BEN}", "inbound", at(9), "k2", None, None),
    )
    db = empty.only("+kpi_service", "+kpi_conversation_categories").build().db
    [conversation] = query(
        db,
        "select channel_id, first_response_seconds from marts.fct_conversations "
        "where session_source = 'platform' and first_response_seconds is not null",
    )
    assert conversation == ("WhatsApp Main", 300)
    turns = "select channel_id, response_seconds from marts.fct_responses where started_on = ?"
    assert query(db, turns, at(0).date()) == [conversation]
    # fct_messages keeps where each message came in.
    assert query(db, "select distinct channel_id from marts.fct_messages") == [(NUMBER,)]
    [service] = query(
        db,
        "select channel_id, turns_received, turns_answered from marts.kpi_service "
        "where period_grain = 'day' and turns_answered > 0",
    )
    assert service == ("WhatsApp Main", 1, 1)
    assert _broken(empty) == []


def test_a_platform_that_notes_seconds_late_has_one_conversation(empty: World) -> None:
    """Its messages name none: the first came a day before the opening, the last at the closing."""
    midnight = at(0).replace(hour=0, minute=0, second=0) + timedelta(days=1)
    closed_at = midnight + timedelta(hours=1)
    told = CONVERSATIONS + _row("k1", NUMBER, f"+{ADA}", midnight, closed_at)
    write_csv(empty.raw_dir, "generic/conversations", "1.csv", told)
    asked_at = midnight - timedelta(seconds=1)
    write_csv(
        empty.raw_dir,
        "generic/messages",
        "1.csv",
        MESSAGES
        + _row("m1", NUMBER, f"+{ADA}", "inbound", asked_at, None, None, None)
        + _row("m2", NUMBER, f"+{ADA}", "outbound", closed_at, None, "agent", "anna")
        + _row("m3", NUMBER, f"+{BEN}", "inbound", at(9), None, None, None),
    )
    db = empty.only("+kpi_service", "+kpi_conversation_categories").build().db
    told_of = _conversations(db)[0]
    assert [row["session_source"] for row in _conversations(db)] == ["platform", "inferred"]
    assert (told_of["opened_at"], told_of["opened_by"]) == (naive(midnight), "contact")
    assert (told_of["messages_received"], told_of["messages_sent"]) == (1, 1)
    # The turn began on a day on which no conversation had opened yet.
    assert _broken(empty) == []


def test_who_quotes_a_message_of_the_batch_stays_in_the_own_conversation(chats_only: World) -> None:
    """Ada's answer under her user id comes along when her number is touched, without its thread."""
    write(
        chats_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            inbound("wamid.a1", at(0), None, user_id=ADA_ID),
            inbound("wamid.a2", at(0, 60), None, user_id=ADA_ID, context="wamid.o1"),
        ],
    )
    sends = [send("wamid.o1", at(0), ADA), send("wamid.o2", at(9), CLEO)]
    write(chats_only.raw_dir, SENDS, "1.jsonl", sends)
    before = chats_only.build()
    assert _cycle_of(before.db, "wamid.a1") == _cycle_of(before.db, "wamid.a2")
    write(chats_only.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.b1", at(1), ADA)])
    after = chats_only.assert_equals_a_rebuild()
    assert _cycle_of(after.db, "wamid.a1") == _cycle_of(after.db, "wamid.a2")


def test_a_late_message_joins_two_sessions(chats_only: World) -> None:
    write(
        chats_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            inbound("wamid.i1", at(0), ADA),
            inbound("wamid.i2", at(1.5), ADA),
            inbound("wamid.i3", at(9), BEN),
        ],
    )
    before = chats_only.build()
    assert _cycle_of(before.db, "wamid.i1") != _cycle_of(before.db, "wamid.i2")
    write(chats_only.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i4", at(0.8), ADA)])
    after = chats_only.assert_equals_a_rebuild()
    assert _cycle_of(after.db, "wamid.i1") == _cycle_of(after.db, "wamid.i2")


def test_a_closing_before_its_opening_is_left_out_and_named(chats_only: World) -> None:
    """As where one column is local time and the other UTC."""
    rows = (
        _row("k1", NUMBER, ADA, "2026-03-01T09:00:00Z", "2026-03-01T08:00:00Z"),
        _row("k2", NUMBER, BEN, "2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"),
    )
    write_csv(chats_only.raw_dir, "generic/conversations", "c.csv", CONVERSATIONS + "".join(rows))
    db = chats_only.build().db
    closed = "select count(*), count(closed_at) from marts.fct_conversations"
    assert query(db, closed) == [(2, 1)]
    with connect(settings_of(chats_only.raw_dir, chats_only.warehouse_dir)) as con:
        (outcome,) = [run_check(con, check) for check in service.WARNINGS]
    assert outcome.violations == 1
    assert outcome.examples[0].startswith("generic, ")
    assert "the zone in `time:` of the mapping.yml" in outcome.message
