"""An increment gives the rows of a rebuild, whatever comes late, goes, or moves a neighbour.

Each mechanism has a test in every run; its variations are among the long ones.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunCli
from tests.pipeline.conftest import World
from tests.pipeline.harness import assert_same_marts, build, query, records
from tests.pipeline.payloads import (
    FX_RATES,
    NUMBER,
    OTHER_NUMBER,
    RATE_CARD,
    SENDS,
    TEMPLATES,
    WEBHOOKS,
    at,
    body,
    delivered,
    inbound,
    message_id,
    naive,
    number_change,
    send,
    status,
    template,
    write,
    write_csv,
)

ADA, BEN, CLEO = "4917012345601", "4917012345602", "4917012345603"
ADA_ID = "DE.13491208655302741918"
TIERS = (
    "effective_from,market,category,tier_lower,tier_upper,currency_code,rate\n"
    "2026-01-01,Germany,marketing,0,2,EUR,0.10\n"
    "2026-01-01,Germany,marketing,2,,EUR,0.07\n"
    "2026-01-01,Germany,service,0,,EUR,0.03\n"
)


def _message(db: Path, wamid: str, direction: str = "outbound") -> dict[str, Any]:
    [row] = records(
        db, "from marts.fct_messages where message_id = ?", message_id(wamid, direction)
    )
    return row


def test_late_statuses_restate_the_day_of_the_send(world: World) -> None:
    sent = records(
        world.warehouse_dir / "build.duckdb",
        "select distinct record_id, person_wa_id, phone_number_id, cast(record_time as bigint) as t "
        "from raw.whatsapp_webhooks where record_kind = 'status' and record_type = 'sent' "
        "and person_wa_id is not null order by record_id limit 20",
    )
    late = [
        status(
            row["record_id"],
            name,
            datetime.fromtimestamp(row["t"] + 86400 * days),
            row["person_wa_id"],
            number=row["phone_number_id"],
        )
        for row in sent
        for name, days in (("read", 3), ("delivered", 2))
    ]
    write(world.raw_dir, WEBHOOKS, "late.jsonl", late)
    assert world.assert_equals_a_rebuild().full_refresh_reason is None


def test_a_replaced_file_that_shrinks_takes_its_rows_along(world: World) -> None:
    webhooks = sorted((world.raw_dir / WEBHOOKS).iterdir())
    webhooks[4].write_text("".join(webhooks[4].read_text().splitlines(keepends=True)[::3]))
    sends = sorted((world.raw_dir / SENDS).iterdir())
    sends[5].write_text("".join(sends[5].read_text().splitlines(keepends=True)[:1]))
    webhooks[8].write_text(webhooks[0].read_text())
    increment = world.assert_equals_a_rebuild()
    assert increment.full_refresh_reason is None


def test_contents_that_move_between_paths_are_neither_lost_nor_doubled(world: World) -> None:
    folder = world.raw_dir / WEBHOOKS
    one, two, three, four, five = sorted(folder.iterdir())[:5]
    texts = {path: path.read_text() for path in (one, two, three, four, five)}
    # One and two change places; three's content goes to another path and another takes its place;
    # four lies at a second path before its own is replaced.
    one.write_text(texts[two])
    two.write_text(texts[one])
    (folder / "moved.jsonl").write_text(texts[three])
    three.write_text(texts[five].splitlines(keepends=True)[0])
    (folder / "second.jsonl").write_text(texts[four])
    world.build()
    four.write_text(texts[five].splitlines(keepends=True)[1])
    world.assert_equals_a_rebuild()
    rows: dict[str, str] = dict(
        query(
            world.warehouse_dir / "build.duckdb",
            "select path, status from raw.files where path like '%moved.jsonl' "
            "or path like '%second.jsonl'",
        )
    )
    assert set(rows.values()) == {"loaded"}


@pytest.mark.long
def test_a_renamed_file_counts_under_its_new_name(messages_only: World) -> None:
    """Between two listings of a template the last path decides; the old name is gone."""
    folder = messages_only.raw_dir / TEMPLATES
    write(messages_only.raw_dir, TEMPLATES, "m.jsonl", [template("offer", "UTILITY")])
    old = write(messages_only.raw_dir, TEMPLATES, "z.jsonl", [template("offer", "MARKETING")])
    write(messages_only.raw_dir, WEBHOOKS, "w.jsonl", [inbound("wamid.i1", at())])
    messages_only.build()
    old.rename(folder / "a.jsonl")
    messages_only.assert_equals_a_rebuild()


@pytest.mark.long
def test_a_file_that_disappears_keeps_its_rows(world: World) -> None:
    before = query(world.warehouse_dir / "build.duckdb", "select count(*) from marts.fct_messages")
    gone = sorted((world.raw_dir / WEBHOOKS).iterdir())[3]
    text = gone.read_text()
    gone.unlink()
    increment = world.build()
    assert query(increment.db, "select count(*) from marts.fct_messages") == before
    missing = query(increment.db, "select path from raw.files where status = 'missing'")
    assert missing == [(f"{WEBHOOKS}/{gone.name}",)]
    assert any(gone.name in text and "disappeared" in text for text in increment.warnings)
    # It comes back: nothing is loaded twice.
    gone.write_text(text)
    world.assert_equals_a_rebuild()


def test_a_rebuild_stops_before_it_would_lose_rows(world: World, run_cli: RunCli) -> None:
    gone = sorted((world.raw_dir / WEBHOOKS).iterdir())[3]
    gone.unlink()
    before = (world.warehouse_dir / "build.duckdb").read_bytes()
    stopped = run_cli(world.raw_dir, world.warehouse_dir, "rebuild")
    assert stopped.returncode == 1
    assert f"{WEBHOOKS}/{gone.name}" in stopped.stderr
    assert "ALLOW_MISSING=1" in stopped.stderr
    assert (world.warehouse_dir / "build.duckdb").read_bytes() == before


@pytest.mark.long
def test_a_rebuild_goes_on_without_missing_exports_when_told_to(
    world: World, run_cli: RunCli, tmp_path: Path
) -> None:
    sorted((world.raw_dir / WEBHOOKS).iterdir())[3].unlink()
    done = run_cli(world.raw_dir, world.warehouse_dir, "rebuild", "--allow-missing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "full refresh: you asked for a rebuild" in done.stdout
    clean = build(world.raw_dir, tmp_path / "clean")
    assert_same_marts(world.warehouse_dir / "build.duckdb", clean.db)


def test_a_renamed_export_does_not_stop_a_rebuild(world: World, run_cli: RunCli) -> None:
    old = sorted((world.raw_dir / WEBHOOKS).iterdir())[3]
    old.rename(old.with_name("renamed.jsonl"))
    world.build()
    # Nothing would be lost; an unusable key stops the program right after the question.
    done = run_cli(world.raw_dir, world.warehouse_dir, "rebuild", CHATMART_HMAC_KEY="short")
    assert "no longer in the raw folder" not in done.stderr
    assert "shorter than" in done.stderr


def test_an_identity_merge_moves_old_messages_to_the_other_contact(messages_only: World) -> None:
    first = [
        inbound("wamid.i1", at(0), ADA),
        delivered("wamid.o1", at(1), ADA),
        inbound("wamid.i2", at(2), None, user_id=ADA_ID),
        delivered("wamid.o2", at(2, 60), None, user_id=ADA_ID),
        inbound("wamid.i3", at(3), BEN),
        inbound("wamid.i4", at(4), CLEO),
    ]
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", first)
    before = messages_only.build()
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "2.jsonl",
        [
            inbound("wamid.i5", at(5), ADA, user_id=ADA_ID),
            number_change("wamid.s1", at(6), BEN, CLEO),
        ],
    )
    assert (
        _message(before.db, "wamid.o2")["contact_id"]
        != _message(before.db, "wamid.o1")["contact_id"]
    )
    after = messages_only.build()
    assert (
        _message(after.db, "wamid.o2")["contact_id"] == _message(after.db, "wamid.o1")["contact_id"]
    )
    assert (
        _message(after.db, "wamid.i3", "inbound")["contact_id"]
        == _message(after.db, "wamid.i4", "inbound")["contact_id"]
    )
    # The link leaves with its file: they are two people again.
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i6", at(7), CLEO)])
    split = messages_only.assert_equals_a_rebuild()
    assert (
        _message(split.db, "wamid.o2")["contact_id"] != _message(split.db, "wamid.o1")["contact_id"]
    )


def test_a_killed_split_of_two_people_is_made_up_for(messages_only: World) -> None:
    """Killed after the identities were replaced, the next run no longer sees who has changed."""
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [inbound("wamid.i1", at(0), ADA), inbound("wamid.i2", at(2), None, user_id=ADA_ID)],
    )
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "2.jsonl",
        [inbound("wamid.i5", at(5), ADA, user_id=ADA_ID)],
    )
    messages_only.build()
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i6", at(7), BEN)])
    messages_only.build(killed_after="int_identities")
    messages_only.assert_equals_a_rebuild()


@pytest.mark.long
def test_a_reply_under_another_identity_reaches_the_message_it_quotes(messages_only: World) -> None:
    """Ada is written to by number and answers with her user id, before any record links the two."""
    quoted = [delivered("wamid.o1", at(0), ADA), delivered("wamid.o2", at(0), BEN)]
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", quoted)
    messages_only.build()
    reply = inbound("wamid.i1", at(1), None, user_id=ADA_ID, context="wamid.o1")
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [reply])
    after = messages_only.build()
    assert _message(after.db, "wamid.o1")["first_replied_at"] == at(1).replace(tzinfo=None)
    # Something else about the number comes in: the reply stays.
    write(messages_only.raw_dir, WEBHOOKS, "3.jsonl", [status("wamid.o1", "read", at(2), ADA)])
    again = messages_only.assert_equals_a_rebuild()
    assert _message(again.db, "wamid.o1")["first_replied_at"] == at(1).replace(tzinfo=None)


@pytest.mark.long
def test_a_far_date_that_later_is_one_of_two_and_then_alone_again(messages_only: World) -> None:
    year = [inbound(f"wamid.y{n}", at(n), BEN) for n in range(12)]
    far = [
        status("wamid.o1", "sent", at(1), ADA),
        status("wamid.o1", "failed", at(365 * 73), ADA, error=131026),
    ]
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", year)
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", far)
    alone = messages_only.build()
    assert _message(alone.db, "wamid.o1")["has_clock_anomaly"]
    assert query(alone.db, "select max(watermark_at) from meta.watermarks") == [
        (at(11).replace(tzinfo=None),)
    ]
    second = [inbound("wamid.i2", at(365 * 73 + 1), CLEO)]
    write(messages_only.raw_dir, WEBHOOKS, "3.jsonl", second)
    two = messages_only.build()
    assert not _message(two.db, "wamid.o1")["has_clock_anomaly"]
    write(messages_only.raw_dir, WEBHOOKS, "3.jsonl", [inbound("wamid.i2", at(11, 60), CLEO)])
    again = messages_only.assert_equals_a_rebuild()
    assert _message(again.db, "wamid.o1")["has_clock_anomaly"]


def test_a_late_message_moves_the_tier_of_the_later_ones(messages_only: World) -> None:
    write_csv(messages_only.raw_dir, RATE_CARD, "card.csv", TIERS)
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [delivered(f"wamid.o{n}", at(n), to) for n, to in ((2, ADA), (3, BEN), (4, CLEO))],
    )
    before = messages_only.build()
    assert _message(before.db, "wamid.o3")["cost_amount"] == Decimal("0.10")
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [delivered("wamid.o1", at(1), ADA)])
    after = messages_only.assert_equals_a_rebuild()
    assert _message(after.db, "wamid.o3")["cost_amount"] == Decimal("0.07")


@pytest.mark.long
def test_a_message_that_leaves_gives_its_tier_back_to_others(messages_only: World) -> None:
    """Ada's only message of the month leaves raw: nobody of the batch names that month any more."""
    write_csv(messages_only.raw_dir, RATE_CARD, "card.csv", TIERS)
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [delivered("wamid.o2", at(2), BEN), delivered("wamid.o3", at(3), CLEO)],
    )
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "2.jsonl",
        [delivered("wamid.o1", at(1), ADA), delivered("wamid.o4", at(40), ADA)],
    )
    before = messages_only.build()
    assert _message(before.db, "wamid.o3")["cost_amount"] == Decimal("0.07")
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [delivered("wamid.o4", at(40), ADA)])
    after = messages_only.assert_equals_a_rebuild()
    assert _message(after.db, "wamid.o3")["cost_amount"] == Decimal("0.10")


