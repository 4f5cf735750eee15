"""fct_conversations again: cycles of platforms' conversations, and those inferred from messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from .business_seconds import Shift, business_seconds
from .clock import Stream, judge_stream, local_date
from .exports import Exports, native_channel
from .inbox import BESIDE, Conversation, Happening, State
from .kpis import NOBODY, Clock, Frame, rows_of
from .messages import Facts, Message, public_channel

CLOSED_BY = {"agent": "agent", "bot": "automation", "automation": "automation", "api": "automation"}
OPENED_BY = {
    "contact": "contact",
    "customer": "contact",
    "agent": "agent",
    "bot": "automation",
    "automation": "automation",
    "campaign": "campaign",
    "api": "api",
}
# A cycle by what it means, whatever its id is: whose, where, when, the n-th of its conversation.
CycleKey = tuple[str, str, datetime, int, str]


@dataclass
class Cycle:
    """One opening and what followed until the closing."""

    session_source: str
    contact_id: str
    channel_id: str
    opened_at: datetime
    cycle_number: int = 1
    conversation: Any = None
    opened_by: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closing_agent_id: str = "none"
    category: str = "none"
    assignee_agent_id: str | None = None
    has_clock_anomaly: bool = False
    messages: list[Message] = field(default_factory=list)
    events: list[Happening] = field(default_factory=list)
    next: Cycle | None = None
    before: Cycle | None = None

    @property
    def key(self) -> CycleKey:
        return (
            self.contact_id,
            self.channel_id,
            self.opened_at,
            self.cycle_number,
            self.session_source,
        )


@dataclass
class Service:
    """All cycles, the cycle of each message, and the watermarks of service."""

    cycles: list[Cycle]
    of_message: dict[str, Cycle]
    now: datetime
    messages_now: datetime
    hours: Hours
    conversations: dict[str, list[Cycle]]
    believed_until: datetime
    rows: Mapping[str, State]

    def now_of(self, cycle: Cycle) -> datetime:
        """Return the watermark of what tells of a cycle: inferred ones need messages alone."""
        return self.now if cycle.session_source == "platform" else self.messages_now


class Hours:
    """Opening hours, zones and targets of channels."""

    def __init__(self, exports: Exports, key: bytes, clock: Clock) -> None:
        self.zone = clock.zone
        shifts: dict[str, list[Shift]] = defaultdict(list)
        for row in exports.reference["business_hours"]:
            shift = Shift(int(row["iso_day_of_week"]), row["opens_at"], row["closes_at"])
            shifts[row["schedule_id"]].append(shift)
        self.shifts = dict(shifts)
        self.holidays: dict[str, set[date]] = defaultdict(set)
        for row in exports.reference["holidays"]:
            self.holidays[row["schedule_id"]].add(date.fromisoformat(row["holiday_on"]))
        self.zones: dict[str, str] = {}
        self.schedules: dict[str, str] = {}
        for number, inbox in exports.inbox.inboxes.items():
            native = native_channel(exports.inbox, f"chatwoot:{number}")
            if inbox.get("timezone"):
                self.zones[public_channel(key, native)] = inbox["timezone"]
        for row in exports.reference["channels"]:
            channel = public_channel(key, native_channel(exports.inbox, row["channel_id"]))
            if row.get("timezone"):
                self.zones[channel] = row["timezone"]
            if row.get("schedule_id") in self.shifts:
                self.schedules[channel] = row["schedule_id"]
        self.targets: dict[tuple[str | None, str | None], tuple[float, str]] = {}
        for row in exports.reference["sla_targets"]:
            if row["metric"] in ("first_response", "first_response_seconds"):
                native = row.get("channel_id") or ""
                named = public_channel(key, native_channel(exports.inbox, native))
                target = float(row["target_seconds"]), row.get("clock") or "calendar"
                self.targets[named or None, row.get("category") or None] = target

    def seconds(self, channel_id: str, begins: datetime, ends: datetime) -> float | None:
        """Return the business seconds of a span; None without a schedule."""
        schedule = self.schedules.get(channel_id)
        if schedule is None:
            return None
        zone = ZoneInfo(self.zones.get(channel_id, self.zone))
        spans = begins.replace(tzinfo=UTC), ends.replace(tzinfo=UTC)
        return business_seconds(self.shifts[schedule], self.holidays[schedule], zone, *spans)

    def target(self, channel_id: str, category: str) -> tuple[float, str] | None:
        """Return the target of a first response: the category's beats the channel's."""
        for key in ((channel_id, category), (None, category), (channel_id, None)):
            if key in self.targets:
                return self.targets[key]
        return None


def is_told(message: Message) -> bool:
    """Tell whether the customer said something: neither a reaction nor WhatsApp's own notice."""
    return message.is_activity and message.message_type != "reaction"


