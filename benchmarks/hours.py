"""Business seconds of 200,000 spans: from the hours as they are written to a number per span.

The models' own SQL runs, spine and lookups both: five years of spans in three zones with changes of
clock, split shifts, nights and holidays. That the numbers are right is for the tests.
"""

from __future__ import annotations

from benchmarks.measure import CORES, MEMORY_LIMIT, Cost, measured, run_apart
from benchmarks.models import sql_of
from benchmarks.report import Check, Report, megabytes, seconds

ZONES = ("Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata")
SECONDS_LIMIT = 2.0
SPINE = (
    "stg_reference__business_hours",
    "stg_reference__holidays",
    "int_channel_schedules",
    "int_business_intervals",
)
INPUTS = """
create table reference_business_hours as
select 'week' as schedule_id, cast(day as varchar) as iso_day_of_week, opens_at, closes_at
from range(1, 6) as days (day)
cross join (values ('09:00', '12:30'), ('13:30', '18:00')) as shifts (opens_at, closes_at)
union all
select 'night', cast(day as varchar), '22:00', '06:00'
from range(1, 8) as days (day);

create table reference_holidays as
select schedule_id, cast(year as varchar) || '-12-25' as holiday_on
from (values ('week'), ('night')) as schedules (schedule_id)
cross join range(1971, 2027) as years (year);

create table int_channels as
select zone || ' ' || schedule_id as channel_id, zone as timezone, schedule_id
from (select unnest({zones}) as zone)
cross join (values ('week'), ('night')) as schedules (schedule_id);

create table int_watermarks as
select 'messages' as subject, timestamp '2026-11-01' as watermark_at;

create table fct_conversations as
select
    cast(number as varchar) as conversation_cycle_id,
    channels.channel_id
from range({spans}) as numbers (number)
inner join (select channel_id, row_number() over () - 1 as place from int_channels) as channels
    on number % {channels} = channels.place;

create table int_conversation_turns as
select
    cast(number as varchar) as turn_id,
    cast(number as varchar) as conversation_cycle_id,
    'none' as contact_id,
    timestamp '2021-11-01' + to_seconds(hash(number) % 150000000) as started_at,
    1 as messages_received,
    started_at + to_seconds(hash(number * 7) % 500000) as first_reply_at,
    first_reply_at as first_human_reply_at,
    'none' as responder_agent_id,
    false as has_clock_anomaly
from range({spans}) as numbers (number);
"""


def count(spans: int) -> Cost:
    """Count the business seconds of drawn spans; runs in a process of its own."""
    import duckdb

    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "threads": CORES}) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(INPUTS.format(zones=list(ZONES), spans=spans, channels=2 * len(ZONES)))
        with measured() as cost:
            for model in SPINE:
                con.execute(f"create table {model} as {sql_of(model)}")
            with measured() as lookups:
                con.execute(f"create table fct_responses as {sql_of('fct_responses')}")
        [(intervals,)] = con.execute("select count(*) from int_business_intervals").fetchall()
        [(counted,)] = con.execute(
            "select count(response_business_seconds) from fct_responses"
        ).fetchall()
    cost.notes = {"intervals": intervals, "counted": counted, "lookups": lookups.wall}
    return cost


def run(report: Report, *, spans: int, rounds: int) -> None:
    """Measure and report."""
    best: Cost | None = None
    for _ in range(rounds):
        best = run_apart("hours:count", spans=spans).better(best)
    assert best is not None and best.notes["counted"] == spans, best
    report.heading(f"Business seconds of {spans:,} spans")
    report.table(
        ["intervals of the spine", "wall", "of it lookups", "CPU", "peak memory"],
        [
            [
                f"{best.notes['intervals']:,}",
                seconds(best.wall),
                seconds(best.notes["lookups"]),
                seconds(best.cpu),
                megabytes(best.peak_rss),
            ]
        ],
    )
    report.check(Check("business seconds, seconds", best.wall, SECONDS_LIMIT))
