"""A `mapping.yml`: what another system calls our columns, and how it writes times and numbers.

A mapping is read once per folder and turned into SQL over the cells of a file, so that a mapped
file costs no more than one with our own names. Everything it can't read is said with the file, the
key and the mend.
"""

from __future__ import annotations

import codecs
import difflib
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from orchestration.ingest.files import UnreadableFile
from orchestration.sources import Column, Stream

SHIPPED_DIR = Path(__file__).resolve().parent.parent / "mappings"
MAX_SKIPPED_ROWS = 1000
ISO, UNIX, UNIX_MS = "iso", "unix", "unix_ms"
"""Words that stand in `time.format` beside strptime's forms."""

_NUMBER_NAMES = ("amount", "rate", "value", "score")
_NOTHING = ("", "null", "~")
_MAX_ERRORS_SHOWN = 3
_SHOPS = ("shopify", "woocommerce")


@dataclass(frozen=True)
class MappingFile:
    """A `mapping.yml` as it stands: its path for people, its bytes, their SHA-256."""

    path: str
    content: bytes
    sha256: str


class Strict(BaseModel):
    """Base of what YAML files beside exports hold: a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Taken(Strict):
    """Where a column of ours comes from.

    Args:
        column: their column; of several the first that is filled in a row.
        json_path: the cell is JSON: the least value that this path finds.
        absolute: a number without its sign.
    """

    column: tuple[str, ...]
    json_path: str | None = Field(default=None, alias="json")
    absolute: bool = False

    @field_validator("column", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        value = (value,) if isinstance(value, str) else value
        if not value or any(not str(name).strip() for name in value):
            raise ValueError("name a column of the file")
        return value

    @field_validator("json_path")
    @classmethod
    def _is_path(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("$"):
            raise ValueError("give a JSON path that begins with $, e.g. $[*].ts")
        return value


class TimeForm(Strict):
    """How times are written: strptime forms, tried in order, and the zone they are told in."""

    format: tuple[str, ...] = (ISO,)
    zone: str = "UTC"

    @field_validator("format", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        value = (value,) if isinstance(value, str) else value
        for form in value or ():
            if form not in (ISO, UNIX, UNIX_MS) and "%" not in str(form):
                raise ValueError(
                    f"{form!r} is no form: write e.g. '%d.%m.%Y %H:%M', or iso, unix, unix_ms"
                )
        return value or (ISO,)

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError(
                f"{value!r} is no zone: give an IANA name, e.g. Europe/Berlin"
            ) from None
        return value


class TextForm(Strict):
    """How a CSV is written that another system made."""

    time: TimeForm = TimeForm()
    delimiter: str | None = None
    encoding: str = "utf-8"

    @field_validator("time", mode="before")
    @classmethod
    def _may_be_missing(cls, value: Any) -> Any:
        return value or {}

    @field_validator("delimiter", mode="before")
    @classmethod
    def _one_character(cls, value: Any) -> Any:
        value = {"tab": "\t", "\\t": "\t", "": None}.get(value, value)
        if value is not None and (not isinstance(value, str) or len(value) != 1):
            raise ValueError("give one character, or tab")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, value: str) -> str:
        try:
            codec = codecs.lookup(value)
            b"".decode(value)
        except LookupError:
            raise ValueError(
                f"{value!r} is no encoding: give e.g. utf-8, utf-16, cp1252, latin-1"
            ) from None
        return codec.name


class Mapping(TextForm):
    """What `mapping.yml` holds (SOURCES 1a, README "Other systems' exports").

    Args:
        columns: ours → theirs.
        inbound: the same for rows whose mapped direction is `inbound`: there the sender and the
            recipient have changed places.
        constants: ours → a value; where the column is mapped too, for its empty cells.
        values: ours → {theirs: ours}, compared without regard to case; others pass as they are.
        ignore: their columns that we know of and don't use: no remark on them.
    """

    columns: dict[str, Taken] = {}
    inbound: dict[str, Taken] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    decimal: Literal[".", ","] | None = None
    skip_rows: int = Field(default=0, ge=0, le=MAX_SKIPPED_ROWS)
    ignore: tuple[str, ...] = ()

    @field_validator("columns", "inbound", mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value or {}
        return {
            ours: theirs if isinstance(theirs, dict) else {"column": theirs}
            for ours, theirs in value.items()
        }

    @field_validator("constants", "values", mode="before")
    @classmethod
    def _may_be_empty(cls, value: Any) -> Any:
        return value or {}


class _Loader(yaml.BaseLoader):
    """Every value is text (a `no` stays a no, a `0` a 0), and no key may stand twice."""


def _no_key_twice(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if not isinstance(key, str):
            raise yaml.YAMLError("a key must be a word")
        if keys.count(key) > 1:
            raise yaml.YAMLError(f"the key {key} stands twice")
    return {
        key: loader.construct_object(value, deep=True)
        for key, (_, value) in zip(keys, node.value, strict=True)
    }


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _no_key_twice)


def shipped_mapping(vendor: str, stream: str) -> MappingFile | None:
    """Return the mapping that comes with the program for a vendor's stream, if there is one."""
    from hashlib import sha256

    if not vendor.replace(".", "").replace("_", "").replace("-", "").isalnum():
        return None
    path = SHIPPED_DIR / vendor.casefold() / f"{stream}.yml"
    if not path.is_file():
        return None
    content = path.read_bytes()
    name = f"the shipped mapping {path.parent.name}/{path.name}"
    return MappingFile(name, content, sha256(content).hexdigest())


