"""Every KPI of messages and recipients equals its recomputation in pandas from the raw files."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Protocol

import duckdb
import pandas as pd

from orchestration.demo import DemoSettings, generate

from .compare import (
    bag_differences,
    differences,
    near_differences,
    regrouped,
    uncovered,
    warehouse_rows,
)
from .customers import unlikely
from .edge_cases import SETTINGS, build
from .recompute import recompute

RunCli = Callable[..., CompletedProcess[str]]


class Built(Protocol):
    """What the fixture `sample` gives."""

    published: Path
    raw_dir: Path


KEY = "a key for tests, never for data"
MAX_SHOWN = 40
PERIOD = ["period_grain", "period_start_on"]
Compared = tuple[list[str], list[str]]
TABLES: dict[str, Compared] = {
    "fct_messages": (
        ["message_id"],
        [
            *("direction", "contact_id", "channel_id", "message_type", "sender_type", "category"),
            *("template_name", "template_language", "campaign_id", "variant"),
            *("message_at", "message_on", "attempted_at", "sent_at", "delivered_at", "read_at"),
            *("inferred_read_at", "failed_at", "first_replied_at", "error_code", "error_class"),
            *("is_delivered_implied", "is_failed_overridden", "has_clock_anomaly", "agent_id"),
            "bot_id",
            *(
                "is_in_service_window",
                "is_in_free_entry_point",
                "market",
                "pricing_type",
                "is_billable",
                "cost_amount",
            ),
            *("cost_amount_original", "cost_currency_code", "first_clicked_at"),
        ],
    ),
    "dim_contacts": (
        ["contact_id"],
        [
            "country_code",
            "created_at",
            "first_inbound_at",
            "last_active_at",
            "is_test",
            "is_chat_contact",
            "created_source",
            "deleted_at",
            *("is_customer", "first_order_at", "orders_valid", "net_revenue_amount"),
            "acquisition_source",
        ],
    ),
    "fct_contact_days": (
        ["contact_id", "active_on"],
        ["messages_received", "clicks", "orders", "is_first_active_day"],
    ),
    "kpi_messaging": (
        [*PERIOD, "channel_id"],
        [
            *("messages_attempted", "messages_sent", "messages_delivered", "messages_read"),
            *("messages_read_inferred", "messages_failed", "messages_pending", "messages_capped"),
            *("messages_in_window", "messages_out_of_window", "messages_received"),
            *("messages_total", "messages_total_all_channels", "share_of_messages"),
            *("delivery_rate", "delivery_rate_of_attempted", "failure_rate", "read_rate"),
            *("read_rate_of_sent", "read_rate_inferred", "messages_in_window_rate"),
            *("received_to_delivered_ratio", "median_seconds_to_read", "cost_amount"),
            *("messages_cost_unknown", "messages_delivery_unknown", "is_complete", "is_mature"),
        ],
    ),
    "kpi_failures": (
        [*PERIOD, "channel_id", "error_code"],
        [
            *("error_class", "messages_failed", "messages_failed_on_channel"),
            *("share_of_failures", "is_complete", "is_mature"),
        ],
    ),
    "kpi_templates": (
        [*PERIOD, "template_name", "template_language"],
        [
            *("messages_attempted", "messages_sent", "messages_delivered", "messages_read"),
            *("messages_failed", "recipients_delivered", "recipients_clicked"),
            *("recipients_replied", "recipients_opted_out", "cost_amount"),
            *("messages_cost_unknown", "delivery_rate", "read_rate", "click_through_rate"),
            *("response_rate", "opt_out_rate", "is_complete", "is_mature"),
        ],
    ),
    "kpi_costs": (
        [*PERIOD, "channel_id", "market", "category", "pricing_type"],
        [
            *("messages_delivered", "messages_billable", "messages_free"),
            *("messages_billing_unknown", "messages_cost_known", "messages_cost_unknown"),
            *("cost_amount", "cost_per_message_amount", "is_complete", "is_mature"),
        ],
    ),
    "kpi_active_contacts": (
        ["active_on"],
        [
            *("contacts_active_1d", "contacts_active_7d", "contacts_active_28d"),
            *("stickiness_rate", "is_complete"),
        ],
    ),
    "kpi_engagement": (
        [*PERIOD, "channel_id"],
        [
            *("contacts_messaged", "contacts_replied", "contact_response_rate"),
            *("contacts_active", "contacts_new", "contacts_returning", "new_contact_rate"),
            *("is_complete", "is_mature"),
        ],
    ),
}

TABLES |= {
    "kpi_consent": (
        [*PERIOD, "channel_id"],
        [
            *("opt_ins", "opt_outs", "opt_outs_unknown", "contacts_deleted_opted_in"),
            *("opted_in_contacts_at_start", "opted_in_contacts", "net_list_growth"),
            *("list_opt_out_rate", "contacts_created", "contacts_opted_in_within_window"),
            *("opt_in_rate", "marketing_messages_after_opt_out", "is_complete", "is_mature"),
        ],
    ),
    "kpi_contacts": (
        [*PERIOD, "created_source"],
        [
            *("contacts_added", "contacts_deleted", "contacts_messaged", "contacts_responded"),
            *("contact_response_rate", "people_added", "people_deleted"),
            *("is_complete", "is_mature"),
        ],
    ),
}

FUNNEL = [
    *("recipients_targeted", "recipients_skipped", "recipients_attempted", "recipients_sent"),
    *("recipients_delivered", "recipients_read", "recipients_read_inferred"),
    *("recipients_clicked", "recipients_replied", "recipients_engaged", "recipients_opted_out"),
    *("delivery_rate", "read_rate", "click_through_rate", "response_rate", "engagement_rate"),
    *("opt_out_rate", "click_to_read_rate", "messages_cost_unknown", "message_cost_amount"),
    *("recipients_converted", "recipients_engaged_converted", "recipients_clicked_converted"),
    *("conversions", "leads", "qualified_leads", "conversion_rate", "click_to_conversion_rate"),
    "engaged_conversion_rate",
    *("revenue_amount", "gross_revenue_amount", "revenue_per_recipient_amount"),
    "revenue_per_conversion_amount",
]
TABLES |= {
    "fct_campaign_recipients": (
        ["campaign_id", "contact_id", "entry_number"],
        [
            *("variant", "entered_at", "entered_on", "is_control", "assigned_at"),
            *("skipped_reason", "messages_attempted", "messages_sent", "attempted_at", "sent_at"),
            *("last_sent_at", "last_message_at", "delivered_at", "read_at", "inferred_read_at"),
            *("clicked_at", "replied_at", "opted_out_at", "message_cost_amount"),
            *("messages_cost_unknown", "test_opted_out_at", "converted_at", "conversions"),
            *("leads", "qualified_leads", "test_converted_at", "test_conversions"),
            *("revenue_amount", "gross_revenue_amount", "test_orders", "test_revenue_amount"),
        ],
    ),
    "kpi_campaigns": (
        ["campaign_id", "variant"],
        [
            *("campaign_name", "campaign_type", "goal", "first_sent_on", "last_sent_on"),
            *("clicks_total", "is_mature", *FUNNEL),
        ],
    ),
    "kpi_campaign_periods": (
        [*PERIOD, "campaign_id"],
        [*FUNNEL, "is_complete", "is_mature"],
    ),
    "kpi_campaign_tests": (
        ["campaign_id", "metric", "variant", "baseline_variant"],
        [
            *("recipients", "successes", "rate", "baseline_recipients", "baseline_successes"),
            *("baseline_rate", "absolute_lift", "relative_lift", "test_statistic", "p_value"),
            *("p_value_adjusted", "ci_low", "ci_high", "minimum_detectable_lift"),
            *("sample_ratio_p_value", "has_sample_ratio_mismatch", "is_mature", "is_significant"),
            *("incremental_conversions", "mean_amount", "baseline_mean_amount"),
        ],
    ),
}

TABLES |= {
    "kpi_busiest_hours": (
        ["channel_id", "iso_day_of_week", "hour_of_day"],
        ["messages_received", "hours_observed", "messages_received_per_hour"],
    ),
    "kpi_utm_traffic": (
        [*PERIOD, "utm_source", "utm_medium", "utm_campaign"],
        [
            *("clicks_human", "sessions", "orders_valid", "net_revenue_amount"),
            *("is_complete", "is_mature"),
        ],
    ),
}

# Tables of orders, ads and customers by their keys: every column that isn't set aside is compared.
COHORT = ["cohort_month_on", "month_number"]
OF_ORDERS: dict[str, list[str]] = {
    "fct_orders": ["order_id"],
    "fct_order_refunds": ["order_id", "refund_number"],
    "fct_abandoned_checkouts": ["checkout_id"],
    "fct_ad_spend": ["ad_id", "spent_on"],
    "kpi_sales": PERIOD,
    "kpi_aov": PERIOD,
    "kpi_repeat_purchase": PERIOD,
    "kpi_retention": ["retention_type", *COHORT],
    "kpi_churn": PERIOD,
    "kpi_clv": COHORT,
    "kpi_customer_clv": ["contact_id"],
    "kpi_segments": [*PERIOD, "customer_segment"],
    "kpi_cac": [*PERIOD, "acquisition_source"],
}

# The figures of Meta's that messages alone answer.
TEMPLATE_COUNTS = (
    "kpi_reconciliation where source = 'template_analytics'"
    " and metric in ('sent', 'delivered', 'read')"
)

# Parts of an amount are rounded so that they add up, and so is what rests on them: equal within a
# thousandth, or a thousandth of it. Predictions are integrals here and series there.
NEARLY: dict[str, tuple[list[str], list[str]]] = {
    "kpi_campaigns": (
        ["campaign_id", "variant"],
        [
            *("software_cost_amount", "incentive_cost_amount", "campaign_cost_amount"),
            *("cost_per_recipient_amount", "cost_per_lead_amount", "cost_per_conversion_amount"),
            *("cost_per_qualified_lead_amount", "cost_per_click_amount"),
            *("return_on_campaign_spend", "roi_rate"),
        ],
    ),
    "kpi_campaign_periods": (
        [*PERIOD, "campaign_id"],
        [
            *("software_cost_amount", "incentive_cost_amount", "campaign_cost_amount"),
            *("cost_per_recipient_amount", "cost_per_lead_amount", "cost_per_conversion_amount"),
            *("cost_per_qualified_lead_amount", "return_on_campaign_spend", "roi_rate"),
        ],
    ),
    "kpi_campaign_tests": (
        ["campaign_id", "metric", "variant", "baseline_variant"],
        ["incremental_revenue_amount"],
    ),
    "kpi_customer_clv": (
        ["contact_id"],
        [
            *("probability_alive", "expected_orders_12m", "expected_order_value_amount"),
            "predicted_clv_12m_amount",
        ],
    ),
    "kpi_cac": (
        [*PERIOD, "acquisition_source"],
        [
            *("ad_spend_amount", "message_cost_amount", "software_cost_amount"),
            *("labour_cost_amount", "acquisition_cost_amount", "cost_per_lead_amount"),
            *("cost_per_qualified_lead_amount", "cost_per_acquisition_amount"),
            *("customer_acquisition_cost_amount", "ad_revenue_amount", "return_on_ad_spend"),
            *("clv_12m_amount", "predicted_clv_12m_amount", "clv_to_cac_ratio"),
        ],
    ),
}

# Facts whose key is a hash of their own: compared as bags of rows.
BAGS: dict[str, list[str]] = {
    "fct_consent_events": ["contact_id", "channel_id", "event", "occurred_at", "source"],
    "fct_link_clicks": [
        *("clicked_at", "contact_id", "campaign_id", "variant", "message_id", "is_human"),
        *("utm_source", "utm_medium", "utm_campaign"),
    ],
    "fct_leads": [
        *("contact_id", "created_at", "qualified_at", "won_at", "lost_at", "lead_source"),
        *("attributed_campaign_id", "attributed_touch_type", "attributed_ad_id"),
    ],
}

# Columns that no document of this stage defines, or that belong to later streams.
NOT_RECOMPUTED: dict[str, set[str]] = {
    "fct_messages": {
        # Cycles are compared by what they mean (test_service_equals_pandas).
        *("conversation_cycle_id", "conversation_opened_by", "cost_source"),
        *("is_in_billed_conversation",),
    },
    "dim_contacts": {
        *("is_opted_in", "opted_in_at"),
        *("opted_out_at", "lifecycle_stage", "lead_created_at", "qualified_at"),
        *("customer_segment", "acquisition_ad_id", "acquisition_campaign_id"),
    },
    "fct_contact_days": {"previous_active_on", "next_active_on"},
    "kpi_messaging": set(),
    "kpi_failures": set(),
    "kpi_templates": {"category"},
    "kpi_costs": set(),
    "kpi_active_contacts": set(),
    "kpi_engagement": set(),
    "kpi_busiest_hours": {
        *("conversations_opened", "agent_hours", "agents_active_per_hour"),
    },
    "kpi_utm_traffic": set(),
    "fct_campaign_recipients": {
        *("steps_reached",),
    },
    "kpi_campaigns": set(),
    "kpi_campaign_periods": {"clicks_total", "cost_per_click_amount"},
    "kpi_campaign_tests": set(),
    "kpi_consent": set(),
    "kpi_contacts": set(),
    "fct_consent_events": {"consent_event_id", "applies_to_all_channels", "has_clock_anomaly"},
    "fct_link_clicks": {"click_id", "clicked_on", "url_key", "has_clock_anomaly"},
    "fct_leads": {
        *("lead_id", "has_clock_anomaly"),
    },
    # What conversations fill is compared in test_service_equals_pandas.
    "kpi_sales": {
        *("contacts_started_conversation", "contacts_started_lead", "lead_generation_rate"),
        *("conversations_with_inbound", "revenue_per_conversation_amount"),
    },
}


def columns_of_orders(connection: duckdb.DuckDBPyConnection) -> dict[str, Compared]:
    """Return all columns of the tables of orders but those that aren't equal to the last digit."""
    found = {}
    for table, keys in OF_ORDERS.items():
        aside = {*keys, *NEARLY.get(table, ([], []))[1], *NOT_RECOMPUTED.get(table, ())}
        names, _ = warehouse_rows(connection, table)
        found[table] = (keys, [name for name in names if name not in aside])
    return found


