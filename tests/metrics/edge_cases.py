"""A raw folder of edge cases that the demo lacks: every block names the rule it tests."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .exports import SEEDS

A, B = "200000000000001", "200000000000002"
SETTINGS: dict[str, Any] = {
    "reporting_timezone": "Europe/London",
    "reporting_currency": "GBP",
    "free_service_messages": 2,
    "gross_margin_rate": 0.4,
}

Json = dict[str, Any]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds(text: str) -> str:
    return str(int(utc(text).timestamp()))


def pmp(category: str, kind: str = "regular") -> Json:
    return {
        "billable": kind == "regular",
        "pricing_model": "PMP",
        "type": kind,
        "category": category,
    }


def cbp(category: str, billable: bool = True) -> Json:
    return {"billable": billable, "pricing_model": "CBP", "category": category}


class Raw:
    """Collects records and writes them as exports."""

    def __init__(self) -> None:
        self.webhooks: list[Json] = []
        self.sends: list[Json] = []

    def value(
        self, part: str, item: Json, channel: str, received_at: str | None = None, **more: Any
    ) -> None:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "1", "phone_number_id": channel},
            part: [item],
            **more,
        }
        field = {"message_echoes": "smb_message_echoes", "user_preferences": "user_preferences"}
        change = {"field": field.get(part, "messages"), "value": value}
        body: Json = {
            "object": "whatsapp_business_account",
            "entry": [{"id": "1", "changes": [change]}],
        }
        self.webhooks.append(
            body if received_at is None else {"received_at": received_at, "body": body}
        )

    def inbound(
        self,
        wamid: str,
        at: str,
        phone: str | None = None,
        user: str | None = None,
        *,
        channel: str = A,
        text: str | None = "hello there",
        quote: str | None = None,
        received_at: str | None = None,
        **more: Any,
    ) -> None:
        item: Json = {"id": wamid, "timestamp": seconds(at), "type": "text", **more}
        if phone:
            item["from"] = phone
        if user:
            item["from_user_id"] = user
        if item["type"] == "text":
            item["text"] = {"body": text}
        if quote:
            item["context"] = {"from": "1", "id": quote}
        self.value("messages", item, channel, received_at)

    def status(
        self,
        wamid: str,
        name: str,
        at: str,
        phone: str | None = None,
        user: str | None = None,
        *,
        channel: str = A,
        pricing: Json | None = None,
        conversation: str | None = None,
        code: int | None = None,
        **more: Any,
    ) -> None:
        received_at = more.pop("received_at", None)
        item: Json = {"id": wamid, "status": name, "timestamp": seconds(at), **more}
        for key, found in (
            ("recipient_id", phone),
            ("recipient_user_id", user),
            ("pricing", pricing),
            ("conversation", conversation and {"id": conversation}),
            ("errors", code and [{"code": code, "title": "x"}]),
        ):
            if found:
                item[key] = found
        self.value("statuses", item, channel, received_at)

    def steps(self, wamid: str, at: str, *names: str, gap: int = 2, **more: Any) -> None:
        """Several statuses, `gap` seconds apart, the first one `gap` seconds after `at`."""
        for place, name in enumerate(names, 1):
            moment = utc(at) + timedelta(seconds=gap * place)
            self.status(wamid, name, moment.strftime("%Y-%m-%d %H:%M:%S"), **more)

    def send(
        self,
        wamid: str | None,
        at: str,
        to: str | None = None,
        *,
        user: str | None = None,
        channel: str = A,
        template: tuple[str, str] | None = None,
        error: int | None = None,
        wa_id: str | None = None,
        answer_user: str | None = None,
        **more: Any,
    ) -> None:
        request: Json = {"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}}
        if to:
            request["to"] = to
        if user:
            request["recipient"] = user
        if template:
            request["type"] = "template"
            request["template"] = {"name": template[0], "language": {"code": template[1]}}
        contact: Json = {"input": to or user}
        if wa_id:
            contact["wa_id"] = wa_id
        if user or answer_user:
            contact["user_id"] = answer_user or user
        response: Json = {"contacts": [contact]}
        if wamid:
            response["messages"] = [{"id": wamid}]
        if error:
            response = {"error": {"code": error, "message": "x"}}
        moment = utc(at)
        self.sends.append(
            {
                "requested_at": moment.strftime("%Y-%m-%dT%H:%M:%S.")
                + f"{moment.microsecond // 1000:03d}Z",
                "phone_number_id": channel,
                "http_status": 400 if error else 200,
                **more,
                "request": request,
                "response": response,
            }
        )

    def preference(self, at: str, value: str, channel: str = A, **who: str) -> None:
        item = {**who, "category": "marketing_messages", "value": value}
        self.value("user_preferences", {**item, "timestamp": int(seconds(at))}, channel)

    def echo(self, wamid: str, at: str, channel: str = A, **to: str) -> None:
        item = {"id": wamid, "timestamp": seconds(at), "type": "text", "text": {"body": "x"}}
        self.value("message_echoes", {**item, "from": "1", **to}, channel)

    def write(self, raw: Path) -> None:
        """Write webhooks in two files (one compressed, some lines twice) and the send log."""
        folder = raw / "whatsapp" / "webhooks" / "edge"
        folder.mkdir(parents=True)
        lines = [json.dumps(record) for record in self.webhooks]
        half = len(lines) // 2
        (folder / "b.jsonl").write_text("\n".join(reversed(lines[:half])) + "\n{not json\n")
        with gzip.open(folder / "a.jsonl.gz", "wt") as handle:
            handle.write("\n".join(lines[half - 20 :]) + "\n")
        sends = raw / "whatsapp" / "sends" / "edge"
        sends.mkdir(parents=True)
        (sends / "sends.jsonl").write_text("\n".join(json.dumps(r) for r in self.sends) + "\n")
        templates = raw / "whatsapp" / "templates" / "edge"
        templates.mkdir(parents=True)
        rows = (
            ("offer", "en", "MARKETING"),
            ("notice", "en", "UTILITY"),
            ("offer", "de", "UTILITY"),
        )
        (templates / "templates.jsonl").write_text(
            "".join(
                json.dumps(
                    {"name": n, "language": g, "category": c, "status": "APPROVED", "id": str(i)}
                )
                + "\n"
                for i, (n, g, c) in enumerate(rows)
            )
        )
        _write_reference(raw / "reference")


def _write_reference(folder: Path) -> None:
    internal = folder / "internal_contacts"
    internal.mkdir(parents=True, exist_ok=True)
    (internal / "internal.csv").write_text("phone\n'+44 7700 900999\n")
    with (SEEDS / "rate_card.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        if row["market"] == "Nigeria":
            row["currency_code"] = "XTS"
    # Tiers of two messages, half and a third of the price.
    kept = [r for r in rows if (r["market"], r["category"]) != ("United Kingdom", "utility")]
    for lower, upper, rate in (
        ("0", "2", "0.030001"),
        ("2", "3", "0.015001"),
        ("3", "", "0.010001"),
    ):
        kept.append(
            {
                "effective_from": "2025-07-01",
                "market": "United Kingdom",
                "category": "utility",
                "tier_lower": lower,
                "tier_upper": upper,
                "currency_code": "USD",
                "rate": rate,
            }
        )
    card = folder / "rate_card"
    card.mkdir()
    with (card / "card.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)


def phone(number: int) -> str:
    return f"447700900{500 + number}"


def build(raw: Path) -> None:
    """Write the edge cases below `raw`."""
    from .edge_exports import add_blocks

    made = Raw()
    for block in (
        _conversation_pricing,
        _entry_point,
        _ties,
        _replies,
        _windows,
        _two_numbers,
        _anomalies,
        _identity,
        _numbers,
        _groups,
        _money,
        _folding,
        _names,
        _opt_outs,
        _summer_time,
        _left_out,
    ):
        block(made)
    add_blocks(made, raw)
    made.write(raw)


def _conversation_pricing(raw: Raw) -> None:
    """Until 2025-06-30 a conversation was billed once, on its first delivered message."""
    for wamid, at, names in (
        ("cbp1", "2025-06-20 09:00:00", ("sent", "failed")),
        ("cbp2", "2025-06-20 10:00:00", ("sent", "delivered")),
        ("cbp3", "2025-06-20 10:05:00", ("sent", "delivered", "read")),
        ("cbp4", "2025-06-21 10:05:00", ("sent", "delivered")),
    ):
        gap = 3000 if wamid == "cbp2" else 2
        raw.steps(wamid, at, *names, gap=gap, phone=phone(1), pricing=cbp("marketing"),
                  conversation="c2" if wamid == "cbp4" else "c1")  # fmt: skip
    raw.steps("cbp5", "2025-06-22 10:00:00", "sent", "delivered", phone=phone(2),
              pricing=cbp("referral_conversion", False), conversation="c3")  # fmt: skip
    raw.steps("cbp6", "2025-06-22 10:00:00", "sent", "delivered", phone=phone(3),
              pricing=cbp("user_initiated"), conversation="c4")  # fmt: skip
    raw.steps("cbp7", "2025-06-22 11:00:00", "sent", "delivered", phone=phone(3),
              pricing=cbp("service", False), conversation="c4")  # fmt: skip
    raw.steps("cbp8", "2025-06-30 22:58:00", "sent", "delivered", phone=phone(4),
              pricing=cbp("utility"), conversation="c5")  # fmt: skip
    raw.steps("cbp9", "2025-06-30 23:30:00", "sent", "delivered", phone=phone(4),
              pricing=cbp("utility"), conversation="c5")  # fmt: skip
    raw.steps("cbp10", "2025-06-23 11:00:00", "sent", "delivered", phone=phone(3),
              pricing=cbp("authentication"))  # fmt: skip


def _entry_point(raw: Raw) -> None:
    """72 hours after our first answer to an ad's message, if it came within 24 hours."""
    ad: Json = {"referral": {"source_id": "120200000000000001", "source_type": "ad"}}
    free = pmp("referral_conversion", "free_entry_point")
    raw.inbound("fep-in", "2026-03-02 10:00:00", phone(10), **ad)
    for place, at in enumerate(
        ("2026-03-02 11:00:00", "2026-03-05 11:00:00", "2026-03-05 11:00:01"), 1
    ):
        raw.send(f"fep{place}", at, phone(10), template=("notice", "en"))
        raw.steps(f"fep{place}", at, "sent", "delivered", phone=phone(10),
                  pricing=free if place < 3 else pmp("utility"))  # fmt: skip
    raw.inbound("fep-late-in", "2026-03-10 10:00:00", phone(11), **ad)
    raw.send("fep4", "2026-03-11 10:00:01", phone(11), template=("notice", "en"))
    raw.steps("fep4", "2026-03-11 10:00:01", "sent", "delivered", phone=phone(11),
              pricing=pmp("utility"))  # fmt: skip