def is_answer(message: Message) -> bool:
    """Tell whether this is a message of ours that can answer a customer."""
    return (
        message.direction == "outbound"
        and message.failed_at is None
        and message.message_type != "reaction"
        and not message.is_campaign
    )


def is_human(message: Message) -> bool:
    """Tell whether a person of ours wrote it to the customer."""
    return is_answer(message) and message.sender_type == "agent"


def in_order(messages: Iterable[Message]) -> list[Message]:
    """Sort by time; in one second the customer wrote first."""
    return sorted(messages, key=lambda m: (m.message_at, m.direction != "inbound", m.message_id))


def conversations_clock(exports: Exports, settings: Mapping[str, Any]) -> list[Stream]:
    """Return the streams that tell of conversations, judged each by itself."""
    gap = timedelta(days=settings["clock_gap_days"])
    return [
        judge_stream(((place, at, None) for place, at in enumerate(times)), gap)
        for times in exports.inbox.clocks.values()
        if times
    ]


def find_cycles(exports: Exports, facts: Facts, key: bytes, settings: Mapping[str, Any]) -> Service:
    """Cut all conversations into cycles and put every message into its own."""
    streams = conversations_clock(exports, settings)
    marks = [s.watermark_at for s in streams if s.watermark_at]
    now = min(facts.watermark_at, max(marks)) if marks else facts.watermark_at
    clock = Clock(settings["reporting_timezone"], now, settings)
    hours = Hours(exports, key, clock)
    believed_until = max(marks, default=facts.watermark_at)
    latest = believed_until + timedelta(days=settings["clock_gap_days"])
    conversations, of_message = _platform_cycles(exports, facts, key, believed_until, latest)
    cycles = [cycle for told in conversations.values() for cycle in told]
    rest: dict[tuple[str, str], list[Message]] = defaultdict(list)
    open_in: dict[tuple[str, str], list[Cycle]] = defaultdict(list)
    for cycle in cycles:
        open_in[cycle.contact_id, cycle.channel_id].append(cycle)
    leeway = timedelta(seconds=settings["conversation_join_seconds"])
    for message in facts.messages:
        thread = message.contact_id, message.channel_id
        if message.message_id in of_message or message.has_clock_anomaly:
            continue
        if message.contact_id in NOBODY:
            continue
        joined = _joined(open_in[thread], message, leeway)
        if joined:
            of_message[message.message_id] = joined
            joined.messages.append(message)
        else:
            rest[thread].append(message)
    gap = timedelta(hours=settings["session_gap_hours"])
    for thread, messages in rest.items():
        cycles += _sessions(thread, in_order(messages), gap, facts.watermark_at, of_message)
    for cycle in cycles:
        cycle.messages = in_order(cycle.messages)
    return Service(
        cycles,
        of_message,
        now,
        facts.watermark_at,
        hours,
        conversations,
        believed_until,
        exports.inbox.states,
    )


def _joined(cycles: list[Cycle], message: Message, leeway: timedelta) -> Cycle | None:
    """Return the cycle that is open then, was so just before, or is about to be opened."""
    at = message.message_at

    def begun(cycle: Cycle) -> tuple[datetime, int]:
        return cycle.opened_at, cycle.cycle_number

    started = [c for c in cycles if c.opened_at <= at]
    if still_open := [c for c in started if c.closed_at is None or at < c.closed_at]:
        return max(still_open, key=begun)
    if message.is_campaign:
        return None
    just_closed = [c for c in started if c.closed_at and at - c.closed_at <= leeway]
    if just_closed and message.direction == "outbound":
        return max(just_closed, key=begun)
    about_to_open = [c for c in cycles if timedelta(0) < c.opened_at - at <= leeway]
    return min(about_to_open, key=begun, default=None)


