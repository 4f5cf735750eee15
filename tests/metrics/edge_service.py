"""Edge cases of service: conversations, agents, bots and surveys; each block names its rule."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.pipeline.inbox import (
    ACTIVITY,
    INCOMING,
    OUTGOING,
    PENDING,
    RESOLVED,
    TEMPLATE,
    Row,
    contact,
    contact_inbox,
    conversation,
    dump,
    inbox,
    message,
    user,
)

from .edge_cases import A, B, Raw, phone, pmp, utc

# Berlin opens at 9, which is 12 in São Paulo: one schedule in two zones. The mail has none.
SETTINGS: dict[str, Any] = {"reporting_timezone": "Europe/London", "labour_cost_share": 0.25}
MONDAY = datetime(2026, 3, 9, tzinfo=UTC)
WHATSAPP, SITE, MAIL = 1, 2, 3
ADA, BEN, CY = ("User", 1), ("User", 2), ("User", 3)
BOT = ("AgentBot", 4)
NOBODY = None


def at(day: int, clock: str = "10:00:00") -> datetime:
    """Return a time of a day counted from the first Monday."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hours, minutes=minutes, seconds=seconds)


def said(moment: datetime) -> str:
    """Write a time as the edge cases of messages do."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


class Desk:
    """Collects a help desk's exports, and WhatsApp's own logs of the same chats."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.rows: dict[str, list[Row]] = {
            name: []
            for name in (
                *("contacts", "contact_inboxes", "conversations", "messages"),
                *("reporting_events", "csat_survey_responses"),
            )
        }
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.numbers = 0

    def number(self) -> int:
        """Return a new id."""
        self.numbers += 1
        return self.numbers

    def person(self, number: int, moment: datetime, inbox_id: int = WHATSAPP, **cells: Any) -> str:
        """List a contact; in the inbox of WhatsApp by its number."""
        has_phone = inbox_id == WHATSAPP
        text = phone(number) if has_phone else f"web-{number}"
        told = f"+{text}" if has_phone else None
        self.rows["contacts"].append(contact(number, moment, cells.pop("phone", told), **cells))
        self.rows["contact_inboxes"].append(
            contact_inbox(self.number(), number, text, moment, inbox_id)
        )
        return text

    def talk(
        self, number: int, who: int, moment: datetime, inbox_id: int = WHATSAPP, **cells: Any
    ) -> int:
        """List a conversation."""
        self.rows["conversations"].append(conversation(number, who, moment, inbox_id, **cells))
        return number

    def say(
        self,
        talk: int,
        moment: datetime,
        sender: tuple[str, int] | None,
        *,
        wamid: str | None = None,
        to: str | None = None,
        inbox_id: int = WHATSAPP,
        **cells: Any,
    ) -> int:
        """A message of a conversation; with a wamid also in WhatsApp's own logs."""
        is_inbound = sender is not None and sender[0] == "Contact"
        kind = cells.pop("kind", INCOMING if is_inbound else OUTGOING)
        number = self.number()
        self.rows["messages"].append(
            message(number, talk, moment, kind=kind, sender=sender, source_id=wamid,
                    inbox_id=inbox_id, **cells)
        )  # fmt: skip
        if wamid and to and is_inbound:
            self.raw.inbound(wamid, said(moment), to)
        elif wamid and to:
            names = ("sent", "delivered", "read")
            self.raw.steps(
                wamid,
                said(moment),
                *names,
                phone=to,
                pricing=pmp("service", "free_customer_service"),
            )
        return number

    def notice(self, talk: int, moment: datetime, text: str, inbox_id: int = WHATSAPP) -> None:
        """A line of Chatwoot's own in the chat."""
        self.rows["messages"].append(
            message(self.number(), talk, moment, kind=ACTIVITY, inbox_id=inbox_id, content=text)
        )

    def event(self, talk: int, moment: datetime, name: str, agent: int | None = None) -> None:
        """What Chatwoot's own reports are made of."""
        self.rows["reporting_events"].append(
            {
                "id": self.number(),
                "name": name,
                "value": 1.0,
                "account_id": 1,
                "inbox_id": None,
                "user_id": agent,
                "conversation_id": talk,
                "created_at": moment,
                "updated_at": moment,
                "value_in_business_hours": 0,
                "event_start_time": moment,
                "event_end_time": moment,
            }
        )

    def ask(self, talk: int, moment: datetime, rating: int | None, who: int, **cells: Any) -> None:
        """Chatwoot's survey after a conversation, with its answer."""
        inbox_id = cells.pop("inbox_id", WHATSAPP)
        agent = cells.pop("agent", None)
        number = self.say(talk, moment, NOBODY, kind=TEMPLATE, content_type=9, inbox_id=inbox_id)
        if rating is not None:
            answered = moment + timedelta(minutes=5)
            self.rows["csat_survey_responses"].append(
                {
                    "id": self.number(),
                    "account_id": 1,
                    "conversation_id": talk,
                    "message_id": number,
                    "rating": rating,
                    "feedback_message": cells.pop("comment", None),
                    "contact_id": who,
                    "assigned_agent_id": agent,
                    "created_at": answered,
                    "updated_at": answered,
                }
            )

    def add(self, stream: str, **cells: Any) -> None:
        """A row of one of our own CSV streams."""
        self.tables.setdefault(stream, []).append(
            {k: v.isoformat() if isinstance(v, datetime) else v for k, v in cells.items()}
        )

    def write(self, raw: Path) -> None:
        """Write all exports below `raw`."""
        for name, rows in self.rows.items():
            dump(raw, name, f"{name}-2026-05-01.csv", rows)
        types = {WHATSAPP: ("Channel::Whatsapp", "Europe/Berlin"),
                 SITE: ("Channel::WebWidget", "America/Sao_Paulo"),
                 MAIL: ("Channel::Email", "")}  # fmt: skip
        dump(raw, "inboxes", "inboxes.csv", [inbox(n, t, z) for n, (t, z) in types.items()])
        names = {1: "Ada Agent", 2: "Ben Agent", 3: "Cy Agent"}
        dump(raw, "users", "users.csv", [user(n, name) for n, name in names.items()])
        dump(raw, "teams", "teams.csv", [{"id": 9, "name": "support"}])
        dump(raw, "agent_bots", "agent_bots.csv", [{"id": 4, "name": "helper"}])
        for stream, rows in self.tables.items():
            header = list(dict.fromkeys(name for row in rows for name in row))
            path = raw / stream / "edge.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as handle:
                writer = csv.DictWriter(handle, header, restval="")
                writer.writeheader()
                writer.writerows(rows)


