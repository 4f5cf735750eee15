"""Business seconds equal a count of every shift of every day by Python's zones (SEMANTICS 8).

The spans are drawn around the changes of clock, the holidays and the edges of shifts, where a
count goes wrong; far from them any count is right.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from benchmarks.models import rendered, sql_of
from orchestration.warehouse import memory
from tests.metrics.business_seconds import Shift, business_seconds

SPANS = 2_000
SEED = 20261122
ZONES = ("Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata")
FIRST, LAST = datetime(2016, 1, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)

# `week`: split shifts and an early Saturday. `night`: over midnight, with an edge in the hour that
# the clocks repeat or leave out, in Berlin (2 to 3) and in São Paulo (23 to 24, 0 to 1). `always`:
# no second closed. `odd`: overlapping, touching, one within another, half hours and seconds, and a
# shift in Berlin's hour that is left out, which ends before it begins.
SCHEDULES = {
    "week": [
        *(Shift(day, "09:00", "12:30") for day in range(1, 6)),
        *(Shift(day, "13:30", "18:00") for day in range(1, 6)),
        Shift(6, "8:00", "12:00"),
    ],
    "night": [
        Shift(5, "22:00", "06:00"),
        Shift(6, "23:30", "02:30"),
        Shift(7, "00:30", "02:00"),
        Shift(7, "02:15", "04:00"),
        Shift(7, "21:00", "00:00"),
    ],
    "always": [Shift(day, "00:00", "24:00") for day in range(1, 8)],
    "odd": [
        Shift(1, "08:00:30", "12:00"),
        Shift(1, "11:00", "15:45:10"),
        Shift(1, "11:30", "11:45"),
        Shift(1, "15:45:10", "16:00"),
        Shift(3, "18:00", "18:00"),
        Shift(4, "17:00", "19:30"),
        Shift(7, "02:30", "03:00"),
        Shift(7, "22:30", "07:15"),
    ],
}
HOLIDAYS = {
    "week": {date(year, 12, day) for year in range(2016, 2027) for day in (24, 25, 26)},
    # Nights before, after and on a change of clock.
    "night": {date(2018, 2, 17), date(2018, 10, 27), date(2021, 3, 27), date(2024, 10, 27)},
    "odd": {date(2019, 3, 31), date(2026, 6, 3)},
}


def _changes_of_clock(zone: str) -> list[datetime]:
    """Return the hours in which the zone's offset changes."""
    hours = int((LAST - FIRST).total_seconds()) // 3600
    at = [FIRST + timedelta(hours=number) for number in range(hours)]
    offsets = [instant.astimezone(ZoneInfo(zone)).utcoffset() for instant in at]
    return [at[n] for n in range(1, hours) if offsets[n] != offsets[n - 1]]


def _spans() -> Iterator[tuple[int, str, str, datetime, datetime]]:
    chance = random.Random(SEED)
    changes = {zone: _changes_of_clock(zone) for zone in ZONES}
    assert [len(changes[zone]) for zone in ZONES] == [22, 7, 0]
    for number in range(SPANS):
        zone, schedule = chance.choice(ZONES), chance.choice(list(SCHEDULES))
        near = [
            *changes[zone],
            *(
                datetime(day.year, day.month, day.day, tzinfo=UTC)
                for day in HOLIDAYS.get(schedule, ())
                if day < LAST.date()
            ),
        ]
        if near and number % 3:
            begins = chance.choice(near) + timedelta(seconds=chance.randint(-200_000, 100_000))
        else:
            begins = FIRST + timedelta(
                seconds=chance.randint(0, int((LAST - FIRST).total_seconds()) - 90 * 86_400)
            )
        length = chance.choice((600, 7_200, 90_000, 400_000, 90 * 86_400))
        ends = min(begins + timedelta(seconds=chance.randint(0, length)), LAST)
        if number % 10 == 0:
            begins = begins.replace(minute=0, second=0)
            ends = ends.replace(minute=30, second=0) if ends > begins else begins
        yield number, zone, schedule, min(begins, ends), max(begins, ends)


