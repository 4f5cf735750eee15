"""Ingest without Dagster and dbt: a raw folder, a working file, and what stands in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.ingest.run import (
    StreamReport,
    discover,
    ingest_stream,
    prepare,
    record_unrecognised,
)
from orchestration.settings import Settings
from orchestration.sources import BY_KEY, STREAMS
from orchestration.warehouse import connect

KEY = "a key for tests, never for data"
LEDGER_EQUATION = (
    "select path from raw.files where rows_read <> rows_loaded + rows_rejected + rows_duplicate"
)


@dataclass(frozen=True)
class Harness:
    """A raw folder and a working file, both empty at first."""

    settings: Settings

    def put(self, path: str, content: str | bytes) -> Path:
        """Write a file below the raw folder."""
        target = self.settings.raw_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def ingest(self, *keys: str) -> dict[str, StreamReport]:
        """Ingest the streams named (default: all) as a run does; the ledger must add up."""
        streams = [BY_KEY[key] for key in keys] if keys else list(STREAMS)
        discovery = discover(self.settings)
        reports = {}
        with connect(self.settings) as con:
            prepare(con, self.settings)
            record_unrecognised(con, self.settings, discovery)
            for stream in streams:
                reports[stream.key] = ingest_stream(con, self.settings, stream, discovery)
            assert con.execute(LEDGER_EQUATION).fetchall() == []
            for stream in streams:
                standing = con.execute(
                    f'select count(*) from raw."{stream.raw_table}" where _is_line_head'
                ).fetchone()
                counted = con.execute(
                    "select coalesce(sum(rows_loaded), 0) from raw.loads "
                    "where raw_table = ? and not is_rejected and not is_removed",
                    [stream.raw_table],
                ).fetchone()
                assert standing == counted, stream.key
        return reports

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return what a query of the working file gives."""
        with self.open() as con:
            return con.execute(sql, list(parameters)).fetchall()

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the working file."""
        with connect(self.settings) as con:
            yield con

    def files(self) -> dict[str, str]:
        """Return the status of each path, but for replaced versions."""
        return dict(self.rows("select path, status from raw.files where status <> 'replaced'"))

    def rejects(self) -> list[tuple[str, int | None, str]]:
        """Return (path, line, reason) of every reject."""
        return self.rows(
            "select path, line_number, reason from raw.rejects order by all nulls first"
        )


def make_harness(folder: Path) -> Harness:
    """Return a harness in an empty folder."""
    raw_dir = folder / "raw"
    raw_dir.mkdir(parents=True)
    return Harness(Settings(raw_dir=raw_dir, warehouse_dir=folder / "wh", hmac_key_text=KEY))


def status_body(n: int, status: str = "sent", **value: Any) -> dict[str, Any]:
    """Return a webhook body with one status: the wamid and the time tell it from others."""
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "4711",
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {
                                "display_phone_number": "15550783881",
                                "phone_number_id": "106540352242922",
                            },
                            "statuses": [
                                {
                                    "id": f"wamid.{n}",
                                    "status": status,
                                    "timestamp": str(1_780_000_000 + n),
                                    "recipient_id": f"4915{n:09}",
                                }
                            ],
                            **value,
                        },
                    }
                ],
            }
        ],
    }


def status_line(n: int, status: str = "sent", **value: Any) -> str:
    """Return the same as a line with its end."""
    return json.dumps(status_body(n, status, **value)) + "\n"


def message_body(n: int, text: str = "hello", **message: Any) -> dict[str, Any]:
    """Return a webhook body with one inbound text message and its contact."""
    sender = f"4916{n:09}"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "15550783881",
            "phone_number_id": "106540352242922",
        },
        "contacts": [{"profile": {"name": f"Person {n}"}, "wa_id": sender}],
        "messages": [
            {
                "from": sender,
                "id": f"wamid.in.{n}",
                "timestamp": str(1_780_000_000 + n),
                "type": "text",
                "text": {"body": text},
                **message,
            }
        ],
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "4711", "changes": [{"field": "messages", "value": value}]}],
    }


def message_line(n: int, text: str = "hello", **message: Any) -> str:
    """Return the same as a line with its end."""
    return json.dumps(message_body(n, text, **message)) + "\n"


def send_line(n: int, **other: Any) -> str:
    """Return a line of the send log."""
    return (
        json.dumps(
            {
                "requested_at": f"2026-06-01T10:00:{n % 60:02}Z",
                "phone_number_id": "106540352242922",
                "http_status": 200,
                "request": {"to": f"+4915{n:09}", "type": "text", "text": {"body": "hi"}},
                "response": {
                    "contacts": [{"input": f"+4915{n:09}", "wa_id": f"4915{n:09}"}],
                    "messages": [{"id": f"wamid.{n}"}],
                },
                **other,
            }
        )
        + "\n"
    )
