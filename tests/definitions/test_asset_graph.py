"""The asset graph as a reviewed diff: an asset, check or schedule can't vanish unnoticed.

`make graph` writes the snapshot anew (UPDATE_ASSET_GRAPH=1).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.assets.raw import LEDGER_TABLES
from orchestration.checks.invariants import INVARIANTS, KEYS
from orchestration.checks.warnings import warnings
from orchestration.settings import load_settings
from orchestration.sources import STREAMS

SNAPSHOT = Path(__file__).with_name("asset_graph.json")


@pytest.fixture(scope="module")
def defs() -> Iterator[dg.Definitions]:
    from orchestration.definitions import defs

    # Dagster resolves definitions with the last instance there was, and that of another test is
    # gone by now.
    with dg.DagsterInstance.ephemeral():
        yield defs


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> dict[str, Any]:
    asset_graph = defs.resolve_asset_graph()
    assets = {}
    for key in sorted(asset_graph.get_all_asset_keys()):
        node = asset_graph.get(key)
        assets[key.to_user_string()] = {
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "checks": sorted(check.name for check in node.check_keys),
        }
    repository = defs.get_repository_def()
    return {
        "assets": assets,
        "jobs": sorted(
            job.name for job in repository.get_all_jobs() if not job.name.startswith("__")
        ),
        "schedules": {
            s.name: {"job": s.job_name, "cron": s.cron_schedule, "status": s.default_status.value}
            for s in repository.schedule_defs
        },
        "sensors": {
            s.name: {"job": s.job_name, "status": s.default_status.value}
            for s in repository.sensor_defs
        },
    }


def test_the_graph_is_the_one_that_was_reviewed(graph: dict[str, Any]) -> None:
    text = json.dumps(graph, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_ASSET_GRAPH"):
        SNAPSHOT.write_text(text)
    reviewed = json.loads(SNAPSHOT.read_text())
    assert graph == reviewed, "`make graph` writes the snapshot anew; review its diff"


def test_every_stream_is_a_raw_asset_with_group_owner_and_check(graph: dict[str, Any]) -> None:
    for stream in STREAMS:
        asset = graph["assets"][f"raw/{stream.raw_table}"]
        assert asset["group"] == stream.source
        assert asset["owners"] == [f"team:{stream.owner}"]
        assert asset["checks"] == ["read_without_remarks"]
        assert asset["deps"] == []


def test_lineage_leads_from_the_webhooks_to_the_published_file(graph: dict[str, Any]) -> None:
    seen, todo = set(), ["published/warehouse"]
    while todo:
        key = todo.pop()
        if key not in seen:
            seen.add(key)
            todo += graph["assets"][key]["deps"]
    assert {"raw/whatsapp_webhooks", "raw/whatsapp_sends", "marts/kpi_messaging"} <= seen
    assert {f"ledger/{table}" for table in LEDGER_TABLES} <= set(graph["assets"])


def test_every_asset_has_a_group_and_an_owner(graph: dict[str, Any]) -> None:
    for key, asset in graph["assets"].items():
        assert asset["owners"], key
        assert asset["group"] not in (None, "default"), key


def test_every_public_table_is_published_and_has_a_declared_grain(graph: dict[str, Any]) -> None:
    published = set(graph["assets"]["published/warehouse"]["deps"])
    marts = {key for key in graph["assets"] if key.startswith("marts/")}
    assert marts <= published
    assert {key.replace("/", ".") for key in marts} == set(KEYS)


def test_every_check_of_ours_hangs_on_an_asset_under_a_name_of_its_own(
    graph: dict[str, Any],
) -> None:
    checks = [*INVARIANTS, *warnings(load_settings())]
    for check in checks:
        asset = graph["assets"][check.table.replace(".", "/")]
        assert check.name in asset["checks"]
    names = [name for asset in graph["assets"].values() for name in asset["checks"]]
    ours = [name for name in names if name != "read_without_remarks"]
    assert len(ours) == len(set(ours)), "a check of the same name would be dropped silently"


def test_error_checks_stop_the_publish_and_warnings_do_not(defs: dg.Definitions) -> None:
    asset_graph = defs.resolve_asset_graph()
    for check in [*INVARIANTS, *warnings(load_settings())]:
        key = dg.AssetCheckKey(dg.AssetKey(check.table.split(".")), check.name)
        assert asset_graph.get(key).blocking == (check.severity == "error")


def test_schedule_and_sensor_launch_the_job_of_make_run(graph: dict[str, Any]) -> None:
    assert graph["jobs"] == ["warehouse"]
    assert {s["job"] for s in (*graph["schedules"].values(), *graph["sensors"].values())} == {
        "warehouse"
    }