def build(raw_dir: Path) -> None:
    """Write the edge cases below `raw_dir`."""
    raw = Raw()
    desk = Desk(raw)
    for block in (
        _inferred,
        _sessions,
        _campaigns,
        _bare_sends,
        _people_of_chatwoot,
        _bots_of_chatwoot,
        _reopened,
        _kept_after_the_close,
        _two_inboxes_and_none,
        _beside_the_platform,
        _people,
        _another_system,
        _surveys,
        _leads,
        _labour,
        _clocks,
        _the_end,
    ):
        block(desk)
    _reference(desk)
    raw.write(raw_dir)
    desk.write(raw_dir)
    _typeform(raw_dir / "surveys" / "typeform" / "edge")
    _mapped(raw_dir)


def _send(desk: Desk, wamid: str, moment: datetime, to: str, kind: str, **more: Any) -> None:
    named = {"agent": {"agent_id": "web-7"}, "bot": {"bot_id": "flow"}}.get(kind, {})
    sender = {} if kind == "api" else {"sender_type": kind}
    text = said(moment)
    desk.raw.send(wamid, text, to, channel=B, **{**sender, **named, **more})
    desk.raw.steps(wamid, text, "sent", "delivered", phone=to, channel=B, gap=1,
                   pricing=pmp("service", "free_customer_service"))  # fmt: skip


def _inferred(desk: Desk) -> None:
    """Without a platform: bot only, bot then human, human only, agent-opened, silences."""

    def hear(n: int, place: int, moment: datetime, **more: Any) -> None:
        desk.raw.inbound(f"b{n}-in{place}", said(moment), phone(n), channel=B, **more)

    hear(100, 1, at(0))
    _send(desk, "b100-1", at(0, "10:00:00"), phone(100), "bot")
    hear(100, 2, at(0, "10:01:00"))
    _send(desk, "b100-2", at(0, "10:01:05"), phone(100), "bot")
    hear(101, 1, at(0))
    _send(desk, "b101-1", at(0, "10:00:10"), phone(101), "bot")
    hear(101, 2, at(0, "10:02:00"))
    _send(desk, "b101-2", at(0, "10:12:00"), phone(101), "agent")
    hear(102, 1, at(1))
    _send(desk, "b102-0", at(1, "10:00:30"), phone(102), "api")
    _send(desk, "b102-1", at(1, "10:05:00"), phone(102), "agent")
    _send(desk, "b103-1", at(1), phone(103), "agent")
    hear(103, 1, at(1, "11:00:00"))
    _send(desk, "b103-2", at(1, "11:01:00"), phone(103), "agent", agent_id="web-8")
    # Nobody answers; the bot leaves one alone; a bot's words alone.
    hear(104, 1, at(2))
    hear(105, 1, at(2))
    _send(desk, "b105-1", at(2, "10:00:05"), phone(105), "bot")
    hear(105, 2, at(2, "10:03:00"))
    _send(desk, "b106-1", at(2), phone(106), "bot", bot_id="other-flow")
    # A reaction alone opens nothing; in a session it asks for no answer.
    hear(107, 1, at(2), type="reaction", reaction={"emoji": "+"})
    hear(108, 1, at(2))
    _send(desk, "b108-1", at(2, "10:04:00"), phone(108), "agent")
    hear(108, 2, at(2, "10:05:00"), type="reaction", reaction={"emoji": "+"})
    # Answered in the app; the bot answers in the customer's second.
    hear(109, 1, at(2))
    desk.raw.echo("b109-1", said(at(2, "10:20:00")), channel=B, to=phone(109))
    # What failed is no answer.
    hear(110, 1, at(3))
    desk.raw.send("b110-1", said(at(3, "10:01:00")), phone(110), channel=B, sender_type="agent")
    desk.raw.status("b110-1", "failed", said(at(3, "10:01:01")), phone(110), channel=B, code=131047)
    # The business' own people are no customers.
    desk.raw.inbound("b999-in", said(at(3)), "447700900999", channel=B)
    _send(desk, "b999-1", at(3, "10:09:00"), "447700900999", "agent")
    # What its answer cost nobody knows: unknown, not free.
    hear(112, 1, at(3))
    desk.raw.send("b112-1", said(at(3, "10:02:00")), phone(112), channel=B, sender_type="agent")
    desk.raw.steps("b112-1", said(at(3, "10:02:00")), "sent", "delivered", phone=phone(112),
                   channel=B)  # fmt: skip
    # Two turns and two people; the customer writes on before anybody answers.
    hear(111, 1, at(3))
    hear(111, 2, at(3, "10:00:20"))
    _send(desk, "b111-1", at(3, "10:01:00"), phone(111), "bot")
    _send(desk, "b111-2", at(3, "10:09:00"), phone(111), "agent")
    hear(111, 3, at(3, "10:30:00"))
    _send(desk, "b111-3", at(3, "10:31:00"), phone(111), "agent", agent_id="web-8")
    hear(111, 4, at(3, "10:40:00"))


