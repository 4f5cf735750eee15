"""Two runs at once: one works, the other says who does. Readers are never in the way."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from orchestration.settings import Settings
from orchestration.warehouse import connect
from tests.conftest import ROOT, RUN_TIMEOUT_SECONDS, Built, call_cli, cli_env

_READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
count = "select count(*) from marts.fct_messages"
print(con.execute(count).fetchone()[0], flush=True)
sys.stdin.readline()
print(con.execute(count).fetchone()[0], flush=True)
"""


def test_one_run_works_the_other_leaves_and_a_reader_disturbs_neither(
    sample: Built, copy_of: Callable[[Built], Built]
) -> None:
    built = copy_of(sample)
    with connect(
        Settings(built.raw_dir, built.warehouse_dir), built.published, read_only=True
    ) as con:
        before = con.execute("select count(*) from marts.fct_messages").fetchone()
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, str(built.published)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    first = subprocess.Popen(
        [sys.executable, "-m", "orchestration", "run"],
        cwd=ROOT,
        env=cli_env(built.raw_dir, built.warehouse_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert first.stdout is not None
        assert int(reader.stdout.readline()) == before[0]  # type: ignore[index]
        first_line = first.stdout.readline()
        assert "exports" in first_line

        for command in ("run", "rebuild"):
            started = time.monotonic()
            second = call_cli(built.raw_dir, built.warehouse_dir, command)
            assert second.returncode == 3, second.stdout + second.stderr
            assert time.monotonic() - started < 10
            assert (
                f"busy: make run (process {first.pid}) holds the warehouse since" in second.stderr
            )
            assert second.stdout == ""
        # Who only looks needs no lock.
        assert call_cli(built.raw_dir, built.warehouse_dir, "scorecard").returncode == 0

        output, _ = first.communicate(timeout=RUN_TIMEOUT_SECONDS)
        assert first.returncode == 0, output
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert int(reader.stdout.readline()) == before[0], "an open reader keeps what it opened"  # type: ignore[index]
    finally:
        for process in (reader, first):
            if process.poll() is None:
                process.kill()
            process.communicate()
    with connect(
        Settings(built.raw_dir, built.warehouse_dir), built.published, read_only=True
    ) as con:
        after = con.execute("select count(*) from marts.fct_messages").fetchone()
    assert after[0] == before[0] + 1  # type: ignore[index]


def test_a_finished_run_leaves_the_lock_open(sample: Built) -> None:
    done = call_cli(sample.raw_dir, sample.warehouse_dir)
    assert done.returncode == 0
    assert "Up to date" in done.stdout


pytestmark = pytest.mark.filterwarnings("error")
