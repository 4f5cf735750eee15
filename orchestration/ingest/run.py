"""Load what is new of each stream: plan against the ledger, read, count, register."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.ingest import damage
from orchestration.ingest.arrays import Form, is_array, json_form
from orchestration.ingest.csv_files import CsvFile, insert_csv, read_csv
from orchestration.ingest.discover import Discovery, FoundFile, Refused, discover
from orchestration.ingest.fields import json_lines_sql, rows_sql
from orchestration.ingest.files import (
    UnreadableFile,
    changed,
    corrupt,
    count_blank_lines,
    count_lines,
    first_line,
)
from orchestration.ingest.identifiers import key_id, keyed_hash, register, set_key
from orchestration.ingest.ledger import LEDGER_DDL, highest_load_id, read_state, write_state
from orchestration.ingest.mapping import check_vendor, missing_mapping, parse_mapping
from orchestration.ingest.surveys import read_survey
from orchestration.ingest.webhooks import (
    FULL_KEY_SEARCH_BYTES,
    body_form,
    misfits_sql,
    unfold_odd_sql,
    unfold_sql,
)
from orchestration.settings import Settings
from orchestration.sources import BY_KEY, STREAMS, Stream

BATCH_BYTES = 4 * 1024 * 1024 * 1024
BATCH_FILES = 64
# More of them in a group of files, and taking them apart costs more than reading all again.
MAX_LINES_OF_ANOTHER_FORM = 1000
REJECT_SHARE_WARNING = 0.01

# What a damaged file makes DuckDB raise. Any other error is ours and stops the run.
_FILE_FAULTS = (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException)

__all__ = [
    "Discovery",
    "FoundFile",
    "IngestError",
    "Refused",
    "StreamReport",
    "check_key",
    "discover",
    "highest_load_id",
    "ingest_stream",
    "prepare",
    "record_unrecognised",
]


class IngestError(RuntimeError):
    """Nothing can be loaded. The message is advice."""


class LinesLost(RuntimeError):
    """A file's lines don't add up: read ≠ loaded + rejected + duplicate."""


@dataclass(frozen=True)
class StreamReport:
    """What one run did with one stream. Counts are of this run but for the last three."""

    stream: str
    files_loaded: int
    files_duplicate: int
    files_rejected: int
    files_missing: int
    rows_read: int
    rows_loaded: int
    rows_rejected: int
    rows_duplicate: int
    records_loaded: int
    files_total: int
    rows_in_table: int
    columns: list[tuple[str, str]]
    first_event_at: datetime | None
    last_event_at: datetime | None
    warnings: tuple[str, ...]


@dataclass
class _Content:
    """One content to load, under the path that owns it."""

    file: FoundFile
    load_id: int
    path: Path
    replaced: bool = False
    form: Form = "lines"
    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    records: int = 0
    rejects: list[damage.Reject] = field(default_factory=list)
    new_columns: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    rejected_whole: UnreadableFile | None = None

    @property
    def is_copy(self) -> bool:
        """Tell whether a repaired copy stands in for the file: it has lines."""
        return self.path.name == f"{self.file.sha256}.jsonl"


@dataclass
class _Plan:
    new: list[FoundFile] = field(default_factory=list)
    duplicates: list[FoundFile] = field(default_factory=list)
    replaced_paths: list[str] = field(default_factory=list)
    returned_paths: list[str] = field(default_factory=list)
    missing_paths: list[str] = field(default_factory=list)
    gone_rejections: list[str] = field(default_factory=list)


def prepare(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create the ledger and every raw table, and check that the key is the one of the data.

    Raises:
        IngestError: the data were hashed with another key.
    """
    con.execute(LEDGER_DDL)
    for stream in STREAMS:
        con.execute(stream.ddl())
    _add_columns(con)
    for stream in STREAMS:
        clear_unregistered(con, stream)
    check_key(con, settings)
    write_state(con, key_id=key_id(settings.hmac_key()))
    _reread_numbers(con, settings)


