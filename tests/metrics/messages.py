"""fct_messages again: folding of statuses, categories, windows and replies."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .clock import Stream, judge_stream
from .csv_streams import KINDS
from .exports import Echo, Exports, Inbound, Named, Preference, Report, Send, Status, normal_words
from .order_clock import order_clock
from .people import DASHBOARD_TEST_NUMBERS, People, identifier, keyed_hash

SERVICE_WINDOW = timedelta(hours=24)
FREE_ENTRY_POINT = timedelta(hours=72)
READ = ("read", "played")
PRICING_ORDER = {"delivered": 0, "failed": 2}
SERVICE_CATEGORIES = ("service", "group_service")


@dataclass
class Message:
    """One row of fct_messages, and what the KPIs need beside it."""

    message_id: str
    direction: str
    channel_id: str
    message_at: datetime
    contact_id: str = "unknown"
    message_type: str = "unknown"
    sender_type: str = "contact"
    category: str = "none"
    template_name: str = "none"
    template_language: str = "none"
    campaign_id: str = "none"
    variant: str = "none"
    attempted_at: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None
    first_replied_at: datetime | None = None
    inferred_read_at: datetime | None = None
    error_code: str | None = None
    error_class: str | None = None
    is_delivered_implied: bool = False
    is_failed_overridden: bool = False
    is_in_service_window: bool = False
    is_in_free_entry_point: bool = False
    has_clock_anomaly: bool = False
    market: str = "none"
    pricing_type: str | None = None
    is_billable: bool | None = None
    cost_amount: Decimal | None = None
    cost_amount_original: Decimal | None = None
    cost_currency_code: str | None = None
    billing_conversation_id: str | None = None
    is_conversation_priced: bool = False
    is_system: bool = False
    is_stop_word: bool = False
    is_start_word: bool = False
    quoted_id: str | None = None
    ad_id: str | None = None
    failures: tuple[tuple[datetime, str], ...] = field(default=())
    first_clicked_at: datetime | None = None
    agent_id: str = "none"
    pressed_at: datetime | None = None
    link_clicked_at: datetime | None = None
    has_button_link: bool = False
    is_form: bool = False
    opted_out_at: datetime | None = None
    reported_price: Decimal | None = None
    reported_currency: str | None = None
    bot_id: str = "none"
    conversation_key: str | None = None

    @property
    def is_activity(self) -> bool:
        """Tell whether a person wrote this (a number change is no message of theirs)."""
        return self.direction == "inbound" and not self.is_system

    @property
    def can_reply(self) -> bool:
        """Tell whether this inbound message can be a reply."""
        return self.is_activity and self.message_type != "reaction" and not self.is_stop_word

    @property
    def is_campaign(self) -> bool:
        """Tell whether this is a campaign's message."""
        has_campaign = self.campaign_id not in ("none", "unknown")
        return self.direction == "outbound" and (self.sender_type == "campaign" or has_campaign)


@dataclass
class Facts:
    """All messages of the channel, its people and its watermark."""

    messages: list[Message]
    people: People
    webhooks: Stream
    streams: tuple[Stream, ...]
    internal: set[str]
    anomalies: frozenset[Any]
    orders_watermark_at: datetime | None = None

    @property
    def watermark_at(self) -> datetime:
        """Return "now": the latest of the messages' streams' latest plausible events."""
        return max(s.watermark_at for s in self.streams if s.watermark_at)


def report_id(key: bytes, report: Report) -> str:
    """Name the message of a report: its webhooks' name where its id is a wamid."""
    if report.record_id.startswith("wamid."):
        return message_id("inbound" if report.is_inbound else "outbound", report.record_id)
    return keyed_hash(key, f"message:{report.record_id}")


def public_channel(key: bytes, channel_id: str) -> str:
    """Hash a channel id that is itself a telephone number."""
    text = channel_id.removeprefix("whatsapp:").replace(" ", "")
    is_number = text.startswith("+") and text[1:].isdigit()
    return keyed_hash(key, f"channel_phone:{text}") if is_number else channel_id


