"""The KPI scorecard on the terminal, read from the published file and nowhere else.

Counts are printed as they stand there, other numbers with the digits that a reader needs; `--json`
has all of them. No unit is changed. Totals over channels are sums of the counts; rates of a total
are computed from those sums.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from orchestration.settings import Settings
from orchestration.warehouse import connect

Row = dict[str, Any]

_COUNTS = (
    "messages_attempted",
    "messages_sent",
    "messages_delivered",
    "messages_read",
    "messages_failed",
    "messages_pending",
    "messages_received",
)
# The month of the messages; of the sales or conversations only where there are no messages at all.
_MONTH = """
select period_start_on, is_complete
from (
    select 1 as preference, period_start_on, is_complete from marts.kpi_messaging
    where period_grain = 'month'
    union
    select 2, period_start_on, is_complete from marts.kpi_sales where period_grain = 'month'
    union
    select 3, period_start_on, is_complete from marts.kpi_service where period_grain = 'month'
)
order by preference, is_complete desc, period_start_on desc
limit 1
"""
_BY_CHANNEL = f"""
select
    kpi.channel_id,
    coalesce(channels.name, kpi.channel_id) as channel,
    {", ".join(_COUNTS)},
    delivery_rate,
    read_rate,
    failure_rate,
    cost_amount
from marts.kpi_messaging as kpi
left join marts.dim_channels as channels using (channel_id)
where period_grain = 'month' and period_start_on = $month
order by channel_id
"""
_TOTAL = f"""
select
    {", ".join(f"cast(sum({column}) as bigint) as {column}" for column in _COUNTS)},
    -- A channel of which nobody tells deliveries (or reads) is on neither side of the fraction.
    sum(messages_delivered) / nullif(
        cast(sum(messages_sent) filter (where messages_delivered is not null) as double), 0
    ) as delivery_rate,
    sum(messages_read) / nullif(
        cast(sum(messages_delivered) filter (where messages_read is not null) as double), 0
    ) as read_rate,
    sum(messages_failed) / nullif(cast(sum(messages_attempted) as double), 0) as failure_rate,
    sum(cost_amount) as cost_amount
from marts.kpi_messaging
where period_grain = 'month' and period_start_on = $month
"""
_COSTS = """
select
    category,
    cast(sum(messages_billable) as bigint) as messages_billable,
    cast(sum(messages_free) as bigint) as messages_free,
    sum(cost_amount) as cost_amount
from marts.kpi_costs
where period_grain = 'month' and period_start_on = $month
group by category
order by category
"""
_ACTIVE = """
select active_on, contacts_active_1d, contacts_active_7d, contacts_active_28d, stickiness_rate
from marts.kpi_active_contacts
where active_on <= last_day($month)
order by active_on desc
limit 1
"""
_CAMPAIGN_COUNTS = (
    "recipients_targeted",
    "recipients_delivered",
    "recipients_read",
    "recipients_clicked",
    "recipients_replied",
    "recipients_opted_out",
    "campaign_cost_amount",
)
_CAMPAIGN_RATES = (
    "delivery_rate",
    "read_rate",
    "click_through_rate",
    "response_rate",
    "opt_out_rate",
)
_CAMPAIGN_RETURNS = (
    "conversions",
    "revenue_amount",
    "campaign_cost_amount",
    "return_on_campaign_spend",
    "revenue_per_recipient_amount",
)
_LARGEST_CAMPAIGNS = 10
# The cost stands in two of the tables.
_OF_CAMPAIGNS = dict.fromkeys((*_CAMPAIGN_COUNTS, *_CAMPAIGN_RATES, *_CAMPAIGN_RETURNS))
_CAMPAIGNS = f"""
select campaign_id as campaign, {", ".join(_OF_CAMPAIGNS)}
from marts.kpi_campaign_periods
where period_grain = 'month' and period_start_on = $month and recipients_targeted > 0
order by recipients_delivered desc, campaign_id
limit {_LARGEST_CAMPAIGNS}
"""
_SALES = (
    "orders_valid",
    "revenue_amount",
    "orders_attributed",
    "attributed_revenue_amount",
    "gross_sales_amount",
    "refunds_amount",
)
_ORDER_VALUES = {
    "average_order_value_amount": "all orders",
    "attributed_average_order_value_amount": "attributed",
    "new_customer_average_order_value_amount": "new customers",
    "repeat_customer_average_order_value_amount": "repeat customers",
}
_SALES_COUNTS = (
    "leads",
    "qualified_leads",
    "leads_converted",
    "orders_shipped",
    "orders_rto",
    "checkouts_messaged",
    "checkouts_recovered",
)
_SALES_RATES = ("sales_conversion_rate", "rto_rate", "cart_recovery_rate", "stitched_order_rate")
_OF_SALES = f"""
select {", ".join((*_SALES, *_ORDER_VALUES, *_SALES_COUNTS, *_SALES_RATES))}
from marts.kpi_sales as sales
left join (
    select period_grain, period_start_on, {", ".join(_ORDER_VALUES)} from marts.kpi_aov
) as order_values using (period_grain, period_start_on)
where period_grain = 'month' and period_start_on = $month
    and coalesce(orders_valid, leads, checkouts_abandoned) is not null
