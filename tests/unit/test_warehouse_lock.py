"""One writer: the second comes away at once and is told who holds the lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestration import session as session_module
from orchestration.session import RunError, wait_for_working_file
from orchestration.settings import Settings
from orchestration.warehouse import Busy, connect, writer_lock

ROOT = Path(__file__).resolve().parents[2]
_HOLDER = """
import sys, time
from pathlib import Path
from orchestration.settings import Settings
from orchestration.warehouse import connect, writer_lock
settings = Settings(raw_dir=Path("/nowhere"), warehouse_dir=Path(sys.argv[2]))
with writer_lock(settings, "make run") if sys.argv[1] == "lock" else connect(settings):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(raw_dir=tmp_path / "raw", warehouse_dir=tmp_path / "warehouse")


@contextmanager
def _other_process(what: str, settings: Settings, seconds: float = 60) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, what, str(settings.warehouse_dir), str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def test_the_second_writer_is_told_who_holds_the_lock(settings: Settings) -> None:
    with _other_process("lock", settings) as pid:
        started = time.monotonic()
        told = rf"make run \(process {pid}\) holds the warehouse since"
        with pytest.raises(Busy, match=told), writer_lock(settings, "make rebuild"):
            pytest.fail("two writers")
        assert time.monotonic() - started < 1


def test_the_lock_falls_with_a_killed_process(settings: Settings) -> None:
    with _other_process("lock", settings) as pid:
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while True:
            try:
                with writer_lock(settings, "make run"):
                    return
            except Busy:
                assert time.monotonic() < deadline
                time.sleep(0.02)


def test_the_lock_is_free_again_after_an_error(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), writer_lock(settings, "make run"):
        _ = 1 / 0
    with writer_lock(settings, "make run"):
        pass


def test_two_warehouses_do_not_block_each_other(settings: Settings, tmp_path: Path) -> None:
    other = Settings(raw_dir=settings.raw_dir, warehouse_dir=tmp_path / "other")
    with writer_lock(settings, "make run"), writer_lock(other, "make run"):
        pass


def test_a_run_waits_for_the_dbt_of_a_killed_run_to_let_go(settings: Settings) -> None:
    with connect(settings) as con:
        con.execute("create table t as select 1 as n")
    with _other_process("open", settings, seconds=1):
        wait_for_working_file(settings)


def test_a_working_file_that_stays_open_elsewhere_is_advice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "WORKING_FILE_PATIENCE_SECONDS", 0.3)
    with connect(settings) as con:
        con.execute("create table t as select 1 as n")
    with (
        _other_process("open", settings),
        pytest.raises(RunError, match=r"another program has the working file .* open: close it"),
    ):
        wait_for_working_file(settings)


def test_a_damaged_working_file_is_advice(settings: Settings) -> None:
    settings.warehouse_dir.mkdir()
    settings.build_path.write_bytes(b"no database" * 1000)
    with pytest.raises(RunError, match="`make rebuild` makes it anew"):
        wait_for_working_file(settings)
