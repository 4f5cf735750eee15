"""Keyed hashes of identifying values: the only place that uses the key.

Every distinct value is normalised and hashed once, in SQL, with HMAC-SHA256 built from its
definition (RFC 2104): `sha256(opad || sha256(ipad || text))`, equal to Python's `hmac`.
"""

from __future__ import annotations

import hashlib
import hmac

import duckdb
import phonenumbers

from orchestration.sources import Stream

_BLOCK_BYTES = 64
HASH_LENGTH = 32

HMAC_SQL = (
    "left(sha256(getvariable('chatmart_opad') || unhex(sha256("
    "getvariable('chatmart_ipad') || encode({0})))), " + str(HASH_LENGTH) + ")"
)

BSUID = "^[A-Z]{2}\\.(ENT\\.)?[A-Za-z0-9]{1,128}$"

# Quirks of WhatsApp numbers (SOURCES 4): the same person is written with and without the extra
# digit of Brazil (55 DDD 9 + 8 digits), Mexico (521) and Argentina (549).
_CANONICAL_DIGITS = """
regexp_replace(regexp_replace(regexp_replace({0},
    '^55(\\d{{2}})9(\\d{{8}})$', '55\\1\\2'),
    '^521(\\d{{10}})$', '52\\1'),
    '^549(\\d{{10}})$', '54\\1')
"""


def set_key(con: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Put the pads of the key into the session; they live as long as the connection."""
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    ipad = bytes(byte ^ 0x36 for byte in padded).hex()
    opad = bytes(byte ^ 0x5C for byte in padded).hex()
    con.execute(f"set variable chatmart_ipad = unhex('{ipad}')")
    con.execute(f"set variable chatmart_opad = unhex('{opad}')")


def clear_key(con: duckdb.DuckDBPyConnection) -> None:
    """Forget the pads."""
    con.execute("reset variable chatmart_ipad")
    con.execute("reset variable chatmart_opad")


def key_id(key: bytes) -> str:
    """Return a short public name of the key: tells two keys apart and gives neither away."""
    return hmac.new(key, b"chatmart key id", hashlib.sha256).hexdigest()[:12]


def keyed_hash(key: bytes, text: str) -> str:
    """Return the first 32 hex digits of HMAC-SHA256, as the SQL does."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:HASH_LENGTH]


def register(
    con: duckdb.DuckDBPyConnection,
    stream: Stream,
    first_load_id: int,
    last_load_id: int,
    default_country: str | None,
) -> None:
    """Add the distinct identifying values of some loads to `raw.identifiers`.

    Args:
        default_country: ISO code by which a national number is read; None leaves it as it is.
    """
    if not stream.identifiers:
        return
    # wa_id and phone are one kind: WhatsApp's id of a person is the number's digits.
    selects = [
        f"select distinct '{'phone' if i.kind == 'wa_id' else i.kind}' as kind, "
        f"{'true' if i.kind == 'phone' else 'false'} as may_be_national, "
        f'"{i.column}" as value from raw."{stream.raw_table}" '
        f"where _load_id between {first_load_id} and {last_load_id} "
        f'and "{i.column}" is not null and {i.where}'
        for i in stream.identifiers
    ]
    con.execute(f"""
create or replace temp table new_identifiers as
with found as (
    select kind, value, bool_and(may_be_national) as may_be_national
    from ({" union all ".join(selects)})
    group by kind, value
),
unknown as (
    select found.*
    from found
    anti join raw.identifiers as known
        on found.kind = known.kind and found.value = known.value
),
cleaned as (
    select
        *,
        case when kind in ('phone', 'channel') then regexp_replace(
            regexp_replace(trim(value), '^(''|whatsapp:)+', '', 'i'),
            '[\\s().\\-/\\x{{a0}}]',
            '',
            'g'
        ) else trim(value) end as text
    from unknown
),
digits as (
    select
        *,
        case
            when kind <> 'phone' then null
            when regexp_full_match(text, '\\+\\d{{5,15}}') then text[2:]
            when regexp_full_match(text, '00\\d{{5,15}}') then text[3:]
            when regexp_full_match(text, '\\d{{5,15}}') then text
        end as digits
    from cleaned
)
select
    kind,
    value,
    case
        when kind = 'phone' and digits is not null then 'phone'
        when kind = 'phone' and regexp_full_match(trim(value), '{BSUID}') then 'bsuid'
        when kind = 'phone' then 'wa_id'
        else kind
    end as identifier_type,
    case
        when kind = 'phone' and digits is not null then {_CANONICAL_DIGITS.format("digits")}
        -- Spreadsheets put an apostrophe before what could be taken for a formula.
        when kind = 'email' then lower(ltrim(text, ''''))
        -- No number, perhaps a user id: its dots belong to it.
        when kind = 'phone' then trim(value)
        else text
    end as identifier_value,
    may_be_national and digits is not null and text not like '+%' and text not like '00%'
        as is_ambiguous
from digits
""")
    if default_country:
        _read_national_numbers(con, default_country)
    _mark_phone_channels(con)
    con.execute(f"""
insert into raw.identifiers
select
    kind,
    value,
    identifier_type,
    identifier_value,
    {HMAC_SQL.format("identifier_type || ':' || identifier_value")},
    {last_load_id}
from new_identifiers
""")
    con.execute("drop table new_identifiers")


def _read_national_numbers(con: duckdb.DuckDBPyConnection, country: str) -> None:
    """Replace national numbers by international digits; once per distinct value."""
    frame = con.execute(
        "select value, identifier_value from new_identifiers where is_ambiguous"
    ).df()
    if frame.empty:
        return
    frame["international"] = [_international(text, country) for text in frame["identifier_value"]]
    con.register("national_numbers", frame)
    con.execute(f"""
update new_identifiers
set identifier_value = {_CANONICAL_DIGITS.format("national_numbers.international")}
from national_numbers
where new_identifiers.is_ambiguous and new_identifiers.value = national_numbers.value
""")
    con.unregister("national_numbers")


def _international(digits: str, country: str) -> str:
    for text, region in ((f"+{digits}", None), (digits, country)):
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    return digits


def _mark_phone_channels(con: duckdb.DuckDBPyConnection) -> None:
    """Tell channel ids that are phone numbers (hashed when published) from phone_number_ids."""
    rows = con.execute("select value from new_identifiers where kind = 'channel'").fetchall()
    phones = [value for (value,) in rows if _looks_like_phone(value)]
    if phones:
        con.execute(
            "update new_identifiers set identifier_type = 'channel_phone' "
            "where kind = 'channel' and list_contains(?, value)",
            [phones],
        )


def _looks_like_phone(channel_id: str) -> bool:
    text = channel_id.strip().lower().removeprefix("whatsapp:")
    digits = "".join(character for character in text if character.isdigit())
    if text.startswith("+"):
        return True
    if not text.replace(" ", "").replace("-", "").isdigit():
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False