def _sessions(desk: Desk) -> None:
    """24 hours to the second are one session; 72 hours after its end it is a reopening still."""

    def hear(n: int, place: int, moment: datetime) -> None:
        desk.raw.inbound(f"b{n}-in{place}", said(moment), phone(n), channel=B)

    hear(120, 1, at(0))
    hear(120, 2, at(1))
    hear(120, 3, at(2, "10:00:01"))
    hear(121, 1, at(0))
    hear(121, 2, at(3))
    hear(121, 3, at(6, "10:00:01"))
    _send(desk, "b121-1", at(6, "10:30:00"), phone(121), "agent")
    # A bot's conversation begun again within a day, and at last one who stays away.
    hear(122, 1, at(0))
    _send(desk, "b122-1", at(0, "10:00:02"), phone(122), "bot")
    hear(122, 2, at(1, "10:00:02"))
    _send(desk, "b122-2", at(1, "10:00:04"), phone(122), "bot")
    hear(122, 3, at(2, "10:00:05"))
    _send(desk, "b122-3", at(2, "10:00:06"), phone(122), "bot")
    # One thread per number.
    desk.raw.inbound("a121-in", said(at(3, "12:00:00")), phone(121))


def _campaigns(desk: Desk) -> None:
    """Campaigns and templates alone open nothing; who answers one was brought by it."""
    for n in (130, 131, 132):
        desk.raw.send(f"c{n}", said(at(4)), phone(n), channel=B, template=("offer", "en"),
                      campaign_id="spring")  # fmt: skip
        desk.raw.steps(f"c{n}", said(at(4)), "sent", "delivered", phone=phone(n), channel=B,
                       pricing=pmp("marketing"))  # fmt: skip
    desk.raw.inbound("c130-in", said(at(4, "12:00:00")), phone(130), channel=B)
    desk.raw.send("c130-2", said(at(4, "12:30:00")), phone(130), channel=B, campaign_id="spring",
                  sender_type="campaign")  # fmt: skip
    _send(desk, "c130-3", at(4, "13:00:00"), phone(130), "agent")
    # An agent comes between the campaign and its answer.
    _send(desk, "c131-2", at(4, "11:00:00"), phone(131), "agent")
    desk.raw.inbound("c131-in", said(at(4, "12:00:00")), phone(131), channel=B)
    # A day and a second later it is another session.
    desk.raw.inbound("c132-in", said(at(5, "10:00:04")), phone(132), channel=B)


def _bare_sends(desk: Desk) -> None:
    """An agent's template waits for the customer; a program alone opens nothing."""
    desk.raw.send("s140", said(at(4)), phone(140), channel=B, template=("notice", "en"),
                  sender_type="agent", agent_id="web-7")  # fmt: skip
    desk.raw.inbound("s140-in", said(at(4, "10:30:00")), phone(140), channel=B)
    desk.raw.send("s141", said(at(4)), phone(141), channel=B)
    desk.raw.send("s142", said(at(4)), phone(142), channel=B)
    desk.raw.inbound("s142-in", said(at(4, "10:30:00")), phone(142), channel=B)
    system: dict[str, Any] = {"type": "system", "system": {"type": "other"}}
    desk.raw.inbound("s143-in", said(at(4)), phone(143), channel=B, **system)


def _people_of_chatwoot(desk: Desk) -> None:
    """A note before the reply; three agents: assigned, answering, closing; agent-opened."""
    to = desk.person(201, at(0))
    talk = desk.talk(1, 201, at(0), status=RESOLVED, cached_label_list="returns, delivery")
    desk.say(talk, at(0), ("Contact", 201), wamid="wamid.d1-in1", to=to)
    desk.notice(talk, at(0, "10:02:00"), "Assigned to Ada Agent by Ben Agent")
    desk.say(talk, at(0, "10:03:00"), ADA, private=True, content="a note")
    desk.say(talk, at(0, "10:20:00"), BEN, wamid="wamid.d1-1", to=to)
    desk.say(talk, at(0, "10:30:00"), ("Contact", 201), wamid="wamid.d1-in2", to=to)
    desk.say(talk, at(0, "10:45:00"), ADA, wamid="wamid.d1-2", to=to)
    desk.event(talk, at(0, "11:00:00"), "conversation_resolved", 3)
    to = desk.person(202, at(0))
    talk = desk.talk(2, 202, at(0, "12:00:00"), assignee_id=2)
    desk.say(talk, at(0, "12:00:01"), BEN, wamid="wamid.d2-1", to=to)
    desk.say(talk, at(0, "12:10:00"), ("Contact", 202), wamid="wamid.d2-in1", to=to)
    desk.say(talk, at(0, "12:12:00"), BEN, wamid="wamid.d2-2", to=to)
    # Resolved, but nobody says by whom or when: the last activity stands for it.
    desk.person(203, at(1))
    talk = desk.talk(3, 203, at(1), status=RESOLVED, last_activity_at=at(1, "15:00:00"))
    desk.say(talk, at(1), ("Contact", 203), wamid="wamid.d3-in1", to=phone(203))
    # A failed answer; the customer is left alone until the close.
    desk.person(204, at(1))
    talk = desk.talk(4, 204, at(1), status=RESOLVED)
    desk.say(talk, at(1), ("Contact", 204), wamid="wamid.d4-in1", to=phone(204))
    desk.say(talk, at(1, "10:10:00"), ADA, status=3)
    desk.event(talk, at(1, "16:00:00"), "conversation_resolved", 1)
    # The notice of the closing and the report of it are one closing.
    desk.person(205, at(1))
    talk = desk.talk(5, 205, at(1), status=RESOLVED, cached_label_list="billing")
    desk.say(talk, at(1), ("Contact", 205), wamid="wamid.d5-in1", to=phone(205))
    desk.notice(talk, at(1, "10:01:00"), "Ben Agent self-assigned this conversation")
    desk.say(talk, at(1, "10:05:00"), BEN, wamid="wamid.d5-1", to=phone(205))
    desk.notice(talk, at(1, "10:06:00"), "Conversation unassigned by Ada Agent")
    desk.event(talk, at(1, "10:10:00"), "conversation_resolved", 2)


