"""Read the CSV streams: our own columns, and other systems' through their mapping.yml."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

SHIPPED_MAPPINGS = Path(__file__).resolve().parents[2] / "orchestration" / "mappings"
EXPORT_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)")
PERSON = ("phone", "user_id", "email", "external_id")
KINDS = dict(zip(PERSON, ("phone", "bsuid", "email", "external"), strict=True))
YES, NO = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")
EPOCH = datetime(1970, 1, 1)

Row = dict[str, str]
CsvRow = dict[str, str]


@dataclass(frozen=True)
class CsvStream:
    """What SOURCES says of one stream: what is required, what makes a row the same row."""

    folder: str
    required: tuple[str, ...]
    key: tuple[str, ...]
    times: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    needs_person: bool = False


MESSAGE_TIMES = (
    *("sent_at", "delivered_at", "read_at", "failed_at"),
    *("button_clicked_at", "link_clicked_at", "opted_out_at"),
)
OTHER_TIMES = ("opened_at", "closed_at", "occurred_at", "answered_at")
_MESSAGES = ("message_id", "channel_id", "direction", "sent_at")
STREAMS: dict[str, CsvStream] = {
    "registry": CsvStream(
        "campaigns/registry", ("campaign_id",), ("campaign_id",), ("planned_at",)
    ),
    "audience": CsvStream(
        "campaigns/audience",
        ("campaign_id", "assigned_at"),
        ("campaign_id", "assigned_at", *PERSON),
        ("assigned_at",),
        needs_person=True,
    ),
    "consent": CsvStream(
        "consent/events",
        ("event", "occurred_at"),
        ("event", "occurred_at", "channel_id", *PERSON),
        ("occurred_at",),
        needs_person=True,
    ),
    "contact_events": CsvStream(
        "contacts/events",
        ("event", "occurred_at"),
        ("event", "occurred_at", "value", *PERSON),
        ("occurred_at",),
        needs_person=True,
    ),
    "contacts": CsvStream("generic/contacts", (), PERSON, ("created_at",), needs_person=True),
    "leads": CsvStream(
        "generic/leads",
        ("lead_id", "created_at"),
        ("lead_id",),
        ("created_at", "qualified_at", "won_at", "lost_at"),
        needs_person=True,
    ),
    "costs": CsvStream(
        "generic/costs",
        ("cost_id", "cost_type", "starts_on", "ends_on", "amount", "currency_code"),
        ("cost_id",),
    ),
    "conversations": CsvStream(
        "generic/conversations",
        ("conversation_id", "channel_id", "opened_at"),
        ("vendor", "conversation_id"),
        ("opened_at", "closed_at"),
        needs_person=True,
    ),
    "conversation_events": CsvStream(
        "generic/conversation_events",
        ("event_id", "conversation_id", "event_type", "occurred_at"),
        ("vendor", "conversation_id", "event_id"),
        ("occurred_at",),
    ),
    "survey_responses": CsvStream(
        "generic/survey_responses",
        ("response_id", "survey_type"),
        ("vendor", "response_id"),
        ("sent_at", "answered_at"),
    ),
    "orders": CsvStream("generic/orders", ("order_id",), ("order_id",)),
    "checkouts": CsvStream("generic/abandoned_checkouts", ("checkout_id",), ("checkout_id",)),
    "ad_spend": CsvStream("generic/ad_spend", ("ad_id",), ("ad_id",)),
    "links": CsvStream("clicks/links", ("url",), ("url",)),
    "short_io": CsvStream(
        "clicks/short_io",
        ("link", "clicked_at"),
        ("link", "clicked_at", "ip", "user_agent"),
        ("clicked_at",),
        {"short url": "link", "url": "link", "time": "clicked_at"},
    ),
    "link_clicks": CsvStream(
        "generic/link_clicks",
        ("clicked_at", "url"),
        ("click_id", "clicked_at", "url"),
        ("clicked_at",),
    ),
    "ga4": CsvStream(
        "ga4/sessions",
        ("date", "session_source", "session_medium", "session_campaign"),
        ("date", "session_source", "session_medium", "session_campaign"),
    ),
    "messages": CsvStream(
        "generic/messages", _MESSAGES, ("record_id",), MESSAGE_TIMES, needs_person=True
    ),
    "message_reports": CsvStream(
        "generic/message_reports", _MESSAGES, ("record_id",), MESSAGE_TIMES, needs_person=True
    ),
}


def read_stream(raw: Path, name: str) -> list[dict[str, Any]]:
    """Return a stream's rows, the newest of each key, times as naive UTC, '' as None.

    `vendor` is the folder under mapped/, else None.
    """
    stream = STREAMS[name]
    found = [(*_age(raw, path), vendor, row) for path, vendor, row in raw_rows(raw, name)]
    newest: dict[tuple[str | None, ...], dict[str, Any]] = {}
    for _, _, system, row in sorted(found, key=lambda one: one[:2]):
        if not all(row.get(c) for c in stream.required):
            continue
        if stream.needs_person and not any(row.get(c) for c in PERSON):
            continue
        if "record_id" in stream.key:
            row["record_id"] = record_id(row)
        if "vendor" in stream.key:
            row["vendor"] = system or ""
        kept: dict[str, Any] = {**{k: v or None for k, v in row.items()}, "vendor": system}
        for column in stream.times:
            kept[column] = moment(row.get(column))
        newest[tuple([row.get(c) or None for c in stream.key])] = kept
    return list(newest.values())


def raw_rows(raw: Path, name: str) -> Iterator[tuple[Path, str | None, Row]]:
    """Yield every row of a stream's files, with the file and the vendor under mapped/."""
    stream = STREAMS[name]
    for path in _csv_files(raw / stream.folder):
        yield from ((path, None, row) for row in _rows(path, stream))
    leaf = stream.folder.split("/")[1]
    for folder in sorted((raw / "mapped").glob(f"*/{leaf}")) if stream.folder[:2] == "ge" else ():
        vendor = folder.parent.name
        for path in _csv_files(folder):
            yield from ((path, vendor, row) for row in _mapped_rows(path, folder, vendor, leaf))


