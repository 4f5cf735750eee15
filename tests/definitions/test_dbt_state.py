"""The state tables hold the same rows whatever the batches: split, shuffled, doubled, replaced.

A dbt unit test sees the rows given to a merge, never its result; here the merge itself is run, on
rows put into raw by hand (whole runs over whole exports are in tests/pipeline).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.warehouse import connect
from tests.dbt_runs import EmptyWarehouse

STATE = (
    "int_whatsapp_statuses__folded",
    "int_whatsapp_messages__folded",
    "int_whatsapp_sends__folded",
    "int_identifiers__seen",
    "int_identifier_links__seen",
)
Row = dict[str, Any]
Rows = dict[str, list[Row]]

NINE = 1_709_283_600  # 2024-03-01 09:00 UTC
# Loads up to this one count as folded: always the same, for another var is another parse of dbt.
FOLDED = 2
VARS = ("--vars", json.dumps({"folded_load_id": FOLDED}))


def _status(load: int, record: str, name: str, minute: int, **more: Any) -> Row:
    return {
        "_load_id": load,
        "record_kind": "status",
        "field": "messages",
        "record_id": record,
        "record_type": name,
        "record_time": str(NINE + 60 * minute),
        "received_at": "2024-03-01T12:00:00Z",
        "phone_number_id": "n1",
        "person_wa_id": "491",
        **more,
    }


def _message(load: int, record: str, minute: int, kind: str = "message", **more: Any) -> Row:
    return {**_status(load, record, "text", minute), "record_kind": kind, **more}


def _send(load: int, record: str, minute: int, **more: Any) -> Row:
    return {
        "_load_id": load,
        "record_id": record,
        "message_id": record,
        "requested_at": f"2024-03-01T09:{minute:02}:00Z",
        "phone_number_id": "n1",
        "recipient": "491",
        "recipient_type": "individual",
        **more,
    }


# What two loads say of the same messages: each knows something that the other doesn't, and neither
# alone is right.
RAW: Rows = {
    "whatsapp_webhooks": [
        _status(1, "m1", "delivered", 5, error_code="1", phone_number_id="n2"),
        _status(2, "m1", "sent", 1),
        _status(2, "m1", "delivered", 4),
        _status(1, "m1", "read", 9),
        _status(2, "m1", "read", 10),
        _status(1, "m2", "failed", 7, error_code="131026"),
        _status(2, "m2", "failed", 3, error_code="131049"),
        _status(1, "m3", "delivered", 3, pricing_model="PMP", pricing_type="regular"),
        _status(2, "m3", "sent", 2, pricing_model="CBP"),
        _status(2, "only_later", "sent", 2),
        _message(1, "i1", 1, referral_source_type="ad"),
        _message(2, "i1", 1, text_body="STOP"),
        _message(1, "i2", 1, kind="history", payload='{"from": "99"}'),
        _message(2, "i2", 2, kind="echo"),
        # Seen together by the first load, in a notice of a changed number by the second.
        _message(1, "i3", 3, person_wa_id="492", contact_wa_id="493"),
        _message(2, "i4", 4, person_wa_id="492", linked_wa_id="493"),
        _message(2, "i5", 0, person_wa_id="492"),
    ],
    "whatsapp_sends": [
        _send(1, "s1", 5, message_id=None, error_code="131047"),
        _send(2, "s1", 3, campaign_id="spring"),
        _send(1, "s2", 5, recipient_type="group"),
        _send(2, "s2", 6),
        # The number only WhatsApp writes, seen by the later load.
        _send(1, "s3", 1, recipient="494"),
        _send(2, "s3", 2, recipient="494", contact_wa_id="494"),
    ],
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmptyWarehouse]:
    patch = pytest.MonkeyPatch()
    patch.setenv("CHATMART_BUILD_PATH", "")  # set by the warehouse, put back afterwards
    made = EmptyWarehouse(tmp_path_factory.mktemp("state"))
    made.prepare()
    # Not built with --empty: what that makes of a view stays empty for ever.
    assert made.dbt("seed", *VARS, "--select", "stop_words") == {}
    assert made.dbt("run", *VARS, "--select", *(f"+{name}" for name in STATE)) == {}
    with connect(made.settings) as con:
        for number in range(491, 495):
            con.execute(
                "insert into raw.identifiers by name select 'phone' as kind, ? as value, "
                "'phone' as identifier_type, ? as identifier_value, ? as identifier_hash, "
                "1 as load_id",
                [str(number), str(number), f"h{number}"],
            )
    yield made
    patch.undo()


def _put(warehouse: EmptyWarehouse, rows: Rows, loads: dict[int, int]) -> None:
    """Make raw hold the rows of the given loads, under other load ids."""
    with connect(warehouse.settings) as con:
        con.execute("delete from raw.retired_keys")
        for table, all_rows in rows.items():
            con.execute(f"delete from raw.{table}")
            for row in all_rows:
                for load in [new for new, old in loads.items() if old == row["_load_id"]]:
                    found = {**row, "_load_id": load}
                    names = ", ".join(found)
                    marks = ", ".join("?" for _ in found)
                    con.execute(
                        f"insert into raw.{table} ({names}) values ({marks})", list(found.values())
                    )


def _fold(warehouse: EmptyWarehouse, *, full: bool = False) -> None:
    failed = warehouse.dbt(
        "run",
        *("--select", *STATE),
        *VARS,
        *(["--full-refresh"] if full else []),
    )
    assert failed == {}


def _state(warehouse: EmptyWarehouse) -> dict[str, list[Any]]:
    with connect(warehouse.settings, read_only=True) as con:
        return {
            table: con.execute(f"select * from intermediate.{table} order by all").fetchall()
            for table in STATE
        }


@pytest.fixture(scope="module")
def whole(warehouse: EmptyWarehouse) -> dict[str, list[Any]]:
    """Return the state after one full refresh over both loads."""
    _put(warehouse, RAW, {1: 1, 2: 2})
    _fold(warehouse, full=True)
    state = _state(warehouse)
    assert [len(state[table]) for table in STATE] == [4, 5, 3, 4, 1]
    return state


@pytest.mark.parametrize("first", [1, 2])
def test_two_batches_in_either_order_are_one(
    warehouse: EmptyWarehouse, whole: dict[str, list[Any]], first: int
) -> None:
    _put(warehouse, RAW, {FOLDED: first})
    _fold(warehouse, full=True)
    assert _state(warehouse) != whole
    _put(warehouse, RAW, {FOLDED: first, FOLDED + 1: 3 - first})
    _fold(warehouse)
    assert _state(warehouse) == whole


def test_a_doubled_batch_changes_nothing(
    warehouse: EmptyWarehouse, whole: dict[str, list[Any]]
) -> None:
    _put(warehouse, RAW, {1: 1, 2: 2})
    _fold(warehouse, full=True)
    _put(warehouse, RAW, {1: 1, 2: 2, 3: 1, 4: 2})
    _fold(warehouse)
    assert _state(warehouse) == whole


def test_what_a_replaced_file_took_away_is_folded_again(warehouse: EmptyWarehouse) -> None:
    """The first load leaves raw: what only it said goes, what the second says as well stays."""
    _put(warehouse, RAW, {2: 2})
    _fold(warehouse, full=True)
    expected = _state(warehouse)
    _put(warehouse, RAW, {1: 1, 2: 2})
    _fold(warehouse, full=True)
    assert _state(warehouse) != expected
    _put(warehouse, RAW, {2: 2})
    with connect(warehouse.settings) as con:
        for table, rows in RAW.items():
            for record in {row["record_id"] for row in rows if row["_load_id"] == 1}:
                con.execute("insert into raw.retired_keys values (?, ?, 3)", [table, record])
        for number in range(491, 495):
            con.execute("insert into raw.retired_keys values ('identifiers', ?, 3)", [f"h{number}"])
    _fold(warehouse)
    assert _state(warehouse) == expected


def test_retired_keys_of_earlier_runs_are_past(
    warehouse: EmptyWarehouse, whole: dict[str, list[Any]]
) -> None:
    _put(warehouse, RAW, {1: 1, 2: 2})
    _fold(warehouse, full=True)
    with connect(warehouse.settings) as con:
        con.execute("delete from raw.whatsapp_webhooks")
        con.execute("insert into raw.retired_keys values ('whatsapp_webhooks', 'm1', 2)")
    _fold(warehouse)
    assert _state(warehouse) == whole
