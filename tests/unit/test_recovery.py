"""A killed run never stands as "started" for ever: the schedule would wait behind it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from orchestration import recovery
from orchestration.recovery import WAREHOUSE_TAG, report_orphans, report_orphans_if_idle
from orchestration.settings import Settings
from orchestration.warehouse import writer_lock


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def a_job() -> None:
    """Hold a run."""
    nothing()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(raw_dir=tmp_path / "raw", warehouse_dir=tmp_path / "warehouse")


def _run(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    run = instance.create_run_for_job(a_job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    return run.run_id


def _status(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def test_dead_runs_of_this_warehouse_are_reported_failed(settings: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ours = {WAREHOUSE_TAG: recovery.warehouse_tag(settings)}
        dead, own = _run(instance, ours), _run(instance, ours)
        elsewhere = _run(instance, {WAREHOUSE_TAG: "another warehouse"})
        just_starting = _run(instance, {})
        assert report_orphans(instance, settings, own_run_id=own) == 1
        assert _status(instance, dead) == "FAILURE"
        for alive in (own, elsewhere, just_starting):
            assert _status(instance, alive) == "STARTED"


def test_a_run_that_never_got_the_lock_is_given_up_after_a_while(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "UNTAGGED_GRACE_SECONDS", -1)
    with dg.DagsterInstance.ephemeral() as instance:
        silent = _run(instance, {})
        assert report_orphans(instance, settings) == 1
        assert _status(instance, silent) == "FAILURE"


def test_the_clean_up_leaves_a_living_run_alone(settings: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = _run(instance, {WAREHOUSE_TAG: recovery.warehouse_tag(settings)})
        with writer_lock(settings, "make run"):
            assert report_orphans_if_idle(instance, settings) == 0
        assert _status(instance, run_id) == "STARTED"
        assert report_orphans_if_idle(instance, settings) == 1
        assert _status(instance, run_id) == "FAILURE"