@pytest.mark.long
def test_a_message_to_nobody_that_leaves_gives_its_allowance_back(messages_only: World) -> None:
    variables = {"free_service_messages": 1}
    kept = [
        delivered("wamid.o2", at(2), BEN, "service"),
        delivered("wamid.o3", at(3), ADA, "service"),
    ]
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", kept)
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "2.jsonl",
        [delivered("wamid.o1", at(1), None, "service"), kept[0]],
    )
    before = messages_only.build(variables)
    assert _message(before.db, "wamid.o2")["cost_amount"] > 0
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [kept[0]])
    after = messages_only.assert_equals_a_rebuild(variables)
    assert _message(after.db, "wamid.o2")["cost_amount"] == 0


@pytest.mark.long
def test_a_late_service_message_moves_the_free_allowance(messages_only: World) -> None:
    """Also where a message of a free entry point, priced like service, stands in line before."""
    variables = {"free_service_messages": 2}
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            delivered(
                "wamid.e1", at(0), CLEO, "referral_conversion", pricing_type="free_entry_point"
            ),
            delivered("wamid.o2", at(2), ADA, "service"),
            delivered("wamid.o3", at(3), BEN, "service"),
            delivered("wamid.o4", at(3), BEN, "service", number=OTHER_NUMBER),
        ],
    )
    before = messages_only.build(variables)
    assert query(before.db, "select count(*) from marts.fct_messages where cost_amount = 0") != [
        (0,)
    ]
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "2.jsonl",
        [delivered("wamid.o1", at(1), "4917012345604", "service")],
    )
    after = messages_only.assert_equals_a_rebuild(variables)
    assert _message(after.db, "wamid.o4")["cost_amount"] == 0
    assert _message(after.db, "wamid.o3")["cost_amount"] > 0


