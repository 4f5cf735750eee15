"""The marts of service again: how customers are answered, by channel, category, agent and bot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from .clock import GRAINS, end_at, local_date, next_period, period_start, periods
from .contacts import leads
from .costs import Card
from .cycles import Cycle, Service, is_human
from .kpis import MICRO, NOBODY, STATUS_WINDOW_DAYS, Clock, Frame, add_rates, rows_of
from .surveys import of_five

Rows = list[dict[str, Any]]
OPENERS = ("contact", "agent", "automation", "campaign", "api")
REASONS = ("no_response", "queue_abandon", "bot_dropoff")
ORDERS_OF_AGENTS = (
    *("orders_attributed", "orders_attributed_amount_unknown", "attributed_revenue_amount"),
)
OUTCOMES = {"completed": "bot_completed", "handed_off": "bot_handed_off",
            "dropped_off": "bot_dropped_off", "open": "bot_open"}  # fmt: skip


class Book:
    """Rows with their day, looked up by key and period; after today nothing counts yet."""

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], day: str, keys: list[str], today: date
    ) -> None:
        self.rows: dict[tuple[Any, ...], Rows] = defaultdict(list)
        self.first: dict[tuple[Any, ...], date] = {}
        self.by_key: dict[tuple[Any, ...], Rows] = defaultdict(list)
        for row in rows:
            if row[day] is None or row[day] > today:
                continue
            key = tuple(row[k] for k in keys)
            self.first[key] = min(self.first.get(key, date.max), row[day])
            self.by_key[key].append(dict(row))
            for grain in GRAINS:
                self.rows[(grain, period_start(row[day], grain), *key)].append(dict(row))

    def of(self, grain: str, start: date, key: tuple[Any, ...]) -> Rows:
        """Return the rows of a period."""
        return self.rows.get((grain, start, *key), [])


def quantile(values: Iterable[Any], share: float = 0.5) -> float | None:
    """Return a quantile, interpolated; None of nothing."""
    known = [float(v) for v in values if v is not None]
    return float(np.quantile(known, share)) if known else None


def grid(first: Mapping[tuple[Any, ...], date], clock: Clock) -> list[tuple[Any, ...]]:
    """Return (grain, start, key) of every period from a key's first day to now."""
    return [
        (grain, start, key)
        for grain in GRAINS
        for key, day in sorted(first.items())
        for start in periods(day, clock.today, grain)
    ]


def ends(row: dict[str, Any], clock: Clock, window: timedelta) -> None:
    """Add whether the period is over, and the window after it."""
    end = end_at(row["period_start_on"], row["period_grain"], clock.zone)
    row["is_complete"] = clock.now >= end
    row["is_mature"] = clock.now >= end + window


def believed(frame: Frame) -> Rows:
    """Return the rows that period marts count."""
    return [row for row in rows_of(frame) if not row["has_clock_anomaly"]]


def _hours(clock: Clock, *names: str) -> timedelta:
    return max(timedelta(hours=clock.settings[name]) for name in names)