def _bots_of_chatwoot(desk: Desk) -> None:
    """A handoff with and without a person's reply, closed by a timer, by the bot; and back."""
    to = desk.person(210, at(2))
    talk = desk.talk(10, 210, at(2), status=RESOLVED)
    desk.say(talk, at(2), ("Contact", 210), wamid="wamid.d10-in1", to=to)
    desk.say(talk, at(2, "10:00:02"), BOT, wamid="wamid.d10-1", to=to)
    desk.say(talk, at(2, "10:01:00"), ("Contact", 210), wamid="wamid.d10-in2", to=to)
    desk.event(talk, at(2, "10:02:00"), "conversation_bot_handoff")
    desk.say(talk, at(2, "10:22:00"), ADA, wamid="wamid.d10-2", to=to)
    desk.event(talk, at(2, "10:40:00"), "conversation_resolved", 1)
    to = desk.person(211, at(2))
    talk = desk.talk(11, 211, at(2), status=RESOLVED)
    desk.say(talk, at(2), ("Contact", 211), wamid="wamid.d11-in1", to=to)
    desk.say(talk, at(2, "10:00:02"), BOT, wamid="wamid.d11-1", to=to)
    desk.event(talk, at(2, "10:00:03"), "conversation_bot_handoff")
    desk.notice(
        talk, at(7), "Conversation was marked resolved by system due to 5 days of inactivity"
    )
    for number, events in ((12, ()), (13, ()), (14, ("timer",))):
        to = desk.person(200 + number, at(2))
        talk = desk.talk(number, 200 + number, at(2), status=RESOLVED)
        desk.say(talk, at(2), ("Contact", 200 + number), wamid=f"wamid.d{number}-in1", to=to)
        desk.say(talk, at(2, "10:00:02"), BOT, wamid=f"wamid.d{number}-1", to=to)
        desk.say(
            talk, at(2, "10:01:00"), ("Contact", 200 + number), wamid=f"wamid.d{number}-in2", to=to
        )
        desk.say(talk, at(2, "10:01:02"), BOT, wamid=f"wamid.d{number}-2", to=to)
        if events:
            desk.notice(
                talk,
                at(4),
                "Conversation was marked resolved by system due to 2 days of inactivity",
            )
        else:
            desk.event(talk, at(2, "10:05:00"), "conversation_bot_resolved")
    # The bot had "solved" it: the customer is back within the day.
    desk.say(13, at(3, "09:00:00"), ("Contact", 213), wamid="wamid.d13-in3", to=phone(213))
    desk.say(13, at(3, "09:30:00"), CY, wamid="wamid.d13-3", to=phone(213))
    # Closed by the bot so lately that the customer may yet come back.
    to = desk.person(216, at(34))
    talk = desk.talk(16, 216, at(34, "22:00:00"), status=RESOLVED)
    desk.say(talk, at(34, "22:00:00"), ("Contact", 216), wamid="wamid.d16-in1", to=to)
    desk.say(talk, at(34, "22:00:02"), BOT, wamid="wamid.d16-1", to=to)
    desk.event(talk, at(34, "22:05:00"), "conversation_bot_resolved")
    # To the second as long ago as they may take to come back: not past yet.
    to = desk.person(217, at(34))
    talk = desk.talk(17, 217, at(34, "09:50:00"), status=RESOLVED)
    desk.say(talk, at(34, "09:50:00"), ("Contact", 217), wamid="wamid.d17-in1", to=to)
    desk.say(talk, at(34, "09:50:02"), BOT, wamid="wamid.d17-1", to=to)
    desk.event(talk, at(34), "conversation_bot_resolved")
    # The last message is the customer's when the bot closes.
    to = desk.person(215, at(2))
    talk = desk.talk(15, 215, at(2), status=RESOLVED)
    desk.say(talk, at(2), ("Contact", 215), wamid="wamid.d15-in1", to=to)
    desk.say(talk, at(2, "10:00:02"), BOT, wamid="wamid.d15-1", to=to)
    desk.say(talk, at(2, "10:01:00"), ("Contact", 215), wamid="wamid.d15-in2", to=to)
    desk.event(talk, at(2, "10:05:00"), "conversation_bot_resolved")


