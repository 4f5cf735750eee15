"""Other systems' exports: read through a mapping into the table of our own columns."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest.discover import discover
from orchestration.ingest.mapping import SHIPPED_DIR, MappingFile, parse_mapping
from orchestration.sources import BY_KEY
from tests.conftest import ROOT
from tests.faults.harness import Harness, make_harness

REPORTS = "generic/message_reports"
VENDOR = "mapped/acme/message_reports"
COLUMNS = (
    "message_id, channel_id, phone, direction, sent_at, delivered_at, read_at, price_amount, "
    "currency_code, error_code"
)
HEADER = "Nr;Kanal;Empfänger;Gesendet;Zugestellt;Preis\n"
ROW = "m1;4930231250;+491500000001;13.05.2026 09:05;14.05.2026 10:00;0,0855\n"
MAPPING = """
columns:
  message_id: Nr
  channel_id: Kanal
  phone: Empfänger
  sent_at: Gesendet
  delivered_at: Zugestellt
  price_amount: Preis
constants: {direction: outbound, currency_code: EUR}
time: {format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
decimal: ","
delimiter: ";"
"""
OWN = "message_id,channel_id,phone,direction,sent_at\n"


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def _table(harness: Harness, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
    return harness.rows(f"select {columns} from raw.generic_message_reports order by all")


def _ingest(harness: Harness, key: str = REPORTS) -> tuple[str, ...]:
    return harness.ingest(key)[key].warnings


def _put(harness: Harness, mapping: str, content: str | bytes, folder: str = VENDOR) -> None:
    harness.put(f"{folder}/mapping.yml", mapping)
    harness.put(f"{folder}/a.csv", content)


def test_a_mapped_file_lands_in_the_table_of_our_own_columns(harness: Harness) -> None:
    _put(harness, MAPPING, HEADER + ROW)
    harness.put(f"{REPORTS}/own.csv", OWN + "o1,c,+491500000002,outbound,2026-05-01\n")
    assert _ingest(harness) == ()
    assert _table(harness) == [
        ("m1", "4930231250", "+491500000001", "outbound", "2026-05-13T07:05:00+00:00",
         "2026-05-14T08:00:00+00:00", None, "0.0855", "EUR", None),
        ("o1", "c", "+491500000002", "outbound", "2026-05-01", None, None, None, None, None),
    ]  # fmt: skip
    ledger = harness.rows("select source, stream, rows_loaded from raw.files order by all")
    assert ledger == [("acme", "message_reports", 1), ("generic", "message_reports", 1)]
    period = harness.rows("select first_event_at::varchar from raw.loads where source = 'acme'")
    assert period == [("2026-05-13 07:05:00",)]


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("cp1252", "encoding: cp1252"),
        ("cp1252", "encoding: windows-1252"),
        ("latin-1", "encoding: latin-1"),
        ("utf-16", "encoding: utf-16"),
        ("utf-16", ""),
        ("utf-8-sig", ""),
        ("utf-8", "encoding: utf-8"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_any_encoding_is_read(harness: Harness, encoding: str, line: str, ending: str) -> None:
    text = (HEADER + ROW).replace("\n", ending)
    _put(harness, MAPPING + line, text.encode(encoding))
    assert _ingest(harness) == ()
    assert [row[0] for row in _table(harness)] == ["m1"]


def test_a_wrong_encoding_is_named_with_the_mend(harness: Harness) -> None:
    _put(harness, MAPPING, (HEADER + ROW).encode("cp1252"))
    (warning,) = _ingest(harness)
    assert "not UTF-8: name its encoding in mapped/acme/message_reports/mapping.yml" in warning


def test_a_compressed_file_with_a_title_keeps_its_line_numbers(harness: Harness) -> None:
    text = 'Report "May"\n\n' + HEADER + ROW + "m2;only two\n"
    harness.put(f"{VENDOR}/mapping.yml", MAPPING + "skip_rows: 2\nencoding: cp1252")
    harness.put(f"{VENDOR}/a.csv.gz", gzip.compress(text.encode("cp1252")))
    _ingest(harness)
    assert harness.rejects() == [(f"{VENDOR}/a.csv.gz", 5, "ragged_row")]
    assert len(_table(harness)) == 1
    assert list(harness.settings.temp_dir.glob("*.csv")) == []


def test_the_nearest_mapping_counts(harness: Harness) -> None:
    _put(harness, MAPPING, HEADER + ROW)
    harness.put(f"{VENDOR}/uk/2026/b.csv", "id,to\nm2,+447700900001\n")
    harness.put(
        f"{VENDOR}/uk/mapping.yml",
        "columns: {message_id: id, phone: to}\n"
        "constants: {channel_id: uk, direction: outbound, sent_at: 2026-05-01}\n",
    )
    assert _ingest(harness) == ()
    assert _table(harness, "message_id, channel_id, sent_at") == [
        ("m1", "4930231250", "2026-05-13T07:05:00+00:00"),
        ("m2", "uk", "2026-05-01T00:00:00+00:00"),
    ]


def test_a_changed_mapping_reads_the_folder_again(harness: Harness) -> None:
    _put(harness, MAPPING, HEADER + ROW)
    _ingest(harness)
    before = discover(harness.settings).ledger_hash()
    assert _ingest(harness) == ()
    assert len(harness.rows("from raw.loads")) == 1
    harness.put(f"{VENDOR}/mapping.yml", MAPPING.replace("Europe/Berlin", "UTC"))
    assert discover(harness.settings).ledger_hash() != before
    _ingest(harness)
    assert _table(harness, "sent_at") == [("2026-05-13T09:05:00+00:00",)]
    assert len(harness.rows("from raw.retired_keys where raw_table = ?", "generic_message_reports"))
    statuses = harness.rows("select status from raw.files order by load_id")
    assert statuses == [("replaced",), ("loaded",)]


def test_without_a_mapping_a_file_waits_for_one(harness: Harness) -> None:
    harness.put(f"{VENDOR}/a.csv", HEADER + ROW)
    (warning,) = _ingest(harness)
    assert "no mapping.yml lies in mapped/acme/message_reports/" in warning
    assert _ingest(harness) == (warning,)
    without = discover(harness.settings).ledger_hash()
    harness.put(f"{VENDOR}/mapping.yml", MAPPING)
    assert discover(harness.settings).ledger_hash() != without
    assert _ingest(harness) == ()
    assert len(_table(harness)) == 1
    (harness.settings.raw_dir / VENDOR / "mapping.yml").unlink()
    assert "no mapping.yml" in _ingest(harness)[0]
    assert _table(harness) == []
    assert harness.rows("select reason from raw.rejects") == [("missing_mapping",)]


def test_no_mapped_orders_are_called_like_a_shop(harness: Harness) -> None:
    """Both exports would tell of one order id, and the run would end at the key of fct_orders."""
    content = "Id,When,Total,Currency\n555,2026-05-01,10,EUR\n"
    _put(harness, "columns: {order_id: Id}\n", content, "mapped/shopify/orders")
    (warning,) = _ingest(harness, "generic/orders")
    assert "mapped/shopify_report/orders" in warning
    assert harness.rows("select reason from raw.rejects") == [("bad_mapping",)]


def test_a_vendor_may_be_called_like_a_source(harness: Harness) -> None:
    header = "id,inbox_id,created_at\n"
    folder = "mapped/chatwoot/messages"
    harness.put("chatwoot/conversations/a.csv", header + "1,2,2026-05-01\n")
    harness.put("mapped/generic/message_reports/a.csv", HEADER + ROW)
    harness.put("mapped/generic/message_reports/mapping.yml", MAPPING)
    harness.put(f"{REPORTS}/a.csv", OWN + "o1,c,+491500000002,outbound,2026-05-01\n")
    without_price = MAPPING.replace("price_amount: Preis", "").replace(", currency_code: EUR", "")
    _put(harness, without_price + "ignore: [Preis]", HEADER + ROW, folder)
    for _ in range(2):
        reports = harness.ingest()
        assert not any(report.warnings for report in reports.values())
        assert reports["generic/messages"].rows_in_table == 1
        assert reports[REPORTS].rows_in_table == 2
        assert reports[REPORTS].files_total == 2
    assert set(harness.files().values()) == {"loaded"}
    (harness.settings.raw_dir / "mapped/generic/message_reports/a.csv").unlink()
    assert "has disappeared" in _ingest(harness)[0]
    assert _ingest(harness) == ()
    assert harness.files()[f"{REPORTS}/a.csv"] == "loaded"
    assert harness.files()["mapped/generic/message_reports/a.csv"] == "missing"


def test_the_same_content_in_two_folders_is_two_systems_word(harness: Harness) -> None:
    _put(harness, MAPPING, HEADER + ROW)
    _put(harness, MAPPING.replace("outbound", "inbound"), HEADER + ROW, "mapped/b/message_reports")
    harness.put(f"{VENDOR}/copy.csv", HEADER + ROW)
    _ingest(harness)
    assert sorted(row[3] for row in _table(harness)) == ["inbound", "outbound"]
    assert harness.files()[f"{VENDOR}/copy.csv"] == "duplicate"


def test_the_newer_export_wins_whoever_wrote_it(harness: Harness) -> None:
    harness.put(f"{REPORTS}/2026-05-03.csv", OWN + "a,c,+491500000002,outbound,2026-05-01\n")
    harness.put(f"{REPORTS}/2026-05-01.csv", OWN + "b,c,+491500000002,outbound,2026-05-01\n")
    harness.put(f"{VENDOR}/2026-05-02.csv", HEADER + ROW)
    harness.put(f"{VENDOR}/mapping.yml", MAPPING)
    _ingest(harness)
    order = harness.rows(
        "select message_id from raw.generic_message_reports "
        "join raw.load_precedence on _load_id = load_id order by precedence"
    )
    assert [name for (name,) in order] == ["b", "m1", "a"]


GOOD = """
columns: {message_id: id, phone: to, sent_at: at}
constants: {channel_id: c, direction: outbound}
"""


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("", "it holds no keys: begin with `columns:`"),
        ("columns: [", "mend the YAML"),
        (b"columns: {message_id: \xff}", "it is not UTF-8"),
        ("columns: {a: b}\ncolumns: {c: d}", "the key columns stands twice"),
        ("colums: {}", "key colums: there is no such key: did you mean columns?"),
        (
            "columns: {mesage_id: id}",
            "message_reports has no such column: did you mean message_id?",
        ),
        ("columns: {record_id: id}", "key columns.record_id: message_reports has no such column"),
        ("columns: {phone: ''}", "key columns.phone.column: name a column of the file"),
        (GOOD + "time: {zone: Berlin}", "key time.zone: 'Berlin' is no zone: give an IANA name"),
        (GOOD + "time: {format: dd.mm.yyyy}", "key time.format: 'dd.mm.yyyy' is no form"),
        (GOOD + "time: {format: '%Q'}", "key time.format: '%Q' is no strptime form"),
        (GOOD + "time: {forms: iso}", "key time.forms: there is no such key: did you mean format?"),
        (GOOD + "decimal: comma", "key decimal: Input should be '.' or ','"),
        (GOOD + "delimiter: ';;'", "key delimiter: give one character, or tab"),
        (GOOD + "encoding: klingon", "key encoding: 'klingon' is no encoding"),
        (GOOD + "skip_rows: many", "key skip_rows: Input should be a valid integer"),
        (GOOD + "values: {direction: out}", "key values.direction: Input should be a valid dict"),
        ("columns: {phone: {column: to, absolute: true}}", "phone is no amount"),
        ("columns: {phone: {column: to, json: ts}}", "a JSON path that begins with $"),
        ("inbound: {phone: from}", "key inbound: it needs a direction"),
        (GOOD.replace("at: at", "at: when"), "takes sent_at from 'when', which is not in the file"),
        (GOOD.replace(", sent_at: at", ""), "required column sent_at is missing: add `columns:"),
        (GOOD.replace(" phone: to,", ""), "required column phone or user_id or email or external_"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why_and_stops_nothing(
    harness: Harness, mapping: str | bytes, said: str
) -> None:
    harness.put(f"{VENDOR}/mapping.yml", mapping)
    harness.put(f"{VENDOR}/a.csv", "id,to,at\n1,+491500000001,2026-05-01\n")
    harness.put(f"{REPORTS}/own.csv", OWN + "o1,c,+491500000002,outbound,2026-05-01\n")
    (warning,) = _ingest(harness)
    assert said in warning
    assert f"{VENDOR}/mapping.yml" in warning
    assert len(_table(harness)) == 1
    harness.put(f"{VENDOR}/mapping.yml", GOOD)
    assert _ingest(harness) == ()
    assert len(_table(harness)) == 2


def test_misplaced_files_are_named(harness: Harness) -> None:
    harness.put("mapped/acme/mapping.yml", MAPPING)
    harness.put("mapped/acme/report.csv", HEADER + ROW)
    harness.put("mapped/acme/telegrams/report.csv", HEADER + ROW)
    harness.put(f"{VENDOR}/mapping.yml", MAPPING)
    harness.put(f"{VENDOR}/notes.xlsx", b"PK")
    harness.ingest()
    named = harness.rows("select path, reason, source, stream from raw.rejects order by all")
    assert named == [
        ("mapped/acme/mapping.yml", "unknown_stream", "unknown", "unknown"),
        ("mapped/acme/message_reports/notes.xlsx", "unknown_file_type", "acme", "message_reports"),
        ("mapped/acme/report.csv", "unknown_stream", "unknown", "unknown"),
        ("mapped/acme/telegrams/report.csv", "unknown_stream", "unknown", "unknown"),
    ]


def _one(harness: Harness, mapping: str, header: str, row: str, columns: str) -> tuple[Any, ...]:
    """Return what becomes of one row."""
    _put(harness, mapping, f"{header}\n{row}\n")
    _ingest(harness)
    rows = _table(harness, columns)
    return rows[0] if rows else (harness.rejects()[0][2],)


@pytest.mark.parametrize(
    ("form", "zone", "text", "expected"),
    [
        ("iso", "UTC", "2026-05-13 09:05:00", "2026-05-13T09:05:00+00:00"),
        ("iso", "Europe/Berlin", "2026-05-13T09:05:00", "2026-05-13T07:05:00+00:00"),
        ("iso", "Europe/Berlin", "2026-05-13T09:05:00Z", "2026-05-13T09:05:00+00:00"),
        ("iso", "Europe/Berlin", "2026-05-13 09:05:00 +0530", "2026-05-13T03:35:00+00:00"),
        ("iso", "Europe/Berlin", "2026-05-13 09:05:00-03", "2026-05-13T12:05:00+00:00"),
        ("iso", "UTC", "2026-05-13 09:05:00.250 UTC", "2026-05-13T09:05:00.25+00:00"),
        ("iso", "America/New_York", "2026-05-13", "2026-05-13T04:00:00+00:00"),
        ("'%m/%d/%Y %I:%M %p'", "America/New_York", "12/31/2026 11:30 PM", "2027-01-01T04:30:00+00:00"),
        ("'%d.%m.%Y %H:%M'", "Europe/Berlin", "1.2.2026 9:05", "2026-02-01T08:05:00+00:00"),
        ("'%a, %d %b %Y %H:%M:%S %z'", "UTC", "Thu, 24 Aug 2023 05:01:45 +0200", "2023-08-24T03:01:45+00:00"),
        ("unix", "Europe/Berlin", "1780000000", "2026-05-28T20:26:40+00:00"),
        ("unix_ms", "Europe/Berlin", "1780000000250", "2026-05-28T20:26:40.25+00:00"),
        ("[iso, '%d.%m.%Y']", "UTC", "13.05.2026", "2026-05-13T00:00:00+00:00"),
        # The hour that summer time skips is the one after it; the doubled one its second turn.
        ("iso", "Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29T01:30:00+00:00"),
        ("iso", "UTC", "13.05.2026", "bad_sent_at"),
        ("'%d.%m.%Y'", "UTC", "31.02.2026", "bad_sent_at"),
        ("iso", "UTC", "", "missing_sent_at"),
    ],
)  # fmt: skip
def test_times_become_utc_with_their_offset(
    harness: Harness, form: str, zone: str, text: str, expected: str
) -> None:
    mapping = f"{GOOD}time: {{format: {form}, zone: {zone}}}"
    row = f'1,+491500000001,"{text}"'
    assert _one(harness, mapping, "id,to,at", row, "sent_at") == (expected,)


def test_dates_stay_dates(harness: Harness) -> None:
    _put(
        harness,
        "columns: {cost_id: Nr, starts_on: von, ends_on: bis, amount: Betrag}\n"
        "constants: {cost_type: software, currency_code: EUR}\n"
        "time: {format: ['%d.%m.%Y', iso], zone: America/Sao_Paulo}\ndecimal: ','",
        'Nr,von,bis,Betrag\n1,01.05.2026,2026-05-31,"1.250,00 €"\n',
        "mapped/acme/costs",
    )
    assert _ingest(harness, "generic/costs") == ()
    assert harness.rows("select starts_on, ends_on, amount from raw.generic_costs") == [
        ("2026-05-01", "2026-05-31", "1250.00")
    ]


@pytest.mark.parametrize(
    ("decimal", "text", "expected"),
    [
        ("','", "0,085", "0.085"),
        ("','", "1.234,50", "1234.50"),
        ("','", "1.234.567", "1234567"),
        ("','", "-0,5", "-0.5"),
        ("','", "12,5 €", "12.5"),
        ("','", "12.50", None),
        ("'.'", "1,234.50", "1234.50"),
        ("'.'", "1,234", "1234"),
        ("'.'", "12,50", None),
        ("'.'", "USD 12.50", "12.50"),
        ("'.'", "1'234.50", "1234.50"),
        (None, "0.085", "0.085"),
        (None, "1,234.50", "1234.50"),
        (None, "0,085", None),
        (None, "1,234", None),
        (None, "free", None),
        (None, "", None),
    ],
)  # fmt: skip
def test_amounts_get_a_decimal_point_or_are_counted(
    harness: Harness, decimal: str | None, text: str, expected: str | None
) -> None:
    mapping = GOOD.replace("sent_at: at", "sent_at: at, price_amount: price")
    _put(
        harness,
        mapping + (f"decimal: {decimal}" if decimal else ""),
        f'id,to,at,price\n1,+491500000001,2026-05-01,"{text}"\n',
    )
    warnings = _ingest(harness)
    assert _table(harness, "price_amount") == [(expected,)]
    if expected is None and text:
        assert "1 cells of price_amount can't be read and stay empty" in warnings[0]
    else:
        assert warnings == ()


def test_values_constants_fallbacks_and_empty_words(harness: Harness) -> None:
    _put(
        harness,
        """
columns:
  message_id: id
  phone: to
  sent_at: [sent, made]
  direction: kind
  error_code: error
  currency_code: cur
constants: {channel_id: c, currency_code: EUR}
values:
  direction: {Out-API: outbound, "": inbound}
  error_code: {0: "", none: null}
""",
        "id,to,sent,made,kind,error,cur\n"
        "1,+491500000001,,2026-05-01, OUT-api ,0,\n"
        "2,+491500000001,2026-05-02,2026-05-01,,None,USD\n"
        "3,+491500000001,2026-05-03,,odd,131026,\n",
    )
    assert _ingest(harness) == ()
    assert _table(harness, "message_id, left(sent_at, 10), direction, error_code, currency_code") == [
        ("1", "2026-05-01", "outbound", None, "EUR"),
        ("2", "2026-05-02", "inbound", None, "USD"),
        ("3", "2026-05-03", "odd", "131026", "EUR"),
    ]  # fmt: skip


def test_unread_optional_cells_are_counted_and_rows_keep_their_text(harness: Harness) -> None:
    mapping = GOOD.replace("sent_at: at", "sent_at: at, read_at: read")
    _put(
        harness,
        mapping,
        "id,to,at,read\n1,+491500000001,2026-05-01,yes\n2,+491500000001,yesterday,\n",
    )
    warnings = _ingest(harness)
    assert (
        "line 3 (50.0% of the file): bad_sent_at: sent_at is no time: write it like 2026-05-01 10:00:00"
        in warnings[0]
    )
    assert "1 cells of read_at can't be read and stay empty" in warnings[1]
    assert _table(harness, "message_id, read_at") == [("1", None)]
    assert harness.rows("select raw_text ->> 'at' from raw.rejects") == [("yesterday",)]


def test_columns_that_no_mapping_names_are_kept_and_named(harness: Harness) -> None:
    _put(
        harness,
        GOOD + "ignore: [text]",
        "id,to,at,text,mood,read_at\n1,+491500000001,2026-05-01,hello,good,2026-05-02\n",
    )
    (warning,) = _ingest(harness)
    assert "new column mood is kept in _extra; name it in the mapping to use it" in warning
    # Named as we name it: there is nothing to translate.
    assert _table(harness, "_extra, read_at") == [
        ('{"text":"hello","mood":"good"}', "2026-05-02T00:00:00+00:00")
    ]


def test_an_optional_column_that_is_not_there_is_said(harness: Harness) -> None:
    mapping = GOOD.replace("sent_at: at", "sent_at: at, read_at: Gelesen")
    _put(harness, mapping, "id,to,at\n1,+491500000001,2026-05-01\n")
    (warning,) = _ingest(harness)
    assert "read_at stays empty" in warning
    assert "takes it from 'Gelesen', which is not there" in warning


def test_exact_repeats_are_counted_once(harness: Harness) -> None:
    _put(harness, MAPPING, HEADER + ROW + ROW)
    _ingest(harness)
    counts = harness.rows("select rows_read, rows_loaded, rows_duplicate from raw.files")
    assert counts == [(2, 1, 1)]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_our_own_columns_may_be_separated_otherwise(harness: Harness, mark: str) -> None:
    text = OWN + '"o,1",c,+491500000002,outbound,2026-05-01\n'
    lines = text.replace("o,1", "o~1").replace(",", mark).replace("o~1", "o,1")
    harness.put(f"{REPORTS}/a.csv", lines.encode("utf-16"))
    assert _ingest(harness) == ()
    assert _table(harness, "message_id") == [("o,1",)]


def test_amounts_with_commas_are_never_guessed(harness: Harness) -> None:
    harness.put(
        f"{REPORTS}/a.csv",
        (OWN.strip() + ",price_amount\no1,c,+491500000002,outbound,2026-05-01,0~5\n")
        .replace(",", ";")
        .replace("~", ","),
    )
    (warning,) = _ingest(harness)
    assert "the column 'price_amount' holds commas: write a decimal point" in warning
    assert harness.rejects()[0][2] == "decimal_comma"


CONNECTLY = """customer_external_id,business_id,campaign_name,sendout_id,sent_at,delivered_at,read_at,opt_out_at,error_code,error_msg,button_clicks,link_clicks
+491500000001,biz,May sale,s1,2026-05-01T10:00:00Z,2026-05-01T10:00:05Z,2026-05-01T11:00:00Z,2026-05-02T00:00:00Z,,,"[{""id"":""1"",""name"":""Yes"",""ts"":""2026-05-01T11:05:00Z""},{""id"":""2"",""name"":""No"",""ts"":""2026-05-01T11:04:00Z""}]",[]
+491500000002,biz,May sale,s1,2026-05-01T10:00:00Z,,,,131026,undeliverable,,"[{""id"":""1"",""name"":""a"",""ts"":1777633500}]"
"""
KALEYRA = """WABA ID,WHATSAPP_ID,FROM,TO,MESSAGE_DIRECTION,SOURCE,FORMAT,REASON_FOR_FAILURE,COUNTRY,TEMPLATE_NAME,CREATED_AT,FAILED_AT,SENT_AT,DELIVERED_AT,READ_AT
1,k1,4930231250,491500000001,OUTGOING,API,template,,DE,hello,2026-05-01 10:00:00,,2026-05-01 10:00:01,2026-05-01 10:00:02,
1,k2,491500000001,4930231250,Incoming,API,text,,DE,,2026-05-01 10:05:00,,,,
1,k3,4930231250,491500000002,outbound,API,template,131026,DE,hello,2026-05-01 10:00:00,2026-05-01 10:00:09,,,
"""
TWILIO = """From,To,Body,Status,SentDate,ApiVersion,NumSegments,ErrorCode,AccountSid,Sid,Direction,Price,PriceUnit
whatsapp:+4930231250,whatsapp:+491500000001,Hi,read,2026-05-01T10:00:00+00:00,2010-04-01,1,0,AC1,SM1,outbound-api,-0.0075,USD
whatsapp:+491500000001,whatsapp:+4930231250,Ho,received,"Fri, 01 May 2026 12:05:00 +0200",2010-04-01,1,,AC1,SM2,inbound,,USD
whatsapp:+4930231250,whatsapp:+491500000002,Hi,undelivered,2026-05-01T10:00:00Z,2010-04-01,1,63016,AC1,SM3,outbound-reply,,USD
"""
SHIPPED = {
    "connectly": (
        CONNECTLY,
        "message_id, phone, channel_id, campaign_id, direction, error_code, opted_out_at, button_clicked_at, link_clicked_at, read_at",
        [
            ("s1", "+491500000001", "biz", "May sale", "outbound", None, "2026-05-02T00:00:00+00:00", "2026-05-01T11:04:00+00:00", None, "2026-05-01T11:00:00+00:00"),
            ("s1", "+491500000002", "biz", "May sale", "outbound", "131026", None, None, "2026-05-01T11:05:00+00:00", None),
        ],
    ),
    "kaleyra": (
        KALEYRA,
        "message_id, phone, channel_id, direction, sent_at, delivered_at, failed_at, error_code, template_name",
        [
            ("k1", "491500000001", "4930231250", "outbound", "2026-05-01T10:00:01+00:00", "2026-05-01T10:00:02+00:00", None, None, "hello"),
            ("k2", "491500000001", "4930231250", "inbound", "2026-05-01T10:05:00+00:00", None, None, None, None),
            ("k3", "491500000002", "4930231250", "outbound", "2026-05-01T10:00:00+00:00", None, "2026-05-01T10:00:09+00:00", "131026", "hello"),
        ],
    ),
    "twilio": (
        TWILIO,
        "message_id, phone, channel_id, direction, sent_at, last_status, error_code, price_amount, currency_code",
        [
            ("SM1", "whatsapp:+491500000001", "whatsapp:+4930231250", "outbound", "2026-05-01T10:00:00+00:00", "read", None, "0.0075", "USD"),
            ("SM2", "whatsapp:+491500000001", "whatsapp:+4930231250", "inbound", "2026-05-01T10:05:00+00:00", "received", None, None, "USD"),
            ("SM3", "whatsapp:+491500000002", "whatsapp:+4930231250", "outbound", "2026-05-01T10:00:00+00:00", "undelivered", "63016", None, "USD"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("vendor", sorted(SHIPPED))
def test_shipped_mappings_read_the_vendors_report_as_it_is(harness: Harness, vendor: str) -> None:
    content, columns, rows = SHIPPED[vendor]
    harness.put(f"mapped/{vendor}/message_reports/a.csv", content)
    assert _ingest(harness) == ()
    assert _table(harness, columns) == rows
    hashed = harness.rows("select count(*) from raw.identifiers where kind = 'phone'")
    assert hashed[0][0] > 0


def test_shipped_mappings_are_good_and_the_users_own_wins(harness: Harness) -> None:
    shipped = {
        path.relative_to(SHIPPED_DIR).as_posix(): path.read_bytes()
        for path in SHIPPED_DIR.rglob("*.yml")
    }
    assert set(shipped) == {
        "connectly/message_reports.yml",
        "kaleyra/message_reports.yml",
        "respond.io/agents.example.yml",
        "respond.io/contacts.example.yml",
        "respond.io/conversation_events.example.yml",
        "respond.io/conversations.example.yml",
        "respond.io/messages.example.yml",
        "twilio/message_reports.yml",
    }
    for path, content in shipped.items():
        stream = path.split("/")[1].split(".")[0]
        parse_mapping(MappingFile(path, content, ""), BY_KEY[f"generic/{stream}"])
    _put(harness, MAPPING, HEADER + ROW, "mapped/twilio/message_reports")
    assert _ingest(harness) == ()
    assert [row[0] for row in _table(harness)] == ["m1"]


def test_the_readmes_mapping_is_a_good_one() -> None:
    text = (ROOT / "README.md").read_text().split("```yaml\n")[1].split("```")[0]
    mapping = parse_mapping(MappingFile("README.md", text.encode(), ""), BY_KEY[REPORTS])
    assert mapping.encoding == "cp1252"
    assert set(mapping.model_dump()) == mapping.model_fields_set


def test_a_time_of_our_own_columns_that_is_none_is_no_silent_loss(harness: Harness) -> None:
    """Required: the row is rejected with its line; optional: counted, and the row stays."""
    own = "message_id,channel_id,phone,direction,sent_at,delivered_at\n"
    rows = (
        "m1,shop,+491500000001,outbound,2026-05-13 09:05:00,2026-05-13T09:05:04Z\n"
        "m2,shop,+491500000001,outbound,13.05.2026 09:05,\n"
        "m3,shop,+491500000001,outbound,2026-05-13 09:05:00,tomorrow\n"
    )
    harness.put(f"{REPORTS}/a.csv", own + rows)
    warnings = _ingest(harness)
    assert [row[0] for row in _table(harness, "message_id")] == ["m1", "m3"]
    assert harness.rows("select line_number, reason from raw.rejects") == [(3, "bad_sent_at")]
    assert any("line 3" in text and "write it like" in text for text in warnings)
    assert any("1 cells of delivered_at can't be read" in text for text in warnings)


@pytest.mark.parametrize(
    ("stream", "header", "good", "bad"),
    [
        (
            "ga4/sessions",
            "date,session_source,session_medium,session_campaign,sessions",
            ["20261005,wa,chat,c,5", "2026-10-06,wa,chat,c,5"],
            "05.10.2026,wa,chat,c,5",
        ),
        (
            "clicks/short_io",
            "link,time",
            ["https://s.io/x,2026-10-05T10:00:00Z"],
            "x,10/05/2026 10:00",
        ),
    ],
)
def test_a_day_or_click_without_a_readable_time_is_rejected_not_dropped_in_staging(
    harness: Harness, stream: str, header: str, good: list[str], bad: str
) -> None:
    harness.put(f"{stream}/a.csv", "\n".join((header, *good, bad)) + "\n")
    _ingest(harness, stream)
    [(line, reason)] = harness.rows("select line_number, reason from raw.rejects")
    assert (line, reason[:4]) == (len(good) + 2, "bad_")
    assert harness.rows("select rows_read, rows_loaded from raw.loads") == [
        (len(good) + 1, len(good))
    ]


# Made-up exports with the headers that the examples name.
RESPOND_IO = {
    "conversations": (
        "Conversation ID,Channel ID,Contact ID,DateTime Conversation Started,Opened By Source,"
        "DateTime Conversation Resolved,Closed By,Conversation Category,Assignee,Summary\n"
        "901,55,7001,2026-10-05 09:00:00,contact,2026-10-05 10:30:00,12,billing,12,done\n"
        "902,55,7002,2026-10-05 11:00:00,workflow,,,,,\n",
        "conversation_id, external_id, opened_at, opened_by, closed_at, closed_by_agent_id, category",
        [
            ("901", "7001", "2026-10-05T09:00:00+00:00", "contact",
             "2026-10-05T10:30:00+00:00", "12", "billing"),
            ("902", "7002", "2026-10-05T11:00:00+00:00", "automation", None, None, None),
        ],
    ),
    "messages": (
        "Date & Time,Sender ID,Sender Type,Contact ID,Message ID,Content Type,Message Type,Content,"
        "Channel ID,Type\n"
        "2026-10-05 09:00:00,7001,contact,7001,m1,text,incoming,hello,55,message\n"
        "2026-10-05 09:05:00,12,user,7001,m2,text,outgoing,hi,55,message\n"
        "2026-10-05 11:00:00,3,workflow,7002,m3,text,outgoing,welcome,55,message\n",
        "message_id, direction, sent_at, sender_type, agent_id, channel_id",
        [
            ("m1", "incoming", "2026-10-05T09:00:00+00:00", None, "7001", "55"),
            ("m2", "outgoing", "2026-10-05T09:05:00+00:00", "agent", "12", "55"),
            ("m3", "outgoing", "2026-10-05T11:00:00+00:00", "bot", "3", "55"),
        ],
    ),
    "contacts": (
        "Contact ID,First Name,Last Name,Phone Number,Email,Country,Tags,Date Time Created\n"
        "7001,A,B,+4917000000001,a@example.com,DE,vip,2026-10-01 08:00:00\n",
        "external_id, phone, email, country_code, created_at",
        [("7001", "+4917000000001", "a@example.com", "DE", "2026-10-01T08:00:00+00:00")],
    ),
    "agents": (
        "User ID,Name,Email,Role,Team\n12,Agent Twelve,agent@example.com,agent,night shift\n",
        "agent_id, name, team_id, team_name",
        [("12", "Agent Twelve", "night shift", "night shift")],
    ),
    "conversation_events": (
        "Event ID,Conversation ID,Event,Date & Time,Actor Type,Actor ID,Assignee\n"
        "1,901,Assignee Changed,2026-10-05 09:01:00,workflow,,12\n",
        "event_id, event_type, occurred_at, actor_type, assignee_agent_id",
        [("1", "assigned", "2026-10-05T09:01:00+00:00", "automation", "12")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("stream", RESPOND_IO)
def test_an_example_of_respond_io_reads_such_an_export_once_it_is_put_beside_it(
    harness: Harness, stream: str
) -> None:
    content, columns, expected = RESPOND_IO[stream]
    folder = f"mapped/respond.io/{stream}"
    harness.put(f"{folder}/a.csv", content)
    assert "no mapping.yml lies in" in _ingest(harness, f"generic/{stream}")[0]
    example = SHIPPED_DIR / "respond.io" / f"{stream}.example.yml"
    assert "AN EXAMPLE TO EDIT" in example.read_text()
    harness.put(f"{folder}/mapping.yml", example.read_text())
    warnings = _ingest(harness, f"generic/{stream}")
    assert [warning for warning in warnings if "Summary" not in warning] == []
    assert harness.rows(f"select {columns} from raw.generic_{stream} order by all") == expected