def message_id(direction: str, wamid: str) -> str:
    """Hash a WhatsApp message id."""
    return hashlib.sha256(f"whatsapp:{direction}:{wamid}".encode()).hexdigest()[:32]


def build_messages(exports: Exports, key: bytes, settings: Mapping[str, Any]) -> Facts:
    """Fold the exports into messages; costs are added elsewhere."""
    gap = timedelta(days=settings["clock_gap_days"])
    webhook_events: list[Inbound | Echo | Status | Preference] = [
        *exports.inbound,
        *exports.echoes,
        *exports.statuses,
        *exports.preferences,
    ]
    webhooks = judge_stream(((e, e.at, e.received_at) for e in webhook_events), gap)
    sends = judge_stream(((s, s.requested_at, s.requested_at) for s in exports.sends), gap)
    told = [
        judge_stream(((r, r.at, None) for r in exports.reports if r.stream == name), gap)
        for name in ("messages", "message_reports", "chatwoot_messages")
    ]
    named = {name: [n for n in exports.named if n.stream == name] for name in exports.tables}
    others = [judge_stream(_dated(rows), gap) for rows in named.values()]
    undated = frozenset(n for n in exports.named if n.at == datetime.max)
    wrong = frozenset().union(undated, *(s.anomalies for s in (webhooks, sends, *told, *others)))
    shops = order_clock(exports, gap)
    wrong |= shops.anomalies
    people = People(
        exports.sightings, key, settings["identity_max_links"], wrong, exports.departures
    )
    internal_identifiers = [
        found
        for row in exports.reference["internal_contacts"]
        for column, text in row.items()
        if text and (found := identifier(KINDS.get(column, "phone"), text))
    ]
    test_numbers = [("phone", number) for number in DASHBOARD_TEST_NUMBERS]
    internal = people.holding([*internal_identifiers, *test_numbers])
    people.without(test_numbers)
    seeds = Seeds(exports)
    messages = _inbound_messages(exports, people, seeds, key, wrong)
    messages += _outbound_messages(exports, people, seeds, key, wrong)
    messages = [m for m in messages if m.contact_id not in internal]
    _find_replies(messages, timedelta(hours=settings["response_window_hours"]))
    streams = (webhooks, sends, *told)
    return Facts(messages, people, webhooks, streams, internal, wrong, shops.watermark_at)


def _dated(rows: list[Named]) -> list[tuple[Named, datetime, None]]:
    return [(n, n.at, None) for n in rows if n.at != datetime.max]


class Seeds:
    """The closed lists that name errors, categories, markets and STOP words."""

    def __init__(self, exports: Exports) -> None:
        reference = exports.reference
        self.error_class = {r["error_code"]: r["error_class"] for r in reference["error_classes"]}
        self.category = {
            r["category_reported"]: r["category"] for r in reference["message_categories"]
        }
        self.market = {r["prefix"]: r["market"] for r in reference["market_prefixes"]}
        self.country = {r["prefix"]: r["country_code"] for r in reference["market_prefixes"]}
        self.market_of_country = {
            r["country_code"]: r["market"] for r in reference["market_prefixes"]
        }
        self.stop_words, self.start_words = (
            {normal_words(r["word"]) for r in reference["stop_words"] if r["event"] == event}
            for event in ("opt_out", "opt_in")
        )
        self.template_category: dict[tuple[str, str | None], str | None] = {
            name: self.known_category(c) for name, c in exports.template_categories.items()
        }

    def known_category(self, reported: str | None) -> str | None:
        """Return our name of a reported category."""
        return self.category.get(reported.lower(), reported.lower()) if reported else None

    def known_country(self, code: str) -> str | None:
        """Return the country of a BSUID, if there is such a one."""
        return code if code in self.market_of_country else None

    def prefix(self, digits: str) -> str | None:
        """Return the longest known prefix of a number."""
        found = [digits[:n] for n in range(len(digits), 0, -1) if digits[:n] in self.market]
        return found[0] if found else None

    def market_of(self, who: Iterable[tuple[str, str]]) -> str:
        """Return the market of a recipient: by number, else by the BSUID's country."""
        known = [i for kind, text in who if (i := identifier(kind, text))]
        for kind, value in known:
            if kind == "phone" and (prefix := self.prefix(value)):
                return self.market[prefix]
        for kind, value in known:
            if kind == "bsuid" and value[:2] in self.market_of_country:
                return self.market_of_country[value[:2]]
        return "unknown"


