"""Who may be written to: every signal, the changes of state, and the list's stock."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from .clock import end_at, local_date
from .contacts import opted_in_in_time
from .exports import Exports
from .kpis import NOBODY, OPTED_OUT, PERIOD, Clock, Frame, Keys, Source, add_rates, period_mart
from .messages import Facts

IN, OUT, DELETED = "opt_in", "opt_out", "deleted"
# Of one moment: the opt-out after the opt-in, the deletion last.
ORDER = {IN: 0, OUT: 1, DELETED: 2}


def signals(exports: Exports, facts: Facts) -> Frame:
    """Return every signal of consent: contact_id, channel_id, event, at."""
    contact_of = facts.people.contact_of
    found: list[tuple[str, str, str, datetime, str]] = []

    def tell(whom: str | None, channel_id: str, event: str, at: datetime, source: str) -> None:
        if whom not in facts.internal:
            found.append((whom or "unknown", channel_id, event, at, source))

    for row in exports.preferences:
        if row.value in ("stop", "resume") and row not in facts.webhooks.anomalies:
            event = OUT if row.value == "stop" else IN
            tell(contact_of(row.who), row.channel_id, event, row.at, "user_preferences")
    for named in exports.named:
        if named.stream == "consent" and named not in facts.anomalies:
            told = exports.tables["consent"][named.place]
            event = told["event"].strip().lower()
            if event in (IN, OUT):
                tell(
                    contact_of(exports.identifiers[named]),
                    told.get("channel_id") or "unknown",
                    event,
                    named.at,
                    told.get("source") or "unknown",
                )
    for message in facts.messages:
        if message.has_clock_anomaly:
            continue
        who, channel_id = message.contact_id, message.channel_id
        if message.is_stop_word or message.is_start_word:
            event = OUT if message.is_stop_word else IN
            tell(who, channel_id, event, message.message_at, "stop_word")
        if message.opted_out_at:
            tell(who, channel_id, OUT, message.opted_out_at, "message_report")
        for at, code in message.failures:
            if code == OPTED_OUT:
                tell(who, channel_id, OUT, at, "error_131050")
    columns = ["contact_id", "channel_id", "event", "at", "source"]
    return pd.DataFrame(found, columns=columns).drop_duplicates()


def on_every_channel(told: Frame, channels: set[str]) -> Frame:
    """Let a consent that names no channel hold on each."""
    whole = told[told["channel_id"].eq("unknown")]
    spread = [whole.assign(channel_id=channel) for channel in sorted(channels - {"unknown"})]
    return pd.concat([told[told["channel_id"].ne("unknown")], *spread], ignore_index=True)


def deletions(exports: Exports, facts: Facts) -> dict[str, list[datetime]]:
    """Return when contacts were deleted."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for named in exports.named:
        if named.stream != "contact_events" or named in facts.anomalies:
            continue
        event = exports.tables["contact_events"][named.place]["event"].lower()
        contact_id = facts.people.contact_of(exports.identifiers[named])
        if event == DELETED and contact_id:
            found[contact_id].append(named.at)
    return found


def changes(told: Frame, deleted: dict[str, list[datetime]]) -> Frame:
    """Return the changes of state: contact_id, channel_id, event, at, was_in, was_known."""
    rows: list[tuple[Any, ...]] = []
    told = told[~told["contact_id"].isin(NOBODY)]
    whom: Any
    for whom, group in told.groupby(["contact_id", "channel_id"]):
        contact_id, channel_id = whom
        events = [(at, event) for at, event in zip(group["at"], group["event"], strict=True)]
        events += [(at, DELETED) for at in deleted.get(contact_id, [])]
        state = None
        for at, event in sorted(events, key=lambda one: (one[0], ORDER[one[1]])):
            if event == DELETED:
                if state == IN:
                    rows.append((contact_id, channel_id, event, at, True))
                state = None
            elif event != state:
                rows.append((contact_id, channel_id, event, at, state == IN))
                state = event
    return pd.DataFrame(rows, columns=["contact_id", "channel_id", "event", "at", "was_in"])