def kpi_service(
    conversations: Frame, turns: Frame, clock: Clock, labour: Mapping[date, Fraction] | None = None
) -> Frame:
    """Return openings, closings, the stock, waits and costs per channel."""
    cycles = believed(conversations)
    opened = Book(cycles, "opened_on", ["channel_id"], clock.today)
    closed = Book(cycles, "closed_on", ["channel_id"], clock.today)
    asked = Book(believed(turns), "started_on", ["channel_id"], clock.today)
    # Of each month the same for every conversation closed in it.
    closed_in = Counter(c["closed_on"].replace(day=1) for c in cycles if c["closed_on"])
    window = max(
        timedelta(days=STATUS_WINDOW_DAYS),
        _hours(clock, "session_gap_hours", "abandonment_hours", "reopen_window_hours"),
    )
    rows = []
    # A turn may be all that is known of a channel, or of its first day.
    first = {
        key: min(book.first[key] for book in (opened, asked) if key in book.first)
        for key in opened.first | asked.first
    }
    for grain, start, key in grid(first, clock):
        begun, over = opened.of(grain, start, key), closed.of(grain, start, key)
        after = next_period(start, grain)
        new = [c for c in begun if not c["is_reopening"]]
        with_inbound = [c for c in begun if c["first_inbound_at"]]
        responded = [c for c in begun if c["first_response_at"]]
        waits = [c["first_response_seconds"] for c in responded]
        business = [c["first_response_business_seconds"] for c in responded]
        left = [c for c in with_inbound if c["is_abandoned"]]
        with_sla = [c for c in begun if c["is_sla_met"] is not None]
        turned = asked.of(grain, start, key)
        answered = [t["response_seconds"] for t in turned if t["first_human_reply_at"]]
        resolutions = [c["resolution_seconds"] for c in over]
        costs = [c["message_cost_amount"] for c in over if c["message_cost_amount"] is not None]
        cost = sum(costs, Decimal(0)).quantize(MICRO) if costs or not over else None
        row = {
            "period_grain": grain,
            "period_start_on": start,
            "channel_id": key[0],
            "conversations_open_at_start": _stock(opened, closed, key, start),
            "conversations_opened": len(new),
            "conversations_reopened": len(begun) - len(new),
            "conversations_closed": len(over),
            "conversations_open_at_end": _stock(opened, closed, key, after),
            **{
                f"conversations_opened_by_{who}": sum(c["opened_by"] == who for c in new)
                for who in OPENERS
            },
            "conversations_with_inbound": len(with_inbound),
            "conversations_responded": len(responded),
            "first_response_seconds_median": quantile(waits),
            "first_response_seconds_p90": quantile(waits, 0.9),
            "first_response_seconds_avg": sum(waits) / len(waits) if waits else None,
            "first_response_business_seconds_median": quantile(business),
            "first_response_business_seconds_p90": quantile(business, 0.9),
            "conversations_abandoned": len(left),
            **{
                f"conversations_abandoned_{reason}": sum(
                    c["abandonment_reason"] == reason for c in left
                )
                for reason in REASONS
            },
            "conversations_with_sla": len(with_sla),
            "conversations_sla_met": sum(c["is_sla_met"] for c in with_sla),
            "turns_received": len(turned),
            "turns_answered": len(answered),
            "response_seconds_median": quantile(answered),
            "response_seconds_p90": quantile(answered, 0.9),
            "resolution_seconds_median": quantile(resolutions),
            "resolution_seconds_p90": quantile(resolutions, 0.9),
            "conversations_closed_reopened": sum(c["was_reopened"] for c in over),
            "conversations_one_touch": sum(c["is_one_touch"] for c in over),
            "message_cost_amount": cost,
            "conversations_cost_unknown": len(over) - len(costs),
        }
        worked = None
        if labour is not None:
            months = [c["closed_on"].replace(day=1) for c in over]
            worked = float(
                sum((labour.get(m, 0) / Fraction(closed_in[m]) for m in months), Fraction(0))
            )
        row["labour_cost_amount"] = worked
        row["cost_per_closed_conversation_amount"] = (
            (float(cost) + (worked or 0)) / len(over) if over and cost is not None else None
        )
        ends(row, clock, window)
        rows.append(row)
    mart = pd.DataFrame(rows, dtype=object)
    add_rates(
        mart,
        {
            "abandonment_rate": ("conversations_abandoned", "conversations_with_inbound"),
            "sla_met_rate": ("conversations_sla_met", "conversations_with_sla"),
            "reopen_rate": ("conversations_closed_reopened", "conversations_closed"),
            "one_touch_rate": ("conversations_one_touch", "conversations_closed"),
        },
    )
    return mart


def labour_of_months(exports: Any, settings: Mapping[str, Any]) -> dict[date, Fraction] | None:
    """Return the share of labour costs that goes into conversations, by the month."""
    share = settings.get("labour_cost_share")
    told = [
        row
        for row in exports.tables["costs"]
        if row["cost_type"].lower() == "labour" and not row.get("campaign_id")
    ]
    if share is None or not told:
        return None
    found: dict[date, Fraction] = defaultdict(Fraction)
    card = Card(exports)
    for row in told:
        first, last = date.fromisoformat(row["starts_on"]), date.fromisoformat(row["ends_on"])
        days = (last - first).days + 1
        for place in range(days):
            on = first + timedelta(days=place)
            rate = card.exchange(row["currency_code"], settings["reporting_currency"], first)
            assert rate is not None, "an edge case with a missing rate"
            part = Fraction(row["amount"]) * rate * Fraction(str(share)) / days
            found[on.replace(day=1)] += part
    return dict(found)


