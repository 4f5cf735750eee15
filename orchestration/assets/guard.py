"""What every step shares: the session of the run, and failures that hold no personal data."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.checks.declaration import Outcome
from orchestration.ingest.run import IngestError
from orchestration.publish import PublishError
from orchestration.recovery import WAREHOUSE_TAG, report_orphans, warehouse_tag
from orchestration.redact import describe, redact
from orchestration.session import RunError, Session, wait_for_working_file
from orchestration.settings import SettingsError, load_settings
from orchestration.warehouse import Busy, writer_lock

_ADVICE = (IngestError, PublishError, RunError, SettingsError, NotADirectoryError, Busy)


@dg.resource(description="The run's session: settings, writer lock, what lies in the raw folder.")
def session_resource(context: dg.InitResourceContext) -> Iterator[Session]:
    """Hold the writer lock for one run of the schedule or the UI.

    `make run` brings its own session, with the lock already held.
    """
    settings = load_settings()
    run_id = context.run.run_id if context.run else "?"
    try:
        with writer_lock(settings, f"Dagster run {run_id[:8]}"):
            if context.instance and context.run:
                context.instance.add_run_tags(
                    run_id,
                    {WAREHOUSE_TAG: warehouse_tag(settings), "chatmart/pid": str(os.getpid())},
                )
                report_orphans(context.instance, settings, own_run_id=run_id)
            wait_for_working_file(settings)
            yield Session(settings)
    except (Busy, RunError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None


@contextmanager
def guarded(session: Session) -> Iterator[None]:
    """Turn any error into a Failure whose text may stand in Dagster's storage.

    An exception's own text, cause and context can quote a line of an export, so none is chained.
    """
    try:
        yield
    except dg.Failure:
        raise
    except _ADVICE as error:
        session.failures.append(str(error))
        raise dg.Failure(redact(str(error)), allow_retries=False) from None
    except Exception as error:
        session.failures.append(describe(error))
        raise dg.Failure(describe(error), allow_retries=False) from None


def check_result(outcome: Outcome) -> dg.AssetCheckResult:
    """Return an outcome as Dagster shows it."""
    check = outcome.check
    is_error = check.severity == "error"
    return dg.AssetCheckResult(
        passed=outcome.passed,
        asset_key=dg.AssetKey(check.table.split(".")),
        check_name=check.name,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=outcome.message,
        metadata={
            "violations": outcome.violations,
            **({"examples": "; ".join(outcome.examples)} if outcome.examples else {}),
        },
    )
