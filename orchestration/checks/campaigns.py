"""What must hold between the tables of campaigns, and what is odd about a campaign (MARTS 3)."""

from __future__ import annotations

from orchestration.checks.declaration import Check

KEYS: dict[str, tuple[str, ...]] = {
    "marts.dim_campaigns": ("campaign_id",),
    "marts.fct_campaign_recipients": ("campaign_id", "contact_id", "entry_number"),
    "marts.kpi_campaigns": ("campaign_id", "variant"),
    "marts.kpi_campaign_periods": ("period_grain", "period_start_on", "campaign_id"),
    "marts.kpi_campaign_tests": ("campaign_id", "metric", "variant", "baseline_variant"),
}

# Column of the marts → the same count over the rows of fct_campaign_recipients.
_DELIVERED = "delivered_at is not null"
_COUNTS = {
    "recipients_targeted": "count(*)",
    "recipients_skipped": "count(skipped_reason)",
    "recipients_attempted": "count(attempted_at)",
    "recipients_sent": "count(sent_at)",
    "recipients_delivered": "count(delivered_at)",
    "recipients_read": f"count(read_at) filter (where {_DELIVERED})",
    "recipients_replied": f"count(replied_at) filter (where {_DELIVERED})",
    "recipients_opted_out": f"count(opted_out_at) filter (where {_DELIVERED})",
    "conversions": "sum(conversions)",
    "leads": "sum(leads)",
    "revenue_amount": "sum(revenue_amount)",
    "gross_revenue_amount": "sum(gross_revenue_amount)",
    "message_cost_amount": "sum(message_cost_amount)",
    "messages_cost_unknown": "sum(messages_cost_unknown)",
}
# What only the marts have, but both of them.
_SHARED = (
    "recipients_clicked",
    "recipients_engaged",
    "recipients_converted",
    "clicks_total",
)
# One unknown part makes these sums NULL, in an arm or in a period alone: compared where both are.
_WHOLE = ("software_cost_amount", "incentive_cost_amount")


def _funnel(table: str) -> Check:
    name = table.split(".")[1]
    outcomes = " or ".join(
        f"coalesce({column} > recipients_delivered, false)"
        for column in (
            "recipients_clicked",
            "recipients_replied",
            "recipients_engaged",
            "recipients_opted_out",
            "recipients_converted",
        )
    )
    return Check(
        name=f"{name}_count_no_more_outcomes_than_recipients",
        table=table,
        keys=KEYS[table],
        sql=f"select {', '.join(KEYS[table])} from {table} "
        "where not coalesce(coalesce(recipients_read, 0) <= recipients_delivered "
        "and recipients_delivered <= recipients_sent "
        "and recipients_sent <= recipients_attempted "
        f"and recipients_attempted <= recipients_targeted, false) or {outcomes}",
        description="read ≤ delivered ≤ sent ≤ attempted; clicked, replied, opted out and "
        "converted ≤ delivered",
    )


def _agrees_with_recipients() -> Check:
    mart = ", ".join(f"sum({column}) as {column}" for column in _COUNTS)
    fact = ", ".join(f"{sql} as {column}" for column, sql in _COUNTS.items())
    differs = " or ".join(
        f"coalesce(mart.{column}, 0) <> coalesce(fact.{column}, 0)" for column in _COUNTS
    )
    return Check(
        name="campaigns_agree_with_their_recipients",
        table="marts.kpi_campaigns",
        keys=KEYS["marts.kpi_campaigns"],
        sql=f"""
with mart as (
    select campaign_id, variant, {mart} from marts.kpi_campaigns group by all
),
fact as (
    select campaign_id, variant, {fact} from marts.fct_campaign_recipients group by all
)
select campaign_id, variant
from mart full join fact using (campaign_id, variant)
where {differs}
""",
        description="its counts and costs are those of fct_campaign_recipients",
    )


def _periods_agree_with_campaigns() -> Check:
    """Cohorts beyond the watermark (planned ones) are in no period yet: they are left out here."""
    columns = (*_COUNTS, *_SHARED)
    sums = ", ".join(
        (
            *(f"sum({column}) as {column}" for column in columns),
            *(f"case when bool_and({c} is not null) then sum({c}) end as {c}" for c in _WHOLE),
        )
    )
    differs = " or ".join(
        (
            *(f"coalesce(periods.{c}, 0) <> coalesce(campaigns.{c}, 0)" for c in columns),
            *(f"coalesce(periods.{c} <> campaigns.{c}, false)" for c in _WHOLE),
        )
    )
    return Check(
        name="campaign_periods_agree_with_campaigns_in_every_grain",
        table="marts.kpi_campaign_periods",
        keys=("period_grain", "campaign_id"),
        sql=f"""
with ended as (
    select campaign_id from marts.fct_campaign_recipients
    group by campaign_id
    having max(entered_on) <= (
        select max(period_start_on) from marts.kpi_campaign_periods where period_grain = 'day'
    )
),
grains as (
    select * from (values ('day'), ('week'), ('month')) as grains (period_grain)
),
campaigns as (
    select period_grain, campaign_id, {sums}
    from marts.kpi_campaigns semi join ended using (campaign_id) cross join grains group by all
),
periods as (
    select period_grain, campaign_id, {sums}
    from marts.kpi_campaign_periods semi join ended using (campaign_id) group by all
)
select period_grain, campaign_id
from campaigns full join periods using (period_grain, campaign_id)
where {differs}
""",
        description="days, weeks and months of a campaign each add up to it",
    )


