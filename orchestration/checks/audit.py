"""The audit: every invariant and warning as an asset check, between transform and publish."""

from collections.abc import Iterator

import dagster as dg

from orchestration.assets.guard import check_result, guarded
from orchestration.assets.transform import MANIFEST
from orchestration.checks.declaration import Check
from orchestration.checks.invariants import INVARIANTS
from orchestration.checks.runner import (
    dbt_test_rows,
    outcome_rows,
    run_check,
    stream_rows,
    unrecognised_row,
    write_book,
)
from orchestration.checks.warnings import warnings
from orchestration.session import Session
from orchestration.settings import load_settings
from orchestration.warehouse import connect


def _spec(check: Check) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.name,
        asset=dg.AssetKey(check.table.split(".")),
        description=check.description,
        # A failing error check stops the publish and nothing else.
        blocking=check.severity == "error",
        metadata={"severity": check.severity},
    )


@dg.multi_asset_check(
    name="audit", specs=[_spec(check) for check in (*INVARIANTS, *warnings(load_settings()))]
)
def audit_checks(
    context: dg.AssetCheckExecutionContext, session: dg.ResourceParam[Session]
) -> Iterator[dg.AssetCheckResult]:
    """Look at the working file as a whole and write the book `meta.checks`."""
    settings = session.settings
    with guarded(session), session.step("audit") as notes:
        session.require("ingest", "transform")
        with connect(settings) as con:
            outcomes = [run_check(con, check) for check in (*INVARIANTS, *warnings(settings))]
            write_book(
                con,
                [
                    *dbt_test_rows(settings.dbt_target_dir, MANIFEST),
                    *outcome_rows(outcomes),
                    *stream_rows(session.stream_warnings),
                    unrecognised_row(session.unrecognised_files),
                ],
            )
        failed = [outcome for outcome in outcomes if not outcome.passed]
        errors = [o.message for o in failed if o.check.severity == "error"]
        session.failures += errors
        session.warnings += [o.message for o in failed if o.check.severity == "warning"]
        notes["detail"] = f"{len(outcomes) - len(failed)} of {len(outcomes)} checks hold"
        notes["ok"] = not errors
        if not errors:
            session.stages.add("audit")
        for outcome in outcomes:
            yield check_result(outcome)
