"""Webhook bodies by the million, in the real format, written by SQL.

Of twenty bodies sixteen tell of statuses and four bring messages. One status body in 25 is a batch
of up to ten, one message body in 50 holds two. A few are odd: echoes, preferences, changes of other
fields, a status nobody has heard of; a few lines are sent twice; each tenth file holds a truncated
line and one that is no object. One file in five is a log of `{"received_at": …, "body": {…}}`.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

PERSONS = 250_000
CHANNELS = 4
FIRST_SECOND = 1_793_000_000
RAW_TEXT = "format csv, header false, quote '', escape '', delimiter '\x01'"

_MACROS = """
create macro pick(choices, number) as choices[1 + (number % len(choices))::bigint];
create macro phone(n) as
    pick(['4915', '5511', '91555', '1415', '33612'], hash(n, 'c')) || (10000000 + hash(n) % 80000000);
create macro bsuid(n) as
    pick(['DE', 'BR', 'IN', 'US', 'FR'], hash(n, 'c')) || '.' || (10 ** 17)::bigint + hash(n, 'b') % (10 ** 16)::bigint;
create macro person(i) as hash(i, 'person') % $PERSONS;
create macro wamid(m, direction) as 'wamid.' || to_base64(
    unhex('1C180D') || encode(phone(person(m))) || unhex('150200111812')
    || encode(upper(md5(direction || m))[:20]) || unhex('00'));
create macro status(m, state, second) as
    '{"id":"' || wamid(m, 'out') || '","status":"' || state || '","timestamp":"' || second
    || '","recipient_id":"' || phone(person(m)) || '"'
    || case when person(m) % 4 = 0 then ',"recipient_user_id":"' || bsuid(person(m)) || '"' else '' end
    || case state
        when 'read' then ''
        when 'failed' then
            ',"errors":[{"code":131049,"title":"This message was not delivered to maintain healthy ecosystem engagement.",'
            || '"message":"This message was not delivered to maintain healthy ecosystem engagement.",'
            || '"error_data":{"details":"In order to maintain a healthy ecosystem engagement, the message failed to be delivered."},'
            || '"href":"https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"}]'
        else ',"pricing":{"billable":' || case when m % 3 = 0 then 'false' else 'true' end
            || ',"pricing_model":"PMP","type":"' || case when m % 3 = 0 then 'free_customer_service' else 'regular' end
            || '","category":"' || pick(['marketing', 'utility', 'service', 'marketing'], m) || '"}'
    end || '}';
