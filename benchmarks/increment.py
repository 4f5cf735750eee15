"""The last day of a 100-day demo as an increment, against the full transform of the days before.

CPU, not wall: it is what an increment saves, and it bears a busy machine. Every dbt run happens in
a process of its own; what a run costs without work (Python, dbt, reading the project, one trivial
view) is measured the same way and taken off.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import CORES, MEMORY_LIMIT, ROOT, Cost, measured, peak_rss, run_apart
from benchmarks.report import Check, Report, megabytes, seconds

DAYS = 100
KEY = "benchmarks-only-" * 2
STATE_LIMIT = 0.10
TRANSFORM_LIMIT = 0.35
STATE_MODELS = ("int_identifiers__seen", "int_identifier_links__seen")
TRIVIAL_MODEL = "stg_reference__stop_words"
TOP = 15


def is_state(model: str) -> bool:
    """Tell whether a model is a state table: folded per record, never rebuilt by an increment."""
    return model.endswith("__folded") or model in STATE_MODELS


def write_demo(out: str, messages: int) -> Cost:
    """Write the demo exports; runs in a process of its own."""
    from orchestration.demo.generator import generate
    from orchestration.demo.settings import DemoSettings

    settings = DemoSettings(
        contacts=max(120, messages // 25),
        days=DAYS,
        messages=messages,
        memory_limit=MEMORY_LIMIT,
        threads=CORES,
    )
    with measured() as cost:
        summary = generate(Path(out), settings)
    cost.notes = {
        "outbound": summary.messages_outbound,
        "inbound": summary.messages_inbound,
        "bytes": summary.bytes,
        "last_day": settings.end_on.isoformat(),
    }
    return cost


def load(raw: str, warehouse: str) -> Cost:
    """Load every stream; runs in a process of its own."""
    from orchestration.ingest.run import discover, highest_load_id, ingest_stream, prepare
    from orchestration.settings import load_settings
    from orchestration.sources import STREAMS
    from orchestration.warehouse import connect

    settings = load_settings(
        {
            "CHATMART_RAW_DIR": raw,
            "CHATMART_WAREHOUSE_DIR": warehouse,
            "CHATMART_HMAC_KEY": KEY,
            "CHATMART_MEMORY_LIMIT": MEMORY_LIMIT,
            "CHATMART_THREADS": str(CORES),
        }
    )
    with measured() as cost:
        discovery = discover(settings)
        with connect(settings) as con:
            prepare(con, settings)
            for stream in STREAMS:
                ingest_stream(con, settings, stream, discovery)
            newest = highest_load_id(con)
            con.execute("checkpoint")
    cost.notes = {"newest_load_id": newest}
    return cost


def transform(build: str, target: str, arguments: list[str]) -> Cost:
    """Run `dbt build` in this process, one node after the other, and give each its CPU time."""
    os.environ |= {
        "CHATMART_BUILD_PATH": build,
        "CHATMART_MEMORY_LIMIT": MEMORY_LIMIT,
        "CHATMART_THREADS": str(CORES),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    from dbt.cli.main import dbtRunner

    started: dict[str, tuple[float, float]] = {}
    nodes: dict[str, dict[str, Any]] = {}

    def watch(event: Any) -> None:
        name = event.info.name
        if name not in ("NodeStart", "NodeFinished"):
            return
        node = event.data.node_info
        now = time.process_time(), time.perf_counter()
        if name == "NodeStart":
            started[node.unique_id] = now
            return
        cpu, wall = started[node.unique_id]
        nodes[node.unique_id] = {
            "kind": node.resource_type,
            "name": node.node_name,
            "cpu": now[0] - cpu,
            "wall": now[1] - wall,
        }

    shutil.rmtree(target, ignore_errors=True)
    os.chdir(ROOT / "dbt_project")
    wall = time.perf_counter()
    result = dbtRunner(callbacks=[watch]).invoke(
        [
            *arguments,
            *("--quiet", "--no-use-colors", "--log-level-file", "none", "--profiles-dir", "."),
            *("--target-path", target),
        ]
    )
    if not result.success:
        failed = [r for r in getattr(result.result, "results", []) if r.status in ("error", "fail")]
        raise RuntimeError(
            f"dbt failed: {result.exception or ''} "
            + "; ".join(f"{r.node.name}: {r.message}" for r in failed)
        )
    # All this process ever used: imports and parsing are part of a start.
    return Cost(
        wall=time.perf_counter() - wall,
        cpu=time.process_time(),
        peak_rss=peak_rss(),
        notes={"nodes": list(nodes.values())},
    )


def _build(folded_load_id: int, *, full_refresh: bool, select: str = "") -> list[str]:
    variables = json.dumps({"folded_load_id": folded_load_id})
    args = ["build", "--exclude-resource-type", "unit_test", "--vars", variables]
    args += ["--full-refresh"] if full_refresh else []
    return [*args, "--select", select] if select else args


def _demo(work: Path, messages: int) -> tuple[Path, dict[str, Any]]:
    """Return the folder with `all` and `before` (without the last day), written once."""
    folder = work / f"demo-{messages}"
    stamp = folder / "done.json"
    if stamp.exists():
        return folder, dict(json.loads(stamp.read_text()))
    shutil.rmtree(folder, ignore_errors=True)
    print(f"  writing a demo of {messages:,} messages")
    notes = run_apart("increment:write_demo", out=folder / "all", messages=messages).notes
    for path in sorted((folder / "all").rglob("*")):
        if path.is_file() and notes["last_day"] not in path.name:
            copy = folder / "before" / path.relative_to(folder / "all")
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
    stamp.write_text(json.dumps(notes))
    return folder, notes


def _sums(cost: Cost, start: Cost) -> dict[str, float]:
    """Split a run's CPU: state tables, all models and seeds with dbt's overhead, tests."""
    nodes = cost.notes["nodes"]
    tests = sum(n["cpu"] for n in nodes if n["kind"] == "test")
    return {
        "state tables": sum(n["cpu"] for n in nodes if is_state(n["name"])),
        "transform without tests": cost.cpu - start.cpu - tests,
        "transform with tests": cost.cpu - start.cpu,
    }


def run(work: Path, report: Report, *, messages: int) -> None:
    """Build days 1 to 99, then the last day onto it, and compare."""
    print(f"increment: {DAYS} days, {messages:,} messages")
    folder, demo = _demo(work, messages)
    warehouse = work / "increment"
    shutil.rmtree(warehouse, ignore_errors=True)
    build, target = warehouse / "build.duckdb", work / "dbt"
    before = run_apart("increment:load", raw=folder / "before", warehouse=warehouse)
    print(f"  {DAYS - 1} days loaded: {seconds(before.wall)}, CPU {seconds(before.cpu)}")

    def build_with(arguments: list[str]) -> Cost:
        return run_apart("increment:transform", build=build, target=target, arguments=arguments)

    full = build_with(_build(0, full_refresh=True))
    print(f"  built: {seconds(full.wall)}, CPU {seconds(full.cpu)}")
    last = run_apart("increment:load", raw=folder / "all", warehouse=warehouse)
    folded = before.notes["newest_load_id"]
    day = build_with(_build(folded, full_refresh=False))
    print(f"  last day: {seconds(day.wall)}, CPU {seconds(day.cpu)}")
    start = build_with(_build(folded, full_refresh=False, select=TRIVIAL_MODEL))
    size = build.stat().st_size
    shutil.rmtree(warehouse)
    shutil.rmtree(target)

    whole, part = _sums(full, start), _sums(day, start)
    report.heading("Increment")
    report.text(
        f"A demo of {DAYS} days, {demo['outbound']:,} outbound and {demo['inbound']:,} inbound "
        f"messages ({demo['bytes'] / 1e9:.1f} GB of exports, {size / 1e9:.1f} GB working file): "
        f"the full transform of {DAYS - 1} days, and of the last day as an increment. Memory limit "
        f"{MEMORY_LIMIT}, {CORES} threads. The start of dbt, {seconds(start.cpu)} CPU, is taken "
        f"off. Loading took {seconds(before.cpu)} CPU and {seconds(last.cpu)} for the last day."
    )
    report.table(
        ["CPU", f"{DAYS - 1} days", "last day", "ratio"],
        [
            [name, seconds(whole[name]), seconds(part[name]), f"{part[name] / whole[name]:.2f}"]
            for name in whole
        ]
        + [
            ["wall, with start and tests", seconds(full.wall), seconds(day.wall), ""],
            ["peak memory", megabytes(full.peak_rss), megabytes(day.peak_rss), ""],
        ],
    )
    report.text("The most expensive models and seeds, seconds of CPU (S: a state table):")
    report.table(["model", "", f"{DAYS - 1} days", "last day", "ratio"], _dearest(full, day))
    report.check(
        Check(
            "state tables, last day ÷ full",
            part["state tables"] / whole["state tables"],
            STATE_LIMIT,
        ),
        Check(
            "transform without tests, last day ÷ full",
            part["transform without tests"] / whole["transform without tests"],
            TRANSFORM_LIMIT,
        ),
        Check(
            "transform with tests, last day ÷ full",
            part["transform with tests"] / whole["transform with tests"],
            None,
        ),
    )


def _dearest(full: Cost, day: Cost) -> list[list[str]]:
    """Return the models among the dearest of either run."""
    cpu = [
        {n["name"]: n["cpu"] for n in run.notes["nodes"] if n["kind"] != "test"}
        for run in (full, day)
    ]
    chosen = {name for run in cpu for name in sorted(run, key=lambda n: -run[n])[:TOP]}
    chosen |= {name for name in cpu[0] if is_state(name)}
    return [
        [
            name,
            "S" if is_state(name) else "",
            f"{cpu[0][name]:.2f}",
            f"{cpu[1].get(name, 0):.2f}",
            f"{cpu[1].get(name, 0) / max(cpu[0][name], 1e-9):.2f}",
        ]
        for name in sorted(chosen, key=lambda n: -cpu[1].get(n, 0))
    ]
