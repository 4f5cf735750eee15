"""Consent kept elsewhere: opt-ins of a shop, a form, a till."""

from orchestration.sources.declaration import Identifier, csv_stream

EVENTS = csv_stream(
    "consent",
    "events",
    "an opt-in or opt-out",
    ("event", "occurred_at"),
    ("channel_id", "source"),
    key=("event", "occurred_at", "channel_id"),
    person="required",
    event_time="occurred_at",
    identifiers=(Identifier(kind="channel", column="channel_id"),),
)

STREAMS = (EVENTS,)
