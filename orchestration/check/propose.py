"""Propose a mapping for a CSV that nobody declared: which stream, which columns, which forms.

A column of ours is matched by its header (our name, then the words of `synonyms.yml`) and by what
its cells look like; a match whose cells can't be what the column holds is no match.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from orchestration.check.shape import DAY_FIRST, MONTH_FIRST, Profile, Shape
from orchestration.ingest.mapping import ISO, UNIX, UNIX_MS, is_number, is_time
from orchestration.sources import STREAMS, Column, Stream
from orchestration.sources.declaration import PERSON_COLUMNS

MIN_SCORE = 0.5
_SMALL_WORDS = frozenset(
    ("de", "del", "da", "do", "di", "du", "la", "le", "les", "of", "the", "am", "um", "el", "der")
)
_CURRENCIES = frozenset(
    ("EUR", "USD", "GBP", "CHF", "BRL", "MXN", "ARS", "INR", "COP", "CLP", "PEN", "CAD", "AUD")
)
# What must be known of a file before it can be used, and which no file of another system tells.
_TODO = {
    "channel_id": "the number or id of your business the file is about",
    "cost_type": "software, labour, incentive or other",
    "currency_code": "three letters, e.g. EUR",
    "message_id": "name a column that tells one message from another",
    "direction": "outbound or inbound",
}
# Kinds of cells by which a column is known even where its header says nothing.
_TELLING = {"message_id": ("wamid", 0.9), "email": ("email", 0.9), "phone": ("phone", 0.55)}
_NEEDED = {
    "phone": "phone",
    "user_id": "bsuid",
    "email": "email",
    "url": "url",
    "currency_code": "currency",
    "is_human": "bool",
}


@dataclass(frozen=True)
class Proposal:
    """A mapping for one file.

    Args:
        stream: the declared stream it fits best.
        columns: our column → the file's header.
        missing: required columns that the file doesn't have: the user must name them.
        text: the `mapping.yml`.
        remarks: what was decided on thin evidence.
    """

    stream: Stream
    columns: dict[str, str]
    missing: tuple[str, ...]
    text: str
    remarks: tuple[str, ...] = ()


@dataclass
class _Fit:
    stream: Stream
    places: dict[str, int]
    score: float
    constants: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def propose(shape: Shape, only: str | None = None) -> Proposal | None:
    """Return the best mapping for a file, None where it resembles none of our streams.

    Args:
        only: the name of the one stream to consider.
    """
    fits = [
        _fit(shape, stream)
        for stream in STREAMS
        if stream.source == "generic" and only in (None, stream.name)
    ]
    fits = [fit for fit in fits if len(fit.places) > 1 or only]
    if not fits:
        return None
    # The first of equals: sorting keeps the order of the catalogue.
    best = sorted(fits, key=lambda fit: -fit.score)[0]
    return _proposal(shape, best) if best.score > 0 or only else None


def plain_words(text: str) -> tuple[str, ...]:
    """Return the words of a header without case, accents, punctuation and small words."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    bare = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(mark for mark in bare if not unicodedata.combining(mark))
    words = re.findall(r"[a-z0-9]+", bare)
    return tuple(word for word in words if word not in _SMALL_WORDS) or tuple(words)


@cache
def _vocabulary() -> dict[str, dict[str, list[tuple[str, ...]]]]:
    tree = yaml.safe_load(Path(__file__).with_name("synonyms.yml").read_text(encoding="utf-8"))
    columns = {
        ours: [plain_words(word) for word in (ours, *words)]
        for ours, words in tree["columns"].items()
    }
    values = {
        f"{ours}={value}": [plain_words(word) for word in words]
        for ours, listed in tree["values"].items()
        for value, words in listed.items()
    }
    return {"columns": columns, "values": values}


def _fit(shape: Shape, stream: Stream) -> _Fit:
    own = [column for column in stream.columns if column.derived is None]
    candidates = sorted(
        (-score, order, place)
        for order, column in enumerate(own)
        for place, header in enumerate(shape.header)
        if (score := _score(column, header, shape.profiles[place])) >= MIN_SCORE
    )
    places: dict[str, int] = {}
    total = 0.0
    for negative, order, place in candidates:
        name = own[order].name
        if name not in places and place not in places.values():
            places[name] = place
            total -= negative
    fit = _Fit(stream, places, total)
    _take_lone_time(shape, fit)
    _take_sender(shape, fit)
    _fill_in(shape, fit)
    required = [column.name for column in own if column.is_not_null]
    given = {*places, *fit.constants}
    fit.missing = [name for name in required if name not in given]
    if PERSON_COLUMNS in stream.one_of and not given & set(PERSON_COLUMNS):
        fit.missing.append("phone")
    # What a stream needs says more of a file than what it may hold.
    fit.score += sum(0.5 for name in required if name in places) - 1.5 * len(fit.missing)
    return fit