def _ties(raw: Raw) -> None:
    """In one second the customer's message comes before ours; milliseconds are kept."""
    raw.inbound("tie-in1", "2026-03-03 10:00:00", phone(12))
    raw.send("tie1", "2026-03-03 10:00:00.500", phone(12))
    raw.send("tie2", "2026-03-03 12:00:00.000", phone(12))
    raw.inbound("tie-in2", "2026-03-03 12:00:00", phone(12))
    raw.send("tie3", "2026-03-03 13:00:00.250", phone(12))
    raw.send("tie4", "2026-03-03 13:00:00.250", phone(12))
    raw.inbound("tie-in3", "2026-03-03 13:00:00", phone(12))
    raw.inbound("tie-in4", "2026-03-03 13:00:01", phone(12))
    for wamid in ("tie1", "tie2", "tie3"):
        raw.steps(wamid, "2026-03-03 13:10:00", "sent", "delivered", phone=phone(12),
                  pricing=pmp("service", "free_customer_service"))  # fmt: skip


def _replies(raw: Raw) -> None:
    """Quoted before positional; reactions, STOP and failed messages; campaign to campaign."""
    who = phone(13)
    campaign: Json = {"template": ("offer", "en"), "campaign_id": "spring"}
    raw.send("rep1", "2026-03-09 09:00:00.100", who, **campaign)
    raw.send("rep2", "2026-03-09 10:00:00", who, sender_type="agent", agent_id="a1")
    raw.send("rep3", "2026-03-09 11:00:00", who, **campaign, variant="B")
    raw.send("rep4", "2026-03-09 12:00:00", who, error=131026, **campaign)
    raw.inbound("rep-in1", "2026-03-09 10:30:00", who, type="reaction",
                reaction={"message_id": "rep1", "emoji": "x"})  # fmt: skip
    raw.inbound("rep-in2", "2026-03-09 10:40:00", who, text="  STOP! ")
    raw.inbound("rep-in3", "2026-03-09 10:50:00", who, text="please stop writing to me")
    raw.inbound("rep-in4", "2026-03-09 12:30:00", who)
    raw.inbound("rep-in5", "2026-03-20 10:00:00", who, quote="rep3")
    raw.inbound("rep-in6", "2026-03-20 11:00:00", who, quote="rep3")
    raw.inbound("rep-in7", "2026-03-20 12:00:00", who, quote="not ours")
    for wamid in ("rep1", "rep2", "rep3"):
        raw.steps(wamid, "2026-03-09 12:00:00", "delivered", phone=who, pricing=pmp("marketing"))
    raw.send("rep5", "2026-03-30 10:00:00", who)
    raw.inbound("rep-in8", "2026-03-30 10:10:00", who, text=None, type="interactive",
                interactive={"type": "button_reply", "button_reply": {"id": "1", "title": "Opt-out"}})  # fmt: skip
    raw.send("rep6", "2026-04-01 10:00:00", who)
    raw.steps("rep6", "2026-04-01 10:00:00", "failed", phone=who, code=131047)
    raw.inbound("rep-in9", "2026-04-01 11:00:00", who, quote="rep6")
    raw.inbound("rep-in10", "2026-04-02 09:59:00", who, text=None, type="button",
                button={"payload": "STOP", "text": "No more"}, quote="rep5")  # fmt: skip