def parse_mapping(file: MappingFile, stream: Stream) -> Mapping:
    """Read a mapping for a stream.

    Raises:
        UnreadableFile: `bad_mapping`, with the file, the key and the mend.
    """
    return _parsed(file.path, file.content, stream)


def yaml_tree(content: bytes, first_key: str) -> dict[str, Any]:
    """Return the keys of a YAML file, every value as text.

    Raises:
        ValueError: it is none; the message says where, and the mend.
    """
    try:
        tree = yaml.load(content.decode("utf-8-sig"), _Loader)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8: save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ValueError(f"{where}{problem}: mend the YAML") from None
    if not isinstance(tree, dict):
        raise ValueError(f"it holds no keys: begin with `{first_key}:`")
    return tree


@cache
def _parsed(path: str, content: bytes, stream: Stream) -> Mapping:
    try:
        tree = yaml_tree(content, "columns")
    except ValueError as error:
        raise _bad(path, str(error)) from None
    try:
        mapping = Mapping.model_validate(tree)
    except ValidationError as error:
        said = [_advice(item) for item in error.errors()[:_MAX_ERRORS_SHOWN]]
        raise _bad(path, "; ".join(said)) from None
    own = {column.name: column for column in stream.columns if column.derived is None}
    for key in ("columns", "inbound", "constants", "values"):
        for name in getattr(mapping, key):
            if name not in own:
                raise _bad(
                    path, f"key {key}.{name}: {stream.name} has no such column{near(name, own)}"
                )
    for key in ("columns", "inbound"):
        for name, taken in getattr(mapping, key).items():
            if taken.absolute and not is_number(name):
                raise _bad(path, f"key {key}.{name}.absolute: {name} is no amount: leave it out")
    if mapping.inbound and not ({"direction"} & {*mapping.columns, *mapping.constants}):
        raise _bad(path, "key inbound: it needs a direction: map it under `columns:`")
    return mapping


def _bad(path: str, what: str) -> UnreadableFile:
    return UnreadableFile("bad_mapping", f"{path}: {what}")


def missing_mapping(folder: str, path: str) -> UnreadableFile:
    """Return the verdict over a mapped file beside which no mapping lies."""
    return UnreadableFile(
        "missing_mapping",
        f"no mapping.yml lies in {folder}/: `make check ARGS='--write {path}'` proposes one",
    )


def check_vendor(folder: str, stream: Stream) -> None:
    """Refuse a mapped folder of orders that is called like a shop whose own exports are read.

    Both would give their orders the same ids, and no order may stand twice.

    Raises:
        UnreadableFile: `bad_mapping`, with the folder and the mend.
    """
    vendor = folder.split("/")[1]
    if stream.name in ("orders", "abandoned_checkouts") and vendor in _SHOPS:
        raise UnreadableFile(
            "bad_mapping",
            f"{folder}: {vendor}/ is read as that shop exports it: put its own exports there, or "
            f"call this folder otherwise, e.g. mapped/{vendor}_report/{stream.name}",
        )


