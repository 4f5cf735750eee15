"""Edge cases in the CSV streams: people, reports, consent, clicks, campaigns.

Every block names the rule it tests; `Tables` collects rows and writes them as exports, in other
order, twice and in two files, as exports come.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from .edge_cases import A, B, Raw, phone, pmp, utc

SHOP, BUSINESS = "shop-1", "+15550100100"
PHONE_BROWSER = (
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
)

Row = dict[str, str]


class Tables:
    """Rows of CSV streams by file."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], list[Row]] = defaultdict(list)

    def add(self, stream: str, file: str = "edge-2026-11-20.csv", **row: str) -> None:
        self.files[stream, file].append(row)

    def write(self, raw: Path) -> None:
        for (stream, file), rows in self.files.items():
            folder = raw / stream / "edge"
            folder.mkdir(parents=True, exist_ok=True)
            header = list(dict.fromkeys(name for row in rows for name in row))
            with (folder / file).open("w", newline="", encoding="utf-8") as handle:
                writer = csv.DictWriter(handle, header, restval="")
                writer.writeheader()
                # The first row stands twice, the rest backwards.
                writer.writerows([rows[0], *reversed(rows)])

    def report(self, message_id: str, who: str, at: str, **more: str) -> None:
        stream = more.pop("stream", "generic/message_reports")
        file = more.pop("file", "edge-2026-11-20.csv")
        row = {"message_id": message_id, "channel_id": SHOP, "direction": "outbound"}
        person = {"email" if "@" in who else "phone": who}
        self.add(stream, file, **{**row, **person, "sent_at": at, **more})

    def consent(self, who: str, event: str, at: str, channel: str = A, **more: str) -> None:
        person = {"email" if "@" in who else "phone": who}
        self.add(
            "consent/events", **person, event=event, occurred_at=at, channel_id=channel, **more
        )

    def contact(self, who: str, event: str, at: str, **more: str) -> None:
        person = {"email" if "@" in who else "phone": who}
        self.add("contacts/events", **person, event=event, occurred_at=at, **more)

    def audience(self, campaign: str, who: str, at: str, variant: str = "", **more: str) -> None:
        row = {"campaign_id": campaign, "variant": variant, "phone": who, "assigned_at": at}
        self.add("campaigns/audience", **{**row, "is_control": "false", **more})

    def registry(
        self, campaign: str, kind: str = "broadcast", goal: str = "order", **more: str
    ) -> None:
        file = more.pop("file", "edge-2026-11-20.csv")
        row = {"campaign_id": campaign, "campaign_type": kind, "goal": goal, "currency_code": "GBP"}
        self.add("campaigns/registry", file, **{**row, **more})

    def click(self, url: str, at: str, agent: str = PHONE_BROWSER, human: str = "yes") -> None:
        self.add("clicks/short_io", **{"Short URL": url, "Time": at, "User Agent": agent,
                                       "Human": human, "IP": "203.0.113.9"})  # fmt: skip

    def link(self, url: str, **more: str) -> None:
        self.add("clicks/links", url=url, **more)


def add_blocks(raw: Raw, folder: Path) -> None:
    """Add the records of all blocks to `raw` and write the CSV exports below `folder`."""
    from .edge_orders import add_orders

    tables = Tables()
    for block in (
        _people_of_exports,
        _recycled_number,
        _shared_phone,
        _reports,
        _reports_again,
        _mapped_reports,
        _stop_words,
        _consent_states,
        _clicks,
        _campaign_windows,
        _flow,
        _arms,
        _crm,
    ):
        block(raw, tables)
    add_orders(raw, tables, folder)
    tables.write(folder)


def wamid(name: str) -> str:
    return f"wamid.{name}"


def later(at: str, **delta: float) -> str:
    return (utc(at) + timedelta(**delta)).strftime("%Y-%m-%d %H:%M:%S")


def campaign_message(
    raw: Raw, name: str, at: str, who: str, campaign: str, *steps: str, **more: str
) -> None:
    """A marketing message of a campaign and its statuses, two seconds apart."""
    variant = more.get("variant")
    told: dict[str, Any] = {"variant": variant} if variant else {}
    channel = more.get("channel", A)
    raw.send(wamid(name), at, who, campaign_id=campaign, template=("offer", "en"), channel=channel,
             **told)  # fmt: skip
    raw.steps(wamid(name), at, *(steps or ("sent", "delivered")), phone=who, channel=channel,
              pricing=pmp("marketing"))  # fmt: skip


