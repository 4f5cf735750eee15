"""Surveys end to end: from five systems' exports to CSAT, NPS and feedback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.checks.invariants import INVARIANTS
from orchestration.checks.runner import run_check
from orchestration.warehouse import connect
from tests.pipeline import inbox
from tests.pipeline.conftest import World
from tests.pipeline.harness import build, query, records, settings_of
from tests.pipeline.payloads import (
    NUMBER,
    SENDS,
    WEBHOOKS,
    at,
    delivered,
    inbound,
    naive,
    send,
    write,
    write_csv,
)

ADA, BEN, CLEO, DORA = "4917000000601", "4917000000602", "4917000000603", "4917000000604"
TYPEFORM, DELIGHTED = "surveys/typeform", "surveys/delighted"
RESPONSES = "generic/survey_responses"
FACTS = (
    "select source_system, survey_type, score, sent_at, answered_at, is_delivered, topic, channel_id "
    "from marts.fct_survey_responses order by all"
)
HEADER = "response_id,survey_type,phone,conversation_id,answered_at,sent_at,score,comment,topic\n"


def _flow(wamid: str, moment: Any, context: str, sender: str, **answers: Any) -> dict[str, Any]:
    reply = {"name": "flow", "body": "Sent", "response_json": json.dumps(answers)}
    interactive = {"type": "nfm_reply", "nfm_reply": reply}
    record = {"type": "interactive", "interactive": interactive}
    return inbound(wamid, moment, sender, context=context, record=record)


def _violations(db: Path) -> dict[str, int]:
    with connect(settings_of(db.parent, db.parent), db, read_only=True) as con:
        found = {check.name: run_check(con, check).violations for check in INVARIANTS}
    return {name: count for name, count in found.items() if count}


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def test_surveys_alone_end_with_their_own_last_answer(raw_dir: Path, tmp_path: Path) -> None:
    """Ada answers twice within a week, Ben a second time after it; nobody knows the fourth."""
    (raw_dir / TYPEFORM).mkdir(parents=True)
    tail = "Response Type,Start Date (UTC),Stage Date (UTC),Submit Date (UTC)"
    lines = [
        f"1,9,Fast shipping,'+{ADA},completed,,,2026-05-01 10:00:00",
        f"2,3,Too expensive,'+{ADA},completed,,,2026-05-04 10:00:00",
        f"3,10,,'+{BEN},completed,,,2026-05-01 10:00:00",
        f"4,8,,'+{BEN},completed,,,2026-05-20 10:00:00",
        "5,very likely,,,completed,,,2026-05-20 11:00:00",
        f"6,9,,'+{CLEO},partial,,2026-05-21 10:00:00,",
    ]
    text = f"#,Recommend us?,Why?,phone,{tail}\n" + "".join(f"{line}\n" for line in lines)
    write_csv(raw_dir, TYPEFORM, "a.csv", text)
    (raw_dir / TYPEFORM / "survey.yml").write_text(
        "score: Recommend us?\nsurvey_type: nps\ncomment: Why?\nperson: phone\n", encoding="utf-8"
    )
    db = build(raw_dir, tmp_path / "wh").db
    assert query(db, "select score, topic, has_comment from marts.fct_survey_responses "
                 "order by answered_at, score") == [
        (10, "none", False), (3, "price", True), (8, "none", False), (None, "none", False),
    ]  # fmt: skip
    excluded: dict[str, int] = dict(query(db, "select reason, rows from meta.exclusions"))
    assert excluded == {
        "survey_answered_again": 1, "survey_text_answer": 1, "survey_not_completed": 1,
    }  # fmt: skip
    months = "from marts.kpi_nps where period_grain = 'month'"
    [month] = records(db, months)
    assert (month["responses"], month["promoters"], month["passives"], month["detractors"]) == (
        2, 0, 1, 1,
    )  # fmt: skip
    assert month["nps"] == -50
    assert (month["is_complete"], month["is_reliable"]) == (False, False)
    days = query(
        db, "select count(*), sum(responses) from marts.kpi_nps where period_grain = 'day'"
    )
    assert days == [(20, 3)]
    feedback = query(
        db,
        "select topic, responses, responses_with_comment, score_average from marts.kpi_feedback "
        "where period_grain = 'month' order by topic",
    )
    assert feedback == [("none", 3, 0, 9.0), ("price", 1, 1, 3.0)]
    assert query(db, "select count(*) from marts.kpi_csat") == [(0,)]
    assert _violations(db) == {}


def test_the_same_survey_in_five_systems(raw_dir: Path, tmp_path: Path) -> None:
    """A template with a flow, Chatwoot's question after a close, an e-mail tool, our own columns."""
    write(
        raw_dir,
        SENDS,
        "a.jsonl",
        [
            send("wamid.S1", at(1), to=ADA, template="how_was_it"),
            send("wamid.S2", at(1), to=BEN, template="how_was_it"),
            send("wamid.S3", at(1), to=CLEO, template="how_was_it"),
            send("wamid.S4", at(1), to=DORA, template="hello"),
        ],
    )
    write(
        raw_dir,
        WEBHOOKS,
        "a.jsonl",
        [
            delivered("wamid.S1", at(1, 5), ADA),
            delivered("wamid.S2", at(1, 6), BEN),
            _flow("wamid.F1", at(1, 600), "wamid.S1", ADA, rating="4", comment="slow delivery"),
        ],
    )
    inbox.dump(raw_dir, "inboxes", "a.csv", [inbox.inbox(7, "Channel::WebWidget")])
    inbox.dump(raw_dir, "contacts", "a.csv", [inbox.contact(5, at(1), f"+{CLEO}")])
    inbox.dump(
        raw_dir,
        "conversations",
        "a.csv",
        [inbox.conversation(9, 5, at(1), inbox_id=7), inbox.conversation(10, 5, at(2), inbox_id=7)],
    )
    survey: dict[str, Any] = {"kind": inbox.TEMPLATE, "inbox_id": 7, "content_type": 9}
    inbox.dump(
        raw_dir,
        "messages",
        "a.csv",
        [
            inbox.message(91, 9, at(1), sender=("Contact", 5), inbox_id=7),
            inbox.message(92, 9, at(1, 900), **survey),
            inbox.message(93, 10, at(2), sender=("Contact", 5), inbox_id=7),
            inbox.message(94, 10, at(2, 900), **survey),
        ],
    )
    answer = {
        "id": 1, "account_id": 1, "conversation_id": 9, "message_id": 92, "rating": 5,
        "feedback_message": None, "contact_id": 5, "assigned_agent_id": 3,
        "created_at": at(1, 1000), "updated_at": at(1, 1000),
    }  # fmt: skip
    inbox.dump(raw_dir, "csat_survey_responses", "a.csv", [answer])
    write_csv(
        raw_dir,
        RESPONSES,
        "a.csv",
        HEADER
        + f"r1,csat,+{DORA},,{naive(at(2, 60))},{naive(at(2))},3,hm,Price\n"
        + f"r2,csat,+{DORA},,,{naive(at(1))},,,\n"
        + f"r3,csat,,9,{naive(at(2))},,2,,\n",
    )
    (raw_dir / DELIGHTED).mkdir(parents=True)
    (raw_dir / DELIGHTED / "a.json").write_text(
        json.dumps(
            [{"id": "1", "person": {"id": "8", "phone_number": f"+{BEN}"}, "survey_type": "csat",
              "score": 1, "comment": "it came broken", "created_at": int(at(2).timestamp())}]
        ),
        encoding="utf-8",
    )  # fmt: skip
    db = build(raw_dir, tmp_path / "wh").db
    assert query(db, FACTS) == [
        ("chatwoot", "csat", 5, naive(at(1, 900)), naive(at(1, 1000)), True, "none", "chatwoot:7"),
        ("chatwoot", "csat", None, naive(at(2, 900)), None, None, "none", "chatwoot:7"),
        ("delighted", "csat", 1, None, naive(at(2)), None, "product", "unknown"),
        ("generic", "csat", 2, None, naive(at(2)), None, "none", "chatwoot:7"),
        ("generic", "csat", 3, naive(at(2)), naive(at(2, 60)), True, "price", "unknown"),
        ("generic", "csat", None, naive(at(1)), None, None, "none", "unknown"),
        ("whatsapp", "csat", 4, naive(at(1, 5)), naive(at(1, 600)), True, "delivery", NUMBER),
        ("whatsapp", "csat", None, naive(at(1)), None, False, "none", NUMBER),
        ("whatsapp", "csat", None, naive(at(1, 6)), None, True, "none", NUMBER),
    ]
    people = query(
        db,
        "select count(distinct contact_id), count(*) filter (where contact_id = 'unknown') "
        "from marts.fct_survey_responses",
    )
    assert people == [(4, 0)]
    cycles = query(
        db,
        "select source_system, count(*) from marts.fct_survey_responses semi join "
        "marts.fct_conversations using (conversation_cycle_id) group by all order by all",
    )
    assert cycles == [("chatwoot", 2), ("generic", 1), ("whatsapp", 1)]
    months = {
        row["channel_id"]: row
        for row in records(db, "from marts.kpi_csat where period_grain = 'month'")
    }
    shown = {
        channel: (row["surveys_sent"], row["surveys_undelivered"], row["surveys_sent_answered"],
                  row["responses"], row["responses_satisfied"], row["csat_average"])
        for channel, row in months.items()
    }  # fmt: skip
    assert shown == {
        NUMBER: (2, 1, 1, 1, 1, 4.0),
        "chatwoot:7": (2, 0, 1, 2, 1, 3.5),
        "unknown": (2, 0, 1, 2, 0, 2.0),
    }
    assert months[NUMBER]["survey_response_rate"] == 0.5
    assert _violations(db) == {}
    published = query(db, "select to_json(t)::varchar from marts.fct_survey_responses as t")
    assert not any(word in str(published) for word in (ADA, "slow", "wamid", "broken"))


