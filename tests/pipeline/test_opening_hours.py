"""Opening hours, holidays and targets as the user writes them, up to what customers waited."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.checks import hours, reference
from orchestration.checks.runner import run_check
from orchestration.warehouse import connect
from tests.pipeline.conftest import World
from tests.pipeline.harness import records, settings_of
from tests.pipeline.payloads import (
    NUMBER,
    OTHER_NUMBER,
    SENDS,
    WEBHOOKS,
    inbound,
    send,
    write,
    write_csv,
)

ADA, BEN, CLEO, DORA = (f"491701234560{n}" for n in range(1, 5))
THIRD_NUMBER = "306540352242922"
# People wait over a weekend here, and still it is one conversation.
VARIABLES = {"session_gap_hours": 24 * 7}
CHANNELS = (
    "channel_id,name,timezone,schedule_id\n"
    f"{NUMBER},Berlin,Europe/Berlin,office\n"
    f"{OTHER_NUMBER},Santos,America/Sao_Paulo,office\n"
)
HOURS = "schedule_id,iso_day_of_week,opens_at,closes_at\n"


def _october(day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC)


def _write_messages(raw_dir: Path) -> None:
    asked = [
        # Berlin, Friday 16:59 to Monday 9:01, the clocks set back in between.
        ("weekend", ADA, NUMBER, _october(23, 14, 59), _october(26, 8, 1)),
        # Friday after closing to Tuesday 9:30: Monday is a holiday.
        ("holiday", BEN, NUMBER, _october(9, 15, 30), _october(13, 7, 30)),
        # Santos, Monday 8:30 to 9:10: at Berlin's hours nobody would have been there either.
        ("santos", CLEO, OTHER_NUMBER, _october(5, 11, 30), _october(5, 12, 10)),
        ("unscheduled", DORA, THIRD_NUMBER, _october(5, 11, 30), _october(5, 12, 11)),
    ]
    write(
        raw_dir,
        WEBHOOKS,
        "w.jsonl",
        [inbound(f"wamid.{name}", at, who, number=to) for name, who, to, at, _ in asked],
    )
    write(
        raw_dir,
        SENDS,
        "s.jsonl",
        [
            send(f"wamid.to-{name}", at, who, number=to, sender_type="agent", agent_id="7")
            for name, who, to, _, at in asked
        ],
    )


def _write_reference(raw_dir: Path) -> None:
    write_csv(raw_dir, "reference/channels", "channels.csv", CHANNELS)
    # One schedule, split over two files; the weekend of the second can't be read.
    week = "".join(f"office,{day},9:00,12:00\n" for day in range(1, 6))
    write_csv(raw_dir, "reference/business_hours", "mornings.csv", HOURS + week)
    week = "".join(f"office,{day},12:00:00,17:00:00\n" for day in range(1, 6))
    write_csv(
        raw_dir,
        "reference/business_hours",
        "afternoons.csv",
        HOURS + week + "office,Saturday,09:00,17:00\noffice,7,9 am,5 pm\n",
    )
    write_csv(
        raw_dir,
        "reference/holidays",
        "holidays.csv",
        "schedule_id,holiday_on\noffice,2026-10-12\noffice,All Saints\n",
    )
    write_csv(
        raw_dir,
        "reference/sla_targets",
        "targets.csv",
        "channel_id,metric,target_seconds,clock\n"
        f"{NUMBER},first_response,120,business\n"
        f"{OTHER_NUMBER},first_response_seconds,2399,\n",
    )


def _waits(db: Path) -> dict[float, tuple[Any, ...]]:
    """Return response seconds → business seconds, target and whether it was met."""
    rows = records(
        db,
        "select r.response_seconds, r.response_business_seconds, c.first_response_seconds, "
        "c.first_response_business_seconds, c.sla_target_seconds, c.is_sla_met "
        "from marts.fct_responses as r join marts.fct_conversations as c "
        "using (conversation_cycle_id) order by all",
    )
    # Each conversation is one turn: both facts say the same.
    for row in rows:
        assert row["response_seconds"] == row["first_response_seconds"]
        assert row["response_business_seconds"] == row["first_response_business_seconds"]
    return {
        row["response_seconds"]: (
            row["response_business_seconds"],
            row["sla_target_seconds"],
            row["is_sla_met"],
        )
        for row in rows
    }


def _warned(world: World) -> dict[str, tuple[str, ...]]:
    with connect(settings_of(world.raw_dir, world.warehouse_dir)) as con:
        outcomes = [run_check(con, check) for check in (*hours.WARNINGS, *reference.WARNINGS)]
    return {o.check.name: o.examples for o in outcomes if not o.passed}


def test_customers_wait_by_the_hours_of_their_own_inbox(empty: World) -> None:
    """And another closing time restates the past, as a rebuild would."""
    _write_messages(empty.raw_dir)
    _write_reference(empty.raw_dir)
    db = empty.build(VARIABLES).db
    assert _waits(db) == {
        65 * 3600 + 120: (120, 120, True),
        88 * 3600: (1_800, 120, False),
        2_400: (600, 2_399, False),
        # No schedule: NULL, never 0.
        2_460: (None, None, None),
    }
    with connect(settings_of(empty.raw_dir, empty.warehouse_dir)) as con:
        key = con.execute(
            "select left(path_key, 8) from raw.files where path like '%afternoons.csv'"
        ).fetchone()
    # Which row, what stands there and the mend, but never a file's name.
    hours_file = f"file {key[0] if key else ''}"
    assert _warned(empty) == {
        "reference_business_hours_can_be_read": (
            f"{hours_file} row 6, iso_day_of_week Saturday: write 1 for Monday up to 7 for Sunday",
            f"{hours_file} row 7, closes_at 5 pm: write the time like 17:30, up to 24:00",
            f"{hours_file} row 7, opens_at 9 am: write the time like 09:00, from 00:00 to 23:59",
        ),
        "reference_holidays_can_be_read": (
            "row 2, holiday_on (a text): write the day like 2026-12-25",
        ),
    }

    week = "".join(f"office,{day},12:00,18:30\n" for day in range(1, 6))
    write_csv(empty.raw_dir, "reference/business_hours", "afternoons.csv", HOURS + week)
    write_csv(
        empty.raw_dir,
        "reference/holidays",
        "holidays.csv",
        "schedule_id,holiday_on\noffices,2026-10-12\n",
    )
    write_csv(
        empty.raw_dir,
        "reference/sla_targets",
        "targets.csv",
        "channel_id,metric,target_seconds\n106540352242999,first_response,60\n",
    )
    db = empty.assert_equals_a_rebuild(VARIABLES).db
    assert _waits(db) == {
        65 * 3600 + 120: (91 * 60 + 60, None, None),
        # The name of the holiday's schedule is another one now: Monday counts.
        88 * 3600: (3_600 + 9.5 * 3600 + 1_800, None, None),
        2_400: (600, None, None),
        2_460: (None, None, None),
    }
    assert _warned(empty) == {
        "every_schedule_has_opening_hours": ("offices",),
        "every_target_is_of_a_channel_that_is_there": ("2999",),
    }
