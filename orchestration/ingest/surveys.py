"""Survey exports: `survey.yml` says which question is which; without it only a sure one counts.

CSV and JSON of all vendors become one table of cells, a column per question, so that the questions
are found in the same way wherever they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from pydantic import ValidationError, field_validator

from orchestration.ingest.arrays import json_form
from orchestration.ingest.csv_files import (
    CsvFile,
    distinct_names,
    in_utf8,
    likely_delimiter,
    read_records,
)
from orchestration.ingest.damage import Reject, advice, kept_text, repaired_copy, starts_with_bom
from orchestration.ingest.files import MAX_LINE_BYTES, UnreadableFile
from orchestration.ingest.mapping import (
    BLANKS,
    MappingFile,
    Strict,
    TextForm,
    TimeForm,
    is_time,
    literal,
    near,
    plain_header,
    time_sql,
    yaml_tree,
)
from orchestration.sources import Stream
from orchestration.sources.declaration import PERSON_COLUMNS
from orchestration.sources.surveys import SURVEY_TYPES, VENDORS

_MAX_ERRORS_SHOWN = 3
_MAX_QUESTIONS_SHOWN = 30
_SHOWN_CHARACTERS = 60
_SCALES = {"nps": "10", "csat": "5"}
# A question for recommending, in the languages of the shipped stop words.
_RECOMMENDS = r"\bnps\b|recommend|empfehl|recommand|recomend|consigli|raccomand"

Names = tuple[str, ...]


def _names(value: Any) -> Any:
    value = (value,) if isinstance(value, str) else value
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("name a question of the file")
    if any(not isinstance(name, str) or not name.strip() for name in value):
        raise ValueError("name a question of the file")
    return tuple(value)


class Person(Strict):
    """Which questions or hidden fields tell who answered; of several the first that is filled."""

    phone: Names = ()
    user_id: Names = ()
    email: Names = ()
    external_id: Names = ()
    unsaid: Names = ()

    @field_validator("*", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return _names(value)


class Survey(TextForm):
    """What `survey.yml` holds (README "Surveys").

    Args:
        survey: what the survey is called, for telling repeated answers; default: its question.
        score: the question whose answer counts; default: the only one that can be a score.
        survey_type: one of SURVEY_TYPES, or the column that holds it.
        scale_max: the highest answer, or the column that holds it.
        person: who answered: {phone, user_id, email, external_id: …}, or a column's name alone.
        ids_of: whose the conversation and agent ids are, e.g. chatwoot.
    """

    survey: str | None = None
    score: Names = ()
    survey_type: str | None = None
    scale_max: str | None = None
    comment: Names = ()
    topic: Names = ()
    person: Person = Person()
    response_id: Names = ()
    answered_at: Names = ()
    sent_at: Names = ()
    conversation_id: Names = ()
    agent_id: Names = ()
    ids_of: str | None = None
    time: TimeForm | None = None  # type: ignore[assignment]

    @field_validator(
        "score",
        "comment",
        "topic",
        "response_id",
        "answered_at",
        "sent_at",
        "conversation_id",
        "agent_id",
        mode="before",
    )
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return _names(value)

    @field_validator("person", mode="before")
    @classmethod
    def _named_alone(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"unsaid": value}

    @field_validator("scale_max")
    @classmethod
    def _is_scale(cls, value: str | None) -> str | None:
        if value is not None and value.strip().lstrip("-").replace(".", "", 1).isdigit():
            number = float(value)
            if not 1 < number <= 100:
                raise ValueError(f"{value} is no scale: give its highest answer, e.g. 5 or 10")
        return value


def parse_survey(file: MappingFile) -> Survey:
    """Read a survey.yml.

    Raises:
        UnreadableFile: `bad_survey`, with the file, the key and the mend.
    """
    return _parsed(file.path, file.content)


@cache
def _parsed(path: str, content: bytes) -> Survey:
    try:
        return Survey.model_validate(yaml_tree(content, "score"))
    except ValidationError as error:
        said = [_advice(item) for item in error.errors()[:_MAX_ERRORS_SHOWN]]
        raise _bad(path, "; ".join(said)) from None
    except ValueError as error:
        raise _bad(path, str(error)) from None


def _bad(path: str, what: str) -> UnreadableFile:
    return UnreadableFile("bad_survey", f"{path}: {what}")


def _advice(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        models: dict[str, type[Strict]] = {"person": Person, "time": TimeForm}
        inner = models.get(str(error["loc"][0])) if len(error["loc"]) > 1 else None
        fields = (inner or Survey).model_fields
        return f"key {where}: there is no such key{near(str(error['loc'][-1]), list(fields))}"
    if error["type"] == "string_type":
        return f"key {where}: give one text, no list and no further keys"
    return f"key {where}: {error['msg'].removeprefix('Value error, ')}"


def read_survey(
    con: duckdb.DuckDBPyConnection,
    stream: Stream,
    path: Path,
    scratch: Path,
    *,
    file: MappingFile | None,
    folder: str,
) -> CsvFile:
    """Read one export into the temp table `csv_rows`; outside of a transaction.

    Args:
        scratch: where a copy may stand while the file is read.
        file: the survey.yml that names its questions, None where none lies there.
        folder: where one would have to lie, for messages.

    Raises:
        UnreadableFile: the file is rejected whole.
    """
    survey = parse_survey(file) if file else Survey()
    if path.name.removesuffix(".gz").removesuffix(".zst").endswith(".csv"):
        cells = _csv_cells(con, stream, path, scratch, survey)
    else:
        cells = _json_cells(con, stream, path, scratch)
    name = file.path if file else ""
    return _Builder(con, stream, survey, cells, name=name, folder=folder).build()


@dataclass(frozen=True)
class _Cells:
    """What stands in `csv_rows`: names of c0, c1, …, other names of some, what was refused."""

    names: list[str]
    aliases: dict[str, int]
    rejects: list[Reject]


def _csv_cells(
    con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, scratch: Path, survey: Survey
) -> _Cells:
    with in_utf8(path, scratch, survey.encoding, 0) as text_path:
        two = VENDORS[stream.name].has_two_headers
        aliases: dict[str, int] = {}

        def header_of(first: list[str], second: list[str]) -> tuple[list[str], int]:
            # The second header row has no respondent.
            if not two or not second or second[0].strip() or len(second) < len(first):
                return first, 1
            names, question = [], ""
            for place, (over, under) in enumerate(zip(first, second, strict=False)):
                question = over or question
                plain = under.strip()
                is_whole = bool(over) and plain.casefold() in _WHOLE_ANSWER
                names.append(question if is_whole or not plain else f"{question} - {plain}")
                if over:
                    aliases.setdefault(plain_header(over), place)
            return names, 2

        delimiter = survey.delimiter or likely_delimiter(text_path)
        names, rejects = read_records(con, text_path, delimiter, header_of)
    return _Cells(names, aliases, rejects)


# What SurveyMonkey writes below a question that has one answer.
_WHOLE_ANSWER = (
    "",
    "response",
    "open-ended response",
    "antwort",
    "respuesta",
    "réponse",
    "resposta",
)


def _json_cells(
    con: duckdb.DuckDBPyConnection, stream: Stream, path: Path, scratch: Path
) -> _Cells:
    _read_objects(con, path, scratch)
    rejects: list[Reject] = [
        (number, reason, advice(reason), kept_text(str(text or "").encode()))
        for number, reason, text in con.execute(
            "select row_number, case when json is null then 'bad_json' else 'not_an_object' end, "
            "json from survey_objects where not is_object order by row_number"
        ).fetchall()
    ]
    con.execute(
        "create or replace temp table survey_entries as "
        f"select row_number, name, alias, value from ({_ENTRIES[stream.name]}) "
        "where name is not null and value is not null"
    )
    names = [
        name
        for (name,) in con.execute(
            "select name from survey_entries group by name order by min(row_number), name"
        ).fetchall()
    ]
    places = {name: place for place, name in enumerate(names)}
    aliases = {
        plain_header(alias): places[name]
        for name, alias in con.execute(
            "select distinct name, alias from survey_entries where alias is not null order by all"
        ).fetchall()
    }
    columns = "".join(
        f", min(value) filter (where name = {literal(name)}) as c{place}"
        for name, place in places.items()
    )
    con.execute(f"""
