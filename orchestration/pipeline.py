"""Launch the job `warehouse` in this process, on the instance that `make dev` shows.

Importing this module imports Dagster and parses the dbt project: the command line does so only
when there is something to build.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.history import quick_history
from orchestration.recovery import WAREHOUSE_TAG, report_orphans, warehouse_tag
from orchestration.redact import describe, redact
from orchestration.session import RunError, Session, wait_for_working_file
from orchestration.settings import ROOT
from orchestration.warehouse import Busy

KEPT_LOGS = 30


def log_dir() -> Path:
    """Return where full logs go: beside Dagster's storage."""
    home = Path(os.environ["DAGSTER_HOME"])
    return (ROOT / "data" / "dagster" if home == ROOT else home) / "logs"


def run_job(session: Session, log_path: Path) -> bool:
    """Run the job under the caller's writer lock; return whether it was published.

    What went wrong stands in `session.failures`; Dagster's and dbt's own output in `log_path`.
    """
    with _output_to(log_path):
        try:
            return _run(session)
        except (RunError, Busy) as error:
            session.failures.append(str(error))
        except Exception as error:
            print(describe(error), file=sys.stderr)
            session.failures.append(describe(error))
    return False


def _run(session: Session) -> bool:
    wait_for_working_file(session.settings)
    session.mark_started()
    with session.step("prepare") as notes:
        from orchestration.definitions import defs

        job = defs.resolve_job_def("warehouse")
        notes["detail"] = "dbt project parsed, Dagster loaded"
    with quick_history(), dg.DagsterInstance.get() as instance:
        if count := report_orphans(instance, session.settings):
            session.reporter.note(f"{count} earlier run(s) ended without a word: marked as failed")
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            resources={"session": session},
            tags={WAREHOUSE_TAG: warehouse_tag(session.settings), "chatmart/pid": str(os.getpid())},
        )
        if not result.success and not session.failures:
            session.failures += [
                redact(event.step_failure_data.error.message.split("Stack Trace:")[0])
                for event in result.all_events
                if event.is_step_failure and event.step_failure_data.error
            ]
    return result.success and "publish" in session.stages


@contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Send this process's and its children's output to a file: the terminal stays readable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in sorted(path.parent.glob("*.log"))[: -KEPT_LOGS + 1]:
        old.unlink(missing_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for opened in (descriptor, *saved):
            os.close(opened)