def _reopened(desk: Desk) -> None:
    """Within and after the window, by the customer without an event, by an agent."""
    to = desk.person(220, at(0))
    # A label that could be somebody's.
    talk = desk.talk(20, 220, at(0), status=RESOLVED, cached_label_list="delivery to Ada")
    for place, day in enumerate((0, 2, 9), 1):
        desk.say(talk, at(day), ("Contact", 220), wamid=f"wamid.d20-in{place}", to=to)
        desk.say(talk, at(day, "10:10:00"), ADA, wamid=f"wamid.d20-{place}", to=to)
        desk.event(talk, at(day, "11:00:00"), "conversation_resolved", 1)
        # The answer to a survey is of the cycle that was over.
        desk.ask(talk, at(day, "11:00:01"), place + 2, 220, agent=1)
    # We write after the closing: that opens nothing.
    desk.say(talk, at(9, "12:00:00"), ADA, wamid="wamid.d20-9", to=to)
    # 72 hours to the second, by an agent; a second more, by the customer.
    to = desk.person(221, at(0))
    talk = desk.talk(21, 221, at(0), status=RESOLVED)
    desk.say(talk, at(0), ("Contact", 221), wamid="wamid.d21-in1", to=to)
    desk.event(talk, at(0, "11:00:00"), "conversation_resolved", 2)
    desk.event(talk, at(3, "11:00:00"), "conversation_opened", 2)
    desk.say(talk, at(3, "11:05:00"), BEN, wamid="wamid.d21-1", to=to)
    desk.event(talk, at(3, "12:00:00"), "conversation_resolved", 2)
    desk.say(talk, at(6, "12:00:01"), ("Contact", 221), wamid="wamid.d21-in2", to=to)


def _kept_after_the_close(desk: Desk) -> None:
    """Who has a conversation has it when it is opened again; told twice it doesn't begin anew."""
    to = desk.person(222, at(4))
    talk = desk.talk(22, 222, at(4), status=RESOLVED, assignee_id=1)
    desk.say(talk, at(4), ("Contact", 222), wamid="wamid.d22-in1", to=to)
    desk.notice(talk, at(4, "10:05:00"), "Assigned to Ada Agent by Ben Agent")
    desk.notice(talk, at(4, "10:10:00"), "Assigned to Ada Agent by Cy Agent")
    desk.notice(talk, at(4, "10:11:00"), "Assigned to support by Cy Agent")
    desk.say(talk, at(4, "10:20:00"), ADA, wamid="wamid.d22-1", to=to)
    # The report names the agent in charge, the notice who closed.
    desk.event(talk, at(4, "11:00:00"), "conversation_resolved", 1)
    closed_at = at(4, "11:00:00") + timedelta(milliseconds=10)
    desk.notice(talk, closed_at, "Conversation was marked resolved by Ben Agent")
    desk.say(talk, at(5, "09:00:00"), ("Contact", 222), wamid="wamid.d22-in2", to=to)
    desk.say(talk, at(5, "09:30:00"), ADA, wamid="wamid.d22-2", to=to)
    # A bot's closing is two reports, and a notice that names it.
    to = desk.person(223, at(4))
    talk = desk.talk(23, 223, at(4), status=RESOLVED)
    desk.say(talk, at(4), ("Contact", 223), wamid="wamid.d23-in1", to=to)
    desk.say(talk, at(4, "10:00:02"), BOT, wamid="wamid.d23-1", to=to)
    desk.event(talk, at(4, "10:30:00"), "conversation_resolved", 2)
    desk.event(talk, at(4, "10:30:00"), "conversation_bot_resolved")
    # Who has it today had it all the time, where nobody tells of an assignment.
    to = desk.person(224, at(4))
    talk = desk.talk(24, 224, at(4), assignee_id=3)
    desk.say(talk, at(4), ("Contact", 224), wamid="wamid.d24-in1", to=to)
    desk.event(talk, at(6), "conversation_resolved")
    desk.say(talk, at(7), ("Contact", 224), wamid="wamid.d24-in2", to=to)


def _only_the_dump_knows(desk: Desk) -> None:
    """Closed, opened again and given away in words nobody parses; what was typed in the app."""
    # The report of the first closing is all that stands there; a notice tells of the second.
    to = desk.person(225, at(0))
    talk = desk.talk(25, 225, at(0), status=RESOLVED, updated_at=at(2, "12:00:00"))
    desk.event(talk, at(0), "conversation_opened")
    desk.say(talk, at(0), ("Contact", 225), wamid="wamid.d25-in1", to=to)
    desk.say(talk, at(0, "10:10:00"), ADA, wamid="wamid.d25-1", to=to)
    desk.event(talk, at(0, "11:00:00"), "conversation_resolved", 1)
    desk.say(talk, at(2), ("Contact", 225), wamid="wamid.d25-in2", to=to)
    desk.notice(talk, at(2, "12:00:00"), "Conversation was marked resolved by Ben Agent")
    # Of the second closing nothing tells but the status, nor of who has it in the end.
    to = desk.person(226, at(0))
    talk = desk.talk(26, 226, at(0), status=RESOLVED, updated_at=at(2, "12:00:05"),
                     last_activity_at=at(2, "12:00:00"), assignee_id=2)  # fmt: skip
    desk.say(talk, at(0), ("Contact", 226), wamid="wamid.d26-in1", to=to)
    desk.notice(talk, at(0, "10:05:00"), "Assigned to Ada Agent by Ben Agent")
    desk.event(talk, at(0, "11:00:00"), "conversation_resolved", 1)
    desk.say(talk, at(2), ("Contact", 226), wamid="wamid.d26-in2", to=to)
    desk.notice(talk, at(2, "10:05:00"), "Zugewiesen an Ben Agent von Ada Agent")
    # Opened again by hand, and nobody's.
    to = desk.person(227, at(0))
    talk = desk.talk(27, 227, at(0), updated_at=at(1, "09:00:00"))
    desk.say(talk, at(0), ("Contact", 227), wamid="wamid.d27-in1", to=to)
    desk.notice(talk, at(0, "10:05:00"), "Ada Agent self-assigned this conversation")
    desk.event(talk, at(0, "11:00:00"), "conversation_resolved", 1)
    desk.say(talk, at(1, "09:30:00"), None, wamid="wamid.d27-1", to=to,
             content_attributes='{"external_echo": true}')  # fmt: skip
    # The bot was left alone, and nobody closes it.
    to = desk.person(228, at(0))
    talk = desk.talk(28, 228, at(0), status=PENDING)
    desk.say(talk, at(0), ("Contact", 228), wamid="wamid.d28-in1", to=to)
    desk.say(talk, at(0, "10:00:05"), BOT, wamid="wamid.d28-1", to=to)


