"""The warehouse that the fault tests share: the sample, the canary and every kind of bad file."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, SAMPLE, Built, call_cli, cli_env
from tests.faults import canary
from tests.faults.bad_files import drop_in
from tests.faults.harness import status_body, status_line

ORPHAN_CHANNEL = "104200000000004"
ORPHAN_READ_AT = canary.AT + 60


@dataclass(frozen=True)
class Faulty(Built):
    """A warehouse of the sample with bad files, the canary, and a read without a message."""

    errors: str
    canary_paths: tuple[str, ...]
    returncode: int


def orphan_read() -> str:
    """Return a body with a read status of a message that no export knows."""
    body = status_body(1, "read")
    value = body["entry"][0]["changes"][0]["value"]
    value["metadata"]["phone_number_id"] = ORPHAN_CHANNEL
    value["statuses"][0] |= {
        "id": "wamid.orphan",
        "timestamp": str(ORPHAN_READ_AT),
        "recipient_id": "447700900123",
    }
    return json.dumps(body) + "\n"


def fill(raw_dir: Path, outside: Path) -> tuple[str, ...]:
    """Write the sample and everything that is wrong with it."""
    shutil.copytree(SAMPLE, raw_dir)
    outside.mkdir()
    drop_in(raw_dir, outside)
    (raw_dir / "whatsapp/webhooks/orphan.jsonl").write_text(orphan_read())
    return tuple(canary.plant(raw_dir))


def copy_raw(raw_dir: Path, target: Path) -> None:
    """Copy a raw folder: links as links, pipes not at all."""
    shutil.copytree(raw_dir, target, symlinks=True, ignore=shutil.ignore_patterns("bad-pipe.jsonl"))


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Faulty:
    """Build it once for the test session, from nothing and in one run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "faulty"
    folder.mkdir(exist_ok=True)
    raw_dir, warehouse_dir = folder / "raw", folder / "warehouse"
    notes = folder / "run.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not notes.exists():
            paths = fill(raw_dir, folder / "outside")
            done = call_cli(raw_dir, warehouse_dir)
            notes.write_text(json.dumps([done.stdout, done.stderr, done.returncode, paths]))
    stdout, stderr, returncode, paths = json.loads(notes.read_text())
    return Faulty(
        raw_dir,
        warehouse_dir,
        folder / "warehouse-dagster",
        stdout,
        stderr,
        tuple(paths),
        returncode,
    )


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Built], Built]:
    """Return `copy_of(built)`: a copy that a test may change, with one more export that is new."""

    def copy(built: Built) -> Built:
        raw_dir, warehouse_dir = tmp_path / "raw", tmp_path / "warehouse"
        copy_raw(built.raw_dir, raw_dir)
        shutil.copytree(built.warehouse_dir, warehouse_dir)
        (raw_dir / "whatsapp/webhooks/one-more.jsonl").write_text(status_line(7001))
        return Built(raw_dir, warehouse_dir, tmp_path / "warehouse-dagster", "")

    return copy


def run_patched(
    built: Built, patch: str, *, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run the program with a few lines of Python before it: a fault that the code has no door for.

    `patch` runs where the settings and every module of the program can be imported.
    """
    program = (
        "import sys\n"
        f"{textwrap.dedent(patch)}\n"
        "from orchestration.cli import app\n"
        "sys.argv = ['orchestration', 'run']\n"
        "app()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=cli_env(built.raw_dir, built.warehouse_dir),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