create or replace temp table csv_rows as
select row_number, row_number as line_number, 0 as more_lines{columns}
from (select row_number from survey_objects where is_object) as objects
left join survey_entries using (row_number)
group by row_number
""")
    con.execute("drop table survey_objects; drop table survey_entries")
    return _Cells(names, aliases, rejects)


# A response, whether it stands alone, in a list or in an answer of the API.
_UNPACKED = """
create or replace temp table survey_objects as
select
    row_number() over () as row_number,
    coalesce(json_extract(json, '$.form_response'), json) as json,
    coalesce(json_type(json) = 'OBJECT', false) as is_object
from (
    select unnest(
        case
            when json_type(json, '$.items') = 'ARRAY' then json_extract(json, '$.items[*]')
            when json_type(json, '$.data') = 'ARRAY' then json_extract(json, '$.data[*]')
            else [json]
        end
    ) as json
    from {reader}
)
"""


def _read_objects(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> None:
    """Read JSON of any form: lines, a list, an answer of the API on one line or on many."""
    size = f"maximum_object_size = {MAX_LINE_BYTES}"
    is_list = json_form(path) == "array"
    sound = f"read_json_objects($file, format = '{'array' if is_list else 'unstructured'}', {size})"
    lines = f"read_ndjson_objects($file, ignore_errors = true, {size})"
    con.execute("set preserve_insertion_order = true")
    try:
        if not starts_with_bom(path):
            try:
                con.execute(_UNPACKED.format(reader=sound), {"file": str(path)})
                return
            except duckdb.Error:
                if not is_list:
                    con.execute(_UNPACKED.format(reader=lines), {"file": str(path)})
                    return
        copy, _ = repaired_copy(path, scratch.parent, scratch.stem, is_array=is_list)
        try:
            reader = lines if is_list else sound
            con.execute(_UNPACKED.format(reader=reader), {"file": str(copy)})
        finally:
            copy.unlink(missing_ok=True)
    except duckdb.Error:
        raise UnreadableFile(
            "unreadable", "the file is no JSON that can be read: export it again"
        ) from None
    finally:
        con.execute("set preserve_insertion_order = false")


def _scalars(of: str, prefix: str = "") -> str:
    """Return SQL: an entry per plain value of an object, by its key."""
    pointer = "'/' || replace(replace(key, '~', '~0'), '/', '~1')"
    return f"""
