"""What is odd of opening hours and targets: a name that fits nothing leaves a KPI empty."""

from __future__ import annotations

from orchestration.checks.declaration import Check

WARNINGS = (
    Check(
        name="every_schedule_has_opening_hours",
        table="marts.dim_channels",
        keys=("schedule_id",),
        # Who loads no opening hours at all does without business seconds.
        sql="select schedule_id from (select schedule_id from marts.dim_channels union "
        "select schedule_id from staging.stg_reference__holidays) as named "
        "where schedule_id is not null and exists (from raw.reference_business_hours) "
        "and schedule_id not in (select schedule_id from staging.stg_reference__business_hours)",
        description="each schedule_id of reference/channels and reference/holidays stands in "
        "reference/business_hours",
        severity="warning",
        advice="Add its hours there, or mend the name: its channels have no business seconds",
    ),
    Check(
        name="every_target_is_of_a_channel_that_is_there",
        table="marts.dim_channels",
        # The last four characters, as dim_channels names a channel: it may be a number.
        keys=("ends_with",),
        sql="select right(native_channel_id, 4) as ends_with "
        "from staging.stg_reference__sla_targets where native_channel_id is not null "
        "and native_channel_id not in "
        "(select native_channel_id from intermediate.int_channels)",
        description="each channel_id of reference/sla_targets is one that some export names",
        severity="warning",
        advice="Write it as the exports do: the target is left out",
    ),
)