def test_a_template_list_that_comes_late_names_the_category_of_earlier_sends(
    messages_only: World,
) -> None:
    write(messages_only.raw_dir, SENDS, "1.jsonl", [send("wamid.o1", at(0), ADA, template="offer")])
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [inbound("wamid.i1", at(1), BEN)])
    before = messages_only.build()
    assert _message(before.db, "wamid.o1")["category"] == "unknown"
    write(messages_only.raw_dir, TEMPLATES, "t.jsonl", [template("offer", "UTILITY")])
    after = messages_only.assert_equals_a_rebuild()
    assert _message(after.db, "wamid.o1")["category"] == "utility"


@pytest.mark.long
def test_a_number_that_turns_out_to_be_a_phone_is_hashed_in_old_messages_too(
    messages_only: World,
) -> None:
    """Some gateways write the number itself as its id; the body that shows it may come later."""
    own = "15550001234567"
    first = inbound("wamid.i1", at(0), ADA, number=own)
    del first["entry"][0]["changes"][0]["value"]["metadata"]["display_phone_number"]
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [first])
    messages_only.build()
    second = inbound("wamid.i2", at(1), BEN, number=own)
    second["entry"][0]["changes"][0]["value"]["metadata"]["display_phone_number"] = own
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [second])
    after = messages_only.assert_equals_a_rebuild()
    channels = query(after.db, "select distinct channel_id from marts.fct_messages")
    assert len(channels) == 1
    assert channels != [(own,)]