def _windows(raw: Raw) -> None:
    """Both ends belong to a window: 24 hours of service, 72 hours for a reply."""
    for place, late in enumerate((0, 1)):
        who = phone(20 + place)
        raw.inbound(f"win-in{place}", "2026-04-01 10:00:00", who)
        raw.send(f"win{place}", f"2026-04-02 10:00:00.{'000' if late == 0 else '001'}", who)
        raw.inbound(f"win-re{place}", f"2026-04-05 10:00:0{late}", who)
    raw.inbound("win-re2", "2026-04-06 10:00:00", phone(22), type="reaction",
                reaction={"message_id": "win0", "emoji": "x"})  # fmt: skip
    raw.send("win2", "2026-04-06 20:00:00", phone(22))


def _two_numbers(raw: Raw) -> None:
    """A window, a reply and being new belong to one business number."""
    who = phone(30)
    raw.inbound("two-in1", "2026-04-10 10:00:00", who, channel=A)
    raw.send("two1", "2026-04-10 11:00:00", who, channel=B)
    raw.inbound("two-in2", "2026-04-10 12:00:00", who, channel=A)
    raw.inbound("two-in3", "2026-04-20 12:00:00", who, channel=B)
    raw.inbound("two-in4", "2026-04-20 12:00:00", who, channel=B)


