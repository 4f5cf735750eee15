"""The SQL that unfolds webhook bodies into flat records.

Two statements do it. `unfold_sql` is the streaming pass over the files: hash the line, cast it to
one typed shape, unnest entries, changes and records one level a subquery (the lateral form is six
times slower). It handles a change that holds either messages or statuses, which is nearly every
change there is, and passes any other change on as a row of kind `odd` with the whole line.
`unfold_odd_sql` takes those apart with JSON functions: slow, general, and on few rows.

A line that yields nothing still gives one row, so that the ledger can count it; a line that can't
be used gives a row of kind `bad`, which the loader turns into a reject.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from orchestration.ingest.files import MAX_LINE_BYTES
from orchestration.sources import Stream
from orchestration.sources.whatsapp import UNIX_SECONDS

# Of files above this many bytes one line in 64 is searched for keys we don't know; when one turns
# up, the file is read again with every line searched. Searching them all costs a third of the load.
FULL_KEY_SEARCH_BYTES = 8 * 1024 * 1024
SAMPLED_LINES_MASK = 63

STATUS_SHAPE = (
    '{"id":"VARCHAR","status":"VARCHAR","timestamp":"VARCHAR","recipient_id":"VARCHAR",'
    '"recipient_user_id":"VARCHAR","biz_opaque_callback_data":"VARCHAR",'
    '"conversation":{"id":"VARCHAR","origin":{"type":"VARCHAR"}},'
    '"pricing":{"billable":"VARCHAR","pricing_model":"VARCHAR","type":"VARCHAR",'
    '"category":"VARCHAR"},"errors":[{"code":"VARCHAR"}]}'
)
RECORD_SHAPE = (
    '{"from":"VARCHAR","from_user_id":"VARCHAR","to":"VARCHAR","to_user_id":"VARCHAR",'
    '"id":"VARCHAR","timestamp":"VARCHAR","type":"VARCHAR","context":{"id":"VARCHAR"},'
    '"referral":{"source_id":"VARCHAR","source_type":"VARCHAR","ctwa_clid":"VARCHAR"},'
    '"text":{"body":"VARCHAR"},"button":{"payload":"VARCHAR","text":"VARCHAR"},'
    '"interactive":{"button_reply":{"id":"VARCHAR","title":"VARCHAR"},'
    '"list_reply":{"id":"VARCHAR","title":"VARCHAR"}},'
    '"system":{"wa_id":"VARCHAR","new_wa_id":"VARCHAR","user_id":"VARCHAR"},'
    '"wa_id":"VARCHAR","value":"VARCHAR","event_name":"VARCHAR"}'
)
CONTACT_SHAPE = '{"wa_id":"VARCHAR","user_id":"VARCHAR","profile":{"name":"VARCHAR"}}'

# The other keys that a value may hold; a change with any of them is odd.
_OTHER_LISTS = ("message_echoes", "history", "user_preferences", "user_id_update")
OTHER_KEYS = (*_OTHER_LISTS, "automatic_events", "calls", "errors", "groups", "state_sync")
_VALUE_SHAPE = (
    '{"metadata":{"phone_number_id":"VARCHAR","display_phone_number":"VARCHAR"},'
    f'"contacts":[{CONTACT_SHAPE}],"messages":["JSON"],"statuses":[{STATUS_SHAPE}],'
    + ",".join(f'"{key}":"JSON"' for key in OTHER_KEYS)
    + "}"
)
_CHANGES_SHAPE = f'[{{"field":"VARCHAR","value":{_VALUE_SHAPE}}}]'
_ENTRIES_SHAPE = f'[{{"id":"VARCHAR","time":"VARCHAR","changes":{_CHANGES_SHAPE}}}]'

PLAIN_VALUE_KEYS = ("messaging_product", "metadata", "contacts", "messages", "statuses")
KNOWN_STATUS_KEYS = (
    "id",
    "status",
    "timestamp",
    "type",
    "recipient_id",
    "recipient_user_id",
    "biz_opaque_callback_data",
    "conversation",
    "pricing",
    "errors",
)
# The JSON types that the shapes above take; what has another one would be lost without its JSON.
_TYPES = {
    ".metadata": "OBJECT",
    ".contacts": "ARRAY",
    ".contacts[*]": "OBJECT",
    ".statuses[*].conversation": "OBJECT",
    ".statuses[*].conversation.origin": "OBJECT",
    ".statuses[*].pricing": "OBJECT",
    ".statuses[*].errors": "ARRAY",
    ".statuses[*].errors[*]": "OBJECT",
}
KNOWN_STATUSES = ("sent", "delivered", "read", "played", "failed", "deleted", "warning")


def _list(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


_STATUS_TIME = UNIX_SECONDS.format("s.timestamp")
_IS_ODD_STATUS = (
    f"(s.id is null or coalesce(s.status, '') not in {tuple(KNOWN_STATUSES)} "
    f"or ({_STATUS_TIME}) is null)"
)


def _projection(columns: str, table: str, payload: str, record_id: str) -> str:
    """Return the INSERT's last step, the same for both statements: from parsed to flat."""
    return f"""
select
    load_id,
    line_hash,
    is_head,
    {columns}
from (
    select
        *,
        -- One contact speaks for the record unless it plainly is somebody else.
        (person_wa_id is null and person_user_id is null)
        or contact.wa_id = person_wa_id
        or contact.user_id = person_user_id
        or (coalesce(contact.wa_id, '') = '' and person_user_id is null)
        or (coalesce(contact.user_id, '') = '' and person_wa_id is null) as is_same_person
    from (
        select
            *,
            {record_id} as record_id,
            coalesce(s.status, case record_kind
                when 'preference' then r.value
                when 'automatic_event' then r.event_name
                else r.type
            end) as record_type,
            coalesce(s.timestamp, r.timestamp) as record_time,
            nullif(case record_kind
                when 'status' then s.recipient_id
                when 'message' then r."from"
                when 'echo' then r.to
                when 'history' then thread_id
                when 'preference' then r.wa_id
                when 'user_id_update' then r.wa_id
            end, '') as person_wa_id,
            nullif(case record_kind
                when 'status' then s.recipient_user_id
                when 'message' then r.from_user_id
                when 'echo' then r.to_user_id
                when 'preference' then record ->> '$.user_id'
                when 'user_id_update' then record ->> '$.user_id.previous'
            end, '') as person_user_id,
            {payload} as payload
        from {table}
    )
)
"""