def _stock(opened: Book, closed: Book, key: tuple[Any, ...], before: date) -> int:
    begun = sum(c["opened_on"] < before for c in opened.by_key[key])
    return begun - sum(c["closed_on"] < before for c in closed.by_key[key])


def kpi_conversation_categories(conversations: Frame, clock: Clock) -> Frame:
    """Return what customers write about, per channel."""
    keys = ["channel_id", "category"]
    cycles = believed(conversations)
    opened, closed = (
        Book(cycles, "opened_on", keys, clock.today),
        Book(cycles, "closed_on", keys, clock.today),
    )
    rows = []
    for grain, start, key in grid(opened.first, clock):
        over = closed.of(grain, start, key)
        row = {
            "period_grain": grain,
            "period_start_on": start,
            **dict(zip(keys, key, strict=True)),
            "conversations_opened": sum(
                not c["is_reopening"] for c in opened.of(grain, start, key)
            ),
            "conversations_closed": len(over),
            "resolution_seconds_median": quantile(c["resolution_seconds"] for c in over),
        }
        ends(row, clock, _hours(clock, "session_gap_hours"))
        rows.append(row)
    mart = pd.DataFrame(rows, dtype=object)
    of_all = mart.groupby(["period_grain", "period_start_on", "channel_id"])
    mart["conversations_opened_on_channel"] = of_all["conversations_opened"].transform("sum")
    add_rates(
        mart,
        {"share_of_conversations": ("conversations_opened", "conversations_opened_on_channel")},
    )
    return mart


def kpi_automation(conversations: Frame, clock: Clock) -> Frame:
    """Return what became of the conversations with a bot."""
    bots = [c for c in believed(conversations) if c["bot_started_at"]]
    opened = Book(bots, "opened_on", ["channel_id"], clock.today)
    rows = []
    for grain, start, key in grid(opened.first, clock):
        begun = opened.of(grain, start, key)
        handed = [c for c in begun if c["handed_off_at"]]
        answered = [
            c
            for c in handed
            if c["first_response_at"] and c["first_response_at"] >= c["handed_off_at"]
        ]
        row = {
            "period_grain": grain,
            "period_start_on": start,
            "channel_id": key[0],
            "bot_conversations": len(begun),
            "bot_engaged": sum(c["messages_received_after_bot"] > 0 for c in begun),
            **{
                name: sum(c["bot_outcome"] == outcome for c in begun)
                for outcome, name in OUTCOMES.items()
            },
            "handoffs_timed": len(handed),
            "median_seconds_to_handoff": quantile(
                (c["handed_off_at"] - c["bot_started_at"]).total_seconds() for c in handed
            ),
            "handoffs_answered": len(answered),
            "median_wait_after_handoff_seconds": quantile(
                (c["first_response_at"] - c["handed_off_at"]).total_seconds() for c in answered
            ),
        }
        ends(row, clock, _hours(clock, "session_gap_hours", "bot_confirm_hours"))
        rows.append(row)
    mart = pd.DataFrame(rows, dtype=object)
    add_rates(
        mart,
        {
            "chatbot_engagement_rate": ("bot_engaged", "bot_conversations"),
            "bot_completion_rate": ("bot_completed", "bot_conversations"),
            "human_handoff_rate": ("bot_handed_off", "bot_conversations"),
            "bot_dropoff_rate": ("bot_dropped_off", "bot_conversations"),
        },
    )
    return mart


