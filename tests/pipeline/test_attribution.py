"""Orders, leads and forms from raw exports to the campaign that gets them (SEMANTICS 12, 13, 17)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_ind

from orchestration.checks.campaigns import INVARIANTS as CAMPAIGN_INVARIANTS
from orchestration.checks.orders import INVARIANTS as ORDER_INVARIANTS
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import (
    _manifest,
    build,
    clone,
    mart_hashes,
    query,
    records,
)
from tests.pipeline.payloads import (
    NUMBER,
    SENDS,
    WEBHOOKS,
    Body,
    at,
    delivered,
    inbound,
    message_id,
    send,
    status,
    write,
    write_csv,
)

PEOPLE = ("ada", "ben", "cleo", "dora", "emil", "finn", "gus", "hera", "ida", "jan", "kim")
PHONE = {name: f"49170000{number:05}" for number, name in enumerate(PEOPLE, start=1)}
TREATED = (0, 30, 0, 20.5, 10)
HELD = (0, 0, 12, 0)
HANGS_ON_CLICK_DAYS = {
    "fct_orders",
    "fct_campaign_recipients",
    "kpi_campaigns",
    "kpi_campaign_periods",
}


def _told(name: str, campaign: str, day: float, **more: Any) -> tuple[Body, Body]:
    """Return the send and the delivery of a campaign's message."""
    wamid = f"wamid.{campaign}.{name}"
    log = send(wamid, at(day), PHONE[name], template=campaign, campaign_id=campaign, **more)
    return log, delivered(wamid, at(day, 5), PHONE[name])


def _read(name: str, campaign: str, moment: datetime) -> Body:
    return status(f"wamid.{campaign}.{name}", "read", moment, PHONE[name])


def _answer(name: str, campaign: str, moment: datetime, record: Body) -> Body:
    wamid = f"wamid.in.{campaign}.{name}"
    context = f"wamid.{campaign}.{name}"
    return inbound(wamid, moment, PHONE[name], context=context, record=record)


def _group(number: int, block: int) -> str:
    return f"4917{block}0000{number:03}"


