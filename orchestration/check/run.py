"""Check files against the declarations: recognise, read for trial, propose, say."""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from orchestration.check.kpis import OF_SURVEYS, unlocked
from orchestration.check.propose import Proposal, propose
from orchestration.check.shape import Shape, is_personal, read_shape
from orchestration.checks.reference import unreadable_rows_sql
from orchestration.ingest.arrays import first_record
from orchestration.ingest.csv_files import match_header
from orchestration.ingest.discover import MAPPED, Discovery, discover
from orchestration.ingest.files import UnreadableFile
from orchestration.ingest.ledger import LEDGER_DDL
from orchestration.ingest.mapping import SHIPPED_DIR, MappingFile, parse_mapping, plain_header
from orchestration.ingest.run import ingest_stream
from orchestration.settings import Settings
from orchestration.sources import BY_KEY, STREAMS, Stream
from orchestration.sources.declaration import CSV_FILES, JSON_LINES_ALL
from orchestration.sources.surveys import VENDORS
from orchestration.warehouse import connect

MAPPING_NAME = "mapping.yml"
DEFAULT_VENDOR = "other"
_ROWS_SHOWN = 5
# Of the trial only: nothing of it is kept, and the real key is none of its business.
_TRIAL_KEY = "make check keeps nothing of it"


@dataclass(frozen=True)
class Verdict:
    """What `make check` has to say of one file.

    Args:
        path: the file as it was named.
        stream: the declared stream it belongs to, None where nothing fits.
        how: how that was told: `folder`, `header`, `shipped` or `proposal`.
        folder: where it belongs under the raw folder.
        missing: required columns that the file lacks.
        rows: rows that can be loaded; `rejected` those that can't.
        first_at: time of the first record, UTC; None where the stream has none.
        remarks: what the ingest would warn of.
        problem: why it can't be used as it lies there, and the mend; None where it can.
        mapping: the proposed `mapping.yml`; `mapping_path` where it was written, if it was.
        asked: types of survey (nps, csat, …) of its answers; empty for other streams.
        kpis: KPIs that can be computed with it; `kpis_later` those that need other exports too.
    """

    path: str
    stream: str | None = None
    how: str = "folder"
    folder: str = ""
    missing: tuple[str, ...] = ()
    rows: int = 0
    rejected: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    remarks: tuple[str, ...] = ()
    problem: str | None = None
    mapping: str | None = None
    mapping_path: Path | None = None
    asked: frozenset[str] = frozenset()
    kpis: tuple[str, ...] = ()
    kpis_later: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Tell whether the next run would load it as it lies there."""
        return self.problem is None


def check_files(
    settings: Settings,
    paths: Sequence[Path] = (),
    *,
    write: bool = False,
    vendor: str = DEFAULT_VENDOR,
) -> list[Verdict]:
    """Check the files named, else those of the raw folder that the ledger doesn't know.

    Args:
        write: put proposed mappings where the files belong; never over one that is there.
        vendor: folder below `mapped/` for files that lie outside of the raw folder.

    Raises:
        NotADirectoryError: the raw folder doesn't exist.
        FileNotFoundError: a file that was named doesn't exist.
    """
    found = discover(settings)
    known, loaded = _known_to_ledger(settings)
    wanted = _relative_paths(settings, paths)
    inside = {path for path in wanted if path is not None}
    outside = [path for path, inner in zip(_files(paths), wanted, strict=True) if inner is None]
    files = tuple(
        file
        for file in found.files
        if (file.path in inside if paths else (file.folder, file.identity) not in known)
    )
    refused = tuple(r for r in found.refused if not paths or r.path in inside)
    checked = replace(found, files=files, refused=refused)
    verdicts = [_say(settings, verdict, write) for verdict in _trial(settings, checked)]
    for item in refused:
        path = settings.raw_dir / item.path
        if item.reason == "unknown_stream" and path.is_file() and not path.is_symlink():
            verdicts.append(_recognise(settings, path, item.path, write, vendor))
        else:
            verdicts.append(Verdict(item.path, problem=f"{item.reason}: {item.message}"))
    verdicts += [_recognise(settings, path, str(path), write, vendor) for path in outside]
    streams = loaded | {v.stream for v in verdicts if v.stream and v.rows}
    return [_with_kpis(verdict, streams) for verdict in verdicts]


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: check the name")
        inner = sorted(path.rglob("*")) if path.is_dir() else [path]
        files += [
            file
            for file in inner
            if file.is_file() and not file.name.startswith(".") and file.name != MAPPING_NAME
        ]
    return files


def _relative_paths(settings: Settings, paths: Sequence[Path]) -> list[str | None]:
    """Return each file's path below the raw folder, None for those that lie elsewhere."""
    relative: list[str | None] = []
    for file in _files(paths):
        resolved = file.resolve()
        inner = resolved.is_relative_to(settings.raw_dir)
        relative.append(resolved.relative_to(settings.raw_dir).as_posix() if inner else None)
    return relative


