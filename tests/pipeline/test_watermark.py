"""What changes because time passes, without a row of its own; and what changes everything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration import fingerprint
from orchestration.settings import DBT_PROJECT_DIR
from tests.conftest import ROOT, Built, RunCli, cli_env
from tests.pipeline.conftest import MakeOnce, World
from tests.pipeline.harness import (
    assert_same_marts,
    build,
    clone,
    full_refresh_reason,
    query,
    records,
)
from tests.pipeline.payloads import (
    NUMBER,
    OTHER_NUMBER,
    RATE_CARD,
    SENDS,
    WEBHOOKS,
    at,
    delivered,
    inbound,
    send,
    write,
    write_csv,
)

ADA, BEN = "4917012345601", "4917012345602"
FIRST_DAY = at().date()


@pytest.fixture(scope="module")
def passed_by(make_once: MakeOnce) -> tuple[Path, Path]:
    """Return the working files before and after another number goes on for two months."""

    def make(folder: Path) -> None:
        raw_dir = folder / "raw"
        own = [
            line
            for n in range(4)
            for line in (
                inbound(f"wamid.i{n}", at(n), ADA),
                delivered(f"wamid.o{n}", at(n, 60), ADA),
            )
        ]
        other = [inbound("wamid.b0", at(0), BEN, number=OTHER_NUMBER)]
        write(raw_dir, WEBHOOKS, "1.jsonl", own + other)
        before = build(raw_dir, folder / "warehouse")
        clone(folder / "warehouse", folder / "before")
        later = [inbound(f"wamid.b{n}", at(n), BEN, number=OTHER_NUMBER) for n in range(20, 61, 20)]
        write(raw_dir, WEBHOOKS, "2.jsonl", later)
        after = build(raw_dir, folder / "warehouse")
        assert before.full_refresh_reason
        assert after.full_refresh_reason is None
        assert_same_marts(after.db, build(raw_dir, folder / "clean").db)

    folder = make_once("passed_by", make)
    return folder / "before" / "build.duckdb", folder / "warehouse" / "build.duckdb"


def _period(db: Path, grain: str, start: date, table: str = "kpi_messaging") -> dict[str, Any]:
    [row] = records(
        db,
        f"from marts.{table} where period_grain = ? and period_start_on = ? and channel_id = ?",
        grain,
        start,
        NUMBER,
    )
    return row


@pytest.mark.parametrize("table", ["kpi_messaging", "kpi_engagement"])
def test_earlier_periods_become_complete_and_mature(
    passed_by: tuple[Path, Path], table: str
) -> None:
    before, after = passed_by
    last_day, month = at(3).date(), FIRST_DAY.replace(day=1)
    for grain, start in (("day", last_day), ("week", FIRST_DAY), ("month", month)):
        row = _period(before, grain, start, table)
        assert (row["is_complete"], row["is_mature"]) == (False, False)
        row = _period(after, grain, start, table)
        assert (row["is_complete"], row["is_mature"]) == (True, True)
    # Complete before, and mature only now: a day has to wait for its window.
    row = _period(before, "day", FIRST_DAY, table)
    assert (row["is_complete"], row["is_mature"]) == (True, False)
    assert _period(after, "day", FIRST_DAY, table)["is_mature"]


def test_a_number_that_fell_silent_gets_rows_of_zeros(passed_by: tuple[Path, Path]) -> None:
    before, after = passed_by
    days = "select count(*) from marts.kpi_messaging where period_grain = 'day' and channel_id = ?"
    assert query(before, days, NUMBER) == [(4,)]
    assert query(after, days, NUMBER) == [(61,)]
    silent = _period(after, "day", at(50).date())
    assert (silent["messages_attempted"], silent["messages_received"]) == (0, 0)
    assert (silent["delivery_rate"], silent["cost_amount"]) == (None, 0)
    costs = (
        "select sum(messages_delivered) from marts.kpi_costs where period_grain = 'month' "
        "and channel_id = ? group by period_start_on order by period_start_on"
    )
    assert query(after, costs, NUMBER) == [(4,), (0,), (0,)]


def test_active_contacts_fall_when_nobody_writes(passed_by: tuple[Path, Path]) -> None:
    _, after = passed_by
    active: dict[date, int] = dict(
        query(after, "select active_on, contacts_active_28d from marts.kpi_active_contacts")
    )
    assert active[at(3).date()] == 2
    assert active[at(3 + 27).date()] == 2
    # Ada's last day is 28 days ago; Ben wrote on day 20.
    assert active[at(3 + 28).date()] == 1
    assert active[at(59).date()] == 1
    assert max(active) == at(60).date()


def test_only_what_decides_the_rows_gives_a_full_refresh(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reason(**variables: object) -> str | None:
        return full_refresh_reason(world.raw_dir, world.warehouse_dir, variables)

    assert reason() is None
    write(world.raw_dir, WEBHOOKS, "new.jsonl", [inbound("wamid.i1", at(), ADA)])
    for path in world.raw_dir.rglob("*.csv"):
        os.utime(path, (0, 0))
    assert reason() is None
    assert reason(click_window_days=7) == "changed since the last build: vars"
    card = write_csv(
        world.raw_dir,
        RATE_CARD,
        "mine.csv",
        "effective_from,market,category,currency_code,rate\n2026-01-01,Germany,marketing,EUR,0.1\n",
    )
    assert reason() == "changed since the last build: reference files"
    assert reason(click_window_days=3) == "changed since the last build: vars and reference files"
    card.unlink()
    assert reason() is None

    copied = tmp_path / "dbt_project"
    shutil.copytree(DBT_PROJECT_DIR, copied, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr(fingerprint, "DBT_PROJECT_DIR", copied)
    assert reason() is None
    model = copied / "models" / "marts" / "channel" / "kpi_messaging.sql"
    model.write_text(model.read_text().replace("'131049', '130472'", "'131049'"))
    assert reason() == "changed since the last build: model code"


def test_changed_vars_restate_everything_and_say_so(sample_copy: Built, run_cli: RunCli) -> None:
    variables = json.dumps({"reporting_currency": "USD", "reporting_timezone": "America/Sao_Paulo"})

    def costs() -> list[tuple[Any, ...]]:
        return query(
            sample_copy.published,
            "select cost_amount = cost_amount_original, cost_amount > 0, count(*) "
            "from marts.fct_messages where cost_currency_code = 'USD' and cost_amount > 0 "
            "group by all",
        )

    before = costs()
    assert [row[:2] for row in before] == [(False, True)]
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir, CHATMART_VARS=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "full refresh: changed since the last build: vars" in done.stdout
    assert costs() == [(True, True, before[0][2])]
    again = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir, CHATMART_VARS=variables)
    assert "Up to date since" in again.stdout
    assert "full refresh" not in again.stdout


def test_a_var_that_decides_how_numbers_are_read_is_obeyed_afterwards_too(empty: World) -> None:
    """The send log's national number is hashed at ingest: a full refresh must hash it anew."""
    write(empty.raw_dir, WEBHOOKS, "1.jsonl", [inbound("wamid.i1", at(1), ADA)])
    national = send("wamid.o1", at(0), "0170 12345601")
    national["response"]["contacts"] = []
    write(empty.raw_dir, SENDS, "1.jsonl", [national])
    people = "select count(*) from marts.dim_contacts"
    assert query(empty.build().db, people) == [(2,)]
    after = empty.assert_equals_a_rebuild({"default_country": "DE"})
    assert query(after.db, people) == [(1,)]