select row_number, {literal(prefix)} || key as name, null::varchar as alias,
    json_extract_string(object, {pointer}) as value
from (
    select row_number, object, unnest(json_keys(object)) as key
    from (select row_number, {of} as object from survey_objects where is_object)
    where json_type(object) = 'OBJECT'
)
where json_type(object, {pointer}) not in ('OBJECT', 'ARRAY', 'NULL')
"""


def _renamed(old: str, new: str, entries: str) -> str:
    name = f"case name when {literal(old)} then {literal(new)} else name end"
    return f"select row_number, {name} as name, alias, value from ({entries})"


def _each(of: str, name: str, alias: str, value: str) -> str:
    """Return SQL: an entry per element of a list; `item` is the element, `json` the response."""
    return f"""
select row_number, {name} as name, {alias} as alias, {value} as value
from (
    select row_number, json, unnest(json_extract(json, '{of}')) as item
    from survey_objects where is_object
)
"""


def _first_of(*paths: str) -> str:
    return "coalesce(" + ", ".join(f"nullif(item ->> '{path}', '')" for path in paths) + ")"


def _joined(path: str) -> str:
    return f"nullif(array_to_string(item ->> '{path}', ', '), '')"


# Where the response brings the form along, a question has its title, else its ref or id.
_TYPEFORM_TITLE = (
    "nullif(list_filter(json_extract(json, '$.definition.fields[*]'), "
    "lambda f: f ->> '$.id' = item ->> '$.field.id')[1] ->> '$.title', '')"
)
_TYPEFORM_NAME = f"coalesce({_TYPEFORM_TITLE}, {_first_of('$.field.ref', '$.field.id')})"
_TYPEFORM_VALUE = (
    f"coalesce({_first_of('$.number', '$.text', '$.choice.label', '$.choice.other')}, "
    f"{_first_of('$.email', '$.phone_number', '$.boolean', '$.date', '$.url', '$.file_url')}, "
    f"{_joined('$.choices.labels[*]')})"
)
_SURVEYMONKEY_VALUE = (
    "coalesce(item ->> '$.answers[0].choice_metadata.weight', "
    f"{_joined('$.answers[*].simple_text')}, {_joined('$.answers[*].text')}, "
    f"{_joined('$.answers[*].choice_id')})"
)
_DELIGHTED_VALUE = (
    f"coalesce({_first_of('$.value.free_response', '$.value.scale', '$.value.select_one.text')}, "
    f"{_joined('$.value.select_many[*].text')})"
)
_UNNAMED = "null::varchar"
_ENTRIES = {
    "typeform": " union all ".join(
        (
            _scalars("json"),
            _scalars("json_extract(json, '$.hidden')"),
            _each("$.answers[*]", _TYPEFORM_NAME, _first_of("$.field.ref"), _TYPEFORM_VALUE),
            _each("$.answers[*]", _TYPEFORM_NAME, _first_of("$.field.id"), _TYPEFORM_VALUE),
        )
    ),
    "surveymonkey": " union all ".join(
        (
            _renamed("id", "Respondent ID", _scalars("json")),
            _scalars("json_extract(json, '$.custom_variables')"),
            _each(
                "$.pages[*].questions[*]",
                _first_of("$.heading", "$.id"),
                _first_of("$.id"),
                _SURVEYMONKEY_VALUE,
            ),
        )
    ),
    "delighted": " union all ".join(
        (
            _scalars("json"),
            _renamed("id", "Person ID", _scalars("json_extract(json, '$.person')")),
            _scalars("json_extract(json, '$.person_properties')"),
            _each(
                "$.additional_answers[*]",
                _first_of("$.question.text", "$.question.id"),
                _first_of("$.question.id"),
                _DELIGHTED_VALUE,
            ),
        )
    ),
}


@dataclass(frozen=True)
class _Answers:
    """How many there are to a question, and whether all are 0 to 10, and 1 to 5."""

    count: int
    are_scores: bool | None
    is_low: bool | None


class _Builder:
    """Finds the questions among the columns of a file, and turns them into SQL over its cells."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        stream: Stream,
        survey: Survey,
        cells: _Cells,
        *,
        name: str,
        folder: str,
    ) -> None:
        self._con, self._stream, self._survey, self._name = con, stream, survey, name
        self._folder, self._cells = folder, cells
        self._has_type_column = False
        self._vendor = VENDORS[stream.name]
        self._plain = [plain_header(text) for text in cells.names]
        self._taken: set[int] = set()
        self._remarks: list[str] = []
        self._unreadable: dict[str, str] = {}

    def build(self) -> CsvFile:
        """Return the cells of our columns.

        Raises:
            UnreadableFile: it isn't clear which question is the score.
        """
        # Those that are named first: what a column is by its name alone must not be theirs.
        named = {ours: self._named(ours, getattr(self._survey, ours)) for ours in _ASKABLE}
        persons = {ours: self._named(ours, getattr(self._survey.person, ours)) for ours in _PERSONS}
        unsaid = self._named("person", self._survey.person.unsaid)
        own = {**named, **persons}
        for column in self._stream.columns:
            # A form may compute a `score` of its own: where the vendor has no such question, it is
            # a question like others.
            is_asked = column.name == "score" and not column.aliases
            if column.derived is None and not is_asked and not own.get(column.name):
                own[column.name] = self._declared(column.path, *column.aliases)
        kind, scale = self._constant("survey_type", own), self._constant("scale_max", own)
        self._has_type_column = bool(own["survey_type"]) and kind is None
        own["score"], kind = self._score(own["score"], kind)
        self._taken.update(own["score"])
        cells = {ours: self._text(places) for ours, places in own.items()}
        cells["survey_type"] = literal(kind) if kind else cells["survey_type"]
        scale = scale or _SCALES.get(kind or "")
        cells["scale_max"] = literal(scale) if scale else cells["scale_max"]
        question = self._survey.survey or " ".join(self._cells.names[p] for p in own["score"])
        cells["survey"] = literal(question) if question else "null::varchar"
        cells["ids_of"] = literal(self._survey.ids_of) if self._survey.ids_of else cells["ids_of"]
        for ours in PERSON_COLUMNS:
            cells[ours] = self._person(ours, cells[ours], unsaid)
        cells["external_id"] = self._vendors_person(cells)
        for ours in [ours for ours in cells if is_time(ours)]:
            cells[ours] = self._time(ours, cells[ours])
        kept = [place for place in range(len(self._cells.names)) if place not in self._taken]
        order = [column.name for column in self._stream.columns if column.derived is None]
        return CsvFile(
            distinct_names(self._cells.names),
            {ours: cells[ours] for ours in order},
            kept,
            [],
            self._cells.rejects,
            self._unreadable,
            self._remarks,
            is_mapped=True,
        )

    def _place(self, name: str) -> int | None:
        plain = plain_header(name)
        places = [place for place, text in enumerate(self._plain) if text == plain]
        if len(places) > 1:
            raise UnreadableFile(
                "duplicate_column",
                f"the question {name!r} stands twice: give one of them another title",
            )
        return places[0] if places else self._cells.aliases.get(plain)

    def _named(self, ours: str, names: Names) -> list[int]:
        found = [place for name in names if (place := self._place(name)) is not None]
        self._taken.update(found)
        if names and not found:
            listed = " or ".join(repr(name) for name in names)
            if ours == "score":
                raise UnreadableFile(
                    "missing_column",
                    f"{self._name} takes the score from {listed}, which is none of the file's "
                    f"questions: {self._questions_said(self._questions())}",
                )
            self._remarks.append(
                f"{ours} stays empty: {self._name} takes it from {listed}, which is not there"
            )
        return found

    def _declared(self, *names: str) -> list[int]:
        plain = {plain_header(name) for name in names}
        found = [
            place
            for place, text in enumerate(self._plain)
            if text in plain and place not in self._taken
        ]
        self._taken.update(found)
        return found

    def _constant(self, ours: str, own: dict[str, list[int]]) -> str | None:
        """Return a word or number of survey.yml, or take the column that it names instead."""
        said: str | None = getattr(self._survey, ours)
        if said is None:
            return None
        is_scale = ours == "scale_max"
        if said.replace(".", "", 1).isdigit() if is_scale else said.casefold() in SURVEY_TYPES:
            return said.casefold()
        place = self._place(said)
        if place is None:
            expected = "2, 3, … 100" if is_scale else ", ".join(SURVEY_TYPES)
            raise _bad(
                self._name,
                f"key {ours}: {said!r} is neither one of {expected}, nor a column of the file",
            )
        self._taken.add(place)
        own[ours] = [place]
        return None

    def _questions(self) -> list[int]:
        declared = [c for c in self._stream.columns if c.derived is None and c.name not in _ASKED]
        others = {
            plain_header(name)
            for names in (
                self._vendor.no_questions,
                *((column.path, *column.aliases) for column in declared),
            )
            for name in names
        }
        return [
            place
            for place, text in enumerate(self._plain)
            if text and place not in self._taken and text not in others
        ]

    def _questions_said(self, places: list[int]) -> str:
        shown = [self._cells.names[place] for place in places[:_MAX_QUESTIONS_SHOWN]]
        texts = [
            repr(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…")
            for text in shown
        ]
        more = len(places) - len(shown)
        return (", ".join(texts) or "none") + (f" and {more} more" if more > 0 else "")

    def _score(self, named: list[int], kind: str | None) -> tuple[list[int], str | None]:
        """Return the places of the question that is the score, and the type of the survey.

        The type is None where a column tells it.
        """
        if named:
            return named, self._type_of_named(named, kind)
        questions = self._questions()
        answers = [(place, self._answers([place])) for place in questions]
        fitting = [(place, found.is_low) for place, found in answers if found.are_scores]
        if len(fitting) == 1:
            place, is_low = fitting[0]
            return [place], kind or self._type_by_answers(place, is_low)
        if not self._has_rows():
            return [], kind
        problem = (
            "several of its questions could be the score"
            if fitting
            else "no question has answers that are all 0 to 10 or 1 to 5"
        )
        raise UnreadableFile(
            "unclear_score",
            f"{problem}: name it as `score:` in {self._name or self._yml()}. "
            f"Its questions: {self._questions_said(questions)}",
        )

    def _type_of_named(self, named: list[int], kind: str | None) -> str | None:
        if kind or self._has_type_column:
            return kind
        if by_scale := {scale: word for word, scale in _SCALES.items()}.get(
            str(self._survey.scale_max)
        ):
            return by_scale
        found = self._answers(named)
        if found.are_scores:
            return self._type_by_answers(named[0], found.is_low)
        if found.count == 0:
            return "other"
        raise UnreadableFile(
            "unclear_score",
            f"the answers to {self._questions_said(named)} are not all 0 to 10 or 1 to 5: say in "
            f"{self._name or self._yml()} what they are, as `survey_type:` (one of "
            f"{', '.join(SURVEY_TYPES)})",
        )

    def _yml(self) -> str:
        return f"{self._folder}/survey.yml"

    def _has_rows(self) -> bool:
        return bool(self._con.execute("select 1 from csv_rows limit 1").fetchall())

    def _type_by_answers(self, place: int, is_low: bool | None) -> str:
        """Tell NPS from CSAT: where all answers lie between 1 and 5, the question decides."""
        text = self._cells.names[place].casefold()
        asked = self._con.execute("select regexp_matches(?, ?)", [text, _RECOMMENDS]).fetchone()
        return "csat" if is_low and not (asked and asked[0]) else "nps"

    def _answers(self, places: list[int]) -> _Answers:
        text = self._text(places)
        number = f"try_cast({text} as double)"
        fits = (
            f"bool_and(coalesce({number} = floor({number}) and {number} between {{}} and {{}}, "
            f"false)) filter (where {text} is not null)"
        )
        row = self._con.execute(
            f"select count({text}), {fits.format(0, 10)}, {fits.format(1, 5)} from csv_rows"
        ).fetchone()
        return _Answers(*(row or (0, None, None)))

    def _text(self, places: list[int]) -> str:
        texts = [f"nullif(trim(c{place}, {BLANKS}), '')" for place in places]
        if not texts:
            return "null::varchar"
        return texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"

    def _person(self, ours: str, text: str, unsaid: list[int]) -> str:
        """Add the columns that name a person without saying how: an address, a number or an id."""
        parts = [text]
        for place in unsaid:
            cell = self._text([place])
            bare = f"regexp_replace({cell}, '[\\s().\\-/'']', '', 'g')"
            header = self._plain[place]
            is_mail = f"contains({cell}, '@')"
            is_user = f"regexp_full_match({cell}, '[A-Z]{{2}}\\.(ENT\\.)?[A-Za-z0-9]{{1,128}}')"
            is_number = f"(regexp_full_match({bare}, '(whatsapp:)?(\\+|00)[0-9]{{7,15}}')" + (
                f" or regexp_full_match({bare}, '[0-9]{{7,15}}'))"
                if any(word in header for word in _NUMBER_WORDS)
                else ")"
            )
            test = {
                "email": is_mail,
                "user_id": is_user,
                "phone": is_number,
                "external_id": f"not ({is_mail} or {is_user} or {is_number})",
            }[ours]
            parts.append(f"case when {test} then {cell} end")
        return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"

    def _vendors_person(self, cells: dict[str, str]) -> str:
        places = [
            place
            for place, text in enumerate(self._plain)
            if self._vendor.person_column
            and text in (plain_header(self._vendor.person_column), "person")
            and place not in self._taken
        ]
        if not places:
            return cells["external_id"]
        self._taken.update(places)
        others = ", ".join(cells[ours] for ours in PERSON_COLUMNS)
        own = f"{literal(self._vendor.person_prefix)} || {self._text(places)}"
        return f"case when coalesce({others}) is null then {own} else {cells['external_id']} end"

    def _time(self, ours: str, text: str) -> str:
        if text == "null::varchar":
            return text
        form = self._survey.time or TimeForm(format=self._vendor.times)
        value = time_sql(text, form, is_date=False)
        self._unreadable[ours] = f"({text} is not null and {value} is null)"
        return value


_ASKABLE = (
    "score",
    "comment",
    "topic",
    "response_id",
    "answered_at",
    "sent_at",
    "conversation_id",
    "agent_id",
)
_ASKED = ("score", "comment", "topic", "survey", "survey_type", "scale_max")
_PERSONS = PERSON_COLUMNS
_NUMBER_WORDS = ("phone", "mobil", "tel", "whatsapp", "wa_id", "celular", "handy", "number")