def near(name: str, known: Any) -> str:
    """Return the end of a message on a name that is none: the likely one, else all there are."""
    likely = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f": did you mean {likely[0]}?" if likely else f": it has {', '.join(known)}"


def _advice(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        last = str(error["loc"][-1])
        models: dict[int, type[BaseModel]] = {1: Mapping, 2: TimeForm}
        fields = models.get(len(error["loc"]), Taken).model_fields
        names = [item.alias or name for name, item in fields.items()]
        return f"key {where}: there is no such key{near(last, names)}"
    return f"key {where}: {error['msg'].removeprefix('Value error, ')}"


def plain_header(name: str) -> str:
    """Return a header as it is compared: "User Agent", "user_agent" and "USER-AGENT" are one."""
    return re.sub(r"[\s_\-]+", "_", name.strip()).casefold()


def is_time(name: str) -> bool:
    """Tell whether a column of ours holds times (`_at`) or dates (`_on`)."""
    return name.endswith(("_at", "_on"))


def is_number(name: str) -> bool:
    """Tell whether a column of ours holds amounts or rates, with decimals."""
    return name in _NUMBER_NAMES or name.endswith(("_amount", "_rate"))


@dataclass(frozen=True)
class MappedCells:
    """SQL over the cells c0, c1, … of one file.

    Args:
        cells: our column → its text, NULL where there is none.
        unreadable: our column → true where a cell holds what can't be read as time or number.
        used: places of the file's columns that the mapping takes.
        ignored: places that the mapping names as not needed.
        remarks: what the file lacks.
    """

    cells: dict[str, str]
    unreadable: dict[str, str]
    used: frozenset[int]
    ignored: frozenset[int]
    remarks: list[str] = field(default_factory=list)


def map_cells(
    con: duckdb.DuckDBPyConnection,
    stream: Stream,
    mapping: Mapping,
    name: str,
    places: dict[str, int],
) -> MappedCells:
    """Turn a mapping into SQL for a file.

    Args:
        name: what the mapping is called, for messages.
        places: the file's headers as they are compared → their places.

    Raises:
        UnreadableFile: a required column of ours comes from nowhere.
    """
    builder = _Builder(con, stream, mapping, name, places)
    own = [column for column in stream.columns if column.derived is None]
    cells = {column.name: builder.cell(column) for column in own}
    missing = [c.name for c in own if c.is_not_null and cells[c.name] is None]
    missing += [
        " or ".join(group) for group in stream.one_of if all(cells.get(n) is None for n in group)
    ]
    if missing:
        raise UnreadableFile("missing_column", builder.say_missing(missing[0]))
    ignored = {plain_header(theirs) for theirs in mapping.ignore}
    return MappedCells(
        {ours: sql or "null::varchar" for ours, sql in cells.items()},
        builder.unreadable,
        frozenset(builder.used),
        frozenset(place for header, place in places.items() if header in ignored),
        builder.remarks,
    )


class _Builder:
    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        stream: Stream,
        mapping: Mapping,
        name: str,
        places: dict[str, int],
    ) -> None:
        self._con, self._stream, self._mapping, self._name = con, stream, mapping, name
        self._places = places
        self.unreadable: dict[str, str] = {}
        self.used: set[int] = set()
        self.remarks: list[str] = []
        self._check_forms()
        named = [
            plain_header(theirs)
            for taken in (*mapping.columns.values(), *mapping.inbound.values())
            for theirs in taken.column
        ]
        self._spoken_for = {*named, *(plain_header(theirs) for theirs in mapping.ignore)}

    def _check_forms(self) -> None:
        for form in self._mapping.time.format:
            if form in (ISO, UNIX, UNIX_MS):
                continue
            try:
                self._con.execute("select try_strptime('', ?)", [form]).fetchall()
            except duckdb.Error:
                raise _bad(self._name, f"key time.format: {form!r} is no strptime form") from None

    def cell(self, column: Column) -> str | None:
        """Return the SQL of a column of ours, None where nothing gives it."""
        ours = column.name
        taken = self._mapping.columns.get(ours)
        plain = plain_header(column.path)
        if (
            taken is None
            and ours not in self._mapping.constants
            and plain in self._places
            and plain not in self._spoken_for
        ):
            # Named as we name it: there is nothing to translate.
            taken = Taken(column=(column.path,))
        parts = self._read(ours, taken, "columns")
        turned = self._read(ours, self._mapping.inbound.get(ours), "inbound")
        if turned is not None:
            is_inbound = f"lower({self._direction()}) = 'inbound'"
            rest = parts or ("null::varchar", "false")
            value, unreadable = (
                f"case when {is_inbound} then {new} else {old} end"
                for new, old in zip(turned, rest, strict=True)
            )
            parts = value, unreadable
        constant = self._mapping.constants.get(ours)
        if constant is not None and constant not in _NOTHING:
            default = self._translated(ours, literal(constant))
            if parts is None:
                parts = self._typed(ours, default)
            else:
                parts = f"coalesce({parts[0]}, {self._typed(ours, default)[0]})", parts[1]
        if parts is None:
            return None
        if parts[1] != "false":
            self.unreadable[ours] = parts[1]
        return parts[0]

    def _direction(self) -> str:
        parts = self._read("direction", self._mapping.columns.get("direction"), "columns")
        constant = self._mapping.constants.get("direction")
        texts = [parts[0]] if parts else []
        texts += [literal(constant)] if constant else []
        return f"coalesce({', '.join(texts)})" if texts else "''"

    def _read(self, ours: str, taken: Taken | None, key: str) -> tuple[str, str] | None:
        """Return the SQL of the value, and of whether there is one that can't be read."""
        if taken is None:
            return None
        found = [self._places[p] for t in taken.column if (p := plain_header(t)) in self._places]
        if not found:
            names = " or ".join(repr(theirs) for theirs in taken.column)
            remark = f"{ours} stays empty: {self._name} takes it from {names}, which is not there"
            if remark not in self.remarks:
                self.remarks.append(remark)
            return None
        self.used.update(found)
        texts = [f"nullif(trim(c{place}, {BLANKS}), '')" for place in found]
        text = texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"
        if taken.json_path is None:
            return self._typed(ours, self._translated(ours, text), absolute=taken.absolute)
        elements = f"json_extract_string(try_cast({text} as json), {literal(taken.json_path)})"
        if "*" not in taken.json_path:
            elements = f"[{elements}]"
        item, is_bad = self._typed(ours, self._translated(ours, "x"), absolute=taken.absolute)
        value = f"list_min(list_transform({elements}, lambda x: {item}))"
        broken = f"({text} is not null and try_cast({text} as json) is null)"
        odd = f"coalesce(list_bool_or(list_transform({elements}, lambda x: {is_bad})), false)"
        return value, broken if is_bad == "false" else f"({broken} or {odd})"

    def _translated(self, ours: str, text: str) -> str:
        listed = self._mapping.values.get(ours)
        if not listed:
            return text
        cases = " ".join(
            f"when {literal(theirs.strip().casefold())} then "
            + ("null" if value.strip() in _NOTHING else literal(value.strip()))
            for theirs, value in listed.items()
        )
        return f"case lower(coalesce({text}, '')) {cases} else {text} end"

    def _typed(self, ours: str, text: str, *, absolute: bool = False) -> tuple[str, str]:
        if is_number(ours):
            value = number_sql(text, self._mapping.decimal)
            if absolute:
                value = f"ltrim({value}, '-')"
        elif is_time(ours):
            value = time_sql(text, self._mapping.time, is_date=ours.endswith("_on"))
        else:
            return text, "false"
        return value, f"({text} is not null and {value} is null)"

    def say_missing(self, what: str) -> str:
        """Return what to do about a required column that comes from nowhere."""
        first = what.split(" or ", 1)[0]
        for ours in what.split(" or "):
            if (taken := self._mapping.columns.get(ours)) is not None:
                names = " or ".join(repr(theirs) for theirs in taken.column)
                return (
                    f"required column {what} is missing: {self._name} takes {ours} from {names}, "
                    "which is not in the file's header: name the column that is"
                )
        return (
            f"required column {what} is missing: add `columns: {{{first}: …}}` with its name in "
            f"the file, or a `constants:` entry, to {self._name}"
        )


