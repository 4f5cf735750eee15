"""Rows of Chatwoot's tables, dumped as CSV as PostgreSQL writes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.pipeline.payloads import naive

Row = dict[str, Any]

INCOMING, OUTGOING, ACTIVITY, TEMPLATE = range(4)
OPEN, RESOLVED, PENDING, SNOOZED = range(4)


def dump(raw_dir: Path, table: str, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write the dump of a table; return its path. Times are naive UTC, NULL is an empty cell."""
    rows = list(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _cell(row.get(column)) for column in columns} for row in rows)
    path = raw_dir / "chatwoot" / table / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue())
    return path


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        moment = naive(value)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond:06}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return value


def contact(number: int, created_at: datetime, phone: str | None = None, **cells: Any) -> Row:
    """Return a contact; `phone` stands with its plus."""
    return {
        "id": number,
        "name": f"Person {number}",
        "email": None,
        "phone_number": phone,
        "account_id": 1,
        "created_at": created_at,
        "updated_at": created_at,
        "identifier": None,
        **cells,
    }


def contact_inbox(
    number: int, contact_id: int, source_id: str, created_at: datetime, inbox_id: int = 1
) -> Row:
    """Return the id under which an inbox knows a contact."""
    return {
        "id": number,
        "contact_id": contact_id,
        "inbox_id": inbox_id,
        "source_id": source_id,
        "created_at": created_at,
        "updated_at": created_at,
    }


def inbox(number: int, channel_type: str = "Channel::Whatsapp", zone: str = "UTC") -> Row:
    """Return an inbox."""
    return {
        "id": number,
        "channel_id": number,
        "account_id": 1,
        "name": f"Inbox {number}",
        "channel_type": channel_type,
        "timezone": zone,
    }


def conversation(
    number: int, contact_id: int, created_at: datetime, inbox_id: int = 1, **cells: Any
) -> Row:
    """Return a conversation, open as long as nothing else is said."""
    return {
        "id": number,
        "account_id": 1,
        "inbox_id": inbox_id,
        "status": OPEN,
        "assignee_id": None,
        "created_at": created_at,
        "updated_at": created_at,
        "contact_id": contact_id,
        "display_id": number,
        "team_id": None,
        "cached_label_list": None,
        **cells,
    }


def message(
    number: int,
    conversation_id: int,
    created_at: datetime,
    *,
    kind: int = INCOMING,
    sender: tuple[str, int] | None = None,
    source_id: str | None = None,
    inbox_id: int = 1,
    **cells: Any,
) -> Row:
    """Return a message. Chatwoot notes WhatsApp's id once it knows it."""
    sender_type, sender_id = sender or (None, None)
    return {
        "id": number,
        "content": "Guten Tag",
        "account_id": 1,
        "inbox_id": inbox_id,
        "conversation_id": conversation_id,
        "message_type": kind,
        "created_at": created_at,
        "updated_at": created_at + timedelta(seconds=1),
        "private": False,
        "status": 0,
        "source_id": source_id,
        "content_type": 0,
        "content_attributes": "{}",
        "sender_type": sender_type,
        "sender_id": sender_id,
        "additional_attributes": "{}",
        **cells,
    }


def user(number: int, name: str, **cells: Any) -> Row:
    """Return an agent."""
    return {"id": number, "name": name, "display_name": None, "email": None, **cells}