def _people_of_exports(raw: Raw, tables: Tables) -> None:
    """Any export names people: a BSUID is joined to a number, an e-mail and an id of a CRM later."""
    raw.inbound("pe1", "2026-06-01 10:00:00", user="GB.6001")
    raw.inbound("pe2", "2026-06-02 10:00:00", phone(110))
    tables.contact(
        "pe@example.com", "created", "2026-05-31 09:00:00", source="import", external_id="c-6001"
    )
    tables.consent("pe@example.com", "opt_in", "2026-06-03 10:00:00", user_id="GB.6001")
    tables.add("generic/leads", lead_id="pe", phone=phone(110), external_id="c-6001",
               created_at="2026-06-04T12:00:00+02:00", source="fair")  # fmt: skip
    tables.contact(phone(110), "merged", "2026-06-05 10:00:00", value="c-6001-old")
    tables.add("generic/contacts", external_id="c-6001-old", created_at="2026-05-01", source="list")
    # E-mail addresses differ in case only; a name that is no address is none.
    tables.consent("PE@example.com ", "opt_out", "2026-06-06 10:00:00")
    # Nobody but the export ever saw them.
    tables.contact("only@example.com", "created", "2026-06-07 10:00:00", source="web_form")
    tables.add("generic/contacts", external_id="c-6002", created_at="", source="list")


def _recycled_number(raw: Raw, tables: Tables) -> None:
    """A number that its owner left and that turns up with another name is somebody else's."""
    raw.inbound("rc1", "2026-07-01 10:00:00", phone(112), "GB.7001")
    raw.inbound("rc2", "2026-07-02 10:00:00", phone(112), type="system",
                system={"type": "user_changed_number", "wa_id": phone(113), "body": "x"})  # fmt: skip
    raw.inbound("rc3", "2026-07-10 10:00:00", phone(112), "GB.7002")
    raw.send("rc4", "2026-07-11 10:00:00", phone(112), answer_user="GB.7002")
    raw.inbound("rc5", "2026-07-12 10:00:00", phone(113), "GB.7001")
    raw.inbound("rc6", "2026-07-13 10:00:00", user="GB.7001")
    tables.consent(phone(112), "opt_in", "2026-07-14 10:00:00", user_id="GB.7002")
    tables.contact(phone(112), "lead", "2026-07-15 10:00:00", email="new.owner@example.com")
    tables.contact(phone(113), "lead", "2026-07-15 10:00:00", email="old.owner@example.com")


def _shared_phone(raw: Raw, tables: Tables) -> None:
    """The phone of a shop's staff merges nobody, in which export ever it stands."""
    for place in range(7):
        tables.contact(f"staff{place}@example.com", "created", f"2026-06-0{place + 1} 10:00:00",
                       phone=phone(114))  # fmt: skip
        tables.consent(f"staff{place}@example.com", "opt_in", f"2026-06-1{place} 10:00:00")
    raw.inbound("sp1", "2026-06-20 10:00:00", phone(114))