def kpi_agents(
    conversations: Frame,
    events: Frame,
    messages: Frame,
    surveys: Frame,
    service: Service,
    clock: Clock,
) -> Frame:
    """Return what each agent did: assigned by the log, answered by the sender, closed by closer."""
    cycles = believed(conversations)
    keys = ["agent_id"]
    by_cycle = {c["cycle"]: c for c in cycles}
    log = [e for e in rows_of(events) if e["event_type"] in ("assigned", "unassigned")]
    assigned = [
        {"agent_id": e["assignee_agent_id"], "on": e["occurred_on"], "cycle": e["cycle"]}
        for e in log
        if e["event_type"] == "assigned" and e["assignee_agent_id"] != "none"
    ]
    sent, replies = [], []
    for row in rows_of(messages):
        is_theirs = row["direction"] == "outbound" and row["sender_type"] == "agent"
        if row["has_clock_anomaly"] or not is_theirs or row["sent_at"] is None:
            continue
        sent.append({"agent_id": row["agent_id"], "on": row["message_on"]})
    responded = [
        {"agent_id": c["first_responder_agent_id"], "on": c["opened_on"],
         "seconds": c["first_response_seconds"]}
        for c in cycles if c["first_response_at"]
    ]  # fmt: skip
    closings = [
        {
            "agent_id": c["closing_agent_id"],
            "on": c["closed_on"],
            "seconds": c["resolution_seconds"],
        }
        for c in cycles
        if c["closed_on"] and c["closing_agent_id"] != "none"
    ]
    first_answers = []
    log_of: dict[Any, Rows] = defaultdict(list)
    for event in log:
        log_of[event["cycle"]].append(event)
    for c in cycles:
        own: Cycle = c["cycle_object"]
        since = c["first_inbound_at"]
        seen: set[str] = set()
        for m in own.messages:
            if m.has_clock_anomaly or not is_human(m) or since is None or m.message_at < since:
                continue
            agent_id = m.agent_id
            on = local_date(m.message_at, clock.zone)
            replies.append({"agent_id": agent_id, "on": on, "cycle": c["cycle"],
                            "contact_id": c["contact_id"]})  # fmt: skip
            if agent_id in seen:
                continue
            seen.add(agent_id)
            before = sorted(
                (e for e in log_of[c["cycle"]] if e["occurred_at"] <= m.message_at),
                key=lambda e: e["occurred_at"],
            )
            if before and before[-1]["assignee_agent_id"] == agent_id:
                # Told again it doesn't begin anew.
                others = [n for n, e in enumerate(before) if e["assignee_agent_id"] != agent_id]
                given = before[others[-1] + 1 if others else 0]
                seconds = (m.message_at - max(given["occurred_at"], since)).total_seconds()
                first_answers.append({"agent_id": agent_id, "on": on, "seconds": seconds})
    rated = []
    if len(surveys):
        rated = [
            {"agent_id": s["agent_id"], "on": s["answered_on"], "score": s["score"]}
            for s in rows_of(surveys)
            if s["survey_type"] == "csat" and s["score"] is not None and s["answered_on"]
            and s["agent_id"] != "none" and not s["has_clock_anomaly"]
        ]  # fmt: skip
    names_agents = any(s["agent_id"] != "unknown" for s in rated)
    books = {
        name: Book(rows, "on", keys, clock.today)
        for name, rows in (
            ("assigned", assigned), ("sent", sent), ("replies", replies), ("closed", closings),
            ("responded", responded), ("first", first_answers),
            ("rated", rated if names_agents else []),
        )
    }  # fmt: skip
    first: dict[tuple[Any, ...], date] = {}
    for book in books.values():
        for key, day in book.first.items():
            first[key] = min(first.get(key, date.max), day)
    rows = []
    for grain, start, key in grid(first, clock):
        of = {name: book.of(grain, start, key) for name, book in books.items()}
        scores = [r["score"] for r in of["rated"]]
        row = {
            "period_grain": grain,
            "period_start_on": start,
            "agent_id": key[0],
            "conversations_assigned": len({r["cycle"] for r in of["assigned"]})
            if assigned
            else None,
            "conversations_replied": len({r["cycle"] for r in of["replies"]}),
            "conversations_closed": len(of["closed"]),
            "contacts_replied": len({r["contact_id"] for r in of["replies"]} - set(NOBODY)),
            "messages_sent": len(of["sent"]),
            "conversations_first_responded": len(of["responded"]),
            "first_response_seconds_median": quantile(r["seconds"] for r in of["responded"]),
            "assignments_responded": len(of["first"]),
            "assignment_to_first_response_seconds_median": quantile(
                r["seconds"] for r in of["first"]
            ),
            "resolution_seconds_median": quantile(r["seconds"] for r in of["closed"]),
            "csat_responses": len(scores) if names_agents else None,
            "csat_responses_satisfied": sum(s >= 4 for s in scores) if names_agents else None,
            "conversations_open_at_end": _held(
                key[0], by_cycle, log, end_at(start, grain, clock.zone)
            ),
        }
        ends(row, clock, _hours(clock, "session_gap_hours", "abandonment_hours"))
        rows.append(row)
    mart = pd.DataFrame(rows, dtype=object)
    add_rates(mart, {"csat_rate": ("csat_responses_satisfied", "csat_responses")})
    return mart


