"""No value of an export reaches a log, Dagster's storage or the terminal by way of an error."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.redact import describe, redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Conversion Error: Could not convert string 'ana' to INT32", "ana"),
        ("Could not convert string \"Ana Maria\" to 'DATE'", "Ana"),
        ("CSV Error on Line: 2\nOriginal Line: Ana,+49 1500 0000001\nExpected 3", "Ana"),
        ("invalid number +49 1500 0000001 in row 7", "1500"),
        ("value wamid.HBgMNDkxNTAwMDAwMDAxFQIAERgS in key", "HBgMNDkx"),
        ("mail to ana.maria@example.com failed", "ana.maria"),
        ('Malformed JSON at byte 3 near: {"name": Ana}', "Ana"),
    ],
)
def test_values_leave_error_texts(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact(text)


def test_names_of_columns_and_tables_stay() -> None:
    text = 'Binder Error: Referenced column "sent_at" not found; Table with name "fct_x" is gone'
    assert redact(text) == text


def test_an_error_of_the_engine_is_described_without_its_value() -> None:
    with pytest.raises(duckdb.Error) as caught:
        duckdb.execute("select cast(n as integer) from (values ('ana')) as t (n)").fetchall()
    assert "ana" in str(caught.value)
    described = describe(caught.value)
    assert "ana" not in described
    assert described.startswith("ConversionException: ")