def read_model(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the published parameters of the customers' model."""
    told = connection.execute("from meta.clv_model")
    names = [d[0] for d in told.description or []]
    return dict(zip(names, told.fetchall()[0], strict=True))


def check(published: Path, raw: Path, settings: dict[str, Any]) -> None:
    with duckdb.connect(str(published), read_only=True) as connection:
        model = read_model(connection)
        ours = recompute(raw, KEY.encode(), settings, model)
        found = regrouped(connection, ours["fct_messages"])
        found += unlikely(model, ours["kpi_customer_clv"])
        for table, (keys, columns) in (TABLES | columns_of_orders(connection)).items():
            found += differences(connection, table, ours[table], keys, columns)
            nearly_keys, nearly = NEARLY.get(table, ([], []))
            found += (
                near_differences(connection, table, ours[table], nearly_keys, nearly)
                if nearly
                else []
            )
            covered = {*keys, *columns, *nearly, *NOT_RECOMPUTED.get(table, ())}
            found += uncovered(connection, table, covered)
        found += differences(
            connection,
            TEMPLATE_COUNTS,
            ours["kpi_reconciliation"],
            ["source", "metric", "starts_at", "reconciliation_key"],
            ["our_value"],
        )
        for table, columns in BAGS.items():
            found += bag_differences(connection, table, ours[table], columns)
            found += uncovered(connection, table, {*columns, *NOT_RECOMPUTED[table]})
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:MAX_SHOWN])