def test_a_channel_that_leaves_with_a_replaced_file_leaves_the_dimension(
    messages_only: World,
) -> None:
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [inbound("wamid.i1", at(0), ADA)])
    write(
        messages_only.raw_dir,
        WEBHOOKS,
        "2.jsonl",
        [inbound("wamid.i2", at(1), BEN, number=OTHER_NUMBER)],
    )
    messages_only.build()
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i2", at(1), BEN)])
    after = messages_only.assert_equals_a_rebuild()
    assert query(after.db, "select channel_id from marts.dim_channels") == [(NUMBER,)]


def test_a_replaced_reference_file_reprices_everything(world: World) -> None:
    card = write_csv(world.raw_dir, RATE_CARD, "mine.csv", TIERS)
    head = "rated_on,from_currency,to_currency,rate\n"
    rates = write_csv(world.raw_dir, FX_RATES, "mine.csv", f"{head}2026-01-01,USD,EUR,0.5\n")
    first = world.build()
    assert first.full_refresh_reason == "changed since the last build: reference files"
    card.write_text(TIERS.replace("EUR", "USD"))
    rates.write_text(f"{head}2026-01-01,EUR,USD,1.25\n")
    second = world.assert_equals_a_rebuild()
    assert second.full_refresh_reason == "changed since the last build: reference files"
    priced = "cost_amount > 0 and pricing_type = 'regular'"
    factor = f"select distinct round(cost_amount / cost_amount_original, 9) from marts.fct_messages where {priced}"
    assert query(second.db, factor) == [(0.8,)]