def _exports(raw_dir: Path) -> None:
    told = [
        _told("ada", "spring", 0),
        _told("ada", "news", 3),
        _told("ben", "spring", 0, agent_id="a7"),
        _told("cleo", "spring", 0),
        _told("dora", "care", 3),
        _told("emil", "spring", 3),
        _told("finn", "news", 0),
        _told("ida", "quiz", 0),
        _told("jan", "care", 3),
        _told("kim", "spring", 3),
    ]
    words = [{"type": "text", "text": "Dora"}, {"type": "text", "text": "#1004"}]
    told[4][0]["request"]["template"]["components"] = [{"type": "body", "parameters": words}]
    pressed = {"type": "button", "button": {"payload": "more", "text": "More"}}
    answered = {
        "type": "interactive",
        "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"a": 1}'}},
    }
    advert = {
        "type": "text",
        "text": {"body": "hello"},
        "referral": {"source_type": "ad", "source_id": "ad-9"},
    }
    webhooks = [
        *(delivery for _, delivery in told),
        # Ada's click of day 1 is open on day 4, her read of another campaign is not.
        _read("ada", "news", at(3, 60)),
        _answer("ben", "spring", at(1), pressed),
        # Dora read her order's notice before the order (a payment link), Jan read that of no order.
        _read("dora", "care", at(3, 60)),
        _read("jan", "care", at(3, 60)),
        _read("emil", "spring", at(4, 7200)),
        _answer("ida", "quiz", at(0, 600), answered),
        inbound("wamid.advert", at(2), PHONE["gus"], record=advert),
        # Long after all: the clock of messages.
        inbound("wamid.later", at(60), "4917000009999"),
    ]
    sends = [log for log, _ in told]
    audience = []
    for block, amounts in ((1, TREATED), (2, HELD)):
        for number in range(len(amounts)):
            phone = _group(number, block)
            audience.append(f"held,{phone},{at(0.5).isoformat()},{'yes' if block == 2 else 'no'}\n")
            if block == 1:
                wamid = f"wamid.held{number}"
                sends.append(send(wamid, at(1), phone, template="held", campaign_id="held"))
                webhooks.append(delivered(wamid, at(1, 5), phone))
    write(raw_dir, SENDS, "1.jsonl", sends)
    write(raw_dir, WEBHOOKS, "1.jsonl", webhooks)
    write_csv(
        raw_dir,
        "campaigns/audience",
        "1.csv",
        "campaign_id,phone,assigned_at,is_control\n" + "".join(audience),
    )
    write_csv(
        raw_dir,
        "campaigns/registry",
        "1.csv",
        "campaign_id,campaign_type,goal,utm_campaign,coupon_codes,software_fee_amount\n"
        "spring,broadcast,order,spring-sale,SPRING10|SPRING20,10\n"
        "news,broadcast,lead,news,,\nquiz,broadcast,form,,,\n"
        "care,transactional,order,,,\nheld,broadcast,order,,,\n",
    )
    write_csv(
        raw_dir,
        "generic/link_clicks",
        "1.csv",
        "click_id,clicked_at,url,phone,campaign_id,is_human\n"
        f"k1,{at(1).isoformat()},https://shop.example/s,+{PHONE['ada']},spring,yes\n"
        f"k2,{at(4, 7200).isoformat()},https://shop.example/s,+{PHONE['emil']},spring,yes\n"
        f"k3,{at(3, 600).isoformat()},https://shop.example/s,+{PHONE['kim']},spring,yes\n",
    )
    write_csv(
        raw_dir,
        "generic/leads",
        "1.csv",
        f"lead_id,phone,created_at\nl1,+{PHONE['gus']},{at(3).isoformat()}\n"
        f"l2,+{PHONE['jan']},{at(3, 120).isoformat()}\n"
        f"l3,+{PHONE['hera']},{at(3).isoformat()}\n",
    )
    orders = [
        ("1", "1001", at(4), "100", "EUR", "ada", "", "", "paid"),
        ("2", "1002", at(4), "50", "EUR", "ben", "", "", "partially_refunded"),
        ("3", "1003", at(20), "40", "EUR", "cleo", "spring20", "", "paid"),
        ("4", "1004", at(3, 3600), "30", "EUR", "dora", "", "", "paid"),
        ("5", "1005", at(4), "20", "EUR", "emil", "", "", "paid"),
        ("6", "1006", at(2), "60", "EUR", "finn", "", "spring-sale", "paid"),
        ("7", "1007", at(4), "70", "EUR", "gus", "", "", "paid"),
        ("8", "1008", at(20), "80", "EUR", "", "SPRING10", "", "paid"),
        ("9", "1009", at(20), "90", "EUR", "hera", "SPRING10", "", "paid"),
        ("10", "1010", at(3, 3600), "15", "EUR", "jan", "", "", "paid"),
        ("11", "1011", at(3, 3600), "25", "XXX", "kim", "", "", "paid"),
        ("12", "1012", at(3, 3600), "99", "EUR", "kim", "", "", "cancelled"),
        ("13", "1013", at(60), "1", "EUR", "", "", "", "paid"),
    ]
    lines = [
        f"{id_},{number},{moment.isoformat()},{total},{currency},"
        f"{'+' + PHONE[name] if name else ''},{coupons},{utm},{state},"
        f"{5 if state == 'partially_refunded' else ''}\n"
        for id_, number, moment, total, currency, name, coupons, utm, state in orders
    ]
    lines += [
        f"g{block}{number},,{at(5).isoformat()},{amount},EUR,+{_group(number, block)},,,paid,\n"
        for block, amounts in ((1, TREATED), (2, HELD))
        for number, amount in enumerate(amounts)
        if amount
    ]
    # An order after the test's window: hours late.
    lines.append(f"late,,{at(14.6).isoformat()},500,EUR,+{_group(0, 2)},,,paid,\n")
    columns = "order_id,order_number,ordered_at,total_amount,currency_code,phone,coupon_codes"
    write_csv(
        raw_dir,
        "generic/orders",
        "1.csv",
        f"{columns},utm_campaign,status,refunded_amount\n" + "".join(lines),
    )