def check_key(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Compare the key with that of the data, if there are any.

    Raises:
        IngestError: the data were hashed with another key.
    """
    stored, current = read_state(con, "key_id"), key_id(settings.hmac_key())
    if stored not in (None, current):
        raise IngestError(
            f"the warehouse was hashed with the key {stored}, but the key given now is {current}: "
            "give the old key (CHATMART_HMAC_KEY, CHATMART_HMAC_KEY_FILE or hmac.key beside the "
            "warehouse), or run `make rebuild` to hash everything with the new one"
        )


def _add_columns(con: duckdb.DuckDBPyConnection) -> None:
    """Give tables of an earlier version the columns that were declared since."""
    standing = set(
        con.execute(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'raw' and database_name = current_database()"
        ).fetchall()
    )
    for stream in STREAMS:
        for column in stream.columns:
            if (stream.raw_table, column.name) not in standing:
                con.execute(
                    f'alter table raw."{stream.raw_table}" add column "{column.name}" '
                    f"{column.json_type}"
                )


def _reread_numbers(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Normalise every identifier anew when national numbers are read by another country."""
    country = settings.vars.get("default_country")
    if read_state(con, "default_country") == country:
        return
    set_key(con, settings.hmac_key())
    con.execute("begin")
    con.execute("delete from raw.identifiers")
    for stream in STREAMS:
        register(con, stream, 0, highest_load_id(con), country)
    con.execute("commit")
    write_state(con, default_country=country)


def ingest_stream(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    stream: Stream,
    discovery: Discovery,
    progress: Callable[[str], None] = lambda _: None,
) -> StreamReport:
    """Bring one stream's raw table in line with the files that lie there.

    Each batch of files lands in one transaction: rows, rejects and ledger lines, or none. Files of
    other systems (`mapped/<vendor>/<stream>/`) fill the same table, each folder planned by itself.
    """
    found = discovery.of(stream)
    set_key(con, settings.hmac_key())
    done = [
        _ingest_folder(con, settings, stream, folder, discovery=discovery, progress=progress)
        for folder in _folders(con, stream, discovery)
    ]
    return _report(con, stream, done, files_total=len(found))


@dataclass(frozen=True)
class _Done:
    """What was done with one folder."""

    plan: _Plan
    contents: list[_Content]
    warnings: list[str]


def _folders(con: duckdb.DuckDBPyConnection, stream: Stream, discovery: Discovery) -> list[str]:
    """Return the folders that fill the stream's table now, or did once."""
    if stream.source != "generic":
        return [stream.key]
    mapped = {file.folder for file in discovery.of(stream)}
    mapped |= {refused.folder for refused in discovery.refused if refused.stream == stream.key}
    mapped |= {
        folder
        for (folder,) in con.execute(
            "select distinct folder from raw.files where raw_table = ?", [stream.raw_table]
        ).fetchall()
    }
    return [stream.key, *sorted(mapped - {stream.key})]


def _ingest_folder(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    stream: Stream,
    folder: str,
    *,
    discovery: Discovery,
    progress: Callable[[str], None],
) -> _Done:
    found = tuple(file for file in discovery.of(stream) if file.folder == folder)
    plan = _plan(con, stream, folder, found)
    warnings: list[str] = []
    contents: list[_Content] = []
    for batch in _batches(stream, plan.new):
        progress(f"{folder}: reading {len(batch)} files")
        contents += _load_batch(con, settings, stream, batch, plan)
    verdicts = {c.file.identity: c.rejected_whole for c in contents if c.rejected_whole}
    con.execute("begin")
    for found_file in list(plan.duplicates):
        is_replaced = found_file.path in plan.replaced_paths
        if verdict := verdicts.get(found_file.identity):
            # The content turned out unusable in this very run: each copy of it is rejected.
            plan.duplicates.remove(found_file)
            copy = _Content(found_file, highest_load_id(con) + 1, settings.raw_dir, is_replaced)
            contents.append(_record_rejected(con, settings, stream, copy, verdict))
            continue
        _retire_path(con, stream, found_file, is_replaced)
        _record_duplicate(con, settings, stream, found_file)
    for path in plan.gone_rejections:
        _retire(con, stream, folder, path)
    _welcome_back(con, folder, plan.returned_paths)
    _set_status(con, folder, plan.missing_paths, "loaded", "missing")
    _set_status(con, folder, plan.missing_paths, "duplicate", "missing")
    refused = [r for r in discovery.refused if r.folder == folder]
    _record_refused(con, settings, folder, stream, refused)
    con.execute("commit")

    rejected_now = [c for c in contents if c.rejected_whole]
    warnings += [f"{c.file.path}: {c.rejected_whole}" for c in rejected_now]
    warnings += _standing_rejections(con, folder, {c.file.path for c in rejected_now})
    warnings += [f"{r.path}: {r.message}" for r in refused]
    for content in contents:
        warnings += _line_warnings(content)
    warnings += [f"{path}: the file has disappeared, its rows stay" for path in plan.missing_paths]
    return _Done(plan, contents, warnings)


def _plan(
    con: duckdb.DuckDBPyConnection, stream: Stream, folder: str, found: tuple[FoundFile, ...]
) -> _Plan:
    """Compare the files with the ledger: content (and its mapping) decides, never time."""
    known = {
        path: (sha, status, declaration)
        for path, sha, status, declaration in con.execute(
            f"select f.path, {_identity_sql('f')}, f.status, l.declaration from raw.files as f "
            "left join raw.loads as l using (load_id) "
            "where f.folder = ? and f.status <> 'replaced' and f.file_sha256 is not null",
            [folder],
        ).fetchall()
    }
    contents = {
        sha
        for (sha,) in con.execute(
            f"select {_identity_sql('loads')} from raw.loads where folder = ? "
            "and not is_rejected and not is_removed",
            [folder],
        ).fetchall()
    }
    plan = _Plan()
    claimed: set[str] = set()
    for file in found:
        sha, status, declaration = known.get(file.path, (None, None, None))
        if sha == file.identity and status != "rejected":
            if status == "missing":
                plan.returned_paths.append(file.path)
            continue
        if sha == file.identity and declaration == stream.fingerprint:
            continue
        if sha is not None:
            plan.replaced_paths.append(file.path)
        if file.identity in contents or file.identity in claimed:
            plan.duplicates.append(file)
        else:
            claimed.add(file.identity)
            plan.new.append(file)
    present = {file.path for file in found}
    plan.missing_paths = [
        path
        for path, (_, status, _) in known.items()
        if path not in present and status in ("loaded", "duplicate")
    ]
    plan.gone_rejections = [
        path
        for path, (_, status, _) in known.items()
        if path not in present and status == "rejected"
    ]
    # A content that is about to leave with its last path can't be what a new path repeats.
    leaving = {known[path][0] for path in plan.replaced_paths if path in known}
    for file in list(plan.duplicates):
        holders = {p for p, (sha, _, _) in known.items() if sha == file.identity}
        if (
            file.identity in leaving
            and file.identity not in claimed
            and holders <= set(plan.replaced_paths)
        ):
            plan.duplicates.remove(file)
            plan.new.append(file)
            claimed.add(file.identity)
    return plan


def _identity_sql(table: str) -> str:
    """Return the SQL of `FoundFile.identity` over a table of the ledger."""
    return f"{table}.file_sha256 || coalesce(':' || {table}.mapping_sha256, '')"


def _batches(stream: Stream, files: list[FoundFile]) -> Iterator[list[FoundFile]]:
    """Group files for one transaction: many at once read faster than one by one."""
    batch: list[FoundFile] = []
    for file in files:
        if stream.format_of(file.path) == "csv":
            yield [file]
            continue
        full = len(batch) >= BATCH_FILES or sum(f.size for f in batch) + file.size > BATCH_BYTES
        if batch and full:
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _load_batch(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    stream: Stream,
    files: list[FoundFile],
    plan: _Plan,
) -> list[_Content]:
    first = highest_load_id(con) + 1
    contents = [
        _Content(
            file, first + n, settings.raw_dir / file.path, replaced=file.path in plan.replaced_paths
        )
        for n, file in enumerate(files)
    ]
    try:
        _load_contents(con, settings, stream, contents)
        return contents
    except (*_FILE_FAULTS, LinesLost, UnreadableFile) as error:
        _roll_back(con, stream)
        if "no space left" in str(error).lower():
            raise IngestError("the disk is full: make room and run again") from None
        if len(files) > 1:
            done: list[_Content] = []
            for file in files:
                done += _load_batch(con, settings, stream, [file], plan)
            return done
        return [_load_damaged(con, settings, stream, contents[0], error)]


def _load_damaged(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    stream: Stream,
    content: _Content,
    error: Exception,
) -> _Content:
    """Read a file the fast pass refused: from a repaired copy, or reject it whole."""
    verdict = error if isinstance(error, UnreadableFile) else None
    if verdict is None and stream.format_of(content.file.path) == "jsonl":
        try:
            return _load_repaired(con, settings, stream, content)
        except UnreadableFile as refusal:
            verdict = refusal
        except LinesLost as lost:
            verdict = UnreadableFile("lines_lost", str(lost))
        except _FILE_FAULTS:
            is_compressed = content.path.suffix in (".gz", ".zst")
            verdict = corrupt() if is_compressed else None
        _roll_back(con, stream)
    if verdict is None:
        verdict = UnreadableFile("unreadable", "the file can't be read: export it again")
    content = _Content(content.file, content.load_id, content.path, content.replaced)
    con.execute("begin")
    _record_rejected(con, settings, stream, content, verdict)
    con.execute("commit")
    return content


def _record_rejected(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    stream: Stream,
    content: _Content,
    verdict: UnreadableFile,
) -> _Content:
    content.rejected_whole = verdict
    content.rejects = [(None, verdict.reason, str(verdict), None)]
    _retire_path(con, stream, content.file, content.replaced)
    _record_load(con, settings, stream, content)
    return content


def _load_repaired(
    con: duckdb.DuckDBPyConnection, settings: Settings, stream: Stream, content: _Content
) -> _Content:
    content = _Content(content.file, content.load_id, content.path, content.replaced)
    try:
        content.path, content.rejects = damage.repaired_copy(
            content.path,
            settings.temp_dir,
            content.file.sha256,
            is_array=stream.may_be_array and is_array(content.path),
        )
        _load_contents(con, settings, stream, [content])
    finally:
        (settings.temp_dir / f"{content.file.sha256}.jsonl").unlink(missing_ok=True)
    return content


def _roll_back(con: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """End the open transaction; a file may also fail before one is begun."""
    with contextlib.suppress(duckdb.TransactionException):
        con.execute("rollback")
    con.execute("set preserve_insertion_order = false")
    clear_unregistered(con, stream)


def clear_unregistered(con: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Delete rows of loads that never reached the ledger: those that failed or were killed."""
    con.execute(
        f'delete from raw."{stream.raw_table}" '
        "where _load_id > (select coalesce(max(load_id), 0) from raw.loads)"
    )


def _load_contents(
    con: duckdb.DuckDBPyConnection, settings: Settings, stream: Stream, contents: list[_Content]
) -> None:
    """Load contents: nothing of them counts before the ledger's lines do, in one transaction.

    The rows of JSON lines come in first, under numbers that the ledger doesn't know yet, and what
    the transaction leaves without a line there is cleared away (`clear_unregistered`). In one
    transaction with them, the few rows that are deleted again (odd changes, repeats) would make
    DuckDB copy all of them once more at the commit: a third of the whole load.

    Raises with the transaction open.
    """
    if any(content.file.size == 0 for content in contents):
        raise _empty()
    # A CSV comes alone, and its reading may fail and be tried again, which no transaction bears.
    is_csv = stream.format_of(contents[0].file.path) == "csv"
    csv_file = _read_csv(con, settings, stream, contents[0]) if is_csv else None
    if csv_file is None:
        _read_json_lines(con, stream, contents)
    con.execute("begin")
    for content in contents:
        _retire_path(con, stream, content.file, content.replaced)
    if csv_file is not None:
        only = contents[0]
        inserted = insert_csv(con, stream, csv_file, only.load_id)
        only.read, only.rejects = inserted.read, inserted.rejects
        only.new_columns, only.remarks = inserted.new_columns, inserted.remarks
    elif stream.reader == "whatsapp_webhook":
        _take_odd_apart(con, stream)
    _count(con, stream, contents)
    register(
        con,
        stream,
        contents[0].load_id,
        contents[-1].load_id,
        settings.vars.get("default_country"),
    )
    for content in contents:
        if _has_changed(settings.raw_dir / content.file.path, content.file):
            raise changed()
        _record_load(con, settings, stream, content)
    con.execute("commit")


def _read_csv(
    con: duckdb.DuckDBPyConnection, settings: Settings, stream: Stream, content: _Content
) -> CsvFile:
    file = content.file
    scratch = settings.temp_dir / f"{file.sha256}.csv"
    if stream.reader == "survey":
        folder = file.path.rpartition("/")[0]
        return read_survey(con, stream, content.path, scratch, file=file.mapping, folder=folder)
    if file.folder == stream.key:
        return read_csv(con, stream, content.path, scratch)
    check_vendor(file.folder, stream)
    if file.mapping is None:
        raise missing_mapping(file.folder, file.path)
    mapping = parse_mapping(file.mapping, stream)
    return read_csv(
        con, stream, content.path, scratch, mapping=mapping, mapping_name=file.mapping.path
    )


def _empty() -> UnreadableFile:
    return UnreadableFile("empty_file", "the file is empty: export it again")


def _has_changed(path: Path, file: FoundFile) -> bool:
    """Tell whether a file holds another content than when it was found; its times alone say no."""
    try:
        now = path.stat()
        if (file.size, file.modified_ns) == (now.st_size, now.st_mtime_ns):
            return False
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest() != file.sha256
    except OSError:
        return True


def _read_json_lines(
    con: duckdb.DuckDBPyConnection, stream: Stream, contents: list[_Content]
) -> None:
    con.execute("create or replace temp table load_paths (path varchar, load_id bigint)")
    con.executemany(
        "insert into load_paths values (?, ?)", [[str(c.path), c.load_id] for c in contents]
    )
    for content in contents:
        if damage.starts_with_bom(content.path):
            raise duckdb.InvalidInputException("byte order mark")
        if stream.may_be_array:
            # A repaired copy of an array has lines.
            shape = json_form(content.path)
            content.form = "lines" if content.is_copy and shape == "array" else shape
    if stream.reader == "fields":
        for shape in dict.fromkeys(content.form for content in contents):
            sql = json_lines_sql(stream, load_ids="load_paths", form=shape)
            con.execute(sql, {"files": [str(c.path) for c in contents if c.form == shape]})
        return
    groups: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for content in contents:
        searched = content.file.size <= FULL_KEY_SEARCH_BYTES
        # A small file may be of any form: the choice costs it little.
        form = "mixed" if searched else body_form(first_line(content.path))
        groups[searched, form].append(str(content.path))
    for (searched, form), paths in groups.items():
        _unfold(con, stream, paths, full_key_search=searched, form=form)


def _unfold(
    con: duckdb.DuckDBPyConnection,
    stream: Stream,
    paths: list[str],
    *,
    full_key_search: bool,
    form: str,
) -> None:
    sql = unfold_sql(stream, load_ids="load_paths", full_key_search=full_key_search, form=form)
    con.execute(sql, {"files": paths})
    if full_key_search:
        return
    ids = "(select load_id from load_paths where list_contains($files, path))"
    con.execute(
        f"create or replace temp table odd_changes as {_odd_changes_sql(stream, ids)}",
        {"files": paths},
    )
    unfamiliar, of_another_form = con.execute(misfits_sql("odd_changes")).fetchall()[0]
    if unfamiliar or (form != "mixed" and of_another_form > MAX_LINES_OF_ANOTHER_FORM):
        table = f'raw."{stream.raw_table}"'
        con.execute(f"delete from {table} where _load_id in {ids}", {"files": paths})
        _unfold(con, stream, paths, full_key_search=bool(unfamiliar), form="mixed")


def _take_odd_apart(con: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Put the records of odd changes in the place of the changes."""
    ids = "(select load_id from load_paths)"
    con.execute(f"create or replace temp table odd_changes as {_odd_changes_sql(stream, ids)}")
    con.execute(
        f"delete from raw.\"{stream.raw_table}\" where record_kind = 'odd' and _load_id in {ids}"
    )
    con.execute(unfold_odd_sql(stream, odd="odd_changes"))
    con.execute("drop table odd_changes")


def _odd_changes_sql(stream: Stream, ids: str) -> str:
    return (
        "select _load_id as load_id, _line_hash as line_hash, _is_line_head as is_head, "
        "received_at, record_id as pointer, payload as json "
        f"from raw.\"{stream.raw_table}\" where record_kind = 'odd' and _load_id in {ids}"
    )


def _count(con: duckdb.DuckDBPyConnection, stream: Stream, contents: list[_Content]) -> None:
    """Turn bad rows into rejects, drop repeats, and prove that no line is lost."""
    table = f'raw."{stream.raw_table}"'
    first, last = contents[0].load_id, contents[-1].load_id
    in_batch = f"_load_id between {first} and {last}"
    by_id = {content.load_id: content for content in contents}
    form = stream.format_of(contents[0].file.path)
    if form == "jsonl":
        _reject_bad_rows(con, stream, by_id, in_batch)
        if stream.natural_key:
            for load_id, rows in _drop_repeats(con, stream, first, last):
                by_id[load_id].duplicate = rows
    records = "count(*)"
    if stream.reader == "whatsapp_webhook":
        records = "count(*) filter (where record_kind <> 'empty')"
    for load_id, loaded, rows in con.execute(
        f"select _load_id, count(*) filter (where _is_line_head), {records} "
        f"from {table} where {in_batch} group by all"
    ).fetchall():
        by_id[load_id].loaded, by_id[load_id].records = loaded, rows
    for content in contents:
        if form == "csv":
            content.duplicate = content.read - content.loaded - len(content.rejects)
            if content.duplicate < 0 or (content.duplicate and not stream.natural_key):
                raise LinesLost(f"{content.read} records don't add up")
            continue
        content.read = content.loaded + content.duplicate + len(content.rejects)
        if content.form != "lines":
            # One without elements is a good answer: there was nothing to tell.
            _prove_element_count(con, content)
        else:
            _prove_line_count(content)


def _reject_bad_rows(
    con: duckdb.DuckDBPyConnection, stream: Stream, contents: dict[int, _Content], in_batch: str
) -> None:
    """Take the rows that stand for bad lines out of raw, and find the lines again."""
    table = f'raw."{stream.raw_table}"'
    is_bad = "record_kind = 'bad'" if stream.reader == "whatsapp_webhook" else "not _is_line_head"
    bad = con.execute(
        f"select _load_id, count(*) from {table} where {in_batch} and {is_bad} group by all"
    ).fetchall()
    for load_id, rows in bad:
        content = contents[load_id]
        located = damage.locate_bad_rows(con, stream, content.path, content.form)
        if len(located) != rows:
            raise LinesLost(f"{rows} lines can't be used, {len(located)} were found again")
        content.rejects += located
    if bad:
        con.execute(f"delete from {table} where {in_batch} and {is_bad}")


def _prove_line_count(content: _Content) -> None:
    """Compare with a count of the lines that knows nothing of JSON."""
    lines = content.file.line_count
    if lines < 0 or content.is_copy:
        lines = count_lines(content.path)
    if lines != content.read:
        lines -= count_blank_lines(content.path)
        # Lines left out of a repaired copy are rejects by now and blank there.
        lines += (
            sum(1 for r in content.rejects if r[1] == "line_too_long") if content.is_copy else 0
        )
    if lines != content.read:
        raise LinesLost(f"the file has {lines} lines, but {content.read} were read")
    if lines == 0:
        raise _empty()


def _prove_element_count(con: duckdb.DuckDBPyConnection, content: _Content) -> None:
    """Compare with a count of the elements that goes past everything we do with them."""
    counted = con.execute(
        f"select count(*) from {rows_sql('$file', content.form)}", {"file": str(content.path)}
    ).fetchone()
    if counted != (content.read,):
        raise LinesLost(f"the array has {counted} elements, but {content.read} were read")


def _drop_repeats(
    con: duckdb.DuckDBPyConnection, stream: Stream, first: int, last: int
) -> list[tuple[int, int]]:
    """Delete exact repeats of a line within its file; return (load, lines dropped).

    Two lines are the same where their 64-bit hashes and all their loaded columns agree.
    """
    table = f'raw."{stream.raw_table}"'
    con.execute(f"""
create or replace temp table repeated_lines as
select _load_id as load_id, _line_hash as line_hash, count(*) as copies
from {table}
where _load_id between {first} and {last} and _is_line_head
group by all
having count(*) > 1
""")
    if not con.execute("from repeated_lines limit 1").fetchall():
        return []
    columns = ", ".join(f't."{column.name}"' for column in stream.columns)
    same = f"t._load_id, t._line_hash, t._is_line_head, {columns}"
    con.execute(f"""
create or replace temp table repeats as
select row_id, load_id, is_head
from (
    select
        t.rowid as row_id,
        t._load_id as load_id,
        t._is_line_head as is_head,
        repeated_lines.copies,
        row_number() over (partition by {same} order by t.rowid) as number,
        count(*) over (partition by {same}) as same
    from {table} as t
    join repeated_lines
        on t._load_id = repeated_lines.load_id and t._line_hash = repeated_lines.line_hash
    where t._load_id between {first} and {last}
)
where number > greatest(same // copies, 1)
""")
    con.execute(f"delete from {table} where rowid in (select row_id from repeats)")
    return con.execute(
        "select load_id, count(*) from repeats where is_head group by all"
    ).fetchall()


def _retire_path(
    con: duckdb.DuckDBPyConnection, stream: Stream, file: FoundFile, is_replaced: bool
) -> None:
    if is_replaced:
        _retire(con, stream, file.folder, file.path)


def _retire(con: duckdb.DuckDBPyConnection, stream: Stream, folder: str, path: str) -> None:
    """Take an earlier version of a path out of raw, unless its content lies elsewhere too."""
    old = con.execute(
        "select load_id, file_sha256, status from raw.files where folder = ? "
        "and path = ? and status <> 'replaced'",
        [folder, path],
    ).fetchall()
    con.execute(
        "update raw.files set status = 'replaced' where folder = ? and path = ? "
        "and status <> 'replaced'",
        [folder, path],
    )
    for load_id, _, status in old:
        if status == "rejected":
            con.execute("delete from raw.rejects where load_id = ? and path = ?", [load_id, path])
            continue
        heirs = con.execute(
            "select path, status from raw.files where load_id = ? "
            "and status in ('loaded', 'duplicate', 'missing') order by path",
            [load_id],
        ).fetchall()
        if heirs:
            if all(heir_status == "duplicate" for _, heir_status in heirs):
                con.execute(
                    "update raw.files set status = 'loaded', rows_loaded = l.rows_loaded, "
                    "rows_rejected = l.rows_rejected, rows_duplicate = l.rows_duplicate, "
                    "records_loaded = l.records_loaded from raw.loads as l "
                    "where raw.files.load_id = l.load_id and l.load_id = ? and path = ? "
                    "and status = 'duplicate'",
                    [load_id, heirs[0][0]],
                )
            continue
        table = f'raw."{stream.raw_table}"'
        _remember_retired(con, stream, load_id)
        con.execute(f"delete from {table} where _load_id = ?", [load_id])
        con.execute("delete from raw.rejects where load_id = ?", [load_id])
        con.execute("update raw.loads set is_removed = true where load_id = ?", [load_id])


def _remember_retired(con: duckdb.DuckDBPyConnection, stream: Stream, load_id: int) -> None:
    """Note the keys and persons whose rows leave raw: the state tables fold them again."""
    table = f'raw."{stream.raw_table}"'
    retiring = "(select max(load_id) + 1 from raw.loads)"
    if any(column.name == "record_id" for column in stream.columns):
        con.execute(
            f"insert into raw.retired_keys select distinct ?, record_id, {retiring} from {table} "
            "where _load_id = ? and record_id is not null",
            [stream.raw_table, load_id],
        )
    for identifier in stream.identifiers:
        # Clicks, surveys and conversations have no state table, and a click log that grows retires
        # all of it every day.
        if identifier.kind in ("click", "page", "conversation", "survey"):
            continue
        kind = "phone" if identifier.kind == "wa_id" else identifier.kind
        con.execute(
            "insert into raw.retired_keys select distinct 'identifiers', i.identifier_hash, "
            f"{retiring} from {table} as t join raw.identifiers as i "
            f'on i.kind = ? and i.value = t."{identifier.column}" where t._load_id = ?',
            [kind, load_id],
        )


def _exported_at(stream: Stream, path: str) -> str | None:
    if stream.export_time_pattern is None:
        return None
    match = re.search(stream.export_time_pattern, path.rsplit("/", 1)[-1])
    return match.group(1) if match else None


def _record_load(
    con: duckdb.DuckDBPyConnection, settings: Settings, stream: Stream, content: _Content
) -> None:
    file, whole = content.file, content.rejected_whole
    now = datetime.now(UTC).replace(tzinfo=None)
    counts = [content.read, content.loaded, len(content.rejects), content.duplicate]
    if whole:
        counts = [0, 0, 0, 0]
    event_range: tuple[datetime | None, datetime | None] = (None, None)
    if stream.event_time and not whole:
        row = con.execute(
            f"select min({stream.event_time}), max({stream.event_time}) "
            f'from raw."{stream.raw_table}" where _load_id = {content.load_id}'
        ).fetchone()
        event_range = (row[0], row[1]) if row else event_range
    con.execute(
        "insert into raw.loads values (?, ?, ?, ?, ?, ?, false, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            content.load_id,
            file.source,
            stream.name,
            file.sha256,
            # Without a declaration it is read again at the next run.
            None if whole and whole.reason == "still_growing" else stream.fingerprint,
            whole is not None,
            *counts,
            content.records,
            *event_range,
            now,
            *_where_from(stream, file),
        ],
    )
    con.execute(
        "insert into raw.files values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            file.source,
            stream.name,
            file.path,
            keyed_hash(settings.hmac_key(), f"path:{file.path}"),
            _exported_at(stream, file.path),
            file.sha256,
            content.load_id,
            "rejected" if whole else "loaded",
            *counts,
            content.records,
            *event_range,
            now,
            str(whole) if whole else None,
            *_where_from(stream, file),
        ],
    )
    if content.rejects:
        con.executemany(
            "insert into raw.rejects values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [content.load_id, file.source, stream.name, file.path, *reject, file.folder]
                for reject in content.rejects
            ],
        )


