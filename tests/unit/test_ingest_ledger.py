"""The ledger: what is new, repeated, replaced, gone or back; content decides, never time."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from orchestration.ingest import run as ingest_run
from orchestration.ingest.discover import discover
from orchestration.ingest.renewal import forget_what_other_code_read, remember_code
from orchestration.ingest.run import IngestError, ingest_stream, prepare
from orchestration.settings import Settings
from orchestration.sources import BY_KEY
from orchestration.warehouse import connect
from tests.faults.harness import Harness, make_harness, send_line, status_line

WEBHOOKS = "whatsapp/webhooks"
A, B, C = (f"{WEBHOOKS}/{name}.jsonl" for name in "abc")
X, Y, Z = (status_line(n) + status_line(n + 1) for n in (10, 20, 30))


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def _numbers(harness: Harness) -> list[int]:
    """Return the wamids' numbers that stand in raw, with their copies."""
    rows = harness.rows("select record_id from raw.whatsapp_webhooks")
    return sorted(int(wamid.removeprefix("wamid.")) for (wamid,) in rows)


def _ledger(harness: Harness) -> list[tuple[object, ...]]:
    return harness.rows(
        "select path, status, rows_read, rows_loaded, rows_rejected, rows_duplicate, "
        "records_loaded from raw.files order by path, load_id, status"
    )


def test_a_second_run_does_nothing(harness: Harness) -> None:
    harness.put(A, X)
    first = harness.ingest(WEBHOOKS)[WEBHOOKS]
    before = _ledger(harness)
    second = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert (first.files_loaded, second.files_loaded, second.rows_read) == (1, 0, 0)
    assert (_ledger(harness), _numbers(harness)) == (before, [10, 11])


def test_the_identity_of_a_file_is_the_sha256_of_its_content(harness: Harness) -> None:
    harness.put(A, X)
    harness.ingest(WEBHOOKS)
    os.utime(harness.settings.raw_dir / A, (1, 1))
    assert harness.ingest(WEBHOOKS)[WEBHOOKS].files_loaded == 0
    digest = hashlib.sha256(X.encode()).hexdigest()
    assert harness.rows("select file_sha256 from raw.files") == [(digest,)]


@pytest.mark.parametrize("together", [True, False])
def test_the_same_content_under_another_name_brings_no_rows(
    harness: Harness, together: bool
) -> None:
    harness.put(A, X)
    if not together:
        harness.ingest(WEBHOOKS)
    harness.put(B, X)
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert report.files_duplicate == 1
    assert _numbers(harness) == [10, 11]
    assert _ledger(harness) == [(A, "loaded", 2, 2, 0, 0, 2), (B, "duplicate", 2, 0, 0, 2, 0)]


def test_the_same_path_with_other_content_replaces(harness: Harness) -> None:
    harness.put(A, X)
    harness.ingest(WEBHOOKS)
    harness.put(A, X + Y)
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [10, 11, 20, 21]
    assert _ledger(harness) == [(A, "replaced", 2, 2, 0, 0, 2), (A, "loaded", 4, 4, 0, 0, 4)]
    retired = harness.rows("select record_id, load_id from raw.retired_keys where raw_table <> "
                           "'identifiers' order by 1")  # fmt: skip
    assert retired == [("wamid.10", 2), ("wamid.11", 2)]


def test_a_replaced_content_that_also_lies_elsewhere_is_taken_over(harness: Harness) -> None:
    harness.put(A, X)
    harness.put(B, X)
    harness.ingest(WEBHOOKS)
    harness.put(A, Y)
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [10, 11, 20, 21]
    assert harness.files() == {A: "loaded", B: "loaded"}
    assert harness.rows("select * from raw.retired_keys") == []
    # And when its last place is replaced too, it is gone.
    harness.put(B, Z)
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [20, 21, 30, 31]


def test_both_places_of_a_content_replaced_at_once(harness: Harness) -> None:
    harness.put(A, X)
    harness.put(B, X)
    harness.ingest(WEBHOOKS)
    harness.put(A, Y)
    harness.put(B, Z)
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [20, 21, 30, 31]


def test_two_files_that_swap_their_contents(harness: Harness) -> None:
    harness.put(A, X)
    harness.put(B, Y)
    harness.ingest(WEBHOOKS)
    harness.put(A, Y)
    harness.put(B, X)
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [10, 11, 20, 21]
    assert harness.files() == {A: "loaded", B: "loaded"}
    precedence = harness.rows(
        "select record_id from raw.whatsapp_webhooks join raw.load_precedence "
        "on _load_id = load_id order by precedence, record_id"
    )
    assert [i for (i,) in precedence] == ["wamid.20", "wamid.21", "wamid.10", "wamid.11"]