def _reports(raw: Raw, tables: Tables) -> None:
    """A report stands in for webhooks, or joins those of its message."""
    at = "2026-07-05 10:00:00"
    tables.registry("rep-1", utm_campaign="rep")
    told = {"campaign_id": "rep-1", "variant": "a", "category": "MARKETING"}
    tables.report("s1", phone(120), at, delivered_at=later(at, seconds=5),
                  read_at=later(at, seconds=50), **told)  # fmt: skip
    tables.report("s1", phone(121), at, delivered_at=later(at, seconds=7),
                  link_clicked_at=later(at, minutes=9), **told)  # fmt: skip
    tables.report("s1", phone(122), at, delivered_at=later(at, seconds=7),
                  button_clicked_at=later(at, minutes=3), **told)  # fmt: skip
    tables.report("s1", phone(123), at, delivered_at=later(at, seconds=7),
                  opted_out_at=later(at, hours=5), **told)  # fmt: skip
    tables.report("s1", phone(124), at, error_code="131026", **told)
    tables.report("s1", phone(125), at, error_code="131050", **told)
    tables.report("s1", phone(126), at, failed_at=later(at, seconds=9), error_code="1", **told)
    tables.report("s1", phone(127), at, last_status="read", **told)
    tables.report("s1", phone(128), at, last_status="delivered", **told)
    tables.report("s1", phone(129), at, last_status="sent", **told)
    tables.report("s1", phone(130), at, last_status="failed", **told)
    tables.report(
        "s1", phone(119), at, delivered_at=later(at, minutes=2), error_code="131026", **told
    )
    tables.report("s1", "mail@example.com", at, delivered_at=later(at, seconds=8), **told)
    # What a report says was charged goes before the rate card, once and converted.
    for place, (price, currency) in enumerate(
        (("-0.0512345", "USD"), ("0.05", "GBP"), ("0.05", "XTS"))
    ):
        tables.report("s2", phone(131 + place), later(at, hours=1), price_amount=price,
                      currency_code=currency, delivered_at=later(at, hours=2), template_name="offer",
                      sender_type="api")  # fmt: skip
    tables.report("s3", phone(134), at, sender_type="agent", agent_id="a-7", message_type="text",
                  delivered_at=later(at, seconds=4), category="service")  # fmt: skip
    # Who sent it, in other words, in none, or in one that nobody knows.
    for place, sender in enumerate(
        (
            {"sender_type": " User ", "agent_id": "a-8"},
            {"sender_type": "Chatbot", "agent_id": "flow-1"},
            {"agent_id": "a-8"},
            {"agent_id": "a-8", "campaign_id": "rep-1"},
            {"sender_type": "wizard", "agent_id": "a-8"},
        )
    ):
        tables.report(f"s5-{place}", phone(134), later(at, hours=3 + place), message_type="text",
                      delivered_at=later(at, hours=3 + place), **sender)  # fmt: skip
    tables.report("i1", phone(120), later(at, hours=2), direction="inbound", message_type="text",
                  stream="generic/messages")  # fmt: skip
    # Ids of WhatsApp join the webhooks' message.
    raw.send(wamid("rj1"), at, phone(135), template=("notice", "en"))
    raw.steps(wamid("rj1"), at, "sent", "delivered", phone=phone(135), pricing=pmp("utility"))
    raw.inbound(wamid("rj2"), later(at, hours=1), phone(135))
    for name, direction, extra in (
        ("rj1", "outbound", {"read_at": later(at, minutes=1), "campaign_id": "rep-1"}),
        ("rj2", "inbound", {}),
    ):
        tables.report(wamid(name), phone(135), later(at, hours=1 if name == "rj2" else 0),
                      channel_id=A, direction=direction, **extra)  # fmt: skip


def _reports_again(raw: Raw, tables: Tables) -> None:
    """A report comes again with a later status; the newer export wins, wherever it lies."""
    at = "2026-07-06 10:00:00"
    told = {"campaign_id": "rep-2", "category": "marketing"}
    # The first told of an opt-out that the newer ones know nothing of: it was taken back.
    tables.report("s5", phone(136), at, file="edge-2026-07-07.csv", **told,
                  opted_out_at=later(at, hours=5))  # fmt: skip
    tables.report("s5", phone(136), at, file="edge-2026-07-09.csv", **told,
                  delivered_at=later(at, seconds=3), read_at=later(at, hours=1))  # fmt: skip
    tables.report("s5", phone(136), at, file="edge-2026-07-08.csv", **told,
                  delivered_at=later(at, seconds=3))  # fmt: skip
    # A campaign's row that was corrected, an audience's row that was skipped after all.
    tables.registry("rep-2", file="edge-2026-07-08.csv", software_fee_amount="10.00", goal="lead")
    tables.registry("rep-2", file="edge-2026-07-07.csv", software_fee_amount="99.00", goal="order")
    raw.inbound("ra1", later(at, hours=2), phone(136))