def _known_to_ledger(settings: Settings) -> tuple[set[tuple[str, str]], set[str]]:
    """Return what was loaded: (folder, identity) of files, and streams with rows."""
    if not settings.build_path.exists():
        return set(), set()
    try:
        with connect(settings, read_only=True) as con:
            files = con.execute(
                "select folder, file_sha256 || coalesce(':' || mapping_sha256, '') from raw.files "
                "where status in ('loaded', 'duplicate')"
            ).fetchall()
            tables = con.execute(
                "select distinct raw_table from raw.loads "
                "where not is_rejected and not is_removed and rows_loaded > 0"
            ).fetchall()
    except duckdb.Error:
        # A run has it open, or it is of an earlier version: then every file counts as new.
        return set(), set()
    by_table = {stream.raw_table: stream.key for stream in STREAMS}
    streams = {by_table[name] for (name,) in tables if name in by_table}
    return {(folder, identity) for folder, identity in files}, streams


def _trial(settings: Settings, found: Discovery) -> Iterator[Verdict]:
    """Read files by the very ingest, into a working file that is thrown away."""
    if not found.files:
        return
    with TemporaryDirectory(prefix="chatmart-check-") as folder:
        trial = replace(
            settings, warehouse_dir=Path(folder), hmac_key_text=_TRIAL_KEY, hmac_key_file=None
        )
        with connect(trial) as con:
            con.execute(LEDGER_DDL)
            for key in dict.fromkeys(file.stream for file in found.files):
                stream = BY_KEY[key]
                con.execute(stream.ddl())
                report = ingest_stream(con, trial, stream, replace(found, refused=()))
                rows = con.execute(
                    "select path, folder, status, rows_loaded, rows_duplicate, rows_rejected, "
                    "first_event_at, last_event_at, message, load_id from raw.files "
                    "where raw_table = ? "
                    "order by path",
                    [stream.raw_table],
                ).fetchall()
                unreadable, asked = _unreadable_rows(con, stream), _survey_types(con, stream)
                for (
                    path,
                    place,
                    status,
                    loaded,
                    twice,
                    rejected,
                    first,
                    last,
                    message,
                    load,
                ) in rows:
                    remarks = [
                        line.removeprefix(path).removeprefix(": ").removeprefix(", ")
                        for line in report.warnings
                        if line.startswith(path) and status != "rejected"
                    ]
                    remarks += unreadable.get(load, [])
                    if status == "duplicate":
                        remarks.append("the same content lies under another name as well")
                    yield Verdict(
                        path,
                        key,
                        folder=place,
                        rows=loaded + twice,
                        rejected=rejected,
                        first_at=first,
                        last_at=last,
                        remarks=tuple(remarks),
                        asked=asked.get(load, frozenset()),
                        problem=message or _unread_times(stream, loaded, first),
                    )


