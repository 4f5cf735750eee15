"""Conversations as their platforms export them: Chatwoot's tables, our own columns, mappings."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .csv_streams import CsvRow, csv_table, moment, truth, who

Person = tuple[tuple[str, str], ...]

CONVERSATION_STATES = ("open", "resolved", "pending", "snoozed")
RESOLVED, FAILED, ACTIVITY = "resolved", "3", "2"
SENDERS = {"User": "agent", "AgentBot": "bot", "Contact": "contact"}
CHANNEL_TYPES = {
    "Channel::Whatsapp": "whatsapp",
    "Channel::WebWidget": "webchat",
    "Channel::Email": "email",
    "Channel::TwilioSms": "sms",
    "Channel::Sms": "sms",
    "Channel::FacebookPage": "messenger",
    "Channel::Instagram": "instagram",
}
# Chatwoot writes a report and a notice of one thing one after the other.
BESIDE = timedelta(seconds=60)
A_BOT = "a bot"
ECHO = r'"external_echo\\?": ?true'
REPORTED = {
    "conversation_resolved": ("closed", "agent"),
    "conversation_bot_resolved": ("closed", "automation"),
    "conversation_opened": ("reopened", None),
    "conversation_bot_handoff": ("handoff", "bot"),
}
# Chatwoot's notices, as its English and German translations word them.
NOTICES = (
    (r"Assigned to (?P<to>.+) by (?P<by>.+)", "assigned"),
    (r"(?P<by>.+) self-assigned this conversation", "assigned"),
    (r"Conversation unassigned by (?P<by>.+)", "unassigned"),
    (r"Conversation was marked resolved by system due to .* inactivity", "timed out"),
    (r"Conversation was marked resolved by (?P<by>.+)", "closed"),
    (r"Conversation was reopened by (?P<by>.+)", "reopened"),
)


@dataclass(frozen=True)
class Conversation:
    """A conversation as a platform lists it."""

    key: str
    channel_id: str | None
    who: Person
    opened_at: datetime
    opened_by: str | None
    closed_at: datetime | None
    closing_agent_id: str | None
    category: str
    assignee_agent_id: str | None


@dataclass(frozen=True)
class State:
    """How Chatwoot has a conversation today, and how new the dump is that says so."""

    is_resolved: bool
    is_unresolved: bool
    assignee_agent_id: str | None
    updated_at: datetime | None
    dumped_at: datetime


@dataclass(frozen=True)
class Happening:
    """Something that a platform says happened to a conversation."""

    key: str
    event_type: str
    at: datetime
    number: int
    actor_type: str | None = None
    actor_agent_id: str | None = None
    assignee_agent_id: str | None = None
    bot_id: str | None = None
    is_timer: bool = False
    assignment_source: str | None = None
    is_notice: bool = False


@dataclass(frozen=True)
class InboxMessage:
    """A message of a chat as Chatwoot keeps it; notes and activities are happenings."""

    record_id: str
    key: str
    inbox_id: str
    at: datetime
    who: Person
    is_inbound: bool
    sender_type: str | None
    agent_id: str | None
    bot_id: str | None
    has_failed: bool
    error_code: str | None
    message_type: str
    template: Mapping[str, Any] | None
    text: str


@dataclass
class Inbox:
    """What platforms tell of conversations."""

    conversations: list[Conversation] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    messages: list[InboxMessage] = field(default_factory=list)
    sightings: list[tuple[str, datetime, Person]] = field(default_factory=list)
    clocks: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    inboxes: dict[str, CsvRow] = field(default_factory=dict)
    surveys: list[CsvRow] = field(default_factory=list)
    survey_messages: dict[str, CsvRow] = field(default_factory=dict)
    number_of: dict[str, str] = field(default_factory=dict)


def chatwoot_table(raw: Path, name: str) -> dict[str, CsvRow]:
    """Return the newest row of each id: by its own update, the export's time, the path."""
    newest: dict[str, tuple[Any, CsvRow]] = {}
    for age, row in csv_table(raw, raw / "chatwoot" / name):
        updated_at = moment(row.get("updated_at"))
        rank = (updated_at or datetime.min, age)
        if row["id"] not in newest or rank >= newest[row["id"]][0]:
            newest[row["id"]] = rank, row
    return {key: row for key, (_, row) in newest.items()}


def _label(text: str | None) -> str:
    """Return a label as it is published: a word, or small words joined; nothing that is a name."""
    if not text:
        return "none"
    parts = re.split("[_-]", text)
    is_plain = all(part.isalpha() for part in parts) and len(text) <= 60
    return text if is_plain and (len(parts) == 1 or text == text.lower()) else "other"