def _two_inboxes_and_none(desk: Desk) -> None:
    """One schedule in two zones, a holiday, and an inbox without a schedule."""
    for number, inbox_id in ((30, WHATSAPP), (31, SITE), (32, MAIL)):
        who = 200 + number
        to = desk.person(who, at(7), inbox_id)
        talk = desk.talk(number, who, at(7, "07:30:00"), inbox_id, status=RESOLVED,
                         cached_label_list="billing")  # fmt: skip
        wamid = "wamid.d30-{}" if inbox_id == WHATSAPP else None
        for place, (moment, sender) in enumerate(
            (
                (at(7, "07:30:00"), ("Contact", who)),
                (at(7, "13:30:00"), CY),
                (at(8, "19:00:00"), ("Contact", who)),
                (at(9, "09:00:00"), CY),
            )
        ):
            desk.say(talk, moment, sender, wamid=wamid and wamid.format(place), to=to,
                     inbox_id=inbox_id)  # fmt: skip
        desk.event(talk, at(9, "12:00:00"), "conversation_resolved", 3)
    # Summer time begins in Berlin on the 29th, and Friday the 3rd is a holiday.
    to = desk.person(233, at(18))
    talk = desk.talk(33, 233, at(18, "16:00:00"))
    desk.say(talk, at(18, "16:00:00"), ("Contact", 233), wamid="wamid.d33-in1", to=to)
    desk.say(talk, at(28, "08:00:00"), CY, wamid="wamid.d33-1", to=to)


def _beside_the_platform(desk: Desk) -> None:
    """What the platform doesn't know joins what is open in the thread, else it stands alone."""
    to = desk.person(240, at(0))
    talk = desk.talk(40, 240, at(0), status=RESOLVED)
    desk.say(talk, at(0), ("Contact", 240), wamid="wamid.d40-in1", to=to)
    desk.raw.inbound("wamid.x40-1", said(at(0, "10:10:00")), to)
    desk.raw.echo("wamid.x40-2", said(at(0, "10:20:00")), to=to)
    desk.event(talk, at(0, "11:00:00"), "conversation_resolved", 1)
    desk.raw.inbound("wamid.x40-3", said(at(0, "11:00:00")), to)
    desk.raw.inbound("wamid.x40-4", said(at(0, "12:00:00")), to)
    # A conversation that no export lists is none.
    desk.say(4000, at(1), ("Contact", 240), wamid="wamid.x40-5", to=to)


def _people(desk: Desk) -> None:
    """Two contacts of one mailbox are one person; the business' own people are nobody's."""
    desk.person(250, at(0), MAIL, email="one@example.com")
    desk.person(251, at(5), MAIL, email="one@example.com")
    for number, who, day in ((50, 250, 0), (51, 251, 5)):
        talk = desk.talk(number, who, at(day), MAIL)
        desk.say(talk, at(day), ("Contact", who), inbox_id=MAIL)
        desk.say(talk, at(day, "10:30:00"), ADA, inbox_id=MAIL)
    desk.person(252, at(0), MAIL, phone="+447700900999")
    talk = desk.talk(52, 252, at(0), MAIL)
    desk.say(talk, at(0), ("Contact", 252), inbox_id=MAIL)
    desk.event(talk, at(0, "10:30:00"), "conversation_resolved", 1)