# What people and programs put around a cell, no-break spaces among it.
BLANKS = "chr(32) || chr(9) || chr(160) || chr(8239)"


def literal(text: str) -> str:
    """Return an SQL string."""
    return "'" + text.replace("'", "''") + "'"


# Spaces, thousands' apostrophes and the currency beside an amount.
_AROUND_NUMBERS = r"[\s\x{a0}\x{202f}''’€£¥₹$]|^[A-Z]{3}|[A-Z]{3}$"
_OFFSET = r"\d:\d{2}(:\d{2})?([.,]\d+)?\s*([+-]\d{2}(:?\d{2})?|Z|z|UTC|GMT)$"


def number_sql(text: str, decimal: str | None) -> str:
    """Return SQL of a number with a decimal point, NULL where it can't be told.

    Where the mapping doesn't say what a comma means, one that could be either is not guessed.
    """
    bare = f"regexp_replace({text}, '{_AROUND_NUMBERS}', '', 'g')"
    if decimal == ",":
        grouped, plain = r"-?[1-9]\d{0,2}(\.\d{2,3})*\.\d{3}(,\d*)?", r"-?\d*(,\d*)?"
        swapped = f"replace(replace({bare}, '.', ''), ',', '.')"
    else:
        grouped, plain = r"-?[1-9]\d{0,2}(,\d{2,3})*,\d{3}(\.\d*)?", r"-?\d*(\.\d*)?([eE][-+]?\d+)?"
        if decimal is None:
            # "1,234" may be a thousand or one and a bit: only a point behind it tells.
            grouped = r"-?[1-9]\d{0,2}(,\d{2,3})*,\d{3}\.\d+"
        swapped = f"replace({bare}, ',', '')"
    return (
        f"case when regexp_full_match({bare}, '{grouped}|{plain}') "
        f"and regexp_matches({bare}, '\\d') then {swapped} end"
    )


