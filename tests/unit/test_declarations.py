"""The declarations: every stream builds without files, and maps what its export holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestration.ingest.csv_files import match_header
from orchestration.ingest.files import UnreadableFile
from orchestration.sources import BY_KEY, STREAMS, Column, Identifier, Stream
from orchestration.sources.shopify import ORDERS
from orchestration.warehouse import memory
from tests.conftest import SAMPLE
from tests.faults.harness import make_harness

KEYS = [stream.key for stream in STREAMS]
TECHNICAL = ["_load_id", "_line_hash", "_is_line_head", "_row_number", "_extra"]


def test_the_streams_of_the_issue_are_declared() -> None:
    assert set(KEYS) >= {
        "whatsapp/webhooks", "whatsapp/sends", "whatsapp/templates", "reference/rate_card",
        "reference/market_prefixes", "reference/fx_rates", "reference/channels",
        "reference/internal_contacts", "shopify/orders", "chatwoot/conversations",
    }  # fmt: skip
    assert len(set(KEYS)) == len(KEYS)
    assert len({stream.raw_table for stream in STREAMS}) == len(STREAMS)


@pytest.mark.parametrize("key", KEYS)
def test_the_ddl_runs_and_holds_each_declared_column(key: str) -> None:
    stream = BY_KEY[key]
    with memory() as con:
        con.execute("create schema raw")
        con.execute(stream.ddl())
        con.execute(stream.ddl())
        columns = con.execute(f'describe raw."{stream.raw_table}"').fetchall()
    assert [name for name, *_ in columns] == [*TECHNICAL, *(c.name for c in stream.columns)]
    types = {name: kind for name, kind, *_ in columns}
    assert all(types[c.name] == c.json_type for c in stream.columns)


@pytest.mark.parametrize("key", KEYS)
def test_identifying_columns_are_personal(key: str) -> None:
    stream = BY_KEY[key]
    for identifier in stream.identifiers:
        if identifier.kind != "channel":
            assert identifier.column in stream.personal_columns


def test_streams_without_files_give_empty_raw_tables(tmp_path: Path) -> None:
    harness = make_harness(tmp_path)
    reports = harness.ingest()
    assert list(reports) == KEYS
    for stream in STREAMS:
        report = reports[stream.key]
        assert (report.files_total, report.rows_in_table, report.warnings) == (0, 0, ())
        assert (report.first_event_at, report.last_event_at) == (None, None)
        assert len(report.columns) == len(TECHNICAL) + len(stream.columns)


def test_the_sample_has_a_file_of_the_main_streams_and_loads_without_a_reject(
    tmp_path: Path,
) -> None:
    folders = {
        f"{p.parent.parent.name}/{p.parent.name}" for p in SAMPLE.rglob("*.*") if p.is_file()
    }
    assert {"whatsapp/webhooks", "whatsapp/sends", "whatsapp/templates", "shopify/orders",
            "chatwoot/conversations"} <= folders  # fmt: skip
    for key in ("shopify/orders", "chatwoot/conversations"):
        header = next((SAMPLE / key).glob("*.csv")).read_text().splitlines()[0].split(",")
        own = [column for column in BY_KEY[key].columns if column.derived is None]
        assert len(match_header(header, BY_KEY[key])) >= len(own) - 1


def test_a_header_is_mapped_by_name_in_any_order_and_case() -> None:
    header = ["created AT", "Unknown", "Total", "NAME"]
    places = {place: column.name for place, column in match_header(header, ORDERS).items()}
    assert places == {0: "created_at", 2: "total", 3: "name"}


def test_a_missing_required_column_is_named() -> None:
    with pytest.raises(UnreadableFile, match="required column Total, Created at is missing"):
        match_header(["Name"], ORDERS)


def test_shopifys_export_has_its_79_columns() -> None:
    header = next((SAMPLE / "shopify/orders").glob("*.csv")).read_text().splitlines()[0]
    assert len(header.split(",")) == 79
    assert len(match_header(header.split(","), ORDERS)) == 79


def test_continuation_rows_of_an_order_take_its_name(tmp_path: Path) -> None:
    harness = make_harness(tmp_path)
    harness.put(
        "shopify/orders/a.csv",
        "Name,Total,Created at,Lineitem name\n"
        "#1,10.00,2026-05-01 09:58:12 +0200,Shirt\n,,,Socks\n#1,,,Hat\n"
        "#2,5.00,2026-05-01 10:58:12 +0200,Cup\n,,,Plate\n",
    )
    report = harness.ingest("shopify/orders")["shopify/orders"]
    rows = harness.rows(
        "select name, total, lineitem_name from raw.shopify_orders order by _row_number"
    )
    assert rows == [
        ("#1", "10.00", "Shirt"), ("#1", None, "Socks"), ("#1", None, "Hat"),
        ("#2", "5.00", "Cup"), ("#2", None, "Plate"),
    ]  # fmt: skip
    assert str(report.first_event_at) == "2026-05-01 07:58:12"


@pytest.mark.parametrize(
    "wrong",
    [
        {"natural_key": ("absent",)},
        {"identifiers": (Identifier(kind="phone", column="absent"),)},
        {"one_of": (("a", "absent"),)},
        {"columns": (Column(name="a"), Column(name="a"))},
        {"colour": "red"},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    right = {
        "source": "s",
        "name": "n",
        "record": "r",
        "format": "csv",
        "columns": (Column(name="a"),),
    }
    Stream.model_validate(right)
    with pytest.raises(ValidationError):
        Stream.model_validate({**right, **wrong})


def test_the_fingerprint_changes_with_the_declaration() -> None:
    other = ORDERS.model_copy(update={"columns": ORDERS.columns[:-1]})
    assert other.fingerprint != ORDERS.fingerprint == ORDERS.model_copy().fingerprint


@pytest.mark.parametrize(
    ("key", "column", "value", "expected"),
    [
        ("whatsapp/webhooks", "record_time", "1780000000", "2026-05-28 20:26:40"),
        ("whatsapp/webhooks", "record_time", "1780000000000", None),
        ("whatsapp/webhooks", "record_time", "-1", None),
        ("whatsapp/webhooks", "record_time", "soon", None),
        ("whatsapp/sends", "requested_at", "2026-05-01T10:00:00Z", "2026-05-01 10:00:00"),
        ("whatsapp/sends", "requested_at", "2026-05-01T10:00:00+05:30", "2026-05-01 04:30:00"),
        ("whatsapp/sends", "requested_at", "2026-05-01 10:00:00", "2026-05-01 10:00:00"),
        ("whatsapp/sends", "requested_at", "yesterday", None),
        ("shopify/orders", "created_at", "2026-05-01 09:58:12 +0200", "2026-05-01 07:58:12"),
        (
            "chatwoot/conversations",
            "created_at",
            "2026-08-08 16:58:50.1",
            "2026-08-08 16:58:50.100000",
        ),
    ],
)
def test_event_times_are_utc_and_unreadable_ones_are_null(
    key: str, column: str, value: str, expected: str | None
) -> None:
    with memory() as con:
        row = con.execute(
            f"select {BY_KEY[key].event_time} from (select $value as {column})", {"value": value}
        ).fetchone()
    assert row is not None
    assert (None if row[0] is None else str(row[0])) == expected