def _sessions(
    thread: tuple[str, str],
    messages: list[Message],
    gap: timedelta,
    now: datetime,
    of_message: dict[str, Cycle],
) -> list[Cycle]:
    """Cut a thread by silences; campaigns and templates alone open nothing."""
    sessions: list[list[Message]] = []
    for message in messages:
        if not sessions or message.message_at - sessions[-1][-1].message_at > gap:
            sessions.append([])
        sessions[-1].append(message)
    found: list[Cycle] = []
    for session in sessions:
        if not any(
            is_told(m) or (is_answer(m) and m.sender_type in ("agent", "bot")) for m in session
        ):
            continue
        opens = (
            m
            for m in session
            if is_told(m) or (is_answer(m) and m.template_name == "none")
        )  # fmt: skip
        opening = next(opens, None)
        if opening is None:
            continue
        cycle = Cycle("inferred", *thread, opening.message_at, len(found) + 1, thread)
        first_told = next((m for m in session if is_told(m)), None)
        before = session[: session.index(first_told)] if first_told else []
        is_campaigns = any(m.is_campaign for m in before)
        cycle.opened_by = "campaign" if is_campaigns else OPENED_BY[opening.sender_type]
        last_at = session[-1].message_at
        if now > last_at + gap:
            cycle.closed_at, cycle.closed_by = last_at, "inactivity"
        cycle.messages = session[session.index(opening) :]
        of_message |= {m.message_id: cycle for m in cycle.messages}
        found.append(cycle)
    _chain(found)
    return found


def _chain(cycles: list[Cycle]) -> None:
    for one, following in pairwise(cycles):
        one.next, following.before = following, one


def _platform_cycles(
    exports: Exports, facts: Facts, key: bytes, believed_until: datetime, latest: datetime
) -> tuple[dict[str, list[Cycle]], dict[str, Cycle]]:
    listed = {c.key: c for c in exports.inbox.conversations}
    events: dict[str, list[Happening]] = defaultdict(list)
    for event in exports.inbox.happenings:
        events[event.key].append(event)
    messages: dict[str, list[Message]] = defaultdict(list)
    for message in facts.messages:
        if message.conversation_key:
            messages[message.conversation_key].append(message)
    found: dict[str, list[Cycle]] = {}
    of_message: dict[str, Cycle] = {}
    # Chatwoot files every message under a conversation, also where the list lacks it.
    filed = {name for name in messages if name.startswith("chatwoot:")}
    for name in listed.keys() | events.keys() | filed:
        told = listed.get(name)
        own = in_order(messages[name])
        contact_id = _contact(facts, told, own)
        if contact_id in facts.internal:
            continue
        native = told.channel_id if told else None
        channel_id = (
            public_channel(key, native_channel(exports.inbox, native))
            if native
            else (own[0].channel_id if own else "unknown")
        )
        believed = [e for e in events[name] if e.at <= believed_until]
        state = exports.inbox.states.get(name)
        if state and state.updated_at and state.updated_at > latest:
            state = None
        cycles = _cut(told, believed, [m for m in own if not m.has_clock_anomaly], state)
        for cycle in cycles:
            cycle.conversation, cycle.contact_id, cycle.channel_id = name, contact_id, channel_id
            if told:
                cycle.category, cycle.assignee_agent_id = told.category, told.assignee_agent_id
        for message in own:
            _last_begun(cycles, message.message_at).messages.append(message)
        for event in sorted(events[name], key=lambda e: (e.at, e.number)):
            _last_begun(cycles, event.at).events.append(event)
        for cycle in cycles:
            cycle.messages = in_order(cycle.messages)
            of_message |= {m.message_id: cycle for m in cycle.messages}
            if cycle.opened_by is None and cycle.messages:
                first = cycle.messages[0]
                by = "campaign" if first.is_campaign else OPENED_BY[first.sender_type]
                cycle.opened_by = by
        found[name] = cycles
    return found, of_message


def _contact(facts: Facts, told: Conversation | None, own: list[Message]) -> str:
    if told and (named := facts.people.contact_of(told.who)):
        return named
    return next((m.contact_id for m in own if m.contact_id not in NOBODY), "unknown")


def _last_begun(cycles: list[Cycle], at: datetime) -> Cycle:
    begun = [cycle for cycle in cycles if cycle.opened_at <= at]
    return begun[-1] if begun else cycles[0]