def _inbound_messages(
    exports: Exports, people: People, seeds: Seeds, key: bytes, wrong: frozenset[Any]
) -> list[Message]:
    found: dict[str, Message] = {}
    for row in exports.inbound:
        found.setdefault(
            row.wamid,
            Message(
                message_id("inbound", row.wamid),
                "inbound",
                row.channel_id,
                row.at,
                contact_id=people.contact_of(row.who) or "unknown",
                message_type=row.message_type,
                has_clock_anomaly=row in wrong,
                is_system=row.message_type == "system",
                is_stop_word=any(len(w) <= 40 and w in seeds.stop_words for w in row.words),
                is_start_word=any(len(w) <= 40 and w in seeds.start_words for w in row.words),
                quoted_id=message_id("outbound", row.quoted_wamid) if row.quoted_wamid else None,
                ad_id=row.ad_id,
                is_form=row.is_form,
            ),
        )
    known = {message.message_id for message in found.values()}
    by_id = {message.message_id: message for message in found.values()}
    for report in exports.reports:
        name = report_id(key, report)
        if report.is_inbound and name in by_id:
            by_id[name].conversation_key = by_id[name].conversation_key or report.conversation_key
        if report.is_inbound and name not in known:
            known.add(name)
            by_id[name] = found[name] = Message(
                name,
                "inbound",
                public_channel(key, report.channel_id),
                report.at,
                contact_id=people.contact_of(report.who) or "unknown",
                message_type=report.message_type or "unknown",
                has_clock_anomaly=report in wrong,
                conversation_key=report.conversation_key,
            )
    return list(found.values())


@dataclass
class _Outbound:
    """All records of one outbound message."""

    statuses: list[Status] = field(default_factory=list)
    send: Send | None = None
    echo: Echo | None = None
    report: Report | None = None


def _send_key(key: bytes, send: Send) -> str:
    stamp = send.requested_at.isoformat(timespec="milliseconds") + "Z"
    parts = (stamp, send.channel_id, send.recipient_text, send.template_name)
    return keyed_hash(key, "message:" + "|".join(["send", *(p for p in parts if p)]))


def _outbound_messages(
    exports: Exports, people: People, seeds: Seeds, key: bytes, wrong: frozenset[Any]
) -> list[Message]:
    records: dict[str, _Outbound] = defaultdict(_Outbound)
    for status in exports.statuses:
        records[message_id("outbound", status.wamid)].statuses.append(status)
    for send in exports.sends:
        name = message_id("outbound", send.wamid) if send.wamid else _send_key(key, send)
        records[name].send = send
    for echo in exports.echoes:
        record = records[message_id("outbound", echo.wamid)]
        if record.send is None:
            record.echo = echo
    for report in exports.reports:
        if not report.is_inbound:
            records[report_id(key, report)].report = report
    folded = [_fold(name, record, people, seeds, wrong) for name, record in records.items()]
    for message in folded:
        message.channel_id = public_channel(key, message.channel_id)
    return folded


def _first(statuses: list[Status], *names: str) -> datetime | None:
    return min((s.at for s in statuses if s.name in names), default=None)


def _earliest(*times: datetime | None) -> datetime | None:
    return min((t for t in times if t is not None), default=None)