def _another_system(desk: Desk) -> None:
    """Our own columns: what a list, events or both tell; closed by a list alone."""

    def talk(number: str, n: int, opened_at: datetime, **cells: Any) -> None:
        desk.add("generic/conversations", conversation_id=number, channel_id="shopchat",
                 phone=phone(n), opened_at=opened_at, **cells)  # fmt: skip

    def say(
        number: str, n: int, place: int, moment: datetime, direction: str, **cells: Any
    ) -> None:
        desk.add("generic/messages", message_id=f"g{n}-{place}", channel_id="shopchat",
                 phone=phone(n), direction=direction, sent_at=moment, conversation_id=number,
                 **cells)  # fmt: skip

    def happens(number: str, event: str, kind: str, moment: datetime, **cells: Any) -> None:
        desk.add("generic/conversation_events", event_id=event, conversation_id=number,
                 event_type=kind, occurred_at=moment, **cells)  # fmt: skip

    talk("k1", 301, at(1), opened_by="contact", closed_at=at(1, "12:00:00"),
         closed_by_agent_id="anna", category="returns", assignee_agent_id="anna")  # fmt: skip
    say("k1", 301, 1, at(1, "10:00:05"), "inbound")
    say("k1", 301, 2, at(1, "10:40:00"), "outbound", sender_type="agent", agent_id="anna")
    talk("k2", 302, at(1), opened_by="campaign", category="billing")
    say("k2", 302, 1, at(1, "10:00:05"), "inbound")
    say("k2", 302, 2, at(1, "10:00:09"), "outbound", sender_type="bot", bot_id="greeter")
    happens("k2", "1", "bot_started", at(1, "10:00:06"), bot_id="greeter", actor_type="bot")
    happens("k2", "2", "handoff", at(1, "10:05:00"), actor_type="bot")
    happens("k2", "3", "assigned", at(1, "10:06:00"), actor_type="automation",
            assignee_agent_id="anna")  # fmt: skip
    happens("k2", "4", "comment", at(1, "10:07:00"), actor_type="agent", actor_agent_id="anna")
    happens("k2", "5", "assigned", at(1, "10:08:00"), actor_type="agent", actor_agent_id="anna",
            assignee_agent_id="bert")  # fmt: skip
    say("k2", 302, 3, at(1, "10:30:00"), "outbound", sender_type="agent", agent_id="bert")
    happens("k2", "6", "closed", at(1, "11:00:00"), actor_type="agent", actor_agent_id="anna")
    happens("k2", "7", "closed", at(1, "11:00:01"), actor_type="automation")
    happens("k2", "8", "reopened", at(2, "11:00:00"), actor_type="contact")
    happens("k2", "9", "closed", at(2, "12:00:00"), actor_type="automation")
    # Opened by an agent, as the list says; open to this day.
    talk("k3", 303, at(3), opened_by="agent", assignee_agent_id="bert")
    say("k3", 303, 1, at(3, "10:00:01"), "outbound", sender_type="agent", agent_id="bert")
    say("k3", 303, 2, at(3, "11:00:00"), "inbound")
    say("k3", 303, 3, at(3, "11:10:00"), "outbound", sender_type="agent", agent_id="bert")
    # Told by events alone.
    happens("k4", "1", "opened", at(3), actor_type="contact")
    say("k4", 304, 1, at(3, "10:00:01"), "inbound")
    happens("k4", "2", "closed", at(3, "18:00:00"), actor_type="automation")


def _surveys(desk: Desk) -> None:
    """Answered twice, text for a number, off the scale, sent and not answered, by conversation."""

    def answer(number: str, kind: str, **cells: Any) -> None:
        desk.add("generic/survey_responses", response_id=number, survey_type=kind, **cells)

    answer("n1", "nps", phone=phone(101), answered_at=at(5), score="3")
    answer("n2", "nps", phone=phone(101), answered_at=at(12), score="9")
    answer("n3", "nps", phone=phone(101), answered_at=at(19, "10:00:01"), score="10",
           comment="The parcel was quick")  # fmt: skip
    answer("n4", "nps", phone=phone(102), answered_at=at(6), score="very likely")
    answer("n5", "nps", phone=phone(103), answered_at=at(6), score="11")
    answer("n6", "nps", phone=phone(104), answered_at=at(6), score="0")
    answer("n7", "nps", email="who@example.com", answered_at=at(6), score="7")
    answer("n8", "nps", phone=phone(447), sent_at=at(6))
    answer("c1", "csat", conversation_id="k1", sent_at=at(1, "12:00:00"),
           answered_at=at(1, "13:00:00"), score="5", scale_max="5", agent_id="anna")  # fmt: skip
    answer("c2", "csat", conversation_id="k2", sent_at=at(1, "11:30:00"),
           answered_at=at(2, "11:30:00"), score="2", scale_max="5", agent_id="bert")  # fmt: skip
    answer("c3", "csat", conversation_id="k2", sent_at=at(2, "12:00:00"), agent_id="bert")
    # Eight of ten is satisfied, one of ten is the worst.
    answer("c4", "csat", conversation_id="k4", answered_at=at(4), score="8", scale_max="10")
    answer("c5", "csat", conversation_id="k3", answered_at=at(4), score="1", scale_max="10")
    answer("o1", "other", phone=phone(108), answered_at=at(7), score="1", topic="delivery")
    answer("i1", "nps", phone="447700900999", answered_at=at(6), score="10")


def _leads(desk: Desk) -> None:
    """Who began a conversation and became a lead in the same period."""
    for number, n, day in (("l1", 101, 0), ("l2", 102, 4), ("l3", 103, 1), ("l4", 104, 30)):
        desk.add("generic/leads", lead_id=number, phone=phone(n), created_at=at(day, "15:00:00"))


def _labour(desk: Desk) -> None:
    """Labour of two months; that of a campaign is not the service's."""
    for number, month, amount, campaign in (
        ("w1", "2026-03", "900.00", ""), ("w2", "2026-03", "50.01", ""),
        ("w3", "2026-03", "77.00", "spring"),
    ):  # fmt: skip
        desk.add("generic/costs", cost_id=number, cost_type="labour", starts_on=f"{month}-01",
                 ends_on=f"{month}-31", amount=amount, currency_code="EUR",
                 campaign_id=campaign)  # fmt: skip