def _cut(
    told: Conversation | None,
    events: list[Happening],
    messages: list[Message],
    state: State | None,
) -> list[Cycle]:
    """Cut one conversation at its marks: openings, closings, and what the customer wrote."""
    # Time, then in one second: the list's opening, the customer, events, the list's closing.
    marks: list[tuple[datetime, int, int, str, str | None, Happening | None]] = []
    if told:
        marks.append((told.opened_at, 0, 0, "O", told.opened_by, None))
    for event in events:
        if event.event_type in ("opened", "reopened"):
            marks.append((event.at, 2, event.number, "O", event.actor_type, event))
        if event.event_type == "closed":
            marks.append((event.at, 2, event.number, "C", event.actor_type, event))
    for message in messages:
        if is_told(message):
            marks.append((message.message_at, 1, 0, "O", "contact", None))
    if told is None and not events and messages:
        begun_at = min(m.message_at for m in messages)
        if all(begun_at < mark[0] for mark in marks):
            marks.append((begun_at, 0, 0, "O", None, None))
    has_closing = any(mark[3] == "C" for mark in marks)
    if told and told.closed_at and not has_closing:
        marks.append((told.closed_at, 3, 0, "C", None, None))
    marks.sort(key=lambda mark: mark[:4])
    if has_closing and told and state and state.updated_at:
        last_at, last_kind = marks[-1][0], marks[-1][3]
        if last_kind == "O" and state.is_resolved:
            # Closed with the last activity, as long as that isn't older than the opening.
            closings = [at for at in (told.closed_at, state.updated_at) if at and at >= last_at]
            if closings:
                marks.append((closings[0], 3, 0, "C", None, None))
        elif last_kind == "C" and state.is_unresolved and state.updated_at > last_at + BESIDE:
            marks.append((state.updated_at, 3, 0, "O", None, None))
    cycles: list[Cycle] = []
    is_open = False
    traces = [m.message_at for m in messages] + [e.at for e in events]
    if not marks or marks[0][3] == "C":
        first_at = min([*traces, *(mark[0] for mark in marks)])
        cycles.append(Cycle("platform", "", "", first_at))
        is_open = True
    for at, _, _, kind, actor, cause in marks:
        if kind == "O" and not is_open:
            by = OPENED_BY.get(actor or "")
            cycles.append(Cycle("platform", "", "", at, len(cycles) + 1, opened_by=by))
            is_open = True
        elif kind == "C" and is_open:
            cycle, is_open = cycles[-1], False
            cycle.closed_at = at
            _close(cycle, told, actor, cause)
    if cycles and told and told.opened_by:
        cycles[0].opened_by = OPENED_BY.get(told.opened_by)
    _chain(cycles)
    return cycles


def _close(
    cycle: Cycle, told: Conversation | None, actor: str | None, event: Happening | None
) -> None:
    if event is None:
        if told and told.closing_agent_id:
            cycle.closed_by, cycle.closing_agent_id = "agent", told.closing_agent_id
        return
    if event.is_timer:
        cycle.closed_by = "inactivity"
    elif actor:
        cycle.closed_by = CLOSED_BY.get(actor)
    elif event.actor_agent_id:
        cycle.closed_by = "agent"
    if cycle.closed_by == "agent":
        cycle.closing_agent_id = event.actor_agent_id or "unknown"


def fct_conversations(service: Service, settings: Mapping[str, Any], zone: str) -> Frame:
    """Return what is told and worked out of every cycle."""
    rows = []
    for cycle in service.cycles:
        row = _times(cycle)
        _work(row, cycle, service, settings)
        row["opened_on"] = local_date(cycle.opened_at, zone)
        row["closed_on"] = local_date(cycle.closed_at, zone) if cycle.closed_at else None
        rows.append(row)
    frame = pd.DataFrame(rows, dtype=object)
    assert not frame["cycle"].duplicated().any(), "two cycles that mean the same"
    return frame


