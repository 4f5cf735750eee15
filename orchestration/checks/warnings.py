"""What is off in the world, not in our arithmetic: published with the data, never in its way.

A read status without a message or a send is no warning: reads without the rest are normal.
"""

from __future__ import annotations

from typing import Any

from orchestration.checks import ads, campaigns, hours, orders, parity, reference, service
from orchestration.checks.declaration import Check
from orchestration.settings import Settings
from orchestration.sources import STREAMS

DEFAULT_REJECT_SHARE = 0.01
DEFAULT_OVERLAP_SHARE = 0.01


def warnings(settings: Settings) -> tuple[Check, ...]:
    """Return the warning-level checks, with the thresholds of the settings."""
    return (
        _rejected_lines(settings.vars.get("reject_share_warning", DEFAULT_REJECT_SHARE)),
        Check(
            name="every_file_was_read",
            table="meta.loads",
            keys=("source", "stream", "path_key"),
            sql="select source, stream, path_key from raw.files where status = 'rejected'",
            description="no file was rejected whole",
            severity="warning",
            advice="The terminal and raw.files of build.duckdb name the file and the mend",
        ),
        Check(
            name="every_billable_message_has_a_price",
            table="marts.fct_messages",
            keys=("message_id",),
            sql="select message_id from marts.fct_messages where direction = 'outbound' "
            "and delivered_at is not null and is_billable and cost_amount is null",
            description="each delivered, billable message has a cost in the reporting currency",
            severity="warning",
            advice="Add the missing market, category or currency to reference/rate_card or "
            "reference/fx_rates",
        ),
        Check(
            name="nobody_gets_marketing_after_opting_out",
            table="marts.kpi_consent",
            keys=("period_start_on", "channel_id"),
            sql="select period_start_on, channel_id from marts.kpi_consent "
            "where period_grain = 'day' and marketing_messages_after_opt_out > 0",
            description="no marketing message to a contact whose last word was an opt-out",
            severity="warning",
            advice="Take opted-out contacts (is_opted_in is false in dim_contacts) off every "
            "campaign's list",
        ),
        Check(
            name="leads_go_on_after_they_began",
            table="marts.fct_leads",
            keys=("lead_id",),
            sql="select lead_id from marts.fct_leads where not has_clock_anomaly "
            "and least(qualified_at, won_at, lost_at) < created_at",
            description="no lead is qualified, won or lost before it was created",
            severity="warning",
            advice="Look the dates up where the lead comes from; they count as they are",
        ),
        Check(
            name="every_type_is_known",
            table="meta.unknown_values",
            keys=("what", "name"),
            sql="select what, name from meta.unknown_values",
            description="no field, message type or status that we have never heard of",
            severity="warning",
            advice="They are kept and counted; meta.unknown_values lists them",
        ),
        _overlapping_reports(settings.vars.get("overlap_share_warning", DEFAULT_OVERLAP_SHARE)),
        *campaigns.WARNINGS,
        *orders.WARNINGS,
        *ads.WARNINGS,
        *hours.WARNINGS,
        *reference.WARNINGS,
        *parity.WARNINGS,
        *service.WARNINGS,
        Check(
            name="our_figures_agree_with_metas",
            table="marts.kpi_reconciliation",
            keys=("source", "metric", "period_start_on", "reconciliation_key"),
            sql="select source, metric, period_start_on, reconciliation_key "
            "from marts.kpi_reconciliation where not is_within_tolerance",
            description="what Meta's analytics count and what our exports hold are close",
            severity="warning",
            advice="Look for a day of webhooks or sends that was not exported; the tolerance is "
            "reconciliation_tolerance_rate and reconciliation_tolerance_absolute",
        ),
        Check(
            name="every_time_zone_is_known",
            table="marts.dim_channels",
            keys=("channel_id",),
            sql="select channel_id from intermediate.int_channels as channels "
            "join staging.stg_reference__channels as reference "
            "on channels.native_channel_id = reference.native_channel_id "
            "where reference.timezone <> channels.timezone",
            description="each time zone of reference/channels is an IANA name",
            severity="warning",
            advice="Write it like Europe/Berlin; until then the channel has reporting_timezone",
        ),
        _stale_sources(),
    )


def _rejected_lines(share: Any) -> Check:
    return Check(
        name="few_lines_are_rejected",
        table="meta.loads",
        keys=("source", "stream", "path_key"),
        sql="select source, stream, path_key from raw.files where status = 'loaded' "
        # Totals below a report are no lines that anybody misses.
        "and rows_rejected - (select count(*) from raw.rejects where rejects.load_id = "
        "files.load_id and rejects.reason = 'totals_row') "
        f"> {float(share)!r} * rows_read",
        description=f"at most {float(share):.1%} of a file's lines are rejected",
        severity="warning",
        advice="meta.rejects counts them by reason, raw.rejects of build.duckdb shows the lines",
    )


def _overlapping_reports(share: Any) -> Check:
    keys = ("source", "other_source", "channel_id", "period_start_on")
    return Check(
        name="reports_tell_of_messages_that_no_other_source_has",
        table="marts.fct_messages",
        keys=keys,
        sql=f"select {', '.join(keys)} from intermediate.int_report_overlaps "
        f"where messages_told_twice > {float(share)!r} * messages_reported",
        description="of a report whose ids are no wamids, another source tells of at most "
        f"{float(share):.1%} of a channel's messages of a month too",
        severity="warning",
        advice="Each of them counts twice. Keep of the two exports one for that channel and month, "
        "or name the report's column of wamids as message_id in its mapping.yml",
    )


def _stale_sources() -> Check:
    """Compare streams with each other, never with the wall clock: old exports stay good."""
    allowed = ", ".join(
        f"('{stream.source}', '{stream.name}', {stream.freshness_hours})"
        for stream in STREAMS
        if stream.freshness_hours is not None
    )
    return Check(
        name="no_source_has_gone_stale",
        table="meta.watermarks",
        keys=("source", "stream"),
        sql=f"""
with allowed (source, stream, hours) as (values {allowed}),
newest as (
    select source, stream, max(watermark_at) as watermark_at
    from meta.watermarks where source is not null and stream is not null group by all
)
select source, stream
from newest join allowed using (source, stream)
where watermark_at < (select max(watermark_at) from newest) - to_hours(hours)
""",
        description="streams end together, within the hours their declaration allows",
        severity="warning",
        advice="Export the late stream again: KPIs that need it end where it ends",
    )