def _fold(
    name: str, record: _Outbound, people: People, seeds: Seeds, wrong: frozenset[Any]
) -> Message:
    statuses, send, echo, report = record.statuses, record.send, record.echo, record.report
    read_at = _earliest(_first(statuses, *READ), report.read_at if report else None)
    reported_delivered_at = _earliest(
        _first(statuses, "delivered"), report.delivered_at if report else None
    )
    delivered_at = _earliest(reported_delivered_at, read_at)
    sent_at = _earliest(
        _first(statuses, "sent"),
        delivered_at,
        echo.at if echo else None,
        report.at if report and (delivered_at or not report.failed_at) else None,
    )
    failures = [(s.at, s.error_code or "") for s in statuses if s.name == "failed"]
    if report and report.failed_at:
        failures.append((report.failed_at, report.error_code or ""))
    if send and send.error_code:
        failures.append((send.requested_at, send.error_code))
    failures.sort()
    failed_at = failures[0][0] if failures and delivered_at is None else None
    attempted_at = send.requested_at if send else None
    if report:
        attempted_at = _earliest(attempted_at, report.at)
    any_status_at = min((s.at for s in statuses), default=None)
    message_at = _earliest(attempted_at, sent_at, failed_at) or any_status_at
    if message_at is None and report:
        message_at = report.at
    assert message_at is not None
    everybody = [pair for row in (send, *statuses, echo, report) if row for pair in row.who]
    is_group = any(s.is_group for s in statuses) or bool(send and send.is_group)
    channel = send or echo or (statuses[0] if statuses else report)
    assert channel is not None
    pricing, conversation_id = _pricing(statuses)
    category = _category(record, pricing, seeds)
    template_name, template_language = _template(record, category)
    error_code = (failures[0][1] if failed_at else "") or None
    return Message(
        name,
        "outbound",
        channel.channel_id,
        message_at,
        contact_id="none" if is_group else people.contact_of(everybody) or "unknown",
        message_type=next((r.message_type for r in (send, echo, report) if r), None) or "unknown",
        sender_type=_sender_type(record, category),
        category=category,
        template_name=template_name,
        template_language=template_language,
        campaign_id=next((r.campaign_id for r in (send, report) if r and r.campaign_id), "none"),
        variant=next((r.variant for r in (send, report) if r and r.variant), "none"),
        attempted_at=attempted_at,
        sent_at=sent_at,
        delivered_at=delivered_at,
        read_at=read_at,
        failed_at=failed_at,
        error_code=error_code,
        error_class=seeds.error_class.get(error_code, "other") if error_code else None,
        is_delivered_implied=delivered_at != reported_delivered_at,
        is_failed_overridden=bool(failures) and delivered_at is not None,
        has_clock_anomaly=any(row in wrong for row in (send, *statuses, echo, report) if row),
        market=seeds.market_of(everybody),
        pricing_type=_pricing_type(pricing),
        is_billable=pricing.get("billable")
        if pricing or not report or report.price is None
        else report.price > 0,
        billing_conversation_id=conversation_id,
        is_conversation_priced=pricing.get("pricing_model") == "CBP",
        failures=tuple(failures),
        agent_id=_agent(record, _sender_type(record, category)),
        pressed_at=report.button_clicked_at if report else None,
        link_clicked_at=report.link_clicked_at if report else None,
        has_button_link=bool(send and send.has_button_link),
        opted_out_at=report.opted_out_at if report else None,
        reported_price=report.price if report else None,
        reported_currency=report.currency_code if report else None,
        bot_id=(send and send.bot_id)
        or (report and report.bot_id)
        or ("unknown" if _sender_type(record, category) == "bot" else "none"),
        conversation_key=report.conversation_key if report else None,
    )


def _agent(record: _Outbound, sender_type: str) -> str:
    """Return who wrote it: what was typed in the app names nobody."""
    if record.echo:
        return "unknown"
    if record.send and record.send.agent_id:
        return f"whatsapp:{record.send.agent_id}"
    report = record.report
    if report and report.agent_id:
        return f"{report.vendor}:{report.agent_id}"
    return "unknown" if sender_type == "agent" else "none"


def _pricing(statuses: list[Status]) -> tuple[dict[str, Any], str | None]:
    """Return the pricing of the delivered status, else of another, else of the failed one."""
    by_rank = sorted(statuses, key=lambda s: (PRICING_ORDER.get(s.name, 1), s.at))
    pricing: dict[str, Any] = next((json.loads(s.pricing) for s in by_rank if s.pricing), {})
    conversation = (s.billing_conversation_id for s in by_rank if s.billing_conversation_id)
    return pricing, next(conversation, None)


