"""Small webhook bodies and send-log lines, written as WhatsApp and the business write them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Body = dict[str, Any]

WEBHOOKS, SENDS, TEMPLATES = "whatsapp/webhooks", "whatsapp/sends", "whatsapp/templates"
RATE_CARD, FX_RATES = "reference/rate_card", "reference/fx_rates"
NUMBER = "106540352242922"
OTHER_NUMBER = "206540352242922"
START = datetime(2026, 10, 5, 9, tzinfo=UTC)


def at(days: float = 0, seconds: int = 0) -> datetime:
    """Return a moment, counted from Monday 2026-10-05 09:00 UTC."""
    return START + timedelta(days=days, seconds=seconds)


def seconds(moment: datetime) -> str:
    """Return a time as webhooks write it."""
    return str(int(moment.timestamp()))


def naive(moment: datetime) -> datetime:
    """Return a time as the marts write it."""
    return moment.replace(tzinfo=None)


def message_id(wamid: str, direction: str = "outbound") -> str:
    """Return the public id of a message, from its definition."""
    return hashlib.sha256(f"whatsapp:{direction}:{wamid}".encode()).hexdigest()[:32]


def body(value: Mapping[str, Any], field: str = "messages", number: str = NUMBER) -> Body:
    """Return a whole webhook body around one value."""
    metadata = {"display_phone_number": f"4930{number[:6]}", "phone_number_id": number}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": [{"value": whole, "field": field}]}],
    }


def status(
    wamid: str,
    name: str,
    moment: datetime,
    to: str | None = "4917012345601",
    *,
    category: str | None = None,
    pricing_type: str = "regular",
    error: int | None = None,
    user_id: str | None = None,
    number: str = NUMBER,
) -> Body:
    """Return a body with one status; with a category it carries a price of the PMP regime."""
    record: Body = {"id": wamid, "status": name, "timestamp": seconds(moment)}
    if to is not None:
        record["recipient_id"] = to
    if user_id is not None:
        record["recipient_user_id"] = user_id
    if category is not None:
        record["pricing"] = {
            "billable": pricing_type == "regular",
            "pricing_model": "PMP",
            "type": pricing_type,
            "category": category,
        }
    if error is not None:
        record["errors"] = [{"code": error, "title": "failed"}]
    return body({"statuses": [record]}, number=number)


def delivered(
    wamid: str,
    moment: datetime,
    to: str | None = "4917012345601",
    category: str = "marketing",
    **more: Any,
) -> Body:
    """Return a body that delivers a message for a price."""
    return status(wamid, "delivered", moment, to, category=category, **more)


def inbound(
    wamid: str,
    moment: datetime,
    frm: str | None = "4917012345601",
    *,
    text: str = "hello",
    context: str | None = None,
    user_id: str | None = None,
    record: Mapping[str, Any] | None = None,
    number: str = NUMBER,
) -> Body:
    """Return a body with one message of a customer."""
    message: Body = {"id": wamid, "timestamp": seconds(moment), "type": "text"}
    contact: Body = {"profile": {"name": "Ada"}}
    if frm is not None:
        message["from"] = contact["wa_id"] = frm
    if user_id is not None:
        message["from_user_id"] = contact["user_id"] = user_id
    if context is not None:
        message["context"] = {"from": "4930106540", "id": context}
    message |= record or {"text": {"body": text}}
    return body({"contacts": [contact], "messages": [message]}, number=number)


def number_change(wamid: str, moment: datetime, old: str, new: str) -> Body:
    """Return WhatsApp's notice that a customer has a new number."""
    system = {"body": "changed", "wa_id": new, "type": "user_changed_number"}
    message = {
        "id": wamid,
        "from": old,
        "timestamp": seconds(moment),
        "type": "system",
        "system": system,
    }
    return body({"messages": [message]})


def echo(wamid: str, moment: datetime, to: str = "4917012345601") -> Body:
    """Return a body with a message that an agent typed in the app."""
    message = {
        "from": "4930106540",
        "to": to,
        "id": wamid,
        "timestamp": seconds(moment),
        "type": "text",
        "text": {"body": "typed"},
    }
    return body({"message_echoes": [message]}, field="smb_message_echoes")


def wrapped(whole: Body, received: datetime, **more: Any) -> Body:
    """Return a body as a receiving system logs it."""
    return {"received_at": received.isoformat(), **more, "body": whole}


def send(
    wamid: str | None,
    moment: datetime,
    to: str | None = "4917012345601",
    *,
    template: str | None = None,
    user_id: str | None = None,
    number: str = NUMBER,
    button: str | None = None,
    **more: Any,
) -> Body:
    """Return a line of the send log; without a wamid the answer was an error.

    Args:
        button: what the template's link button ends in.
    """
    request: Body = {"messaging_product": "whatsapp", "type": "template" if template else "text"}
    contact: Body = {}
    if to is not None:
        request["to"], contact = to, {"input": to, "wa_id": to}
    if user_id is not None:
        request["recipient"] = user_id
    if template is not None:
        request["template"] = {"name": template, "language": {"code": "en"}}
    if template is not None and button is not None:
        parameters = [{"type": "text", "text": button}]
        request["template"]["components"] = [
            {"type": "button", "sub_type": "url", "index": "0", "parameters": parameters}
        ]
    answer: Body = {"error": {"code": 131026}}
    if wamid is not None:
        answer = {"contacts": [contact], "messages": [{"id": wamid}]}
    return {
        "requested_at": moment.isoformat(),
        "phone_number_id": number,
        "http_status": 200 if wamid else 400,
        "request": request,
        "response": answer,
        **more,
    }


def template(name: str, category: str, *, status_name: str = "APPROVED", **more: Any) -> Body:
    """Return a template as the template list returns it."""
    return {
        "id": f"id-{name}",
        "name": name,
        "language": "en",
        "category": category,
        "status": status_name,
        **more,
    }


def write(raw_dir: Path, stream: str, name: str, lines: Iterable[Body | str]) -> Path:
    """Write a file of JSON lines below its stream's folder; return its path."""
    path = raw_dir / stream / name
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def write_csv(raw_dir: Path, stream: str, name: str, text: str) -> Path:
    """Write a CSV below its stream's folder; return its path."""
    path = raw_dir / stream / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def copy_raw(source: Path, target: Path) -> Path:
    """Copy a raw folder; return the copy."""
    shutil.copytree(source, target)
    return target