# Column of the raw table → expression over the parsed record, where the names differ.
_EXPRESSIONS = {
    "contact_wa_id": "case when is_same_person then nullif(contact.wa_id, '') end",
    "contact_user_id": "case when is_same_person then nullif(contact.user_id, '') end",
    "contact_name": "case when is_same_person then contact.profile.name end",
    "linked_wa_id": (
        "case when record_kind = 'message' and r.type = 'system' "
        "then nullif(coalesce(r.system.new_wa_id, r.system.wa_id), '') end"
    ),
    "linked_user_id": (
        "nullif(case when record_kind = 'message' and r.type = 'system' then r.system.user_id "
        "when record_kind = 'user_id_update' then record ->> '$.user_id.current' end, '')"
    ),
    "context_id": "r.context.id",
    "referral_source_id": "r.referral.source_id",
    "referral_source_type": "r.referral.source_type",
    "ctwa_clid": "r.referral.ctwa_clid",
    "text_body": "r.text.body",
    "button_payload": (
        "coalesce(r.button.payload, r.interactive.button_reply.id, r.interactive.list_reply.id)"
    ),
    "button_text": (
        "coalesce(r.button.text, r.interactive.button_reply.title, r.interactive.list_reply.title)"
    ),
    "conversation_id": "s.conversation.id",
    "conversation_origin": "s.conversation.origin.type",
    "pricing_billable": "s.pricing.billable",
    "pricing_model": "s.pricing.pricing_model",
    "pricing_type": "s.pricing.type",
    "pricing_category": "s.pricing.category",
    "error_code": "s.errors[1].code",
    "callback_data": "s.biz_opaque_callback_data",
}


def _insert(stream: Stream) -> tuple[str, str]:
    names = ", ".join(f'"{column.name}"' for column in stream.columns)
    expressions = ",\n    ".join(
        f'{_EXPRESSIONS.get(column.name, column.name)} as "{column.name}"'
        for column in stream.columns
    )
    head = f'insert into raw."{stream.raw_table}" (_load_id, _line_hash, _is_line_head, {names})'
    return head, expressions


_BARE, _WRAPPED = "$.entry[*].changes[*].value", "$.body.entry[*].changes[*].value"


@dataclass(frozen=True)
class _Form:
    """How the bodies of a file lie in its lines."""

    shape: str
    values: tuple[str, ...]
    entries: str
    is_wrapped: str