@pytest.fixture(scope="module")
def world(make_once: MakeOnce) -> Path:
    """Return a folder with the raw exports and the warehouse built from them."""

    def make(folder: Path) -> None:
        _exports(folder / "raw")
        build(folder / "raw", folder / "warehouse")

    return make_once("attribution", make)


@pytest.fixture(scope="module")
def db(world: Path) -> Path:
    return world / "warehouse" / "build.duckdb"


def test_each_order_is_credited_to_its_last_valid_touch(db: Path) -> None:
    rows = query(
        db,
        "select order_number, attributed_touch_type, attributed_campaign_id, "
        "attributed_ad_id, attributed_message_id, channel_id, first_touch_campaign_id, "
        "is_assisted, attributed_at from marts.fct_orders "
        "where order_number is not null order by order_number",
    )
    none: tuple[Any, ...] = (None, "none", "none", "none", "none", "none", False, None)

    def wamid(campaign: str, name: str) -> str:
        return message_id(f"wamid.{campaign}.{name}")

    def when(days: float, seconds: int = 0) -> datetime:
        return at(days, seconds).replace(tzinfo=None)

    spring = ("spring", "none")
    assert {row[0]: row[1:] for row in rows} == {
        # The ASOF trap: the read of day 3 had run out.
        "1001": (
            "click", *spring, wamid("spring", "ada"), NUMBER, "spring", False, when(1),
        ),
        "1002": ("button", *spring, wamid("spring", "ben"), NUMBER, "spring", False, when(1)),
        "1003": (
            "coupon", *spring, wamid("spring", "cleo"), NUMBER, "spring", False, when(0, 5),
        ),
        "1004": none,
        # Emil clicked and read two hours after the order.
        "1005": none,
        # Finn came by a link of a campaign that never messaged Finn.
        "1006": ("utm", *spring, "none", "none", "spring", False, when(2)),
        "1007": (
            "ctwa", "none", "ad-9", message_id("wamid.advert", "inbound"), NUMBER, "none",
            False, when(2),
        ),
        # Nobody is known to have bought: any recipient of the coupon's campaign may have.
        "1008": ("coupon", *spring, "none", "none", "spring", False, when(3, 5)),
        # Hera is known to have no chat: what her name is there nobody can tell.
        "1009": ("coupon", *spring, "none", "none", "spring", False, when(3, 5)),
        "1010": none,
        "1011": ("click", *spring, wamid("spring", "kim"), NUMBER, "spring", False, when(3, 600)),
        "1012": none,
        "1013": none,
    }  # fmt: skip
    assert query(
        db, "select attributed_agent_id from marts.fct_orders where order_number = '1002'"
    ) == [("whatsapp:a7",)]


def test_leads_are_credited_likewise(db: Path) -> None:
    rows = query(
        db,
        "select lead_id, attributed_touch_type, attributed_campaign_id, attributed_ad_id "
        "from marts.fct_leads order by lead_id",
    )
    assert rows == [
        ("generic:l1", "ctwa", "none", "ad-9"),
        # What speaks of an order may still win a lead.
        ("generic:l2", "read", "care", "none"),
        ("generic:l3", None, "none", "none"),
    ]


def test_recipients_and_campaigns_earn_what_their_orders_brought(db: Path) -> None:
    [spring] = records(db, "from marts.kpi_campaigns where campaign_id = 'spring'")
    # Ada, Ben and Cleo; Kim's has no exchange rate, Finn and nobody were never messaged by it.
    # Five of Ben's fifty went back.
    assert (spring["revenue_amount"], spring["gross_revenue_amount"]) == (185, 190)
    assert (spring["recipients_delivered"], spring["recipients_converted"]) == (5, 4)
    assert (spring["conversions"], spring["recipients_clicked_converted"]) == (4, 2)
    # Emil engaged, too late for the order.
    assert (spring["recipients_engaged"], spring["recipients_engaged_converted"]) == (4, 3)
    assert spring["revenue_per_recipient_amount"] == 37
    assert spring["revenue_per_conversion_amount"] == 46.25
    kim = query(
        db,
        "select revenue_amount, conversions from marts.fct_campaign_recipients "
        "where campaign_id = 'spring' and conversions > 0 and revenue_amount is null",
    )
    assert kim == [(None, 1)]
    [quiz] = records(db, "from marts.kpi_campaigns where campaign_id = 'quiz'")
    assert (quiz["conversions"], quiz["revenue_amount"]) == (1, Decimal(0))


