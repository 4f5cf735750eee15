"""A bad line costs itself, a bad file costs itself, and both are named; nothing is lost unseen."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.ingest import csv_files
from tests.faults.harness import Harness, make_harness, send_line, status_line

WEBHOOKS = "whatsapp/webhooks"
RATES = "reference/rate_card"
HEADER = "effective_from,market,category,currency_code,rate\n"
GOOD = [status_line(n) for n in range(1, 6)]

Packer = Callable[[bytes], bytes]
PACKERS: dict[str, Packer] = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".zst": lambda content: pyarrow.compress(content, codec="zstd", asbytes=True),
}


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def _rate(day: int, market: str = "Germany") -> str:
    return f"2026-01-{day:02},{market},marketing,EUR,0.{day:02}\n"


def _wamids(harness: Harness) -> list[str]:
    return [i for (i,) in harness.rows("select record_id from raw.whatsapp_webhooks order by 1")]


def _days(harness: Harness) -> list[int]:
    """Return the days of the rates that stand in raw; the other cells must belong to them."""
    rows = harness.rows(
        "select effective_from, category, currency_code, rate from raw.reference_rate_card "
        "order by all"
    )
    days = [int(row[0][-2:]) for row in rows]
    assert [row[1:] for row in rows] == [("marketing", "EUR", f"0.{day:02}") for day in days]
    return days


# --- lines of JSON ------------------------------------------------------------------------------
BAD_LINES = {
    "truncated": (GOOD[0][:-30] + "\n", "bad_json"),
    "an array": ("[1,2]\n", "not_an_object"),
    "a number": ("5\n", "not_an_object"),
    "a text": ('"hello"\n', "not_an_object"),
    "null": ("null\n", "not_an_object"),
    "two objects": ('{"entry":[]} {"entry":[]}\n', "bad_json"),
    "invalid UTF-8": (b'{"entry":[{"id":"\xff\xfe"}]}\n', "bad_json"),
    "a NUL": ('{"entry":[{"id":"a\0b"}]}\n', "bad_json"),
    "control characters": ("\x01\x02 junk \r junk\n", "bad_json"),
    "a bare value": (
        json.dumps({"messaging_product": "whatsapp", "metadata": {}, "messages": []}) + "\n",
        "bare_value",
    ),
    "another object": ('{"hello":"world"}\n', "not_a_webhook_body"),
}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_bad_lines_cost_themselves_and_are_named(harness: Harness, place: int, ending: str) -> None:
    bad = [text.encode() if isinstance(text, str) else text for text, _ in BAD_LINES.values()]
    lines = [line.encode() for line in GOOD]
    lines[place:place] = bad
    harness.put(f"{WEBHOOKS}/a.jsonl{ending}", PACKERS[ending](b"".join(lines)))
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert _wamids(harness) == [f"wamid.{n}" for n in range(1, 6)]
    assert (report.rows_read, report.rows_loaded, report.rows_rejected) == (16, 5, 11)
    assert harness.rejects() == [
        (f"{WEBHOOKS}/a.jsonl{ending}", place + n, reason)
        for n, (_, reason) in enumerate(BAD_LINES.values(), start=1)
    ]
    (text,) = harness.rows("select raw_text from raw.rejects where reason = 'bare_value'")[0]
    assert text == BAD_LINES["a bare value"][0].strip()
    (warning,) = report.warnings
    assert warning.startswith(f"{WEBHOOKS}/a.jsonl{ending}, line {place + 1} and 10 more lines")


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("megabytes", [20, 45])
def test_a_line_that_no_reader_takes_costs_itself(
    harness: Harness, megabytes: int, ending: str
) -> None:
    long = '{"entry":"' + "x" * megabytes * 1_000_000 + '"}\n'
    content = "".join([GOOD[0], "\n", long, *GOOD[1:]]).encode()
    harness.put(f"{WEBHOOKS}/a.jsonl{ending}", PACKERS[ending](content))
    harness.ingest(WEBHOOKS)
    assert _wamids(harness) == [f"wamid.{n}" for n in range(1, 6)]
    assert harness.rejects() == [(f"{WEBHOOKS}/a.jsonl{ending}", 3, "line_too_long")]
    (length,) = harness.rows("select strlen(raw_text) from raw.rejects")[0]
    assert length == 64 * 1024
    assert not list(harness.settings.temp_dir.glob("*.jsonl")), "the repaired copy holds bodies"


@pytest.mark.parametrize("ending", PACKERS)
def test_line_ends_blank_lines_and_byte_order_marks_cost_nothing(
    harness: Harness, ending: str
) -> None:
    one, two, three, four, five = (line.rstrip() for line in GOOD)
    # Two exports that were joined, the second with a byte order mark of its own.
    content = f"\ufeff{one}\r\n\r\n{two}\n \t\n\ufeff{three}\n{four}\n\x0c\n{five}"
    harness.put(f"{WEBHOOKS}/a.jsonl{ending}", PACKERS[ending](content.encode()))
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert _wamids(harness) == [f"wamid.{n}" for n in range(1, 6)]
    assert (report.rows_read, report.rows_rejected, report.warnings) == (5, 0, ())


@pytest.mark.parametrize("stream", [WEBHOOKS, "whatsapp/sends", RATES])
@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("damage", ["cut short", "cut early", "not packed", "followed by junk"])
def test_a_corrupt_compressed_file_is_rejected_whole(
    harness: Harness, stream: str, ending: str, damage: str
) -> None:
    name = "csv" if stream == RATES else "jsonl"
    lines = {
        WEBHOOKS: "".join(status_line(n) for n in range(2000)),
        "whatsapp/sends": "".join(send_line(n) for n in range(2000)),
        RATES: HEADER + "".join(_rate(n % 28 + 1, f"market {n}") for n in range(20_000)),
    }[stream]
    packed = PACKERS[ending](lines.encode())
    harness.put(
        f"{stream}/bad.{name}{ending}",
        {
            "cut short": packed[:-9],
            "cut early": packed[:20],
            "not packed": lines.encode(),
            "followed by junk": packed + b"junk of some length",
        }[damage],
    )
    good = {WEBHOOKS: GOOD[0], "whatsapp/sends": send_line(1), RATES: HEADER + _rate(1)}[stream]
    harness.put(f"{stream}/good.{name}{ending}", PACKERS[ending](good.encode()))
    report = harness.ingest(stream)[stream]
    assert harness.rejects() == [(f"{stream}/bad.{name}{ending}", None, "corrupt_file")]
    assert harness.files() == {
        f"{stream}/bad.{name}{ending}": "rejected",
        f"{stream}/good.{name}{ending}": "loaded",
    }
    assert (report.rows_in_table, report.rows_read, report.rows_loaded) == (1, 1, 1)
    assert report.warnings == (
        f"{stream}/bad.{name}{ending}: the compressed file is damaged: export or copy it again",
    )


@pytest.mark.parametrize("content", [b"", b"\n \n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_rejected_and_said(harness: Harness, content: bytes) -> None:
    ending = ".gz" if content.startswith(b"\x1f") else ""
    harness.put(f"{WEBHOOKS}/a.jsonl{ending}", content)
    harness.put(f"{WEBHOOKS}/b.jsonl", GOOD[0])
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert harness.rejects() == [(f"{WEBHOOKS}/a.jsonl{ending}", None, "empty_file")]
    assert report.rows_in_table == 1


@pytest.mark.parametrize("depth", [1_000, 1_000_000])
def test_json_of_any_depth_neither_crashes_nor_costs_others(harness: Harness, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    harness.put(f"{WEBHOOKS}/a.jsonl", "".join([*GOOD, f'{{"entry":{deep}}}\n']))
    harness.put("whatsapp/sends/a.jsonl", send_line(1) + send_line(2, request=0, more=1))
    harness.ingest(WEBHOOKS, "whatsapp/sends")
    assert [i for i in _wamids(harness) if i] == [f"wamid.{n}" for n in range(1, 6)]


def test_unknown_keys_of_any_name_are_kept(harness: Harness) -> None:
    odd = ',"x/y":1,"":2,"a~b":3,"it\'s":{"z":1},"twice":1,"twice":2,"é":null}'
    harness.put("whatsapp/sends/a.jsonl", send_line(1) + send_line(2)[:-2] + odd + "\n")
    harness.ingest("whatsapp/sends")
    (plain, kept) = harness.rows("select _extra from raw.whatsapp_sends order by requested_at")
    assert plain == (None,)
    assert json.loads(kept[0]) == {
        "x/y": 1, "": 2, "a~b": 3, "it's": {"z": 1}, "twice": 1, "é": None,
    }  # fmt: skip


def test_a_send_without_what_is_required_is_rejected_by_column(harness: Harness) -> None:
    lines = [send_line(1), send_line(2, requested_at=None), send_line(3, phone_number_id="")]
    harness.put("whatsapp/sends/a.jsonl", "".join(lines))
    harness.ingest("whatsapp/sends")
    path = "whatsapp/sends/a.jsonl"
    assert harness.rejects() == [
        (path, 2, "missing_requested_at"),
        (path, 3, "missing_phone_number_id"),
    ]


def test_names_that_read_like_patterns_are_opened_literally(harness: Harness) -> None:
    for n, name in enumerate(["a*.jsonl", "a[1].jsonl", "a?.jsonl", "a1.jsonl", "{a,b}.jsonl"], 1):
        harness.put(f"{WEBHOOKS}/{name}", status_line(n))
    harness.put(f'{WEBHOOKS}/it\'s "so"; drop table x.jsonl', status_line(6))
    harness.put(f"{WEBHOOKS}/ünï cødé 名.jsonl", status_line(7))
    harness.ingest(WEBHOOKS)
    assert _wamids(harness) == [f"wamid.{n}" for n in range(1, 8)]


# --- CSV ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "days", "rejects"),
    [
        pytest.param(HEADER + _rate(1) + _rate(2), [1, 2], [], id="plain"),
        pytest.param(
            (HEADER + _rate(1) + _rate(2)).replace("\n", "\r\n"), [1, 2], [], id="windows"
        ),
        pytest.param((HEADER + _rate(1) + _rate(2)).replace("\n", "\r"), [1, 2], [], id="old mac"),
        pytest.param(
            (HEADER + _rate(1)).replace("\n", "\r\n") + _rate(2), [1, 2], [], id="mixed ends"
        ),
        pytest.param(
            HEADER + _rate(1) + _rate(2).replace("\n", "\r\n"), [1, 2], [], id="mixed the other way"
        ),
        pytest.param("\ufeff" + HEADER + _rate(1).rstrip(), [1], [], id="mark, no last line end"),
        pytest.param("\n" + HEADER + "\n" + _rate(1) + "\n \n" + _rate(2), [1, 2], [], id="blanks"),
        pytest.param(HEADER, [], [], id="header only"),
        pytest.param(
            HEADER + _rate(1) + "2026-01-02,Germany\n" + _rate(3),
            [1, 3],
            [(3, "ragged_row")],
            id="too few cells",
        ),
        pytest.param(
            HEADER + _rate(1) + _rate(2).strip() + ",x,y\n" + _rate(3),
            [1, 3],
            [(3, "ragged_row")],
            id="too many cells",
        ),
        pytest.param(
            HEADER + _rate(1).strip() + ",\n" + _rate(2), [1, 2], [], id="a separator at the end"
        ),
        pytest.param(
            HEADER + _rate(1).strip() + ",\n" + _rate(2).strip() + ",,,\noops\n" + _rate(3),
            [1, 2, 3],
            [(4, "ragged_row")],
            id="separators at the end, the slow way",
        ),
        pytest.param(
            HEADER + _rate(1) + "2026-01-02,Germany\n,,,,\n" + _rate(3),
            [1, 3],
            [(3, "ragged_row"), (4, "missing_effective_from")],
            id="an empty cell after a ragged row keeps its line number",
        ),
        pytest.param(
            HEADER + _rate(1, '"Ger\nmany"') + ",x,marketing,EUR,0.02\n" + _rate(3),
            [1, 3],
            [(4, "missing_effective_from")],
            id="an empty cell after a cell of two lines keeps its line number",
        ),
        pytest.param(
            HEADER + _rate(1) + '"' + _rate(2) + _rate(3) + _rate(4),
            [1, 3, 4],
            [(3, "bad_quotes")],
            id="a quote that is never closed",
        ),
        pytest.param(
            HEADER + _rate(1) + _rate(2, '"Germany') + _rate(3, '"Germany') + _rate(4),
            [1, 4],
            [(3, "bad_quotes"), (4, "bad_quotes")],
            id="two quotes that are never closed",
        ),
        pytest.param(HEADER + _rate(1, 'Ger"many') + _rate(2), [1, 2], [], id="a quote inside"),
        pytest.param(
            HEADER + _rate(1, '"Ger ""x"" , \n\n many"') + _rate(2), [1, 2], [], id="a long cell"
        ),
        pytest.param(HEADER + _rate(1) + _rate(1) + _rate(2), [1, 2], [], id="an exact repeat"),
        pytest.param(
            ",".join(f'"{name}"' for name in HEADER.strip().split(",")) + "\n" + _rate(1),
            [1],
            [],
            id="quoted header",
        ),
        pytest.param(HEADER.upper().replace(",", " , ") + _rate(1), [1], [], id="header in capitals"),
        pytest.param(
            "rate,currency_code,category,market,effective_from\n"
            "0.01,EUR,marketing,Germany,2026-01-01\n",
            [1],
            [],
            id="reordered header",
        ),
    ],
)  # fmt: skip
def test_records_of_a_csv(
    harness: Harness,
    content: str,
    days: list[int],
    rejects: list[tuple[int, str]],
) -> None:
    harness.put(f"{RATES}/a.csv", content)
    harness.ingest(RATES)
    assert _days(harness) == days
    assert [row[1:] for row in harness.rejects()] == rejects


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_records_of_a_compressed_csv(harness: Harness, ending: str) -> None:
    content = (HEADER + _rate(1) + "ragged\n" + _rate(3)).replace("\n", "\r\n")
    harness.put(f"{RATES}/a.csv{ending}", PACKERS[ending](content.encode()))
    harness.put(f"{RATES}/b.csv{ending}", PACKERS[ending]((HEADER + _rate(4)).encode()))
    harness.ingest(RATES)
    assert _days(harness) == [1, 3, 4]
    assert [row[1:] for row in harness.rejects()] == [(3, "ragged_row")]


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        (HEADER.replace(",rate", ""), "missing_column", "required column rate is missing: rename"),
        (
            (HEADER + _rate(1)).replace(",", ";").replace("0.0", "0,0"),
            "decimal_comma",
            "the column 'rate' holds commas: write a decimal point",
        ),
        ("effective_from;market\n", "missing_column", "the file must be separated by ','"),
        (HEADER.strip() + ",Rate\n", "duplicate_column", "the column 'rate' stands twice"),
        ("", "empty_file", "the file is empty"),
        ("\n\n", "empty_file", "the file is empty"),
        (HEADER + _rate(1) + "2026-01-02,M\xfcnchen,,,\n", "wrong_encoding", "not UTF-8: save"),
        ("G" * 200_000 + "\n" + _rate(1), "missing_column", "required column effective_from"),
        ("x" * 17_000_000, "missing_column", "the first line is no header"),
        (HEADER.encode("utf-16") + b"\x00", "wrong_encoding", "the file is not utf-16"),
    ],
)
def test_a_csv_that_is_rejected_whole_says_why_and_what_to_do(
    harness: Harness, content: str | bytes, reason: str, message: str
) -> None:
    data = content if isinstance(content, bytes) else content.encode("latin-1")
    harness.put(f"{RATES}/a.csv", data)
    harness.put(f"{RATES}/b.csv", HEADER + _rate(2))
    report = harness.ingest(RATES)[RATES]
    assert harness.rejects() == [(f"{RATES}/a.csv", None, reason)]
    assert _days(harness) == [2]
    (warning,) = report.warnings
    assert warning.startswith(f"{RATES}/a.csv: ")
    assert message in warning


@pytest.mark.parametrize("megabytes", [17, 40])
def test_a_cell_that_no_reader_takes_costs_its_line(harness: Harness, megabytes: int) -> None:
    long = _rate(2, "G" * megabytes * 1_000_000)
    harness.put(f"{RATES}/a.csv", HEADER + _rate(1) + long + _rate(3))
    harness.ingest(RATES)
    assert _days(harness) == [1, 3]
    assert [row[1:] for row in harness.rejects()] == [(3, "line_too_long")]


def test_unknown_columns_are_kept_whatever_their_names(harness: Harness) -> None:
    header = HEADER.strip() + ",Note,note,Note,,it's\n"
    harness.put(f"{RATES}/a.csv", header + _rate(1).strip() + ",1,2,3,4,5\n")
    # What a spreadsheet leaves behind: separators of columns without name and content.
    harness.put(f"{RATES}/b.csv", HEADER.strip() + ",,\n" + _rate(2).strip() + ",,\n")
    report = harness.ingest(RATES)[RATES]
    (first, second) = harness.rows("select _extra from raw.reference_rate_card order by rate")
    assert json.loads(first[0]) == {
        "Note": "1", "note": "2", "Note (column 8)": "3", "(column 9)": "4", "it's": "5",
    }  # fmt: skip
    assert second == (None,)
    assert any("new column Note, note" in warning for warning in report.warnings)


def test_a_big_csv_with_one_bad_line_loses_one_line(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_CHUNK_RECORDS", 700)
    lines = [f"2026-01-01,market {n},marketing,EUR,0.01\n" for n in range(5000)]
    lines[1234] = "oops\n"
    harness.put(f"{RATES}/a.csv", HEADER + "".join(lines))
    report = harness.ingest(RATES)[RATES]
    assert (report.rows_read, report.rows_loaded, report.rows_rejected) == (5000, 4999, 1)
    assert [row[1:] for row in harness.rejects()] == [(1236, "ragged_row")]
    numbers = harness.rows("select min(_row_number), max(_row_number) from raw.reference_rate_card")
    assert numbers == [(1, 4999)]


# --- fuzz ---------------------------------------------------------------------------------------
def _fuzz(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


_JUNK = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"{",
            b'{"entry":',
            b"[]",
            b"\xff",
            b"\0",
            b'{"entry":[]}}',
            b'"',
            b"{}",
            b"\r",
            b"\x1e",
        ]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["entry", "body", "changes", "value", "x"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Harness:
    return make_harness(tmp_path_factory.mktemp("fuzz"))


_JUNK_FILES = (st.lists(_JUNK, max_size=6), st.sampled_from(list(PACKERS)), st.randoms())


@_fuzz(20)
@given(*_JUNK_FILES)
def test_junk_between_good_lines_never_costs_a_good_one(
    fuzzed: Harness, junk: list[bytes], ending: str, random: Random
) -> None:
    _check_junk(fuzzed, junk, ending, random)


@pytest.mark.long
@_fuzz(500)
@given(*_JUNK_FILES)
def test_much_junk_between_good_lines_never_costs_a_good_one(
    fuzzed: Harness, junk: list[bytes], ending: str, random: Random
) -> None:
    _check_junk(fuzzed, junk, ending, random)


def _check_junk(fuzzed: Harness, junk: list[bytes], ending: str, random: Random) -> None:
    lines = [line.encode() for line in GOOD] + [part.replace(b"\n", b" ") + b"\n" for part in junk]
    random.shuffle(lines)
    content = b"".join(lines)
    path = f"{WEBHOOKS}/a.jsonl{ending}"
    file = fuzzed.put(path, PACKERS[ending](content))
    try:
        report = fuzzed.ingest(WEBHOOKS)[WEBHOOKS]
    finally:
        file.unlink()
    ((status, load_id),) = fuzzed.rows(
        "select status, load_id from raw.files where path = ? and status not in "
        "('replaced', 'missing')",
        path,
    )
    assert status == "loaded", report.warnings
    found = fuzzed.rows(
        "select record_id from raw.whatsapp_webhooks where _load_id = ? "
        "and starts_with(record_id, 'wamid.') order by 1",
        load_id,
    )
    assert found == [(f"wamid.{n}",) for n in range(1, 6)]
    ((read, loaded, rejected, duplicate),) = fuzzed.rows(
        "select rows_read, rows_loaded, rows_rejected, rows_duplicate from raw.files "
        "where load_id = ? and status = 'loaded'",
        load_id,
    )
    # A byte order mark alone is no line either: it is taken away where files were joined.
    assert read == sum(1 for line in lines if line.removeprefix(b"\xef\xbb\xbf").strip())
    assert read == loaded + rejected + duplicate
    located = fuzzed.rows(
        "select line_number from raw.rejects where load_id = ? order by 1", load_id
    )
    assert len(located) == rejected
    good_places = {n for n, line in enumerate(lines, 1) if line.decode("latin-1") in GOOD}
    assert not good_places & {number for (number,) in located}


_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\n\r\0'), max_size=6)
_BAD_RECORD = st.one_of(
    # Ragged: never five cells.
    st.lists(_CELL.map(lambda cell: cell.replace(",", "")), max_size=4).map(",".join),
    st.lists(_CELL.map(lambda cell: cell.replace(",", "")), min_size=5, max_size=9).map(
        lambda cells: ",".join([*cells, "x"])
    ),
    # A quote that is opened and never closed on the line.
    st.tuples(st.integers(0, 4), _CELL).map(
        lambda drawn: ",".join(['"' + drawn[1]] * 1 + ["x"] * (drawn[0]))
    ),
    st.just(",,,,"),
)


_DAMAGED_FILES = (
    st.lists(st.tuples(st.integers(0, 6), _BAD_RECORD), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(list(PACKERS)),
)


@_fuzz(20)
@given(*_DAMAGED_FILES)
def test_damaged_records_never_cost_a_good_one(
    fuzzed: Harness, bad: list[tuple[int, str]], line_end: str, ending: str
) -> None:
    _check_damaged(fuzzed, bad, line_end, ending)


@pytest.mark.long
@_fuzz(500)
@given(*_DAMAGED_FILES)
def test_many_damaged_records_never_cost_a_good_one(
    fuzzed: Harness, bad: list[tuple[int, str]], line_end: str, ending: str
) -> None:
    _check_damaged(fuzzed, bad, line_end, ending)


@pytest.mark.long
@_fuzz(300)
@given(st.binary(max_size=300), st.integers(0, 200), st.sampled_from(["", ".gz"]))
def test_any_bytes_in_a_csv_are_loaded_or_rejected(
    fuzzed: Harness, junk: bytes, place: int, ending: str
) -> None:
    whole = (HEADER + "".join(_rate(n) for n in range(1, 7))).encode()
    content = whole[:place] + junk + whole[place:]
    file = fuzzed.put(f"{RATES}/junk.csv{ending}", PACKERS[ending](content))
    try:
        fuzzed.ingest(RATES)
    finally:
        file.unlink()


def _check_damaged(fuzzed: Harness, bad: list[tuple[int, str]], line_end: str, ending: str) -> None:
    lines = [_rate(n).strip() for n in range(1, 7)]
    quotes = 0
    for place, record in sorted(bad, reverse=True):
        # Two open quotes make one cell of what lies between: that is what quotes are for.
        if record.startswith('"'):
            if quotes:
                continue
            quotes += 1
        lines.insert(place, record)
    content = line_end.join([HEADER.strip(), *lines]) + line_end
    path = f"{RATES}/a.csv{ending}"
    file = fuzzed.put(path, PACKERS[ending](content.encode()))
    try:
        fuzzed.ingest(RATES)
    finally:
        file.unlink()
    ((load_id, read, loaded, rejected, duplicate),) = fuzzed.rows(
        "select load_id, rows_read, rows_loaded, rows_rejected, rows_duplicate from raw.files "
        "where path = ? and status = 'loaded'",
        path,
    )
    days = fuzzed.rows(
        "select effective_from, rate, count(*) from raw.reference_rate_card "
        "where _load_id = ? group by all order by all",
        load_id,
    )
    assert days == [(f"2026-01-{n:02}", f"0.{n:02}", 1) for n in range(1, 7)]
    assert read == sum(1 for line in lines if line.strip())
    assert (loaded, rejected, duplicate) == (6, read - 6, 0)


# --- files that are not read --------------------------------------------------------------------
def test_what_is_not_an_export_is_left_alone_or_named(harness: Harness, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jsonl").write_text(status_line(99))
    folder = harness.put(f"{WEBHOOKS}/good.jsonl", GOOD[0]).parent
    (folder / "link.jsonl").symlink_to(outside / "secret.jsonl")
    (folder / "linked_folder").symlink_to(outside)
    (folder / "inside.jsonl").symlink_to(folder / "good.jsonl")
    (harness.settings.raw_dir / "chatwoot").symlink_to(outside)
    os.mkfifo(folder / "pipe.jsonl")
    for name in (".hidden.jsonl", "x.jsonl.part", "x.jsonl.tmp", ".git/x.jsonl", "README.md"):
        harness.put(f"{WEBHOOKS}/{name}", GOOD[1])
    harness.put(f"{WEBHOOKS}/notes.txt", "hello")
    harness.put("clicks/shortio/x.csv", "a,b\n1,2\n")
    harness.put("notes.txt", "hello")
    harness.put("whatsapp/notes.jsonl", GOOD[1])
    reports = harness.ingest()
    assert _wamids(harness) == ["wamid.1"]
    assert harness.rejects() == [
        ("chatwoot", None, "symlink"),
        ("clicks/shortio/x.csv", None, "unknown_stream"),
        ("whatsapp/notes.jsonl", None, "unknown_stream"),
        (f"{WEBHOOKS}/inside.jsonl", None, "symlink"),
        (f"{WEBHOOKS}/link.jsonl", None, "symlink"),
        (f"{WEBHOOKS}/linked_folder", None, "symlink"),
        (f"{WEBHOOKS}/notes.txt", None, "unknown_file_type"),
        (f"{WEBHOOKS}/pipe.jsonl", None, "not_a_file"),
    ]
    assert all(not warning.endswith(": ") for warning in reports[WEBHOOKS].warnings)
    assert len(reports[WEBHOOKS].warnings) == 5
    # A folder's name may be a person's: undeclared ones don't reach the published ledger.
    unknown = harness.rows("select distinct source, stream from raw.files where path like 'c%'")
    assert unknown == [("unknown", "unknown")]


def test_a_folder_without_permission_is_named_and_costs_only_itself(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.put(f"{WEBHOOKS}/good.jsonl", GOOD[0])
    closed = harness.put(f"{WEBHOOKS}/closed/x.jsonl", GOOD[1]).parent
    scandir = os.scandir

    def guarded(path: Path) -> object:
        # Root reads everything, so the refusal is played.
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert _wamids(harness) == ["wamid.1"]
    assert harness.rejects() == [(f"{WEBHOOKS}/closed/", None, "unreadable")]
    assert report.warnings == (f"{WEBHOOKS}/closed/: Permission denied: check its permissions",)


def test_a_name_that_is_no_utf8_is_refused_not_fatal(harness: Harness) -> None:
    folder = harness.put(f"{WEBHOOKS}/good.jsonl", GOOD[0]).parent
    with open(os.fsencode(folder) + b"/caf\xe9.jsonl", "w") as handle:  # noqa: PTH123
        handle.write(GOOD[1])
    harness.ingest(WEBHOOKS)
    assert _wamids(harness) == ["wamid.1"]
    assert harness.rejects() == [(f"{WEBHOOKS}/caf\ufffd.jsonl", None, "odd_name")]