def _return_is_revenue_over_cost(table: str) -> Check:
    name = table.split(".")[1]
    return Check(
        name=f"{name}_return_is_revenue_over_cost_per_recipient",
        table=table,
        keys=KEYS[table],
        sql=f"select {', '.join(KEYS[table])} from {table} "
        "where abs(return_on_campaign_spend "
        "- revenue_per_recipient_amount / nullif(cost_per_recipient_amount, 0)) "
        "> 1e-9 * greatest(1, abs(return_on_campaign_spend)) "
        "or abs(roi_rate - (return_on_campaign_spend - 1)) "
        "> 1e-9 * greatest(1, abs(return_on_campaign_spend))",
        description="return on spend = revenue ÷ cost per recipient, and ROI is one less",
    )


INVARIANTS: tuple[Check, ...] = (
    _funnel("marts.kpi_campaigns"),
    _funnel("marts.kpi_campaign_periods"),
    _agrees_with_recipients(),
    _periods_agree_with_campaigns(),
    _return_is_revenue_over_cost("marts.kpi_campaigns"),
    _return_is_revenue_over_cost("marts.kpi_campaign_periods"),
    Check(
        name="campaigns_cost_no_more_than_their_messages",
        table="marts.fct_campaign_recipients",
        keys=("campaign_id",),
        sql="""
with recipients as (
    select campaign_id, sum(message_cost_amount) as cost_amount
    from marts.fct_campaign_recipients group by all
),
messages as (
    select campaign_id, sum(cost_amount) as cost_amount
    from marts.fct_messages where direction = 'outbound' group by all
)
select campaign_id
from recipients left join messages using (campaign_id)
where recipients.cost_amount > coalesce(messages.cost_amount, 0)
""",
        description="message costs of a campaign's recipients ≤ those of its messages",
    ),
    Check(
        name="revenue_of_recipients_agrees_with_the_orders",
        table="marts.fct_campaign_recipients",
        keys=("campaign_id", "contact_id"),
        # What a campaign earned of people who never were its recipients stays in fct_orders.
        sql="""
with recipients as (
    select campaign_id, contact_id, min(entered_at) as entered_at,
        sum(revenue_amount) as revenue_amount, sum(gross_revenue_amount) as gross_revenue_amount
    from marts.fct_campaign_recipients group by all
),
orders as (
    select recipients.campaign_id, recipients.contact_id,
        sum(net_amount) as revenue_amount, sum(gross_amount) as gross_revenue_amount
    from marts.fct_orders
    inner join recipients on attributed_campaign_id = recipients.campaign_id
        and fct_orders.contact_id = recipients.contact_id and ordered_at >= entered_at
    group by all
)
select campaign_id, contact_id
from recipients left join orders using (campaign_id, contact_id)
where coalesce(recipients.revenue_amount, 0) <> coalesce(orders.revenue_amount, 0)
or coalesce(recipients.gross_revenue_amount, 0) <> coalesce(orders.gross_revenue_amount, 0)
""",
        description="a recipient's revenue is that of the orders credited to the campaign",
    ),
    Check(
        name="tests_of_revenue_agree_with_their_recipients",
        table="marts.kpi_campaign_tests",
        keys=KEYS["marts.kpi_campaign_tests"],
        sql="""
with arms as (
    select campaign_id, variant, count(*) as recipients,
        cast(sum(test_revenue_amount) as double) as amount
    from (
        from marts.fct_campaign_recipients where assigned_at is not null
        qualify row_number() over (
            partition by campaign_id, contact_id order by entry_number
        ) = 1
    )
    group by all
)
select campaign_id, metric, variant, baseline_variant
from marts.kpi_campaign_tests left join arms using (campaign_id, variant)
where metric = 'revenue_per_recipient' and not coalesce(
    kpi_campaign_tests.recipients = arms.recipients
    and abs(mean_amount * arms.recipients - amount) <= 1e-9 * greatest(1, abs(amount)), false)
""",
        description="by assignment: the mean is test_revenue_amount ÷ people of the arm",
    ),
    Check(
        name="every_recipient_is_known",
        table="marts.fct_campaign_recipients",
        keys=("campaign_id", "contact_id", "entry_number"),
        sql="select campaign_id, contact_id, entry_number from marts.fct_campaign_recipients as r "
        "where not exists (select 1 from marts.dim_contacts as c where c.contact_id = r.contact_id)"
        " or not exists (select 1 from marts.dim_campaigns as d "
        "where d.campaign_id = r.campaign_id)",
        description="contact_id is in dim_contacts, campaign_id in dim_campaigns",
    ),
)

WARNINGS: tuple[Check, ...] = (
    Check(
        name="arms_of_tests_are_filled_as_planned",
        table="marts.kpi_campaign_tests",
        keys=("campaign_id",),
        sql="select distinct campaign_id from marts.kpi_campaign_tests "
        "where has_sample_ratio_mismatch",
        description="no test has arms of other sizes than planned (p < 0.001)",
        severity="warning",
        advice="Somebody was lost or added after the draw: look for the reason before you believe "
        "the result",
    ),
    Check(
        name="every_campaign_cost_has_an_exchange_rate",
        table="marts.kpi_campaigns",
        keys=("campaign_id",),
        sql="select distinct campaign_id from marts.kpi_campaigns "
        "where software_cost_amount is null or incentive_cost_amount is null",
        description="fees, incentives and software costs are all in the reporting currency",
        severity="warning",
        advice="Add the currency of campaigns/registry or generic/costs to reference/fx_rates",
    ),
    Check(
        name="every_cost_has_days",
        table="marts.kpi_campaigns",
        keys=("cost_id",),
        sql="select cost_id from staging.stg_generic__costs where starts_on > ends_on",
        description="no cost of generic/costs ends before it begins",
        severity="warning",
        advice="Mend starts_on and ends_on: until then the cost is in no KPI",
    ),
)