@pytest.mark.parametrize("to", [None, "120363000000000000@g.us"])
def test_a_far_date_of_a_message_to_nobody_is_forgiven_too(
    messages_only: World, to: str | None
) -> None:
    year = [inbound(f"wamid.y{n}", at(n), BEN) for n in range(12)]
    far = [status("wamid.o1", "sent", at(1), to), status("wamid.o1", "read", at(365 * 73), to)]
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [*year, *far])
    assert _message(messages_only.build().db, "wamid.o1")["has_clock_anomaly"]
    write(messages_only.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.i2", at(365 * 73 + 1), CLEO)])
    after = messages_only.assert_equals_a_rebuild()
    assert not _message(after.db, "wamid.o1")["has_clock_anomaly"]


@pytest.mark.long
def test_a_shared_number_brings_no_half_of_another_person(empty: World) -> None:
    """A shop's number stands in messages of many; one of them writing is no news of the others."""
    shop, people = "4917099900000", [f"DE.1000000000000000000{n}" for n in range(7)]
    first = [inbound(f"wamid.a{n}", at(n), shop, user_id=who) for n, who in enumerate(people)]
    alone = [
        status(f"wamid.b{n}", "delivered", at(n, 60), None, user_id=who)
        for n, who in enumerate(people)
    ]
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", [*first, *alone])
    empty.build()
    write(empty.raw_dir, WEBHOOKS, "2.jsonl", [inbound("wamid.c", at(9), shop, user_id=people[0])])
    after = empty.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    assert query(after.db, "select rows from meta.exclusions where reason = 'identity_max_links'")


def test_what_a_replaced_file_left_out_is_left_out_no_more(empty: World) -> None:
    timeless = status("wamid.o1", "sent", at(1), ADA)
    del timeless["entry"][0]["changes"][0]["value"]["statuses"][0]["timestamp"]
    strange = body({"statuses": {"id": "wamid.o2"}})
    left_out = "select reason, rows from meta.exclusions order by reason"
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", [inbound("wamid.i1", at(), ADA)])
    write(empty.raw_dir, WEBHOOKS, "2.jsonl", [timeless, strange])
    assert query(empty.build().db, left_out) == [("malformed", 1), ("no_time", 1)]
    write(empty.raw_dir, WEBHOOKS, "3.jsonl", [timeless, body({"messages": "none"})])
    assert query(empty.build().db, left_out) == [("malformed", 2), ("no_time", 1)]
    write(empty.raw_dir, WEBHOOKS, "2.jsonl", [status("wamid.o1", "sent", at(1), ADA)])
    after = empty.assert_equals_a_rebuild()
    assert query(after.db, left_out) == [("malformed", 1), ("no_time", 1)]


@pytest.mark.long
def test_two_rates_of_one_day_stop_the_publish(empty: World, run_cli: RunCli) -> None:
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", [inbound("wamid.i1", at(), ADA)])
    rates = (
        "rated_on,from_currency,to_currency,rate\n2026-01-01,USD,EUR,{}\n2026-01-01,USD,EUR,{}\n"
    )
    write_csv(empty.raw_dir, FX_RATES, "rates.csv", rates.format("0.9", "0.8"))
    done = run_cli(empty.raw_dir, empty.warehouse_dir, "run")
    assert done.returncode == 1
    assert "stg_reference__fx_rates_has_one_rate_per_day_and_pair" in done.stdout + done.stderr
    assert not (empty.warehouse_dir / "warehouse.duckdb").exists()
    write_csv(empty.raw_dir, FX_RATES, "rates.csv", rates.format("0.9", "0.9"))
    assert run_cli(empty.raw_dir, empty.warehouse_dir, "run").returncode == 0


def test_a_person_behind_a_shared_number_opts_out_alone(empty: World) -> None:
    shop, people = "4917099900000", [f"DE.1000000000000000000{n}" for n in range(7)]
    lines = [inbound(f"wamid.a{n}", at(n), shop, user_id=who) for n, who in enumerate(people)]
    lines.append(inbound("wamid.stop", at(8), shop, user_id=people[3], text="STOP"))
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", lines)
    db = empty.build().db
    [(left,)] = query(
        db, "select contact_id from marts.dim_contacts where opted_out_at is not null"
    )
    stop = message_id("wamid.stop", "inbound")
    assert (
        records(db, "from marts.fct_messages where message_id = ?", stop)[0]["contact_id"] == left
    )


def test_own_rates_that_nobody_can_read_are_no_reason_for_invented_ones(
    messages_only: World,
) -> None:
    card = (
        "effective_from,market,category,currency_code,rate\n2026-01-01,Germany,marketing,USD,0.1\n"
    )
    write_csv(messages_only.raw_dir, RATE_CARD, "card.csv", card)
    write_csv(
        messages_only.raw_dir,
        FX_RATES,
        "rates.csv",
        'rated_on,from_currency,to_currency,rate\n2026-01-01,USD,EUR,"0,5"\n',
    )
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [delivered("wamid.o1", at(1), ADA)])
    message = _message(messages_only.build().db, "wamid.o1")
    assert (message["cost_amount"], message["cost_amount_original"]) == (None, Decimal("0.1"))


