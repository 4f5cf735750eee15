"""Read the raw exports with the standard library and keep what a KPI can see.

Times are naive UTC datetimes. A record without a readable time, or that is no object, is left out.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from .csv_streams import STREAMS, number, read_stream, who
from .inbox import Inbox, InboxMessage, numbers_of_inboxes, read_inbox
from .shops import Checkout, Order, read_shops
from .survey_tools import read_tools

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
EPOCH = datetime(1970, 1, 1)
DASHBOARD_TEST_CHANNEL = "123456123"

Json = dict[str, Any]


@dataclass(frozen=True)
class Inbound:
    wamid: str
    channel_id: str
    at: datetime
    received_at: datetime | None
    who: tuple[tuple[str, str], ...]
    message_type: str
    quoted_wamid: str | None
    words: tuple[str, ...]
    is_group: bool
    ad_id: str | None
    is_form: bool


@dataclass(frozen=True)
class Echo:
    wamid: str
    channel_id: str
    at: datetime
    received_at: datetime | None
    who: tuple[tuple[str, str], ...]
    message_type: str


@dataclass(frozen=True)
class Status:
    wamid: str
    channel_id: str
    name: str
    at: datetime
    received_at: datetime | None
    who: tuple[tuple[str, str], ...]
    pricing: str
    billing_conversation_id: str | None
    error_code: str | None
    is_group: bool


@dataclass(frozen=True)
class Preference:
    channel_id: str
    at: datetime
    received_at: datetime | None
    who: tuple[tuple[str, str], ...]
    value: str


@dataclass(frozen=True)
class Send:
    wamid: str | None
    requested_at: datetime
    channel_id: str
    recipient_text: str | None
    who: tuple[tuple[str, str], ...]
    message_type: str
    template_name: str | None
    template_language: str | None
    campaign_id: str | None
    variant: str | None
    sender_type: str | None
    agent_id: str | None
    bot_id: str | None
    error_code: str | None
    is_group: bool
    has_button_link: bool


@dataclass(frozen=True)
class Report:
    """A message as another system's report tells of it."""

    record_id: str
    stream: str
    vendor: str
    channel_id: str
    at: datetime
    who: tuple[tuple[str, str], ...]
    is_inbound: bool
    sender_type: str | None
    agent_id: str | None
    message_type: str | None
    template_name: str | None
    category: str | None
    campaign_id: str | None
    variant: str | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    error_code: str | None
    button_clicked_at: datetime | None
    link_clicked_at: datetime | None
    opted_out_at: datetime | None
    price: Decimal | None
    currency_code: str | None
    conversation_key: str | None = None
    bot_id: str | None = None
    template_language: str | None = None
    is_free_form: bool = False


@dataclass(frozen=True)
class Named:
    """A row of a CSV export that names a person; without a time it tells no first trace."""

    stream: str
    place: int
    at: datetime


@dataclass(frozen=True)
class Sighting:
    """Identifiers of one person that stand together in one record: (kind, text) pairs."""

    at: datetime
    identifiers: tuple[tuple[str, str], ...]
    event: Inbound | Echo | Status | Preference | Send | Report | Named | Order | Checkout


@dataclass
class Exports:
    """Everything of the raw folder that the KPIs of the channel read, repeats removed."""

    inbound: list[Inbound] = field(default_factory=list)
    echoes: list[Echo] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)
    identifiers: dict[Named, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    sightings: list[Sighting] = field(default_factory=list)
    departures: list[tuple[str, datetime]] = field(default_factory=list)
    url_parameters: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[Json]] = field(default_factory=dict)
    template_categories: dict[tuple[str, str], str] = field(default_factory=dict)
    template_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    reference: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    checkouts: list[Checkout] = field(default_factory=list)
    shop_records: list[Order | Checkout] = field(default_factory=list)
    inbox: Inbox = field(default_factory=Inbox)

    def without_repeats(self) -> Exports:
        """Drop exact repeats: webhooks are delivered at least once."""
        for part in fields(self):
            rows = getattr(self, part.name)
            if isinstance(rows, list):
                setattr(self, part.name, list(dict.fromkeys(rows)))
        return self


