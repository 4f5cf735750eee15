"""Everything Dagster is told: `dagster dev -m orchestration.definitions` (or `make dev`)."""

from __future__ import annotations

import dagster as dg

from orchestration.assets.guard import session_resource
from orchestration.assets.publish import published_warehouse
from orchestration.assets.raw import raw_assets
from orchestration.assets.transform import transform_assets
from orchestration.automation import new_files, nightly, warehouse_job
from orchestration.checks.audit import audit_checks

defs = dg.Definitions(
    assets=[raw_assets, transform_assets, published_warehouse],
    asset_checks=[audit_checks],
    jobs=[warehouse_job],
    schedules=[nightly],
    sensors=[new_files],
    resources={"session": session_resource},
    # One writer: steps run one after the other in one process, under one lock.
    executor=dg.in_process_executor,
)