def _unreadable_rows(con: duckdb.DuckDBPyConnection, stream: Stream) -> dict[int, list[str]]:
    """Return per load which rows of a reference table hold what can't be used, and the mend."""
    sql = unreadable_rows_sql(stream.name) if stream.source == "reference" else ""
    remarks: dict[int, list[str]] = defaultdict(list)
    if sql:
        found = con.execute(
            "select load_id, column_name, mend, list(row_number order by row_number) "
            f"from ({sql}) group by all order by min(row_number), column_name"
        ).fetchall()
        for load, column, mend, rows in found:
            shown = ", ".join(map(str, rows[:_ROWS_SHOWN]))
            more = f" and {len(rows) - _ROWS_SHOWN} more" if len(rows) > _ROWS_SHOWN else ""
            remarks[load].append(
                f"{column} can't be used in row {shown}{more} below the header: {mend}"
            )
    return remarks


def _survey_types(con: duckdb.DuckDBPyConnection, stream: Stream) -> dict[int, frozenset[str]]:
    """Return per load which types of survey its answers are of."""
    if "survey_type" not in {column.name for column in stream.columns}:
        return {}
    found = con.execute(
        "select _load_id, list(distinct lower(survey_type)) "
        f'from raw."{stream.raw_table}" where survey_type is not null group by 1'
    ).fetchall()
    return {load: frozenset(types) for load, types in found}


def _unread_times(stream: Stream, rows: int, first_at: datetime | None) -> str | None:
    """Return a remark where every record must have a time and none could be read."""
    times = [
        c.name for c in stream.columns if c.is_not_null and c.name in (stream.event_time or "")
    ]
    if not rows or first_at is not None or not times:
        return None
    return (
        f"none of the times in {times[0]} can be read: write them as ISO, e.g. 2026-05-01T09:00:00Z"
    )


def _say(settings: Settings, verdict: Verdict, write: bool) -> Verdict:
    """Add a proposal where the columns of a file that lies in a stream's folder don't fit."""
    if verdict.problem is None:
        if verdict.rows == 0:
            return replace(
                verdict, problem="none of its rows can be loaded", remarks=verdict.remarks
            )
        return verdict
    stream = BY_KEY[str(verdict.stream)]
    parts = verdict.folder.split("/")
    if stream.format != "csv" or (parts[0] == MAPPED and "no mapping.yml" not in verdict.problem):
        return replace(verdict, missing=_missing_of(verdict.problem))
    if stream.source != "generic":
        return replace(verdict, missing=_missing_of(verdict.problem))
    path = settings.raw_dir / verdict.path
    vendor = parts[1] if parts[0] == MAPPED else DEFAULT_VENDOR
    proposed = _propose(settings, path, verdict.path, write, vendor, only=stream.name)
    return proposed if proposed.mapping else replace(verdict, missing=_missing_of(verdict.problem))


def _missing_of(problem: str) -> tuple[str, ...]:
    match = re.search(r"required column (.+?) is missing", problem)
    return tuple(match.group(1).split(", ")) if match else ()


def _recognise(settings: Settings, path: Path, name: str, write: bool, vendor: str) -> Verdict:
    """Say what a file is that lies in no stream's folder."""
    lowered = path.name.lower()
    if any(fnmatch(lowered, pattern) for pattern in JSON_LINES_ALL):
        return _recognise_json(settings, path, name)
    if not any(fnmatch(lowered, pattern) for pattern in (*CSV_FILES, "*.tsv", "*.txt")):
        return Verdict(name, problem="it is neither CSV nor JSON lines: export it as one of them")
    try:
        shape = read_shape(path)
    except (UnreadableFile, UnicodeError) as error:
        return Verdict(name, problem=f"{error}")
    if key := _declared(shape):
        verdict = _moved(settings, path, name, key, "header")
        # Our names with times that aren't ours: a mapping says how they are written, where the
        # records have a stream that takes one.
        if not key.startswith(("generic/", "clicks/")) or (
            verdict.rows and not str(verdict.problem).startswith("none of the times")
        ):
            return verdict
    if folder := _shipped(shape):
        return _moved(settings, path, name, folder, "shipped")
    parts = name.split("/")
    if parts[0] == MAPPED and len(parts) > 2:
        vendor = parts[1]
    return _propose(settings, path, name, write, vendor)


