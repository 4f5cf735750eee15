"""Runs the SQL beside it and writes the exports. Python loops over days, never over rows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
from scipy import special

from orchestration.warehouse import memory

from .settings import CLV_PROCESS, EXPORT_DAYS, DemoSettings, DemoSummary

Progress = Callable[[str, int, int], None]

SQL = Path(__file__).parent / "sql"
# How exports of other systems are read: laid beside them, by stream.
MAPPINGS = Path(__file__).parent / "mappings"
SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"

# Share of a day's chats that begin in each local hour, 0 to 23; adds up to 100.
HOUR_WEIGHTS = [1, 0, 0, 0, 0, 1, 2, 3, 5, 7, 8, 8, 7, 6, 6, 7, 7, 6, 6, 7, 6, 4, 2, 1]

# Text as it is: a CSV writer without quotes and with a delimiter that no line holds.
RAW_TEXT = "format csv, header false, quote '', escape '', delimiter '\x01'"

STAGES = [
    "world",
    "plan",
    "inbound",
    "inbox",
    "messages",
    "clicks",
    "people",
    "orders",
    "respond",
    "surveys",
    "dumps",
    "truth",
    "truth_campaigns",
    "truth_orders",
    "connectly",
    "truth_service",
    "webhooks",
]

# Written day by day.
LOGS = ("whatsapp/webhooks", "whatsapp/sends")

# Places of a distribution that a draw can fall on, each as likely as any other.
QUANTILES = 1000


def generate(
    out: Path,
    settings: DemoSettings,
    truth: Path | None = None,
    progress: Progress | None = None,
    only: Collection[str] | None = None,
) -> DemoSummary:
    """Write demo exports below `out` (`<source>/<stream>/…`), the truth to a DuckDB file.

    Files of the same name are replaced, others stay. `truth` gets the schema `truth`
    (contacts, messages, message_costs, kpi_messaging_months, kpi_costs_months,
    active_contacts, preferences; campaigns, campaign_messages, campaign_recipients, kpi_campaigns,
    clicks, consent_events, kpi_consent_months, leads, leads_by_source, template_days; orders,
    customers, kpi_orders_months, checkouts, ad_spend_days, campaign_lift, clv_process;
    conversations, responses, conversation_events, respond_messages, agents, survey_responses,
    kpi_csat_months, kpi_nps_months).
    `only`: streams to write, e.g. `campaigns/audience`; the truth is that of all.
    Raises FileExistsError when `truth` exists.
    """
    started = time.monotonic()
    report = progress or (lambda stage, done, total: None)
    if truth is not None and truth.exists():
        raise FileExistsError(f"{truth} exists: the truth is written once, choose another name")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chatmart-demo-") as scratch, memory() as work:
        _configure(work, settings, Path(scratch))
        for number, stage in enumerate(STAGES):
            report(f"drawing: {stage}", number, len(STAGES))
            work.execute(_sql(stage))
        if truth is not None:
            report("writing the truth", len(STAGES), len(STAGES))
            _keep_truth(work, truth)
        writer = _Writer(work, out, settings.compress, only)
        for number in range(settings.days if writer.wants(*LOGS) else 0):
            day = settings.start_on + timedelta(days=number)
            report(f"writing {day}", number, settings.days)
            _write_day(work, writer, day)
        report("writing reference", settings.days, settings.days)
        _write_reference(work, writer, settings)
        _write_exports(work, writer, settings)
        counted = work.execute(
            "select count(*) filter (where direction = 'outbound'), "
            "count(*) filter (where direction = 'inbound') from truth.messages"
        ).fetchone()
        # The scratch file goes with its folder; it must not be the database in use then.
        work.execute("use memory")
        work.execute("detach work")
    assert counted is not None
    return DemoSummary(
        messages_outbound=counted[0],
        messages_inbound=counted[1],
        webhook_lines=writer.lines["whatsapp/webhooks"],
        send_lines=writer.lines["whatsapp/sends"],
        files=writer.files,
        bytes=writer.bytes,
        seconds=time.monotonic() - started,
    )


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def _configure(work: duckdb.DuckDBPyConnection, settings: DemoSettings, scratch: Path) -> None:
    """Settings of the connection, and the parameters of the SQL as macros."""
    work.execute(f"set memory_limit = '{settings.memory_limit}'")
    work.execute(f"set temp_directory = '{scratch}/spill'")
    # Everything drawn lives in a file: a set of millions doesn't fit in memory.
    work.execute(f"attach '{scratch}/work.duckdb' as work")
    work.execute("use work")
    work.execute("set enable_progress_bar = false")
    if settings.threads is not None:
        work.execute(f"set threads = {settings.threads}")
    start = settings.start_on
    # About six statuses to a batch: the batches of a ten-minute bucket grow in number, not size.
    parts = max(1, round(settings.per_day * 3 / 144 / 6))
    hours = [hour for hour, weight in enumerate(HOUR_WEIGHTS) for _ in range(weight)]
    values = {
        "seed_value": str(settings.seed),
        "contacts_total": str(settings.contacts),
        "days_total": str(settings.days),
        "per_day": f"{settings.per_day}::double",
        "start_at": f"timestamp '{start}'",
        "end_at": f"timestamp '{settings.end_on + timedelta(days=1)}'",
        "silent_at": f"timestamp '{start + timedelta(days=settings.silent_after_days)}'",
        "number_changed_at": f"timestamp '{start + timedelta(days=45)} 10:30:00'",
        "batch_parts": str(parts),
        "joint_parts": str(max(1, round(settings.per_day * 3 / 24 / 12))),
        "hour_curve": str(hours),
        "export_days": str(EXPORT_DAYS),
        # Exports other than logs are made now and then: what is newer is in none.
        "exported_until": f"timestamp '{settings.exported_until}'",
        **_processes(),
    }
    for name, value in values.items():
        work.execute(f"create macro {name}() as {value}")
    seeds = SEEDS.as_posix().replace("'", "''")
    work.execute(f"create macro seed_file(name) as '{seeds}/' || name || '.csv'")


def _processes() -> dict[str, str]:
    """Parameters of what people buy, and the quantiles that SQL can't compute, as SQL."""
    process = CLV_PROCESS
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    quantiles = {
        "purchase_rate": special.gammaincinv(process["r"], places) / process["alpha"],
        "dropout": special.betaincinv(process["a"], process["b"], places),
        "spend": special.gammaincinv(process["p"], places),
        "spend_scale": special.gammaincinv(process["q"], places) / process["v"],
    }
    # Fewer digits than a double has: another version's last bit must not show.
    texts = {
        f"{name}_quantiles": f"[{', '.join(f'{value:.9e}' for value in values)}]"
        for name, values in quantiles.items()
    }
    parameters = ", ".join(f"'{name}': {value}::double" for name, value in process.items())
    return texts | {"clv_parameters": f"{{{parameters}}}"}