def opt_out_times(changed: Frame) -> dict[Keys, list[datetime]]:
    """Return when contacts left a channel."""
    found: dict[Keys, list[datetime]] = defaultdict(list)
    out = changed[changed["event"].eq(OUT)]
    for contact_id, channel_id, at in out[["contact_id", "channel_id", "at"]].itertuples(
        index=False
    ):
        found[contact_id, channel_id].append(at.to_pydatetime())
    return found


def kpi_consent(
    changed: Frame, told: Frame, people: Frame, messages: Frame, sent: Frame, clock: Clock
) -> Frame:
    """Return the list's flow and stock per channel."""
    rows = changed.assign(
        message_on=[local_date(at.to_pydatetime(), clock.zone) for at in changed["at"]],
        is_in=changed["event"].eq(IN).astype("int64"),
        is_out=(changed["event"].eq(OUT) & changed["was_in"]).astype("int64"),
        is_out_unknown=(changed["event"].eq(OUT) & ~changed["was_in"]).astype("int64"),
        is_deleted=changed["event"].eq(DELETED).astype("int64"),
    )
    after = marketing_after_opt_out(told, sent)
    heard = told[["channel_id"]].assign(
        message_on=[local_date(at.to_pydatetime(), clock.zone) for at in told["at"]], nothing=0
    )
    mart = period_mart(
        clock,
        timedelta(days=clock.settings["opt_in_window_days"]),
        ["channel_id"],
        Source(
            rows,
            {
                "opt_ins": ("is_in", "sum"),
                "opt_outs": ("is_out", "sum"),
                "opt_outs_unknown": ("is_out_unknown", "sum"),
                "contacts_deleted_opted_in": ("is_deleted", "sum"),
            },
        ),
        Source(
            after[after["is_after"].eq(1)],
            {"marketing_messages_after_opt_out": ("is_after", "sum")},
        ),
        Source(
            opted_in_in_time(people, told, messages, clock),
            {
                "contacts_created": ("is_created", "sum"),
                "contacts_opted_in_within_window": ("is_opted_in", "sum"),
            },
        ),
        Source(heard, {"nothing": ("nothing", "sum")}),
    )
    mart["net_list_growth"] = mart["opt_ins"] - mart["opt_outs"] - mart["contacts_deleted_opted_in"]
    moves = rows.assign(move=rows["is_in"] - rows["is_out"] - rows["is_deleted"])
    by_channel = {
        channel: group[["at", "move"]].sort_values("at").to_numpy().tolist()
        for channel, group in moves.groupby("channel_id")
    }
    ends = [
        end_at(start, grain, clock.zone)
        for grain, start in zip(mart["period_grain"], mart["period_start_on"], strict=True)
    ]
    mart["opted_in_contacts"] = [
        sum(move for at, move in by_channel.get(channel, []) if at < end)
        for channel, end in zip(mart["channel_id"], ends, strict=True)
    ]
    mart["opted_in_contacts_at_start"] = mart["opted_in_contacts"] - mart["net_list_growth"]
    mart["basis"] = mart["opted_in_contacts_at_start"] + mart["opt_ins"]
    add_rates(
        mart,
        {
            "list_opt_out_rate": ("opt_outs", "basis"),
            "opt_in_rate": ("contacts_opted_in_within_window", "contacts_created"),
        },
    )
    return mart.sort_values([*PERIOD, "channel_id"])


def marketing_after_opt_out(told: Frame, sent: Frame) -> Frame:
    """Return marketing messages with is_after: to somebody who is out on that channel."""
    states: dict[Keys, list[tuple[datetime, bool]]] = defaultdict(list)
    in_order = told.assign(rank=told["event"].map(ORDER)).sort_values(["at", "rank"])
    for contact_id, channel_id, event, at in in_order[
        ["contact_id", "channel_id", "event", "at"]
    ].itertuples(index=False):
        states[contact_id, channel_id].append((at.to_pydatetime(), event == OUT))
    rows = sent[sent["category"].isin(["marketing", "marketing_lite"])]
    is_after = [
        next((out for t, out in reversed(states.get((who, channel), [])) if t < at), False)
        for who, channel, at in rows[["contact_id", "channel_id", "message_at"]].itertuples(
            index=False
        )
    ]
    return rows.assign(is_after=pd.Series(is_after, rows.index).astype("int64"))
