"""Unfolding webhook bodies: each record once, with its JSON where it isn't understood."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest import run as ingest_run
from orchestration.ingest import webhooks
from tests.faults.harness import (
    Harness,
    make_harness,
    message_body,
    message_line,
    status_body,
    status_line,
)

STREAM = "whatsapp/webhooks"
Row = dict[str, Any]


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def _unfold(harness: Harness, *bodies: Any, name: str = "a.jsonl") -> list[Row]:
    """Ingest bodies (one a line) and return the raw rows, NULLs left out, in a fixed order."""
    lines = [body if isinstance(body, str) else json.dumps(body) + "\n" for body in bodies]
    harness.put(f"{STREAM}/{name}", "".join(lines))
    report = harness.ingest(STREAM)[STREAM]
    assert report.rows_read == report.rows_loaded + report.rows_duplicate + report.rows_rejected
    with harness.open() as con:
        found = con.execute(
            "select * from raw.whatsapp_webhooks order by try_cast(record_time as bigint), "
            "record_id, record_kind, field, payload::varchar, _is_line_head desc"
        )
        names = [column[0] for column in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    # Exactly one row of each line is its head.
    heads = sum(row["_is_line_head"] for row in rows)
    assert heads == report.rows_loaded
    return [{k: v for k, v in row.items() if v is not None} for row in rows]


def _kinds(rows: list[Row]) -> list[tuple[str, str | None]]:
    return [(row["record_kind"], row.get("record_id")) for row in rows]


def _value(body: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = body["entry"][0]["changes"][0]["value"]
    return value


def _change(field: str, value: Any) -> dict[str, Any]:
    return {"entry": [{"id": "1", "time": 7, "changes": [{"field": field, "value": value}]}]}


def test_a_status_is_one_flat_row(harness: Harness) -> None:
    body = status_body(1, "failed")
    _value(body)["statuses"][0] |= {
        "recipient_user_id": "DE.1",
        "biz_opaque_callback_data": "callback",
        "conversation": {"id": "c1", "origin": {"type": "marketing"}},
        "pricing": {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": "utility",
        },
        "errors": [{"code": 131026, "title": "x"}, {"code": 2}],
    }
    (row,) = _unfold(harness, body)
    assert {k: v for k, v in row.items() if not k.startswith("_")} == {
        "record_kind": "status", "waba_id": "4711", "field": "messages",
        "phone_number_id": "106540352242922", "display_phone_number": "15550783881",
        "record_id": "wamid.1", "record_type": "failed", "record_time": "1780000001",
        "person_wa_id": "4915000000001", "person_user_id": "DE.1",
        "conversation_id": "c1", "conversation_origin": "marketing", "pricing_billable": "true",
        "pricing_model": "PMP", "pricing_type": "regular", "pricing_category": "utility",
        "error_code": "131026", "callback_data": "callback",
    }  # fmt: skip


def test_a_message_is_one_flat_row_with_its_json(harness: Harness) -> None:
    body = message_body(1, "hi", context={"id": "wamid.9", "from": "1"}, from_user_id="DE.2")
    (row,) = _unfold(harness, body)
    assert row["person_wa_id"] == row["contact_wa_id"] == "4916000000001"
    assert (row["person_user_id"], row["contact_name"]) == ("DE.2", "Person 1")
    assert (row["text_body"], row["context_id"], row["record_type"]) == ("hi", "wamid.9", "text")
    assert json.loads(row["payload"]) == _value(body)["messages"][0]


def test_several_entries_and_changes_in_one_line(harness: Harness) -> None:
    body = {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "1",
                "changes": [
                    status_body(1)["entry"][0]["changes"][0],
                    message_body(2)["entry"][0]["changes"][0],
                ],
            },
            {"id": "2", "changes": [status_body(3, "read")["entry"][0]["changes"][0]]},
            {"id": "3", "changes": []},
        ],
    }
    rows = _unfold(harness, body, status_body(4))
    assert _kinds(rows) == [
        ("status", "wamid.1"), ("message", "wamid.in.2"), ("status", "wamid.3"),
        ("status", "wamid.4"), ("empty", None),
    ]  # fmt: skip
    assert [row["waba_id"] for row in rows] == ["1", "1", "2", "4711", "3"]
    assert harness.rows("select records_loaded from raw.files") == [(4,)]


def test_a_thousand_statuses_in_one_line(harness: Harness) -> None:
    body = status_body(0)
    one = _value(body)["statuses"][0]
    _value(body)["statuses"] = [{**one, "id": f"wamid.{n}"} for n in range(1000)]
    rows = _unfold(harness, body)
    assert len({row["record_id"] for row in rows}) == len(rows) == 1000
    assert sum(row["_is_line_head"] for row in rows) == 1


def test_messages_and_statuses_in_one_change(harness: Harness) -> None:
    body = status_body(1)
    _value(body)["messages"] = [
        {
            "from": "49170",
            "id": "wamid.m1",
            "timestamp": "1",
            "type": "text",
            "text": {"body": "x"},
        },
        {
            "from": "49171",
            "id": "wamid.m2",
            "timestamp": "2",
            "type": "text",
            "text": {"body": "y"},
        },
    ]
    _value(body)["contacts"] = [
        {"wa_id": "49171", "profile": {"name": "Second"}},
        {"wa_id": "49170", "profile": {"name": "First"}},
    ]
    rows = _unfold(harness, body)
    assert _kinds(rows) == [
        ("message", "wamid.m1"), ("message", "wamid.m2"), ("status", "wamid.1")
    ]  # fmt: skip
    assert [row.get("contact_name") for row in rows] == ["First", "Second", None]


@pytest.mark.parametrize("name", ["contacts", "metadata", "messages", "statuses"])
@pytest.mark.parametrize("empty", [None, [], {}, "absent"])
def test_missing_null_and_empty_parts_are_normal(harness: Harness, name: str, empty: Any) -> None:
    body = message_body(1)
    if empty == "absent":
        _value(body).pop(name, None)
    else:
        _value(body)[name] = empty
    rows = _unfold(harness, body, status_body(2))
    assert len(rows) == 2
    if name != "messages":
        assert _kinds(rows) == [("message", "wamid.in.1"), ("status", "wamid.2")]


@pytest.mark.parametrize(
    "body",
    [
        {"entry": []}, {"entry": None}, {"object": "whatsapp_business_account"}, {"entry": [{}]},
        {"entry": [{"id": "1", "changes": None}]}, {"entry": [{"id": "1", "changes": []}]},
        {"entry": [None]}, {"entry": "text"}, {"entry": 7}, {"entry": {"id": "1"}},
        {"entry": [{"changes": "text"}]}, {"entry": [[]]}, {"entry": [{"changes": [None]}]},
        {"body": {"entry": []}}, {"body": {"entry": None}, "received_at": "x"},
    ],
)  # fmt: skip
def test_a_body_without_records_is_a_loaded_line(harness: Harness, body: Any) -> None:
    rows = _unfold(harness, status_body(1), body, status_body(2))
    assert [row["record_id"] for row in rows if row["record_kind"] == "status"] == [
        "wamid.1", "wamid.2",
    ]  # fmt: skip
    assert len(rows) == 3


@pytest.mark.parametrize(
    "entry",
    [{"id": "3", "changes": []}, {"id": "3"}, {}, None, 7, {"id": "3", "changes": "text"},
     {"id": "3", "changes": {"field": "messages"}}],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_entry_without_changes_repeats_nothing_of_the_others(
    harness: Harness, entry: Any, place: int
) -> None:
    body = status_body(1)
    body["entry"] += message_body(2)["entry"]
    body["entry"].insert(place, entry)
    for line in (body, {"received_at": "x", "body": body}):
        rows = _unfold(harness, line)
        others = [row for row in rows if row["record_kind"] not in ("empty", "change")]
        assert _kinds(others) == [("status", "wamid.1"), ("message", "wamid.in.2")]
        assert len(rows) <= 3


@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        (["text"], '"text"'),
        ([None], "null"),
        ([7], "7"),
        ([[1]], "[1]"),
        ([{"id": 1}], '{"id":1}'),
        ("text", None),
        ({"id": "wamid.x"}, None),
    ],
)
def test_records_that_are_no_objects_stay_with_their_json(
    harness: Harness, messages: Any, kept: str | None
) -> None:
    body = message_body(1)
    _value(body)["messages"] = messages
    rows = _unfold(harness, body, status_body(2))
    (row,) = [row for row in rows if row.get("record_id") != "wamid.2"]
    if kept is not None:
        assert (row["record_kind"], json.loads(row["payload"])) == ("message", json.loads(kept))
    else:
        assert "payload" in row or row["record_kind"] == "empty"


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [("1780000001", "1780000001"), (1780000001, "1780000001"), (None, None), ("soon", "soon"),
     (1.5, "1.5"), (True, "true"), ("99999999999999999999", "99999999999999999999")],
)  # fmt: skip
def test_times_come_as_text_number_or_nonsense(
    harness: Harness, timestamp: Any, text: str | None
) -> None:
    status, message = status_body(1), message_body(2)
    _value(status)["statuses"][0]["timestamp"] = timestamp
    _value(message)["messages"][0]["timestamp"] = timestamp
    rows = _unfold(harness, status, message)
    assert [row.get("record_time") for row in rows] == [text, text]


def test_ids_beyond_double_precision_are_kept_to_the_digit(harness: Harness) -> None:
    status = status_body(1)
    _value(status)["statuses"][0]["id"] = 9007199254740993
    status["entry"][0]["id"] = 123456789012345678901
    (row,) = _unfold(harness, status)
    assert (row["record_id"], row["waba_id"]) == ("9007199254740993", "123456789012345678901")


def test_statuses_that_are_not_understood_keep_their_json(harness: Harness) -> None:
    unknown, timeless, nameless = status_body(1, "held_for_review"), status_body(2), status_body(3)
    del _value(timeless)["statuses"][0]["timestamp"]
    del _value(nameless)["statuses"][0]["id"]
    rows = _unfold(harness, unknown, timeless, nameless, status_body(4))
    payloads = {row.get("record_id"): row.get("payload") for row in rows}
    assert json.loads(payloads["wamid.1"]) == _value(unknown)["statuses"][0]  # type: ignore[arg-type]
    assert json.loads(payloads["wamid.2"]) == _value(timeless)["statuses"][0]  # type: ignore[arg-type]
    assert json.loads(payloads[None]) == _value(nameless)["statuses"][0]  # type: ignore[arg-type]
    assert payloads["wamid.4"] is None


def test_unknown_keys_are_kept(harness: Harness) -> None:
    in_status = status_body(1)
    _value(in_status)["statuses"][0]["novelty"] = {"x": 1}
    in_value = status_body(2, novelty=[1, 2])
    beside_message = message_body(3)
    _value(beside_message)["novelty"] = "new"
    rows = _unfold(harness, in_status, in_value, beside_message, status_body(4))
    by_id = {(row["record_kind"], row.get("record_id")): row for row in rows}
    assert json.loads(by_id["status", "wamid.1"]["payload"])["novelty"] == {"x": 1}
    assert ("status", "wamid.2") in by_id
    assert ("message", "wamid.in.3") in by_id
    changes = [json.loads(row["payload"]) for row in rows if row["record_kind"] == "change"]
    assert sorted(str(change["novelty"]) for change in changes) == ["[1, 2]", "new"]
    assert [row["record_kind"] for row in rows].count("status") == 3


@pytest.mark.parametrize(
    ("part", "written"),
    [
        ("errors", {"code": 131026, "title": "failed"}),
        ("errors", ["131026"]),
        ("pricing", "regular"),
        ("conversation", ["c1"]),
        ("conversation", {"id": "c1", "origin": "marketing"}),
    ],
)
@pytest.mark.parametrize("sampled", [False, True])
def test_a_part_of_another_json_type_is_kept(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, part: str, written: Any, sampled: bool
) -> None:
    if sampled:
        monkeypatch.setattr(ingest_run, "FULL_KEY_SEARCH_BYTES", 0)
    bodies = [status_body(n, "failed") for n in range(1000)]
    for body in bodies[::2]:
        _value(body)["statuses"][0][part] = written
    rows = _unfold(harness, *bodies)
    kept = [json.loads(row["payload"])[part] for row in rows if part in row.get("payload", "")]
    assert kept == [written] * 500
    assert len(rows) == 1000
    codes = {row.get("error_code") for row in rows if part in row.get("payload", "")}
    if written == {"code": 131026, "title": "failed"}:
        assert codes == {"131026"}


@pytest.mark.parametrize("name", ["contacts", "metadata"])
def test_what_names_the_sender_is_kept_in_any_type(harness: Harness, name: str) -> None:
    body = message_body(1)
    _value(body)[name] = "of another type"
    rows = _unfold(harness, body)
    assert _kinds(rows) == [("message", "wamid.in.1"), ("change", None)]
    assert json.loads(rows[1]["payload"])[name] == "of another type"


@pytest.mark.parametrize("where", ["status", "value beside statuses", "value beside messages"])
def test_the_sampled_search_falls_back_to_the_full_one(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """In a big file one line in 64 is searched; when a new key turns up, all are."""
    monkeypatch.setattr(ingest_run, "FULL_KEY_SEARCH_BYTES", 0)
    bodies = []
    for n in range(400):
        body = message_body(n) if where == "value beside messages" else status_body(n)
        if n % 2:
            target = _value(body)["statuses"][0] if where == "status" else _value(body)
            target["novelty"] = n
        bodies.append(body)
    rows = _unfold(harness, *bodies)
    kept = [
        json.loads(row["payload"])["novelty"]
        for row in rows
        if "novelty" in json.loads(row.get("payload", "{}"))
    ]
    assert sorted(kept) == list(range(1, 400, 2))
    assert len([row for row in rows if row["record_kind"] != "change"]) == 400


def test_without_a_new_key_the_sampled_search_loads_the_same(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[Any] = [status_body(n, "read") for n in range(100)]
    bodies += [message_body(n) for n in range(100)]
    bodies += [_change("flows", {"event": n}) for n in range(100)]
    full = _unfold(harness, *bodies)
    monkeypatch.setattr(ingest_run, "FULL_KEY_SEARCH_BYTES", 0)
    assert _unfold(make_harness(tmp_path / "other"), *bodies) == full


def test_bare_and_wrapped_bodies_may_stand_in_one_file(harness: Harness) -> None:
    wrapped = {"received_at": "2026-05-28T20:26:41Z", "body": status_body(1), "note": "kept"}
    odd = status_body(3, "held_for_review")
    _value(odd)["messages"] = _value(message_body(4))["messages"]
    rows = _unfold(harness, status_body(2), wrapped, {"body": odd, "received_at": "x"}, odd)
    assert _kinds(rows) == [
        ("status", "wamid.1"), ("status", "wamid.2"), ("status", "wamid.3"),
        ("status", "wamid.3"), ("message", "wamid.in.4"), ("message", "wamid.in.4"),
    ]  # fmt: skip
    assert rows[0]["received_at"] == "2026-05-28T20:26:41Z"
    assert [row.get("received_at") for row in rows[2:4]].count("x") == 1


@pytest.mark.parametrize("first", ["bare", "wrapped", "no body", "no JSON"])
@pytest.mark.parametrize("many", [False, True])
def test_the_form_that_the_first_line_promises_may_be_wrong(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, many: bool
) -> None:
    """A big file is read in the form of its first line: taken apart, or read again, all comes."""
    if many:
        monkeypatch.setattr(ingest_run, "MAX_LINES_OF_ANOTHER_FORM", 5)
    bare = [status_body(n) for n in range(20)] + [message_body(n) for n in range(20)]
    wrapped = [{"received_at": f"t{n}", "body": status_body(n + 100)} for n in range(20)]
    lines: dict[str, list[Any]] = {
        "bare": [*bare, *wrapped],
        "wrapped": [*wrapped, *bare],
        "no body": [{"object": "whatsapp_business_account"}, *bare, *wrapped],
        "no JSON": ["\n[1,2]\n", *bare, *wrapped],
    }
    expected = _unfold(harness, *lines[first])
    monkeypatch.setattr(ingest_run, "FULL_KEY_SEARCH_BYTES", 0)
    found = _unfold(make_harness(tmp_path / "other"), *lines[first])
    # A status that was taken apart keeps its JSON, needed or not.
    for row in found:
        if row["record_kind"] == "status":
            row.pop("payload", None)
    assert found == expected
    assert len([row for row in expected if row["record_kind"] in ("status", "message")]) == 60


def test_other_fields_are_kept_as_changes(harness: Harness) -> None:
    values: dict[str, Any] = {
        "message_template_status_update": {"event": "APPROVED", "message_template_id": 12},
        "account_update": {"event": "VERIFIED"},
        "rainbow": {"anything": [1, {"x": None}]},
        "text": "no object",
        "nothing": None,
    }
    rows = _unfold(harness, *(_change(field, value) for field, value in values.items()))
    assert {row["record_kind"] for row in rows} == {"change"}
    found = {row["field"]: json.loads(row.get("payload", "null")) for row in rows}
    assert found == values
    assert {row["entry_time"] for row in rows} == {"7"}


def test_echoes_history_preferences_and_user_ids_are_unfolded(harness: Harness) -> None:
    metadata = {"phone_number_id": "1"}
    text = {"type": "text", "text": {"body": "x"}, "timestamp": "5"}
    rows = _unfold(
        harness,
        _change("smb_message_echoes", {
            "metadata": metadata,
            "message_echoes": [{"from": "1", "to": "49170", "id": "wamid.e1", **text}]}),
        _change("history", {"metadata": metadata, "history": [
            {"metadata": {"phase": 0}, "threads": [
                {"id": "49171", "messages": [{"from": "49171", "id": "wamid.h1", **text},
                                             {"from": "1", "id": "wamid.h2", **text}]},
                {"id": "49172", "messages": []}]}]}),
        _change("user_preferences", {"metadata": metadata, "user_preferences": [
            {"wa_id": "49173", "user_id": "DE.3", "value": "stop", "timestamp": 6}]}),
        _change("user_id_update", {"metadata": metadata, "user_id_update": [
            {"wa_id": "49174", "user_id": {"previous": "DE.4", "current": "DE.5"},
             "timestamp": 7}]}),
        _change("automatic_events", {"metadata": metadata, "automatic_events": [
            {"id": "ev1", "event_name": "Purchase", "timestamp": 8}]}),
    )  # fmt: skip
    found = [
        (row["record_kind"], row.get("record_id"), row.get("record_type"), row.get("person_wa_id"))
        for row in rows
    ]
    assert found == [
        ("echo", "wamid.e1", "text", "49170"),
        ("history", "wamid.h1", "text", "49171"),
        ("history", "wamid.h2", "text", "49171"),
        ("preference", None, "stop", "49173"),
        ("user_id_update", None, None, "49174"),
        ("automatic_event", "ev1", "Purchase", None),
    ]
    assert (rows[3]["person_user_id"], rows[4]["person_user_id"]) == ("DE.3", "DE.4")
    assert rows[4]["linked_user_id"] == "DE.5"


def test_a_person_without_a_number_is_known_by_the_user_id(harness: Harness) -> None:
    body = message_body(1, **{"from": "", "from_user_id": "DE.6"})
    _value(body)["contacts"] = [{"user_id": "DE.6", "wa_id": "", "profile": {"name": "Ann"}}]
    (row,) = _unfold(harness, body)
    assert "person_wa_id" not in row
    assert "contact_wa_id" not in row
    assert (row["person_user_id"], row["contact_user_id"], row["contact_name"]) == (
        "DE.6", "DE.6", "Ann",
    )  # fmt: skip


def test_a_name_of_somebody_else_is_not_taken(harness: Harness) -> None:
    body = message_body(1)
    _value(body)["contacts"] = [{"wa_id": "49999", "profile": {"name": "Somebody else"}}]
    (row,) = _unfold(harness, body)
    assert "contact_name" not in row


def test_repeats_within_a_line_stay_repeats_of_the_line_go(harness: Harness) -> None:
    body = status_body(1)
    _value(body)["statuses"] *= 2
    rows = _unfold(harness, body, copy.deepcopy(body), status_body(2), status_body(2))
    assert [row["record_id"] for row in rows] == ["wamid.1", "wamid.1", "wamid.2"]
    counts = harness.rows("select rows_read, rows_loaded, rows_duplicate from raw.files")
    assert counts == [(4, 2, 2)]


def test_a_repeat_is_exact_or_none(harness: Harness) -> None:
    spaced = json.dumps(status_body(1), separators=(",", ":")) + "\n"
    rows = _unfold(harness, status_line(1), spaced, status_line(1).rstrip() + "  \n")
    assert len(rows) >= 2
    counts = harness.rows("select rows_read, rows_loaded + rows_duplicate from raw.files")
    assert counts == [(3, 3)]


def test_text_of_any_script_survives(harness: Harness) -> None:
    said = "ÄÖ 名 🐤 \u202e\u0000 \\ \" ' \t \u2028 " + "x" * 10_000
    rows = _unfold(harness, message_line(1, said.replace("\u0000", "")), message_line(2, said))
    assert rows[0]["text_body"] == said.replace("\u0000", "")
    assert len(rows) == 2


def test_the_two_statements_name_the_same_columns() -> None:
    """An odd change must end up in the table as a plain one does."""
    from orchestration.sources import BY_KEY

    stream = BY_KEY[STREAM]
    fast = webhooks.unfold_sql(stream, load_ids="ids", full_key_search=True)
    slow = webhooks.unfold_odd_sql(stream, odd="odd")
    assert fast.strip().splitlines()[0] == slow.strip().splitlines()[0]