def _keep_truth(work: duckdb.DuckDBPyConnection, truth: Path) -> None:
    truth.parent.mkdir(parents=True, exist_ok=True)
    target = truth.as_posix().replace("'", "''")
    work.execute(f"attach '{target}' as kept")
    work.execute("create schema kept.truth")
    tables = work.execute(
        "select table_name from duckdb_tables() where schema_name = 'truth' "
        "and database_name = 'work' order by table_name"
    ).fetchall()
    for (table,) in tables:
        work.execute(f"create table kept.truth.{table} as from truth.{table}")
    work.execute("detach kept")


class _Writer:
    """Writes query results as files below one folder and counts them."""

    def __init__(
        self,
        work: duckdb.DuckDBPyConnection,
        out: Path,
        compress: bool,
        only: Collection[str] | None,
    ) -> None:
        self._work = work
        self._out = out
        self._compress = compress
        self._only = only
        self.lines: dict[str, int] = {"whatsapp/webhooks": 0, "whatsapp/sends": 0}
        self.files = 0
        self.bytes = 0

    def wants(self, *streams: str) -> bool:
        """Whether any of the streams is to be written."""
        return self._only is None or not set(streams).isdisjoint(self._only)

    def write(self, stream: str, name: str, query: str, head: str = "") -> None:
        """One text column to one file; no file when there is no row. `head`: a first line."""
        if not self.wants(stream):
            return
        compressed = self._compress and name.endswith(".jsonl")
        path = self._out / stream / (name + (".gz" if compressed else ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        options = RAW_TEXT + (", compression gzip" if compressed else "")
        target = path.as_posix().replace("'", "''")
        result = self._work.execute(f"copy ({query}) to '{target}' ({options})").fetchone()
        rows = int(result[0]) if result else 0
        if rows == 0:
            path.unlink(missing_ok=True)
            return
        if head:
            path.write_text(head + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
        self.lines[stream] = self.lines.get(stream, 0) + rows
        self.files += 1
        self.bytes += path.stat().st_size

    def place(self, stream: str, file: Path) -> None:
        """Copy a file as it is into a stream's folder."""
        if not self.wants(stream):
            return
        path = self._out / stream / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read_bytes())
        self.files += 1
        self.bytes += path.stat().st_size


def _write_day(work: duckdb.DuckDBPyConnection, writer: _Writer, day: date) -> None:
    work.execute(f"create or replace macro the_day() as timestamp '{day}'")
    work.execute(_sql("webhooks_day"))
    writer.write(
        "whatsapp/webhooks",
        f"webhooks-{day}.jsonl",
        "select line from webhook_lines order by arrival, env_key",
    )
    work.execute(_sql("sends_day"))
    writer.write(
        "whatsapp/sends",
        f"sends-{day}.jsonl",
        "select line from send_lines order by occurred_at, id",
    )


def _write_reference(
    work: duckdb.DuckDBPyConnection, writer: _Writer, settings: DemoSettings
) -> None:
    work.execute(_sql("reference"))
    heads = dict(work.execute("select name, head from file_heads").fetchall())
    for stream, name in [
        ("whatsapp/templates", "templates.jsonl"),
        ("reference/channels", "channels.csv"),
        ("reference/internal_contacts", "internal_contacts.csv"),
        ("reference/business_hours", "business_hours.csv"),
        ("reference/holidays", "holidays.csv"),
        ("reference/sla_targets", "sla_targets.csv"),
        ("reference/feedback_topics", "feedback_topics.csv"),
    ]:
        writer.write(
            stream,
            name,
            f"select line from file_lines where name = '{name}' order by position",
            heads.get(name, ""),
        )


def _write_exports(
    work: duckdb.DuckDBPyConnection, writer: _Writer, settings: DemoSettings
) -> None:
    """Write what is exported now and then, each file named by the last day it covers."""
    work.execute(_sql("exports"))
    work.execute(_sql("shops"))
    work.execute(_sql("dump_lines"))
    work.execute(_sql("survey_lines"))
    heads = work.execute("select stream, head from export_heads order by stream").fetchall()
    if settings.exports:
        for path in sorted(MAPPINGS.rglob("*.yml")):
            writer.place(path.relative_to(MAPPINGS).parent.as_posix(), path)
    for number in range(settings.exports):
        last_day = settings.start_on + timedelta(days=(number + 1) * EXPORT_DAYS - 1)
        for stream, head in heads:
            writer.write(
                stream,
                f"{stream.split('/')[-1]}-{last_day}.csv",
                f"select line from export_lines where stream = '{stream}' "
                f"and export_no = {number} order by position",
                head,
            )
        writer.write(
            "whatsapp/analytics",
            f"analytics-{last_day}.jsonl",
            f"select line from analytics_lines where export_no = {number} order by position",
        )
        for stream, ending, table, order in [
            ("shopify/orders_bulk", "jsonl", "bulk_lines", "position"),
            ("woocommerce/orders", "json", "woocommerce_lines", "export_no"),
            ("meta_ads/insights", "jsonl", "insights_lines", "position"),
        ]:
            writer.write(
                stream,
                f"{stream.split('/')[-1]}-{last_day}.{ending}",
                f"select line from {table} where export_no = {number} order by {order}",
            )