def _anomalies(raw: Raw) -> None:
    """Flagged events stay in the facts, out of the marts, and move no watermark."""
    raw.status("odd1", "sent", "2099-01-01 00:00:00", phone(31), pricing=pmp("marketing"))
    raw.inbound("odd2", "1970-01-05 00:00:00", phone(32))
    raw.inbound("odd3", "2026-05-03 12:00:01", phone(33), received_at="2026-05-02T12:00:00Z")
    raw.inbound("odd4", "2026-05-03 12:00:00", phone(34), received_at="2026-05-02T12:00:00Z")
    raw.send("odd5", "2026-05-03 13:00:00", phone(33))
    raw.inbound("odd7", "2026-05-03 14:00:00", phone(33))
    raw.send("odd6", "2098-05-03 13:00:00", phone(35), template=("offer", "en"))
    raw.send("odd8", "2026-05-04 13:00:00", phone(36), template=("offer", "en"))
    raw.steps("odd8", "2026-05-04 13:00:00", "sent", "delivered", phone=phone(36),
              pricing=pmp("marketing"))  # fmt: skip
    raw.status("odd8", "read", "2026-06-04 13:00:00", phone(36), received_at="2026-05-04T13:01:00Z")


def _identity(raw: Raw) -> None:
    """Identifiers seen together are one person, whenever it becomes known."""
    raw.inbound("id1", "2026-05-10 10:00:00", user="GB.1111")
    raw.inbound("id2", "2026-05-11 10:00:00", phone(40))
    raw.send("id3", "2026-05-11 11:00:00.5", user="GB.1111")
    raw.inbound("id4", "2026-05-12 10:00:00", phone(40), "GB.1111")
    raw.inbound("id5", "2026-05-13 10:00:00", phone(41), type="system",
                system={"type": "user_changed_number", "wa_id": phone(42), "body": "x"})  # fmt: skip
    raw.inbound("id6", "2026-05-09 10:00:00", phone(42))
    raw.inbound("id7", "2026-05-14 10:00:00", phone(42))
    # A shop's phone, linked with more people than identity_max_links, merges nobody.
    for place in range(6):
        raw.status(f"hub{place}", "sent", f"2026-05-15 10:00:0{place}", phone(43), f"GB.22{place}")
        raw.inbound(f"hub-in{place}", f"2026-05-16 10:00:0{place}", user=f"GB.22{place}")
    for place in range(5):
        raw.inbound(f"nohub{place}", f"2026-05-17 10:00:0{place}", phone(44), f"GB.33{place}")
    # At one time: wa_id before BSUID before phone.
    raw.send("id8", "2026-05-18 10:00:00", phone(45), answer_user="GB.4444")
    raw.send("id9", "2026-05-18 10:00:00", phone(46), wa_id=phone(46), answer_user="GB.5555")
    raw.inbound("id10", "2026-05-18 11:00:00", "a.name")
    raw.status("id11", "sent", "2026-05-18 12:00:00")


