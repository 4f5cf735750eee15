"""When the warehouse is built by itself: every night, and when new files lie there.

Both launch the very job of `make run`. They tick while `make dev` (or a Dagster daemon) is up.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from stat import S_ISDIR

import dagster as dg

from orchestration.ingest.discover import UNFINISHED_SUFFIXES, discover
from orchestration.publish import read_publication
from orchestration.recovery import report_orphans_if_idle
from orchestration.settings import Settings, load_settings

SENSOR_INTERVAL_SECONDS = 60

warehouse_job = dg.define_asset_job(
    "warehouse",
    selection=dg.AssetSelection.all(),
    description="Raw exports in, audited and published file out: `make run`, the nightly "
    "schedule and the new-file sensor launch this one job.",
    executor_def=dg.in_process_executor,
)


@dg.schedule(
    name="nightly",
    job=warehouse_job,
    cron_schedule=load_settings().nightly_cron,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Builds every night, with new files or without.",
)
def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Free what a killed run still claims, then build."""
    report_orphans_if_idle(context.instance, load_settings())
    at = context.scheduled_execution_time or datetime.now(UTC)
    return dg.RunRequest(run_key=f"nightly {at:%Y-%m-%d %H:%M}")


@dg.sensor(
    name="new_files",
    job=warehouse_job,
    minimum_interval_seconds=SENSOR_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds when the raw folder has come to rest and holds other files than the "
    "published file was made of.",
)
def new_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Hash the files only when names, sizes or times changed and then stayed for one tick."""
    settings = load_settings()
    seen = _glance(settings)
    before = json.loads(context.cursor) if context.cursor else {}
    context.update_cursor(json.dumps({"seen": seen, "done": before.get("done")}))
    if seen == before.get("done"):
        return dg.SkipReason("nothing has changed in the raw folder")
    if seen != before.get("seen"):
        return dg.SkipReason("files are changing: waiting until they rest")
    report_orphans_if_idle(context.instance, settings)
    if _is_busy(context.instance):
        return dg.SkipReason("a run is under way")
    context.update_cursor(json.dumps({"seen": seen, "done": seen}))
    ledger_hash = discover(settings).ledger_hash()
    published = read_publication(settings)
    if published is not None and published.ledger_hash == ledger_hash:
        return dg.SkipReason("the published file was made of exactly these files")
    return dg.RunRequest(run_key=ledger_hash)


def _glance(settings: Settings) -> str:
    """Return a hash of names, sizes and times: cheap, and never the verdict."""
    digest = hashlib.sha256()
    for line in sorted(_stat_lines(settings)):
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _stat_lines(settings: Settings) -> Iterator[str]:
    if not settings.raw_dir.is_dir():
        return
    for path in settings.raw_dir.rglob("*"):
        if path.name.startswith(".") or path.name.endswith(UNFINISHED_SUFFIXES):
            continue
        stat = path.lstat()
        if not S_ISDIR(stat.st_mode):
            yield f"{path}\t{stat.st_size}\t{stat.st_mtime_ns}\n"


def _is_busy(instance: dg.DagsterInstance) -> bool:
    statuses = [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ]
    return bool(instance.get_run_records(dg.RunsFilter(statuses=statuses), limit=1))