def read_exports(raw: Path) -> Exports:
    """Read a raw folder; reference tables come from it, else from the shipped seeds."""
    found = Exports()
    for record in json_lines(raw / "whatsapp" / "webhooks"):
        _read_webhook(found, record)
    for record in json_lines(raw / "whatsapp" / "sends"):
        _read_send(found, record)
    for record in json_lines(raw / "whatsapp" / "templates"):
        found.template_categories[record["name"], record["language"]] = record["category"]
        name = record["name"], record["language"]
        found.template_ids.setdefault(name, str(record.get("id")))
    for table in (
        *("error_classes", "fx_rates", "market_prefixes", "message_categories", "rate_card"),
        *("stop_words", "internal_contacts", "channels"),
        *("business_hours", "holidays", "sla_targets", "feedback_topics"),
    ):
        found.reference[table] = _reference(raw, table)
    for stream in STREAMS:
        if stream not in OF_SHOPS_AND_ADS:
            _read_table(found, stream, read_stream(raw, stream))
    shops = read_shops(raw)
    found.orders, found.checkouts, found.shop_records = shops.orders, shops.checkouts, shops.told
    found.sightings += [Sighting(told.at, told.who, told) for told in shops.told if told.who]
    _read_conversations(found, raw)
    return found.without_repeats()


def _read_conversations(found: Exports, raw: Path) -> None:
    """Keep what platforms tell of conversations; their messages are messages like any other."""
    found.inbox = read_inbox(raw, found.tables)
    told: list[Inbound | Echo | Status | Send] = [
        *found.inbound,
        *found.echoes,
        *found.statuses,
        *found.sends,
    ]
    seen = {row.wamid: row.channel_id for row in reversed(told) if row.wamid}
    found.inbox.number_of = numbers_of_inboxes(found.inbox, seen)
    for place, (stream, at, person) in enumerate(found.inbox.sightings):
        named = Named(stream, place, at)
        found.named.append(named)
        found.tables.setdefault(stream, [])
        found.identifiers[named] = person
        found.sightings.append(Sighting(at, person, named))
    for place, answer in enumerate(read_tools(raw)):
        if answer.who:
            named = Named(f"surveys_{answer.tool}", place, answer.answered_at or NO_TIME)
            found.named.append(named)
            found.tables.setdefault(named.stream, [])
            found.identifiers[named] = answer.who
            found.sightings.append(Sighting(named.at, answer.who, named))
    found.reports += [_of_inbox(message, found.inbox) for message in found.inbox.messages]


def native_channel(inbox: Inbox, native: str) -> str:
    """Return the number behind an inbox of Chatwoot's, else the channel as it is named."""
    return inbox.number_of.get(native.removeprefix("chatwoot:"), native)


def _of_inbox(message: InboxMessage, inbox: Inbox) -> Report:
    template = message.template or {}
    return Report(
        message.record_id,
        "chatwoot_messages",
        "chatwoot",
        native_channel(inbox, f"chatwoot:{message.inbox_id}"),
        message.at,
        message.who,
        message.is_inbound,
        None if message.is_inbound else message.sender_type,
        message.agent_id.removeprefix("chatwoot:") if message.agent_id else None,
        message.message_type,
        template.get("name"),
        template.get("category"),
        None,
        None,
        None,
        None,
        message.at if message.has_failed else None,
        message.error_code,
        None,
        None,
        None,
        None,
        None,
        message.key,
        message.bot_id,
        template.get("language"),
        not message.template,
    )


# Read by modules of their own: what they tell isn't of people alone.
OF_SHOPS_AND_ADS = ("orders", "checkouts", "ad_spend")
NO_TIME = datetime.max
FAILED, DELIVERED = ("failed", "undelivered"), ("delivered", "read")


def _read_table(found: Exports, stream: str, rows: list[Json]) -> None:
    """Keep a CSV stream's rows and the people whom they name."""
    found.tables[stream] = rows
    for place, row in enumerate(rows):
        identifiers = who(row)
        if stream in ("messages", "message_reports"):
            if row["sent_at"] is None:
                continue
            report = _read_report(stream, row)
            found.reports.append(report)
            found.sightings.append(Sighting(report.at, identifiers, report))
        elif identifiers:
            times = (row.get(name) for name in ("occurred_at", *STREAMS[stream].times))
            at = next((time for time in times if time), NO_TIME)
            if row.get("event") == "merged" and row.get("value"):
                identifiers += (_merged(row["value"]),)
            named = Named(stream, place, at)
            found.named.append(named)
            found.identifiers[named] = who(row)
            found.sightings.append(Sighting(at, identifiers, named))


def _merged(text: str) -> tuple[str, str]:
    if "@" in text:
        return "email", text
    return ("phone" if re.fullmatch(r"[+0-9 ().\-]{5,20}", text) else "external"), text


SENDERS = {
    "agent": ["agent", "user", "human", "operator", "staff", "admin", "teammate", "employee"],
    "bot": ["bot", "chatbot", "chat bot", "ai", "ai agent", "ai_agent", "assistant"],
    "campaign": ["campaign", "broadcast"],
    "api": ["api"],
}


