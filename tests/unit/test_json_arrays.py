"""Exports that are a JSON array: an element is a row, and a bad one costs itself."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest import arrays
from tests.faults.harness import Harness, make_harness

ORDERS = "woocommerce/orders"


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def order(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "number": str(number),
        "status": "completed",
        "currency": "EUR",
        "date_created_gmt": f"2026-05-01T10:00:{number:02}",
        "total": "10.00",
        "billing": {"email": "", "phone": "+4917000000001"},
        **more,
    }


def _ids(harness: Harness) -> list[str]:
    return [i for (i,) in harness.rows("select order_id from raw.woocommerce_orders order by all")]


def _counts(harness: Harness) -> list[tuple[int, ...]]:
    return harness.rows(
        "select rows_read, rows_loaded, rows_rejected, rows_duplicate from raw.files "
        "where status = 'loaded' order by path"
    )


LAYOUTS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "array": json.dumps,
    "pretty array": lambda orders: "\n\n" + json.dumps(orders, indent=2) + "\n",
    "lines": lambda orders: "".join(json.dumps(o) + "\n" for o in orders),
    "page after page": lambda orders: "".join(json.dumps([o]) + "\n" for o in orders) + "[]",
    "glued pages": lambda orders: json.dumps(orders[:1]) + json.dumps(orders[1:], indent=1),
    "byte order mark": lambda orders: "\ufeff" + json.dumps(orders),
    "comma at the end": lambda orders: json.dumps(orders)[:-1] + ",]",
    "no end": lambda orders: json.dumps(orders)[:-1],
}


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_rows(harness: Harness, layout: str, ending: str) -> None:
    orders = [order(n, meta_data=[{"key": "], {", "value": '"'}]) for n in range(1, 6)]
    content = LAYOUTS[layout](orders).encode()
    harness.put(f"{ORDERS}/a.json{ending}", gzip.compress(content) if ending else content)
    report = harness.ingest(ORDERS)[ORDERS]
    assert report.warnings == ()
    assert _ids(harness) == ["1", "2", "3", "4", "5"]
    assert _counts(harness) == [(5, 5, 0, 0)]
    assert harness.rows("select distinct meta_data ->> '$[0].key' from raw.woocommerce_orders") == [
        ("], {",)
    ]


BAD_ELEMENTS = {
    "a number": ("5", "not_an_object"),
    "null": ("null", "not_an_object"),
    "a text": ('"hello"', "not_an_object"),
    "an array": ("[1, {}]", "not_an_object"),
    "an order without number": (json.dumps(order(9, id=None)), "missing_order_id"),
    "an order without time": (json.dumps(order(9, date_created_gmt="")), "missing_created_at"),
    "no JSON": ('{"id": nope}', "bad_json"),
    "two values": ("1 2", "bad_json"),
    "a loose end": ('{"id": 9}}', "bad_json"),
}


@pytest.mark.parametrize("bad", BAD_ELEMENTS)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_bad_element_costs_itself_and_is_numbered(harness: Harness, bad: str, place: int) -> None:
    text, reason = BAD_ELEMENTS[bad]
    elements = [json.dumps(order(n), indent=1) for n in range(1, 5)]
    elements.insert(place, text)
    harness.put(f"{ORDERS}/a.json", f"[{','.join(elements)}]")
    harness.ingest(ORDERS)
    assert harness.rejects() == [("woocommerce/orders/a.json", place + 1, reason)]
    assert _ids(harness) == ["1", "2", "3", "4"]
    assert _counts(harness) == [(5, 4, 1, 0)]
    [(kept,)] = harness.rows("select raw_text from raw.rejects")
    assert json.loads(kept) == json.loads(text) if reason != "bad_json" else kept == text


def test_an_array_cut_off_costs_its_last_element(harness: Harness) -> None:
    harness.put(f"{ORDERS}/a.json", json.dumps([order(n) for n in range(1, 4)])[:-40])
    harness.ingest(ORDERS)
    assert harness.rejects() == [("woocommerce/orders/a.json", 3, "bad_json")]
    assert _ids(harness) == ["1", "2"]


def test_an_element_that_stands_twice_is_a_duplicate(harness: Harness) -> None:
    orders = [order(1), order(2), order(1), order(1, total="11.00")]
    harness.put(f"{ORDERS}/a.json", json.dumps(orders))
    harness.ingest(ORDERS)
    assert _ids(harness) == ["1", "1", "2"]
    assert _counts(harness) == [(4, 3, 0, 1)]


def test_a_day_without_orders_is_no_fault(harness: Harness) -> None:
    harness.put(f"{ORDERS}/a.json", "[]\n")
    assert harness.ingest(ORDERS)[ORDERS].warnings == ()
    assert harness.files() == {"woocommerce/orders/a.json": "loaded"}
    assert _counts(harness) == [(0, 0, 0, 0)]


def test_arrays_and_lines_lie_side_by_side(harness: Harness) -> None:
    harness.put(f"{ORDERS}/a.json", json.dumps([order(1), 7]))
    harness.put(f"{ORDERS}/b.jsonl", json.dumps(order(2)) + "\n" + json.dumps([order(3)]) + "\n")
    harness.put(f"{ORDERS}/c.json", json.dumps([order(4)]))
    harness.ingest(ORDERS)
    assert _ids(harness) == ["1", "2", "4"]
    assert harness.rejects() == [
        ("woocommerce/orders/a.json", 2, "not_an_object"),
        ("woocommerce/orders/b.jsonl", 2, "not_an_object"),
    ]


def test_a_giant_element_costs_itself(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"name": "x" * 1000, "quantity": 1}] * 20_000
    harness.put(f"{ORDERS}/a.json", json.dumps([order(1), order(2, line_items=lines), order(3)]))
    harness.ingest(ORDERS)
    assert _ids(harness) == ["1", "3"]
    assert harness.rejects() == [("woocommerce/orders/a.json", 2, "line_too_long")]


def test_a_shape_of_php_costs_nothing(harness: Harness) -> None:
    """PHP writes an empty object as []."""
    harness.put(f"{ORDERS}/a.json", json.dumps([order(1, billing=[], shipping=[], refunds={})]))
    harness.ingest(ORDERS)
    assert _ids(harness) == ["1"]
    assert harness.rows("select billing_phone from raw.woocommerce_orders") == [(None,)]


def test_an_array_in_a_stream_of_lines_is_a_bad_line(harness: Harness) -> None:
    harness.put("whatsapp/sends/a.jsonl", json.dumps([{"requested_at": "2026-05-01T10:00:00Z"}]))
    harness.ingest("whatsapp/sends")
    assert harness.rejects() == [("whatsapp/sends/a.jsonl", 1, "not_an_object")]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_elements_do_not_hang_on_where_a_read_ends(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b'\xef\xbb\xbf[\n{"a": "],[\\"{"},\r\n5,[1,{"b":2}]\n][ {"a":"\\\\"} ] x'
    expected = [b'{"a": "],[\\"{"}', b"5", b'[1,{"b":2}]', b'{"a":"\\\\"}', b"x"]
    assert list(arrays.elements(io.BytesIO(text))) == expected
    monkeypatch.setattr(arrays, "_CHUNK_BYTES", max(chunk, 3))
    assert list(arrays.elements(io.BytesIO(text))) == expected


def test_a_quote_that_stays_open_ends_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(arrays, "_CHUNK_BYTES", 10)
    found = list(arrays.elements(io.BytesIO(b'[{"a":1},{"b":"' + b"x" * 500 + b'"}]')))
    assert found[0] == b'{"a":1}'
    assert len(found) == 2 and len(found[1]) > 100