def _times(cycle: Cycle) -> dict[str, Any]:
    messages = [m for m in cycle.messages if not m.has_clock_anomaly]
    told = [m for m in messages if is_told(m)]
    people = [m for m in messages if is_human(m)]
    bots = [m for m in messages if is_answer(m) and m.sender_type == "bot"]
    begun = [
        (e.at, 0, e.bot_id or "unknown") for e in cycle.events if e.event_type == "bot_started"
    ]
    begun += [(m.message_at, 1, m.bot_id) for m in bots]
    bot_started_at, _, bot = min(begun, default=(None, 0, "none"))
    handed_off_at = min((e.at for e in cycle.events if e.event_type == "handoff"), default=None)
    first_inbound_at = told[0].message_at if told else None
    is_bots = bot_started_at is not None and (not people or bot_started_at < people[0].message_at)
    since = first_inbound_at
    if is_bots and handed_off_at and first_inbound_at:
        since = handed_off_at
    response = None
    if first_inbound_at and since and cycle.opened_by != "agent":
        from_at = max(since, first_inbound_at)
        response = next((m for m in people if m.message_at >= from_at), None)
    first_any_at = None
    if first_inbound_at:
        answers = (m for m in messages if is_answer(m) and m.sender_type in ("agent", "bot", "api"))
        first_any_at = next(
            (m.message_at for m in answers if m.message_at >= first_inbound_at), None
        )
    sent = [m for m in messages if m.direction == "outbound" and m.failed_at is None]
    after_bot = [m for m in told if bot_started_at and m.message_at > bot_started_at]
    received = [m for m in messages if m.is_activity]
    unknown = [m for m in messages if m.direction == "outbound" and m.cost_amount is None]
    priced = [m for m in messages if m.direction == "outbound" and m.cost_amount is not None]
    cost = None if unknown and not priced else sum((m.cost_amount or 0 for m in priced), Decimal(0))
    return {
        "cycle": cycle.key,
        "conversation": cycle.conversation,
        "session_source": cycle.session_source,
        "channel_id": cycle.channel_id,
        "contact_id": cycle.contact_id,
        "cycle_number": cycle.cycle_number,
        "opened_at": cycle.opened_at,
        "opened_by": cycle.opened_by,
        "category": cycle.category,
        "first_inbound_at": first_inbound_at,
        "waits_since": since,
        "is_bots": is_bots,
        "first_response_at": response.message_at if response else None,
        "first_any_response_at": first_any_at,
        "first_responder_agent_id": _named(response),
        "bot_started_at": bot_started_at,
        "first_bot_id": "unknown" if bot_started_at and bot == "none" else bot,
        "handed_off_at": handed_off_at,
        "closed_at": cycle.closed_at,
        "closed_by": cycle.closed_by,
        "first_agent_id": _named(people[0] if people else None),
        "closing_agent_id": cycle.closing_agent_id,
        "messages_received": len(received),
        "messages_sent": len(sent),
        "messages_sent_by_agents": len(people),
        "messages_sent_by_bots": len(bots),
        "messages_received_after_bot": len(after_bot),
        "last_message_at": max((m.message_at for m in messages), default=None),
        "message_cost_amount": cost,
        "has_clock_anomaly": cycle.has_clock_anomaly,
        "human_at": [m.message_at for m in people],
        "cycle_object": cycle,
    }


def _named(message: Message | None) -> str:
    if message is None:
        return "none"
    return "unknown" if message.agent_id == "none" else message.agent_id


def _work(row: dict[str, Any], cycle: Cycle, service: Service, settings: Mapping[str, Any]) -> None:
    def hours(name: str) -> timedelta:
        return timedelta(hours=settings[name])

    now, messages = service.now_of(cycle), [m for m in cycle.messages if not m.has_clock_anomaly]
    told = [m for m in messages if is_told(m)]
    response_at, since, closed_at = row["first_response_at"], row["waits_since"], cycle.closed_at
    row["first_response_seconds"] = row["first_response_business_seconds"] = None
    if response_at:
        row["first_response_seconds"] = (response_at - since).total_seconds()
        row["first_response_business_seconds"] = service.hours.seconds(
            cycle.channel_id, since, response_at
        )
    row["resolution_seconds"] = row["resolution_business_seconds"] = None
    row["full_resolution_seconds"] = None
    if closed_at:
        row["resolution_seconds"] = (closed_at - cycle.opened_at).total_seconds()
        row["resolution_business_seconds"] = service.hours.seconds(
            cycle.channel_id, cycle.opened_at, closed_at
        )
        if cycle.next is None:
            first = cycle
            while first.before:
                first = first.before
            row["full_resolution_seconds"] = (closed_at - first.opened_at).total_seconds()
    reopen = hours("reopen_window_hours")
    row["is_reopening"] = _is_reopening(cycle, reopen)
    row["was_reopened"] = cycle.next is not None and _is_reopening(cycle.next, reopen)
    row["is_one_touch"] = (
        closed_at is not None
        and row["first_inbound_at"] is not None
        and row["messages_sent_by_agents"] == 1
        and not row["was_reopened"]
    )
    row["is_abandoned"], row["abandonment_reason"] = _abandonment(
        row, cycle, told, messages, hours("abandonment_hours"), now
    )
    patience = hours("bot_confirm_hours"), hours("abandonment_hours")
    row["bot_outcome"] = _outcome(row, cycle, messages, *patience, now)
    target = service.hours.target(cycle.channel_id, cycle.category)
    row["sla_target_seconds"] = target[0] if target else None
    row["is_sla_met"] = _is_met(row, cycle, target, service) if target else None