@pytest.mark.long
def test_a_template_that_only_webhooks_tell_of_makes_a_campaign_message(
    messages_only: World,
) -> None:
    write(messages_only.raw_dir, SENDS, "1.jsonl", [send("wamid.o1", at(1), ADA, template="news")])
    messages_only.build()
    told = {"message_template_name": "news", "message_template_language": "en", "event": "APPROVED"}
    value = {**told, "message_template_category": "MARKETING"}
    update = body(value, field="message_template_status_update")
    update["entry"][0]["time"] = int(at(2).timestamp())
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [update])
    after = messages_only.assert_equals_a_rebuild()
    message = _message(after.db, "wamid.o1")
    assert (message["category"], message["sender_type"]) == ("marketing", "campaign")


@pytest.mark.long
def test_agents_named_by_an_address_or_a_number_are_hashed(messages_only: World) -> None:
    calls = [
        send("wamid.o1", at(1), ADA, sender_type="agent", agent_id="anna@shop.example"),
        send("wamid.o2", at(1), ADA, sender_type="bot", bot_id="+49 170 9999999"),
        send("wamid.o3", at(1), ADA, sender_type="agent", agent_id="agent-03"),
    ]
    write(messages_only.raw_dir, SENDS, "1.jsonl", calls)
    db = messages_only.build().db
    assert len(_message(db, "wamid.o1")["agent_id"]) == len("whatsapp:") + 32
    assert len(_message(db, "wamid.o2")["bot_id"]) == 32
    assert _message(db, "wamid.o3")["agent_id"] == "whatsapp:agent-03"


