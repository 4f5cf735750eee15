"""Everything that people drop by mistake, at once: named, and not one good row lost."""

from __future__ import annotations

import json
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import Settings
from orchestration.sources import STREAMS
from orchestration.warehouse import connect
from tests.conftest import call_cli
from tests.faults import bad_files
from tests.faults.bad_files import EXPECTED, GOOD_ORDERS, SILENT
from tests.faults.conftest import Faulty, copy_raw
from tests.faults.harness import LEDGER_EQUATION, Harness, make_harness


def _open(faulty: Faulty, path: Path) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    return connect(Settings(faulty.raw_dir, faulty.warehouse_dir), path, read_only=True)


def _rejects(faulty: Faulty) -> dict[str, list[tuple[int | None, str]]]:
    with _open(faulty, faulty.working) as con:
        rows = con.execute(
            "select path, line_number, reason from raw.rejects order by path, line_number"
        ).fetchall()
    found: dict[str, list[tuple[int | None, str]]] = {}
    for path, line, reason in rows:
        if path not in faulty.canary_paths:
            found.setdefault(path, []).append((line, reason))
    return found


def test_bad_files_are_warnings_and_the_run_publishes(faulty: Faulty) -> None:
    assert faulty.returncode == 0, faulty.errors
    assert "warnings (published all the same" in faulty.output
    assert faulty.published.exists()


def test_each_is_in_the_rejects_by_file_line_and_reason(faulty: Faulty) -> None:
    assert _rejects(faulty) == {path: rejects for path, (rejects, _) in EXPECTED.items()}


@pytest.mark.parametrize("path", EXPECTED)
def test_each_is_named_on_the_terminal_with_its_mend(faulty: Faulty, path: str) -> None:
    words = EXPECTED[path][1]
    told = [line for line in faulty.output.splitlines() if path in line]
    assert told, f"{path} is not mentioned"
    whole = " ".join(faulty.output.split())
    start = whole.index(path)
    assert words in whole[start : start + 300]


@pytest.mark.parametrize("path", SILENT)
def test_what_is_hidden_or_unfinished_is_not_even_mentioned(faulty: Faulty, path: str) -> None:
    assert path not in faulty.output
    with _open(faulty, faulty.working) as con:
        assert con.execute("select * from raw.files where path = ?", [path]).fetchall() == []


def test_rejected_lines_keep_their_text_in_the_working_file_only(faulty: Faulty) -> None:
    with _open(faulty, faulty.working) as con:
        rows = con.execute(
            "select line_number, raw_text, message from raw.rejects where path like '%bad-lines%' "
            "order by line_number"
        ).fetchall()
    assert rows[0][1] == "[1,2]"
    assert json.loads(rows[1][1])["messaging_product"] == "whatsapp"
    assert "whole webhook body" in rows[1][2]


def test_not_one_good_row_is_lost(faulty: Faulty, tmp_path: Path) -> None:
    """Every raw table holds exactly the rows of the good lines alone, cell by cell."""
    clean = make_harness(tmp_path)
    shutil.rmtree(clean.settings.raw_dir)
    copy_raw(faulty.raw_dir, clean.settings.raw_dir)
    for path in EXPECTED:
        (clean.settings.raw_dir / path).unlink(missing_ok=True)
    _write_the_good_lines_alone(clean)
    clean.ingest()
    for stream in STREAMS:
        columns = ", ".join(f'"{column.name}"' for column in stream.columns)
        sql = f'select {columns}, _extra from raw."{stream.raw_table}" order by all'
        with _open(faulty, faulty.working) as con:
            found = con.execute(sql).fetchall()
        assert found == clean.rows(sql), stream.key
    wamids = {i for (i,) in clean.rows("select record_id from raw.whatsapp_webhooks")}
    for n in (9001, 9003, *range(9004, 9010)):
        assert f"wamid.{n}" in wamids
    orders = {i for (i,) in clean.rows("select name from raw.shopify_orders")}
    assert set(GOOD_ORDERS) <= orders
    assert not {"#8998", "#8999"} & orders


def _write_the_good_lines_alone(clean: Harness) -> None:
    good = {n: bad_files.status_line(n) for n in range(9001, 9010)}
    folder = bad_files.WEBHOOKS
    clean.put(f"{folder}/bad-lines.jsonl", good[9001] + good[9003])
    clean.put(f"{folder}/bad-20-mb.jsonl", good[9004] + good[9005])
    clean.put(f"{folder}/bad-42-mb.jsonl", good[9006] + good[9007])
    clean.put(f"{bad_files.SENDS}/bad-sends.jsonl", bad_files.send_line(9010))
    clean.put(
        "shopify/orders/bad-ragged.csv",
        "Name,Total,Created at,Notes\n#8003,30.00,2026-11-03 10:00:00 +0100,\n"
        '#8004,40.00,2026-11-03 10:00:00 +0100,"two\nlines"\n'
        "#8005,50.00,2026-11-03 10:00:00 +0100,last\n",
    )


def test_columns_are_mapped_by_name_and_unknown_ones_kept(faulty: Faulty) -> None:
    with _open(faulty, faulty.working) as con:
        rows = con.execute(
            "select name, total, currency, created_at, _extra from raw.shopify_orders "
            "where name in ('#8001', '#8002') order by name"
        ).fetchall()
    assert rows == [
        ("#8001", "10.00", "EUR", "2026-11-01 10:00:00 +0100", '{"Loyalty Points":"7"}'),
        ("#8002", "20.00", "USD", "2026-11-02 10:00:00 +0100", None),
    ]
    told = " ".join(faulty.output.split())
    assert "bad-order.csv: new column Loyalty Points is kept in _extra" in told


def test_the_ledger_adds_up_and_is_published(faulty: Faulty) -> None:
    with _open(faulty, faulty.working) as con:
        assert con.execute(LEDGER_EQUATION).fetchall() == []
        ledger = con.execute(
            "select path_key, status, rows_read, rows_loaded, rows_rejected, rows_duplicate "
            "from raw.files order by all"
        ).fetchall()
        rejects = con.execute(
            "select source, stream, reason, count(*) from raw.rejects group by all order by all"
        ).fetchall()
        keys = dict(con.execute("select path, path_key from raw.files").fetchall())
    with _open(faulty, faulty.published) as con:
        assert ledger == con.execute(
            "select path_key, status, rows_read, rows_loaded, rows_rejected, rows_duplicate "
            "from meta.loads order by all"
        ).fetchall()  # fmt: skip
        assert rejects == con.execute(
            "select source, stream, reason, rows from meta.rejects order by all"
        ).fetchall()  # fmt: skip
        status = dict(con.execute("select path_key, status from meta.loads").fetchall())
        checks = dict(con.execute('select "check", status from meta.checks').fetchall())
    for path, (found, _) in EXPECTED.items():
        whole = found[0][0] is None
        assert status[keys[path]] == ("rejected" if whole else "loaded"), path
    for check in (
        "whatsapp_webhooks_read_without_remarks",
        "every_file_was_read",
        "every_file_belongs_to_a_stream",
        "few_lines_are_rejected",
    ):
        assert checks[check] == "failed"
    assert checks["no_line_is_lost_or_counted_twice"] == "passed"


def test_an_unchanged_folder_with_bad_files_is_up_to_date(faulty: Faulty) -> None:
    done = call_cli(faulty.raw_dir, faulty.warehouse_dir)
    assert done.returncode == 0
    assert "Up to date since" in done.stdout
