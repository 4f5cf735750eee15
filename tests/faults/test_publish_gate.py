"""Nothing wrong gets past the audit; what is only odd gets through and is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

from orchestration.settings import Settings
from orchestration.warehouse import connect
from tests.conftest import Built
from tests.faults.canary import files_below, found_in_files, found_in_text
from tests.faults.conftest import ORPHAN_CHANNEL, ORPHAN_READ_AT, Faulty, run_patched

TAMPER = """
from orchestration.checks import audit
original = audit.run_check
def tampering(con, check, done=[]):
    if not done:
        done.append(True)
        con.execute('''
            update marts.kpi_messaging set messages_delivered = messages_sent + 1
            where period_grain = 'day' and channel_id = '104200000000001'
            and period_start_on = '2026-10-05'
        ''')
        con.execute('''
            update marts.fct_messages set sent_at = delivered_at + interval 1 hour
            where message_id = (
                select max(message_id) from marts.fct_messages
                where direction = 'outbound' and delivered_at is not null
            )
        ''')
    return original(con, check)
audit.run_check = tampering
"""


def _bytes(built: Built) -> dict[str, str]:
    paths = [built.published, *sorted((built.warehouse_dir / "marts").iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_a_row_tampered_with_stops_the_publish(
    faulty: Faulty, copy_of: Callable[[Built], Built]
) -> None:
    built = copy_of(faulty)
    before, mode = _bytes(built), built.published.stat()
    done = run_patched(built, TAMPER)
    assert done.returncode == 1, done.stdout
    assert _bytes(built) == before
    assert built.published.stat().st_mtime_ns == mode.st_mtime_ns
    told = " ".join(done.stderr.split())
    assert "Not published: what readers have stays as it was" in told
    # The check, the table, the rule and the keys.
    assert "funnel_never_grows on marts.kpi_messaging: read ≤ read_inferred ≤ delivered" in told
    assert "1 row breaks it, e.g. day, 2026-10-05, 104200000000001" in told
    with connect(Settings(built.raw_dir, built.warehouse_dir), built.working) as con:
        tampered = con.execute(
            "select message_id from marts.fct_messages where sent_at > delivered_at"
        ).fetchall()
    assert len(tampered) == 1
    assert "message_times_stand_in_order on marts.fct_messages" in told
    assert f"e.g. {tampered[0][0]}" in told
    # A run that fails in the audit says no more of people than one that does not.
    for path in faulty.canary_paths:
        told = told.replace(path, "").replace("/".join(path.split("/")[:2]), "")
    assert found_in_text(told) == []
    assert found_in_files(files_below(built.dagster_home)) == []
    assert found_in_files(files_below(built.warehouse_dir / "dbt")) == []
    assert (built.warehouse_dir / "run.unfinished").exists(), "the next run builds anew"


def test_a_read_without_message_or_send_is_no_error_and_is_counted(faulty: Faulty) -> None:
    read_at = datetime.fromtimestamp(ORPHAN_READ_AT, UTC).replace(tzinfo=None)
    with connect(
        Settings(faulty.raw_dir, faulty.warehouse_dir), faulty.published, read_only=True
    ) as con:
        messages = con.execute(
            "select direction, message_at, attempted_at, sent_at, delivered_at, read_at, "
            "failed_at, is_delivered_implied from marts.fct_messages "
            "where channel_id = ? and message_on = ? and read_at = ?",
            [ORPHAN_CHANNEL, read_at.date(), read_at],
        ).fetchall()
        counted = con.execute(
            "select messages_attempted, messages_sent, messages_delivered, messages_read "
            "from marts.kpi_messaging where period_grain = 'day' and channel_id = ? "
            "and period_start_on = ?",
            [ORPHAN_CHANNEL, read_at.date()],
        ).fetchall()
        others = con.execute(
            "select count(*) from marts.fct_messages where direction = 'outbound' "
            "and channel_id = ? and message_on = ? and read_at is distinct from ?",
            [ORPHAN_CHANNEL, read_at.date(), read_at],
        ).fetchone()
        checks = con.execute(
            "select severity, status from meta.checks where severity = 'error' and status = 'failed'"
        ).fetchall()
    ((direction, message_at, attempted_at, sent_at, delivered_at, *rest),) = messages
    assert (direction, message_at, sent_at, delivered_at) == ("outbound", read_at, read_at, read_at)
    assert attempted_at in (None, read_at)
    assert rest == [read_at, None, True]
    assert others == (0,)
    assert counted == [(1, 1, 1, 1)]
    assert checks == []