def test_a_corrected_export_of_the_send_log_counts_whole(messages_only: World) -> None:
    """The newer export decides, however it came, until it is called something older."""
    said = "select campaign_id, variant, template_name, contact_id from marts.fct_messages"
    first = send("wamid.o1", at(1), ADA, template="promo", campaign_id="c1", variant="B")
    corrected = send("wamid.o1", at(1), BEN, template="sale", campaign_id="c2")
    other = send("wamid.o2", at(2), CLEO, template="promo", campaign_id="c1")
    write(messages_only.raw_dir, SENDS, "sends-2026-10-06.jsonl", [corrected])
    alone = query(messages_only.build().db, said)
    write(messages_only.raw_dir, SENDS, "sends-2026-10-05.jsonl", [first])
    assert query(messages_only.assert_equals_a_rebuild().db, said) == alone
    assert alone[0][:3] == ("c2", "none", "sale")
    folder = messages_only.raw_dir / SENDS
    (folder / "sends-2026-10-06.jsonl").rename(folder / "sends-2026-10-04.jsonl")
    write(messages_only.raw_dir, SENDS, "sends-2026-10-07.jsonl", [other])
    after = messages_only.assert_equals_a_rebuild()
    assert query(after.db, f"{said} order by all")[0][:3] == ("c1", "B", "promo")
    (folder / "sends-2026-10-05.jsonl").write_text((folder / "sends-2026-10-07.jsonl").read_text())
    messages_only.assert_equals_a_rebuild()


CLICKS, LINKS, LINK_CLICKS = "clicks/short_io", "clicks/links", "generic/link_clicks"
SHORT = "link,time,ip,user agent,human\n"
LISTED = "url,campaign_id,variant,phone,message_id\n"


def _clicked(db: Path, wamid: str) -> tuple[Any, Any]:
    message = _message(db, wamid)
    return message["first_clicked_at"], message["inferred_read_at"]


def test_a_click_that_comes_later_reaches_its_message(messages_only: World) -> None:
    """By the token of its button; the log of clicks grows, shrinks and goes."""
    calls = [
        send("wamid.o1", at(0), ADA, template="promo", campaign_id="c1", button="k1"),
        send("wamid.o2", at(0), BEN, template="promo", campaign_id="c1", button="k2"),
    ]
    write(messages_only.raw_dir, SENDS, "1.jsonl", calls)
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [status("wamid.o1", "read", at(0.5), ADA)])
    assert _clicked(messages_only.build().db, "wamid.o1") == (None, naive(at(0.5)))
    late = f"https://s.example/k1,{at(1).isoformat()},203.0.113.1,Mozilla/5.0,yes\n"
    early = f"https://s.example/k1?x=1,{at(0.25).isoformat()},203.0.113.1,Mozilla/5.0,yes\n"
    write_csv(messages_only.raw_dir, CLICKS, "a.csv", SHORT + late)
    after = messages_only.assert_equals_a_rebuild()
    assert after.full_refresh_reason is None
    assert _clicked(after.db, "wamid.o1") == (naive(at(1)), naive(at(0.5)))
    # The log is exported again with more, under a name of its own and under the same one.
    write_csv(messages_only.raw_dir, CLICKS, "b.csv", SHORT + late + early)
    again = messages_only.assert_equals_a_rebuild()
    assert _clicked(again.db, "wamid.o1") == (naive(at(0.25)), naive(at(0.25)))
    assert query(again.db, "select count(*) from marts.fct_link_clicks") == [(2,)]
    write_csv(messages_only.raw_dir, CLICKS, "a.csv", SHORT)
    write_csv(messages_only.raw_dir, CLICKS, "b.csv", SHORT + early.replace("k1", "k2"))
    gone = messages_only.assert_equals_a_rebuild()
    assert _clicked(gone.db, "wamid.o1") == (None, naive(at(0.5)))
    assert _clicked(gone.db, "wamid.o2") == (naive(at(0.25)), naive(at(0.25)))


