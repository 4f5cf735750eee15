"""The user's own reference tables: they replace the shipped ones as a whole, or stop the publish."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

from orchestration.checks.runner import run_check
from orchestration.checks.warnings import warnings
from orchestration.warehouse import connect
from tests.conftest import Built, RunCli
from tests.pipeline.conftest import World
from tests.pipeline.harness import query, records, settings_of
from tests.pipeline.payloads import (
    FX_RATES,
    RATE_CARD,
    WEBHOOKS,
    at,
    delivered,
    message_id,
    write,
    write_csv,
)

ADA, BRUNA, CARL = "4917012345601", "5511987654321", "14155550101"
CARD_HEAD = "effective_from,market,category,currency_code,rate\n"
FX_HEAD = "rated_on,from_currency,to_currency,rate\n"
PREFIXES = "reference/market_prefixes"


def _published(built: Built) -> dict[str, str]:
    paths = [built.published, *sorted((built.warehouse_dir / "marts").iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _message(db: Path, wamid: str) -> dict[str, object]:
    [row] = records(db, "from marts.fct_messages where message_id = ?", message_id(wamid))
    return row


def _warned(world: World) -> dict[str, int]:
    """Return the warning-level checks that fail, with their numbers of rows."""
    settings = settings_of(world.raw_dir, world.warehouse_dir)
    with connect(settings) as con:
        outcomes = [run_check(con, check) for check in warnings(settings)]
    return {o.check.name: o.violations for o in outcomes if not o.passed}


def test_rows_of_two_cards_that_overlap_stop_the_publish(
    sample_copy: Built, run_cli: RunCli
) -> None:
    """Each file is right by itself; together they price a message twice."""
    before = _published(sample_copy)
    head = "effective_from,market,category,tier_lower,tier_upper,currency_code,rate\n"
    for name, row in (
        ("europe.csv", "2026-01-01,Germany,marketing,0,100000,EUR,0.11\n"),
        ("volume.csv", "2026-01-01,Germany,marketing,50000,,EUR,0.09\n"),
    ):
        write_csv(sample_copy.raw_dir, RATE_CARD, name, head + row)
    done = run_cli(sample_copy.raw_dir, sample_copy.warehouse_dir)
    assert done.returncode == 1, done.stdout
    told = " ".join(done.stderr.split())
    assert "rate_card_rows_never_overlap on staging.stg_reference__rate_card" in told
    assert "2026-01-01, Germany, marketing, " in told
    assert "Not published" in told
    assert _published(sample_copy) == before


def test_own_tables_replace_the_shipped_ones_as_a_whole(empty: World) -> None:
    """A market, prefix or currency that only the example knows is not filled in from it."""
    write_csv(
        empty.raw_dir,
        RATE_CARD,
        "card.csv",
        CARD_HEAD
        + (
            "2026-01-01,Heimat,marketing,EUR,0.10\n"
            "2026-01-01,Heimat,utility,GBP,0.10\n"
            "2026-10-06,Heimat,marketing,EUR,0.12\n"
        ),
    )
    write_csv(empty.raw_dir, PREFIXES, "prefixes.csv", "prefix,market\n+49,Heimat\n")
    write_csv(empty.raw_dir, FX_RATES, "fx.csv", FX_HEAD + "2026-01-01,EUR,GBP,0.8\n")
    write(
        empty.raw_dir,
        WEBHOOKS,
        "w.jsonl",
        [
            delivered("wamid.o1", at(0), ADA),
            delivered("wamid.o2", at(1), ADA),
            delivered("wamid.o3", at(1), ADA, "utility"),
            delivered("wamid.o4", at(1), BRUNA),
            delivered("wamid.o5", at(1), ADA, "authentication"),
            delivered("wamid.o6", at(1), ADA, "service", pricing_type="free_customer_service"),
        ],
    )
    db = empty.build().db
    found = {n: _message(db, f"wamid.o{n}") for n in range(1, 7)}
    assert [found[n]["market"] for n in (1, 4)] == ["Heimat", "unknown"]
    # The card of the send date; a rate given the other way round is inverted.
    assert found[1]["cost_amount"] == Decimal("0.10")
    assert found[2]["cost_amount"] == Decimal("0.12")
    assert found[3]["cost_amount"] == Decimal("0.125")
    assert found[3]["cost_amount_original"] == Decimal("0.10")
    # The example has a price for both of these.
    assert found[4]["cost_amount"] is None
    assert found[5]["cost_amount"] is None
    assert found[6]["cost_amount"] == 0
    assert _warned(empty) == {"every_billable_message_has_a_price": 2}


def test_a_missing_rate_of_exchange_is_null_and_a_warning_never_one_to_one(empty: World) -> None:
    write_csv(
        empty.raw_dir,
        RATE_CARD,
        "card.csv",
        CARD_HEAD
        + ("2026-01-01,North America,marketing,USD,0.025\n2026-01-01,Germany,marketing,EUR,0.10\n"),
    )
    # Carried forward, never back: the first rate holds from the third day on.
    write_csv(empty.raw_dir, FX_RATES, "fx.csv", FX_HEAD + "2026-10-07,USD,EUR,0.8\n")
    write(
        empty.raw_dir,
        WEBHOOKS,
        "w.jsonl",
        [
            delivered("wamid.o1", at(0), CARL),
            delivered("wamid.o2", at(5), CARL),
            delivered("wamid.o3", at(0), ADA),
        ],
    )
    db = empty.build().db
    first, second, third = (_message(db, f"wamid.o{n}") for n in (1, 2, 3))
    assert (first["cost_amount"], first["cost_amount_original"]) == (None, Decimal("0.025"))
    assert first["cost_currency_code"] == "USD"
    assert second["cost_amount"] == Decimal("0.02")
    assert third["cost_amount"] == Decimal("0.10")
    [row] = query(
        db,
        "select cost_amount, messages_cost_unknown from marts.kpi_messaging "
        "where period_grain = 'month'",
    )
    assert row == (Decimal("0.12"), 1)
    assert _warned(empty) == {"every_billable_message_has_a_price": 1}