"""
_CUSTOMERS = (
    "customers",
    "new_customers",
    "repeat_purchase_rate",
    "purchase_retention_rate_m1",
    "churn_rate",
)
_ACQUISITION = (
    "cost_per_acquisition_amount",
    "customer_acquisition_cost_amount",
    "return_on_ad_spend",
    "clv_12m_amount",
    "predicted_clv_12m_amount",
)
# Of the people who first bought in the month before, as many as bought again in this one.
_OF_CUSTOMERS = f"""
select {", ".join((*_CUSTOMERS, *_ACQUISITION))}
from (
    select period_start_on, customers, repeat_purchase_rate from marts.kpi_repeat_purchase
    where period_grain = 'month' and period_start_on = $month
)
left join (select period_start_on, churn_rate from marts.kpi_churn) using (period_start_on)
left join (
    select month_on as period_start_on, retention_rate as purchase_retention_rate_m1
    from marts.kpi_retention
    where retention_type = 'purchase' and month_number = 1
) using (period_start_on)
left join (
    select * from marts.kpi_cac where acquisition_source = 'all'
) using (period_start_on)
"""
_SERVICE_COUNTS = (
    "conversations_opened",
    "conversations_reopened",
    "conversations_closed",
    "conversations_open_at_end",
    "conversations_responded",
    "conversations_abandoned",
)
_SERVICE_TIMES = (
    "first_response_seconds_median",
    "first_response_business_seconds_median",
    "response_seconds_median",
    "resolution_seconds_median",
)
_SERVICE_RATES = (
    "abandonment_rate",
    "reopen_rate",
    "one_touch_rate",
    "sla_met_rate",
    "cost_per_closed_conversation_amount",
)
_BOTS = (
    "bot_conversations",
    "chatbot_engagement_rate",
    "bot_completion_rate",
    "human_handoff_rate",
    "bot_dropoff_rate",
)
_OF_SERVICE = f"""
select
    coalesce(channels.name, kpi.channel_id) as channel,
    {", ".join((*_SERVICE_COUNTS, *_SERVICE_TIMES, *_SERVICE_RATES))}
