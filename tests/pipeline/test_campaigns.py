"""Campaigns from raw exports to their marts: flows, arms, a control arm, costs, changed templates."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.checks.campaigns import INVARIANTS
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, query, records
from tests.pipeline.payloads import (
    SENDS,
    TEMPLATES,
    WEBHOOKS,
    Body,
    at,
    body,
    delivered,
    inbound,
    naive,
    send,
    template,
    write,
    write_csv,
)

ADA = "4917012345699"
ARMS = {"a": 10, "b": 25, "c": 12}
PER_ARM = 60
TREATED, HELD = 40, 40
BOOKED = {"none": 20, "control": 5}


def _phone(block: int, number: int) -> str:
    return f"49170{block}{number:06}"


def _flow() -> tuple[list[Body], list[Body]]:
    """Ada goes through a flow, and again 31 days after its last message."""
    sends, statuses = [], []
    for wamid, day, step in (("f1", 0, "hello"), ("f2", 3, "offer"), ("f3", 34, "hello")):
        moment = at(day, seconds=wamid == "f3")
        log = {"campaign_id": "welcome", "flow_id": "w", "flow_step": step}
        sends.append(send(f"wamid.{wamid}", moment, ADA, template="welcome", **log))
        statuses.append(delivered(f"wamid.{wamid}", at(day, 5), ADA))
    return sends, statuses


def _three_arms() -> tuple[list[Body], list[Body], list[str]]:
    sends, webhooks, audience = [], [], []
    for block, (variant, replies) in enumerate(ARMS.items(), start=1):
        for number in range(PER_ARM):
            phone, wamid = _phone(block, number), f"wamid.{variant}{number}"
            log = {"campaign_id": "arms", "variant": variant}
            sends.append(send(wamid, at(1), phone, template="spring", **log))
            webhooks.append(delivered(wamid, at(1, 5), phone))
            if number < replies:
                webhooks.append(inbound(f"{wamid}.r", at(1, 60), phone, context=wamid))
            audience.append(f"arms,{variant},{phone},{at(0.5).isoformat()},no,\n")
    return sends, webhooks, audience


def _control_arm() -> tuple[list[Body], list[Body], list[str], list[str]]:
    sends, webhooks, audience, events = [], [], [], []
    for number in range(TREATED):
        phone, wamid = _phone(5, number), f"wamid.t{number}"
        sends.append(send(wamid, at(1), phone, template="spring", campaign_id="held"))
        webhooks.append(delivered(wamid, at(1, 5), phone))
        audience.append(f"held,,{phone},{at(0.5).isoformat()},no,\n")
        if number < BOOKED["none"]:
            events.append(f"+{phone},goal,{at(3).isoformat()},booking\n")
    for number in range(HELD):
        phone = _phone(6, number)
        audience.append(f"held,,{phone},{at(0.5).isoformat()},yes,\n")
        if number < BOOKED["control"]:
            events.append(f"+{phone},goal,{at(3).isoformat()},booking\n")
    # One who was to be messaged and was not, and a STOP of somebody in the control arm.
    audience.append(f"held,,{_phone(5, 999)},{at(0.5).isoformat()},no,frequency_cap\n")
    webhooks.append(inbound("wamid.stop", at(2), _phone(6, 0), text="STOP"))
    # p0 answers a second after the message and books later: a touch of its own campaign.
    webhooks.append(inbound("wamid.yes", at(1, 60), _phone(5, 0), text="yes please"))
    return sends, webhooks, audience, events


@pytest.fixture(scope="module")
def campaigns(make_once: MakeOnce) -> Path:
    """Return the working file of all of it."""

    def make(folder: Path) -> None:
        raw_dir = folder / "raw"
        flow_sends, flow_webhooks = _flow()
        arm_sends, arm_webhooks, arm_audience = _three_arms()
        held_sends, held_webhooks, held_audience, events = _control_arm()
        write(raw_dir, SENDS, "1.jsonl", flow_sends + arm_sends + held_sends)
        change = {
            "message_template_id": "id-spring",
            "message_template_name": "spring",
            "message_template_language": "en",
            "previous_category": "MARKETING",
            "new_category": "UTILITY",
        }
        later = [
            body(change, field="template_category_update"),
            inbound("wamid.later", at(60), "4917012345698"),
        ]
        webhooks = flow_webhooks + arm_webhooks + held_webhooks + later
        write(raw_dir, WEBHOOKS, "1.jsonl", webhooks)
        write(raw_dir, TEMPLATES, "1.jsonl", [template("spring", "UTILITY")])
        columns = "campaign_id,variant,phone,assigned_at,is_control,skipped_reason\n"
        audience = columns + "".join(arm_audience + held_audience)
        write_csv(raw_dir, "campaigns/audience", "1.csv", audience)
        write_csv(
            raw_dir,
            "campaigns/registry",
            "1.csv",
            "campaign_id,campaign_type,goal,software_fee_amount,currency_code\n"
            "welcome,flow,order,,\nheld,broadcast,event:booking,3,EUR\nidle,drip,lead,9,EUR\n",
        )
        write_csv(
            raw_dir,
            "contacts/events",
            "1.csv",
            "phone,event,occurred_at,value\n" + "".join(events),
        )
        write_csv(
            raw_dir,
            "generic/costs",
            "1.csv",
            "cost_id,cost_type,starts_on,ends_on,amount,currency_code\n"
            # All of it October's: 222 marketing messages were delivered in it.
            "s1,software,2026-10-01,2026-10-31,22.2,EUR\n"
            # Of no known rate: the flow's November is unknown, its October isn't.
            "s2,software,2026-11-01,2026-11-30,5,XXX\n",
        )
        build(raw_dir, folder / "warehouse")

    return make_once("campaigns", make) / "warehouse" / "build.duckdb"


def _tests(db: Path, campaign: str, metric: str) -> list[dict[str, Any]]:
    return records(
        db,
        "from marts.kpi_campaign_tests where campaign_id = ? and metric = ? order by variant",
        campaign,
        metric,
    )


def test_a_flow_reentered_after_31_days_is_a_second_entry(campaigns: Path) -> None:
    rows = records(
        campaigns,
        "select entry_number, entered_at, messages_sent, steps_reached, conversions "
        "from marts.fct_campaign_recipients where campaign_id = 'welcome' order by entry_number",
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, naive(at(0)), 2, 2, None),
        (2, naive(at(34, 1)), 1, 1, None),
    ]


def test_three_arms_are_adjusted_by_holm(campaigns: Path) -> None:
    b, c = _tests(campaigns, "arms", "reply")
    assert (b["variant"], c["variant"], b["baseline_variant"]) == ("b", "c", "a")
    assert (b["recipients"], b["successes"], b["baseline_successes"]) == (60, 25, 10)
    assert b["p_value"] < c["p_value"]
    assert b["p_value_adjusted"] == pytest.approx(2 * b["p_value"])
    assert c["p_value_adjusted"] == c["p_value"]
    assert (b["is_significant"], c["is_significant"]) == (True, False)
    assert b["sample_ratio_p_value"] == 1.0
    # Nobody read: no rate of it is better than another, and NULL says so.
    for row in _tests(campaigns, "arms", "read"):
        assert (row["rate"], row["test_statistic"], row["p_value_adjusted"]) == (0, None, None)


def test_a_control_arm_is_compared_by_assignment(campaigns: Path) -> None:
    [row] = _tests(campaigns, "held", "conversion")
    assert (row["variant"], row["baseline_variant"]) == ("none", "control")
    # Whoever was skipped had been assigned all the same.
    assert (row["recipients"], row["successes"]) == (TREATED + 1, BOOKED["none"])
    assert (row["baseline_recipients"], row["baseline_successes"]) == (HELD, BOOKED["control"])
    assert row["is_significant"]
    assert row["incremental_conversions"] == pytest.approx(20 - 5 / 40 * 41)
    [row] = _tests(campaigns, "held", "opt_out")
    assert (row["successes"], row["baseline_successes"]) == (0, 1)
    assert _tests(campaigns, "held", "reply") == []


def test_only_a_touch_earns_a_conversion(campaigns: Path) -> None:
    [messaged] = records(
        campaigns, "from marts.kpi_campaigns where campaign_id = 'held' and variant = 'none'"
    )
    assert (messaged["recipients_targeted"], messaged["recipients_skipped"]) == (41, 1)
    assert (messaged["recipients_delivered"], messaged["recipients_replied"]) == (40, 1)
    # Twenty booked; one of them had answered the message.
    assert (messaged["recipients_converted"], messaged["conversions"]) == (1, 1)
    assert (messaged["recipients_clicked"], messaged["click_through_rate"]) == (None, None)
    assert messaged["is_mature"]


def test_a_template_that_changed_its_category_costs_what_was_billed(campaigns: Path) -> None:
    assert query(
        campaigns, "select category from marts.dim_templates where template_name = 'spring'"
    ) == [("utility",)]
    assert query(
        campaigns,
        "select distinct category from marts.fct_messages where template_name = 'spring'",
    ) == [("marketing",)]


def test_software_costs_follow_delivered_marketing_messages(campaigns: Path) -> None:
    costs: dict[str, Decimal | None] = dict(
        query(
            campaigns,
            "select campaign_id || '/' || variant, software_cost_amount from marts.kpi_campaigns",
        )
    )
    # 22.20 over 222 messages: two of the flow's in October (its third is November's, whose costs
    # nobody knows), 180 and 40.
    assert costs == {
        "welcome/none": None,
        "arms/a": Decimal(6),
        "arms/b": Decimal(6),
        "arms/c": Decimal(6),
        "held/none": Decimal(4 + 3),
        "held/control": Decimal(0),
    }


def test_a_campaign_without_recipients_stands_in_the_dimension_only(campaigns: Path) -> None:
    assert query(
        campaigns,
        "select campaign_type, software_fee_amount from marts.dim_campaigns "
        "where campaign_id = 'idle'",
    ) == [("drip", Decimal(9))]
    assert query(campaigns, "from marts.kpi_campaigns where campaign_id = 'idle'") == []


def test_one_month_of_unknown_costs_leaves_the_others_known(campaigns: Path) -> None:
    """The campaign's sum is unknown with it, which is no disagreement: it stopped the publish."""
    costs = query(
        campaigns,
        "select software_cost_amount from marts.kpi_campaign_periods "
        "where campaign_id = 'welcome' and period_grain = 'month' order by period_start_on",
    )
    assert costs[:2] == [(Decimal("0.2000"),), (None,)]


@pytest.mark.parametrize("check", INVARIANTS, ids=lambda check: str(check.name))
def test_every_invariant_of_campaigns_holds(campaigns: Path, check: Any) -> None:
    assert query(campaigns, check.sql) == []