def orders_of_agents(
    agents: Frame, orders: Frame, clock: Clock, orders_now: datetime | None
) -> Frame:
    """Return the orders that each row's agent is credited with; None where orders end before."""
    counted = [
        row for row in rows_of(orders) if row["is_counted"] and row["attributed_agent_id"] != "none"
    ]
    last_on = local_date(orders_now, clock.zone) if orders_now else None
    today = min(clock.today, last_on) if last_on else clock.today
    book = Book(counted, "ordered_on", ["attributed_agent_id"], today)
    found = []
    for row in rows_of(agents[["period_grain", "period_start_on", "agent_id"]]):
        if last_on is None or row["period_start_on"] > last_on:
            found.append({**row, **dict.fromkeys(ORDERS_OF_AGENTS)})
            continue
        own = book.of(row["period_grain"], row["period_start_on"], (row["agent_id"],))
        known = [o["net_amount"] for o in own if o["net_amount"] is not None]
        amounts = (len(own), len(own) - len(known), sum(known, Decimal(0)))
        told = dict(zip(ORDERS_OF_AGENTS, amounts, strict=True))
        if own and not known:
            told["attributed_revenue_amount"] = None
        found.append({**row, **told})
    return pd.DataFrame(found, dtype=object)


def _held(agent_id: str, by_cycle: Mapping[Any, dict[str, Any]], log: Rows, end: datetime) -> int:
    """Count open conversations that lay with the agent when the period ended."""
    last: dict[Any, dict[str, Any]] = {}
    for event in sorted(log, key=lambda e: e["occurred_at"]):
        cycle = by_cycle.get(event["cycle"])
        if cycle is not None and event["occurred_at"] < end:
            last[cycle["conversation"]] = event
    # Who has it today had it all the time, where no export tells of an assignment.
    logged = {
        by_cycle[e["cycle"]]["conversation"]
        for e in log
        if e["assignment_source"] != "current_assignee" and e["cycle"] in by_cycle
    }
    today = {
        by_cycle[e["cycle"]]["conversation"]: e
        for e in log
        if e["assignment_source"] == "current_assignee" and e["cycle"] in by_cycle
    }
    for conversation in logged & today.keys():
        del today[conversation]
    held = 0
    for cycle in by_cycle.values():
        is_open = cycle["opened_at"] < end and (
            cycle["closed_at"] is None or cycle["closed_at"] >= end
        )
        given = last.get(cycle["conversation"]) or today.get(cycle["conversation"])
        held += is_open and given is not None and given["assignee_agent_id"] == agent_id
    return held


def kpi_csat(surveys: Frame, clock: Clock) -> Frame:
    """Return satisfaction surveys by the day they were sent, and answers by their own day."""
    rows = [s for s in believed(surveys) if s["survey_type"] == "csat"]
    sent = Book(rows, "sent_on", ["channel_id"], clock.today)
    answered = Book(
        (s for s in rows if s["score"] is not None), "answered_on", ["channel_id"], clock.today
    )
    first = dict(sent.first)
    for key, day in answered.first.items():
        first[key] = min(first.get(key, date.max), day)
    found = []
    for grain, start, key in grid(first, clock):
        asked, told = sent.of(grain, start, key), answered.of(grain, start, key)
        scores = [of_five(s) for s in told]
        # Where nobody tells of deliveries what was sent counts.
        arrived = [s for s in asked if s["is_delivered"] is not False]
        row = {
            "period_grain": grain,
            "period_start_on": start,
            "channel_id": key[0],
            "surveys_sent": len(arrived),
            "surveys_undelivered": len(asked) - len(arrived),
            "surveys_sent_answered": sum(s["answered_at"] is not None for s in arrived),
            "responses": len(told),
            "responses_satisfied": sum(s >= 4 for s in scores),
            "csat_average": sum(scores) / len(scores) if scores else None,
        }
        ends(row, clock, timedelta(days=clock.settings["survey_repeat_days"]))
        found.append(row)
    mart = pd.DataFrame(found, dtype=object)
    if len(mart):
        add_rates(
            mart,
            {
                "survey_response_rate": ("surveys_sent_answered", "surveys_sent"),
                "csat_rate": ("responses_satisfied", "responses"),
            },
        )
    return mart


