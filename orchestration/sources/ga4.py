"""Google Analytics 4: sessions by day and UTM."""

from orchestration.sources.declaration import csv_stream

SESSIONS = csv_stream(
    "ga4",
    "sessions",
    "the sessions of one day and UTM",
    ("date", "session_source", "session_medium", "session_campaign"),
    ("sessions", "purchases", "revenue"),
    key=("date", "session_source", "session_medium", "session_campaign"),
    event_time="date",
)

STREAMS = (SESSIONS,)