def time_sql(text: str, form: TimeForm, *, is_date: bool) -> str:
    """Return SQL of an ISO time in UTC with its offset (or an ISO date), NULL where unreadable."""
    zone = literal(form.zone)
    attempts = []
    for name in form.format:
        if name == ISO:
            # DuckDB wants the colon in an offset, and no blank before it.
            text_iso = f"regexp_replace({text}, '\\s*([+-]\\d{{2}}):?(\\d{{2}})?$', '\\1:\\2')"
            has_offset = f"regexp_matches({text}, '{_OFFSET}')"
            attempts.append(
                f"case when {has_offset} then try_cast(rtrim({text_iso}, ':') as timestamptz) "
                f"else timezone({zone}, try_cast({text} as timestamp)) end"
            )
        elif name in (UNIX, UNIX_MS):
            digits, factor = ("12,13", 1000) if name == UNIX_MS else ("9,10", 1_000_000)
            micros = f"cast(try_cast({text} as decimal(28,6)) * {factor} as bigint)"
            attempts.append(
                f"case when regexp_full_match({text}, '\\d{{{digits}}}(\\.\\d+)?') "
                f"then timezone('UTC', make_timestamp({micros})) end"
            )
        elif "%z" in name or "%Z" in name:
            attempts.append(f"try_strptime({text}, {literal(name)})")
        else:
            attempts.append(f"timezone({zone}, try_strptime({text}, {literal(name)}))")
    moment = attempts[0] if len(attempts) == 1 else f"coalesce({', '.join(attempts)})"
    if is_date:
        # A date is what stands there, in whatever zone.
        return f"strftime(timezone({zone}, {moment}), '%Y-%m-%d')"
    written = f"strftime(timezone('UTC', {moment}), '%Y-%m-%dT%H:%M:%S.%f')"
    return f"regexp_replace({written}, '\\.?0+$', '') || '+00:00'"
