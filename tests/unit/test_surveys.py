"""Survey exports: the questions that survey.yml names, or the one that can only be the score."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from orchestration.sources.surveys import VENDORS
from tests.faults.harness import Harness, make_harness

TYPEFORM, MONKEY, DELIGHTED = "surveys/typeform", "surveys/surveymonkey", "surveys/delighted"
YML = f"{TYPEFORM}/survey.yml"
RECOMMEND = "How likely are you to recommend us?"
TAIL = "Response Type,Start Date (UTC),Stage Date (UTC),Submit Date (UTC),Network ID,Tags"
HEADER = f"#,{RECOMMEND},What can we do better?,Your number,order_id,{TAIL}\n"
ROWS = (
    "r1,9,Great,'+49 170 0000701,o1,completed,2026-05-01 09:58:00,,2026-05-01 10:00:00,n1,\n"
    "r2,0,,'+49 170 0000702,o2,completed,2026-05-02 09:58:00,,2026-05-02 10:00:00,n2,\n"
    "r3,,,,,partial,2026-05-03 09:58:00,2026-05-03 09:59:00,,n3,\n"
)
NAMED = f"""
score: {RECOMMEND}
comment: What can we do better?
person: {{phone: Your number}}
"""


@pytest.fixture
def harness(tmp_path: Any) -> Harness:
    return make_harness(tmp_path)


def _ingest(harness: Harness, key: str = TYPEFORM) -> tuple[str, ...]:
    return harness.ingest(key)[key].warnings


def _table(harness: Harness, columns: str, key: str = TYPEFORM) -> list[tuple[Any, ...]]:
    table = key.replace("/", "_")
    return harness.rows(f"select {columns} from raw.{table} order by response_id")


def test_the_one_question_that_can_be_a_score_is_taken(harness: Harness) -> None:
    harness.put(f"{TYPEFORM}/a.csv", HEADER + ROWS)
    assert _ingest(harness) == ()
    assert _table(
        harness, "response_id, survey_type, score, scale_max, answered_at, response_status, survey"
    ) == [
        ("r1", "nps", "9", "10", "2026-05-01T10:00:00+00:00", "completed", RECOMMEND),
        ("r2", "nps", "0", "10", "2026-05-02T10:00:00+00:00", "completed", RECOMMEND),
        ("r3", "nps", None, "10", None, "partial", RECOMMEND),
    ]
    assert _table(harness, "comment, phone") == [(None, None)] * 3


def test_survey_yml_names_the_questions(harness: Harness) -> None:
    harness.put(YML, NAMED)
    harness.put(f"{TYPEFORM}/a.csv", HEADER + ROWS)
    assert _ingest(harness) == ()
    assert _table(harness, "survey_type, score, comment, phone") == [
        ("nps", "9", "Great", "'+49 170 0000701"),
        ("nps", "0", None, "'+49 170 0000702"),
        ("nps", None, None, None),
    ]
    hashed = harness.rows("select identifier_value from raw.identifiers where kind = 'phone'")
    assert sorted(hashed) == [("491700000701",), ("491700000702",)]


def test_a_changed_survey_yml_reads_the_file_again(harness: Harness) -> None:
    harness.put(f"{TYPEFORM}/a.csv", HEADER + ROWS)
    _ingest(harness)
    harness.put(YML, NAMED)
    _ingest(harness)
    assert _table(harness, "comment")[0] == ("Great",)
    harness.put(YML, NAMED + "survey_type: other\n")
    report = harness.ingest(TYPEFORM)[TYPEFORM]
    assert (report.files_loaded, report.rows_in_table) == (1, 3)
    assert _table(harness, "survey_type")[0] == ("other",)
    assert harness.ingest(TYPEFORM)[TYPEFORM].files_loaded == 0


@pytest.mark.parametrize(
    ("answers", "question", "expected"),
    [
        (("1", "5"), "How satisfied are you?", "csat"),
        (("1", "5"), "How likely are you to recommend us?", "nps"),
        (("1", "5"), "Wie wahrscheinlich empfehlen Sie uns?", "nps"),
        (("0", "5"), "How satisfied are you?", "nps"),
        (("1", "10"), "How satisfied are you?", "nps"),
        (("3.0", "4"), "How satisfied are you?", "csat"),
    ],
)
def test_the_answers_tell_nps_from_csat(
    harness: Harness, answers: tuple[str, str], question: str, expected: str
) -> None:
    lines = "".join(f"r{n},{a},2026-05-01\n" for n, a in enumerate(answers))
    harness.put(f"{TYPEFORM}/a.csv", f"#,{question},Submit Date (UTC)\n{lines}")
    assert _ingest(harness) == ()
    assert set(_table(harness, "survey_type")) == {(expected,)}


@pytest.mark.parametrize(
    ("header", "row", "problem"),
    [
        ("Service,Food", "5,4", "several of its questions could be the score"),
        ("Service,Food", "11,very good", "no question has answers that are all 0 to 10 or 1 to 5"),
        ("Service,Food", "4.5,", "no question has answers that are all 0 to 10 or 1 to 5"),
    ],
)
def test_without_survey_yml_an_unclear_score_is_refused_with_the_questions(
    harness: Harness, header: str, row: str, problem: str
) -> None:
    harness.put(f"{TYPEFORM}/2026/a.csv", f"#,{header},{TAIL}\nr1,{row},completed,,,2026-05-01,,\n")
    (warning,) = _ingest(harness)
    assert warning == (
        f"{TYPEFORM}/2026/a.csv: {problem}: name it as `score:` in {TYPEFORM}/2026/survey.yml. "
        "Its questions: 'Service', 'Food'"
    )
    assert harness.rejects() == [(f"{TYPEFORM}/2026/a.csv", None, "unclear_score")]
    harness.put(f"{TYPEFORM}/2026/survey.yml", "score: Service\nsurvey_type: csat\n")
    assert _ingest(harness) == ()
    assert len(_table(harness, "score")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it holds no keys: begin with `score:`"),
        ("score: [", "line 1: expected the node content, but found"),
        ("scroe: A", "key scroe: there is no such key: did you mean score?"),
        ("score: A\nscore: B", "the key score stands twice"),
        ("score: {a: b}", "key score: name a question of the file"),
        ("score: ''", "key score: name a question of the file"),
        ("person: {phon: A}", "key person.phon: there is no such key: did you mean phone?"),
        ("time: {zone: Mars}", "key time.zone: 'Mars' is no zone: give an IANA name"),
        ("scale_max: 1", "key scale_max: 1 is no scale: give its highest answer, e.g. 5 or 10"),
        ("survey_type: [nps]", "key survey_type: give one text, no list and no further keys"),
        ("survey_type: happy", "key survey_type: 'happy' is neither one of nps, csat, ces, review"),
        ("encoding: morse", "key encoding: 'morse' is no encoding"),
    ],
)
def test_a_broken_survey_yml_is_said_with_file_key_and_mend(
    harness: Harness, text: str, said: str
) -> None:
    harness.put(YML, text)
    harness.put(f"{TYPEFORM}/a.csv", HEADER + ROWS)
    (warning,) = _ingest(harness)
    assert warning.startswith(f"{TYPEFORM}/a.csv: {YML}: ")
    assert said in warning
    assert harness.rejects() == [(f"{TYPEFORM}/a.csv", None, "bad_survey")]


def test_a_score_that_is_no_question_of_the_file_is_said_with_the_questions(
    harness: Harness,
) -> None:
    harness.put(YML, "score: Would you recommend us?\n")
    harness.put(f"{TYPEFORM}/a.csv", HEADER + ROWS)
    (warning,) = _ingest(harness)
    assert "survey.yml takes the score from 'Would you recommend us?', which is none" in warning
    assert f"'{RECOMMEND}', 'What can we do better?', 'Your number'" in warning


def test_another_question_that_is_not_there_costs_nothing(harness: Harness) -> None:
    harness.put(YML, f"score: {RECOMMEND}\ntopic: About what?\n")
    harness.put(f"{TYPEFORM}/a.csv", HEADER + ROWS)
    (warning,) = _ingest(harness)
    assert "topic stays empty: surveys/typeform/survey.yml takes it from 'About what?'" in warning
    assert len(_table(harness, "score")) == 3


def test_text_answers_to_a_named_score_are_kept_for_the_models(harness: Harness) -> None:
    harness.put(YML, f"score: {RECOMMEND}\nsurvey_type: nps\n")
    harness.put(f"{TYPEFORM}/a.csv", HEADER + ROWS.replace("r2,0,", "r2,very likely,"))
    assert _ingest(harness) == ()
    assert _table(harness, "score") == [("9",), ("very likely",), (None,)]


@pytest.mark.parametrize(
    ("column", "value", "ours"),
    [
        ("who", "ada@example.com", "email"),
        ("who", "+49 170 0000701", "phone"),
        ("phone number of you", "491700000701", "phone"),
        ("who", "491700000701", "external_id"),
        ("who", "DE.abc123", "user_id"),
        ("who", "C-77", "external_id"),
    ],
)
def test_a_person_named_by_a_column_alone_is_what_the_cell_says(
    harness: Harness, column: str, value: str, ours: str
) -> None:
    harness.put(YML, f"score: Score\nperson: {column}\n")
    harness.put(
        f"{TYPEFORM}/a.csv", f"#,Score,{column},Submit Date (UTC)\nr1,4,{value},2026-05-01\n"
    )
    assert _ingest(harness) == ()
    [row] = _table(harness, "phone, user_id, email, external_id")
    assert dict(zip(("phone", "user_id", "email", "external_id"), row, strict=True)) == {
        **dict.fromkeys(("phone", "user_id", "email", "external_id")), ours: value
    }  # fmt: skip


def test_hidden_fields_named_as_we_name_them_need_no_survey_yml(harness: Harness) -> None:
    harness.put(
        f"{TYPEFORM}/a.csv",
        "#,Happy?,phone,conversation_id,agent_id,Submit Date (UTC)\n"
        "r1,4,'+4917000000701,77,5,2026-05-01 10:00:00\n",
    )
    assert _ingest(harness) == ()
    assert _table(harness, "score, phone, conversation_id, agent_id") == [
        ("4", "'+4917000000701", "77", "5")
    ]


def test_a_score_that_the_form_computes_is_a_question_like_others(harness: Harness) -> None:
    harness.put(f"{TYPEFORM}/a.csv", "#,Happy?,score,Submit Date (UTC)\nr1,4,3,2026-05-01\n")
    (warning,) = _ingest(harness)
    assert "Its questions: 'Happy?', 'score'" in warning


def test_one_form_may_be_read_for_two_questions(harness: Harness) -> None:
    text = "#,Recommend?,Happy?,Submit Date (UTC)\nr1,9,4,2026-05-01\n"
    for question in ("Recommend?", "Happy?"):
        folder = f"{TYPEFORM}/{question[:-1].lower()}"
        harness.put(f"{folder}/survey.yml", f'score: "{question}"\n')
        harness.put(f"{folder}/a.csv", text)
    assert _ingest(harness) == ()
    assert sorted(_table(harness, "survey_type, score")) == [("csat", "4"), ("nps", "9")]
    assert len(harness.rows("select * from raw.identifiers where kind = 'survey'")) == 2


def test_surveymonkey_has_two_header_rows(harness: Harness) -> None:
    harness.put(f"{MONKEY}/survey.yml", "score: Overall?\ncomment: Why?\ntopic: Topics - Price\n")
    harness.put(
        f"{MONKEY}/a.csv",
        "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,"
        "Last Name,Custom Data 1,Overall?,Why?,Topics,\n"
        ",,,,,,,,,Response,Open-Ended Response,Price,Speed\n"
        "11,1,05/13/2026 09:00:00 AM,05/13/2026 09:05:00 PM,10.0.0.1,ada@example.com,,,,"
        '4,"Good,\nvery",Price,\n'
        "12,1,05/14/2026 09:00:00 AM,05/14/2026 09:05:00 AM,10.0.0.1,,,,,5,,,Speed\n",
    )
    assert _ingest(harness, MONKEY) == ()
    assert _table(
        harness, "response_id, survey_type, score, comment, topic, email, answered_at", MONKEY
    ) == [
        ("11", "csat", "4", "Good,\nvery", "Price", "ada@example.com",
         "2026-05-13T21:05:00+00:00"),
        ("12", "csat", "5", None, None, None, "2026-05-14T09:05:00+00:00"),
    ]  # fmt: skip


def test_surveymonkey_may_also_come_with_one_header_row(harness: Harness) -> None:
    harness.put(
        f"{MONKEY}/a.csv",
        "Respondent ID,Collector ID,Date Created,Date Modified,Overall?\n"
        "11,1,2026-05-13 09:00:00,2026-05-13 09:05:00,4\nshort\n",
    )
    _ingest(harness, MONKEY)
    assert harness.rejects() == [(f"{MONKEY}/a.csv", 3, "ragged_row")]
    assert _table(harness, "score, answered_at", MONKEY) == [("4", "2026-05-13T09:05:00+00:00")]


def test_delighted_needs_no_survey_yml(harness: Harness) -> None:
    harness.put(
        f"{DELIGHTED}/a.csv",
        "Person ID,Email,Name,Response ID,Score,Comment,Time,Survey sent at,Store\n"
        "10,ada@example.com,Ada,501,9,Great,2026-05-01 10:00:00 +0200,2026-04-30 10:00:00 UTC,3\n"
        "11,,,502,2,,1777636800,,4\n",
    )
    assert _ingest(harness, DELIGHTED) == ()
    assert _table(
        harness,
        "response_id, survey_type, score, comment, email, external_id, answered_at, sent_at",
        DELIGHTED,
    ) == [
        ("501", "nps", "9", "Great", "ada@example.com", None, "2026-05-01T08:00:00+00:00",
         "2026-04-30T10:00:00+00:00"),
        ("502", "nps", "2", None, None, "delighted:11", "2026-05-01T12:00:00+00:00", None),
    ]  # fmt: skip


DELIGHTED_JSON: list[dict[str, Any]] = [
    {"id": "501", "person": "10", "survey_type": "nps", "score": 9, "comment": None,
     "permalink": "https://app.example/r/1", "created_at": 1777636800, "updated_at": None,
     "person_properties": {"country": "USA", "conversation_id": "77"}, "notes": [], "tags": [],
     "additional_answers": [
         {"id": "4", "value": {"free_response": "more size", "scale": None},
          "question": {"id": "q1", "type": "free_response", "text": "What else?"}}]},
    {"id": "502", "person": {"id": "11", "email": "ada@example.com", "phone_number": None},
     "survey_type": "csat", "score": 4, "comment": "fine", "created_at": 1777636801},
]  # fmt: skip
EXPECTED_JSON = [
    ("501", "nps", "9", None, None, "delighted:10", "77", "2026-05-01T12:00:00+00:00"),
    ("502", "csat", "4", "fine", "ada@example.com", None, None, "2026-05-01T12:00:01+00:00"),
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps(DELIGHTED_JSON)),
        ("a.json", json.dumps(DELIGHTED_JSON, indent=2)),
        ("a.json", "\ufeff" + json.dumps(DELIGHTED_JSON)),
        ("a.jsonl", "".join(json.dumps(item) + "\n" for item in DELIGHTED_JSON)),
        ("a.jsonl", "\ufeff" + "".join(json.dumps(item) + "\n" for item in DELIGHTED_JSON)),
    ],
)
def test_json_is_read_as_csv_is(harness: Harness, name: str, text: str) -> None:
    harness.put(f"{DELIGHTED}/{name}", text)
    assert _ingest(harness, DELIGHTED) == ()
    assert (
        _table(
            harness,
            "response_id, survey_type, score, comment, email, external_id, conversation_id, "
            "answered_at",
            DELIGHTED,
        )
        == EXPECTED_JSON
    )
    assert list(harness.settings.temp_dir.glob("*")) == []


def test_compressed_json_is_read(harness: Harness) -> None:
    harness.put(f"{DELIGHTED}/a.json.gz", gzip.compress(json.dumps(DELIGHTED_JSON).encode()))
    assert _ingest(harness, DELIGHTED) == ()
    assert len(_table(harness, "score", DELIGHTED)) == 2


@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_bad_element_costs_itself_alone(harness: Harness, form: str) -> None:
    good = [json.dumps(item) for item in DELIGHTED_JSON]
    parts = [good[0], '{"id": 7, oops}', "12", good[1]]
    text = "\n".join(parts) if form == "lines" else "[" + ",".join(parts) + "]"
    harness.put(f"{DELIGHTED}/a.{'jsonl' if form == 'lines' else 'json'}", text)
    _ingest(harness, DELIGHTED)
    assert [(line, reason) for _, line, reason in harness.rejects()] == [
        (2, "bad_json"), (3, "not_an_object"),
    ]  # fmt: skip
    assert [row[0] for row in _table(harness, "response_id", DELIGHTED)] == ["501", "502"]


def _typeform_item(token: str, score: int, **other: Any) -> dict[str, Any]:
    answers: list[dict[str, Any]] = [
        {"field": {"id": "f1", "ref": "nps", "type": "opinion_scale"}, "type": "number",
         "number": score},
        {"field": {"id": "f2", "ref": "why", "type": "long_text"}, "type": "text", "text": "so"},
        {"field": {"id": "f3", "ref": "about", "type": "multiple_choice"}, "type": "choice",
         "choice": {"label": "Price"}},
    ]  # fmt: skip
    return {
        "token": token,
        "response_id": token,
        "landed_at": "2026-05-01T09:59:00Z",
        "submitted_at": "2026-05-01T10:00:00Z",
        "hidden": {"phone": "+4917000000701"},
        "metadata": {"user_agent": "x"},
        "answers": answers,
        **other,
    }


@pytest.mark.parametrize("indent", [None, 2])
def test_typeforms_api_answers_page_by_page(harness: Harness, indent: int | None) -> None:
    pages = [
        {"total_items": 2, "page_count": 1, "items": [_typeform_item("t1", 9)]},
        {"total_items": 2, "page_count": 1, "items": [_typeform_item("t2", 3)]},
    ]
    harness.put(f"{TYPEFORM}/survey.yml", "score: nps\ncomment: f2\ntopic: about\n")
    harness.put(f"{TYPEFORM}/a.json", "\n".join(json.dumps(page, indent=indent) for page in pages))
    assert _ingest(harness) == ()
    assert _table(harness, "response_id, survey_type, score, comment, topic, phone") == [
        ("t1", "nps", "9", "so", "Price", "+4917000000701"),
        ("t2", "nps", "3", "so", "Price", "+4917000000701"),
    ]


def test_a_webhook_of_typeform_brings_the_titles_along(harness: Harness) -> None:
    form = {
        **_typeform_item("t1", 9),
        "definition": {"fields": [{"id": "f1", "ref": "nps", "title": RECOMMEND}]},
    }
    event = {"event_id": "e1", "event_type": "form_response", "form_response": form}
    harness.put(f"{TYPEFORM}/a.jsonl", json.dumps(event) + "\n")
    assert _ingest(harness) == ()
    assert _table(harness, "response_id, survey, score") == [("t1", RECOMMEND, "9")]


def test_surveymonkeys_api_tells_pages_of_questions(harness: Harness) -> None:
    response = {
        "id": "11", "collector_id": "1", "response_status": "completed",
        "date_created": "2026-05-01T10:00:00+00:00", "date_modified": "2026-05-01T10:05:00+00:00",
        "email_address": "", "custom_variables": {"external_id": "C-7"},
        "pages": [{"id": "p", "questions": [
            {"id": "q1", "heading": RECOMMEND,
             "answers": [{"choice_id": "8", "choice_metadata": {"weight": "9"},
                          "simple_text": "9"}]},
            {"id": "q2", "heading": "Why?", "answers": [{"text": "so", "simple_text": "so"}]}]}],
    }  # fmt: skip
    harness.put(f"{MONKEY}/survey.yml", "score: q1\ncomment: Why?\n")
    harness.put(f"{MONKEY}/a.json", json.dumps({"data": [response], "per_page": 1, "total": 1}))
    assert _ingest(harness, MONKEY) == ()
    assert _table(
        harness, "response_id, score, comment, external_id, response_status, answered_at", MONKEY
    ) == [("11", "9", "so", "C-7", "completed", "2026-05-01T10:05:00+00:00")]


def test_an_export_without_responses_is_no_fault(harness: Harness) -> None:
    harness.put(f"{TYPEFORM}/a.csv", HEADER)
    harness.put(f"{TYPEFORM}/b.json", '{"total_items": 0, "items": []}')
    harness.put(f"{DELIGHTED}/a.json", "[]")
    assert _ingest(harness) == _ingest(harness, DELIGHTED) == ()


def test_an_exact_repeat_is_a_duplicate_and_times_may_need_a_form(harness: Harness) -> None:
    harness.put(
        f"{TYPEFORM}/survey.yml",
        'score: Happy?\nanswered_at: When\ntime: {format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}\n'
        "encoding: cp1252\n",
    )
    text = "#;Happy?;Straße;When\nr1;4;a;13.05.2026 10:00\nr1;4;a;13.05.2026 10:00\nr2;4;b;soon\n"
    harness.put(f"{TYPEFORM}/a.csv", text.encode("cp1252"))
    (warning,) = _ingest(harness)
    assert "1 cells of answered_at can't be read and stay empty" in warning
    assert harness.rows("select rows_read, rows_loaded, rows_duplicate from raw.files") == [
        (3, 2, 1)
    ]
    assert _table(harness, "answered_at") == [("2026-05-13T08:00:00+00:00",), (None,)]


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_survey_yml_alone_is_no_export(harness: Harness, vendor: str) -> None:
    harness.put(f"surveys/{vendor}/survey.yml", "score: A\n")
    key = f"surveys/{vendor}"
    report = harness.ingest(key)[key]
    assert (report.files_total, report.warnings) == (0, ())


@pytest.mark.parametrize(
    ("path", "content", "mend"),
    [
        ("surveys/typeform/a.csv", HEADER + ROWS.replace("2026-05-01 10:00:00", "1.5.2026 10:00"),
         "or name its form in `time:` of the folder's survey.yml"),
        ("chatwoot/csat_survey_responses/a.csv",
         "id,conversation_id,message_id,rating,created_at\n1,1,1,5,1.5.2026 10:00\n",
         "as the system exports it: a spreadsheet may have rewritten it"),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_read_names_the_mend_of_its_source(
    harness: Harness, path: str, content: str, mend: str
) -> None:
    """A mapping.yml stands beside mapped files only."""
    harness.put(path, content)
    reports = harness.ingest()
    said = [line for report in reports.values() for line in report.warnings if "is no time" in line]
    assert len(said) == 1
    assert mend in said[0]