def _mapped_reports(raw: Raw, tables: Tables) -> None:
    """A vendor's own columns, through the mapping that is shipped."""
    at = "2026-07-08T10:00:00Z"
    for place, (code, reading, out, clicks) in enumerate(
        (("", "2026-07-08T10:09:00Z", "", "[]"), ("131049", "", "", "[]"),
         ("", "2026-07-08T10:09:00Z", "2026-07-08T12:00:00Z", "[]"),
         ("", "", "", '[{"id": "1", "name": "x", "ts": "2026-07-08T11:30:00Z"},'
                      ' {"id": "2", "name": "x", "ts": "2026-07-08T11:20:00Z"}]'))
    ):  # fmt: skip
        tables.add(
            "mapped/connectly/message_reports",
            customer_external_id="+" + phone(140 + place), business_id="biz-1",
            campaign_name="conn-1", sendout_id="so-1", sent_at=at,
            delivered_at="" if code == "131049" else "2026-07-08T10:00:04Z", read_at=reading,
            opt_out_at=out, error_code=code, error_msg="", button_clicks="[]", link_clicks=clicks,
        )  # fmt: skip
    tables.registry("conn-1")
    for place, (status, code) in enumerate(
        (
            ("read", "0"),
            ("delivered", ""),
            ("sent", ""),
            ("undelivered", "30008"),
            ("failed", "63016"),
        )
    ):
        tables.add(
            "mapped/twilio/message_reports",
            From="whatsapp:" + BUSINESS, To="whatsapp:+" + phone(144 + place), Body="x",
            Status=status, SentDate="Wed, 08 Jul 2026 12:00:00 +0200", ApiVersion="2010-04-01",
            NumSegments="1", ErrorCode=code, AccountSid="AC1", Sid=f"SM{place}",
            Direction="outbound-api", Price="-0.04" if place == 1 else "", PriceUnit="USD",
        )  # fmt: skip
    tables.add(
        "mapped/twilio/message_reports",
        From="whatsapp:+" + phone(144), To="whatsapp:" + BUSINESS, Body="x", Status="received",
        SentDate="Wed, 08 Jul 2026 14:00:00 +0200", ApiVersion="2010-04-01", NumSegments="1",
        ErrorCode="", AccountSid="AC1", Sid="SM9", Direction="inbound", Price="", PriceUnit="USD",
    )  # fmt: skip
    raw.inbound("mr1", "2026-07-09 10:00:00", phone(140))


def _stop_words(raw: Raw, tables: Tables) -> None:
    """STOP in several languages, in text and buttons; START undoes it; a sentence is no word."""
    for place, text in enumerate(
        ("Stop", "ABMELDEN!", "darme de baja", "não quero, mas não pare", "désinscription",
         "cancelar inscrição", "iptal", "Stopp, bitte nicht aufhören mit den Nachrichten")
    ):  # fmt: skip
        who = phone(150 + place)
        tables.consent(who, "opt_in", "2026-07-15 09:00:00")
        campaign_message(raw, f"sw{place}", "2026-07-15 10:00:00", who, "words")
        raw.inbound(f"sw-in{place}", "2026-07-15 11:00:00", who, text=text)
    raw.inbound("sw-in20", "2026-07-15 12:00:00", phone(151), text="Anmelden")
    raw.inbound("sw-in21", "2026-07-15 13:00:00", phone(150), text="stop")
    raw.inbound("sw-in22", "2026-07-15 13:00:00", phone(152), text=None, type="button",
                button={"payload": "STOP", "text": "Stop promotions"})  # fmt: skip
    # The next marketing message goes out after the opt-out: that must not happen.
    campaign_message(raw, "sw30", "2026-07-20 10:00:00", phone(150), "words-2")
    campaign_message(raw, "sw31", "2026-07-20 10:00:00", phone(151), "words-2")
    raw.send(wamid("sw32"), "2026-07-20 10:00:00", phone(152), template=("notice", "en"))
    raw.steps(wamid("sw32"), "2026-07-20 10:00:00", "sent", "delivered", phone=phone(152),
              pricing=pmp("utility"))  # fmt: skip
    # On the other number nobody opted out.
    campaign_message(raw, "sw33", "2026-07-20 10:00:00", phone(150), "words-2", channel=B)


def _consent_states(raw: Raw, tables: Tables) -> None:
    """Only changes of state count; without a known opt-in an opt-out is outside the stock."""
    ana, ben, eve, joe, kim = (phone(160 + place) for place in range(5))
    for day, event in (
        (1, "opt_in"),
        (2, "opt_in"),
        (5, "opt_out"),
        (6, "opt_out"),
        (20, "opt_in"),
    ):
        tables.consent(ana, event, f"2026-06-0{day} 10:00:00" if day < 10 else f"2026-06-{day} 10:00:00",
                       source="till")  # fmt: skip
    raw.preference("2026-06-25 10:00:00", "stop", wa_id=ana)
    raw.preference("2026-06-27 10:00:00", "resume", wa_id=ana)
    tables.consent(ben, "opt_out", "2026-06-03 10:00:00")
    tables.consent(ben, "opt_out", "2026-06-04 10:00:00")
    tables.consent(ben, "opt_in", "2026-07-03 23:30:00", channel=B)
    # Error 131050 tells of an opt-out.
    tables.consent(eve, "opt_in", "2026-06-03 10:00:00")
    campaign_message(raw, "cs1", "2026-06-10 10:00:00", eve, "states", "failed")
    raw.send(wamid("cs2"), "2026-06-11 10:00:00", eve, error=131050, template=("offer", "en"))
    # Deleted while opted in, written to later, opted in once more.
    raw.inbound("cs3", "2026-06-02 10:00:00", joe)
    tables.consent(joe, "opt_in", "2026-06-03 10:00:00")
    tables.contact(joe, "deleted", "2026-06-13 10:00:00", source="crm")
    campaign_message(raw, "cs4", "2026-06-14 10:00:00", joe, "states")
    # The same second: the opt-out comes last.
    tables.consent(kim, "opt_out", "2026-06-03 10:00:00")
    tables.consent(kim, "opt_in", "2026-06-03 10:00:00")
    campaign_message(raw, "cs5", "2026-06-03 10:00:00", kim, "states")
    campaign_message(raw, "cs6", "2026-06-03 10:00:01", kim, "states")