def _dumped_at(raw: Path) -> dict[str, datetime]:
    """Return how new the dump is that has the newest row of each conversation."""
    newest: dict[str, tuple[Any, Any]] = {}
    times: dict[Any, datetime] = {}
    for age, row in csv_table(raw, raw / "chatwoot" / "conversations"):
        told = (moment(row.get(c)) for c in ("created_at", "updated_at", "last_activity_at"))
        times[age] = max([times.get(age, datetime.min), *(t for t in told if t)])
        rank = moment(row.get("updated_at")) or datetime.min, age
        newest[row["id"]] = max(newest.get(row["id"], rank), rank)
    return {key: times[age] for key, (_, age) in newest.items()}


def read_inbox(raw: Path, tables: Mapping[str, list[dict[str, Any]]]) -> Inbox:
    """Read Chatwoot's tables, and what the CSV streams told of conversations."""
    found = Inbox()
    _read_chatwoot(found, raw)
    for row in tables["conversations"]:
        system = row["vendor"] or "generic"
        found.conversations.append(
            Conversation(
                f"{system}:{row['conversation_id']}",
                row["channel_id"],
                who(row),
                row["opened_at"],
                _word(row.get("opened_by")),
                row["closed_at"],
                _agent(system, row.get("closed_by_agent_id")),
                _label(row.get("category")),
                _agent(system, row.get("assignee_agent_id")),
            )
        )
        times = [row["opened_at"], row["closed_at"]]
        found.clocks[f"{system} conversations"] += [t for t in times if t]
    for row in tables["conversation_events"]:
        system = row["vendor"] or "generic"
        if row["occurred_at"] is None:
            continue
        kind = str(row["event_type"]).lower()
        found.happenings.append(
            Happening(
                f"{system}:{row['conversation_id']}",
                kind,
                row["occurred_at"],
                int(row["event_id"]) if str(row["event_id"]).isdigit() else 0,
                _word(row.get("actor_type")),
                _agent(system, row.get("actor_agent_id")),
                _agent(system, row.get("assignee_agent_id")) if kind == "assigned" else None,
                row.get("bot_id"),
                assignment_source="log" if kind in ("assigned", "unassigned") else None,
            )
        )
        found.clocks[f"{system} events"].append(row["occurred_at"])
    return found


def _word(text: str | None) -> str | None:
    return text.lower() if text else None


def _agent(system: str, native: str | None) -> str | None:
    return f"{system}:{native}" if native else None


