"""fct_survey_responses again: surveys of tools, of other systems, of Chatwoot."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from .clock import local_date
from .csv_streams import CsvRow, moment, who
from .cycles import Cycle, Service
from .exports import Exports
from .inbox import Person
from .kpis import Frame, rows_of
from .messages import Facts, message_id
from .survey_tools import read_tools

TYPES = ("nps", "csat", "ces", "review", "other")
LABEL = re.compile(r"[a-z][a-z_ -]{0,39}")

Answer = dict[str, Any]


def fct_survey_responses(
    raw: Path,
    exports: Exports,
    facts: Facts,
    service: Service,
    settings: Mapping[str, Any],
    zone: str,
) -> Frame:
    """Return one row per survey sent, or answer whose sending isn't known."""
    patterns = [
        (row["topic"], re.compile(row["pattern"], re.IGNORECASE))
        for row in exports.reference["feedback_topics"]
    ]
    told = [*_generic(exports), *_chatwoot(exports, facts), *_tools(raw)]
    listed = {c.key: facts.people.contact_of(c.who) for c in exports.inbox.conversations}
    rows = []
    for answer in told:
        if listed.get(answer["conversation"] or "") in facts.internal:
            continue
        cycles = service.conversations.get(answer.pop("conversation") or "", [])
        about = answer.pop("is_about")
        cycle = _cycle_of(cycles, answer)
        contact_id = facts.people.contact_of(answer.pop("who")) or (
            cycle.contact_id if cycle else "unknown"
        )
        if contact_id in facts.internal:
            continue
        comment = answer.pop("comment")
        rows.append(
            {
                **answer,
                "contact_id": contact_id,
                "cycle": cycle.key if cycle else ("unknown" if about else "none"),
                "channel_id": cycle.channel_id if cycle else answer.get("channel_id", "unknown"),
                "score": _score(answer),
                "has_comment": bool(comment),
                "topic": _topic(answer.get("topic"), comment, patterns),
                "sent_on": local_date(answer["sent_at"], zone) if answer["sent_at"] else None,
                "answered_on": local_date(answer["answered_at"], zone)
                if answer["answered_at"]
                else None,
                "has_clock_anomaly": False,
            }
        )
    kept = _without_repeats(rows, timedelta(days=settings["survey_repeat_days"]))
    columns = ["source_system", "survey_type", "contact_id", "cycle", "channel_id", "agent_id",
               "sent_at", "sent_on", "is_delivered", "answered_at", "answered_on", "score",
               "scale_max", "has_comment", "topic", "has_clock_anomaly"]  # fmt: skip
    return pd.DataFrame([[r[c] for c in columns] for r in kept], columns=columns, dtype=object)


def add_ratings(conversations: Frame, answers: Frame) -> None:
    """Add the last satisfaction rating of each cycle."""
    last: dict[Any, tuple[datetime, float]] = {}
    for answer in rows_of(answers):
        is_rating = answer["survey_type"] == "csat" and answer["score"] is not None
        if is_rating and answer["answered_at"]:
            found = answer["answered_at"], of_five(answer)
            last[answer["cycle"]] = max(last.get(answer["cycle"], found), found)
    conversations["csat_rating"] = pd.Series(
        [last[c][1] if c in last else None for c in conversations["cycle"]], dtype=object
    )


def of_five(answer: Mapping[str, Any]) -> float:
    """Read a rating on a scale of 1 to 5."""
    top = float(answer["scale_max"] or 5)
    return 1 + (float(answer["score"]) - 1) * 4 / (top - 1)


def _generic(exports: Exports) -> Iterator[Answer]:
    for row in exports.tables["survey_responses"]:
        system = row["vendor"] or "generic"
        conversation = row.get("conversation_id")
        answered_at, sent_at = row["answered_at"], row["sent_at"]
        if answered_at is None and sent_at is None:
            continue
        agent = row.get("agent_id")
        yield {
            "source_system": system,
            "survey_name": row["survey_type"],
            "survey_type": _type(row["survey_type"]),
            "who": who(row),
            "conversation": f"{system}:{conversation}" if conversation else None,
            "is_about": bool(conversation),
            "agent_id": f"{system}:{agent}" if agent else "unknown",
            "sent_at": sent_at,
            "answered_at": answered_at,
            "is_delivered": True if sent_at and answered_at else None,
            "score_text": row.get("score"),
            "scale_max": _scale(row["survey_type"], row.get("scale_max")),
            "comment": row.get("comment"),
            "topic": row.get("topic"),
        }