def _numbers(raw: Raw) -> None:
    """One person, whichever way the number is written."""
    raw.send("num1", "2026-05-20 10:00:00", "+55 (31) 98888-8888", wa_id="553188888888")
    raw.inbound("num2", "2026-05-20 11:00:00", "5531988888888")
    raw.send("num3", "2026-05-20 10:00:00", "'+525512345678")
    raw.inbound("num4", "2026-05-20 11:00:00", "5215512345678")
    raw.send("num5", "2026-05-20 10:00:00", "whatsapp:+541123456789")
    raw.inbound("num6", "2026-05-20 11:00:00", "5491123456789")
    raw.send("num7", "2026-05-20 10:00:00", "0044 7700 900 550", template=("notice", "en"))
    raw.inbound("num8", "2026-05-20 11:00:00", phone(50))


def _groups(raw: Raw) -> None:
    """A group is no person; who writes in it is."""
    group: Json = {"recipient_type": "group"}
    raw.inbound("grp1", "2026-05-21 10:00:00", phone(51), group_id="120363@g.us")
    raw.status("grp2", "sent", "2026-05-21 10:30:00", "120363@g.us", **group)
    for place in (51, 52):
        raw.status("grp2", "delivered", f"2026-05-21 10:30:{place}", "120363@g.us",
                   pricing=pmp("group_utility"), recipient_participant_id=phone(place), **group)  # fmt: skip
    raw.inbound("grp3", "2026-05-21 11:00:00", phone(51))