def _take_lone_time(shape: Shape, fit: _Fit) -> None:
    """Take the one column of times that is left where a required time is not known by its name."""
    lacking = [c.name for c in fit.stream.columns if c.is_not_null and is_time(c.name)]
    lacking = [name for name in lacking if name not in fit.places]
    left = [
        place
        for place, profile in enumerate(shape.profiles)
        if profile.forms and place not in fit.places.values()
    ]
    if len(lacking) == 1 and len(left) == 1:
        fit.places[lacking[0]] = left[0]
        fit.score += MIN_SCORE
        fit.remarks.append(f"{lacking[0]} is taken from the one column of times: check it")


def _take_sender(shape: Shape, fit: _Fit) -> None:
    """Take the sender's id as the agent's where another column tells what kind of sender it is.

    Without one it may be the business' own number.
    """
    if "sender_type" not in fit.places or "agent_id" in fit.places:
        return
    for place, header in enumerate(shape.header):
        if plain_words(header) != ("sender", "id") or not _may_hold(
            "agent_id", shape.profiles[place]
        ):
            continue
        if fit.places.get("channel_id") == place:
            del fit.places["channel_id"]
        if place not in fit.places.values():
            fit.places["agent_id"] = place


def _score(column: Column, header: str, profile: Profile) -> float:
    score = max(
        (_likeness(words, plain_words(header)) for words in _words_of(column.name)), default=0.0
    )
    kind, alone = _TELLING.get(column.name, ("", 0.0))
    if kind in profile.kinds and not (kind == "phone" and _is_only_time(profile)):
        score = max(score, alone) + (0.04 if score else 0)
    if column.name == "direction" and _translations("direction", profile):
        score = max(score + 0.04, 0.85)
    return score if _may_hold(column.name, profile) else 0.0


def _words_of(name: str) -> list[tuple[str, ...]]:
    return _vocabulary()["columns"].get(name) or [plain_words(name)]


def _likeness(words: tuple[str, ...], header: tuple[str, ...]) -> float:
    if words == header:
        return 0.95
    if "".join(words) == "".join(header):
        return 0.93
    if words and set(words) <= set(header) and len("".join(words)) > 3:
        return 0.5 + 0.4 * len(words) / len(header)
    return 0.0


def _may_hold(name: str, profile: Profile) -> bool:
    """Tell whether the cells may be what a column of ours holds; empty ones may be anything."""
    kinds = profile.kinds
    if not profile.filled:
        holds = True
    elif is_time(name):
        holds = bool(profile.forms) or (name.endswith("clicked_at") and "json" in kinds)
    elif is_number(name):
        holds = "number" in kinds and not _is_only_time(profile)
    elif name == "direction":
        holds = bool(_translations(name, profile))
    elif name == "last_status":
        holds = bool(profile.words) and not kinds & {"number", "phone"}
    elif name in _NEEDED:
        holds = _NEEDED[name] in kinds and not (name == "phone" and _is_only_time(profile))
    else:
        # A time, an address or an amount with decimals is no id and no name.
        holds = not (_is_only_time(profile) or "email" in kinds or profile.comma is not None)
    return holds


def _is_only_time(profile: Profile) -> bool:
    return bool(set(profile.forms) - {UNIX, UNIX_MS})


def _translations(name: str, profile: Profile) -> dict[str, str]:
    """Return their words → ours, empty unless each of them is known."""
    known = {
        words: key.partition("=")[2]
        for key, listed in _vocabulary()["values"].items()
        if key.startswith(f"{name}=")
        for words in listed
    }
    found = {word: known.get(plain_words(word), "") for word in sorted(profile.words)}
    if name in ("last_status", "sender_type"):
        return {word: ours for word, ours in found.items() if ours}
    return found if all(found.values()) else {}


def _fill_in(shape: Shape, fit: _Fit) -> None:
    """Add constants that are safe to say without asking."""
    names = {column.name for column in fit.stream.columns}
    told = {"delivered_at", "read_at", "failed_at", "campaign_id", "template_name", "last_status"}
    if "direction" in names - set(fit.places) and told & set(fit.places):
        # Only what a business sends is delivered, read, or of a campaign.
        fit.constants["direction"] = "outbound"
        # A tie between messages and their report: this is what a sender tells of its sendings.
        fit.score += 0.1 if fit.stream.name == "message_reports" else 0
    if "currency_code" in names - set(fit.places):
        for name in fit.places:
            place = fit.places[name]
            found = set(re.findall(r"[A-Z]{3}", shape.header[place])) & _CURRENCIES
            if is_number(name) and (found or "€" in shape.header[place]):
                fit.constants["currency_code"] = min(found, default="EUR")