def _chatwoot(exports: Exports, facts: Facts) -> Iterator[Answer]:
    asked = exports.inbox.survey_messages
    answers: dict[str, CsvRow] = {r["message_id"]: r for r in exports.inbox.surveys}
    by_record = {m.record_id: m for m in exports.inbox.messages}
    delivered = {m.message_id: m.delivered_at for m in facts.messages}
    for number in asked.keys() | answers.keys():
        sent, answer = asked.get(number), answers.get(number)
        row: CsvRow = answer or sent or {}
        contact = answer.get("contact_id") if answer else None
        person: Person = (("platform", f"chatwoot:{contact}"),) if contact else ()
        arrived: bool | None = None
        if sent:
            arrived = sent.get("status") not in ("3", "failed")
            record = by_record[sent["record_id"]].record_id
            if record.startswith("wamid."):
                arrived = delivered.get(message_id("outbound", record)) is not None
            arrived = arrived or answer is not None
        agent = answer.get("assigned_agent_id") if answer else None
        yield {
            "source_system": "chatwoot",
            "survey_name": "",
            "survey_type": "csat",
            "who": person,
            "conversation": f"chatwoot:{row['conversation_id']}",
            "is_about": True,
            "agent_id": f"chatwoot:{agent}" if agent else ("none" if answer else "unknown"),
            "sent_at": moment(sent["created_at"]) if sent else None,
            "answered_at": moment(answer["created_at"]) if answer else None,
            "is_delivered": arrived,
            "score_text": answer.get("rating") if answer else None,
            "scale_max": 5.0,
            "comment": answer.get("feedback_message") if answer else None,
            "topic": None,
        }


def _tools(raw: Path) -> Iterator[Answer]:
    """Read the answers of tools."""
    for told in read_tools(raw):
        kind = _type(told.named["survey_type"])
        yield {
            "source_system": told.tool,
            "survey_name": told.named.get("survey") or told.named["score"],
            "survey_type": kind,
            "who": told.who,
            "conversation": None,
            "is_about": False,
            "agent_id": "unknown",
            "sent_at": None,
            "answered_at": told.answered_at,
            "is_delivered": None,
            "score_text": told.cell("score"),
            "scale_max": _scale(kind, told.named.get("scale_max")),
            "comment": told.cell("comment"),
            "topic": told.cell("topic"),
        }


def _type(text: str) -> str:
    return text.lower() if text.lower() in TYPES else "other"


def _scale(kind: str, told: Any) -> float | None:
    if told:
        return float(told)
    return {"nps": 10.0, "csat": 5.0}.get(kind.lower())


def _score(answer: Answer) -> float | None:
    try:
        score = float(answer["score_text"] or "")
    except ValueError:
        return None
    low = {"nps": 0.0, "csat": 1.0}.get(answer["survey_type"])
    if low is None:
        return score
    high = 10.0 if answer["survey_type"] == "nps" else (answer["scale_max"] or 5.0)
    return score if low <= score <= high and score == int(score) else None


def _topic(asked: str | None, comment: str | None, patterns: list[Any]) -> str:
    if asked:
        plain = asked.strip().lower()
        return plain if LABEL.fullmatch(plain) else "other"
    if not comment:
        return "none"
    votes: dict[str, int] = defaultdict(int)
    for topic, pattern in patterns:
        votes[topic] += bool(pattern.search(comment))
    best = max(votes.values(), default=0)
    return min(t for t, n in votes.items() if n == best) if best else "unknown"


def _cycle_of(cycles: list[Cycle], answer: Answer) -> Cycle | None:
    """Return the cycle that was on when the survey was sent, or was closed last."""
    at = answer["sent_at"] or answer["answered_at"]
    begun = [c for c in cycles if c.opened_at <= at]
    return begun[-1] if begun else (cycles[0] if cycles else None)


def _without_repeats(rows: list[Answer], window: timedelta) -> list[Answer]:
    """Of answers of one person to one survey or conversation keep the last within the window."""
    kept: list[Answer] = []
    series: dict[Any, list[Answer]] = defaultdict(list)
    for row in rows:
        is_bare = row["sent_at"] is None and row["answered_at"] and row["contact_id"] != "unknown"
        if not is_bare:
            kept.append(row)
            continue
        about = row["cycle"] if row["cycle"] not in ("none", "unknown") else row["survey_name"]
        series[row["source_system"], row["survey_type"], row["contact_id"], about].append(row)
    for answers in series.values():
        answers.sort(key=lambda r: r["answered_at"])
        for one, following in zip(answers, [*answers[1:], None], strict=True):
            if following is None or following["answered_at"] - one["answered_at"] > window:
                kept.append(one)
    return kept