def _recognise_json(settings: Settings, path: Path, name: str) -> Verdict:
    try:
        line = json.loads(first_record(path))
    except (ValueError, UnreadableFile):
        return Verdict(name, problem="its first line is no JSON object: one object a line")
    keys = set(line) if isinstance(line, dict) else set()
    marks = (
        ("whatsapp/webhooks", {"entry"}),
        ("whatsapp/webhooks", {"body"}),
        ("whatsapp/sends", {"request", "response"}),
        ("whatsapp/templates", {"components"}),
        ("whatsapp/analytics", {"template_analytics"}),
        ("whatsapp/analytics", {"pricing_analytics"}),
        ("woocommerce/orders", {"line_items", "date_created_gmt"}),
        ("meta_ads/insights", {"date_start", "date_stop"}),
        ("surveys/typeform", {"answers", "submitted_at"}),
        ("surveys/typeform", {"form_response"}),
        ("surveys/typeform", {"items", "total_items"}),
        ("surveys/surveymonkey", {"pages", "collector_id"}),
        ("surveys/delighted", {"survey_type", "score", "person"}),
        ("shopify/orders_bulk", {"__parentId"}),
        ("shopify/orders_bulk", {"id", "totalPriceSet"}),
    )
    for key, needed in marks:
        if key in BY_KEY and needed <= keys:
            return _moved(settings, path, name, key, "header")
    return Verdict(name, problem="no declared stream has such JSON lines: see the README's table")


def _declared(shape: Shape) -> str | None:
    """Return the stream whose own column names the header has, the best covered one."""
    best: tuple[int, str | None] = (1, None)
    for stream in STREAMS:
        takes_csv = stream.format == "csv" or stream.also_csv
        if stream.reader == "survey":
            marks = {plain_header(name) for name in VENDORS[stream.name].marks}
            takes_csv = marks <= {plain_header(name) for name in shape.header}
        if not takes_csv or (shape.delimiter != "," and not stream.is_lenient):
            continue
        try:
            places = match_header(list(shape.header), stream)
        except UnreadableFile:
            continue
        names = {column.name for column in places.values()}
        if all(names & set(group) for group in stream.one_of) and len(places) > best[0]:
            best = len(places), stream.key
    return best[1]


def _shipped(shape: Shape) -> str | None:
    """Return the folder whose shipped mapping names columns of this file, most of them."""
    header = {plain_header(name) for name in shape.header}
    for path in sorted(SHIPPED_DIR.rglob("*.yml")):
        stream = BY_KEY.get(f"generic/{path.stem}")
        if stream is None:
            continue
        mapping = parse_mapping(MappingFile(path.name, path.read_bytes(), ""), stream)
        needed = [
            {plain_header(name) for name in taken.column} for taken in mapping.columns.values()
        ]
        if sum(bool(names & header) for names in needed) > 0.8 * len(needed):
            return f"{MAPPED}/{path.parent.name}/{path.stem}"
    return None


def _moved(settings: Settings, path: Path, name: str, folder: str, how: str) -> Verdict:
    """Read a file for trial as if it lay in the folder where it belongs."""
    with _as_if_in(settings, path, folder) as (trial, found):
        (verdict,) = tuple(_trial(trial, found)) or (Verdict(name, problem="it can't be read"),)
    problem = verdict.problem or f"it lies in no stream's folder: put it into {folder}/"
    return replace(verdict, path=name, how=how, folder=folder, problem=problem)


