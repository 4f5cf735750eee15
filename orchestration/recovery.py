"""Tell Dagster of runs that ended without a word: a killed process reports nothing.

Such a run would stand as "started" for ever, and with one run at a time allowed it would keep the
nightly schedule from ever starting. Every run of ours is tagged with its warehouse once it holds
that warehouse's writer lock; so whoever holds the lock next knows that no earlier one is alive.
"""

from __future__ import annotations

import hashlib
import time

import dagster as dg

from orchestration.settings import Settings
from orchestration.warehouse import Busy, writer_lock

WAREHOUSE_TAG = "chatmart/warehouse"
UNTAGGED_GRACE_SECONDS = 900
_UNDER_WAY = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_MESSAGE = "The process of this run ended without a word (killed?). The next run takes over."


def warehouse_tag(settings: Settings) -> str:
    """Return the tag's value: tells two warehouses on one instance apart, names no folder."""
    return hashlib.sha256(str(settings.warehouse_dir).encode()).hexdigest()[:16]


def report_orphans(
    instance: dg.DagsterInstance, settings: Settings, *, own_run_id: str | None = None
) -> int:
    """Report dead runs of this warehouse failed and free their slots; return how many.

    The caller holds the writer lock. A run without our tag died before it got the lock, or is
    just starting: it counts as dead after a quarter of an hour.
    """
    count = 0
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNDER_WAY)):
        run = record.dagster_run
        tag = run.tags.get(WAREHOUSE_TAG)
        silent_for = time.time() - record.update_timestamp.timestamp()
        is_dead = (
            tag == warehouse_tag(settings)
            if tag is not None
            else silent_for > UNTAGGED_GRACE_SECONDS
        )
        if run.run_id != own_run_id and is_dead:
            instance.report_run_failed(run, _MESSAGE)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            count += 1
    return count


def report_orphans_if_idle(instance: dg.DagsterInstance, settings: Settings) -> int:
    """Do the same from the daemon, where the lock is free; never disturbs a living run."""
    if not instance.get_run_records(dg.RunsFilter(statuses=_UNDER_WAY), limit=1):
        return 0
    try:
        with writer_lock(settings, "Dagster's clean-up of ended runs"):
            return report_orphans(instance, settings)
    except Busy:
        return 0
