"""Conversations and surveys of the demo: folded from their exports, they are the truth."""

from __future__ import annotations

import csv
import json
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.demo import DemoSettings, generate

SETTINGS = DemoSettings(contacts=400, days=100, seed=4)
INBOX = (
    "conversations",
    "messages",
    "reporting_events",
    "contacts",
    "contact_inboxes",
    "csat_survey_responses",
    "inboxes",
    "users",
    "teams",
    "agent_bots",
)
SECOND = ("conversations", "messages", "agents", "survey_responses")
STREAMS = (
    *(f"chatwoot/{table}" for table in INBOX),
    *(f"mapped/respond.io/{stream}" for stream in SECOND),
    "surveys/typeform",
    "surveys/delighted",
    "generic/survey_responses",
    *(f"reference/{table}" for table in ("channels", "business_hours", "holidays", "sla_targets")),
)
INDIA = timedelta(minutes=330)


@dataclass(frozen=True)
class Drawn:
    out: Path
    truth: Path

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows of `truth.<name>`."""
        with duckdb.connect(str(self.truth), read_only=True) as connection:
            cursor = connection.execute(f"from truth.{name}")
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def rows(self, stream: str) -> list[dict[str, str]]:
        """All rows of a stream, in the order of its files."""
        found = []
        for path in sorted((self.out / stream).glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                found += list(csv.DictReader(file))
        return found


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    base = tmp_path_factory.mktemp("demo_service")
    generate(base / "raw", SETTINGS, base / "drawn.duckdb", only=STREAMS)
    return Drawn(base / "raw", base / "drawn.duckdb")


def time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def cycles_of(drawn: Drawn, source: str) -> dict[tuple[int, int], dict[str, Any]]:
    return {
        (row["conversation_no"], row["cycle_number"]): row
        for row in drawn.table("conversations")
        if row["source"] == source
    }


def test_every_file_has_its_stream_and_its_head(drawn: Drawn) -> None:
    for stream in STREAMS:
        assert drawn.rows(stream), stream
        for path in (drawn.out / stream).glob("*.csv"):
            with path.open(encoding="utf-8", newline="") as file:
                head, *rows = csv.reader(file)
            assert {len(row) for row in rows} == {len(head)}, path
    for stream in (*(f"mapped/respond.io/{name}" for name in SECOND), "surveys/typeform"):
        [reading] = (drawn.out / stream).glob("*.yml")
        theirs = yaml.safe_load(reading.read_text(encoding="utf-8"))
        cells = set(drawn.rows(stream)[0])
        named = set(theirs.get("columns", {}).values()) | set(theirs.get("ignore", []))
        assert named == cells if "mapped" in stream else theirs["score"] in cells


def test_an_inbox_and_the_logs_tell_of_the_same_messages(drawn: Drawn) -> None:
    known = {row["wamid"]: row for row in drawn.table("messages") if row["wamid"]}
    seen = set()
    for row in drawn.rows("chatwoot/messages"):
        if row["private"] == "t" or row["message_type"] == "2":
            assert not row["source_id"]
            continue
        message = known[row["source_id"]]
        assert row["source_id"] not in seen
        seen.add(row["source_id"])
        is_inbound = row["message_type"] == "0"
        assert message["direction"] == ("inbound" if is_inbound else "outbound")
        assert message["message_at"] == time(row["created_at"])
        senders = {"Contact": "contact", "User": "agent", "AgentBot": "bot", "": "api"}
        assert message["sender_type"] == senders[row["sender_type"]]
        if row["sender_type"] == "User":
            assert message["agent_id"] == f"chatwoot:{row['sender_id']}"
        if row["status"] == "3":
            code = json.loads(row["content_attributes"])["external_error"].split(":")[0]
            assert message["error_code"] == int(code)
    numbers = {known[wamid]["phone_number_id"] for wamid in seen}
    assert numbers == {"104200000000002", "104200000000003"}
    contacts = {row["id"]: row["phone_number"] for row in drawn.rows("chatwoot/contacts")}
    for row in drawn.rows("chatwoot/contact_inboxes"):
        assert contacts[row["contact_id"]] == "+" + row["source_id"]


def test_cycles_fold_from_messages_and_resolutions(drawn: Drawn) -> None:
    """A cycle begins with what a customer writes and ends with the next resolution."""
    marks: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for row in drawn.rows("chatwoot/messages"):
        if row["message_type"] == "0":
            marks[int(row["conversation_id"])].append(
                (datetime.fromisoformat(row["created_at"]), 0)
            )
    for row in drawn.rows("chatwoot/reporting_events"):
        if row["name"] == "conversation_resolved":
            moment = datetime.fromisoformat(row["event_end_time"])
            marks[int(row["conversation_id"])].append((moment, 1))
    folded: dict[tuple[int, int], list[datetime]] = {}
    for number, found in marks.items():
        cycle, is_open = 0, False
        for moment, mark in sorted(found):
            assert mark == 0 or is_open, "resolved once only"
            if mark == 0 and not is_open:
                cycle += 1
                folded[number, cycle] = [moment]
            elif mark == 1:
                folded[number, cycle].append(moment)
            is_open = mark == 0
    truth = cycles_of(drawn, "chatwoot")
    assert {
        key: [row["opened_at"], *([row["closed_at"]] if row["closed_at"] else [])]
        for key, row in truth.items()
    } == folded
    assert len(truth) > 150
    assert {row["closed_by"] for row in truth.values()} == {
        "agent",
        "automation",
        "inactivity",
        None,
    }
    assert max(cycle for _, cycle in truth) > 3
    assert any(row["was_reopened"] for row in truth.values())
    assert any(row["closed_at"] and row["closed_at"].second % 60 for row in truth.values())


def test_the_newest_row_of_a_conversation_is_how_it_stands(drawn: Drawn) -> None:
    newest = {int(row["id"]): row for row in drawn.rows("chatwoot/conversations")}
    last: dict[int, dict[str, Any]] = {}
    first: dict[int, dict[str, Any]] = {}
    for (number, _), row in cycles_of(drawn, "chatwoot").items():
        first.setdefault(number, row)
        last[number] = row
    assert newest.keys() == last.keys()
    statuses: Counter[str] = Counter()
    for number, row in newest.items():
        statuses[row["status"]] += 1
        assert (row["status"] == "1") == (last[number]["closed_at"] is not None)
        assert time(row["created_at"]) == first[number]["opened_at"]
        assert (min(row["cached_label_list"].split(",")) or None) == first[number]["category"]
    assert {"0", "1"} <= set(statuses)
    assert len(drawn.rows("chatwoot/conversations")) > len(newest)
    single = {
        row["id"]
        for row in drawn.rows("chatwoot/inboxes")
        if row["lock_to_single_conversation"] == "t"
    }
    contacts = Counter(
        (row["contact_id"], row["inbox_id"]) for row in newest.values() if row["inbox_id"] in single
    )
    assert max(contacts.values()) == 1
    assert (
        max(
            cycle
            for (number, cycle) in cycles_of(drawn, "chatwoot")
            if newest[number]["inbox_id"] not in single
        )
        == 1
    )


def test_first_responses_are_those_of_the_inbox_but_for_its_faults(drawn: Drawn) -> None:
    """Chatwoot counts once a conversation, and counts what failed."""
    truth: dict[int, float] = {}
    for (number, _), row in cycles_of(drawn, "chatwoot").items():
        if row["first_response_at"] and number not in truth:
            truth[number] = row["first_response_seconds"]
    told = {
        int(row["conversation_id"]): float(row["value"])
        for row in drawn.rows("chatwoot/reporting_events")
        if row["name"] == "first_response"
    }
    assert truth.keys() <= told.keys()
    equal = [number for number, seconds in truth.items() if abs(seconds - told[number]) < 1.01]
    assert len(equal) >= 0.97 * len(told) > 50


def test_turns_answer_the_customer_within_their_cycle(drawn: Drawn) -> None:
    cycles = {
        (row["source"], row["conversation_no"], row["cycle_number"]): row
        for row in drawn.table("conversations")
    }
    waits = []
    turns: Counter[tuple[str, int, int]] = Counter()
    for row in drawn.table("responses"):
        key = (row["source"], row["conversation_no"], row["cycle_number"])
        turns[key] += row["messages_received"]
        assert cycles[key]["opened_at"] <= row["started_at"]
        if row["first_human_reply_at"]:
            assert row["started_at"] < row["first_human_reply_at"]
            waits.append((row["first_human_reply_at"] - row["started_at"]).total_seconds())
    # Received is also what isn't a turn: reactions.
    assert all(turns[key] <= row["messages_received"] for key, row in cycles.items())
    assert 100 < sorted(waits)[len(waits) // 2] < 1500


def test_outcomes_of_bots_exclude_each_other(drawn: Drawn) -> None:
    outcomes: Counter[str | None] = Counter()
    for row in drawn.table("conversations"):
        outcomes[row["bot_outcome"]] += 1
        assert (row["bot_outcome"] is None) == (row["bot_started_at"] is None)
        if row["bot_outcome"] == "handed_off":
            assert row["handed_off_at"] or row["messages_sent_by_agents"]
        if row["handed_off_at"]:
            assert row["opened_at"] < row["handed_off_at"]
        assert not (row["is_abandoned"] and row["abandonment_reason"] is None)
        assert not (row["is_one_touch"] and row["was_reopened"])
    assert {"handed_off", "completed", "dropped_off", None} <= set(outcomes)
    reasons = {row["abandonment_reason"] for row in drawn.table("conversations")}
    assert reasons == {"no_response", "queue_abandon", "bot_dropoff", None}


def test_notices_tell_who_assigned_whom(drawn: Drawn) -> None:
    names = {row["agent_name"]: row["agent_id"] for row in drawn.table("agents")}
    teams = {row["name"] for row in drawn.rows("chatwoot/teams")}
    told: Counter[tuple[Any, ...]] = Counter()
    kinds: Counter[str] = Counter()
    for row in drawn.rows("chatwoot/messages"):
        if row["message_type"] != "2":
            kinds["note"] += row["private"] == "t"
            continue
        key = (int(row["conversation_id"]), time(row["created_at"]))
        name, found, _ = row["content"].partition(" self-assigned")
        if found:
            told[*key, names[name], names[name]] += 1
        elif row["content"].startswith("Assigned to "):
            name, _, actor = row["content"].removeprefix("Assigned to ").partition(" by ")
            kinds["team"] += name in teams
            if name not in teams:
                told[*key, names[actor], names[name]] += 1
        kinds["resolved"] += "was marked resolved" in row["content"]
    events = drawn.table("conversation_events")
    assert told == Counter(
        (
            row["conversation_no"],
            row["occurred_at"],
            row["actor_agent_id"],
            row["assignee_agent_id"],
        )
        for row in events
        if row["event_type"] == "assigned"
    )
    of_type = Counter(row["event_type"] for row in events)
    assert of_type["comment"] == kinds["note"] > 0
    assert of_type["resolved"] == kinds["resolved"] > 0
    assert kinds["team"] > 0
    handed = [row for row in drawn.rows("chatwoot/reporting_events") if "handoff" in row["name"]]
    assert len({row["conversation_id"] for row in handed}) == len(handed) == of_type["handoff"]


def test_the_second_inbox_tells_its_conversations(drawn: Drawn) -> None:
    newest = {row["Conversation ID"]: row for row in drawn.rows("mapped/respond.io/conversations")}
    truth = cycles_of(drawn, "respond.io")

    def at(text: str) -> datetime | None:
        moment = time(text)
        return moment - INDIA if moment else None

    assert {
        (at(row["DateTime Conversation Started"]), at(row["DateTime Conversation Resolved"]))
        for row in newest.values()
    } == {(row["opened_at"], row["closed_at"]) for row in truth.values()}
    assert len(newest) == len(truth) > 50
    assert {row["opened_by"] for row in truth.values()} == {"contact", "agent"}
    assert all(
        row["first_response_at"] is None for row in truth.values() if row["opened_by"] == "agent"
    )
    messages = drawn.rows("mapped/respond.io/messages")
    assert len({row["Message ID"] for row in messages}) == len(messages)
    assert sum(row["messages_received"] + row["messages_sent"] for row in truth.values()) == len(
        messages
    )
    spans = {
        key: (row["DateTime Conversation Started"], row["DateTime Conversation Resolved"] or "9")
        for key, row in newest.items()
    }
    phones: dict[str, list[tuple[str, str]]] = {row["Contact Phone"]: [] for row in messages}
    for key, row in newest.items():
        phones[row["Contact Phone"]].append(spans[key])
    lost = [row for row in messages if not row["Conversation ID"]]
    assert lost
    for row in lost:
        assert any(start < row["Date & Time"] < end for start, end in phones[row["Contact Phone"]])


def test_months_of_recommendation_follow_from_the_answers(drawn: Drawn) -> None:
    answers: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    partial = 0
    question = "How likely are you to recommend us to a friend?"
    for row in drawn.rows("surveys/typeform"):
        if row["Response Type"] == "completed":
            moment = datetime.fromisoformat(row["Submit Date (UTC)"])
            answers[row["phone"]].append((moment, int(row[question])))
        partial += row["Response Type"] == "partial"
    for row in drawn.rows("surveys/delighted"):
        answers[row["Email"]].append((datetime.fromisoformat(row["Time"]), int(row["Score"])))
    assert partial
    taken_back = 0
    latest: dict[tuple[date, str], int] = {}
    for person, found in answers.items():
        found.sort()
        times = [moment for moment, _ in found]
        for moment, score in found:
            following = bisect_right(times, moment)
            if following < len(times) and times[following] <= moment + timedelta(days=7):
                taken_back += 1
                continue
            latest[moment.date().replace(day=1), person] = score
    assert taken_back
    months: dict[date, Counter[str]] = defaultdict(Counter)
    for (month, _), score in latest.items():
        kind = "promoters" if score >= 9 else "passives" if score >= 7 else "detractors"
        months[month][kind] += 1
        months[month]["responses"] += 1
    names = ("responses", "promoters", "passives", "detractors")
    assert {
        row["month_on"]: {name: row[name] for name in names}
        for row in drawn.table("kpi_nps_months")
    } == {month: {name: found[name] for name in names} for month, found in months.items()}


def test_months_of_satisfaction_follow_from_the_answers(drawn: Drawn) -> None:
    internal = {row["contact_no"] for row in drawn.table("contacts") if row["is_internal"]}
    inboxes = {"11": "104200000000002", "12": "104200000000003"}
    of_conversation = {
        row["id"]: inboxes[row["inbox_id"]] for row in drawn.rows("chatwoot/conversations")
    }
    asked = {
        row["id"]: row for row in drawn.rows("chatwoot/messages") if row["content_type"] == "9"
    }
    counts: Counter[tuple[date, str, str]] = Counter()
    for row in drawn.rows("chatwoot/csat_survey_responses"):
        question = asked[row["message_id"]]
        assert question["conversation_id"] == row["conversation_id"]
        assert question["created_at"] < row["created_at"]
        if int(row["contact_id"]) - 1 in internal:
            continue
        month = datetime.fromisoformat(row["created_at"]).date().replace(day=1)
        counts[month, of_conversation[row["conversation_id"]], "responses"] += 1
        counts[month, of_conversation[row["conversation_id"]], "satisfied"] += row["rating"] >= "4"
    rated = {row["Response ID"]: row for row in drawn.rows("mapped/respond.io/survey_responses")}
    for row in rated.values():
        if row["Rated"]:
            month = (datetime.fromisoformat(row["Rated"]) - INDIA).date().replace(day=1)
            counts[month, "218734", "responses"] += 1
            counts[month, "218734", "satisfied"] += row["Rating"] >= "4"
    truth = drawn.table("kpi_csat_months")
    for found in truth:
        of_month = (found["month_on"], found["channel_id"])
        assert found["responses"] == counts[*of_month, "responses"]
        assert found["responses_satisfied"] == counts[*of_month, "satisfied"]
        assert found["surveys_sent_answered"] <= found["surveys_sent"]
    assert sum(row["responses"] for row in truth) == sum(
        count for key, count in counts.items() if key[2] == "responses"
    )
    assert sum(row["surveys_sent"] for row in truth) > sum(row["responses"] for row in truth) > 20
    efforts = drawn.rows("generic/survey_responses")
    assert {row["answered_at"] == "" for row in efforts} == {True, False}


def test_hours_and_targets_name_known_schedules_and_channels(drawn: Drawn) -> None:
    channels = drawn.rows("reference/channels")
    schedules = {row["schedule_id"] for row in drawn.rows("reference/business_hours")}
    assert {row["schedule_id"] for row in channels} - {""} == schedules
    assert any(not row["schedule_id"] for row in channels)
    assert {row["schedule_id"] for row in drawn.rows("reference/holidays")} == schedules
    known = {row["channel_id"] for row in channels}
    targets = drawn.rows("reference/sla_targets")
    assert {row["channel_id"] for row in targets if row["channel_id"]} <= known
    assert {row["clock"] for row in targets} == {"calendar", "business"}
    nights = [
        row for row in drawn.rows("reference/business_hours") if row["closes_at"] < row["opens_at"]
    ]
    assert nights, "a shift until after midnight"
