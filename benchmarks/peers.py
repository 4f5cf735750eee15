"""The same bodies through dlt and pandas, as their users would do it: time and memory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.bodies import write_bodies
from benchmarks.ingest import race
from benchmarks.measure import CORES, MEMORY_LIMIT, Cost, measured
from benchmarks.report import Check, Report, megabytes, seconds

CHUNK_ROWS = 50_000
FILES = 8


def _bodies(raw: str) -> Iterator[dict[str, Any]]:
    """Yield bodies, bare; lines that can't be used are skipped."""
    for path in sorted(Path(raw, "whatsapp", "webhooks").iterdir()):
        with path.open(encoding="utf-8") as handle:
            for line in handle:
                try:
                    body = json.loads(line)
                except ValueError:
                    continue
                if isinstance(body, dict):
                    yield body.get("body") or body


def _flat(value: Any, *path: str | int) -> str | None:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return None if value is None else str(value)


def _records(raw: str) -> Iterator[dict[str, str | None]]:
    for body in _bodies(raw):
        for entry in body.get("entry") or []:
            for change in entry.get("changes") or []:
                value = change["value"]
                head = {
                    "waba_id": entry.get("id"),
                    "field": change.get("field"),
                    "phone_number_id": _flat(value, "metadata", "phone_number_id"),
                    "display_phone_number": _flat(value, "metadata", "display_phone_number"),
                    "contact_wa_id": _flat(value, "contacts", 0, "wa_id"),
                    "contact_user_id": _flat(value, "contacts", 0, "user_id"),
                    "contact_name": _flat(value, "contacts", 0, "profile", "name"),
                }
                for s in value.get("statuses") or []:
                    yield head | {
                        "record_kind": "status",
                        "record_id": s.get("id"),
                        "record_type": s.get("status"),
                        "record_time": _flat(s, "timestamp"),
                        "person_wa_id": s.get("recipient_id"),
                        "person_user_id": s.get("recipient_user_id"),
                        "conversation_id": _flat(s, "conversation", "id"),
                        "pricing_billable": _flat(s, "pricing", "billable"),
                        "pricing_model": _flat(s, "pricing", "pricing_model"),
                        "pricing_type": _flat(s, "pricing", "type"),
                        "pricing_category": _flat(s, "pricing", "category"),
                        "error_code": _flat(s, "errors", 0, "code"),
                    }
                for m in value.get("messages") or []:
                    yield head | {
                        "record_kind": "message",
                        "record_id": m.get("id"),
                        "record_type": m.get("type"),
                        "record_time": _flat(m, "timestamp"),
                        "person_wa_id": m.get("from"),
                        "person_user_id": m.get("from_user_id"),
                        "context_id": _flat(m, "context", "id"),
                        "ctwa_clid": _flat(m, "referral", "ctwa_clid"),
                        "text_body": _flat(m, "text", "body"),
                        "button_payload": _flat(m, "button", "payload"),
                        "payload": json.dumps(m),
                    }


def dlt_arrow(raw: str, path: str) -> Cost:
    """A dlt resource that yields Arrow tables, its fastest way; runs in a process of its own."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    with tempfile.TemporaryDirectory(prefix="chatmart-bench-") as scratch:
        os.environ["DLT_DATA_DIR"] = scratch
        import dlt
        import duckdb
        import pyarrow as pa

        names = sorted({name for record in _first_of_each(raw) for name in record})
        schema = pa.schema([(name, pa.string()) for name in names])

        @dlt.resource(name="webhooks", write_disposition="append")
        def webhooks() -> Iterator[Any]:
            rows: list[dict[str, str | None]] = []
            for record in _records(raw):
                rows.append(record)
                if len(rows) == CHUNK_ROWS:
                    yield pa.Table.from_pylist(rows, schema=schema)
                    rows = []
            yield pa.Table.from_pylist(rows, schema=schema)

        with measured() as cost:
            pipeline = dlt.pipeline(
                pipeline_name="bench",
                pipelines_dir=scratch,
                destination=dlt.destinations.duckdb(path),
                dataset_name="raw",
            )
            pipeline.run(webhooks())
        with duckdb.connect(path, read_only=True) as con:
            row = con.execute("select count(*) from raw.webhooks").fetchone()
    cost.notes = {"records": row[0] if row else 0}
    return cost


def _first_of_each(raw: str) -> list[dict[str, str | None]]:
    kinds: dict[str | None, dict[str, str | None]] = {}
    for record in _records(raw):
        kinds.setdefault(record["record_kind"], record)
        if len(kinds) == 2:
            break
    return list(kinds.values())


def pandas_normalize(raw: str, path: str) -> Cost:
    """`json_normalize` over statuses and messages, stored in DuckDB; in a process of its own."""
    import duckdb
    import pandas as pd

    with measured() as cost:
        changes = [
            {"waba_id": entry.get("id"), **change}
            for body in _bodies(raw)
            for entry in body.get("entry") or []
            for change in entry.get("changes") or []
        ]
        meta = [
            "waba_id",
            "field",
            ["value", "metadata", "phone_number_id"],
            ["value", "metadata", "display_phone_number"],
        ]
        frames = [
            pd.json_normalize(
                [c for c in changes if c["value"].get(part)],
                record_path=["value", part],
                meta=meta,
                errors="ignore",
            )
            for part in ("statuses", "messages")
        ]
        del changes
        frame = pd.concat(frames, ignore_index=True).astype("str")
        con = duckdb.connect(path, config={"memory_limit": MEMORY_LIMIT, "threads": CORES})
        con.execute("create table webhooks as from frame")
        con.execute("checkpoint")
        con.close()
    cost.notes = {"records": len(frame)}
    return cost


def run(work: Path, report: Report, *, bodies: int, rounds: int) -> None:
    """Race ours and the peers on the same files and report."""
    raw = work / f"bodies-{bodies}"
    print(f"peers: {bodies:,} webhook bodies")
    written = write_bodies(raw / "whatsapp" / "webhooks", bodies, FILES)
    best = race(
        work,
        raw,
        {
            "ours": ("ingest:ours", "warehouse"),
            "dlt, Arrow": ("peers:dlt_arrow", "path"),
            "pandas json_normalize": ("peers:pandas_normalize", "path"),
        },
        rounds,
    )
    mine = best["ours"]
    report.heading("Peers")
    report.text(
        f"{written['lines']:,} lines ({written['bytes'] / 1e6:.0f} MB), best of {rounds} rounds. "
        "The peers flatten statuses and messages and store them in DuckDB; no ledger, no repeats, "
        "no rejects, no keyed hashes. Memory is the process's whole, libraries included."
    )
    report.table(
        ["", "records", "wall", "CPU", "peak memory", "wall ÷ ours", "CPU ÷ ours", "memory ÷ ours"],
        [
            [
                name,
                f"{c.notes['records']:,}",
                seconds(c.wall),
                seconds(c.cpu),
                megabytes(c.peak_rss),
                f"{c.wall / mine.wall:.1f}",
                f"{c.cpu / mine.cpu:.1f}",
                f"{c.peak_rss / mine.peak_rss:.1f}",
            ]
            for name, c in best.items()
        ],
    )
    for name, cost in best.items():
        if cost is not mine:
            report.check(Check(f"ours ÷ {name}, wall", mine.wall / cost.wall, 1.0))