def test_a_control_arm_buys_by_assignment(db: Path) -> None:
    tests = {
        row["metric"]: row
        for row in records(db, "from marts.kpi_campaign_tests where campaign_id = 'held'")
    }
    conversion = tests["conversion"]
    assert (conversion["successes"], conversion["recipients"]) == (3, 5)
    assert (conversion["baseline_successes"], conversion["baseline_recipients"]) == (1, 4)
    assert conversion["incremental_conversions"] == pytest.approx(3 - 5 / 4)
    revenue = tests["revenue_per_recipient"]
    expected = ttest_ind(TREATED, HELD, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (revenue["mean_amount"], revenue["baseline_mean_amount"]) == (12.1, 3)
    assert revenue["test_statistic"] == pytest.approx(expected.statistic)
    assert revenue["p_value"] == pytest.approx(expected.pvalue)
    assert (revenue["ci_low"], revenue["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert revenue["incremental_revenue_amount"] == Decimal("45.5")
    # Nobody of either arm touched a message: by attribution the campaign earned nothing.
    [arm] = records(db, "from marts.kpi_campaigns where campaign_id = 'held' and variant = 'none'")
    assert (arm["conversions"], arm["revenue_amount"]) == (0, Decimal(0))


def test_without_an_order_export_nothing_is_0(tmp_path: Path) -> None:
    _exports(tmp_path / "raw")
    (tmp_path / "raw/generic/orders/1.csv").unlink()
    empty = build(tmp_path / "raw", tmp_path / "warehouse").db
    assert query(
        empty,
        "select distinct revenue_amount, gross_revenue_amount, conversions, "
        "revenue_per_recipient_amount, return_on_campaign_spend from marts.kpi_campaigns "
        "where goal = 'order'",
    ) == [(None, None, None, None, None)]
    assert query(
        empty,
        "select distinct test_orders, test_revenue_amount from marts.fct_campaign_recipients",
    ) == [(None, None)]
    assert (
        query(
            empty,
            "from marts.kpi_campaign_tests where metric like '%conver%' or metric like 'rev%'",
        )
        == []
    )


def test_other_click_days_restate_attribution_and_nothing_else(world: Path, tmp_path: Path) -> None:
    before = mart_hashes(world / "warehouse" / "build.duckdb")
    settings = {"attribution_click_days": 2}
    again = build(world / "raw", clone(world / "warehouse", tmp_path / "again"), settings)
    assert again.full_refresh_reason is not None
    after = mart_hashes(again.db)
    changed = {name for name in before if before[name] != after[name]}
    assert changed >= HANGS_ON_CLICK_DAYS
    assert changed <= _below("int_campaign_credits")
    # Ada's click had run out on day 4: nothing else was open.
    assert query(
        again.db,
        "select attributed_touch_type, attributed_campaign_id from marts.fct_orders "
        "where order_number = '1001'",
    ) == [(None, "none")]


def _below(model: str) -> set[str]:
    """Return the names of all models that read a model, or what reads it."""
    manifest = _manifest()
    found: set[str] = set()
    todo = [f"model.chatmart.{model}"]
    while todo:
        for child in manifest.child_map[todo.pop()]:
            if child.startswith("model.") and child not in found:
                found.add(child)
                todo.append(child)
    return {name.rsplit(".", 1)[1] for name in found}


@pytest.mark.parametrize(
    "check", (*ORDER_INVARIANTS, *CAMPAIGN_INVARIANTS), ids=lambda check: str(check.name)
)
def test_every_invariant_holds(db: Path, check: Any) -> None:
    assert query(db, check.sql) == []