def _where_from(stream: Stream, file: FoundFile) -> tuple[str, str, str | None]:
    """Return folder, raw table and mapping, as the ledger's tables end with them."""
    return file.folder, stream.raw_table, file.mapping.sha256 if file.mapping else None


def _record_duplicate(
    con: duckdb.DuckDBPyConnection, settings: Settings, stream: Stream, file: FoundFile
) -> None:
    con.execute(
        "insert into raw.files select source, stream, ?, ?, ?, file_sha256, load_id, 'duplicate', "
        "rows_read, 0, 0, rows_read, 0, first_event_at, last_event_at, ?, null, folder, raw_table, "
        f"mapping_sha256 from raw.loads where folder = ? and {_identity_sql('loads')} = ? "
        "and not is_removed and not is_rejected",
        [
            file.path,
            keyed_hash(settings.hmac_key(), f"path:{file.path}"),
            _exported_at(stream, file.path),
            datetime.now(UTC).replace(tzinfo=None),
            file.folder,
            file.identity,
        ],
    )


def _record_refused(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    folder: str,
    stream: Stream | None,
    refused: list[Refused],
) -> None:
    """Write down files that were not opened; the list is made anew each run."""
    con.execute("delete from raw.files where folder = ? and file_sha256 is null", [folder])
    con.execute("delete from raw.rejects where folder = ? and load_id is null", [folder])
    key = [folder.split("/")[-2], stream.name] if stream else [folder, folder]
    raw_table = stream.raw_table if stream else None
    for item in refused:
        con.execute(
            "insert into raw.files values (?, ?, ?, ?, null, null, null, 'rejected', 0, 0, 0, 0, "
            "0, null, null, ?, ?, ?, ?, null)",
            [
                *key,
                item.path,
                keyed_hash(settings.hmac_key(), f"path:{item.path}"),
                datetime.now(UTC).replace(tzinfo=None),
                item.message,
                folder,
                raw_table,
            ],
        )
        con.execute(
            "insert into raw.rejects values (null, ?, ?, ?, null, ?, ?, null, ?)",
            [*key, item.path, item.reason, item.message, folder],
        )