def test_an_increment_of_surveys_is_a_rebuild(world: World) -> None:
    """An answer that comes later, a survey.yml that names another question, a changed number."""
    raw_dir = world.raw_dir
    write_csv(raw_dir, RESPONSES, "a.csv", HEADER + f"r1,nps,+{ADA},,2026-05-01,,9,,\n")
    write_csv(
        raw_dir,
        TYPEFORM,
        "t.csv",
        f"#,Recommend?,Happy?,phone,Submit Date (UTC)\n1,9,3,+{ADA},2026-05-02 10:00:00\n",
    )
    (raw_dir / TYPEFORM / "survey.yml").write_text("score: Recommend?\n", encoding="utf-8")
    first = world.build()
    types = (
        "select survey_type, score from marts.fct_survey_responses "
        "where answered_on < '2026-06-01' order by all"
    )
    assert query(first.db, types) == [("nps", 9), ("nps", 9)]
    (raw_dir / TYPEFORM / "survey.yml").write_text("score: Happy?\n", encoding="utf-8")
    write_csv(raw_dir, RESPONSES, "b.csv", HEADER + f"r2,nps,+{ADA},,2026-05-03,,2,,\n")
    second = world.assert_equals_a_rebuild()
    assert second.full_refresh_reason is None
    assert query(second.db, types) == [("csat", 3), ("nps", 2)]