def _proposal(shape: Shape, fit: _Fit) -> Proposal:
    columns = {
        column.name: shape.header[fit.places[column.name]]
        for column in fit.stream.columns
        if column.name in fit.places
    }
    forms, remarks = _time_forms(shape, fit)
    remarks += _unknown_senders(shape, fit)
    lines = [
        f"# {fit.stream.name}: {fit.stream.record}.",
        "# Proposed by `make check` from headers and the look of the cells: read it through.",
        "# Left of each colon stands our column, right of it the file's.",
        "columns:",
    ]
    for ours, theirs in columns.items():
        profile = shape.profiles[fit.places[ours]]
        if is_time(ours) and "json" in profile.kinds and not profile.forms:
            lines.append(f'  {ours}: {{column: {_quoted(theirs)}, json: "$[*].ts"}}')
        else:
            lines.append(f"  {ours}: {_quoted(theirs)}")
    if fit.constants or fit.missing:
        # A key without a value is none: the comments below it wait to be filled in.
        lines.append("constants:")
        lines += [f"  {ours}: {_quoted(value)}" for ours, value in fit.constants.items()]
        lines += [
            f"  # {name}: TODO {_TODO.get(name, 'the file has no such column')}"
            for name in fit.missing
        ]
    values = {
        ours: _translations(ours, shape.profiles[fit.places[ours]])
        for ours in ("direction", "sender_type", "last_status")
        if ours in fit.places
    }
    if any(values.values()):
        lines.append("values:")
        for ours, listed in values.items():
            if listed:
                pairs = ", ".join(f"{_quoted(t)}: {_quoted(o)}" for t, o in listed.items())
                lines.append(f"  {ours}: {{{pairs}}}")
    lines += ["time:", f"  format: [{', '.join(_quoted(form) for form in forms)}]"]
    lines += [
        "  # The zone the file tells times in, an IANA name like Europe/Berlin.",
        "  zone: UTC",
    ]
    numbers = [shape.profiles[fit.places[n]].comma for n in fit.places if is_number(n)]
    if any(comma is not None for comma in numbers):
        lines.append(f"decimal: {_quoted(',' if True in numbers else '.')}")
    lines.append(f"delimiter: {_quoted('tab' if shape.delimiter == chr(9) else shape.delimiter)}")
    lines.append(f"encoding: {shape.encoding}")
    if shape.skip_rows:
        lines.append(f"skip_rows: {shape.skip_rows}")
    rest = [
        name for place, name in enumerate(shape.header) if place not in fit.places.values() and name
    ]
    if rest:
        lines.append("# Not needed: kept in the working file, never published.")
        lines.append(f"ignore: [{', '.join(_quoted(name) for name in rest)}]")
    return Proposal(
        fit.stream, columns, tuple(fit.missing), "\n".join(lines) + "\n", (*fit.remarks, *remarks)
    )


def _unknown_senders(shape: Shape, fit: _Fit) -> list[str]:
    place = fit.places.get("sender_type")
    if place is None:
        return []
    words = shape.profiles[place].words
    # Cells that are no few short words tell nobody's kind, and may be names: none is shown.
    unknown = sorted(words - set(_translations("sender_type", shape.profiles[place])))
    if not unknown and (words or not shape.profiles[place].filled):
        return []
    return [
        f"{len(unknown) or 'all'} of the words in {shape.header[place]} are not known: write them "
        "below values, sender_type as agent, bot, campaign or api (contact for a customer)"
    ]


def _quoted(text: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        return text
    return json.dumps(text, ensure_ascii=False)


def _time_forms(shape: Shape, fit: _Fit) -> tuple[list[str], list[str]]:
    """Return the forms that read every time column, and what was decided on thin evidence.

    All columns of a file are written by one program: where one of them tells day from month, it
    tells for all.
    """
    fitting = [
        set(shape.profiles[place].forms)
        for name, place in fit.places.items()
        if is_time(name) and shape.profiles[place].forms
    ]
    if not fitting:
        return [ISO], []
    day_first = all(
        set(forms) & {*DAY_FIRST} for forms in fitting if forms & {*DAY_FIRST, *MONTH_FIRST}
    )
    month_first = all(
        set(forms) & {*MONTH_FIRST} for forms in fitting if forms & {*DAY_FIRST, *MONTH_FIRST}
    )
    remarks = []
    order = [*DAY_FIRST, *MONTH_FIRST]
    ambiguous = any(forms & {*DAY_FIRST} for forms in fitting) and day_first and month_first
    if ambiguous:
        # Who writes AM and PM writes the month first.
        twelve = any("%p" in form for forms in fitting for form in forms)
        order = [*MONTH_FIRST, *DAY_FIRST] if twelve else order
        first = "month" if twelve else "day"
        remarks.append(
            f"no date of the file tells day from month: read with the {first} first, check it"
        )
    elif month_first:
        order = [*MONTH_FIRST, *DAY_FIRST]
    chosen: list[str] = []
    for forms in fitting:
        if forms & set(chosen):
            continue
        ranked = [ISO, UNIX, UNIX_MS, *order]
        chosen.append(min(forms, key=lambda form: (_rank(ranked, form), form)))
    return chosen, remarks


def _rank(ranked: list[str], form: str) -> int:
    return ranked.index(form) if form in ranked else len(ranked)