def record_unrecognised(
    con: duckdb.DuckDBPyConnection, settings: Settings, discovery: Discovery
) -> list[str]:
    """Write down files in folders of no declared stream; return a warning for each.

    They stand under the source and stream `unknown`: a folder's name may be a person's.
    """
    refused = [r for r in discovery.refused if r.stream not in BY_KEY]
    con.execute("begin")
    _record_refused(con, settings, "unknown", None, refused)
    con.execute("commit")
    return [f"{r.path}: {r.message}" for r in refused]


def _set_status(
    con: duckdb.DuckDBPyConnection, folder: str, paths: list[str], old: str, new: str
) -> None:
    if paths:
        con.execute(
            "update raw.files set status = ? where folder = ? and status = ? "
            "and list_contains(?, path)",
            [new, folder, old, paths],
        )


def _welcome_back(con: duckdb.DuckDBPyConnection, folder: str, paths: list[str]) -> None:
    """Give missing files that are here again the status they had: a copy's rows are another's."""
    _set_status(con, folder, paths, "missing", "loaded")
    con.execute(
        "update raw.files set status = 'duplicate' where folder = ? "
        "and status = 'loaded' and list_contains(?, path) and rows_duplicate = rows_read "
        "and exists (select 1 from raw.files as other where other.load_id = raw.files.load_id "
        "and other.path <> raw.files.path and other.status in ('loaded', 'missing'))",
        [folder, paths],
    )


