"""The published file as an asset: behind every public table, and behind the audit."""

import dagster as dg

from orchestration.assets.guard import guarded
from orchestration.assets.transform import MANIFEST
from orchestration.dbt_manifest import public_tables
from orchestration.publish import publish
from orchestration.session import Session
from orchestration.warehouse import connect

TABLES = public_tables(MANIFEST)
KEY = dg.AssetKey(["published", "warehouse"])


@dg.asset(
    key=KEY,
    deps=[dg.AssetKey(table.split(".")) for table in TABLES],
    group_name="published",
    kinds={"duckdb", "parquet"},
    owners=["team:analytics"],
    description="`warehouse.duckdb` and `marts/*.parquet`: what analysts and BI tools open. "
    "Replaced as a whole, and only after every error-level check has passed.",
)
def published_warehouse(
    context: dg.AssetExecutionContext, session: dg.ResourceParam[Session]
) -> dg.MaterializeResult:
    """Copy the public tables into a new file and put it in the old one's place."""
    settings = session.settings
    with guarded(session), session.step("publish") as notes:
        session.require("ingest", "transform", "audit")
        with connect(settings) as con:
            report = publish(
                con,
                settings,
                [*TABLES, "meta.checks"],
                run_id=context.run.run_id,
                settings_fingerprint=session.fingerprint,
                ledger_hash=session.ledger_hash,
            )
        session.mark_finished()
        session.stages.add("publish")
        notes["detail"] = f"{len(report.rows)} tables, {report.size / 1e6:,.1f} MB"
    return dg.MaterializeResult(
        metadata={
            "tables": len(report.rows),
            "dagster/row_count": sum(report.rows.values()),
            "bytes": report.size,
            "ledger_hash": session.ledger_hash,
            "rows": dg.MetadataValue.md(
                "| table | rows |\n|---|---|\n"
                + "\n".join(f"| {table} | {rows} |" for table, rows in report.rows.items())
            ),
        }
    )
