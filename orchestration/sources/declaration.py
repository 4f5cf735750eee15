"""What a source is declared as: one form for every stream of every system.

A declaration drives discovery, the DDL of the raw table (so an empty source builds), the mapping
of headers, the rejects, and the list of columns that hold personal data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

IdentifierKind = Literal[
    "wa_id",
    "phone",
    "bsuid",
    "email",
    "platform",
    "shop",
    "external",
    "channel",
    "message",
    "conversation",
    "agent",
    "click",
    "page",
    "survey",
]
"""What an identifying value is; `platform` is an inbox system's own id of a person. From `channel`
on they identify no customer, but a channel id may be a phone number, a composed message key and the
number of a conversation are guessable, a log may name its agents and bots by e-mail address or
number, and a click, a survey's answer or the page of a link may be guessed with whoever it names:
these are hashed with the key too."""

PERSON_COLUMNS = ("phone", "user_id", "email", "external_id")
"""How an export names a person: by one or more of these (SOURCES 1)."""

JSON_LINES = ("*.jsonl", "*.ndjson", "*.json", "*.jsonl.gz", "*.ndjson.gz", "*.json.gz")
JSON_LINES_ALL = (*JSON_LINES, "*.jsonl.zst", "*.ndjson.zst", "*.json.zst")
CSV_FILES = ("*.csv", "*.csv.gz", "*.csv.zst")


class Frozen(BaseModel):
    """Base of the declarations: immutable, and a misspelt argument is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(Frozen):
    """One column of the raw table.

    Args:
        name: our name.
        source: the header of a CSV or the dotted path in a JSON line; default: `name`.
        aliases: other headers of a CSV under which it is known.
        required: a file without this column (CSV) is rejected whole.
        not_null: a row where it is empty is rejected; default: as `required`.
        derived: SQL over the other columns of the row, for a key that the export doesn't hold.
        personal: holds personal data; such a column never leaves the working file.
        json_type: `JSON` keeps a nested value as it came.
        fill_down: an empty cell takes the value of the row above (Shopify's continuation rows).
        unit_of: takes the currency in brackets behind another column's header, as in
            `Amount spent (EUR)`.
        is_time: a CSV's row is rejected where this is required and no time; columns of our own
            names that end in `_at` or `_on` need no word.
    """

    name: str
    source: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    personal: bool = False
    json_type: Literal["VARCHAR", "JSON"] = "VARCHAR"
    fill_down: bool = False
    unit_of: str = ""
    is_time: bool = False
    not_null: bool | None = None
    derived: str | None = None
    description: str = ""

    @property
    def is_not_null(self) -> bool:
        """Tell whether a row without a value is rejected."""
        return self.required if self.not_null is None else self.not_null

    @property
    def path(self) -> str:
        """Return where the value stands in the export."""
        return self.source or self.name


class Identifier(Frozen):
    """A column whose distinct values get a keyed hash at ingest.

    Args:
        where: SQL that tells the rows concerned; default: all.
    """

    kind: IdentifierKind
    column: str
    where: str = "true"


class Rule(Frozen):
    """Rows that can't be used, though none of their cells is empty or unreadable by itself.

    Args:
        reason: one of `damage.ADVICE`, or `missing_<column>`.
        where: SQL that is true for such a row, with the columns of the export in braces.
    """

    reason: str
    where: str

    def sql(self, cell: Callable[[str], str]) -> str:
        """Return `where` with the SQL of each column's cell, never NULL."""
        text = re.sub(r"\{([a-z_]+)\}", lambda match: cell(match.group(1)), self.where)
        return f"coalesce({text}, false)"


class FileRule(Frozen):
    """What makes a CSV useless as a whole: one row of the kind, and the file is rejected.

    Args:
        where: SQL over a row and (as a window) all rows, exact repeats left out.
        message: what to do about it; a column in braces is what this file calls it.
    """

    reason: str
    where: str
    message: str


# Seconds since 1970 as text or number; anything else is NULL. Bounded, so that a date in
# milliseconds or a phone number can't become a year with five digits.
UNIX_SECONDS = (
    "case when try_cast({0} as bigint) between 0 and 253402300799 "
    "then make_timestamp(try_cast({0} as bigint) * 1000000) end"
)
# Times with an offset are turned to UTC, times without one are UTC.
TEXT_TIME = "timezone('UTC', try_cast({0} as timestamptz))"

# An id of an agent or bot that may be published as it is: no address, no name with spaces, no
# number as long as a telephone's.
NO_PLAIN_ID = (
    "(not regexp_full_match({0}, '[A-Za-z0-9][A-Za-z0-9_.\\-]{{0,39}}') "
    "or regexp_full_match({0}, '[0-9.\\-]{{7,}}'))"
)