def _read_chatwoot(found: Inbox, raw: Path) -> None:
    found.inboxes = chatwoot_table(raw, "inboxes")
    users = chatwoot_table(raw, "users")
    teams = {
        row["name"].lower() for row in chatwoot_table(raw, "teams").values() if row.get("name")
    }
    by_name = defaultdict(set)
    for number, user in users.items():
        for name in (user.get("name"), user.get("display_name")):
            if name:
                by_name[name].add(f"chatwoot:{number}")
    agents = {name: next(iter(ids)) for name, ids in by_name.items() if len(ids) == 1}
    for row in chatwoot_table(raw, "agent_bots").values():
        agents.setdefault(row.get("name") or "", A_BOT)
    for row in chatwoot_table(raw, "contacts").values():
        person = _pairs(
            ("platform", f"chatwoot:{row['id']}"),
            ("phone", row.get("phone_number")),
            ("email", row.get("email")),
            ("external", row.get("identifier")),
        )
        _see(found, "contacts", row, person)
    for row in chatwoot_table(raw, "contact_inboxes").values():
        kind = (found.inboxes.get(row["inbox_id"]) or {}).get("channel_type", "")
        person = (("platform", f"chatwoot:{row['contact_id']}"),)
        text = row["source_id"]
        is_number = re.fullmatch(r"(whatsapp:)?\+?[0-9]{5,15}", text) is not None
        if is_number and CHANNEL_TYPES.get(kind) in ("whatsapp", "sms"):
            person += (("wa_id", text),)
        _see(found, "contact_inboxes", row, person)
    people: dict[str, Person] = {}
    writers: dict[str, Person] = {}
    dumped_at = _dumped_at(raw)
    for row in chatwoot_table(raw, "conversations").values():
        person = _pairs(("platform", row.get("contact_id") and f"chatwoot:{row['contact_id']}"))
        people[row["id"]] = person
        _see(found, "conversations", row, person)
        opened_at = moment(row["created_at"])
        if opened_at is None:
            continue
        labels = [x.strip() for x in (row.get("cached_label_list") or "").split(",") if x.strip()]
        is_resolved = row.get("status") in ("1", RESOLVED)
        closed_at = moment(row.get("last_activity_at")) if is_resolved else None
        assignee = row.get("assignee_id")
        found.conversations.append(
            Conversation(
                f"chatwoot:{row['id']}",
                f"chatwoot:{row['inbox_id']}",
                person,
                opened_at,
                None,
                closed_at,
                None,
                _label(min(labels, key=str.encode) if labels else None),
                f"chatwoot:{assignee}" if assignee else None,
            )
        )
        status = (row.get("status") or "").lower()
        status = CONVERSATION_STATES[int(status)] if status.isdigit() else status
        found.states[f"chatwoot:{row['id']}"] = State(
            status == RESOLVED,
            status in CONVERSATION_STATES and status != RESOLVED,
            f"chatwoot:{assignee}" if assignee else None,
            moment(row.get("updated_at")),
            dumped_at[row["id"]],
        )
        found.clocks["chatwoot conversations"] += [t for t in (opened_at, closed_at) if t]
    written = chatwoot_table(raw, "messages")
    # Without a conversation's row it is theirs who wrote in it first.
    for row in sorted(
        written.values(), key=lambda r: (r["created_at"], int(r["id"])), reverse=True
    ):
        is_theirs = row.get("sender_type") == "Contact" and row.get("sender_id")
        if is_theirs and row["message_type"] in ("0", "incoming"):
            writers[row["conversation_id"]] = (("platform", f"chatwoot:{row['sender_id']}"),)
    for row in written.values():
        _read_message(found, row, people, writers, agents, teams)
    for row in chatwoot_table(raw, "reporting_events").values():
        at = moment(row["created_at"])
        if at is None:
            continue
        found.clocks["chatwoot reporting_events"].append(at)
        if row["name"] not in REPORTED:
            continue
        event_type, actor = REPORTED[row["name"]]
        user_id = row.get("user_id")
        agent = f"chatwoot:{user_id}" if user_id and actor == "agent" else None
        found.happenings.append(
            Happening(
                f"chatwoot:{row['conversation_id']}",
                event_type,
                moment(row.get("event_end_time")) or at,
                int(row["id"]),
                actor if actor != "agent" or agent else None,
                agent,
            )
        )
    found.happenings = _one_closing(found.happenings)
    found.surveys = list(chatwoot_table(raw, "csat_survey_responses").values())


def _read_message(
    found: Inbox,
    row: CsvRow,
    people: Mapping[str, Person],
    writers: Mapping[str, Person],
    agents: Mapping[str, str],
    teams: set[str],
) -> None:
    at = moment(row["created_at"])
    if at is None:
        return
    sender, sender_id = row.get("sender_type") or "", row.get("sender_id")
    if sender == "Contact" and sender_id:
        _see(found, "messages", row, (("platform", f"chatwoot:{sender_id}"),))
    key, number = f"chatwoot:{row['conversation_id']}", int(row["id"])
    agent = f"chatwoot:{sender_id}" if sender == "User" and sender_id else None
    if truth(row.get("private")):
        kind = SENDERS.get(sender)
        found.happenings.append(Happening(key, "comment", at, number, kind, agent))
        return
    if row["message_type"] in (ACTIVITY, "activity"):
        if notice := _notice(key, row.get("content") or "", at, number, agents, teams):
            found.happenings.append(notice)
        return
    is_inbound = row["message_type"] in ("0", "incoming")
    source_id = row.get("source_id") or ""
    has_failed = row.get("status") in (FAILED, "failed")
    content = row.get("content_attributes") or ""
    told = re.search(r"(\d{3,6}):", content) if has_failed else None
    more = _json(row.get("additional_attributes"))
    template = more.get("template_params") or None
    person = people.get(row["conversation_id"], ())
    if not person and sender == "Contact" and sender_id:
        person = (("platform", f"chatwoot:{sender_id}"),)
    person = person or writers.get(row["conversation_id"], ())
    is_survey = row.get("content_type") in ("9", "input_csat")
    record_id = source_id if source_id.startswith("wamid.") else f"chatwoot|{row['id']}"
    kind = "contact" if is_inbound else SENDERS.get(sender)
    # Typed in the app: nobody of Chatwoot's wrote it.
    if row["message_type"] in ("1", "outgoing") and not sender and re.search(ECHO, content):
        kind = "agent"
    found.messages.append(
        InboxMessage(
            record_id,
            key,
            row["inbox_id"],
            at,
            person,
            is_inbound,
            kind,
            agent,
            f"chatwoot:bot-{sender_id}" if sender == "AgentBot" and sender_id else None,
            has_failed,
            told[1] if told else None,
            "template" if template else "input_csat" if is_survey else "text",
            None,
            row.get("content") or "",
        )
    )
    if template:
        found.messages[-1] = _with_template(found.messages[-1], template)
    if is_survey:
        found.survey_messages[row["id"]] = {**row, "record_id": record_id}


