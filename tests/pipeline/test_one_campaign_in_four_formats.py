"""One campaign, told by webhooks and the send log, by Connectly, by Kaleyra and by Twilio.

Each format is rendered from one truth. Wherever a format carries what a column of `kpi_campaigns`
needs, the column is the same; where it doesn't, the column is NULL, never 0, and the coverage says
which source lacks what.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, records
from tests.pipeline.payloads import (
    SENDS,
    START,
    WEBHOOKS,
    body,
    inbound,
    naive,
    seconds,
    send,
    status,
    write,
    write_csv,
)

MAPPINGS = Path("orchestration/mappings")
RECIPIENTS = 40
BUSINESS = "+491555000001"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What became of one recipient."""

    number: str
    sent_at: datetime
    failed: bool
    delivered_at: datetime | None
    read_at: datetime | None
    pressed_at: datetime | None
    clicked_at: datetime | None
    opted_out_at: datetime | None

    @property
    def wamid(self) -> str:
        return f"wamid.spring.{self.number}"


def _truth() -> list[Told]:
    people = []
    for n in range(RECIPIENTS):
        sent_at = START + timedelta(minutes=n)
        failed = n % 10 == 9
        delivered_at = None if failed or n % 13 == 12 else sent_at + timedelta(seconds=4)
        read_at = sent_at + timedelta(hours=1) if delivered_at and n % 3 else None
        people.append(
            Told(
                number=f"49155500{n:04d}",
                sent_at=sent_at,
                failed=failed,
                delivered_at=delivered_at,
                read_at=read_at,
                pressed_at=sent_at + timedelta(hours=2) if read_at and n % 4 == 0 else None,
                clicked_at=sent_at + timedelta(hours=3) if delivered_at and n % 5 == 0 else None,
                opted_out_at=sent_at + timedelta(hours=4) if read_at and n % 8 == 1 else None,
            )
        )
    return people


TRUTH = _truth()


def _webhooks(raw_dir: Path) -> None:
    """Webhooks and send log, tracked links, and the native opt-out."""
    bodies: list[Any] = []
    for person in TRUTH:
        to = person.number
        if person.failed:
            bodies.append(status(person.wamid, "failed", person.sent_at, to, error=131026))
        else:
            bodies.append(status(person.wamid, "sent", person.sent_at, to))
        if person.delivered_at:
            bodies.append(status(person.wamid, "delivered", person.delivered_at, to))
        if person.read_at:
            bodies.append(status(person.wamid, "read", person.read_at, to))
        if person.pressed_at:
            bodies.append(inbound(f"{person.wamid}.in", person.pressed_at, to, text="Yes"))
        if person.opted_out_at:
            preference = {
                "wa_id": to,
                "detail": "User requested to stop marketing messages",
                "category": "marketing_messages",
                "value": "stop",
                "timestamp": seconds(person.opted_out_at),
            }
            bodies.append(body({"user_preferences": [preference]}, field="user_preferences"))
    write(raw_dir, WEBHOOKS, "w.jsonl", bodies)
    sends = [
        send(p.wamid, p.sent_at, p.number, template="hello", campaign_id="spring") for p in TRUTH
    ]
    write(raw_dir, SENDS, "s.jsonl", sends)
    _csv(
        raw_dir,
        "clicks/links",
        [{"url": _url(p), "campaign_id": "spring", "phone": p.number} for p in TRUTH],
    )
    _csv(
        raw_dir,
        "clicks/short_io",
        [{"link": _url(p), "time": _iso(p.clicked_at), "human": "yes"} for p in _clickers()],
    )


def _connectly(raw_dir: Path) -> None:
    rows = [
        {
            "customer_external_id": f"+{p.number}",
            "business_id": BUSINESS,
            "campaign_name": "spring",
            "sendout_id": "sendout-1",
            "sent_at": _iso(p.sent_at),
            "delivered_at": _iso(p.delivered_at),
            "read_at": _iso(p.read_at),
            "opt_out_at": _iso(p.opted_out_at),
            "error_code": "131026" if p.failed else "",
            "error_msg": "Message undeliverable" if p.failed else "",
            "button_clicks": _clicks_list(p.pressed_at),
            "link_clicks": _clicks_list(p.clicked_at),
        }
        for p in TRUTH
    ]
    _mapped(raw_dir, "connectly", rows)


