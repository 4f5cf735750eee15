"""Consent end to end: each way in which somebody leaves a list, and what is sent to them after."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.checks.invariants import INVARIANTS
from orchestration.checks.runner import run_check
from orchestration.checks.warnings import warnings
from orchestration.settings import DBT_PROJECT_DIR
from orchestration.warehouse import connect
from tests.pipeline.conftest import World
from tests.pipeline.harness import query, records, settings_of
from tests.pipeline.payloads import (
    NUMBER,
    OTHER_NUMBER,
    WEBHOOKS,
    Body,
    at,
    body,
    delivered,
    inbound,
    naive,
    seconds,
    status,
    write,
    write_csv,
)

ADA, BEN, CLEO = "4917000000601", "4917000000602", "4917000000603"
CONSENT, CONTACTS = "consent/events", "contacts/events"
REPORTS, INTERNAL = "generic/message_reports", "reference/internal_contacts"
SIX_LANGUAGES = ("en", "de", "fr", "es", "pt", "it")


def _preference(value: str, moment: datetime, wa_id: str = ADA) -> Body:
    record = {
        "wa_id": wa_id,
        "category": "marketing_messages",
        "value": value,
        "timestamp": int(seconds(moment)),
    }
    contacts = [{"profile": {"name": "Ada"}, "wa_id": wa_id}]
    return body({"contacts": contacts, "user_preferences": [record]}, field="user_preferences")


def _stop_words() -> dict[str, list[str]]:
    words = defaultdict(list)
    with (DBT_PROJECT_DIR / "seeds" / "stop_words.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["event"] == "opt_out":
                words[row["language"]].append(row["word"])
    return words


def _consent_csv(world: World, *rows: str, name: str = "consent.csv") -> None:
    text = "phone,channel_id,event,occurred_at,source\n" + "".join(f"{row}\n" for row in rows)
    write_csv(world.raw_dir, CONSENT, name, text)


def _events(db: Path) -> list[tuple[Any, ...]]:
    return query(
        db, "select event, source, occurred_at, channel_id from marts.fct_consent_events order by 3"
    )


def _month(db: Path, channel: str = NUMBER) -> dict[str, Any]:
    [row] = records(
        db, "from marts.kpi_consent where period_grain = 'month' and channel_id = ?", channel
    )
    return row


def _violations(db: Path) -> dict[str, int]:
    settings = settings_of(db.parent, db.parent)
    with connect(settings, db, read_only=True) as con:
        return {
            check.name: outcome.violations
            for check in (*INVARIANTS, *warnings(settings))
            if not (outcome := run_check(con, check)).passed
        }


def test_opt_out_by_native_control(empty: World) -> None:
    lines = [
        inbound("wamid.i1", at(0), ADA),
        _preference("resume", at(1)),
        _preference("stop", at(2)),
    ]
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", [*lines, inbound("wamid.i2", at(3), ADA)])
    db = empty.build().db
    assert _events(db) == [
        ("opt_in", "user_preferences", naive(at(1)), NUMBER),
        ("opt_out", "user_preferences", naive(at(2)), NUMBER),
    ]
    month = _month(db)
    assert (month["opt_ins"], month["opt_outs"], month["opted_in_contacts"]) == (1, 1, 0)
    assert (month["contacts_created"], month["contacts_opted_in_within_window"]) == (1, 1)


def test_opt_out_by_error_131050(empty: World) -> None:
    lines = [
        status("wamid.o1", "sent", at(0), ADA),
        status("wamid.o1", "failed", at(0, 5), ADA, error=131050),
        status("wamid.o2", "failed", at(1), BEN, error=131026),
    ]
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", lines)
    db = empty.build().db
    assert _events(db) == [("opt_out", "error_131050", naive(at(0, 5)), NUMBER)]
    month = _month(db)
    assert (month["opt_outs"], month["opt_outs_unknown"]) == (0, 1)
    [(is_opted_in,)] = query(
        db, "select is_opted_in from marts.dim_contacts where opted_out_at is not null"
    )
    assert is_opted_in is False


@pytest.mark.parametrize("language", SIX_LANGUAGES)
def test_every_shipped_language_has_stop_words(language: str) -> None:
    assert _stop_words()[language]


def test_opt_out_by_stop_word_in_six_languages(empty: World) -> None:
    """Each word of each language, in capitals and with a full stop, by a person of its own."""
    words = [word for language in SIX_LANGUAGES for word in _stop_words()[language]]
    lines = [
        inbound(f"wamid.i{n}", at(0, n), f"49170000{n:05}", text=f" {word.upper()}. ")
        for n, word in enumerate(words)
    ]
    lines.append(inbound("wamid.no", at(1), ADA, text="please do not stop the delivery"))
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", lines)
    db = empty.build().db
    assert query(
        db,
        "select event, source, count(*), count(distinct contact_id) "
        "from marts.fct_consent_events group by all",
    ) == [("opt_out", "stop_word", len(words), len(words))]
    assert _month(db)["opt_outs_unknown"] == len(words)


def test_opt_out_by_report_column(empty: World) -> None:
    """The newer of two reports of one message counts, also where it takes the opt-out back."""
    head = "message_id,channel_id,phone,direction,sent_at,opted_out_at\n"
    row = "sendout-1,reported,{},outbound,2026-10-05 09:00:00,{}\n"
    first = head + row.format(ADA, "2026-10-05 10:00:00") + row.format(BEN, "2026-10-05 10:00:00")
    write_csv(empty.raw_dir, REPORTS, "report-2026-10-06.csv", first)
    newer = head + row.format(BEN, "")
    write_csv(empty.raw_dir, REPORTS, "report-2026-10-07.csv", newer)
    db = empty.build().db
    assert _events(db) == [("opt_out", "message_report", datetime(2026, 10, 5, 10), "reported")]


def test_consent_for_all_channels_meets_the_states_of_each(empty: World) -> None:
    """A shop's opt-in names no channel: a STOP on one number leaves the other's list alone."""
    lines = [
        inbound("wamid.i1", at(0), ADA),
        inbound("wamid.i2", at(0), BEN, number=OTHER_NUMBER),
        inbound("wamid.stop", at(2), ADA, text="STOP"),
        inbound("wamid.i3", at(4), BEN),
    ]
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", lines)
    _consent_csv(empty, f"+{ADA},,opt_in,2026-10-06 09:00:00,checkout")
    db = empty.build().db
    assert _events(db)[0] == ("opt_in", "checkout", naive(at(1)), "unknown")
    stopped, other = _month(db), _month(db, OTHER_NUMBER)
    assert (stopped["opt_ins"], stopped["opt_outs"], stopped["opted_in_contacts"]) == (1, 1, 0)
    assert (other["opt_ins"], other["opt_outs"], other["opted_in_contacts"]) == (1, 0, 1)
    assert query(db, "select count(*) from marts.dim_contacts where is_opted_in") == [(1,)]
    _consent_csv(empty, f"+{ADA},,opt_out,2026-10-08 09:00:00,checkout", name="later.csv")
    after = empty.assert_equals_a_rebuild()
    assert (_month(after.db)["opt_outs"], _month(after.db, OTHER_NUMBER)["opt_outs"]) == (1, 1)
    assert _violations(after.db) == {}


def _after_opt_out(world: World, category: str) -> Path:
    lines = [
        inbound("wamid.i1", at(0), ADA),
        inbound("wamid.stop", at(1), ADA, text="STOP"),
        delivered("wamid.same_second", at(1), ADA, category),
        delivered("wamid.later", at(2), ADA, category),
    ]
    write(world.raw_dir, WEBHOOKS, "1.jsonl", lines)
    return world.build().db


def test_marketing_message_after_opt_out_is_a_warning_and_counted(empty: World) -> None:
    db = _after_opt_out(empty, "marketing")
    assert _month(db)["marketing_messages_after_opt_out"] == 1
    assert _violations(db)["nobody_gets_marketing_after_opting_out"] == 1


def test_utility_message_after_opt_out_is_not_counted(empty: World) -> None:
    db = _after_opt_out(empty, "utility")
    assert _month(db)["marketing_messages_after_opt_out"] == 0
    assert "nobody_gets_marketing_after_opting_out" not in _violations(db)


def test_a_deleted_contact_leaves_the_list_and_keeps_its_history(empty: World) -> None:
    """SEMANTICS 15: what was counted before the deletion stays as it was."""
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", [inbound(f"wamid.i{n}", at(n), ADA) for n in (0, 9)])
    _consent_csv(empty, f"{ADA},{NUMBER},opt_in,2026-10-06 09:00:00,checkout")
    days = (
        "select * exclude (created_source, is_complete, is_mature) from marts.kpi_contacts "
        "where period_grain = 'day' and period_start_on < date '2026-10-08' order by all"
    )
    list_days = days.replace("kpi_contacts", "kpi_consent").replace("created_source, ", "")
    before = empty.build()
    added, listed = query(before.db, days), query(before.db, list_days)
    assert listed[-1]
    [(contact_id,)] = query(before.db, "select contact_id from marts.dim_contacts")
    head = "phone,event,occurred_at,source\n"
    gone = f"{ADA},deleted,2026-10-08 09:00:00,crm\n{ADA},deleted,2026-10-10 09:00:00,crm\n"
    write_csv(empty.raw_dir, CONTACTS, "gone.csv", head + gone)
    after = empty.assert_equals_a_rebuild()
    assert (query(after.db, days), query(after.db, list_days)) == (added, listed)
    [person] = records(after.db, "from marts.dim_contacts")
    assert (person["contact_id"], person["is_opted_in"]) == (contact_id, False)
    assert person["deleted_at"] == naive(at(3))
    month = _month(after.db)
    assert (month["contacts_deleted_opted_in"], month["opted_in_contacts"]) == (1, 0)
    assert query(
        after.db, "select sum(contacts_deleted) from marts.kpi_contacts where period_grain = 'day'"
    ) == [(1,)]
    assert _violations(after.db) == {}


def test_without_messages_the_list_goes_to_its_own_latest_event(empty: World) -> None:
    """And a date of 2099 moves no calendar; own people and unknown words are counted elsewhere."""
    many = [f"{ADA},till,opt_{'out' if n % 2 else 'in'},2026-10-{n + 1:02},till" for n in range(12)]
    _consent_csv(
        empty,
        *many,
        f"{BEN},till,opt_in,2099-01-01,till",
        f"{CLEO},till,opt_in,2026-10-03,till",
        f"{BEN},till,paused,2026-10-03,till",
    )
    write_csv(empty.raw_dir, INTERNAL, "own.csv", f"phone\n{CLEO}\n")
    db = empty.build().db
    month = _month(db, "till")
    assert (month["period_start_on"], month["opt_ins"], month["opt_outs"]) == (
        at(0).date().replace(day=1),
        6,
        6,
    )
    assert query(
        db, "select max(period_start_on) from marts.kpi_consent where period_grain = 'day'"
    ) == [(datetime(2026, 10, 12).date(),)]
    excluded = dict(query(db, "select reason, rows from meta.exclusions"))
    assert excluded == {"clock_anomaly": 1, "internal_contact": 1}
    assert query(db, "select * from meta.unknown_values") == [("consent_event", "paused", 1)]