def _money(raw: Raw) -> None:
    """No rate, no exchange rate, no market: NULL. Tiers and free messages by position."""
    deliver = ("sent", "delivered")
    raw.steps("fx1", "2026-06-01 10:00:00", *deliver, phone="2348030000000",
              pricing=pmp("marketing"))  # fmt: skip
    raw.steps("mkt1", "2026-06-01 10:00:00", *deliver, phone="999123456789",
              pricing=pmp("marketing"))  # fmt: skip
    raw.steps("mkt2", "2026-06-01 10:00:00", *deliver, user="BR.777", pricing=pmp("marketing"))
    raw.steps("mkt3", "2026-06-01 10:00:00", *deliver, user="ZZ.777", pricing=pmp("marketing"))
    raw.steps("mkt4", "2026-06-01 10:00:00", *deliver, phone="12045550100", user="MX.9",
              pricing=pmp("marketing_lite"))  # fmt: skip
    raw.steps("cat1", "2026-06-01 10:00:00", *deliver, phone=phone(60), pricing=pmp("brand_new"))
    raw.steps("cat2", "2026-06-01 10:00:00", *deliver, phone=phone(60),
              pricing=pmp("authentication-international"))  # fmt: skip
    raw.steps("pri1", "2026-06-01 10:00:00", *deliver, phone=phone(60))
    # The category that counts is the delivered one's.
    raw.status("cat3", "sent", "2026-06-01 10:00:00", phone(60), pricing=pmp("marketing"))
    raw.status("cat3", "delivered", "2026-06-01 10:00:09", phone(60), pricing=pmp("utility"))
    raw.status("cat4", "failed", "2026-06-01 10:00:00", phone(60), pricing=pmp("marketing"), code=4)
    raw.status("cat4", "sent", "2026-06-01 10:00:01", phone(60), pricing=pmp("utility"))
    for place in range(5):
        raw.steps(f"tier{place}", f"2026-07-01 10:00:0{place % 2}", *deliver,
                  phone=phone(61 + place % 2), channel=A if place % 2 else B,
                  pricing=pmp("utility"))  # fmt: skip
    # 23:30 UTC is the next month in London.
    raw.steps("tier5", "2026-07-31 23:30:00", *deliver, phone=phone(61), pricing=pmp("utility"))
    raw.steps("tier6", "2026-07-31 22:30:00", *deliver, phone=phone(61), pricing=pmp("utility"))
    for place in range(4):
        at = f"2026-10-02 10:00:0{place}"
        kind = "free_customer_service" if place == 0 else "regular"
        category = "general_purpose_ai" if place == 1 else "service"
        raw.send(f"svc{place}", at, phone(63), sender_type="bot", bot_id="b")
        raw.steps(f"svc{place}", at, *deliver, phone=phone(63), pricing=pmp(category, kind))
    raw.steps("svc4", "2026-10-02 11:00:00", *deliver, phone=phone(63), channel=B,
              pricing=pmp("service"))  # fmt: skip
    raw.steps("svc5", "2026-09-30 22:59:00", *deliver, phone=phone(63), pricing=pmp("service"))
    raw.steps("svc6", "2026-09-30 23:10:00", *deliver, phone=phone(63), pricing=pmp("service"))


def _folding(raw: Raw) -> None:
    """First time per status, then monotone; delivered beats failed; any order."""
    who = phone(70)
    raw.status("fold1", "read", "2026-06-10 10:00:05", who, pricing=pmp("utility"))
    raw.status("fold2", "delivered", "2026-06-10 10:00:09", who, pricing=pmp("utility"))
    raw.status("fold2", "read", "2026-06-10 10:00:05", who)
    raw.status("fold2", "sent", "2026-06-10 10:00:07", who)
    raw.status("fold3", "failed", "2026-06-10 10:00:05", who, code=131049)
    raw.status("fold3", "delivered", "2026-06-10 10:00:09", who, pricing=pmp("utility"))
    raw.status("fold4", "failed", "2026-06-10 10:00:09", who, code=131026)
    raw.status("fold4", "failed", "2026-06-10 10:00:05", who, code=131049)
    raw.status("fold4", "sent", "2026-06-10 10:00:07", who)
    raw.status("fold5", "played", "2026-06-10 10:00:05", who, pricing=pmp("utility"))
    raw.status("fold6", "held_for_review", "2026-06-10 10:00:05", who)
    raw.status("fold7", "deleted", "2026-06-10 10:00:05", who)
    raw.status("fold7", "delivered", "2026-06-10 10:00:09", who, pricing=pmp("utility"))
    raw.status("fold8", "failed", "2026-06-10 10:00:05", who)
    raw.status("fold9", "failed", "2026-06-10 10:00:05", who, code=130472)
    raw.send("fold9", "2026-06-10 10:00:06", who)
    raw.status("fold10", "delivered", "2026-06-10 10:00:09", who, pricing=pmp("utility"))
    raw.status("fold10", "delivered", "2026-06-10 10:00:19", who, pricing=pmp("utility"))
    raw.send("fold11", "2026-06-10 10:00:10.700", who)
    raw.status("fold11", "sent", "2026-06-10 10:00:10", who)
    raw.status("fold12", "failed", "2026-06-10 10:00:05", who, code=999999)