def _kaleyra(raw_dir: Path) -> None:
    rows = [_kaleyra_row(p.wamid, BUSINESS, p.number, "Outgoing", p.sent_at, p) for p in TRUTH]
    rows += [
        _kaleyra_row(f"{p.wamid}.in", p.number, BUSINESS, "Incoming", p.pressed_at, None)
        for p in TRUTH
        if p.pressed_at
    ]
    _mapped(raw_dir, "kaleyra", rows)


def _kaleyra_row(
    key: str, sender: str, to: str, direction: str, sent_at: datetime, told: Told | None
) -> Row:
    failed = told is not None and told.failed
    return {
        "WABA ID": "1022",
        # Not a wamid: Kaleyra's own id.
        "WHATSAPP_ID": key.removeprefix("wamid."),
        "FROM": sender,
        "TO": to,
        "MESSAGE_DIRECTION": direction,
        "SOURCE": "api",
        "FORMAT": "template",
        "REASON_FOR_FAILURE": "131026" if failed else "",
        "COUNTRY": "DE",
        "TEMPLATE_NAME": "hello",
        "CREATED_AT": _iso(sent_at),
        "FAILED_AT": _iso(sent_at) if failed else "",
        "SENT_AT": "" if failed else _iso(sent_at),
        "DELIVERED_AT": _iso(told.delivered_at) if told else "",
        "READ_AT": _iso(told.read_at) if told else "",
    }


def _twilio(raw_dir: Path) -> None:
    rows = [
        _twilio_row(p.wamid, BUSINESS, p.number, "outbound-api", _last_status(p), p.sent_at)
        for p in TRUTH
    ]
    rows += [
        _twilio_row(f"{p.wamid}.in", p.number, BUSINESS, "inbound", "received", p.pressed_at)
        for p in TRUTH
        if p.pressed_at
    ]
    _mapped(raw_dir, "twilio", rows)


def _twilio_row(
    key: str, sender: str, to: str, direction: str, last_status: str, sent_at: datetime
) -> Row:
    return {
        "From": f"whatsapp:+{sender.removeprefix('+')}",
        "To": f"whatsapp:+{to.removeprefix('+')}",
        "Body": "hello",
        "Status": last_status,
        "SentDate": _iso(sent_at),
        "ApiVersion": "2010-04-01",
        "NumSegments": "1",
        "ErrorCode": "63024" if last_status == "undelivered" else "0",
        "AccountSid": "AC1",
        "Sid": f"SM{key}",
        "Direction": direction,
        "Price": "-0.005" if direction != "inbound" else "",
        "PriceUnit": "USD",
    }


def _last_status(person: Told) -> str:
    if person.failed:
        return "undelivered"
    if person.read_at:
        return "read"
    return "delivered" if person.delivered_at else "sent"


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else naive(moment).isoformat(sep=" ")


def _url(person: Told) -> str:
    return f"https://go.example/{person.number[-4:]}"


def _clickers() -> Iterable[Told]:
    return (person for person in TRUTH if person.clicked_at)


def _clicks_list(moment: datetime | None) -> str:
    if moment is None:
        return "[]"
    later = moment + timedelta(minutes=5)
    clicks = [{"id": "2", "name": "Yes", "ts": _iso(later)}]
    return json.dumps([*clicks, {"id": "1", "name": "Yes", "ts": _iso(moment)}])


def _csv(raw_dir: Path, stream: str, rows: list[Row]) -> None:
    path = write_csv(raw_dir, stream, "export.csv", "")
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _mapped(raw_dir: Path, vendor: str, rows: list[Row]) -> None:
    stream = f"mapped/{vendor}/message_reports"
    _csv(raw_dir, stream, rows)
    mapping = raw_dir / stream / "mapping.yml"
    shutil.copy(MAPPINGS / vendor / "message_reports.yml", mapping)
    if vendor != "connectly":
        # Neither knows of campaigns: whoever exports one campaign names it.
        text = mapping.read_text()
        if "\nconstants:\n" in text:
            text = text.replace("\nconstants:\n", "\nconstants:\n  campaign_id: spring\n")
        else:
            text += "\nconstants:\n  campaign_id: spring\n"
        mapping.write_text(text)


