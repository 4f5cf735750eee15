"""Who is who, end to end: a name that comes later, a number given out again, a number of many."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.pipeline.conftest import World
from tests.pipeline.harness import query
from tests.pipeline.payloads import (
    WEBHOOKS,
    at,
    delivered,
    inbound,
    message_id,
    number_change,
    write,
    write_csv,
)

OLD, NEW, STAFF = "4917000000701", "4917000000702", "4917000000799"
FIRST_ID, SECOND_ID = "DE.70000000000000000001", "DE.70000000000000000002"
STAFF_ROWS = 50


def _people(db: Path) -> int:
    [(count,)] = query(db, "select count(*) from marts.dim_contacts")
    assert isinstance(count, int)
    return count


def _owner(db: Path, wamid: str, direction: str = "inbound") -> str:
    [(contact_id,)] = query(
        db,
        "select contact_id from marts.fct_messages where message_id = ?",
        message_id(wamid, direction),
    )
    return str(contact_id)


def test_person_with_bsuid_only_later_joined_to_a_phone(empty: World) -> None:
    write(
        empty.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            inbound("wamid.i1", at(0), None, user_id=FIRST_ID),
            # The number wrote on its own before anybody knew whose it was.
            inbound("wamid.i2", at(1), OLD),
        ],
    )
    before = empty.build()
    assert _people(before.db) == 2
    alone, by_number = _owner(before.db, "wamid.i1"), _owner(before.db, "wamid.i2")
    write(empty.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i3", at(2), OLD, user_id=FIRST_ID)])
    after = empty.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    assert _people(after.db) == 1
    # The earliest identifier names the person, in old messages too; the other id leads to it.
    assert {_owner(after.db, f"wamid.i{n}") for n in (1, 2, 3)} == {alone}
    assert query(after.db, "select * from meta.contact_merges") == [
        (by_number, alone, "identifiers_seen_together")
    ]
    assert query(
        after.db, "select count(distinct contact_id) from intermediate.int_identities"
    ) == [(1,)]


def test_number_recycled(empty: World) -> None:
    """Its first owner moves to a new number; whoever writes from the old one later is another."""
    write(
        empty.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            inbound("wamid.i1", at(0), OLD, user_id=FIRST_ID),
            number_change("wamid.change", at(5), OLD, NEW),
            inbound("wamid.i2", at(6), NEW, user_id=FIRST_ID),
        ],
    )
    before = empty.build()
    assert _people(before.db) == 1
    first = _owner(before.db, "wamid.i1")
    write(
        empty.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i3", at(200), OLD, user_id=SECOND_ID)]
    )
    head = "phone,external_id,event,occurred_at,source\n"
    row = f"{OLD},customer-2,opt_in,{at(201).isoformat()},checkout\n"
    write_csv(empty.raw_dir, "consent/events", "1.csv", head + row)
    after = empty.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    assert {_owner(after.db, name) for name in ("wamid.i1", "wamid.i2", "wamid.change")} == {first}
    second = _owner(after.db, "wamid.i3")
    assert second != first
    # The till knows the second owner by a name that was never seen with the first.
    [(opted_in,)] = query(after.db, "select contact_id from marts.fct_consent_events")
    assert opted_in != first
    assert (
        query(after.db, "select reason from meta.contact_merges where contact_id = ?", first).count(
            ("identifier_changed",)
        )
        >= 1
    )
    assert (first,) not in query(
        after.db, "select contact_id from marts.dim_contacts where is_opted_in"
    )


def test_a_staff_phone_in_50_leads_and_consent_rows_merges_nobody(empty: World) -> None:
    people = range(STAFF_ROWS)
    leads = "".join(
        f"L{n},{STAFF},customer-{n},{(at(0) + timedelta(minutes=n)).isoformat()},fair\n"
        for n in people
    )
    consents = "".join(
        f"{STAFF},customer-{n},opt_in,{(at(1) + timedelta(minutes=n)).isoformat()},fair\n"
        for n in people
    )
    lead_head = "lead_id,phone,external_id,created_at,source\n"
    consent_head = "phone,external_id,event,occurred_at,source\n"
    # With few of them it still looks like somebody's own number.
    write_csv(empty.raw_dir, "generic/leads", "l.csv", lead_head + leads[: leads.index("L3,")])
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", [delivered("wamid.o1", at(2), STAFF)])
    before = empty.build()
    assert _people(before.db) == 1
    write_csv(empty.raw_dir, "generic/leads", "l.csv", lead_head + leads)
    write_csv(empty.raw_dir, "consent/events", "c.csv", consent_head + consents)
    after = empty.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    assert _people(after.db) == STAFF_ROWS + 1
    for table in ("fct_leads", "fct_consent_events"):
        assert query(
            after.db, f"select count(*), count(distinct contact_id) from marts.{table}"
        ) == [(STAFF_ROWS, STAFF_ROWS)]
    assert query(after.db, "select * from meta.exclusions") == [("identity_max_links", 1)]
    assert query(after.db, "select count(*) from meta.contact_merges") == [(0,)]
    # The number itself is one person: whoever answers it.
    assert query(after.db, "select count(*) from marts.dim_contacts where is_chat_contact") == [
        (1,)
    ]