def csv_table(raw: Path, folder: Path) -> Iterator[tuple[tuple[str, bytes], CsvRow]]:
    """Yield every row of a folder of CSV files, with the age of its file."""
    for path in _csv_files(folder):
        yield from ((_age(raw, path), row) for row in _table(path))


def record_id(row: Row) -> str:
    """A wamid is one everywhere; any other id is the sender's own and needs its recipient."""
    if row["message_id"].startswith("wamid."):
        return row["message_id"]
    person = next(row[c] for c in PERSON if row.get(c))
    return f"report|{row['message_id']}|{person}"


def who(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the identifiers that a row names, as (kind, text) pairs."""
    return tuple((KINDS[c], str(row[c])) for c in PERSON if row.get(c))


def truth(text: str | None) -> bool | None:
    """Read a yes or no."""
    word = (text or "").strip().lower()
    return True if word in YES else False if word in NO else None


def number(text: str | None) -> Decimal | None:
    """Read an amount."""
    try:
        return Decimal((text or "").strip())
    except InvalidOperation:
        return None


def moment(text: str | None) -> datetime | None:
    """Read an ISO time; without an offset it is UTC."""
    try:
        read = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def _csv_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*"), key=lambda p: p.as_posix().encode()):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not is_hidden and path.name.endswith((".csv", ".csv.gz")):
            yield path


def _age(raw: Path, path: Path) -> tuple[str, bytes]:
    stamp = EXPORT_TIME.search(path.name)
    return (stamp[1] if stamp else ""), path.relative_to(raw).as_posix().encode()


def _table(path: Path) -> Iterator[Row]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    header = text.splitlines()[0] if text else ""
    delimiter = max(",;\t|", key=header.count)
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        yield {k: (v or "").strip() for k, v in row.items() if k is not None}


def _plain(header: str) -> str:
    return re.sub(r"[\s_]+", " ", header.strip().lower())


def _rows(path: Path, stream: CsvStream) -> Iterator[Row]:
    aliases = dict(stream.aliases)
    for row in _table(path):
        names = ((_plain(header), value) for header, value in row.items())
        yield {aliases.get(name, name.replace(" ", "_")): value for name, value in names}


def _mapped_rows(path: Path, folder: Path, vendor: str, stream: str) -> Iterator[Row]:
    beside = folder / "mapping.yml"
    chosen = beside if beside.exists() else SHIPPED_MAPPINGS / vendor / f"{stream}.yml"
    mapping = yaml.safe_load(chosen.read_text())
    columns, swapped = mapping.get("columns") or {}, mapping.get("inbound") or {}
    values = {
        ours: {str(k).lower(): str(v) for k, v in told.items()}
        for ours, told in (mapping.get("values") or {}).items()
    }
    time = mapping.get("time") or {}
    forms = time.get("format") or ["iso"]
    forms = [forms] if isinstance(forms, str) else forms
    zone = ZoneInfo(time.get("zone") or "UTC")

    def cell(row: Row, ours: str, taken: Any) -> str:
        told = taken if isinstance(taken, dict) else {"column": taken}
        theirs = told["column"] if isinstance(told["column"], list) else [told["column"]]
        text = next((row[name] for name in theirs if row.get(name)), "")
        if told.get("json") and text:
            text = min((str(one["ts"]) for one in json.loads(text)), default="")
        text = values.get(ours, {}).get(text.lower(), text)
        if ours in (*MESSAGE_TIMES, *OTHER_TIMES) and text:
            read = _read_time(text, forms, zone)
            text = read.isoformat() if read else ""
        return text.lstrip("-") if told.get("absolute") else text

    for row in _table(path):
        ours = {name: cell(row, name, taken) for name, taken in columns.items()}
        for name, constant in (mapping.get("constants") or {}).items():
            ours[name] = ours.get(name) or str(constant)
        if ours.get("direction", "").lower() == "inbound":
            ours |= {name: cell(row, name, taken) for name, taken in swapped.items()}
        yield ours


def _read_time(text: str, forms: list[str], zone: ZoneInfo) -> datetime | None:
    for form in forms:
        try:
            if form in ("unix", "unix_ms"):
                return EPOCH + timedelta(seconds=int(text) / (1 if form == "unix" else 1000))
            read = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)
        except ValueError:
            continue
        return (
            (read if read.tzinfo else read.replace(tzinfo=zone))
            .astimezone(UTC)
            .replace(tzinfo=None)
        )
    return None