def _names(raw: Raw) -> None:
    """Category, template and sender where the exports don't say."""
    who = phone(71)
    raw.send("name1", "2026-06-12 10:00:00", who, template=("offer", "en"))
    raw.send("name2", "2026-06-12 11:00:00", who, template=("offer", "de"))
    raw.send("name3", "2026-06-12 12:00:00", who, template=("gone", "en"))
    raw.send("name4", "2026-06-12 13:00:00", who)
    raw.send("name5", "2026-06-12 14:00:00", who, template=("notice", "en"), campaign_id="u")
    raw.send("name6", "2026-06-12 15:00:00", who, template=("offer", "en"), sender_type="api")
    raw.status("name7", "sent", "2026-06-12 16:00:00", who)
    raw.status("name8", "sent", "2026-06-12 17:00:00", who, pricing=pmp("service"))
    raw.status("name9", "sent", "2026-06-12 18:00:00", who, pricing=pmp("marketing_lite"))
    raw.echo("name10", "2026-06-12 19:00:00", to=who)
    raw.echo("name4", "2026-06-12 13:00:01", to=who)
    raw.echo("name11", "2026-06-12 20:00:00", to=who)
    raw.steps("name11", "2026-06-12 20:00:00", "delivered", phone=who,
              pricing=pmp("service", "free_customer_service"))  # fmt: skip
    # Without an id in the answer: the key is made of what the log says.
    raw.send(None, "2026-06-12 21:00:00.123", who)
    raw.send(None, "2026-06-12 21:00:00.123", who)
    raw.send(
        None, "2026-06-12 21:00:01.120", user="GB.8888", template=("offer", "en"), error=131050
    )
    raw.send(None, "2026-06-12 21:00:02", "+" + who, template=("offer", "en"), error=4)


def _opt_outs(raw: Raw) -> None:
    """Three signals, 72 hours, the same number, delivered messages only."""
    for place, (at, channel) in enumerate(
        (
            ("2026-06-18 10:00:00", A),
            ("2026-06-18 10:00:01", A),
            ("2026-06-15 10:00:00", A),
            ("2026-06-16 10:00:00", B),
        )
    ):
        who = phone(80 + place)
        raw.send(f"opt{place}", "2026-06-15 10:00:00", who, template=("optout", f"l{place}"))
        raw.steps(f"opt{place}", "2026-06-15 10:00:00", "delivered", phone=who,
                  pricing=pmp("marketing"))  # fmt: skip
        raw.preference(at, "stop", channel, wa_id=who)
    raw.preference("2026-06-15 12:00:00", "resume", wa_id=phone(84))
    raw.send("opt4", "2026-06-15 10:00:00", phone(84), template=("optout", "l4"))
    raw.steps("opt4", "2026-06-15 10:00:00", "delivered", phone=phone(84), pricing=pmp("marketing"))
    raw.status("opt5", "failed", "2026-06-15 11:00:00", phone(84), code=131050)
    raw.send("opt6", "2026-06-15 10:00:00", phone(86), template=("optout", "l6"))
    raw.preference("2026-06-15 12:00:00", "stop", wa_id=phone(86))
    raw.inbound("opt-in7", "2026-06-15 11:00:00", phone(87), text="Désabonner.")
    raw.send("opt7", "2026-06-15 10:00:00", phone(87), template=("optout", "l7"))
    raw.steps("opt7", "2026-06-15 10:00:00", "delivered", phone=phone(87), pricing=pmp("marketing"))


def _summer_time(raw: Raw) -> None:
    """A day, a week and a month end by the reporting zone's clock."""
    for place, at in enumerate(
        (
            "2026-10-24 22:59:59",
            "2026-10-24 23:00:00",
            "2026-10-25 00:30:00",
            "2026-10-25 23:59:59",
            "2026-10-26 00:00:00",
            "2026-10-31 23:59:59",
        )
    ):
        raw.inbound(f"dst-in{place}", at, phone(90 + place))
        raw.send(f"dst{place}", at, phone(90), template=("notice", "en"))
        raw.steps(f"dst{place}", at, "sent", "delivered", "read", phone=phone(90),
                  pricing=pmp("utility", "free_customer_service"))  # fmt: skip
    raw.inbound("last", "2026-11-01 23:00:00", phone(96))


def _left_out(raw: Raw) -> None:
    """Colleagues are left out, however they are addressed."""
    raw.inbound("in1", "2026-06-20 10:00:00", "447700900999", "GB.9999")
    raw.inbound("in2", "2026-06-20 11:00:00", user="GB.9999")
    raw.send("in3", "2026-06-20 12:00:00", user="GB.9999")
    raw.value("messages", {"from": "16315551181", "id": "t", "timestamp": "1504902988",
                           "type": "text", "text": {"body": "x"}}, "123456123")  # fmt: skip
    raw.inbound("in4", "2026-06-20 13:00:00", "16315551181")
    raw.value("messages", {"from": phone(71), "id": "notime", "type": "text"}, A)
