"""Every dbt unit test holds, on relations made by the ingest's DDL and `dbt run --empty`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 300


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("unit_tests")
    # A process of its own: dbt keeps its connection and its flags for as long as it lives.
    done = subprocess.run(
        [sys.executable, "-m", "tests.dbt_runs", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def test_every_unit_test_holds(result: dict[str, Any]) -> None:
    assert result["failed"] == {}


def test_every_unit_test_was_run(result: dict[str, Any]) -> None:
    from orchestration.dbt_manifest import load_manifest, prepared_project
    from orchestration.settings import load_settings

    manifest = load_manifest(prepared_project(load_settings()))
    named = sorted(unit["name"] for unit in manifest["unit_tests"].values())
    assert sorted(result["tests"]) == named
