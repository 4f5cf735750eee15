"""One raw asset per declared stream: what lies in the raw folder, read into the working file."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from orchestration.assets.guard import guarded
from orchestration.fingerprint import INGEST_CODE
from orchestration.ingest.renewal import forget_what_other_code_read, remember_code
from orchestration.ingest.run import (
    StreamReport,
    check_key,
    ingest_stream,
    prepare,
    record_unrecognised,
)
from orchestration.session import Session
from orchestration.sources import STREAMS, Stream
from orchestration.warehouse import connect

CLEAN_CHECK = "read_without_remarks"
LEDGER_TABLES = {
    "loads": "One row per content that was read.",
    "files": "One row per version of a file's path.",
    "rejects": "One row per line or file that could not be loaded.",
    "identifiers": "One row per distinct identifying value, with its keyed hash.",
    "retired_keys": "One row per key that a replaced file took out of raw.",
    "load_precedence": "One row per load; the higher number is the newer export.",
}
"""The ingest's own tables in schema `raw`, under the keys of the dbt source `ledger`."""
# A nightly run may be late by a quarter of a day before somebody should look.
FRESHNESS_SLACK_HOURS = 6


def raw_key(stream: Stream) -> dg.AssetKey:
    """Return the asset key, equal to that of the dbt source."""
    return dg.AssetKey(["raw", stream.raw_table])


def raw_spec(stream: Stream) -> dg.AssetSpec:
    """Return what a declaration says of its raw table."""
    hours = stream.freshness_hours
    return dg.AssetSpec(
        raw_key(stream),
        group_name=stream.source,
        kinds={"duckdb", "csv" if stream.format == "csv" else "json"},
        owners=[f"team:{stream.owner}"],
        description=f"One row per record: {stream.record}.",
        code_version=stream.fingerprint[:12],
        metadata={
            "folder": f"{stream.key}/",
            "file_patterns": ", ".join(stream.file_patterns),
            "personal_data_columns": len(stream.personal_columns),
        },
        # Materialized at every run, with new files or without: this tells of runs that did not
        # take place. Whether the exports themselves are old is the check no_source_has_gone_stale.
        freshness_policy=None
        if hours is None
        else dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=hours + FRESHNESS_SLACK_HOURS),
            warn_window=timedelta(hours=hours),
        ),
    )


def _ledger_spec(table: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["ledger", table],
        deps=[raw_key(stream) for stream in STREAMS],
        group_name="ledger",
        kinds={"duckdb"},
        owners=["team:data-engineering"],
        description=description,
    )


def _check_spec(stream: Stream) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        CLEAN_CHECK,
        asset=raw_key(stream),
        description="Every file and every line of the stream was read without a remark.",
    )


def _result(stream: Stream, report: StreamReport) -> dg.MaterializeResult:
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(report.rows_in_table),
        "dagster/column_schema": dg.MetadataValue.table_schema(
            dg.TableSchema(
                [
                    dg.TableColumn(
                        name,
                        kind,
                        tags={"personal_data": ""} if name in stream.personal_columns else None,
                    )
                    for name, kind in report.columns
                ]
            )
        ),
    }
    for name in (
        "files_total",
        "files_loaded",
        "files_duplicate",
        "files_rejected",
        "files_missing",
        "rows_read",
        "rows_loaded",
        "rows_rejected",
        "rows_duplicate",
        "records_loaded",
    ):
        metadata[name] = dg.MetadataValue.int(getattr(report, name))
    for name in ("first_event_at", "last_event_at"):
        if (moment := getattr(report, name)) is not None:
            metadata[name] = dg.MetadataValue.text(f"{moment.isoformat(sep=' ')} UTC")
    count = len(report.warnings)
    return dg.MaterializeResult(
        asset_key=raw_key(stream),
        metadata=metadata,
        check_results=[
            dg.AssetCheckResult(
                passed=count == 0,
                asset_key=raw_key(stream),
                check_name=CLEAN_CHECK,
                severity=dg.AssetCheckSeverity.WARN,
                # File names may hold a person's name: only the terminal shows them.
                description=f"{count} remarks; `make run` shows them" if count else None,
                metadata={"remarks": count, "rows_rejected": report.rows_rejected},
            )
        ],
    )


def summary(report: StreamReport) -> str:
    """Return one line for the terminal."""
    parts = [f"{report.files_total:,} files"]
    parts.append(f"{report.files_loaded:,} new" if report.files_loaded else "nothing new")
    if report.files_loaded:
        parts.append(f"{report.rows_loaded:,} rows")
    for what in ("rejected", "duplicate"):
        if rows := getattr(report, f"rows_{what}"):
            parts.append(f"{rows:,} rows {what}")
        if files := getattr(report, f"files_{what}"):
            parts.append(f"{files:,} files {what}")
    if report.files_missing:
        parts.append(f"{report.files_missing:,} files disappeared")
    parts.append(f"{report.rows_in_table:,} in the table")
    return ", ".join(parts)


@dg.multi_asset(
    name="ingest",
    specs=[
        *(raw_spec(stream) for stream in STREAMS),
        *(_ledger_spec(table, description) for table, description in LEDGER_TABLES.items()),
    ],
    check_specs=[_check_spec(stream) for stream in STREAMS],
)
def raw_assets(
    context: dg.AssetExecutionContext, session: dg.ResourceParam[Session]
) -> Iterator[dg.MaterializeResult]:
    """Bring every raw table in line with the files that lie in the raw folder, one by one."""
    with guarded(session):
        session.mark_started()
        with connect(session.settings) as con:
            code = session.fingerprint_parts[INGEST_CODE]
            check_key(con, session.settings)
            note, warning = forget_what_other_code_read(con, session.discovery, code)
            prepare(con, session.settings)
            remember_code(con, code)
            unknown = record_unrecognised(con, session.settings, session.discovery)
        if note:
            session.reporter.note(note)
        session.warnings += [warning] if warning else []
        session.warnings += unknown
        session.unrecognised_files = len(unknown)
        for stream in STREAMS:
            with session.step(f"raw.{stream.raw_table}") as notes:
                with connect(session.settings) as con:
                    report = ingest_stream(
                        con,
                        session.settings,
                        stream,
                        session.discovery,
                        session.reporter.progress,
                    )
                notes["detail"] = summary(report)
            session.warnings += report.warnings
            session.stream_warnings[stream.raw_table] = len(report.warnings)
            yield _result(stream, report)
        with connect(session.settings) as con:
            for table in LEDGER_TABLES:
                rows = con.execute(f"select count(*) from raw.{table}").fetchone()
                yield dg.MaterializeResult(
                    asset_key=["ledger", table],
                    metadata={"dagster/row_count": int(rows[0]) if rows else 0},
                )
        session.stages.add("ingest")