def _standing_rejections(con: duckdb.DuckDBPyConnection, folder: str, told: set[str]) -> list[str]:
    rows = con.execute(
        "select path, message from raw.files where folder = ? "
        "and status = 'rejected' and file_sha256 is not null order by path",
        [folder],
    ).fetchall()
    return [f"{path}: {message}" for path, message in rows if path not in told]


def _line_warnings(content: _Content) -> list[str]:
    lines: list[str] = []
    if content.rejects and not content.rejected_whole:
        number, reason, message, _ = content.rejects[0]
        share = len(content.rejects) / max(content.read, 1)
        more = f" and {len(content.rejects) - 1} more lines" if len(content.rejects) > 1 else ""
        much = f" ({share:.1%} of the file)" if share > REJECT_SHARE_WARNING else ""
        lines.append(f"{content.file.path}, line {number}{more}{much}: {reason}: {message}")
    if content.new_columns:
        lines.append(
            f"{content.file.path}: new column {', '.join(content.new_columns)} is kept in _extra; "
            + (
                "name it in the mapping to use it"
                if content.file.mapping
                else "declare it to use it"
            )
        )
    lines += [f"{content.file.path}: {remark}" for remark in content.remarks]
    return lines


def _report(
    con: duckdb.DuckDBPyConnection,
    stream: Stream,
    done: list[_Done],
    *,
    files_total: int,
) -> StreamReport:
    table = f'raw."{stream.raw_table}"'
    rows = con.execute(f"select count(*) from {table}").fetchone()
    event_range = con.execute(
        "select min(first_event_at), max(last_event_at) from raw.loads "
        "where raw_table = ? and not is_removed",
        [stream.raw_table],
    ).fetchone()
    contents = [content for folder in done for content in folder.contents]
    usable = [c for c in contents if not c.rejected_whole]
    return StreamReport(
        stream=stream.key,
        files_loaded=len(usable),
        files_duplicate=sum(len(folder.plan.duplicates) for folder in done),
        files_rejected=len(contents) - len(usable),
        files_missing=sum(len(folder.plan.missing_paths) for folder in done),
        rows_read=sum(c.read for c in usable),
        rows_loaded=sum(c.loaded for c in usable),
        rows_rejected=sum(len(c.rejects) for c in usable),
        rows_duplicate=sum(c.duplicate for c in usable),
        records_loaded=sum(c.records for c in usable),
        files_total=files_total,
        rows_in_table=int(rows[0]) if rows else 0,
        columns=[(name, kind) for name, kind, *_ in con.execute(f"describe {table}").fetchall()],
        first_event_at=event_range[0] if event_range else None,
        last_event_at=event_range[1] if event_range else None,
        warnings=tuple(warning for folder in done for warning in folder.warnings),
    )
