"""Keyed hashes of identifying values: equal to Python's, and one person's spellings are one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.ingest.identifiers import (
    HASH_LENGTH,
    HMAC_SQL,
    clear_key,
    key_id,
    keyed_hash,
    register,
    set_key,
)
from orchestration.ingest.ledger import LEDGER_DDL
from orchestration.sources import Column, Identifier, Stream
from orchestration.warehouse import memory

KEY = b"a key for tests, never for data"
PEOPLE = Stream(
    source="test",
    name="people",
    record="a person",
    format="csv",
    columns=tuple(
        Column(name=name) for name in ("phone", "wa_id", "bsuid", "email", "external", "channel")
    ),
    identifiers=(
        Identifier(kind="phone", column="phone"),
        Identifier(kind="wa_id", column="wa_id"),
        Identifier(kind="bsuid", column="bsuid"),
        Identifier(kind="email", column="email"),
        Identifier(kind="external", column="external"),
        Identifier(kind="channel", column="channel"),
    ),
)
Found = dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory() as con:
        con.execute(LEDGER_DDL)
        con.execute(PEOPLE.ddl())
        yield con


def _identify(
    con: duckdb.DuckDBPyConnection, column: str, *values: str, country: str | None = None
) -> Found:
    """Return value → (type, normalised value) as `register` writes them down."""
    con.execute("truncate raw.test_people; truncate raw.identifiers")
    con.executemany(
        f"insert into raw.test_people (_load_id, {column}) values (1, ?)", [[v] for v in values]
    )
    set_key(con, KEY)
    register(con, PEOPLE, 1, 1, country)
    rows = con.execute(
        "select value, identifier_type, identifier_value, identifier_hash from raw.identifiers"
    ).fetchall()
    for _, kind, value, digest in rows:
        assert digest == keyed_hash(KEY, f"{kind}:{value}")
    return {value: (kind, normal) for value, kind, normal, _ in rows}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    key=st.one_of(
        st.binary(min_size=16, max_size=200),
        st.integers(63, 66).map(lambda n: b"k" * n),
    ),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200),
)
def test_the_hash_in_sql_is_pythons_hmac(
    con: duckdb.DuckDBPyConnection, key: bytes, text: str
) -> None:
    set_key(con, key)
    row = con.execute(f"select {HMAC_SQL.format('$text')}", {"text": text}).fetchone()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:HASH_LENGTH]
    assert row == (expected,) == (keyed_hash(key, text),)


def test_a_known_hmac() -> None:
    # RFC 4231, test case 2.
    full = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert keyed_hash(b"Jefe", "what do ya want for nothing?") == full[:32]


def test_the_key_is_gone_when_it_is_cleared(con: duckdb.DuckDBPyConnection) -> None:
    set_key(con, KEY)
    clear_key(con)
    assert con.execute("select getvariable('chatmart_ipad')").fetchone() == (None,)


def test_the_name_of_a_key_tells_two_apart_and_gives_neither_away() -> None:
    assert key_id(KEY) != key_id(KEY + b"x")
    assert len(key_id(KEY)) == 12
    assert key_id(KEY) != hashlib.sha256(KEY).hexdigest()[:12]


@pytest.mark.parametrize(
    "written",
    ["4915112345678", "+4915112345678", "004915112345678", "+49 151 1234 5678",
     "+49 (151) 12345-678", "'+4915112345678", "whatsapp:+4915112345678", " +49151.1234.5678 ",
     "+49/151/12345678", "+49\xa0151\xa012345678"],
)  # fmt: skip
def test_one_number_in_many_spellings(con: duckdb.DuckDBPyConnection, written: str) -> None:
    assert _identify(con, "phone", written) == {written: ("phone", "4915112345678")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+55 11 91234-5678", "551112345678"),
        ("5211234567890", "+52 1234567890"),
        ("+54 9 11 1234-5678", "541112345678"),
    ],
)
def test_numbers_with_and_without_the_extra_digit_are_one(
    con: duckdb.DuckDBPyConnection, one: str, other: str
) -> None:
    found = _identify(con, "phone", one, other)
    assert found[one] == found[other]


@pytest.mark.parametrize("number", ["5511812345678", "52155512345", "5492612345", "4915191234567"])
def test_the_extra_digit_is_taken_from_nobody_else(
    con: duckdb.DuckDBPyConnection, number: str
) -> None:
    assert _identify(con, "phone", number) == {number: ("phone", number)}


def test_wa_id_and_phone_are_one_kind(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("truncate raw.test_people; truncate raw.identifiers")
    con.execute(
        "insert into raw.test_people (_load_id, phone, wa_id) "
        "values (1, '+4915112345678', '4915112345678')"
    )
    set_key(con, KEY)
    register(con, PEOPLE, 1, 1, None)
    hashes = con.execute("select distinct identifier_hash from raw.identifiers").fetchall()
    assert len(hashes) == 1


@pytest.mark.parametrize(
    "user_id", ["DE.104650323990792054", "US.ENT.1a2B3c", "BR.x", "AR." + "a" * 128]
)
def test_user_ids_are_left_as_they_are(con: duckdb.DuckDBPyConnection, user_id: str) -> None:
    assert _identify(con, "bsuid", user_id) == {user_id: ("bsuid", user_id)}
    # Also where a log puts them into the place of the number.
    assert _identify(con, "wa_id", user_id) == {user_id: ("bsuid", user_id)}


@pytest.mark.parametrize("text", ["DEU.123", "de.123", "DE.", "DE.12 3", "hello", "+49abc", "123"])
def test_what_is_neither_number_nor_user_id_is_kept_as_it_is(
    con: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert _identify(con, "wa_id", text) == {text: ("wa_id", text)}


def test_mail_addresses_are_lowered_others_are_not(con: duckdb.DuckDBPyConnection) -> None:
    found = _identify(con, "email", " Ann@Example.com", "ann@example.com")
    assert set(found.values()) == {("email", "ann@example.com")}
    assert _identify(con, "external", "Customer-7") == {"Customer-7": ("external", "Customer-7")}


@pytest.mark.parametrize(
    ("country", "written", "digits"),
    [
        ("DE", "0151 12345678", "4915112345678"),
        ("DE", "4915112345678", "4915112345678"),
        ("DE", "+44 7700 900123", "447700900123"),
        ("BR", "(11) 91234-5678", "551112345678"),
        ("IN", "99999 12345", "919999912345"),
        # Valid without a country too: a log that writes wa_ids is not read twice.
        ("IN", "919999912345", "919999912345"),
        ("DE", "12345", "12345"),
        (None, "0151 12345678", "015112345678"),
    ],
)
def test_national_numbers_are_read_by_the_default_country(
    con: duckdb.DuckDBPyConnection, country: str | None, written: str, digits: str
) -> None:
    assert _identify(con, "phone", written, country=country) == {written: ("phone", digits)}


def test_ids_that_whatsapp_made_are_never_national(con: duckdb.DuckDBPyConnection) -> None:
    assert _identify(con, "wa_id", "15112345678", country="DE") == {
        "15112345678": ("phone", "15112345678")
    }


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        ("106540352242922", "channel"),
        ("104200000000001", "channel"),
        ("+4930990055443", "channel_phone"),
        ("4930990055443", "channel_phone"),
        ("whatsapp:+14155238886", "channel_phone"),
        ("14155238886", "channel_phone"),
        ("chatwoot:3", "channel"),
    ],
)
def test_channel_ids_that_are_numbers_are_told_from_the_rest(
    con: duckdb.DuckDBPyConnection, channel: str, kind: str
) -> None:
    assert _identify(con, "channel", channel)[channel][0] == kind


def test_each_value_is_registered_once(con: duckdb.DuckDBPyConnection) -> None:
    _identify(con, "phone", "+4915112345678", "+4915112345678")
    register(con, PEOPLE, 1, 1, None)
    assert con.execute("select count(*) from raw.identifiers").fetchone() == (1,)