create macro message(m, second) as
    '{"from":"' || phone(person(m)) || '","from_user_id":"' || bsuid(person(m)) || '","id":"' || wamid(m, 'in')
    || '","timestamp":"' || second || '"'
    || case when m % 3 = 0 then ',"context":{"from":"' || (15550780000 + m % $CHANNELS) || '","id":"' || wamid(m // 2, 'out') || '"}' else '' end
    || case when m % 40 = 7 then ',"referral":{"source_url":"https://fb.me/demo","source_id":"120200000000000001","source_type":"ad","headline":"Chat with us","ctwa_clid":"' || md5(m::varchar) || '"}' else '' end
    || case hash(m) % 10
        when 0 then ',"type":"button","button":{"payload":"MORE_INFO","text":"Tell me more"}'
        when 1 then ',"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"sizes","title":"Sizes","description":"Help"}}'
        when 2 then ',"type":"image","image":{"mime_type":"image/jpeg","sha256":"' || md5('s' || m) || '","id":"' || (300000000000000 + m) || '"}'
        when 3 then ',"type":"reaction","reaction":{"message_id":"' || wamid(m // 2, 'out') || '","emoji":"\\ud83d\\udc4d"}'
        else ',"type":"text","text":{"body":"Hello, I have a question about order ' || (hash(m) % 1000000) || ': when will it be here? \\"Soon\\" would be nice, thank you \\u2013 '
            || repeat('and more text ', (hash(m, 't') % 6)::int) || '"}'
    end || '}';
create macro metadata(channel) as
    '"messaging_product":"whatsapp","metadata":{"display_phone_number":"' || (15550780000 + channel)
    || '","phone_number_id":"' || (106540352240000 + channel) || '"}';
create macro contact(n) as
    '"contacts":[{"profile":{"name":"Person ' || n || '"},"wa_id":"' || phone(n) || '","user_id":"' || bsuid(n) || '"}]';
create macro change(field, value) as '{"value":{' || value || '},"field":"' || field || '"}';
"""

# k: place among the twenty; g: number of the twenty. Receipts tell of earlier messages.
_BODIES = """
select
    case when is_wrapped then '{"received_at":"' || strftime(make_timestamp(second * 1000000), '%Y-%m-%dT%H:%M:%S.000Z')
        || '","body":' || body || '}' else body end as line
from (
    select
        i,
        second,
        is_wrapped,
        '{"object":"whatsapp_business_account","entry":[{"id":"10229012934' || channel || '","changes":['
        || case
            when lot % 4000 = 1 then change('smb_message_echoes', metadata(channel) || ',"message_echoes":['
                || replace(message(m, second), '"from":', '"to":') || ']')
            when lot % 4000 = 2 then change('user_preferences', metadata(channel) || ',' || contact(person(m))
                || ',"user_preferences":[{"wa_id":"' || phone(person(m)) || '","detail":"User requested to stop marketing messages","category":"marketing_messages","value":"stop","timestamp":' || second || '}]')
            when lot % 4000 = 3 then change('message_template_status_update',
                '"event":"APPROVED","message_template_id":' || m || ',"message_template_name":"spring_sale","message_template_language":"en_US","reason":"NONE"')
            when lot % 4000 = 4 then change('messages', metadata(channel) || ',"statuses":[' || status(m, 'held_for_review', second) || ']')
            when k < 16 and lot % 25 = 5 then change('messages', metadata(channel) || ',"statuses":['
                || array_to_string(list_transform(range(2 + (lot // 25 % 9)::bigint), lambda n: status(m - n, state, second - n)), ',') || ']')
            when k < 16 then change('messages', metadata(channel) || ',"statuses":[' || status(m, state, second) || ']')
            when lot % 50 = 6 then change('messages', metadata(channel) || ',' || contact(person(m)) || ',"messages":['
                || message(m, second) || ',' || message(m + 4000000000000, second) || ']')
            when lot % 50 = 7 then change('messages', metadata(channel) || ',' || contact(person(m)) || ',"messages":[' || message(m, second) || ']')
                || ',' || change('messages', metadata(channel) || ',"statuses":[' || status(m, 'read', second) || ']')
            else change('messages', metadata(channel) || ',' || contact(person(m)) || ',"messages":[' || message(m, second) || ']')
        end || ']}]}' as body
    from (
        select
            *,
            case when k < 6 then g * 6 + k when k < 12 then (g - 3) * 6 + k - 6 when k < 16 then (g - 200) * 6 + k - 12
                else g * 4 + k - 16 end as m,
            case when k < 6 and lot % 40 = 9 then 'failed' when k < 6 then 'sent' when k < 12 then 'delivered' else 'read' end as state,
            g % $CHANNELS as channel
        from (
            select i, i // 20 + 1000 as g, i % 20 as k, hash(i) as lot,
                $FIRST_SECOND + i // 6 as second, $is_wrapped as is_wrapped
            -- One line in 5,000 is sent twice: Meta repeats what was not answered in time.
            from (select unnest(case when hash(r, 'again') % 5000 = 0 then [r, r] else [r] end) as i
                from range($from, $to) as numbers (r))
        )
    )
)
"""


def write_bodies(folder: Path, bodies: int, files: int) -> dict[str, int]:
    """Write about `bodies` lines to `files` files below `folder`; does nothing when they stand.

    Returns:
        Lines and bytes written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder.parent / f"{folder.name}.done"
    wanted = {"bodies": bodies, "files": files, "version": 1}
    if stamp.exists() and (known := json.loads(stamp.read_text()))["wanted"] == wanted:
        return dict(known["written"])
    for old in folder.glob("*.jsonl"):
        old.unlink()
    con = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
    con.execute(_filled(_MACROS))
    lines = size = 0
    for number in range(files):
        path = folder / f"webhooks-{number:03}.jsonl"
        sql = _filled(
            _BODIES,
            **{
                "$from": bodies * number // files,
                "$to": bodies * (number + 1) // files,
                "$is_wrapped": "true" if number % 5 == 4 else "false",
            },
        )
        row = con.execute(f"copy ({sql}) to '{_quoted(path)}' ({RAW_TEXT})").fetchone()
        lines += int(row[0]) if row else 0
        if number % 10 == 3:
            with path.open("a") as handle:
                handle.write('[1,2]\n\n{"object":"whatsapp_business_account","entry":[{"id":"1\n')
            lines += 2
        size += path.stat().st_size
    written = {"lines": lines, "bytes": size}
    stamp.write_text(json.dumps({"wanted": wanted, "written": written}))
    return written


def _filled(sql: str, **values: object) -> str:
    fixed = {"$PERSONS": PERSONS, "$CHANNELS": CHANNELS, "$FIRST_SECOND": FIRST_SECOND}
    for name, value in (fixed | values).items():
        sql = sql.replace(name, str(value))
    return sql


def _quoted(path: Path) -> str:
    return path.as_posix().replace("'", "''")