def kpi_nps(surveys: Frame, clock: Clock) -> Frame:
    """Return promoters and detractors: of each contact the latest answer in the period."""
    rows = [s for s in believed(surveys) if s["survey_type"] == "nps" and s["score"] is not None]
    answered = Book(rows, "answered_on", [], clock.today)
    found = []
    for grain, start, key in grid(answered.first, clock):
        latest: dict[Any, dict[str, Any]] = {}
        told = sorted(answered.of(grain, start, key), key=lambda s: s["answered_at"])
        for place, survey in enumerate(told):
            whose = survey["contact_id"]
            latest[place if whose in NOBODY else whose] = survey
        scores = [s["score"] for s in latest.values()]
        n, up, down = len(scores), sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
        row: dict[str, Any] = {
            "period_grain": grain,
            "period_start_on": start,
            "responses": n,
            "promoters": up,
            "passives": n - up - down,
            "detractors": down,
            "nps": 100 * (up - down) / n if n else None,
            "nps_ci_low": None,
            "nps_ci_high": None,
            "is_reliable": n >= 30,
        }
        ends(row, clock, timedelta(days=clock.settings["survey_repeat_days"]))
        if n:
            p, d = up / n, down / n
            half = 196 * float(np.sqrt((p + d - (p - d) ** 2) / n))
            row["nps_ci_low"], row["nps_ci_high"] = row["nps"] - half, row["nps"] + half
        found.append(row)
    return pd.DataFrame(found, dtype=object)


def kpi_feedback(surveys: Frame, clock: Clock) -> Frame:
    """Return answers by survey and topic."""
    keys = ["survey_type", "topic"]
    answered = Book(
        (s for s in believed(surveys) if s["answered_at"]), "answered_on", keys, clock.today
    )
    found = []
    for grain, start, key in grid(answered.first, clock):
        told = answered.of(grain, start, key)
        scores = [s["score"] for s in told if s["score"] is not None]
        row = {
            "period_grain": grain,
            "period_start_on": start,
            **dict(zip(keys, key, strict=True)),
            "responses": len(told),
            "responses_with_comment": sum(s["has_comment"] for s in told),
            "responses_scored": len(scores),
            "score_average": sum(scores) / len(scores) if scores else None,
        }
        ends(row, clock, timedelta(days=clock.settings["survey_repeat_days"]))
        found.append(row)
    mart = pd.DataFrame(found, dtype=object)
    if len(mart):
        whole = mart.groupby(["period_grain", "period_start_on", "survey_type"])["responses"]
        mart["responses_of_survey_type"] = whole.transform("sum")
        add_rates(mart, {"share_of_responses": ("responses", "responses_of_survey_type")})
    return mart


def sales_columns(
    conversations: Frame, exports: Any, facts: Any, of_service: Clock, clock: Clock
) -> Frame:
    """Return who began a conversation, and who of them became a lead, per period of sales.

    None where conversations end before the period does, or before the last day of a running one.
    """
    cycles = believed(conversations)
    opened = Book(cycles, "opened_on", [], clock.today)
    people = leads(exports, facts)
    led = {
        (lead["contact_id"], grain, period_start(local_date(lead["created_at"], clock.zone), grain))
        for lead in people.to_dict("records")
        for grain in GRAINS
    }
    found = []
    for grain, start, key in grid(opened.first, clock):
        begun = opened.of(grain, start, key)
        began = {
            c["contact_id"] for c in begun if c["opened_by"] == "contact" and not c["is_reopening"]
        } - set(NOBODY)
        with_lead = sum((who, grain, start) in led for who in began) if len(people) else None
        ends_at = end_at(start, grain, clock.zone)
        is_running = clock.now < ends_at and of_service.today >= clock.today
        if of_service.now < ends_at and not is_running:
            found.append({"period_grain": grain, "period_start_on": start})
            continue
        found.append(
            {
                "period_grain": grain,
                "period_start_on": start,
                "contacts_started_conversation": len(began),
                "contacts_started_lead": with_lead,
                "lead_generation_rate": with_lead / len(began)
                if began and with_lead is not None
                else None,
                "conversations_with_inbound": sum(c["first_inbound_at"] is not None for c in begun),
            }
        )
    return pd.DataFrame(found, dtype=object)