def _read_report(stream: str, row: Json) -> Report:
    at, status = row["sent_at"], str(row.get("last_status") or "").lower()
    code = row.get("error_code")
    has_failed = bool(row.get("failed_at") or code or status in FAILED)
    price = number(row.get("price_amount"))
    word = (row.get("sender_type") or "").strip().lower()
    sender = next((ours for ours, theirs in SENDERS.items() if word in theirs), None)
    if not word and not row.get("campaign_id"):
        # The id that is there tells who it was.
        sender = "bot" if row.get("bot_id") else "agent" if row.get("agent_id") else None
    return Report(
        row["record_id"],
        stream,
        row["vendor"] or "generic",
        row["channel_id"],
        at,
        who(row),
        row["direction"].lower() == "inbound",
        sender,
        None if word in SENDERS["bot"] else row.get("agent_id"),
        row.get("message_type"),
        row.get("template_name"),
        row.get("category"),
        row.get("campaign_id"),
        row.get("variant"),
        row["delivered_at"] or (at if status in DELIVERED else None),
        row["read_at"] or (at if status == "read" else None),
        (row["failed_at"] or at) if has_failed else None,
        code,
        row["button_clicked_at"],
        row["link_clicked_at"],
        row["opted_out_at"],
        None if price is None else abs(price),
        row.get("currency_code"),
        f"{row['vendor'] or 'generic'}:{row['conversation_id']}"
        if row.get("conversation_id")
        else None,
        row.get("bot_id") or (row.get("agent_id") if word in SENDERS["bot"] else None),
    )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*"), key=lambda p: p.as_posix().encode()):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix not in (".part", ".tmp", ".md"):
            yield path


def json_lines(folder: Path) -> Iterator[Json]:
    for path in _files(folder):
        data = path.read_bytes()
        for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def _reference(raw: Path, table: str) -> list[dict[str, str]]:
    files = list(_files(raw / "reference" / table)) or [SEEDS / f"{table}.csv"]
    rows: list[dict[str, str]] = []
    for path in files:
        if path.exists():
            with path.open(encoding="utf-8-sig", newline="") as handle:
                rows += list(csv.DictReader(handle))
    return rows


def seconds_since_1970(value: object) -> datetime | None:
    """Read epoch seconds, given as a number or as a string."""
    try:
        return EPOCH + timedelta(seconds=int(str(value)))
    except (ValueError, OverflowError):
        return None