def _connectly_and_twilio(raw_dir: Path) -> None:
    _connectly(raw_dir)
    _twilio(raw_dir)
    for path in (raw_dir / "mapped/twilio").rglob("export.csv"):
        path.write_text(path.read_text().replace(BUSINESS.removeprefix("+"), "491555000002"))


FORMATS: dict[str, Callable[[Path], None]] = {
    "webhooks": _webhooks,
    "connectly": _connectly,
    "kaleyra": _kaleyra,
    "twilio": _twilio,
}
COUNTED = (
    "recipients_targeted",
    "recipients_attempted",
    "recipients_sent",
    "recipients_delivered",
    "recipients_read",
    "recipients_replied",
    "delivery_rate",
    "read_rate",
    "response_rate",
    "first_sent_on",
    "last_sent_on",
)
CLICKS = ("recipients_clicked", "click_through_rate", "clicks_total", "click_to_read_rate")
OPT_OUTS = ("recipients_opted_out", "opt_out_rate")
ENGAGED = ("recipients_engaged", "engagement_rate", "recipients_read_inferred")


@pytest.fixture(scope="module")
def databases(make_once: MakeOnce) -> dict[str, Path]:
    """Build each format; `both` is Connectly and Twilio, each on a channel."""

    def make(folder: Path) -> None:
        for name, render in renderers.items():
            render(folder / name / "raw")
            build(folder / name / "raw", folder / name / "warehouse")

    renderers = {**FORMATS, "both": _connectly_and_twilio}
    folder = make_once("four_formats", make)
    return {name: folder / name / "warehouse" / "build.duckdb" for name in renderers}


@pytest.fixture(scope="module")
def rows(databases: dict[str, Path]) -> dict[str, Row]:
    """Return the row of `kpi_campaigns` that each format gives."""
    found = {}
    for name in FORMATS:
        sql = "from marts.kpi_campaigns where campaign_id = 'spring'"
        [found[name]] = records(databases[name], sql)
    return found


@pytest.fixture(scope="module")
def coverage(databases: dict[str, Path]) -> dict[str, dict[str, tuple[str, str, str]]]:
    """Return per format and KPI its status, the missing streams, and which source lacks what."""
    sql = "from meta.kpi_coverage"
    return {
        name: {
            row["kpi"]: (row["status"], row["missing_streams"], row["sources_without"])
            for row in records(db, sql)
        }
        for name, db in databases.items()
    }


def test_the_truth_has_every_case() -> None:
    for case in ("delivered_at", "read_at", "pressed_at", "clicked_at", "opted_out_at"):
        told = [getattr(person, case) for person in TRUTH]
        assert 0 < sum(moment is not None for moment in told) < RECIPIENTS, case


def test_webhooks_give_the_truth(rows: dict[str, Row]) -> None:
    row = rows["webhooks"]
    delivered = [p for p in TRUTH if p.delivered_at]
    assert row["recipients_attempted"] == RECIPIENTS
    assert row["recipients_sent"] == sum(not p.failed for p in TRUTH)
    assert row["recipients_delivered"] == len(delivered)
    assert row["recipients_read"] == sum(p.read_at is not None for p in TRUTH)
    assert row["recipients_replied"] == sum(p.pressed_at is not None for p in TRUTH)
    assert row["recipients_clicked"] == sum(p.clicked_at is not None for p in TRUTH)
    assert row["recipients_opted_out"] == sum(p.opted_out_at is not None for p in TRUTH)


@pytest.mark.parametrize("vendor", ["connectly", "kaleyra", "twilio"])
def test_a_vendors_report_gives_the_same_row(rows: dict[str, Row], vendor: str) -> None:
    columns = COUNTED
    if vendor == "connectly":
        columns = (*COUNTED, *CLICKS, *OPT_OUTS, *ENGAGED)
    ours, theirs = rows["webhooks"], rows[vendor]
    assert {c: theirs[c] for c in columns} == {c: ours[c] for c in columns}