SPANS_SQL = """
with

spans as (
    select * from drawn_spans
),

channel_schedules as (
    select * from int_channel_schedules
),

business_intervals as (
    select * from int_business_intervals
)

select
    spans.span_id,
    {{ business_seconds('from_hours', 'spans.from_at', 'to_hours', 'spans.to_at') }} as seconds
from spans
left join channel_schedules on spans.channel_id = channel_schedules.channel_id
{{ business_lookup('from_hours', 'channel_schedules', 'spans.from_at') }}
{{ business_lookup('to_hours', 'channel_schedules', 'spans.to_at') }}
"""


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with a channel for each zone and schedule, and the spine of them all."""
    with memory() as con:
        con.execute(
            "create table reference_business_hours (schedule_id varchar, iso_day_of_week varchar, "
            "opens_at varchar, closes_at varchar)"
        )
        con.executemany(
            "insert into reference_business_hours values (?, ?, ?, ?)",
            [
                (name, str(shift.iso_day_of_week), shift.opens_at, shift.closes_at)
                for name, shifts in SCHEDULES.items()
                for shift in shifts
            ],
        )
        con.execute("create table reference_holidays (schedule_id varchar, holiday_on varchar)")
        con.executemany(
            "insert into reference_holidays values (?, ?)",
            [(name, day.isoformat()) for name, days in HOLIDAYS.items() for day in sorted(days)],
        )
        con.execute(
            "create table int_channels (channel_id varchar, timezone varchar, schedule_id varchar)"
        )
        con.executemany(
            "insert into int_channels values (?, ?, ?)",
            [(f"{zone} {name}", zone, name) for zone in ZONES for name in SCHEDULES]
            + [("unscheduled", ZONES[0], None), ("unknown hours", ZONES[0], "nowhere")],
        )
        con.execute(
            "create table int_watermarks as "
            "select 'messages' as subject, timestamp '2026-11-20' as watermark_at"
        )
        for model in (
            "stg_reference__business_hours",
            "stg_reference__holidays",
            "int_channel_schedules",
            "int_business_intervals",
        ):
            con.execute(f"create table {model} as {sql_of(model)}")
        con.execute(
            "create table drawn_spans "
            "(span_id bigint, channel_id varchar, from_at timestamp, to_at timestamp)"
        )
        yield con


def _counted(con: duckdb.DuckDBPyConnection, spans: list[tuple[Any, ...]]) -> dict[int, float]:
    con.execute("delete from drawn_spans")
    con.executemany("insert into drawn_spans values (?, ?, ?, ?)", spans)
    return dict(con.execute(rendered(SPANS_SQL)).fetchall())


def test_2000_spans_equal_a_count_by_pythons_zones(con: duckdb.DuckDBPyConnection) -> None:
    spans = list(_spans())
    counted = _counted(
        con,
        [
            (number, f"{zone} {schedule}", begins.replace(tzinfo=None), ends.replace(tzinfo=None))
            for number, zone, schedule, begins, ends in spans
        ],
    )
    assert len(counted) == SPANS
    wrong = []
    for number, zone, schedule, begins, ends in spans:
        expected = business_seconds(
            SCHEDULES[schedule], HOLIDAYS.get(schedule, set()), ZoneInfo(zone), begins, ends
        )
        if counted[number] != expected:
            wrong.append(f"{schedule} in {zone}, {begins} to {ends}: {counted[number]}, {expected}")
    assert wrong == []


@pytest.mark.parametrize(
    ("channel", "begins", "ends", "seconds"),
    [
        # Saturday 23:30 to Sunday 2:30 on the night that repeats 2 to 3: until the first 2:30.
        ("Europe/Berlin night", "2026-10-24 21:30", "2026-10-25 00:29", 10_740),
        # The clocks go from 2 to 3: the shift of 0:30 to 2:00 ends as it would have.
        ("Europe/Berlin night", "2026-03-28 23:30", "2026-03-29 01:00", 5_400),
        # A shift of 2:30 to 3:00 would begin half an hour after its end.
        ("Europe/Berlin odd", "2026-03-28 20:00", "2026-03-29 12:00", 0),
        ("Europe/Berlin odd", "2026-03-21 20:00", "2026-03-22 12:00", 1_800),
        # 24 hours a day are 23 and 25 hours on these days.
        ("Europe/Berlin always", "2026-03-28 23:00", "2026-03-29 22:00", 82_800),
        ("Europe/Berlin always", "2026-10-24 22:00", "2026-10-25 23:00", 90_000),
        # The same week in Kolkata begins three and a half or four and a half hours earlier.
        ("Asia/Kolkata week", "2026-03-02 03:30", "2026-03-02 07:00", 12_600),
        ("Europe/Berlin week", "2026-03-02 03:30", "2026-03-02 07:00", 0),
        # The 24th to the 26th are holidays; Tuesday before, Saturday and Monday after are none.
        ("Europe/Berlin week", "2025-12-23 16:00", "2025-12-29 09:00", 21_600),
        ("unscheduled", "2026-03-02 03:30", "2026-03-02 07:00", None),
        ("unknown hours", "2026-03-02 03:30", "2026-03-02 07:00", None),
        ("Europe/Berlin week", "2026-03-02 03:30", "2099-03-02 07:00", None),
        ("Europe/Berlin week", "1970-01-01 00:00", "2026-03-02 07:00", None),
        ("Europe/Berlin week", "2026-03-02 03:30", None, None),
    ],
)
def test_the_edges_by_hand(
    con: duckdb.DuckDBPyConnection,
    channel: str,
    begins: str,
    ends: str | None,
    seconds: float | None,
) -> None:
    assert _counted(con, [(1, channel, begins, ends)]) == {1: seconds}