def test_every_kpi_of_the_sample_equals_its_recomputation(sample: Built) -> None:
    check(sample.published, sample.raw_dir, {})


def test_every_kpi_of_edge_cases_equals_its_recomputation(run_cli: RunCli, tmp_path: Path) -> None:
    raw, warehouse = tmp_path / "raw", tmp_path / "warehouse"
    generate(raw, DemoSettings(contacts=400, days=100))
    build(raw)
    done = run_cli(raw, warehouse, CHATMART_HMAC_KEY=KEY, CHATMART_VARS=json.dumps(SETTINGS))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    check(warehouse / "warehouse.duckdb", raw, SETTINGS)


def test_a_comparison_sees_a_changed_cell_and_a_missing_row_on_either_side() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.t as select * from (values ('a', 1, 0.1::decimal(18, 6)),"
            " ('b', null, 0.5), ('c', 3, null)) as v (id, n, money)"
        )
        ours = pd.DataFrame(
            {
                "id": ["a", "b", "c"],
                "n": [1, None, 3],
                "money": [Decimal("0.1"), Decimal("0.5"), None],
            },
            dtype=object,
        )

        def seen(frame: pd.DataFrame) -> list[str]:
            return differences(connection, "t", frame, ["id"], ["n", "money"])

        assert seen(ours) == []
        assert seen(ours.assign(n=[1, 0, 3])) == ["t ('b',).n: expected 0, got None"]
        assert len(seen(ours.assign(money=[Decimal("0.100001"), Decimal("0.5"), None]))) == 1
        assert seen(ours.iloc[:2]) == ["t ('c',): only in the warehouse"]
        assert len(seen(ours.assign(id=["a", "b", "d"]))) == 2
        assert uncovered(connection, "t", {"id", "n"}) == ["t.money is not recomputed"]