def _clicks(raw: Raw, tables: Tables) -> None:
    """Robots and clicks within two seconds are not human; a link leads to its message or person."""
    at, base = "2026-07-25 10:00:00", "https://example.com/e/"
    tables.registry("clk")
    for place in range(6):
        who = phone(170 + place)
        raw.send(wamid(f"ck{place}"), at, who, campaign_id="clk", template=("offer", "en"))
        raw.sends[-1]["request"]["template"]["components"] = [
            {"type": "button", "sub_type": "url", "index": "0",
             "parameters": [{"type": "text", "text": f"tok{place}"}]}
        ]  # fmt: skip
        raw.steps(wamid(f"ck{place}"), at, "sent", "delivered", phone=who, pricing=pmp("marketing"))
    tables.link(
        base + "l0", campaign_id="clk", phone=phone(170), destination_url="https://shop.example"
    )
    tables.link(base + "l1", campaign_id="clk", message_id=wamid("ck1"))
    tables.link(base + "shared", campaign_id="clk")
    tables.click(base + "l0", later(at, minutes=5))
    tables.click(base + "l0", later(at, minutes=6))
    tables.click(base + "l1", later(at, minutes=5), "WhatsApp/2.23.20.0 A")
    tables.click(base + "l1", later(at, minutes=7), "facebookexternalhit/1.1")
    tables.click(base + "tok2", later(at, minutes=5))
    tables.click("https://go.example/x?t=tok3", later(at, minutes=5))
    tables.click(base + "tok4", "2026-07-25 10:00:01.500")
    tables.click(base + "tok5", "2026-07-25 10:00:02")
    tables.click(base + "tok5", later(at, days=7, seconds=1), human="no")
    tables.click(base + "shared", later(at, minutes=5))
    tables.click(base + "nobody-knows", later(at, minutes=5))
    tables.add("generic/link_clicks", click_id="g1", clicked_at=later(at, hours=3), url=base + "l1",
               user_agent=PHONE_BROWSER)  # fmt: skip
    tables.add("generic/link_clicks", click_id="g2", clicked_at=later(at, hours=3), url=base + "any",
               phone=phone(171), campaign_id="clk", is_human="true", utm_source="whatsapp")  # fmt: skip
    tables.add("generic/link_clicks", click_id="g3", clicked_at=later(at, hours=3), url=base + "any",
               message_id=wamid("ck4"), is_human="false")  # fmt: skip


def _campaign_windows(raw: Raw, tables: Tables) -> None:
    """Click, reply and opt-out have windows with both ends; the next campaign message ends a reply's."""
    at, base = "2026-08-03 10:00:00", "https://example.com/w/"
    tables.registry("win", software_fee_amount="12.50", incentive_amount="5.00")
    for place in range(9):
        campaign_message(raw, f"cw{place}", at, phone(180 + place), "win")
        tables.link(f"{base}{place}", campaign_id="win", phone=phone(180 + place))
    tables.click(base + "0", later(at, days=7))
    tables.click(base + "1", later(at, days=7, seconds=1))
    raw.inbound("cw-in2", later(at, hours=72), phone(182))
    raw.inbound("cw-in3", later(at, hours=72, seconds=1), phone(183))
    raw.inbound("cw-in4", later(at, days=9), phone(184), quote=wamid("cw4"))
    campaign_message(raw, "cw4b", later(at, hours=1), phone(185), "win-2")
    raw.inbound("cw-in5", later(at, hours=2), phone(185))
    raw.inbound("cw-in6", later(at, hours=2), phone(186), text="stop")
    raw.preference(later(at, hours=72), "stop", wa_id=phone(187))
    raw.preference(later(at, hours=72, seconds=1), "stop", wa_id=phone(188))
    # Undelivered, and clicked all the same: no delivered recipient.
    campaign_message(raw, "cw9", at, phone(189), "win", "sent")
    tables.link(base + "9", campaign_id="win", phone=phone(189))
    tables.click(base + "9", later(at, hours=1))
    # Skipped for a reason, and never written to.
    tables.audience("win", phone(190), later(at, hours=-1), skipped_reason="frequency_cap")
    tables.audience("win", phone(180), later(at, hours=-1))


