"""SIGKILL at any moment: readers never meet half a file, and the next run ends as a clean one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Self

import pytest

from orchestration.settings import Settings
from orchestration.warehouse import connect, memory
from tests.conftest import ROOT, TEST_KEY, Built, call_cli, cli_env
from tests.faults.conftest import Faulty

# After which line on the terminal, and within how many seconds, a stage is under way.
STAGES = {
    "ingest": (("exports", 9.0), ("prepare", 1.5), ("raw.whatsapp_webhooks", 0.5)),
    "transform": (("raw.chatwoot_conversations", 15.0),),
    "publish": (("dbt build", 5.0), ("audit", 1.0)),
}
Marts = dict[str, tuple[int, str]]


def marts_of(path: Path) -> Marts:
    """Return (rows, hash of the sorted rows) of each published mart."""
    settings = Settings(path.parent, path.parent)
    with connect(settings, path, read_only=True) as con:
        tables = con.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
        ).fetchall()
        return {
            name: con.execute(
                "select count(*), md5(coalesce(string_agg(md5(cast(t as varchar)), '' "
                f"order by md5(cast(t as varchar))), '')) from marts.{name} as t"
            ).fetchall()[0]
            for (name,) in tables
        }


_READER = """
import json, sys, threading, duckdb
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
seen, errors = set(), []
while not stop.wait(0.2):
    try:
        with duckdb.connect(sys.argv[1], read_only=True) as con:
            seen.add(con.execute(
                "select run_id from meta.publication, (select count(*) from marts.fct_messages)"
            ).fetchone()[0])
    except duckdb.Error as error:
        errors.append(str(error))
print(json.dumps([sorted(seen), errors]))
"""


class Reader:
    """Opens the published file again and again, as dashboards do; a process of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[str] = []
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _READER, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        output, _errors = self._process.communicate(timeout=30)
        self.seen, self.errors = json.loads(output)


def _start(raw_dir: Path, warehouse_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration", "run"],
        cwd=ROOT,
        env=cli_env(raw_dir, warehouse_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _kill_at(raw_dir: Path, warehouse_dir: Path, stage: str, random: Random) -> bool:
    """Run, and kill the whole process group within the stage; False where it ended before."""
    line_of, seconds = random.choice(STAGES[stage])
    process = _start(raw_dir, warehouse_dir)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line_of in line:
                time.sleep(random.uniform(0, seconds))
                break
        return process.poll() is None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _statuses(home: Path) -> list[str]:
    database = home / "storage" / "history" / "runs.db"
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as con:
        return [status for (status,) in con.execute("select status from runs order by id")]


def _prepare(sample: Built, folder: Path) -> Path:
    warehouse_dir = folder / "warehouse"
    shutil.copytree(sample.warehouse_dir, warehouse_dir)
    return warehouse_dir


def _assert_converges(faulty: Faulty, warehouse_dir: Path) -> None:
    """The next run, without a new file, gives what one clean run from nothing gave."""
    done = call_cli(faulty.raw_dir, warehouse_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    assert marts_of(warehouse_dir / "warehouse.duckdb") == marts_of(faulty.published)
    statuses = _statuses(warehouse_dir.parent / f"{warehouse_dir.name}-dagster")
    assert "Up to date" in done.stdout or statuses[-1] == "SUCCESS"
    # What was killed is reported: a run that stands as started would keep the schedule waiting.
    assert not {"STARTED", "STARTING", "CANCELING"} & set(statuses), statuses
    leftovers = {path.name for path in warehouse_dir.iterdir()}
    assert not {".marts.new", "warehouse.duckdb.tmp", "run.unfinished"} & leftovers
    assert list((warehouse_dir / "tmp").glob("*.jsonl")) == []


def test_runs_killed_one_after_the_other_converge(
    sample: Built, faulty: Faulty, tmp_path: Path
) -> None:
    """A kill in the ingest, one in the next run's transform: twice damaged, still right."""
    warehouse_dir = _prepare(sample, tmp_path)
    published = warehouse_dir / "warehouse.duckdb"
    old, new = marts_of(published), marts_of(faulty.published)
    assert old != new
    random = Random(20261121)
    killed = 0
    with Reader(published) as reader:
        for stage in ("ingest", "transform"):
            killed += _kill_at(faulty.raw_dir, warehouse_dir, stage, random)
            assert marts_of(published) in (old, new), stage
        assert killed, "every run was over before it could be killed"
        _assert_converges(faulty, warehouse_dir)
    assert reader.errors == []
    assert 1 <= len(reader.seen) <= 1 + killed + 1


@pytest.mark.long
@pytest.mark.parametrize("number", range(20))
def test_a_run_killed_anywhere_converges(
    sample: Built, faulty: Faulty, tmp_path: Path, number: int
) -> None:
    stage = list(STAGES)[number % 3]
    warehouse_dir = _prepare(sample, tmp_path)
    published = warehouse_dir / "warehouse.duckdb"
    old, new = marts_of(published), marts_of(faulty.published)
    with Reader(published) as reader:
        _kill_at(faulty.raw_dir, warehouse_dir, stage, Random(number))
        assert marts_of(published) in (old, new), stage
        _assert_converges(faulty, warehouse_dir)
    assert reader.errors == []


_PUBLISH = """
import sys
from pathlib import Path
from orchestration.publish import publish
from orchestration.settings import Settings
from orchestration.warehouse import connect
settings = Settings(Path("/nowhere"), Path(sys.argv[1]))
print("ready", flush=True)
for run in range(1000):
    with connect(settings) as con:
        tables = [f"{s}.{t}" for s, t in con.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where schema_name in ('marts', 'meta')").fetchall()]
        publish(con, settings, tables, run_id=f"{sys.argv[2]}-{run}",
                settings_fingerprint="print", ledger_hash="ledger")
    print(run, flush=True)
"""


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.long)])
def test_the_publish_killed_anywhere_leaves_a_whole_file(
    sample: Built, tmp_path: Path, kills: int
) -> None:
    warehouse_dir = _prepare(sample, tmp_path)
    published = warehouse_dir / "warehouse.duckdb"
    expected = marts_of(published)
    random = Random(4711)
    with Reader(published) as reader:
        for kill in range(kills):
            process = subprocess.Popen(
                [sys.executable, "-c", _PUBLISH, str(warehouse_dir), str(kill)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0.05, 2.5))
            process.kill()
            process.communicate()
            assert marts_of(published) == expected
            with memory() as con:
                for name, (rows, _) in expected.items():
                    file = warehouse_dir / "marts" / f"{name}.parquet"
                    assert con.execute(f"select count(*) from '{file}'").fetchone() == (rows,)
    assert reader.errors == []
    assert len(reader.seen) > 1, "nothing was published between the kills"


def test_a_kill_while_the_key_file_is_made_leaves_no_half_key(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from orchestration.settings import Settings\n"
        "os.fsync = lambda descriptor: os.kill(os.getpid(), 9)\n"
        "Settings(Path('.'), Path(sys.argv[1])).hmac_key()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    settings = Settings(tmp_path, tmp_path)
    assert not settings.key_path.exists()
    assert len(settings.hmac_key()) == 64
    assert settings.hmac_key() == Settings(tmp_path, tmp_path).hmac_key() != TEST_KEY.encode()