def test_contents_handed_on_in_a_ring_of_three(harness: Harness) -> None:
    for path, content in ((A, X), (B, Y), (C, Z)):
        harness.put(path, content)
    harness.ingest(WEBHOOKS)
    for path, content in ((A, Y), (B, Z), (C, Y)):
        harness.put(path, content)
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [20, 21, 30, 31]
    assert sorted(harness.files().values()) == ["duplicate", "loaded", "loaded"]


def test_a_file_that_disappeared_keeps_its_rows(harness: Harness) -> None:
    file = harness.put(A, X)
    harness.put(B, Y)
    harness.ingest(WEBHOOKS)
    file.unlink()
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert report.warnings == (f"{A}: the file has disappeared, its rows stay",)
    assert _numbers(harness) == [10, 11, 20, 21]
    assert harness.files() == {A: "missing", B: "loaded"}
    assert harness.ingest(WEBHOOKS)[WEBHOOKS].warnings == ()
    harness.put(A, X)
    harness.ingest(WEBHOOKS)
    assert (harness.files(), _numbers(harness)) == ({A: "loaded", B: "loaded"}, [10, 11, 20, 21])


def test_a_copy_that_goes_and_comes_back_is_a_duplicate_again(harness: Harness) -> None:
    harness.put(A, X)
    copy = harness.put(B, X)
    harness.ingest(WEBHOOKS)
    before = _ledger(harness)
    copy.unlink()
    harness.ingest(WEBHOOKS)
    harness.put(B, X)
    harness.ingest(WEBHOOKS)
    assert _ledger(harness) == before


def test_a_renamed_file_keeps_its_rows_once(harness: Harness) -> None:
    file = harness.put(A, X)
    harness.ingest(WEBHOOKS)
    file.rename(file.with_name("b.jsonl"))
    harness.ingest(WEBHOOKS)
    assert (harness.files(), _numbers(harness)) == ({A: "missing", B: "duplicate"}, [10, 11])


@pytest.mark.parametrize("backwards", [True, False])
def test_precedence_is_by_path_never_by_arrival(harness: Harness, backwards: bool) -> None:
    for path, content in [(A, X), (B, Y), (C, Z)][:: -1 if backwards else 1]:
        harness.put(path, content)
        harness.ingest(WEBHOOKS)
    found = harness.rows(
        "select path from raw.files join raw.load_precedence using (load_id) order by precedence"
    )
    assert found == [(A,), (B,), (C,)]


def test_precedence_is_by_export_time_before_path(harness: Harness) -> None:
    template = '{{"name":"welcome","language":"en","category":"{}"}}\n'
    harness.put("whatsapp/templates/a-2026-03-01.jsonl", template.format("UTILITY"))
    harness.put("whatsapp/templates/z-2026-02-01.jsonl", template.format("MARKETING"))
    harness.put("whatsapp/templates/z.jsonl", template.format("AUTHENTICATION"))
    harness.ingest("whatsapp/templates")
    found = harness.rows(
        "select category from raw.whatsapp_templates join raw.load_precedence "
        "on _load_id = load_id order by precedence"
    )
    assert [c for (c,) in found] == ["AUTHENTICATION", "MARKETING", "UTILITY"]


def test_a_repeat_within_a_file_is_a_duplicate_across_files_it_is_loaded(harness: Harness) -> None:
    harness.put(A, X + X + Y)
    harness.put(B, X + "\n")
    harness.ingest(WEBHOOKS)
    assert _ledger(harness) == [(A, "loaded", 6, 4, 0, 2, 4), (B, "loaded", 2, 2, 0, 0, 2)]
    assert _numbers(harness) == [10, 10, 11, 11, 20, 21]


def test_equal_order_lines_are_two_items(harness: Harness) -> None:
    line = "#1001,10.00,2026-05-01 09:58:12 +0200,Shirt\n"
    harness.put("shopify/orders/a.csv", "Name,Total,Created at,Lineitem name\n" + line * 2)
    report = harness.ingest("shopify/orders")["shopify/orders"]
    assert (report.rows_loaded, report.rows_duplicate) == (2, 0)


def test_a_mended_file_leaves_no_reject_behind(harness: Harness) -> None:
    harness.put(f"{A}.gz", b"no gzip")
    harness.ingest(WEBHOOKS)
    assert [reason for *_, reason in harness.rejects()] == ["corrupt_file"]
    harness.put(f"{A}.gz", __import__("gzip").compress(X.encode()))
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert (harness.rejects(), report.warnings) == ([], ())
    assert harness.files() == {f"{A}.gz": "loaded"}


def test_a_rejected_file_that_was_taken_away_is_forgotten(harness: Harness) -> None:
    bad = harness.put(f"{A}.gz", b"no gzip")
    harness.put(B, X)
    harness.ingest(WEBHOOKS)
    again = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert len(again.warnings) == 1, "it stands in the folder: it is named at each run"
    assert again.files_rejected == 0
    bad.unlink()
    report = harness.ingest(WEBHOOKS)[WEBHOOKS]
    assert (harness.rejects(), report.warnings) == ([], ())
    assert harness.files() == {B: "loaded"}