def _with_template(message: InboxMessage, template: Mapping[str, Any]) -> InboxMessage:
    values = {**vars(message), "template": _Frozen(template)}
    return InboxMessage(**values)


class _Frozen(dict[str, Any]):
    """Parameters of a template, by value: rows of an export are compared by theirs."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


def _notice(
    key: str, text: str, at: datetime, number: int, agents: Mapping[str, str], teams: set[str]
) -> Happening | None:
    for pattern, kind in NOTICES:
        if told := re.fullmatch(pattern, text.strip()):
            named = told.groupdict()
            if kind == "timed out":
                return Happening(
                    key, "closed", at, number, "automation", is_timer=True, is_notice=True
                )
            by = agents.get(named.get("by") or "", "unknown")
            if by == A_BOT:
                return Happening(key, kind, at, number, "automation", is_notice=True)
            to = None
            if (named.get("to") or "").lower() in teams:
                return None
            if kind == "assigned":
                to = agents.get(named.get("to") or named["by"], "unknown")
            return Happening(
                key,
                kind,
                at,
                number,
                "agent",
                by,
                to,
                assignment_source="activity" if kind in ("assigned", "unassigned") else None,
                is_notice=True,
            )
    return None


def _one_closing(told: list[Happening]) -> list[Happening]:
    """Make one closing of what two reports and a notice say of it; the notice says who closed.

    The report names the agent in charge, whoever closed. A notice alone counts after the last report
    of its kind; what was never closed before is opened, whatever the report calls it.
    """
    kept = [h for h in told if h.event_type not in ("closed", "reopened")]
    by_key: dict[str, list[Happening]] = defaultdict(list)
    for one in told:
        if one.event_type in ("closed", "reopened"):
            by_key[one.key].append(one)
    for those in by_key.values():
        those.sort(key=lambda h: (h.at, h.number))
        runs: list[list[Happening]] = []
        for one in those:
            is_same = runs and runs[-1][0].event_type == one.event_type
            if is_same and one.at - runs[-1][0].at <= BESIDE:
                runs[-1].append(one)
            else:
                runs.append([one])
        reported = {
            kind: max(
                (h.at for h in those if h.event_type == kind and not h.is_notice), default=None
            )
            for kind in ("closed", "reopened")
        }
        closed_at = min((h.at for h in those if h.event_type == "closed"), default=datetime.max)
        for run in runs:
            kind, is_reported = run[0].event_type, not all(h.is_notice for h in run)
            last_at = reported[kind]
            if not is_reported and last_at and run[0].at <= last_at + BESIDE:
                continue
            if kind == "reopened" and is_reported and run[0].at < closed_at:
                kind = "opened"
            notice = next((h for h in run if h.is_notice), None)
            bots = next((h for h in run if h.actor_type == "automation"), None)
            says = notice or bots or run[0]
            kept.append(
                replace(
                    run[0],
                    event_type=kind,
                    actor_type=says.actor_type,
                    actor_agent_id=says.actor_agent_id,
                    is_timer=says.is_timer,
                )
            )
    return kept


def _json(text: str | None) -> dict[str, Any]:
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _pairs(*pairs: tuple[str, str | None]) -> Person:
    return tuple((kind, text) for kind, text in pairs if text)


def _see(found: Inbox, table: str, row: CsvRow, person: Person) -> None:
    at = moment(row.get("created_at"))
    if at is not None and person:
        found.sightings.append((f"chatwoot_{table}", at, person))


def numbers_of_inboxes(inbox: Inbox, seen: Mapping[str, str]) -> dict[str, str]:
    """Return the number that most messages of an inbox went over; ties go by byte order."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for record_id, inbox_id in {(m.record_id, m.inbox_id) for m in inbox.messages}:
        if record_id in seen:
            votes[inbox_id][seen[record_id]] += 1
    return {
        inbox_id: min(count, key=lambda n: (-count[n], n.encode()))
        for inbox_id, count in votes.items()
    }