def _clocks(desk: Desk) -> None:
    """What is dated 2099 closes nothing, answers nobody and is no turn of anything."""
    to = desk.person(260, at(10))
    talk = desk.talk(60, 260, at(10))
    desk.say(talk, at(10), ("Contact", 260), wamid="wamid.d60-in1", to=to)
    desk.say(talk, at(10, "10:15:00"), CY, wamid="wamid.d60-1", to=to)
    desk.event(talk, datetime(2099, 1, 1, tzinfo=UTC), "conversation_resolved", 3)
    desk.raw.inbound("b195-in1", said(at(10)), phone(195), channel=B)
    desk.raw.inbound("b195-in2", "2099-01-01 10:00:00", phone(195), channel=B)


def _mapped(raw: Path) -> None:
    """Another system's own export, through its mapping: ids like those of generic/."""
    for stream, mapping, lines in (
        (
            "conversations",
            "columns: {conversation_id: Id, opened_at: Started, closed_at: Ended, phone: Contact,\n"
            "  closed_by_agent_id: Closer, opened_by: Source}\n"
            "constants: {channel_id: acmechat}\n"
            "values: {opened_by: {incoming: contact, workflow: automation}}\n"
            "time: {format: '%d.%m.%Y %H:%M:%S', zone: Europe/Berlin}\n",
            "Id,Started,Ended,Contact,Closer,Source\n"
            f"k1,12.03.2026 10:00:00,12.03.2026 11:00:00,+{phone(310)},anna,incoming\n"
            f"k5,12.03.2026 10:00:00,,+{phone(311)},,workflow\n",
        ),
        (
            "conversation_events",
            "columns: {event_id: Number, conversation_id: Id, event_type: What, occurred_at: When,\n"
            "  actor_type: Who, assignee_agent_id: To}\n"
            "values: {event_type: {handover: handoff}}\n"
            "time: {format: '%d.%m.%Y %H:%M:%S', zone: Europe/Berlin}\n",
            "Number,Id,What,When,Who,To\n"
            "1,k5,handover,12.03.2026 10:10:00,bot,\n"
            "2,k5,assigned,12.03.2026 10:11:00,automation,carla\n",
        ),
    ):
        folder = raw / "mapped" / "acme" / stream
        folder.mkdir(parents=True)
        (folder / "mapping.yml").write_text(mapping)
        (folder / "export.csv").write_text(lines)


def _the_end(desk: Desk) -> None:
    """The last events of both subjects stand together: what was said last is still open."""
    end = at(35)
    to = desk.person(290, end - timedelta(hours=2))
    talk = desk.talk(90, 290, end - timedelta(hours=2), assignee_id=1)
    desk.say(talk, end - timedelta(hours=2), ("Contact", 290), wamid="wamid.d90-in1", to=to)
    desk.say(talk, end - timedelta(hours=1), BOT, wamid="wamid.d90-1", to=to)
    desk.raw.inbound("b190-in", said(end - timedelta(hours=24)), phone(190), channel=B)
    desk.raw.inbound("b191-in", said(end - timedelta(hours=24, seconds=1)), phone(191), channel=B)
    _send(desk, "b192-1", end - timedelta(hours=48, seconds=2), phone(192), "bot")
    _send(desk, "b193-1", end - timedelta(hours=47), phone(193), "bot")
    desk.raw.inbound("b194-in", said(end), phone(194), channel=B)
    desk.event(talk, end, "first_response", 1)


def _reference(desk: Desk) -> None:
    for number, zone, schedule in ((A, "Europe/Berlin", "office"), (B, "", ""),
                                   ("chatwoot:2", "", "office")):  # fmt: skip
        desk.add("reference/channels", channel_id=number, name=f"Channel {number[-2:]}",
                 channel_type="", timezone=zone, schedule_id=schedule)  # fmt: skip
    for day in range(1, 6):
        for opens, closes in (("09:00", "12:30"), ("13:30", "18:00")):
            desk.add("reference/business_hours", schedule_id="office", iso_day_of_week=day,
                     opens_at=opens, closes_at=closes)  # fmt: skip
    desk.add("reference/holidays", schedule_id="office", holiday_on="2026-04-03")
    desk.add("reference/sla_targets", channel_id=A, category="", metric="first_response",
             target_seconds=1200, clock="calendar")  # fmt: skip
    desk.add("reference/sla_targets", channel_id="", category="billing",
             metric="first_response_seconds", target_seconds=14400, clock="business")  # fmt: skip


def _typeform(folder: Path) -> None:
    """A tool's export, whose questions survey.yml names."""
    folder.mkdir(parents=True)
    (folder / "survey.yml").write_text(
        "score: Would you recommend us?\nsurvey_type: nps\ncomment: Why?\nperson: {phone: phone}\n"
    )
    numbers = ((1, 10, "Service was friendly", 105), (2, 6, "", 106), (3, 8, "zzz", 105))
    lines = [
        f"t{n},{score},{why},'+{phone(who)},completed,{said(at(8 + 9 * n))}\n"
        for n, score, why, who in numbers
    ]
    header = "#,Would you recommend us?,Why?,phone,Response Type,Submit Date (UTC)\n"
    unfinished = f"t9,,,'+{phone(107)},partial,\n"
    (folder / "responses.csv").write_text(header + "".join(lines) + unfinished)


def last_at() -> datetime:
    """Return the watermark of both subjects."""
    return utc(said(at(35))).replace(tzinfo=None)
