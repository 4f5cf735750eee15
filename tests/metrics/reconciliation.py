"""Our side of kpi_reconciliation: what Meta's template_analytics counts, from our own messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from .exports import Exports, json_lines, seconds_since_1970
from .kpis import Frame

METRICS = {
    "sent": "sent_at",
    "delivered": "delivered_at",
    "read": "read_at",
}


def our_template_counts(raw: Path, exports: Exports, messages: Frame) -> Frame:
    """Return source, metric, starts_at, reconciliation_key and our_value of each template's day."""
    ours = messages[messages["direction"].eq("outbound") & messages["has_clock_anomaly"].eq(False)]
    of_template = {
        name: group.sort_values("message_at")
        for name, group in ours.groupby(["template_name", "template_language"])
    }
    name_of = {template_id: name for name, template_id in exports.template_ids.items()}
    rows: dict[tuple[str, datetime, str], float | None] = {}
    for template_id, start, end, counted in _spans(raw):
        name = name_of.get(template_id)
        group = of_template.get(name) if name else None
        part = None if group is None else group[group["message_at"].between(start, end, "left")]
        for metric in counted:
            known = 0 if part is None else int(part[METRICS[metric]].notna().sum())
            rows[metric, start, template_id] = float(known) if name else None
    return pd.DataFrame(
        [("template_analytics", *key, value) for key, value in rows.items()],
        columns=["source", "metric", "starts_at", "reconciliation_key", "our_value"],
    )


def _spans(raw: Path) -> Iterator[tuple[str, datetime, datetime, list[str]]]:
    for record in json_lines(raw / "whatsapp" / "analytics"):
        told: Any = record.get("template_analytics") or record
        for block in told.get("data") or ():
            for point in block.get("data_points") or ():
                start, end = seconds_since_1970(point["start"]), seconds_since_1970(point["end"])
                if "template_id" in point and start and end:
                    counted = [name for name in METRICS if name in point]
                    yield point["template_id"], start, end, counted