# Bare bodies and `{"body": {…}}` may stand in one file, but hardly ever do, and choosing between
# the two on every line copies every body once.
_FORMS = {
    "bare": _Form(f'"entry":{_ENTRIES_SHAPE}', (_BARE,), "line.entry", "false"),
    "wrapped": _Form(
        f'"body":{{"entry":{_ENTRIES_SHAPE}}}', (_WRAPPED,), "line.body.entry", "true"
    ),
    "mixed": _Form(
        f'"entry":{_ENTRIES_SHAPE},"body":{{"entry":{_ENTRIES_SHAPE}}}',
        (_BARE, _WRAPPED),
        "coalesce(line.entry, line.body.entry)",
        "line.entry is null and line.body.entry is not null",
    ),
}


def body_form(line: bytes) -> str:
    """Return the form that a file with this first line is read in: bare, wrapped or mixed."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return "mixed"
    if not isinstance(body, dict):
        return "mixed"
    if "entry" in body:
        return "bare"
    return "wrapped" if isinstance(body.get("body"), dict) else "mixed"


def _each(function: str, path: str, values: tuple[str, ...], column: str = "json") -> str:
    """Return the function's list over a path within every value that lies at one of `values`."""
    lists = ", ".join(f"{function}({column}, '{value}{path}')" for value in values)
    return f"list_concat({lists})" if len(values) > 1 else lists


def _is_unfamiliar(
    value_keys: tuple[str, ...], values: tuple[str, ...], column: str = "json"
) -> str:
    """Return whether any value holds another key, or another JSON type, than those we know."""
    keys = {"": value_keys, ".statuses[*]": KNOWN_STATUS_KEYS}
    signs = [
        f"not list_has_all({_list(names)}, flatten({_each('json_keys', path, values, column)}))"
        for path, names in keys.items()
    ]
    signs += [
        f"not list_has_all(['{name}', 'NULL'], {_each('json_type', path, values, column)})"
        for path, name in _TYPES.items()
    ]
    return "(" + "\n            or ".join(signs) + ")"


def unfold_sql(stream: Stream, *, load_ids: str, full_key_search: bool, form: str = "mixed") -> str:
    """Return the INSERT that unfolds the files bound as `$files` into the stream's raw table.

    Args:
        stream: the webhook stream.
        load_ids: a table (path VARCHAR, load_id BIGINT) of the files' numbers in the ledger.
        full_key_search: look for unknown keys in every line instead of one in 64.
        form: bare, wrapped or mixed. A line of another form is an odd one, which is slow.
    """
    insert, expressions = _insert(stream)
    how = _FORMS[form]
    shape = f'{{"received_at":"VARCHAR",{how.shape}}}'
    searched = "true" if full_key_search else f"(hash(json) & {SAMPLED_LINES_MASK}) = 0"
    odd_payload = f"""case
                when record_kind = 'odd' then json
                when record is not null then record
                when {_IS_ODD_STATUS} then list_filter(
                    {_each("json_extract", ".statuses[*]", how.values)},
                    lambda x: (x ->> '$.id') is not distinct from s.id
                        and (x ->> '$.status') is not distinct from s.status
                )[1]
            end"""
    # An odd change leaves its place in the line as its id, for `unfold_odd_sql`: of an entry
    # whose changes could not be read that of the entry, of a line without entries none.
    record_id = (
        "case when record_kind = 'odd' then case when is_wrapped then '/body' else '' end "
        "|| '/entry/' || (entry_number - 1) || coalesce('/changes/' || (change_number - 1), '') "
        "else coalesce(s.id, r.id) end"
    )
    return f"""
{insert}
with lines as (
    select
        numbered.load_id,
        hash(json) as line_hash,
        json,
        from_json(json, '{shape}') as line,
        case
            when strlen(json) > {MAX_LINE_BYTES} then true
            when {searched} then {_is_unfamiliar(PLAIN_VALUE_KEYS, how.values)}
            else false
        end as is_unfamiliar
    from read_ndjson_objects(
        $files, ignore_errors = true, filename = true, maximum_object_size = {MAX_LINE_BYTES}
    ) as read
    join {load_ids} as numbered on numbered.path = read.filename
),
-- unnest([true]) beside a list gives the row of an empty list and marks the first of a full one.
entries as (
    select
        load_id,
        line_hash,
        json,
        is_unfamiliar,
        line.received_at as received_at,
        {how.is_wrapped} as is_wrapped,
        unnest({how.entries}) as entry,
        unnest([true]) as is_first_entry,
        generate_subscripts({how.entries}, 1) as entry_number
    from lines
),
changes as (
    select
        * exclude (entry),
        entry.id as waba_id,
        entry.time as entry_time,
        unnest(entry.changes) as change,
        unnest([true]) as is_first_change,
        generate_subscripts(entry.changes, 1) as change_number
    from entries
),
contents as (
    select
        * exclude (change),
        change.field as field,
        change.value.metadata.phone_number_id as phone_number_id,
        change.value.metadata.display_phone_number as display_phone_number,
        change.value.contacts[1] as contact,
        change.value.messages as messages,
        change.value.statuses as statuses,
        is_unfamiliar
        or (coalesce(len(change.value.messages), 0) > 0)
            = (coalesce(len(change.value.statuses), 0) > 0)
        or coalesce(len(change.value.contacts), 0) > 1
        or coalesce(list_count(change.value.messages) < len(change.value.messages), false)
        or coalesce({", ".join(f"change.value.{key}" for key in OTHER_KEYS)}) is not null as is_odd
    from changes
),
records as (
    select
        * exclude (messages, statuses),
        unnest(messages) as record,
        unnest(statuses) as s,
        unnest([true]) as is_first_record
    from contents
),
parsed as (
    select
        * exclude (is_first_entry, is_first_change, is_first_record),
        coalesce(is_first_entry and is_first_change and is_first_record, false) as is_head,
        null as thread_id,
        case when is_odd then 'odd' when record is not null then 'message' else 'status' end
            as record_kind,
        case when record is not null then from_json(record, '{RECORD_SHAPE}') end as r
    from records
    where is_first_record or not is_odd
)
{_projection(expressions, "parsed", odd_payload, record_id)}"""


