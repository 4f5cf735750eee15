"""Ours with everything on, against one hand-written statement that only flattens the same files.

Ours: find and hash the files, ledger, line hashes, repeats, rejects, odd bodies, identifiers with
keyed hashes, line counts proved. The statement: what a good engineer writes in an afternoon; it
reads bodies bare and wrapped, skips bad lines and loads statuses and messages, no other change.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.bodies import write_bodies
from benchmarks.measure import CORES, MEMORY_LIMIT, Cost, measured, run_apart
from benchmarks.report import Check, Report, megabytes, seconds

LIMIT = 2.0
ROUNDS = 2
KEY = "benchmarks-only-" * 2

_PERSON = "STRUCT(wa_id VARCHAR, user_id VARCHAR, profile STRUCT(name VARCHAR))"
_STATUS = (
    "STRUCT(id VARCHAR, status VARCHAR, timestamp VARCHAR, recipient_id VARCHAR, "
    "recipient_user_id VARCHAR, biz_opaque_callback_data VARCHAR, "
    "conversation STRUCT(id VARCHAR, origin STRUCT(type VARCHAR)), "
    "pricing STRUCT(billable VARCHAR, pricing_model VARCHAR, type VARCHAR, category VARCHAR), "
    "errors STRUCT(code VARCHAR)[])"
)
_ENTRIES = (
    "STRUCT(id VARCHAR, time VARCHAR, changes STRUCT(field VARCHAR, value STRUCT("
    "metadata STRUCT(phone_number_id VARCHAR, display_phone_number VARCHAR), "
    f"contacts {_PERSON}[], messages JSON[], statuses {_STATUS}[]))[])[]"
)
_MESSAGE = (
    '{"from":"VARCHAR","from_user_id":"VARCHAR","id":"VARCHAR","timestamp":"VARCHAR",'
    '"type":"VARCHAR","context":{"id":"VARCHAR"},'
    '"referral":{"source_id":"VARCHAR","source_type":"VARCHAR","ctwa_clid":"VARCHAR"},'
    '"text":{"body":"VARCHAR"},"button":{"payload":"VARCHAR","text":"VARCHAR"},'
    '"interactive":{"button_reply":{"id":"VARCHAR","title":"VARCHAR"},'
    '"list_reply":{"id":"VARCHAR","title":"VARCHAR"}},'
    '"system":{"new_wa_id":"VARCHAR","user_id":"VARCHAR"}}'
)

# The columns of raw.whatsapp_webhooks, without the technical ones.
BASELINE = f"""
create table webhooks as
select
    case when m is not null then 'message' else 'status' end as record_kind,
    waba_id,
    field,
    entry_time,
    received_at,
    phone_number_id,
    display_phone_number,
    coalesce(s.id, r.id) as record_id,
    coalesce(s.status, r.type) as record_type,
    coalesce(s.timestamp, r.timestamp) as record_time,
    coalesce(s.recipient_id, r."from") as person_wa_id,
    coalesce(s.recipient_user_id, r.from_user_id) as person_user_id,
    contact.wa_id as contact_wa_id,
    contact.user_id as contact_user_id,
    contact.profile.name as contact_name,
    r.system.new_wa_id as linked_wa_id,
    r.system.user_id as linked_user_id,
    r.context.id as context_id,
    r.referral.source_id as referral_source_id,
    r.referral.source_type as referral_source_type,
    r.referral.ctwa_clid as ctwa_clid,
    r.text.body as text_body,
    coalesce(r.button.payload, r.interactive.button_reply.id, r.interactive.list_reply.id)
        as button_payload,
    coalesce(r.button.text, r.interactive.button_reply.title, r.interactive.list_reply.title)
        as button_text,
    s.conversation.id as conversation_id,
    s.conversation.origin.type as conversation_origin,
    s.pricing.billable as pricing_billable,
    s.pricing.pricing_model as pricing_model,
    s.pricing.type as pricing_type,
    s.pricing.category as pricing_category,
    s.errors[1].code as error_code,
    s.biz_opaque_callback_data as callback_data,
    m as payload
