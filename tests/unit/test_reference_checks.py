"""What reference tables hold and nobody can read: named by table, row, cell and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.check.run import check_files
from orchestration.checks.reference import WARNINGS
from orchestration.checks.runner import run_check
from tests.faults.harness import Harness, make_harness

HOURS = "schedule_id,iso_day_of_week,opens_at,closes_at\n"
TARGETS = "channel_id,category,metric,target_seconds,clock\n"


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def _named(harness: Harness) -> dict[str, tuple[str, ...]]:
    harness.ingest()
    with harness.open() as con:
        outcomes = [run_check(con, check) for check in WARNINGS]
    return {o.check.name: o.examples for o in outcomes if not o.passed}


@pytest.mark.parametrize(
    ("stream", "content", "named"),
    [
        ("business_hours", HOURS + "s,Monday,9,17:00\n",
         {"iso_day_of_week Monday: write 1", "opens_at 9: write the time like 09:00"}),
        ("business_hours", HOURS + "s,6,9:00 AM,5:00 PM\n",
         {"opens_at 9:00 AM: write", "closes_at 5:00 PM: write"}),
        ("business_hours", HOURS + "s,1,24:00,25:00\n",
         {"opens_at 24:00: write", "closes_at 25:00: write"}),
        ("business_hours", HOURS + "s,1,9:00,24:00\ns,7,22:00:00,06:00\n", set()),
        ("holidays", "schedule_id,holiday_on\ns,25.12.2026\n",
         {"holiday_on 25.12.2026: write the day like 2026-12-25"}),
        ("sla_targets", TARGETS + "c,,resolution,15 min,office\n",
         {"metric resolution: write first_response", "target_seconds 15 min: write seconds",
          "clock office: write calendar or business"}),
        ("sla_targets", TARGETS + ",VIP customers,first_response,60,\n",
         {"category (a text): write one plain word"}),
        ("sla_targets", TARGETS + ",late-delivery,First_Response,60,Business\n", set()),
        ("feedback_topics", "topic,pattern\nprice,([\n",
         {"pattern (a text): write a regular expression"}),
        ("channels", "channel_id,channel_type\nc1,Telegram\nc2,WhatsApp\nc3,\n",
         {"channel_type Telegram: write whatsapp, instagram"}),
        ("rate_card", "effective_from,market,category,currency_code,rate\n1.7.26,DE,utility,EUR,x\n",
         {"effective_from 1.7.26: write the day", "rate x: write the number like"}),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_used_is_named_with_its_mend(
    harness: Harness, stream: str, content: str, named: set[str]
) -> None:
    harness.put(f"reference/{stream}/a.csv", content)
    said = _named(harness)
    assert set(said) == ({f"reference_{stream}_can_be_read"} if named else set())
    examples = [example for found in said.values() for example in found]
    assert len(examples) == len(named)
    for begin in named:
        assert any(e.startswith(f"row 1, {begin}") for e in examples), begin


def test_a_cell_that_could_be_somebodys_is_not_shown(harness: Harness) -> None:
    """And rows of one file and column are one line."""
    rows = "".join(f"s,{cell}\n" for cell in ("2026-12-25", "0155 0000 0200", "Ada Kranich", "x"))
    harness.put("reference/holidays/a.csv", "schedule_id,holiday_on\n" + rows)
    harness.put("reference/holidays/b.csv", "schedule_id,holiday_on\nt,+491550000020\n")
    said = _named(harness)
    keys = [key for (key,) in harness.rows("select left(path_key, 8) from raw.files order by path")]
    mend = "holiday_on (a text): write the day like 2026-12-25"
    assert set(said["reference_holidays_can_be_read"]) == {
        f"file {keys[0]} row 2 and 2 more, {mend}",
        f"file {keys[1]} row 1, {mend}",
    }


def test_make_check_names_the_rows_of_a_file(harness: Harness) -> None:
    harness.put(
        "reference/business_hours/a.csv", HOURS + "s,1,9:00,17:00\n" + "s,6,9 am,17:00\n" * 2
    )
    (verdict,) = check_files(harness.settings)
    assert verdict.is_usable
    assert [r for r in verdict.remarks if "opens_at" in r] == [
        "opens_at can't be used in row 2 below the header: write the time like 09:00, from 00:00 "
        "to 23:59"
    ]