@pytest.mark.parametrize("vendor", ["kaleyra", "twilio"])
def test_what_a_report_cannot_tell_is_null(rows: dict[str, Row], vendor: str) -> None:
    assert {c: rows[vendor][c] for c in (*CLICKS, *OPT_OUTS)} == dict.fromkeys((*CLICKS, *OPT_OUTS))


def test_only_a_report_with_prices_gives_costs(rows: dict[str, Row]) -> None:
    assert rows["connectly"]["message_cost_amount"] is None
    assert rows["kaleyra"]["message_cost_amount"] is None
    assert rows["twilio"]["message_cost_amount"] > 0


COMPUTABLE = ("computable", None, None)
CLICK_STREAMS = "clicks/short_io|generic/link_clicks|generic/message_reports"
OPT_OUT_STREAMS = "consent/events|generic/message_reports|whatsapp/webhooks"
REPLY_STREAMS = "generic/message_reports|generic/messages|whatsapp/webhooks"
PRICE_STREAMS = "generic/message_reports|whatsapp/webhooks"
FUNNEL_KPIS = ("delivery_rate", "read_rate", "failure_rate", "response_rate", "engagement_rate")


@pytest.mark.parametrize("name", FORMATS)
def test_what_each_format_carries_is_covered(
    coverage: dict[str, dict[str, Any]], name: str
) -> None:
    assert {kpi: coverage[name][kpi] for kpi in FUNNEL_KPIS} == dict.fromkeys(
        FUNNEL_KPIS, COMPUTABLE
    )


def test_connectly_covers_clicks_and_opt_outs_but_neither_costs_nor_incoming_messages(
    coverage: dict[str, dict[str, Any]],
) -> None:
    told = coverage["connectly"]
    assert told["click_through_rate"] == told["opt_out_rate"] == told["opt_outs"] == COMPUTABLE
    assert told["message_cost_amount"] == ("not", PRICE_STREAMS, "connectly: prices")
    assert told["cost_per_recipient"] == ("partial", PRICE_STREAMS, "connectly: prices")
    streams = f"chatwoot/messages|{REPLY_STREAMS}"
    assert told["messages_received"] == ("not", streams, "connectly: received")


@pytest.mark.parametrize("vendor", ["kaleyra", "twilio"])
def test_a_report_without_clicks_and_opt_outs_covers_neither(
    coverage: dict[str, dict[str, Any]], vendor: str
) -> None:
    told = coverage[vendor]
    for kpi in ("click_through_rate", "click_to_read_rate"):
        assert told[kpi] == ("partial", CLICK_STREAMS, f"{vendor}: clicks")
    assert told["opt_out_rate"] == ("partial", OPT_OUT_STREAMS, f"{vendor}: opt_outs")
    assert told["opt_outs"] == ("not", OPT_OUT_STREAMS, f"{vendor}: opt_outs")
    assert told["messages_received"] == COMPUTABLE


def test_of_reports_only_twilios_log_covers_costs(coverage: dict[str, dict[str, Any]]) -> None:
    costs = {vendor: coverage[vendor]["message_cost_amount"] for vendor in ("kaleyra", "twilio")}
    assert costs == {"kaleyra": ("not", PRICE_STREAMS, "kaleyra: prices"), "twilio": COMPUTABLE}


def test_what_one_of_two_vendors_carries_is_covered_in_part(
    coverage: dict[str, dict[str, Any]],
) -> None:
    told = coverage["both"]
    assert told["read_rate"] == COMPUTABLE
    assert told["opt_outs"] == ("partial", OPT_OUT_STREAMS, "twilio: opt_outs")
    assert told["message_cost_amount"] == ("partial", PRICE_STREAMS, "connectly: prices")
    assert told["click_through_rate"] == ("partial", CLICK_STREAMS, "twilio: clicks")


def test_where_a_kpi_is_covered_its_campaign_has_the_number(
    rows: dict[str, Row], coverage: dict[str, dict[str, Any]]
) -> None:
    for name, row in rows.items():
        for kpi in ("click_through_rate", "response_rate", "opt_out_rate", "read_rate"):
            assert (row[kpi] is not None) == (coverage[name][kpi] == COMPUTABLE), (name, kpi)