def _pricing_type(pricing: dict[str, Any]) -> str | None:
    if not pricing:
        return None
    if pricing.get("type"):
        return str(pricing["type"])
    if pricing.get("category") == "referral_conversion":
        return "free_entry_point"
    return "regular" if pricing.get("billable") else "free_customer_service"


def _category(record: _Outbound, pricing: dict[str, Any], seeds: Seeds) -> str:
    send, report = record.send, record.report
    if found := seeds.known_category(pricing.get("category")):
        return found
    if report and (found := seeds.known_category(report.category)):
        return found
    if report and report.template_name and not send:
        return seeds.template_category.get((report.template_name, None)) or "unknown"
    if send and send.template_name:
        return (
            seeds.template_category.get((send.template_name, send.template_language)) or "unknown"
        )
    is_free_form = send or record.echo or (report and report.is_free_form)
    return "service" if is_free_form else "unknown"


def _template(record: _Outbound, category: str) -> tuple[str, str]:
    if record.send:
        send = record.send
        if send.template_name is None:
            return "none", "none"
        return send.template_name, send.template_language or "unknown"
    if record.report and record.report.template_name:
        return record.report.template_name, record.report.template_language or "unknown"
    if record.report and record.report.is_free_form:
        return "none", "none"
    is_free_form = record.echo is not None or category in SERVICE_CATEGORIES
    return ("none", "none") if is_free_form else ("unknown", "unknown")


def _sender_type(record: _Outbound, category: str) -> str:
    if record.echo:
        return "agent"
    if record.send and record.send.sender_type:
        return record.send.sender_type
    report = record.report
    if report and report.sender_type:
        return report.sender_type
    has_campaign = any(r.campaign_id for r in (record.send, report) if r)
    return "campaign" if has_campaign or category == "marketing" else "api"


def _find_replies(messages: list[Message], window: timedelta) -> None:
    """Set service windows, replies and inferred reads, thread by thread."""
    threads: dict[tuple[str, str], list[Message]] = defaultdict(list)
    quotes: dict[str, list[datetime]] = defaultdict(list)
    for message in messages:
        # A message whose clock is off has no place in a thread.
        if message.has_clock_anomaly:
            continue
        threads[message.contact_id, message.channel_id].append(message)
        if message.can_reply and message.quoted_id:
            quotes[message.quoted_id].append(message.message_at)
        if message.pressed_at:
            quotes[message.message_id].append(message.pressed_at)
    for (contact_id, _), thread in threads.items():
        _read_thread(thread, window, is_person=contact_id not in ("none", "unknown"))
    for message in messages:
        if message.direction == "outbound" and message.failed_at is None:
            if message.message_id in quotes and not message.has_clock_anomaly:
                message.first_replied_at = min(quotes[message.message_id])
            message.inferred_read_at = _earliest(message.read_at, message.first_replied_at)


def _read_thread(thread: list[Message], window: timedelta, is_person: bool) -> None:
    thread.sort(key=lambda m: (m.message_at, m.direction != "inbound", m.message_id))
    opened = [m.message_at for m in thread if m.is_activity]
    answers = [m.message_at for m in thread if m.can_reply]
    ours = [m for m in thread if m.direction == "outbound"]
    for message in ours:
        last = bisect_right(opened, message.message_at) - 1
        message.is_in_service_window = (
            is_person and last >= 0 and opened[last] >= message.message_at - SERVICE_WINDOW
        )
    made = [m for m in ours if m.failed_at is None]
    for place, message in enumerate(made):
        later = (m for m in made[place + 1 :] if m.is_campaign or not message.is_campaign)
        following = next(later, None)
        until = message.message_at + window
        if following is not None:
            until = min(until, following.message_at)
        first = bisect_right(answers, message.message_at)
        if is_person and first < len(answers) and answers[first] <= until:
            message.first_replied_at = answers[first]
    for ad in (m for m in thread if m.ad_id and m.is_activity and is_person):
        reply = next((m for m in made if m.message_at >= ad.message_at), None)
        if reply is None or reply.message_at > ad.message_at + SERVICE_WINDOW:
            continue
        until = reply.message_at + FREE_ENTRY_POINT
        for message in ours:
            if reply.message_at <= message.message_at <= until:
                message.is_in_free_entry_point = True