@pytest.mark.long
def test_changed_model_code_restates_everything_and_says_so(sample: Built, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("orchestration", "dbt_project"):
        ignored = shutil.ignore_patterns("target", "logs", "__pycache__")
        shutil.copytree(ROOT / name, repository / name, ignore=ignored)
    for name in ("pyproject.toml", "dagster.yaml"):
        shutil.copy(ROOT / name, repository)
    raw_dir, warehouse_dir = tmp_path / "raw", tmp_path / "warehouse"
    shutil.copytree(sample.raw_dir, raw_dir)
    shutil.copytree(sample.warehouse_dir, warehouse_dir)
    shutil.rmtree(warehouse_dir / "dbt")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orchestration", "run"],
            cwd=repository,
            env=cli_env(raw_dir, warehouse_dir),
            capture_output=True,
            text=True,
            check=False,
        )

    assert "Up to date since" in run().stdout
    seed = repository / "dbt_project" / "seeds" / "error_classes.csv"
    seed.write_text(seed.read_text().replace("131026,invalid_recipient", "131026,policy"))
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "full refresh: changed since the last build: model code" in done.stdout
    classes = "select distinct error_class from marts.fct_messages where error_code = '131026'"
    assert query(warehouse_dir / "warehouse.duckdb", classes) == [("policy",)]
    card = "effective_from,market,category,currency_code,rate\n2026-01-01,Germany,marketing,EUR,9\n"
    write_csv(raw_dir, RATE_CARD, "mine.csv", card)
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "full refresh: changed since the last build: reference files" in done.stdout