def misfits_sql(odd: str) -> str:
    """Return the query of what the streaming pass should have read otherwise (unfold_odd_sql: odd).

    It gives the number of changes with messages or statuses beside something that we don't know,
    and the number of lines without entries in the form that the file was read in.
    """
    value = (
        f"json_array(case when strlen(json) <= {MAX_LINE_BYTES} "
        "then json_extract(json, pointer || '/value') end)"
    )
    path = ("$[*]",)
    statuses, messages = (
        _each("json_type", name, path, value) for name in (".statuses", ".messages")
    )
    unfamiliar = _is_unfamiliar((*PLAIN_VALUE_KEYS, *OTHER_KEYS), path, value)
    return f"""
select
    count(*) filter (where ('ARRAY' in {statuses} or 'ARRAY' in {messages}) and {unfamiliar}),
    count(*) filter (where pointer is null)
from {odd}
"""


def unfold_odd_sql(stream: Stream, *, odd: str) -> str:
    """Return the INSERT that unfolds the odd changes kept in the table `odd`.

    Args:
        stream: the webhook stream.
        odd: a table (load_id, line_hash, is_head, received_at, pointer, json): `pointer` names
            the change within the line, or the entry where its changes could not be read, and is
            NULL for a line whose entries could not be read.
    """
    insert, expressions = _insert(stream)
    # A single error may come without its list.
    expressions = expressions.replace(
        _EXPRESSIONS["error_code"],
        f"coalesce({_EXPRESSIONS['error_code']}, "
        "case when record_kind = 'status' then record ->> '$.errors.code' end)",
    )
    listed = {
        "message": "messages",
        "status": "statuses",
        "echo": "message_echoes",
        "preference": "user_preferences",
        "user_id_update": "user_id_update",
        "automatic_event": "automatic_events",
    }
    payload = (
        "case record_kind when 'change' then value when 'empty' then json when 'bad' then json "
        "else record end"
    )
    lists = ",\n                ".join(
        f"case when json_type(value, '$.{key}') = 'ARRAY' then list_transform("
        f"json_extract(value, '$.{key}[*]'), "
        f"lambda x: {{'kind': '{kind}', 'thread_id': null::varchar, 'record': x}}) end"
        for kind, key in listed.items()
    )
    return f"""
{insert}
with whole_lines as (
    select
        *,
        case when json_type(json, '$.entry') is null and json_type(json, '$.body') = 'OBJECT'
            then '/body' else '' end as prefix,
        json is null
        or strlen(json) > {MAX_LINE_BYTES}
        or json_type(json) <> 'OBJECT'
        or not list_has_any(['object', 'entry'], json_keys(json))
            and not coalesce(
                list_has_any(['object', 'entry'], json_keys(json, '$.body')), false) as is_bad
    from {odd}
    where pointer is null
),
entries as (
    select
        load_id,
        line_hash,
        is_head and entry_index = 0 as is_head,
        coalesce(received_at, json ->> '$.received_at') as received_at,
        prefix || '/entry/' || entry_index as pointer,
        json,
        is_bad
    from (
        select
            *,
            unnest(range(greatest(
                coalesce(cast(case when not is_bad then json_array_length(json, prefix || '/entry')
                    end as bigint), 0),
                1
            ))) as entry_index
        from whole_lines
    )
    union all
    select
        load_id,
        line_hash,
        is_head,
        received_at,
        pointer,
        json,
        strlen(json) > {MAX_LINE_BYTES} as is_bad
    from {odd}
    where pointer not like '%/changes/%'
),
changes as (
    select
        *,
        unnest(range(greatest(
            coalesce(cast(case when not is_bad then json_array_length(json, pointer || '/changes')
                end as bigint), 0),
            1
        ))) as change_index
    from entries
),
pointed as (
    select
        load_id,
        line_hash,
        is_head and change_index = 0 as is_head,
        received_at,
        pointer || '/changes/' || change_index as pointer,
        json,
        is_bad
    from changes
    union all
    select
        load_id,
        line_hash,
        is_head,
        received_at,
        pointer,
        json,
        strlen(json) > {MAX_LINE_BYTES} as is_bad
    from {odd}
    where pointer like '%/changes/%'
),
opened as (
    select
        *,
        case when not is_bad then json_extract(json, pointer) end as change,
        regexp_replace(pointer, '/changes/\\d+$', '') as entry_pointer,
        case when not is_bad then json_extract(json, pointer || '/value') end as value
    from pointed
),
listed as (
    select
        *,
        -- What a value holds beside the records we know: kept whole, once.
        not list_has_all(
            {_list((*PLAIN_VALUE_KEYS, *_OTHER_LISTS, "automatic_events"))},
            coalesce(json_keys(value), [])
        ) or len(list_filter(
            {_list((*listed.values(), "history", "contacts"))},
            lambda key: coalesce(json_type(value, '$.' || key), 'NULL') not in ('ARRAY', 'NULL')
                and (value ->> ('$.' || key)) not in ('', '{{}}')
        )) > 0
        or coalesce(json_type(value, '$.metadata'), 'NULL') not in ('OBJECT', 'NULL')
            and (value ->> '$.metadata') not in ('', '[]') as has_more,
        list_filter(list_concat(
                {lists},
                flatten(list_transform(
                    json_extract(value, '$.history[*].threads[*]'),
                    lambda t: list_transform(json_extract(t, '$.messages[*]'), lambda x: {{
                        'kind': 'history', 'thread_id': t ->> '$.id', 'record': x}})))
        ), lambda x: x.record is not null) as known
    from opened
),
kinds as (
    select
        * exclude (known),
        unnest(list_concat(
            known,
            case when has_more or len(known) = 0 then [{{
                'kind': case
                    when is_bad then 'bad'
                    when change is null then 'empty'
                    else 'change'
                end,
                'thread_id': null::varchar,
                'record': null::json
            }}] end
        )) as item,
        unnest([true]) as is_first_record
    from listed
),
typed as (
    select
        load_id,
        line_hash,
        coalesce(is_head and is_first_record, false) as is_head,
        received_at,
        json,
        value,
        item.kind as record_kind,
        item.thread_id as thread_id,
        item.record as record,
        json ->> (entry_pointer || '/id') as waba_id,
        json ->> (entry_pointer || '/time') as entry_time,
        change ->> '$.field' as field,
        value ->> '$.metadata.phone_number_id' as phone_number_id,
        value ->> '$.metadata.display_phone_number' as display_phone_number,
        from_json(json_extract(value, '$.contacts'), '[{CONTACT_SHAPE}]') as contacts,
        case when item.kind = 'status' then from_json(item.record, '{STATUS_SHAPE}') end as s,
        case when item.kind not in ('status', 'change', 'empty', 'bad')
            then from_json(item.record, '{RECORD_SHAPE}') end as r
    from kinds
),
parsed as (
    select
        *,
        case when len(contacts) > 1 then list_filter(
            contacts,
            lambda c: c.wa_id in (s.recipient_id, r."from", r.to, r.wa_id)
                or c.user_id in (s.recipient_user_id, r.from_user_id, r.to_user_id)
        )[1] else contacts[1] end as contact
    from typed
)
{_projection(expressions, "parsed", payload, "coalesce(s.id, r.id)")}"""