def _flow(raw: Raw, tables: Tables) -> None:
    """Who comes back to a flow after more than 30 days enters it anew; a broadcast has one entry."""
    tables.registry("flow", "flow")
    tables.registry("once", "broadcast")
    for campaign, who in (("flow", phone(200)), ("once", phone(201))):
        for place, at in enumerate(
            (
                "2026-07-01 10:00:00",
                "2026-07-05 10:00:00",
                "2026-08-05 10:00:00",
                "2026-09-04 10:00:00",
            )
        ):
            campaign_message(raw, f"fl-{campaign}{place}", at, who, campaign)
    raw.inbound("fl-in", "2026-08-06 10:00:00", phone(200))


def _arms(raw: Raw, tables: Tables) -> None:
    """Three arms and a control that gets nothing; the outcome is counted by assignment."""
    at = "2026-08-10 10:00:00"
    tables.registry("arms")
    shares = {"a": "0.3", "b": "0.3", "c": "0.2", "control": "0.2"}
    for place in range(60):
        variant = ("a", "b", "c", "control", "a", "b")[place % 6]
        who = phone(210 + place)
        tables.audience("arms", who, later(at, hours=-2), variant, planned_share=shares[variant],
                        is_control=str(variant == "control").lower())  # fmt: skip
        if variant == "control":
            if place % 4 == 1:
                raw.preference(later(at, days=1), "stop", wa_id=who)
            continue
        steps = ("sent", "delivered", "read")[: 2 + (place % 5 > 1)]
        campaign_message(raw, f"ar{place}", at, who, "arms", *steps, variant=variant)
        if place % 7 == 0 or (variant == "b" and place % 3 == 1):
            raw.inbound(f"ar-in{place}", later(at, hours=3), who)
        if place % 11 == 0:
            raw.preference(later(at, days=2 if place % 2 else 15), "stop", wa_id=who)
    tables.registry("two-arms", goal="event:signup", software_fee_amount="10.00")
    for place in range(40):
        variant = "AB"[place % 2]
        tables.audience("two-arms", phone(270 + place), later(at, hours=-2), variant)
        if place % 3 == 0:
            tables.contact(phone(270 + place), "goal", later(at, days=13 if place % 9 else 15),
                           value="signup")  # fmt: skip
        if place % 8 == 1:
            tables.contact(phone(270 + place), "goal", later(at, days=30, hours=2), value="signup")
        campaign_message(raw, f"ta{place}", later(at, days=30), phone(270 + place), "two-arms",
                         *(("sent", "delivered", "read") if place % 4 else ("sent", "delivered")),
                         variant=variant)  # fmt: skip


def _crm(raw: Raw, tables: Tables) -> None:
    """Leads and their stages, of two exports; contacts added and deleted by source."""
    who = phone(330)
    raw.inbound("cr1", "2026-09-01 10:00:00", who)
    tables.contact(who, "created", "2026-08-31 10:00:00", source="fair")
    tables.contact(who, "lead", "2026-09-02 10:00:00", source="web_form")
    tables.contact(who, "qualified", "2026-09-05 10:00:00", source="crm")
    tables.contact(who, "won", "2026-09-09 10:00:00", amount="100.00", currency_code="GBP")
    tables.contact(phone(331), "created", "2026-08-31 23:30:00", source="fair")
    tables.contact(phone(331), "deleted", "2026-09-30 23:30:00")
    tables.contact(phone(332), "created", "2026-09-03 10:00:00", source="fair")
    campaign_message(raw, "cr2", "2026-09-04 10:00:00", phone(332), "crm-1")
    for file, row in (
        ("leads-2026-09-10.csv", {"qualified_at": "2026-09-08"}),
        ("leads-2026-09-20.csv", {"qualified_at": "2026-09-08", "lost_at": "2026-09-19"}),
        ("leads-2026-09-09.csv", {}),
    ):
        tables.add("generic/leads", file, lead_id="l-1", phone=phone(333), created_at="2026-09-07",
                   source="fair", **row)  # fmt: skip
