"""The program behind `make run`: exit codes, advice, and what never happens to readers."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.scorecard import shown
from orchestration.settings import Settings
from orchestration.warehouse import connect, writer_lock
from tests.conftest import ROOT, Built, RunCli, cli_env

UP_TO_DATE_SECONDS = 15
HEAVY = ("dagster", "dbt", "pandas", "scipy", "dagster_dbt")


def _settings(built: Built) -> Settings:
    return Settings(raw_dir=built.raw_dir, warehouse_dir=built.warehouse_dir)


def _bytes(built: Built) -> dict[str, str]:
    """Return a hash of each file that readers open."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (built.published, *sorted((built.warehouse_dir / "marts").iterdir()))
    }


def _marts(built: Built) -> dict[str, list[tuple[object, ...]]]:
    with connect(_settings(built), built.published, read_only=True) as con:
        tables = con.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
        ).fetchall()
        return {
            name: con.execute(f"from marts.{name} order by all").fetchall() for (name,) in tables
        }


def _runs(built: Built) -> list[tuple[str, str]]:
    """Return (status, run id) of every run in the instance's storage, oldest first."""
    storage = built.dagster_home / "storage" / "history" / "runs.db"
    code = (
        "import sqlite3, sys, json; c = sqlite3.connect(sys.argv[1]); "
        "print(json.dumps(c.execute('select status, run_id from runs order by id').fetchall()))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(storage)], capture_output=True, text=True, check=True
    )
    return [tuple(row) for row in json.loads(out.stdout)]


def _start(built: Built) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration", "run"],
        cwd=ROOT,
        env=cli_env(built.raw_dir, built.warehouse_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def _add_a_day(built: Built) -> None:
    """Let one more webhook file arrive: a body that we have, two seconds later."""
    folder = built.raw_dir / "whatsapp" / "webhooks"
    line = sorted(folder.glob("*.jsonl"))[-1].read_text().splitlines()[0]
    (folder / "webhooks-late.jsonl").write_text(line + "\n")


def test_the_command_line_imports_nothing_heavy() -> None:
    code = "import sys, orchestration.cli, orchestration.scorecard; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(HEAVY) & set(out.stdout.split())


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"CHATMART_VARS": "{"}, "CHATMART_VARS is not JSON"),
        ({"CHATMART_THREADS": "many"}, "CHATMART_THREADS is 'many'"),
        ({"CHATMART_HMAC_KEY": "short"}, "shorter than 16 bytes"),
        ({"CHATMART_RAW_DIR": "/nowhere/exports"}, "/nowhere/exports does not exist"),
    ],
)
def test_settings_that_cannot_be_used_are_advice_and_exit_1(
    run_cli: RunCli, tmp_path: Path, env: dict[str, str], message: str
) -> None:
    (tmp_path / "raw").mkdir()
    done = run_cli(tmp_path / "raw", tmp_path / "warehouse", **env)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "warehouse" / "warehouse.duckdb").exists()


def test_a_second_run_exits_3_at_once_and_names_the_first(run_cli: RunCli, tmp_path: Path) -> None:
    settings = Settings(raw_dir=tmp_path, warehouse_dir=tmp_path / "warehouse")
    with writer_lock(settings, "the nightly schedule"):
        started = time.monotonic()
        done = run_cli(tmp_path, settings.warehouse_dir)
        assert time.monotonic() - started < 5
    assert done.returncode == 3
    assert f"the nightly schedule (process {os.getpid()})" in done.stderr


