"""The sensor asks for a run when files rest and differ from what is published, else not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.automation import new_files, nightly
from tests.conftest import Built


@pytest.fixture(autouse=True)
def _copy_is_the_warehouse(sample_copy: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATMART_RAW_DIR", str(sample_copy.raw_dir))
    monkeypatch.setenv("CHATMART_WAREHOUSE_DIR", str(sample_copy.warehouse_dir))


def _tick(
    instance: dg.DagsterInstance, cursor: str | None
) -> tuple[str | None, dg.RunRequest | dg.SkipReason]:
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = new_files(context)
    assert isinstance(result, dg.RunRequest | dg.SkipReason)
    return context.cursor, result


def test_files_that_are_published_ask_for_nothing(sample_copy: Built) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        cursor, first = _tick(instance, None)
        cursor, second = _tick(instance, cursor)
        cursor, third = _tick(instance, cursor)
    assert "changing" in str(first)
    assert "exactly these files" in str(second)
    assert "nothing has changed" in str(third)


def test_a_new_file_asks_for_one_run_once_it_rests(sample_copy: Built) -> None:
    new = sample_copy.raw_dir / "whatsapp" / "webhooks" / "new.jsonl"
    with dg.DagsterInstance.ephemeral() as instance:
        cursor, _ = _tick(instance, None)
        new.write_text('{"object": "whatsapp_business_account"')
        cursor, growing = _tick(instance, cursor)
        new.write_text('{"object": "whatsapp_business_account", "entry": []}\n')
        cursor, still = _tick(instance, cursor)
        cursor, resting = _tick(instance, cursor)
        cursor, after = _tick(instance, cursor)
    assert isinstance(growing, dg.SkipReason)
    assert isinstance(still, dg.SkipReason)
    assert isinstance(resting, dg.RunRequest)
    assert resting.run_key
    assert isinstance(after, dg.SkipReason)


def test_an_unfinished_copy_is_no_new_file(sample_copy: Built) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        cursor, _ = _tick(instance, None)
        cursor, _ = _tick(instance, cursor)
        Path(sample_copy.raw_dir / "whatsapp" / "webhooks" / "new.jsonl.part").write_text("{")
        _, result = _tick(instance, cursor)
    assert "nothing has changed" in str(result)


def test_every_night_has_one_run() -> None:
    at = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
        result = nightly(context)
    assert isinstance(result, dg.RunRequest)
    assert result.run_key == "nightly 2026-11-22 02:30"