@contextmanager
def _as_if_in(
    settings: Settings, path: Path, folder: str, mapping: str | None = None
) -> Iterator[tuple[Settings, Discovery]]:
    """Give a raw folder with nothing but a copy of one file in it."""
    with TemporaryDirectory(prefix="chatmart-check-") as scratch:
        root = Path(scratch).resolve()
        target = root / folder / _csv_name(path)
        target.parent.mkdir(parents=True)
        shutil.copyfile(path, target)
        if mapping is not None:
            (target.parent / MAPPING_NAME).write_text(mapping, encoding="utf-8")
        trial = replace(settings, raw_dir=root)
        yield trial, discover(trial)


def _csv_name(path: Path) -> str:
    return path.with_suffix(".csv").name if path.suffix.lower() in (".tsv", ".txt") else path.name


def _propose(
    settings: Settings,
    path: Path,
    name: str,
    write: bool,
    vendor: str,
    *,
    only: str | None = None,
) -> Verdict:
    try:
        shape = read_shape(path)
    except (UnreadableFile, UnicodeError) as error:
        return Verdict(name, problem=str(error))
    if shape.looks_headless:
        return Verdict(
            name, problem="its first line is no header but somebody's data: name the columns there"
        )
    proposal = propose(shape, only)
    if proposal is None:
        return Verdict(
            name,
            problem="it resembles none of our streams: its columns are "
            + ", ".join(masked(header) for header in shape.header),
        )
    folder = f"{MAPPED}/{vendor}/{proposal.stream.name}"
    verdict = Verdict(
        name,
        proposal.stream.key,
        how="proposal",
        folder=folder,
        missing=proposal.missing,
        remarks=proposal.remarks,
        mapping=proposal.text,
    )
    if not proposal.missing:
        verdict = _tried(settings, path, verdict, proposal)
    return _placed(settings, verdict, name, write)


def _tried(settings: Settings, path: Path, verdict: Verdict, proposal: Proposal) -> Verdict:
    with _as_if_in(settings, path, verdict.folder, proposal.text) as (trial, found):
        tried = next(_trial(trial, found), None)
    if tried is None:
        return replace(verdict, problem="it can't be read")
    return replace(
        tried,
        path=verdict.path,
        how=verdict.how,
        folder=verdict.folder,
        mapping=verdict.mapping,
        remarks=(*verdict.remarks, *tried.remarks),
    )


def _placed(settings: Settings, verdict: Verdict, name: str, write: bool) -> Verdict:
    """Write the mapping where it belongs, and say what is left to do."""
    lies_there = name.startswith(f"{verdict.folder}/")
    beside = (settings.raw_dir / name).parent if lies_there else settings.raw_dir / verdict.folder
    target = beside / MAPPING_NAME
    todo = []
    if write and not target.exists():
        beside.mkdir(parents=True, exist_ok=True)
        target.write_text(verdict.mapping or "", encoding="utf-8")
        verdict = replace(verdict, mapping_path=target)
    elif write:
        todo.append(f"{target} is there already and stays as it is: edit it")
    else:
        todo.append(f"save the mapping below as {verdict.folder}/{MAPPING_NAME} (or say --write)")
    if verdict.missing:
        missing = ", ".join(verdict.missing)
        todo.append(
            f"the file says nothing of {missing}: name the column under `columns:`, or a value for "
            "all rows under `constants:`"
        )
    if not lies_there:
        todo.append(f"put the file into {verdict.folder}/")
    reasons = [verdict.problem] if verdict.problem else []
    return replace(verdict, problem="; ".join([*reasons, *todo]) if reasons or todo else None)


def masked(header: str) -> str:
    """Return a header for people, a pattern in its place where it looks like somebody's data."""
    return re.sub(r"[^\W_]", "x", header) if is_personal(header) else header


def _with_kpis(verdict: Verdict, streams: set[str]) -> Verdict:
    if verdict.stream is None:
        return verdict
    now, later = (
        tuple(
            kpi
            for kpi in kpis
            if not verdict.asked or OF_SURVEYS.get(kpi, "") in ("", *verdict.asked)
        )
        for kpis in unlocked(verdict.stream, streams)
    )
    return replace(verdict, kpis=now, kpis_later=later)


__all__ = ["Stream", "Verdict", "check_files", "masked"]
