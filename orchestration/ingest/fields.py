"""Streams of JSON lines whose columns map one to one: the SQL that reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from orchestration.ingest.arrays import Form
from orchestration.ingest.files import MAX_LINE_BYTES
from orchestration.sources import Column, Stream

_PATH_TOKEN = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _tokens(path: str) -> list[str | int]:
    return [name or int(index) for name, index in _PATH_TOKEN.findall(path)]


def _shape(columns: list[Column]) -> dict[str, Any]:
    """Return the nested shape that `from_json` takes, from dotted paths."""
    root: dict[str, Any] = {}
    for column in columns:
        node: Any = root
        tokens = _tokens(column.path)
        for position, token in enumerate(tokens):
            following = tokens[position + 1] if position + 1 < len(tokens) else None
            fresh: Any = (
                column.json_type
                if following is None
                else ([] if isinstance(following, int) else {})
            )
            if isinstance(token, int):
                if not node:
                    node.append(fresh)
                node = node[0]
            else:
                node = node.setdefault(token, fresh)
    return root


def _access(path: str) -> str:
    text = "line"
    for token in _tokens(path):
        text += f"[{token + 1}]" if isinstance(token, int) else f'."{token}"'
    return text


def _required_groups(stream: Stream) -> list[tuple[str, ...]]:
    """Return groups of columns of which each row must fill at least one."""
    alone = [(c.name,) for c in stream.columns if c.is_not_null and c.derived is None]
    return [*alone, *stream.one_of]


def _first_filled(values: Iterable[str]) -> str:
    return "coalesce(" + ", ".join(f"nullif({value}, '')" for value in values) + ")"


def _quoted(name: str) -> str:
    return f'"{name}"'


def rows_sql(files: str, form: Form, *, others: str = "") -> str:
    """Return the table function that gives each JSON line, or each element of a JSON array.

    Only lines can be unreadable one by one: an array with a bad element is refused whole.
    """
    reader = "read_ndjson_objects" if form == "lines" else "read_json_objects"
    how = {"lines": "ignore_errors = true", "array": "format = 'array'"}.get(
        form, "format = 'unstructured'"
    )
    rows = f"{reader}({files}, {how}, maximum_object_size = {MAX_LINE_BYTES}{others})"
    if form != "page":
        return rows
    within = "case when json_type(json, '$.data') = 'ARRAY' then json_extract(json, '$.data[*]')"
    return f"(select * replace (unnest({within} else [json] end) as json) from {rows})"


def json_lines_sql(stream: Stream, *, load_ids: str, form: Form = "lines") -> str:
    """Return the INSERT that maps JSON lines (files bound as `$files`) to the raw table.

    A line that can't be used gives a row whose `_is_line_head` is false.

    Args:
        load_ids: the table of paths and their loads.
        form: of arrays and pages what is said of lines holds for their elements.
    """
    mapped = [column for column in stream.columns if column.derived is None]
    derived = [column for column in stream.columns if column.derived is not None]
    shape = json.dumps(_shape(mapped), separators=(",", ":"))
    top_level = sorted({str(_tokens(column.path)[0]) for column in mapped})
    # A nested object of which we map some leaves counts as known.
    known = "[" + ", ".join(f"'{name}'" for name in top_level) + "]"
    names = ", ".join(f'"{c.name}"' for c in (*mapped, *derived))
    values = ",\n        ".join(f'{_access(c.path)} as "{c.name}"' for c in mapped)
    computed = "".join(f', {c.derived} as "{c.name}"' for c in derived)
    usable = [
        f"{_first_filled(map(_quoted, group))} is not null" for group in _required_groups(stream)
    ]
    cell = "nullif(\"{}\", '')".format
    usable += [f"not {rule.sql(cell)}" for rule in stream.rules]
    return f"""
insert into raw."{stream.raw_table}" (_load_id, _line_hash, _is_line_head, _extra, {names})
with lines as (
    select
        numbered.load_id,
        hash(json) as line_hash,
        json,
        from_json(json, '{shape}') as line,
        json_keys(json) as keys
    from {rows_sql("$files", form, others=", filename = true")} as read
    join {load_ids} as numbered on numbered.path = read.filename
),
mapped as (
    select
        load_id,
        line_hash,
        json is not null and json_type(json) = 'OBJECT' and strlen(json) <= {MAX_LINE_BYTES}
            as is_object,
        -- A key may stand twice (the first counts) and hold what a JSON pointer has to escape.
        case when not list_has_all({known}, keys) then to_json(map_from_entries(list_transform(
            list_sort(list_distinct(list_filter(keys, lambda k: not list_contains({known}, k)))),
            lambda k: struct_pack(k := k, v := json_extract(
                json, '/' || replace(replace(k, '~', '~0'), '/', '~1')))
        ))) end as extra,
        {values}
    from lines
)
select
    load_id,
    line_hash,
    is_object and {" and ".join(usable) or "true"} as is_line_head,
    extra,
    * exclude (load_id, line_hash, is_object, extra){computed}
from mapped
"""


def rejected_line_reason_sql(stream: Stream) -> str:
    """Return SQL over `json` (one line) that names why it can't be used, NULL where it can."""
    if stream.reader == "whatsapp_webhook":
        usable = (
            "list_has_any(['object', 'entry'], json_keys(json)) or coalesce("
            "list_has_any(['object', 'entry'], json_keys(json, '$.body')), false)"
        )
        return f"""case
            when json is null then 'bad_json'
            when strlen(json) > {MAX_LINE_BYTES} then 'line_too_long'
            when json_type(json) <> 'OBJECT' then 'not_an_object'
            when {usable} then null
            when list_has_any(['messaging_product', 'metadata'], json_keys(json)) then 'bare_value'
            else 'not_a_webhook_body'
        end"""
    paths = {c.name: f"json ->> '$.{c.path}'" for c in stream.columns}
    missing = "".join(
        f"\n            when {_first_filled(paths[name] for name in group)} is null "
        f"then 'missing_{'_or_'.join(group)}'"
        for group in _required_groups(stream)
    )
    return f"""case
            when json is null then 'bad_json'
            when strlen(json) > {MAX_LINE_BYTES} then 'line_too_long'
            when json_type(json) <> 'OBJECT' then 'not_an_object'{missing}{_broken_rules(stream)}
        end"""


def _broken_rules(stream: Stream) -> str:
    cells = {c.name: f"nullif(json ->> '$.{c.path}', '')" for c in stream.columns}
    return "".join(
        f"\n            when {rule.sql(cells.__getitem__)} then '{rule.reason}'"
        for rule in stream.rules
    )