class Stream(Frozen):
    """One stream: a folder `data/raw/<source>/<name>/` of files of one format.

    Args:
        record: what one record is, for people.
        format: `jsonl` (one JSON object a line) or `csv`.
        also_csv: beside JSON lines its folder takes CSVs of the same records, told by their names;
            `aliases` are their headers.
        natural_key: columns that identify a record. Streams with one drop exact repeats of a row
            within a file; streams without one (order lines) keep them.
        one_of: groups of columns of which each row must fill at least one.
        rules: which rows can't be used; file_rules: which CSVs.
        event_time: SQL over the raw columns that gives a record's own time (timestamp, UTC),
            for the ledger and the watermark; NULL where unreadable.
        export_time_pattern: regular expression with one group over the file name that holds the
            export time: decides between two files before the path does (SOURCES 2.2).
        reader: `fields` maps columns one to one; `whatsapp_webhook` unfolds envelopes; `survey`
            takes the questions that survey.yml names, of CSV and JSON alike.
        may_be_array: its JSON may also come as an array, also as the `data` of an API's answer: the
            elements are the rows.
        is_lenient: its CSVs may also be separated by semicolons, tabs or bars: people write them.
        holds_back: whether the stream's events move a watermark subject.
    """

    source: str
    name: str
    record: str
    format: Literal["jsonl", "csv"]
    columns: tuple[Column, ...]
    also_csv: bool = False
    patterns: tuple[str, ...] = ()
    natural_key: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    rules: tuple[Rule, ...] = ()
    file_rules: tuple[FileRule, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    event_time: str | None = None
    export_time_pattern: str | None = None
    reader: Literal["fields", "whatsapp_webhook", "survey"] = "fields"
    may_be_array: bool = False
    delimiter: str = ","
    is_lenient: bool = False
    encoding: str = "utf-8"
    zone: str = "UTC"
    owner: str = "data-engineering"
    freshness_hours: int | None = None
    schema_version: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.key}: a column name stands twice")
        used = {*self.natural_key, *(i.column for i in self.identifiers)}
        used |= {name for group in self.one_of for name in group}
        used |= {column.unit_of for column in self.columns if column.unit_of}
        if missing := used - set(names):
            raise ValueError(f"{self.key}: {sorted(missing)} are no columns of it")
        return self

    @property
    def key(self) -> str:
        """Return `source/name`, as the folder is called."""
        return f"{self.source}/{self.name}"

    @property
    def raw_table(self) -> str:
        """Return the table's name in schema `raw`."""
        return f"{self.source}_{self.name}"

    @property
    def file_patterns(self) -> tuple[str, ...]:
        """Return the file-name patterns that belong to the stream."""
        if self.also_csv:
            return self.patterns or (*JSON_LINES_ALL, *CSV_FILES)
        return self.patterns or (CSV_FILES if self.format == "csv" else JSON_LINES_ALL)

    def format_of(self, path: str) -> Literal["jsonl", "csv"]:
        """Return how a file is read, told by its name where the stream has two formats."""
        if self.also_csv and any(fnmatch(path, pattern) for pattern in CSV_FILES):
            return "csv"
        return self.format

    @property
    def personal_columns(self) -> tuple[str, ...]:
        """Return the columns that may never leave the working file."""
        return tuple(column.name for column in self.columns if column.personal)

    @property
    def fingerprint(self) -> str:
        """Return a hash of the declaration: a rejected file is read again when it changes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def ddl(self) -> str:
        """Return the DDL of the raw table.

        Beside the declared columns: `_load_id` leads back to the ledger, `_line_hash` and
        `_is_line_head` (true on one row of each line) count lines, `_row_number` is the record's
        place in its CSV, `_extra` keeps what the declaration doesn't name.
        """
        own = [f'"{c.name}" {c.json_type}' for c in self.columns]
        technical = [
            "_load_id BIGINT",
            "_line_hash UBIGINT",
            "_is_line_head BOOLEAN",
            "_row_number BIGINT",
            "_extra JSON",
        ]
        return f'create table if not exists raw."{self.raw_table}" ({", ".join(technical + own)})'


def dashed(text: str, name: str) -> str:
    """Return SQL for a cell of a column as ISO 8601: GA4 writes its dates without dashes."""
    if name != "date":
        return text
    return rf"regexp_replace({text}, '^(\d{{4}})(\d\d)(\d\d)$', '\1-\2-\3')"


def csv_stream(
    source: str,
    name: str,
    record: str,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
    *,
    key: tuple[str, ...] = (),
    person: Literal["none", "optional", "required"] = "none",
    event_time: str | None = None,
    personal: tuple[str, ...] = (),
    derived: tuple[Column, ...] = (),
    one_of: tuple[tuple[str, ...], ...] = (),
    identifiers: tuple[Identifier, ...] = (),
    rules: tuple[Rule, ...] = (),
    owner: str = "analytics",
    export_time_pattern: str | None = r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
) -> Stream:
    """Return the declaration of a CSV whose header has our own column names.

    Args:
        person: whether rows name a person, by one or more of `PERSON_COLUMNS`.
        event_time: the column with a record's own time.
        derived: columns computed from the others.
    """
    names_person = person != "none"
    person_columns = PERSON_COLUMNS if names_person else ()
    hidden = {*personal, *person_columns}
    if person == "required":
        one_of = (*one_of, PERSON_COLUMNS)
    if names_person:
        identifiers = (
            Identifier(kind="phone", column="phone"),
            Identifier(kind="bsuid", column="user_id"),
            Identifier(kind="email", column="email"),
            Identifier(kind="external", column="external_id"),
            *identifiers,
        )
    return Stream(
        source=source,
        name=name,
        record=record,
        format="csv",
        is_lenient=True,
        columns=(
            *(
                Column(
                    name=column,
                    required=column in required,
                    personal=column in hidden,
                    is_time=column == event_time,
                )
                for column in (*required, *person_columns, *optional)
            ),
            *derived,
        ),
        natural_key=key or person_columns,
        one_of=one_of,
        rules=rules,
        identifiers=identifiers,
        event_time=None if event_time is None else TEXT_TIME.format(dashed(event_time, event_time)),
        export_time_pattern=export_time_pattern,
        owner=owner,
    )