@pytest.mark.long
def test_a_link_list_that_comes_after_its_clicks_and_is_replaced(messages_only: World) -> None:
    calls = [
        send("wamid.o1", at(0), ADA, template="promo", campaign_id="c1"),
        send("wamid.o2", at(1), ADA, template="promo", campaign_id="c2"),
        send("wamid.o3", at(1), BEN, template="promo", campaign_id="c2"),
    ]
    write(messages_only.raw_dir, SENDS, "1.jsonl", calls)
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [inbound("wamid.i1", at(3), CLEO)])
    write_csv(
        messages_only.raw_dir,
        CLICKS,
        "a.csv",
        SHORT + f"https://S.example/7/?utm_source=wa,{at(2).isoformat()},,Mozilla/5.0,yes\n",
    )
    said = "select contact_id, campaign_id, variant, message_id from marts.fct_link_clicks"
    before = messages_only.build()
    assert query(before.db, said) == [("unknown", "none", "none", "none")]
    write_csv(messages_only.raw_dir, LINKS, "l.csv", LISTED + f"http://s.example/7,c1,b,{ADA},\n")
    by_campaign = messages_only.assert_equals_a_rebuild()
    assert _clicked(by_campaign.db, "wamid.o1") == (naive(at(2)), naive(at(2)))
    assert query(by_campaign.db, said)[0][1:] == ("c1", "none", message_id("wamid.o1"))
    days = "select clicks, active_on from marts.fct_contact_days where clicks > 0"
    assert query(by_campaign.db, days) == [(1, at(2).date())]
    write_csv(messages_only.raw_dir, LINKS, "l.csv", LISTED + f"http://s.example/7,,,{ADA},\n")
    by_person = messages_only.assert_equals_a_rebuild()
    assert _clicked(by_person.db, "wamid.o1") == (None, None)
    assert _clicked(by_person.db, "wamid.o2") == (naive(at(2)), naive(at(2)))
    # A newer list names a message of somebody else; an older one changes nothing.
    write_csv(
        messages_only.raw_dir, LINKS, "m.csv", LISTED + "https://s.example/7/,c9,,,wamid.o3\n"
    )
    write_csv(messages_only.raw_dir, LINKS, "k.csv", LISTED + f"https://s.example/7,c8,,{CLEO},\n")
    by_message = messages_only.assert_equals_a_rebuild()
    assert _clicked(by_message.db, "wamid.o2") == (None, None)
    assert _clicked(by_message.db, "wamid.o3") == (naive(at(2)), naive(at(2)))
    write_csv(messages_only.raw_dir, LINKS, "m.csv", LISTED + "https://s.example/8,c9,,,wamid.o3\n")
    assert _clicked(messages_only.assert_equals_a_rebuild().db, "wamid.o2") == (
        naive(at(2)),
        naive(at(2)),
    )


@pytest.mark.long
def test_a_send_that_comes_after_its_click_is_reached_too(messages_only: World) -> None:
    """By another system's log of clicks, which names the message; then its send log is replaced."""
    head = "click_id,clicked_at,url,message_id\n"
    row = f"1,{at(1).isoformat()},https://s.example/k1,wamid.o1\n"
    write_csv(messages_only.raw_dir, LINK_CLICKS, "a.csv", head + row)
    write(messages_only.raw_dir, WEBHOOKS, "1.jsonl", [inbound("wamid.i1", at(3), CLEO)])
    assert query(messages_only.build().db, "select message_id from marts.fct_link_clicks") == [
        ("none",)
    ]
    call = send("wamid.o1", at(0), ADA, template="promo", campaign_id="c1", button="k1")
    write(messages_only.raw_dir, SENDS, "1.jsonl", [call])
    after = messages_only.assert_equals_a_rebuild()
    assert _clicked(after.db, "wamid.o1") == (naive(at(1)), naive(at(1)))
    call = send("wamid.o2", at(0), ADA, template="promo", campaign_id="c1", button="k1")
    write(messages_only.raw_dir, SENDS, "1.jsonl", [call])
    write_csv(messages_only.raw_dir, LINK_CLICKS, "a.csv", head + row.replace("wamid.o1", ""))
    replaced = messages_only.assert_equals_a_rebuild()
    assert _clicked(replaced.db, "wamid.o2") == (naive(at(1)), naive(at(1)))