def _is_reopening(cycle: Cycle, window: timedelta) -> bool:
    before = cycle.before
    return bool(before and before.closed_at and cycle.opened_at <= before.closed_at + window)


def _abandonment(
    row: dict[str, Any],
    cycle: Cycle,
    told: list[Message],
    messages: list[Message],
    window: timedelta,
    now: datetime,
) -> tuple[bool | None, str | None]:
    if not told:
        return False, None
    last_at = told[-1].message_at
    until = last_at + window
    if cycle.closed_at:
        until = min(until, max(cycle.closed_at, last_at))
    answers = [m for m in messages if is_answer(m) and m.sender_type in ("agent", "bot")]
    people = [m for m in answers if m.sender_type == "agent"]
    is_answered = any(last_at <= m.message_at <= until for m in answers)
    handed = row["handed_off_at"]
    is_queued = (
        handed is not None
        and handed <= until
        and not any(handed <= m.message_at <= until for m in people)
    )
    # Who is answered isn't left alone, whatever time it is; who isn't may yet be.
    if is_answered and not is_queued:
        return False, None
    if now <= until:
        return None, None
    if is_queued:
        return True, "queue_abandon"
    is_left_by_bot = row["bot_started_at"] is not None and handed is None and not people
    return True, "bot_dropoff" if is_left_by_bot else "no_response"


def _outcome(
    row: dict[str, Any],
    cycle: Cycle,
    messages: list[Message],
    confirm: timedelta,
    silence: timedelta,
    now: datetime,
) -> str | None:
    if row["bot_started_at"] is None:
        return None
    if row["handed_off_at"] or row["messages_sent_by_agents"]:
        return "handed_off"
    spoken = [m for m in messages if is_told(m) or is_answer(m)]
    if cycle.closed_at is None:
        last_at = max([row["bot_started_at"], *(m.message_at for m in spoken)])
        is_gone = cycle.session_source == "platform" and now - last_at > silence
        return "dropped_off" if is_gone else "open"
    if now <= cycle.closed_at + confirm:
        return "open"
    is_customers = bool(spoken) and spoken[-1].direction == "inbound"
    is_timed_out = cycle.session_source == "platform" and cycle.closed_by == "inactivity"
    is_back = cycle.next is not None and cycle.next.opened_at <= cycle.closed_at + confirm
    return "dropped_off" if is_customers or is_timed_out or is_back else "completed"


def _is_met(
    row: dict[str, Any], cycle: Cycle, target: tuple[float, str], service: Service
) -> bool | None:
    since = row["waits_since"]
    # With a bot nobody waits for a person before the handoff.
    is_bots_alone = row["is_bots"] and not row["handed_off_at"] and not row["first_response_at"]
    if since is None or cycle.opened_by == "agent" or is_bots_alone:
        return None
    seconds, clock = target
    until = row["first_response_at"] or service.now_of(cycle)
    if clock == "business":
        waited = service.hours.seconds(cycle.channel_id, since, until) if until > since else 0.0
        if waited is None:
            return None
    else:
        waited = (until - since).total_seconds()
    if row["first_response_at"]:
        return waited <= seconds
    return False if waited > seconds else None


