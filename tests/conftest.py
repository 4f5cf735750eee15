"""Fixtures that every layer shares: the program as a subprocess, and one built sample warehouse."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "raw"
RUN_TIMEOUT_SECONDS = 300
TEST_KEY = "a key for tests, never for data"

RunCli = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Built:
    """A warehouse built from the sample: for reading only, many tests share it."""

    raw_dir: Path
    warehouse_dir: Path
    dagster_home: Path
    output: str

    @property
    def published(self) -> Path:
        return self.warehouse_dir / "warehouse.duckdb"

    @property
    def working(self) -> Path:
        return self.warehouse_dir / "build.duckdb"


def make_dagster_home(folder: Path) -> Path:
    """Give a run its own Dagster instance: the repository's dagster.yaml with other folders."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "dagster.yaml").read_text()
    (folder / "dagster.yaml").write_text(text.replace("data/dagster", str(folder)))
    return folder


def cli_env(raw_dir: Path, warehouse_dir: Path, **env: str) -> dict[str, str]:
    """Return the environment of a run that touches nothing outside `warehouse_dir`'s parent."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHATMART_", "DAGSTER_"))}
    home = make_dagster_home(warehouse_dir.parent / f"{warehouse_dir.name}-dagster")
    return {
        **clean,
        "CHATMART_RAW_DIR": str(raw_dir),
        "CHATMART_WAREHOUSE_DIR": str(warehouse_dir),
        "CHATMART_HMAC_KEY": TEST_KEY,
        "DAGSTER_HOME": str(home),
        **env,
    }


def call_cli(
    raw_dir: Path, warehouse_dir: Path, *args: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m orchestration` (default: run) as people do, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "orchestration", *(args or ("run",))],
        check=False,
        cwd=ROOT,
        env=cli_env(raw_dir, warehouse_dir, **env),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=RUN_TIMEOUT_SECONDS,
    )


@pytest.fixture
def run_cli() -> RunCli:
    """Return `run_cli(raw_dir, warehouse_dir, *args, **env) -> CompletedProcess`."""
    return call_cli


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Built:
    """Build the sample once for the whole test session, whichever worker comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "sample"
    folder.mkdir(exist_ok=True)
    raw_dir, warehouse_dir = folder / "raw", folder / "warehouse"
    output = folder / "output.txt"
    with _locked(folder / "lock"):
        if not output.exists():
            shutil.copytree(SAMPLE, raw_dir)
            done = call_cli(raw_dir, warehouse_dir)
            if done.returncode != 0:
                pytest.fail(f"the sample doesn't build:\n{done.stdout}\n{done.stderr}")
            output.write_text(done.stdout)
    home = folder / "warehouse-dagster"
    return Built(raw_dir, warehouse_dir, home, output.read_text())


@pytest.fixture
def sample_copy(sample: Built, tmp_path: Path) -> Built:
    """Return a copy of the built sample that a test may change."""
    raw_dir, warehouse_dir = tmp_path / "raw", tmp_path / "warehouse"
    shutil.copytree(sample.raw_dir, raw_dir)
    shutil.copytree(sample.warehouse_dir, warehouse_dir)
    return Built(raw_dir, warehouse_dir, tmp_path / "warehouse-dagster", sample.output)


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests that load the definitions in process away from the user's warehouse."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("in_process")
    patch.setenv("CHATMART_WAREHOUSE_DIR", str(folder / "warehouse"))
    patch.setenv("CHATMART_HMAC_KEY", TEST_KEY)
    patch.setenv("DAGSTER_HOME", str(make_dagster_home(folder / "dagster")))
    for name in ("CHATMART_RAW_DIR", "CHATMART_VARS", "CHATMART_HMAC_KEY_FILE"):
        patch.delenv(name, raising=False)
    yield
    patch.undo()
