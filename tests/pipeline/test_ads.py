"""Ads from three kinds of export to their fact and to the cost of a customer."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.checks.ads import INVARIANTS, WARNINGS
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import assert_same_marts, build, query, records
from tests.pipeline.payloads import (
    SENDS,
    WEBHOOKS,
    Body,
    at,
    delivered,
    inbound,
    send,
    write,
    write_csv,
)

AD, OTHER_AD = "120210000000000101", "120210000000000202"
STARTED = "onsite_conversion.messaging_conversation_started_7d"
BUYERS = {"ad": "4917012345801", "campaign": "4917012345802", "old": "4917012345803"}
SPEND_HEADER = "ad_id,spent_on,spend_amount,currency_code\n"


def _from_ad(wamid: str, phone: str) -> Body:
    referral = {"source_id": AD, "source_type": "ad", "ctwa_clid": "x"}
    message = {"text": {"body": "is it still there?"}, "referral": referral}
    return inbound(wamid, at(1), phone, record=message)


def _insight(day: str, spend: str, **other: Any) -> dict[str, Any]:
    actions = [
        {"action_type": "omni_purchase", "value": "2"},
        {"action_type": "purchase", "value": "2"},
        {"action_type": STARTED, "value": "3"},
    ]
    row = {"ad_id": AD, "ad_name": "Poster", "campaign_name": "Autumn", "spend": spend}
    dates = {"date_start": day, "date_stop": day}
    return {
        **row,
        **dates,
        "account_currency": "USD",
        "impressions": "90",
        "actions": actions,
    } | other


def _write(raw_dir: Path) -> None:
    write(
        raw_dir,
        WEBHOOKS,
        "1.jsonl",
        [
            _from_ad("wamid.ad", BUYERS["ad"]),
            delivered("wamid.c1", at(2, 5), BUYERS["campaign"]),
            delivered("wamid.c2", at(2, 5), BUYERS["old"]),
            inbound("wamid.later", at(60), "4917012345699"),
        ],
    )
    sends = [
        send(f"wamid.c{n}", at(2), BUYERS[who], template="autumn", campaign_id="autumn")
        for n, who in enumerate(("campaign", "old"), start=1)
    ]
    write(raw_dir, SENDS, "1.jsonl", sends)
    write_csv(
        raw_dir,
        "campaigns/registry",
        "1.csv",
        "campaign_id,campaign_type,goal,software_fee_amount,currency_code\n"
        "autumn,broadcast,order,8,EUR\n",
    )
    write_csv(
        raw_dir,
        "generic/orders",
        "1.csv",
        "order_id,ordered_at,total_amount,currency_code,phone,status\n"
        f"1,2026-09-01T10:00:00Z,40,EUR,+{BUYERS['old']},paid\n"
        f"2,2026-10-08T10:00:00Z,60,EUR,+{BUYERS['ad']},paid\n"
        f"3,2026-10-09T10:00:00Z,50,EUR,+{BUYERS['campaign']},paid\n"
        f"4,2026-12-04T10:00:00Z,50,EUR,+{BUYERS['campaign']},paid\n",
    )
    write_csv(
        raw_dir,
        "reference/fx_rates",
        "1.csv",
        "rated_on,from_currency,to_currency,rate\n2026-10-01,USD,EUR,0.5\n2026-10-06,USD,EUR,0.25\n",
    )
    page = {"data": [_insight("2026-10-05", "10.00"), _insight("2026-10-06", "8.00")]}
    # The older export of a day, the newer one, and a row over the whole month.
    write(raw_dir, "meta_ads/insights", "2026-10-06.jsonl", [_insight("2026-10-05", "9.00")])
    (raw_dir / "meta_ads/insights/2026-10-07.json").write_text(json.dumps(page, indent=1))
    write_csv(
        raw_dir,
        "meta_ads/insights",
        "report_2026-10-20.csv",
        "Anzeigen-ID,Anzeigenname,Tag,Ausgegebener Betrag (EUR),Impressionen\n"
        f"{OTHER_AD},Plakat,2026-10-07,4.00,80\n,,,4.00,80\n",
    )
    write_csv(
        raw_dir,
        "meta_ads/insights",
        "month_2026-10-31.csv",
        "Ad ID,Reporting starts,Reporting ends,Amount spent (EUR)\n"
        f"{AD},2026-10-01,2026-10-31,99\n",
    )
    write_csv(
        raw_dir,
        "generic/ad_spend",
        "1.csv",
        f"{SPEND_HEADER}{AD},2026-10-05,77,EUR\nradio,2026-08-30,5,EUR\n",
    )
    write_csv(
        raw_dir,
        "generic/costs",
        "1.csv",
        "cost_id,cost_type,starts_on,ends_on,amount,currency_code\n"
        "l1,labour,2026-10-22,2026-11-10,20,EUR\n",
    )


@pytest.fixture(scope="module")
def ads(make_once: MakeOnce) -> Path:
    """Return the working file of all of it."""

    def make(folder: Path) -> None:
        _write(folder / "raw")
        build(folder / "raw", folder / "warehouse")

    return make_once("ads", make) / "warehouse" / "build.duckdb"


def test_each_ad_and_day_counts_once_by_its_newest_export(ads: Path) -> None:
    rows = query(
        ads,
        "select ad_id, spent_on::varchar, spend_amount, spend_amount_original, currency_code, "
        "impressions, conversations_started, source_system "
        "from marts.fct_ad_spend order by spent_on",
    )
    assert rows == [
        ("radio", "2026-08-30", Decimal(5), Decimal(5), "EUR", None, None, "generic"),
        (AD, "2026-10-05", Decimal(5), Decimal(10), "USD", 90, 3, "meta_ads"),
        (AD, "2026-10-06", Decimal(2), Decimal(8), "USD", 90, 3, "meta_ads"),
        (OTHER_AD, "2026-10-07", Decimal(4), Decimal(4), "EUR", 80, None, "meta_ads"),
    ]


def test_what_is_no_ads_day_is_counted(ads: Path) -> None:
    assert query(ads, "select source, stream, reason, rows from meta.rejects order by reason") == [
        ("meta_ads", "insights", "several_days", 1),
        ("meta_ads", "insights", "totals_row", 1),
    ]
    assert query(ads, "from meta.exclusions") == [("ad_day_told_twice", 1)]
    loads = (
        "select status, count(*) from meta.loads where source = 'meta_ads' group by all order by 1"
    )
    assert query(ads, loads) == [("loaded", 3), ("rejected", 1)]


def test_the_ad_of_a_chat_is_the_ad_that_was_paid(ads: Path) -> None:
    joined = query(
        ads,
        "select distinct ad_name from marts.dim_contacts "
        "join marts.fct_ad_spend on acquisition_ad_id = ad_id where acquisition_source = 'ad'",
    )
    assert joined == [("Poster",)]


def _cac(db: Path, month: str) -> dict[str, dict[str, Any]]:
    rows = records(db, "from marts.kpi_cac where period_start_on = cast(? as date)", month)
    return {row["acquisition_source"]: row for row in rows}


def test_costs_of_a_month_meet_its_new_customers(ads: Path) -> None:
    october = _cac(ads, "2026-10-01")
    ad, campaign, everyone = october["ad"], october["campaign"], october["all"]
    assert (ad["ad_spend_amount"], ad["new_customers"]) == (Decimal(11), 1)
    assert ad["customer_acquisition_cost_amount"] == 11.0
    # Half of the fee: the other recipient had bought before.
    assert campaign["software_cost_amount"] == Decimal(4)
    assert campaign["message_cost_amount"] > 0
    assert everyone["message_cost_amount"] == campaign["message_cost_amount"]
    assert (everyone["labour_cost_amount"], everyone["new_customers"]) == (Decimal(10), 2)
    assert everyone["acquisition_cost_amount"] == 25 + campaign["message_cost_amount"]
    assert ad["payback_months"] == 1
    assert (ad["clv_12m_amount"], ad["clv_to_cac_ratio"]) == (None, None)


def test_the_months_begin_with_the_first_spend(ads: Path) -> None:
    months = query(
        ads,
        "select acquisition_source, min(period_start_on)::varchar, count(*) from marts.kpi_cac "
        "where acquisition_source in ('ad', 'all') group by all order by 1",
    )
    assert months == [("ad", "2026-08-01", 5), ("all", "2026-08-01", 5)]


@pytest.mark.parametrize("check", INVARIANTS, ids=lambda check: check.name)
def test_the_invariants_of_ads_hold(ads: Path, check: Any) -> None:
    assert query(ads, check.sql) == []


def test_a_list_that_contradicts_meta_is_a_warning(ads: Path) -> None:
    from datetime import date

    found = {check.name: query(ads, check.sql) for check in WARNINGS}
    assert {name: rows for name, rows in found.items() if rows} == {
        "two_sources_tell_the_same_of_an_ads_day": [(AD, date(2026, 10, 5))]
    }


def test_an_ads_id_that_two_systems_use_is_a_warning(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for vendor in ("google", "tiktok"):
        write_csv(raw, f"mapped/{vendor}/ad_spend", "1.csv", f"{SPEND_HEADER}1,2026-08-30,5,EUR\n")
        columns = "{ad_id: ad_id, spent_on: spent_on, spend_amount: spend_amount}"
        mapping = f"columns: {columns}\nconstants: {{currency_code: EUR}}\n# {vendor}\n"
        (raw / f"mapped/{vendor}/ad_spend/mapping.yml").write_text(mapping)
        write_csv(
            raw, f"mapped/{vendor}/ad_spend", "2.csv", f"{SPEND_HEADER}{vendor},2026-08-30,5,EUR\n"
        )
    db = build(raw, tmp_path / "warehouse").db
    found = {check.name: query(db, check.sql) for check in WARNINGS}
    assert [str(row[0]) for row in found["an_ads_id_is_one_systems"]] == ["1"]


def test_exports_of_ads_in_any_order_give_the_same_marts(ads: Path, tmp_path: Path) -> None:
    raw_dir = tmp_path / "raw"
    _write(raw_dir)
    later = raw_dir / "meta_ads/insights/2026-10-06.jsonl"
    held = later.read_bytes()
    later.unlink()
    build(raw_dir, tmp_path / "warehouse")
    later.write_bytes(held)
    assert_same_marts(build(raw_dir, tmp_path / "warehouse").db, ads)