def test_nothing_published_yet_is_said(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli(tmp_path, tmp_path / "warehouse", "scorecard")
    assert done.returncode == 1
    assert "make run" in done.stderr


def test_the_scorecard_prints_the_published_values(sample: Built, run_cli: RunCli) -> None:
    text = run_cli(sample.raw_dir, sample.warehouse_dir, "scorecard").stdout
    card = json.loads(run_cli(sample.raw_dir, sample.warehouse_dir, "scorecard", "--json").stdout)
    with connect(_settings(sample), sample.published, read_only=True) as con:
        (month,) = con.execute(
            "select max(period_start_on) from marts.kpi_messaging "
            "where period_grain = 'month' and is_complete"
        ).fetchone() or (None,)
        channels = con.execute(
            "select channel_id, messages_attempted, messages_delivered, delivery_rate, read_rate, "
            "cost_amount from marts.kpi_messaging where period_grain = 'month' "
            "and period_start_on = ? order by channel_id",
            [month],
        ).fetchall()
        active = con.execute(
            "select contacts_active_28d, stickiness_rate from marts.kpi_active_contacts "
            "where active_on = last_day(?::date)",
            [month],
        ).fetchone()
        costs = con.execute(
            "select category, sum(cost_amount) from marts.kpi_costs "
            "where period_grain = 'month' and period_start_on = ? group by all order by all",
            [month],
        ).fetchall()
    assert (card["period_start_on"], card["is_complete"]) == (str(month), True)
    assert len(channels) > 1
    for found, expected in zip(card["messaging"], channels, strict=True):
        names = ("channel_id", "messages_attempted", "messages_delivered", "delivery_rate")
        assert tuple(found[name] for name in names) == expected[:4]
        # NULL where nothing tells what the delivered messages cost: a report without prices.
        cost = found["cost_amount"]
        assert (None if cost is None else Decimal(cost)) == expected[5]
        for value in expected[1:]:
            assert value is None or shown(value) in text
    assert card["messaging_total"]["messages_attempted"] == sum(row[1] for row in channels)
    assert active is not None
    assert card["active_contacts"]["contacts_active_28d"] == active[0]
    assert shown(active[1]) in text
    assert [(row["category"], Decimal(row["cost_amount"])) for row in card["costs"]] == costs
    assert text.strip() in sample.output


def test_numbers_for_people_have_the_digits_that_are_read() -> None:
    """At least two decimals, and four digits of what is smaller; counts stay as they are."""
    values = {
        None: "-", 1234567: "1234567", 0.0: "0", 0.5: "0.5", 0.008695652173913044: "0.008696",
        2 / 3: "0.6667", 5.734513: "5.735", 239.885: "239.88", -12.3456: "-12.35",
        Decimal("2366.8107"): "2366.81", Decimal("0.000000"): "0", Decimal("230.0000"): "230",
        Decimal("-0.000041"): "-0.000041",
    }  # fmt: skip
    assert {value: shown(value) for value in values} == values


def test_an_up_to_date_warehouse_is_not_built_again(sample_copy: Built, run_cli: RunCli) -> None:
    before = _bytes(sample_copy), sample_copy.working.stat().st_mtime_ns
    started = time.monotonic()
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert time.monotonic() - started < UP_TO_DATE_SECONDS
    assert done.returncode == 0
    assert "Up to date since" in done.stdout
    assert "KPI scorecard" in done.stdout
    assert (_bytes(sample_copy), sample_copy.working.stat().st_mtime_ns) == before
    assert not sample_copy.dagster_home.joinpath("storage").exists()


def test_the_sample_is_named_as_such(sample_copy: Built, run_cli: RunCli) -> None:
    # Copied, so that the run is up to date: same files, same paths, same settings.
    done = run_cli(ROOT / "data" / "raw", sample_copy.warehouse_dir)
    assert done.returncode == 0
    assert "committed sample" in done.stdout
    assert "CHATMART_RAW_DIR" in done.stdout
    assert "Up to date since" in done.stdout


def test_a_failing_check_leaves_what_readers_have_byte_for_byte(
    sample_copy: Built, run_cli: RunCli
) -> None:
    before = _bytes(sample_copy)
    card = sample_copy.raw_dir / "reference" / "rate_card" / "mine.csv"
    card.parent.mkdir()
    card.write_text(
        "effective_from,market,category,currency_code,rate,tier_lower,tier_upper\n"
        "2026-01-01,Germany,marketing,EUR,0.10,0,1000\n"
        "2026-01-01,Germany,marketing,EUR,0.20,500,2000\n"
    )
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert done.returncode == 1, done.stdout
    (said,) = [line for line in done.stdout.splitlines() if "full refresh" in line]
    assert "changed since the last build" in said
    assert "reference files" in said
    told = " ".join(done.stderr.split())
    assert "Not published: what readers have stays as it was" in told
    assert "rate_card" in told
    assert "2026-01-01, Germany, marketing" in told
    assert _bytes(sample_copy) == before

    # The user mends the card; it prices one market only, and that is a warning.
    card.write_text(
        "effective_from,market,category,currency_code,rate\n2026-01-01,Germany,marketing,EUR,0.10\n"
    )
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert done.returncode == 0, done.stderr
    assert "every_billable_message_has_a_price on marts.fct_messages" in done.stdout
    with connect(_settings(sample_copy), sample_copy.published, read_only=True) as con:
        rows = con.execute(
            "select severity, status, violations > 0 from meta.checks "
            "where \"check\" = 'every_billable_message_has_a_price'"
        ).fetchall()
    assert rows == [("warning", "failed", True)]


# tests/faults/test_kill.py kills runs in every suite.
@pytest.mark.long
@pytest.mark.parametrize("stage", ["ingest", "dbt"])
def test_a_killed_run_converges_without_a_new_file(
    sample_copy: Built, sample: Built, run_cli: RunCli, stage: str
) -> None:
    before = _bytes(sample_copy)
    _add_a_day(sample_copy)
    process = _start(sample_copy)
    try:
        mark = sample_copy.warehouse_dir / "run.unfinished"
        _wait_for(lambda: mark.exists() or process.poll() is not None)
        if stage == "dbt":
            results = sample_copy.warehouse_dir / "dbt" / "run_results.json"
            _wait_for(lambda: not results.exists() or process.poll() is not None)
            time.sleep(2)
        else:
            log = sample_copy.dagster_home / "storage" / "history" / "runs.db"
            _wait_for(lambda: log.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert _bytes(sample_copy) == before

    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Up to date" not in done.stdout
    statuses = [status for status, _ in _runs(sample_copy)]
    assert statuses[-1] == "SUCCESS"
    assert set(statuses[:-1]) <= {"FAILURE", "NOT_STARTED"}
    # The added file repeats a line we had: the marts are those of the sample.
    assert _marts(sample_copy) == _marts(sample)


def test_a_rebuild_names_missing_exports_and_stops(sample_copy: Built, run_cli: RunCli) -> None:
    gone = sorted((sample_copy.raw_dir / "whatsapp" / "sends").glob("*.jsonl"))[0]
    gone.unlink()
    before = _bytes(sample_copy)
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir, "rebuild")
    assert done.returncode == 1
    assert f"whatsapp/sends/{gone.name}" in done.stderr
    assert "ALLOW_MISSING=1" in done.stderr
    assert _bytes(sample_copy) == before


def test_no_personal_data_in_dagsters_storage_and_logs(sample: Built) -> None:
    with connect(_settings(sample), sample.working, read_only=True) as con:
        values = con.execute(
            "select distinct value from raw.identifiers where kind in ('phone', 'wa_id', 'email') "
            "union select distinct contact_name from raw.whatsapp_webhooks "
            "where length(contact_name) > 5 "
            "union select distinct text_body from raw.whatsapp_webhooks "
            "where length(text_body) > 12"
        ).fetchall()
    # Numbers that stand in a model (Meta's dashboard test) or in a unit test are no secret.
    project = [p for kind in ("*.sql", "*.yml") for p in (ROOT / "dbt_project").rglob(kind)]
    code = b"".join(path.read_bytes() for path in project if "target" not in path.parts)
    needles = {str(value).encode() for (value,) in values if value and len(str(value)) > 5}
    needles = {needle for needle in needles if needle not in code}
    assert len(needles) > 50
    files = [path for path in sample.dagster_home.rglob("*") if path.is_file()]
    files += [p for p in (sample.warehouse_dir / "dbt").rglob("*") if p.is_file()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        found = [needle for needle in needles if needle in content]
        assert not found, f"{path.name} holds {len(found)} values of the exports"


def test_only_marts_and_meta_are_in_the_published_file(sample: Built) -> None:
    with connect(_settings(sample), sample.published, read_only=True) as con:
        schemas = con.execute("select distinct schema_name from duckdb_tables()").fetchall()
        publication = con.execute("select count(*) from meta.publication").fetchone()
        checks = con.execute(
            'select severity, status, count(*), count(distinct "check") from meta.checks '
            "group by all"
        ).fetchall()
    assert {name for (name,) in schemas} == {"marts", "meta"}
    assert publication == (1,)
    assert ("error", "failed") not in {row[:2] for row in checks}
    assert sum(row[2] for row in checks) == sum(row[3] for row in checks) > 50


def test_the_working_file_is_damaged_is_said(sample_copy: Built, run_cli: RunCli) -> None:
    _add_a_day(sample_copy)
    sample_copy.working.write_bytes(b"no database" * 1000)
    before = _bytes(sample_copy)
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert done.returncode == 1
    assert "make rebuild" in done.stderr
    assert _bytes(sample_copy) == before
    with pytest.raises(duckdb.Error), connect(_settings(sample_copy)):
        pass