from (
    select *, case when m is not null then from_json(m, '{_MESSAGE}') end as r
    from (
        select * exclude (messages, statuses), unnest(messages) as m, unnest(statuses) as s
        from (
            select
                waba_id,
                entry_time,
                received_at,
                change.field as field,
                change.value.metadata.phone_number_id as phone_number_id,
                change.value.metadata.display_phone_number as display_phone_number,
                change.value.contacts[1] as contact,
                change.value.messages as messages,
                change.value.statuses as statuses
            from (
                select
                    received_at,
                    entry.id as waba_id,
                    entry.time as entry_time,
                    unnest(entry.changes) as change
                from (
                    select received_at, unnest(coalesce(entry, body.entry)) as entry
                    from read_json(
                        $files,
                        format = 'newline_delimited',
                        records = true,
                        ignore_errors = true,
                        maximum_object_size = 16777216,
                        columns = {{
                            received_at: 'VARCHAR',
                            entry: '{_ENTRIES}',
                            body: 'STRUCT(entry {_ENTRIES})'
                        }}
                    )
                )
            )
        )
    )
)
"""


def ours(raw: str, warehouse: str) -> Cost:
    """Load the files with the program's own ingest; runs in a process of its own."""
    from orchestration import warehouse as files
    from orchestration.ingest.run import discover, ingest_stream, prepare
    from orchestration.settings import load_settings
    from orchestration.sources.whatsapp import WEBHOOKS

    settings = load_settings(
        {
            "CHATMART_RAW_DIR": raw,
            "CHATMART_WAREHOUSE_DIR": warehouse,
            "CHATMART_HMAC_KEY": KEY,
            "CHATMART_MEMORY_LIMIT": MEMORY_LIMIT,
            "CHATMART_THREADS": str(CORES),
        }
    )
    with measured() as cost:
        discovery = discover(settings)
        with files.connect(settings) as con:
            prepare(con, settings)
            report = ingest_stream(con, settings, WEBHOOKS, discovery)
            con.execute("checkpoint")
    with files.connect(settings, read_only=True) as con:
        row = con.execute(
            "select count(*) filter (where record_kind in ('message', 'status')), "
            "(select count(*) from raw.identifiers) from raw.whatsapp_webhooks"
        ).fetchone()
    assert row is not None
    cost.notes = {
        "read": report.rows_read,
        "rejected": report.rows_rejected,
        "repeated": report.rows_duplicate,
        "records": row[0],
        "identifiers": row[1],
        "file": settings.build_path.stat().st_size,
    }
    return cost


def baseline(raw: str, path: str) -> Cost:
    """Load the files with the one statement; runs in a process of its own."""
    paths = sorted(str(file) for file in Path(raw, "whatsapp", "webhooks").iterdir())
    with measured() as cost:
        con = duckdb.connect(path, config={"memory_limit": MEMORY_LIMIT, "threads": CORES})
        con.execute("set preserve_insertion_order = false")
        con.execute(BASELINE, {"files": paths})
        con.execute("checkpoint")
        con.close()
    with duckdb.connect(path, read_only=True) as con:
        row = con.execute("select count(*) from webhooks").fetchone()
    assert row is not None
    cost.notes = {"records": row[0], "file": Path(path).stat().st_size}
    return cost


def race(work: Path, raw: Path, contestants: dict[str, Any], rounds: int) -> dict[str, Cost]:
    """Let each contestant run in turn, `rounds` times; return the best of each."""
    best: dict[str, Cost] = {}
    for number in range(rounds):
        for name, (function, target) in contestants.items():
            output = work / "output"
            shutil.rmtree(output, ignore_errors=True)
            output.mkdir(parents=True)
            cost = run_apart(function, raw=str(raw), **{target: str(output / "built")})
            best[name] = cost.better(best.get(name))
            print(f"  round {number + 1}, {name}: {seconds(cost.wall)}, CPU {seconds(cost.cpu)}")
            shutil.rmtree(output)
    return best


def run(work: Path, report: Report, *, bodies: int, files: int, rounds: int = ROUNDS) -> None:
    """Race both on the same files and report."""
    raw = work / f"bodies-{bodies}"
    print(f"ingest: {bodies:,} webhook bodies in {files} files")
    written = write_bodies(raw / "whatsapp" / "webhooks", bodies, files)
    best = race(
        work,
        raw,
        {
            "ours": ("ingest:ours", "warehouse"),
            "one statement": ("ingest:baseline", "path"),
        },
        rounds,
    )
    a, b = best["ours"], best["one statement"]
    if a.notes["read"] != written["lines"]:
        raise RuntimeError(f"{written['lines']} lines were written, {a.notes['read']} read")
    report.heading("Ingest")
    report.text(
        f"{written['lines']:,} lines ({written['bytes'] / 1e9:.1f} GB) in {files} files, "
        f"memory limit {MEMORY_LIMIT}, {CORES} threads, best of {rounds} rounds. Ours found "
        f"{a.notes['records']:,} messages and statuses, {a.notes['rejected']:,} lines rejected, "
        f"{a.notes['repeated']:,} repeated, {a.notes['identifiers']:,} identifiers; the one "
        f"statement {b.notes['records']:,} messages and statuses."
    )
    report.table(
        ["", "wall", "CPU", "peak memory", "file", "bodies/s"],
        [
            [
                name,
                seconds(c.wall),
                seconds(c.cpu),
                megabytes(c.peak_rss),
                megabytes(c.notes["file"]),
                f"{written['lines'] / c.wall:,.0f}",
            ]
            for name, c in best.items()
        ],
    )
    report.check(
        Check("ours ÷ one statement, wall", a.wall / b.wall, LIMIT),
        Check("ours ÷ one statement, CPU", a.cpu / b.cpu, None),
        Check("ours, peak memory in GB", a.peak_rss / 1e9, 2.5),
    )
