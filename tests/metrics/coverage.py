"""What no export could tell of a campaign: a number of it is unknown, not 0."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from .exports import Exports, Report
from .messages import public_channel

Frame = pd.DataFrame


@dataclass(frozen=True)
class Untold:
    """Campaigns of which a column can't be told."""

    recipients_read: frozenset[str]
    recipients_replied: frozenset[str]
    recipients_opted_out: frozenset[str]
    clicks_total: frozenset[str]

    def hide(self, mart: Frame) -> None:
        """Make each column NULL where it can't be told."""
        for column in ("recipients_read", "recipients_replied", "recipients_opted_out"):
            self._hide(mart, column)
        if "clicks_total" in mart:
            self._hide(mart, "clicks_total")

    def _hide(self, mart: Frame, column: str) -> None:
        campaigns = getattr(self, column)
        pairs = zip(mart[column], mart["campaign_id"], strict=True)
        mart[column] = [None if campaign in campaigns else value for value, campaign in pairs]
        mart[column] = mart[column].astype(object)


@dataclass(frozen=True)
class Told:
    """Channels of which an export tells what became of a message."""

    deliveries: frozenset[str]
    reads: frozenset[str]


def told(exports: Exports, key: bytes) -> Told:
    """Return the channels with webhooks, and those of which a report names a delivery or read."""
    hooked = _hooked(exports)
    read = {r.channel_id for r in exports.reports if r.read_at}
    delivered = {r.channel_id for r in exports.reports if r.delivered_at}
    return Told(
        frozenset(public_channel(key, c) for c in hooked | read | delivered),
        frozenset(public_channel(key, c) for c in hooked | read),
    )


def _hooked(exports: Exports) -> set[str]:
    return {r.channel_id for part in (exports.statuses, exports.inbound, exports.echoes)
            for r in part}  # fmt: skip


def untold(exports: Exports, clicks: Frame) -> Untold:
    """Return what can't be told of which campaign, by the exports of its channels."""
    channels: dict[str, set[str]] = defaultdict(set)
    for source in (exports.sends, exports.reports):
        for row in source:
            if row.campaign_id and not (isinstance(row, Report) and row.is_inbound):
                channels[row.campaign_id].add(row.channel_id)
    hooked = _hooked(exports)
    replied = {r.channel_id for r in exports.reports if r.is_inbound or r.button_clicked_at}
    read = {r.channel_id for r in exports.reports if r.read_at}
    clicked = {r.channel_id for r in exports.reports if r.link_clicked_at}
    stopped = {r.channel_id for r in exports.reports if r.opted_out_at or r.error_code == "131050"}
    kept_elsewhere = {row.get("channel_id") for row in exports.tables["consent"]}

    def without(told_by: set[str]) -> frozenset[str]:
        return frozenset(c for c, own in channels.items() if not own & told_by)

    linked = {row["campaign_id"] for row in exports.tables["links"] if row.get("campaign_id")}
    linked |= set(clicks["campaign_id"])
    return Untold(
        without(hooked | read),
        without(hooked | replied),
        frozenset() if None in kept_elsewhere else without(hooked | stopped | kept_elsewhere),
        without(clicked) - linked,
    )