def fct_responses(service: Service, facts: Facts, zone: str) -> Frame:
    """Return customer turns: what they wrote in one go, and the answer."""
    rows = []
    for cycle in service.cycles:
        for is_odd in (False, True):
            messages = [m for m in cycle.messages if m.has_clock_anomaly is is_odd]
            turns: list[tuple[list[Message], list[Message]]] = []
            for message in messages:
                if is_told(message):
                    if not turns or turns[-1][1]:
                        turns.append(([], []))
                    turns[-1][0].append(message)
                elif is_answer(message) and message.sender_type != "campaign" and turns:
                    turns[-1][1].append(message)
            for asked, answers in turns:
                people = [m for m in answers if m.sender_type == "agent"]
                # Of two agents of one second the smaller id answered.
                human = min(
                    (m for m in people if m.message_at == people[0].message_at),
                    key=lambda m: m.agent_id,
                    default=None,
                )
                first = asked[0]
                started_at = first.message_at
                human_at = human.message_at if human else None
                rows.append(
                    {
                        "cycle": cycle.key,
                        "contact_id": first.contact_id,
                        "channel_id": cycle.channel_id,
                        "started_at": started_at,
                        "started_on": local_date(started_at, zone),
                        "messages_received": len(asked),
                        "first_reply_at": answers[0].message_at if answers else None,
                        "first_human_reply_at": human_at,
                        "responder_agent_id": _named(human),
                        "response_seconds": (human_at - started_at).total_seconds()
                        if human_at
                        else None,
                        "response_business_seconds": service.hours.seconds(
                            cycle.channel_id, started_at, human_at
                        )
                        if human_at
                        else None,
                        "has_clock_anomaly": is_odd,
                    }
                )
    return pd.DataFrame(rows, dtype=object)


def fct_conversation_events(service: Service, zone: str) -> Frame:
    """Return what happened to platforms' conversations, with its cycle."""
    rows = []
    for name, cycles in service.conversations.items():
        given = [e for cycle in cycles for e in cycle.events if e.assignment_source]
        for cycle in cycles:
            for event in cycle.events:
                rows.append(
                    {
                        "cycle": cycle.key,
                        "event_type": event.event_type,
                        "occurred_at": event.at,
                        "occurred_on": local_date(event.at, zone),
                        "actor_type": event.actor_type,
                        "actor_agent_id": event.actor_agent_id or "none",
                        "assignee_agent_id": event.assignee_agent_id or "none",
                        "bot_id": event.bot_id or "none",
                        "channel_id": cycle.channel_id,
                        "assignment_source": event.assignment_source,
                    }
                )
        last = cycles[-1]
        if not given and last.assignee_agent_id:
            rows.append(_of_today(last, last.opened_at, last.assignee_agent_id, zone))
        given = [e for e in given if e.at <= service.believed_until]
        row = service.rows.get(name)
        if given and row:
            newest = max(given, key=lambda e: e.at)
            agent_id = row.assignee_agent_id or "none"
            is_newer = row.dumped_at >= newest.at
            if is_newer and agent_id != (newest.assignee_agent_id or "none"):
                at = newest.at + timedelta(microseconds=1)
                if row.updated_at:
                    at = max(at, min(row.updated_at, service.believed_until))
                rows.append(_of_today(_last_begun(cycles, at), at, agent_id, zone))
    return pd.DataFrame(rows, dtype=object)


def _of_today(cycle: Cycle, at: datetime, agent_id: str, zone: str) -> dict[str, Any]:
    """Return that the conversation is this agent's, as its platform has it today."""
    return {
        "cycle": cycle.key,
        "event_type": "unassigned" if agent_id == "none" else "assigned",
        "occurred_at": at,
        "occurred_on": local_date(at, zone),
        "actor_type": None,
        "actor_agent_id": "unknown",
        "assignee_agent_id": agent_id,
        "bot_id": "none",
        "channel_id": cycle.channel_id,
        "assignment_source": "current_assignee",
    }


def add_current_agents(conversations: Frame, events: Frame, service: Service) -> None:
    """Add who has each conversation at the end of its cycle; who has it keeps it when reopened."""
    given: dict[Any, tuple[datetime, str]] = {}
    for event in rows_of(events):
        if event["event_type"] in ("assigned", "unassigned"):
            told = event["occurred_at"], event["assignee_agent_id"]
            if event["cycle"] not in given or told[0] >= given[event["cycle"]][0]:
                given[event["cycle"]] = told
    has: dict[CycleKey, str] = {}
    for cycles in service.conversations.values():
        agent_id = "none"
        for cycle in cycles:
            agent_id = given.get(cycle.key, (None, agent_id))[1]
            has[cycle.key] = agent_id
    conversations["current_agent_id"] = [has.get(key, "none") for key in conversations["cycle"]]