from marts.kpi_service as kpi
left join marts.dim_channels as channels using (channel_id)
where period_grain = 'month' and period_start_on = $month
order by channel_id
"""
_OF_BOTS = f"""
select coalesce(channels.name, kpi.channel_id) as channel, {", ".join(_BOTS)}
from marts.kpi_automation as kpi
left join marts.dim_channels as channels using (channel_id)
where period_grain = 'month' and period_start_on = $month
order by channel_id
"""
_CSAT = (
    "surveys_sent",
    "surveys_sent_answered",
    "survey_response_rate",
    "responses",
    "responses_satisfied",
    "csat_rate",
)
_OF_CSAT = f"""
select coalesce(channels.name, kpi.channel_id) as channel, {", ".join(_CSAT)}
from marts.kpi_csat as kpi
left join marts.dim_channels as channels using (channel_id)
where period_grain = 'month' and period_start_on = $month
order by channel_id
"""
_NPS = ("responses", "promoters", "passives", "detractors", "nps", "nps_ci_low", "nps_ci_high")
_OF_NPS = f"""
select {", ".join(_NPS)} from marts.kpi_nps
where period_grain = 'month' and period_start_on = $month
"""
_AGENTS = (
    "conversations_assigned",
    "conversations_replied",
    "conversations_closed",
    "conversations_open_at_end",
    "first_response_seconds_median",
    "csat_rate",
    "attributed_revenue_amount",
)
_BUSIEST_AGENTS = 10
_OF_AGENTS = f"""
select coalesce(agents.agent_label, kpi.agent_id) as agent, {", ".join(_AGENTS)}
from marts.kpi_agents as kpi
left join marts.dim_agents as agents using (agent_id)
where period_grain = 'month' and period_start_on = $month
order by conversations_replied desc, kpi.agent_id
limit {_BUSIEST_AGENTS}
"""
_WARNINGS = """
select "check", table_name, violations, description
from meta.checks
where status = 'failed'
order by "check"
"""


def read_scorecard(settings: Settings) -> dict[str, Any] | None:
    """Return the last complete month's KPIs (the running month where none is complete).

    None where nothing is published. Decimals stay `Decimal`, dates `date`.
    """
    if not settings.published_path.exists():
        return None
    with connect(settings, settings.published_path, read_only=True) as con:
        month = con.execute(_MONTH).fetchone()
        start, is_complete = month if month else (None, None)
        bound = {"month": start}
        active = _rows(con, _ACTIVE, bound) if month else []
        by_channel = _rows(con, _BY_CHANNEL, bound) if month else []
        total = _rows(con, _TOTAL, bound) if by_channel else []
        sales = _rows(con, _OF_SALES, bound) if month else []
        customers = _rows(con, _OF_CUSTOMERS, bound) if month else []
        return {
            "publication": _rows(con, "select * from meta.publication")[0],
            "period_start_on": start,
            "is_complete": is_complete,
            "messaging": by_channel,
            "messaging_total": total[0] if total else None,
            "costs": _rows(con, _COSTS, bound) if month else [],
            "active_contacts": active[0] if active else None,
            "campaigns": _rows(con, _CAMPAIGNS, bound) if month else [],
            "sales": sales[0] if sales else None,
            "customers": customers[0] if customers else None,
            "service": _rows(con, _OF_SERVICE, bound) if month else [],
            "automation": _rows(con, _OF_BOTS, bound) if month else [],
            "agents": _rows(con, _OF_AGENTS, bound) if month else [],
            "csat": _rows(con, _OF_CSAT, bound) if month else [],
            "nps": _rows(con, _OF_NPS, bound) if month else [],
            "warnings": _rows(con, _WARNINGS),
        }


def _rows(con: duckdb.DuckDBPyConnection, sql: str, bound: Row | None = None) -> list[Row]:
    result = con.execute(sql, bound or {})
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def shown(value: Any) -> str:
    """Return a value for people: of a fraction two decimals, or four digits; `-` for NULL."""
    if value is None:
        return "-"
    if not isinstance(value, Decimal | float):
        return str(value)
    number = Decimal(str(value))
    if not number.is_finite():
        return str(value)
    decimals = max(2, 3 - number.adjusted()) if number else 0
    text = f"{round(number, decimals):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_json(scorecard: dict[str, Any]) -> str:
    """Return the same numbers for programs: decimals and dates as text, so that none is rounded."""

    def plain(value: object) -> str:
        if isinstance(value, Decimal | dt.date | dt.datetime):
            return str(value)
        raise TypeError(f"no JSON form for {type(value)}")

    return json.dumps(scorecard, default=plain, indent=2)


def print_scorecard(console: Console, scorecard: dict[str, Any]) -> None:
    """Print the scorecard as tables."""
    start = scorecard["period_start_on"]
    if start is None:
        console.print("No messages, sales or conversations yet: the scorecard is empty.")
        return
    so_far = "" if scorecard["is_complete"] else " (not complete yet)"
    console.print(f"\n[bold]KPI scorecard, {start:%B %Y}{so_far}[/bold]")
    if scorecard["messaging"]:
        total = scorecard["messaging_total"]
        rows = [*scorecard["messaging"], {"channel": "all channels", **total}]
        _print(console, "Messages by channel", rows, ("channel", *_COUNTS))
        rates = ("delivery_rate", "read_rate", "cost_amount")
        _print(console, "Rates and costs by channel", rows, ("channel", *rates))
    if scorecard["costs"]:
        costs = scorecard["costs"]
        _print(console, "Costs by category", costs, tuple(costs[0]))
    if scorecard["active_contacts"]:
        active = scorecard["active_contacts"]
        _print(console, "Active contacts", [active], tuple(active))
    campaigns = scorecard["campaigns"]
    if campaigns:
        shown = f"the {len(campaigns)} largest" if len(campaigns) == _LARGEST_CAMPAIGNS else "all"
        title = f"Campaigns that people entered in the month ({shown})"
        _print(console, title, campaigns, ("campaign", *_CAMPAIGN_COUNTS))
        _print(console, "Rates of campaigns", campaigns, ("campaign", *_CAMPAIGN_RATES))
        _print(console, "Return of campaigns", campaigns, ("campaign", *_CAMPAIGN_RETURNS))
    if scorecard["sales"]:
        sales = [scorecard["sales"]]
        _print(console, "Sales", sales, _SALES)
        _print(console, "Average order values", sales, tuple(_ORDER_VALUES))
        _print(console, "Leads, returns and carts", sales, _SALES_COUNTS)
        _print(console, "Rates of sales", sales, _SALES_RATES)
    if scorecard["customers"]:
        customers = [scorecard["customers"]]
        _print(console, "Customers", customers, _CUSTOMERS)
        _print(console, "What a customer costs and is worth", customers, _ACQUISITION)
    service = scorecard["service"]
    if service:
        _print(console, "Conversations by channel", service, ("channel", *_SERVICE_COUNTS))
        _print(console, "Times of conversations (medians)", service, ("channel", *_SERVICE_TIMES))
        _print(console, "Rates of conversations", service, ("channel", *_SERVICE_RATES))
    if scorecard["automation"]:
        _print(console, "Bots by channel", scorecard["automation"], ("channel", *_BOTS))
    agents = scorecard["agents"]
    if agents:
        shown = f"the {len(agents)} busiest" if len(agents) == _BUSIEST_AGENTS else "all"
        _print(console, f"Agents ({shown})", agents, ("agent", *_AGENTS))
    if scorecard["csat"]:
        _print(console, "Satisfaction by channel", scorecard["csat"], ("channel", *_CSAT))
    if scorecard["nps"]:
        _print(console, "Net promoter score", scorecard["nps"], _NPS)


def _print(console: Console, title: str, rows: list[Row], columns: tuple[str, ...]) -> None:
    table = Table(
        title=title,
        title_justify="left",
        title_style="",
        header_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        is_name = column in ("channel", "category", "campaign", "agent", "active_on")
        label = column
        for unit in ("messages_", "contacts_", "recipients_", "conversations_"):
            label = label.removeprefix(unit).removesuffix("_median")
        label = _ORDER_VALUES.get(column, label).replace("_", " ")
        table.add_column(label, justify="left" if is_name else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(shown(row.get(column)) for column in columns))
    console.print(table)