def test_copies_of_a_bad_file_are_each_rejected_and_named(harness: Harness) -> None:
    for day in range(3):
        for path in (f"{A}.{day}.json.gz", f"{B}.{day}.json.gz"):
            harness.put(path, b"no gzip")
        report = harness.ingest(WEBHOOKS)[WEBHOOKS]
        assert report.files_duplicate == 0
        assert len(harness.files()) == len(harness.rejects()) == 2 * (day + 1)
        assert len(report.warnings) == 2 * (day + 1)
        assert not any("None" in warning for warning in report.warnings)
    assert set(harness.files().values()) == {"rejected"}
    assert harness.rows("select count(*) from raw.files") == [(6,)]


def test_a_good_file_replaced_by_a_bad_one_takes_its_rows_away(harness: Harness) -> None:
    harness.put(A, X)
    harness.ingest(WEBHOOKS)
    harness.put(A, "")
    harness.ingest(WEBHOOKS)
    assert (_numbers(harness), harness.files()) == ([], {A: "rejected"})


def test_a_rejected_file_is_read_again_when_the_declaration_changes(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = BY_KEY["reference/fx_rates"]
    harness.put("reference/fx_rates/a.csv", "rated_on,from_currency,to_currency\n2026-01-01,A,B\n")
    harness.ingest(stream.key)
    assert list(harness.files().values()) == ["rejected"]
    columns = tuple(
        column.model_copy(update={"required": False}) if column.name == "rate" else column
        for column in stream.columns
    )
    wider = stream.model_copy(update={"columns": columns})
    monkeypatch.setitem(BY_KEY, stream.key, wider)
    with connect(harness.settings) as con:
        prepare(con, harness.settings)
        ingest_stream(con, harness.settings, wider, discover(harness.settings))
    assert (list(harness.files().values()), harness.rejects()) == (["loaded"], [])
    # A copy of it is a copy of what was loaded, once.
    harness.put("reference/fx_rates/b.csv", "rated_on,from_currency,to_currency\n2026-01-01,A,B\n")
    harness.ingest(stream.key)
    assert sorted(harness.files().values()) == ["duplicate", "loaded"]
    assert harness.rows("select count(*) from raw.files where path like '%b.csv'") == [(1,)]


def _ingest_while(harness: Harness, change: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ingest, and let `change()` happen between reading and writing down."""
    original = ingest_run.register

    def register(*args: object) -> None:
        original(*args)  # type: ignore[arg-type]
        change()  # type: ignore[operator]

    with monkeypatch.context() as patch:
        patch.setattr(ingest_run, "register", register)
        harness.ingest(WEBHOOKS)


def test_a_file_that_grows_while_it_is_read_waits_for_the_next_run(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = harness.put(A, X)
    harness.put(B, Z)
    _ingest_while(harness, lambda: file.write_text(X + Y), monkeypatch)
    assert harness.rejects() == [(A, None, "still_growing")]
    assert _numbers(harness) == [30, 31]
    harness.ingest(WEBHOOKS)
    assert (harness.rejects(), _numbers(harness)) == ([], [10, 11, 20, 21, 30, 31])


def test_a_file_whose_time_alone_changes_is_loaded(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = harness.put(A, X)
    _ingest_while(harness, lambda: os.utime(file, (1, 1)), monkeypatch)
    assert (harness.rejects(), _numbers(harness)) == ([], [10, 11])


def test_a_file_that_vanishes_while_it_is_read_stops_nothing(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = harness.put(A, X)
    harness.put(B, Z)
    _ingest_while(harness, lambda: file.unlink(missing_ok=True), monkeypatch)
    assert _numbers(harness) == [30, 31]
    harness.ingest(WEBHOOKS)
    assert (harness.rejects(), harness.files()) == ([], {B: "loaded"})


def test_a_file_that_grows_while_it_is_found_is_left_for_the_next_run(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = harness.put(A, X)
    digest = hashlib.sha256

    def sha256(*args: bytes) -> object:
        with file.open("a") as handle:
            handle.write(Y)
        os.utime(file, ns=(time.time_ns(), time.time_ns()))
        return digest(*args)

    with monkeypatch.context() as patch:
        patch.setattr("orchestration.ingest.discover.os.fstat", _fstat_changing())
        harness.ingest(WEBHOOKS)
    assert harness.rejects() == [(A, None, "still_growing")]
    harness.ingest(WEBHOOKS)
    assert (harness.rejects(), _numbers(harness)) == ([], [10, 11])


def _fstat_changing() -> object:
    fstat, seen = os.fstat, set()

    def changing(descriptor: int) -> object:
        found = fstat(descriptor)
        if descriptor not in seen:
            seen.add(descriptor)
            return os.stat_result([*list(found)[:6], found.st_size - 1, *list(found)[7:]])
        return found

    return changing


def test_a_full_disk_is_no_fault_of_the_file(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.put(A, X)

    def full(*args: object) -> None:
        raise __import__("duckdb").IOException("Could not write file: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ingest_run, "register", full)
        with pytest.raises(IngestError, match="the disk is full"):
            harness.ingest(WEBHOOKS)
    harness.ingest(WEBHOOKS)
    assert (harness.files(), _numbers(harness)) == ({A: "loaded"}, [10, 11])


def test_rows_rejects_and_ledger_land_together_or_not_at_all(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.put(A, X + "bad\n")
    harness.ingest(WEBHOOKS)
    before = _ledger(harness), harness.rejects(), _numbers(harness)
    harness.put(A, Y + "bad\n")
    harness.put(B, Z)

    def broken(*args: object) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(ingest_run, "_record_load", broken)
        with pytest.raises(RuntimeError):
            harness.ingest(WEBHOOKS)
    assert (_ledger(harness), harness.rejects()) == before[:2]
    with harness.open() as con:
        ingest_run.prepare(con, harness.settings)
    assert _numbers(harness) == before[2]
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [20, 21, 30, 31]


def _renew(harness: Harness, code: str) -> tuple[str | None, str | None]:
    with harness.open() as con:
        said = forget_what_other_code_read(con, discover(harness.settings), code)
        ingest_run.prepare(con, harness.settings)
        remember_code(con, code)
    harness.ingest(WEBHOOKS)
    return said


def test_exports_are_read_again_when_the_code_that_reads_them_has_changed(
    harness: Harness,
) -> None:
    harness.put(A, X)
    harness.put(B, Y)
    assert _renew(harness, "one") == (None, None)
    (harness.settings.raw_dir / B).rename(harness.settings.raw_dir / "whatsapp/webhooks/c.jsonl")
    with harness.open() as con:
        con.execute("update raw.whatsapp_webhooks set person_wa_id = 'as read before'")
    assert _renew(harness, "one") == (None, None)
    note, warning = _renew(harness, "two")
    assert note and "read again" in note and warning is None
    assert harness.rows(
        "select count(*) from raw.whatsapp_webhooks where person_wa_id = 'as read before'"
    ) == [(0,)]
    assert _numbers(harness) == [10, 11, 20, 21]


def test_what_only_the_warehouse_still_has_is_never_forgotten(harness: Harness) -> None:
    harness.put(A, X)
    harness.put(B, Y)
    _renew(harness, "one")
    (harness.settings.raw_dir / B).unlink()
    for _ in range(2):
        note, warning = _renew(harness, "two")
        assert note is None and warning and "1 exports are no longer" in warning
        assert _numbers(harness) == [10, 11, 20, 21]
    harness.put(B, Y)
    note, _ = _renew(harness, "two")
    assert note and _numbers(harness) == [10, 11, 20, 21]


def test_a_table_of_an_earlier_version_gets_the_columns_declared_since(harness: Harness) -> None:
    harness.put(A, X)
    harness.ingest(WEBHOOKS)
    with harness.open() as con:
        con.execute("alter table raw.whatsapp_webhooks drop column ctwa_clid")
    harness.put(B, Y)
    harness.ingest(WEBHOOKS)
    assert _numbers(harness) == [10, 11, 20, 21]
    assert harness.rows("select count(ctwa_clid) from raw.whatsapp_webhooks") == [(0,)]


def test_another_key_stops_with_advice(harness: Harness) -> None:
    harness.put("whatsapp/sends/a.jsonl", send_line(1))
    harness.ingest("whatsapp/sends")
    other = Settings(
        raw_dir=harness.settings.raw_dir,
        warehouse_dir=harness.settings.warehouse_dir,
        hmac_key_text="another key, long enough",
    )
    with connect(other) as con, pytest.raises(IngestError, match=r"give the old key .* or run"):
        prepare(con, other)


def test_an_increment_equals_a_rebuild_after_any_history(harness: Harness, tmp_path: Path) -> None:
    history = [
        {A: X, B: Y},
        {A: Y, B: X, C: Z},
        {A: X + Z, C: X},
        {B: "", C: X + "oops\n"},
        {A: Z, B: X, C: Y + Y},
    ]
    for files in history:
        for path, content in files.items():
            harness.put(path, content)
        harness.ingest(WEBHOOKS)
    fresh = make_harness(tmp_path / "fresh")
    for path, content in history[-1].items():
        fresh.put(path, content)
    fresh.ingest(WEBHOOKS)
    assert _numbers(harness) == _numbers(fresh)
    assert harness.files() == fresh.files()
    assert harness.rejects() == fresh.rejects()