def _iso(value: object) -> datetime | None:
    """Read an ISO time; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _who(*pairs: tuple[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((kind, str(text)) for kind, text in pairs if text)


def _read_webhook(found: Exports, record: Json) -> None:
    received_at = _iso(record.get("received_at")) if "body" in record else None
    body = record.get("body", record)
    for entry in _objects(body.get("entry")):
        for change in _objects(entry.get("changes")):
            value = change.get("value")
            if isinstance(value, dict):
                _read_value(found, value, received_at)
                # What WhatsApp says of a template later goes before the list.
                if value.get("message_template_id") and value.get("message_template_name"):
                    name = value["message_template_name"], str(value["message_template_language"])
                    found.template_ids[name] = str(value["message_template_id"])


def _read_value(found: Exports, value: Json, received_at: datetime | None) -> None:
    channel_id = str((value.get("metadata") or {}).get("phone_number_id") or "unknown")
    if channel_id == DASHBOARD_TEST_CHANNEL:
        return
    seen: list[Sighting] = []
    for item in _objects(value.get("messages")):
        if (at := seconds_since_1970(item.get("timestamp"))) and item.get("id"):
            seen.append(_read_inbound(found, item, channel_id, at, received_at))
    for item in _objects(value.get("message_echoes")):
        if (at := seconds_since_1970(item.get("timestamp"))) and item.get("id"):
            who = _who(("wa_id", item.get("to")), ("bsuid", item.get("to_user_id")))
            kind = str(item.get("type") or "unknown")
            echo = Echo(item["id"], channel_id, at, received_at, who, kind)
            found.echoes.append(echo)
            seen.append(Sighting(at, who, echo))
    for item in _objects(value.get("statuses")):
        if (at := seconds_since_1970(item.get("timestamp"))) and item.get("id"):
            seen += _read_status(found, item, channel_id, at, received_at)
    for item in _objects(value.get("user_preferences")):
        if at := seconds_since_1970(item.get("timestamp")):
            who = _who(("wa_id", item.get("wa_id")), ("bsuid", item.get("user_id")))
            chosen = str(item.get("value"))
            preference = Preference(channel_id, at, received_at, who, chosen)
            found.preferences.append(preference)
            seen.append(Sighting(at, who, preference))
    found.sightings += seen
    for contact in _objects(value.get("contacts")):
        who = _who(("wa_id", contact.get("wa_id")), ("bsuid", contact.get("user_id")))
        beside = [s for s in seen if set(s.identifiers) & set(who)] or seen
        if who and beside:
            earliest = min(beside, key=lambda s: s.at)
            found.sightings.append(Sighting(earliest.at, who, earliest.event))


def _read_inbound(
    found: Exports, item: Json, channel_id: str, at: datetime, received_at: datetime | None
) -> Sighting:
    kind = str(item.get("type") or "unknown")
    who = _who(("wa_id", item.get("from")), ("bsuid", item.get("from_user_id")))
    message = Inbound(
        item["id"],
        channel_id,
        at,
        received_at,
        who,
        kind,
        (item.get("context") or {}).get("id"),
        _words(item),
        bool(item.get("group_id")),
        (item.get("referral") or {}).get("source_id"),
        (item.get("interactive") or {}).get("type") == "nfm_reply",
    )
    found.inbound.append(message)
    if kind == "system":
        changed = item.get("system") or {}
        if changed.get("type") == "user_changed_number" and item.get("from"):
            found.departures.append((str(item["from"]), at))
        who += _who(("wa_id", changed.get("wa_id")), ("bsuid", changed.get("user_id")))
    return Sighting(at, who, message)


def _words(item: Json) -> tuple[str, ...]:
    """Return the texts that can be a STOP word: text, button payload and text, button title."""
    button = item.get("button") or {}
    reply = (item.get("interactive") or {}).get("button_reply") or {}
    texts = [(item.get("text") or {}).get("body"), button.get("payload"), button.get("text")]
    return tuple(normal_words(text) for text in [*texts, reply.get("title")] if text)


def normal_words(text: str) -> str:
    """Lower case, punctuation to spaces, trimmed, runs of spaces to one."""
    kept = "".join(c if c.isalnum() or _is_mark(c) else " " for c in text.lower())
    return re.sub(r"\s+", " ", kept).strip()


def _is_mark(character: str) -> bool:
    """Tell combining marks (vowel signs of Hindi) from punctuation."""
    return unicodedata.category(character).startswith("M")


def _read_status(
    found: Exports, item: Json, channel_id: str, at: datetime, received_at: datetime | None
) -> list[Sighting]:
    is_group = item.get("recipient_type") == "group"
    who = _who(("wa_id", item.get("recipient_id")), ("bsuid", item.get("recipient_user_id")))
    errors = _objects(item.get("errors"))
    status = Status(
        item["id"],
        channel_id,
        str(item.get("status") or "unknown"),
        at,
        received_at,
        () if is_group else who,
        json.dumps(item["pricing"], sort_keys=True) if item.get("pricing") else "",
        (item.get("conversation") or {}).get("id"),
        str(errors[0]["code"]) if errors and "code" in errors[0] else None,
        is_group,
    )
    found.statuses.append(status)
    return [] if is_group else [Sighting(at, who, status)]


def _read_send(found: Exports, record: Json) -> None:
    requested_at = _iso(record.get("requested_at"))
    request, response = record.get("request") or {}, record.get("response") or {}
    if requested_at is None:
        return
    contact = (_objects(response.get("contacts")) or [{}])[0]
    is_group = request.get("recipient_type") == "group"
    who = (
        ()
        if is_group
        else _who(
            ("phone", request.get("to")),
            ("phone", request.get("recipient")),
            ("phone", contact.get("input")),
            ("wa_id", contact.get("wa_id")),
            ("bsuid", contact.get("user_id")),
        )
    )
    template = request.get("template") or {}
    code = (response.get("error") or {}).get("code")
    send = Send(
        (_objects(response.get("messages")) or [{}])[0].get("id"),
        requested_at,
        str(record.get("phone_number_id") or "unknown"),
        request.get("to") or request.get("recipient") or contact.get("input"),
        who,
        str(request.get("type") or "text"),
        template.get("name"),
        (template.get("language") or {}).get("code"),
        record.get("campaign_id"),
        record.get("variant"),
        record.get("sender_type"),
        record.get("agent_id"),
        record.get("bot_id"),
        None if code is None else str(code),
        is_group,
        any(part.get("sub_type") == "url" for part in _objects(template.get("components"))),
    )
    found.sends.append(send)
    for part in _objects(template.get("components")):
        for parameter in _objects(part.get("parameters")) if part.get("sub_type") == "url" else ():
            if send.wamid and parameter.get("text"):
                found.url_parameters[str(parameter["text"])] = send.wamid
    found.sightings.append(Sighting(requested_at, who, send))
