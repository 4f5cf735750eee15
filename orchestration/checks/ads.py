"""What must hold between ads, their costs and the customers they won, and what is odd of ads."""

from __future__ import annotations

from orchestration.checks.declaration import Check

KEYS: dict[str, tuple[str, ...]] = {
    "marts.fct_ad_spend": ("ad_id", "spent_on"),
    "marts.kpi_cac": ("period_grain", "period_start_on", "acquisition_source"),
}

# Of `all` and of the sources, month by month.
_ADDITIVE = (
    "ad_spend_amount",
    "message_cost_amount",
    "software_cost_amount",
    "leads",
    "qualified_leads",
    "new_customers",
    "ad_revenue_amount",
)


def _adds_up() -> Check:
    parts = ", ".join(
        f"sum({name}) filter (where acquisition_source <> 'all') as {name}" for name in _ADDITIVE
    )
    # What is unknown is so of the source and of all of them, and compares with nothing.
    differs = " or ".join(f"totals.{name} <> parts.{name}" for name in _ADDITIVE)
    return Check(
        name="the_sources_of_customers_add_up_to_all",
        table="marts.kpi_cac",
        keys=("period_start_on",),
        sql="select totals.period_start_on from marts.kpi_cac as totals join "
        f"(select period_start_on, {parts} from marts.kpi_cac group by all) as parts "
        f"using (period_start_on) where totals.acquisition_source = 'all' and ({differs})",
        description="costs, leads and new customers of the sources add up to those of all",
    )


INVARIANTS: tuple[Check, ...] = (
    _adds_up(),
    Check(
        name="acquisition_costs_are_the_sum_of_their_parts",
        table="marts.kpi_cac",
        keys=KEYS["marts.kpi_cac"],
        sql="select period_grain, period_start_on, acquisition_source from marts.kpi_cac "
        "where acquisition_cost_amount <> coalesce(ad_spend_amount, 0) + message_cost_amount "
        "+ software_cost_amount + coalesce(labour_cost_amount, 0)",
        description="spend, messages, software and labour add up to acquisition_cost_amount",
    ),
    Check(
        name="ad_spend_of_a_month_is_that_of_its_days",
        table="marts.kpi_cac",
        keys=("period_start_on",),
        sql="select period_start_on from marts.kpi_cac join (select date_trunc('month', spent_on) "
        "as month_on, sum(spend_amount) as spend_amount from marts.fct_ad_spend "
        "where not has_clock_anomaly group by all) as spent on period_start_on = month_on "
        "where acquisition_source = 'ad' and ad_spend_amount <> spend_amount",
        description="ad_spend_amount equals the sum over fct_ad_spend",
    ),
    Check(
        name="new_customers_are_first_valid_orders",
        table="marts.kpi_cac",
        keys=("period_start_on",),
        sql="select period_start_on from marts.kpi_cac left join (select date_trunc('month', "
        "ordered_on) as month_on, count(*) as customers from marts.fct_orders "
        "where is_new_customer group by all) as first_orders on period_start_on = month_on "
        "where acquisition_source = 'all' and new_customers <> coalesce(customers, 0)",
        description="new_customers of a month equals its orders with is_new_customer",
    ),
)

WARNINGS: tuple[Check, ...] = (
    Check(
        name="every_ads_day_has_an_exchange_rate",
        table="marts.fct_ad_spend",
        keys=KEYS["marts.fct_ad_spend"],
        sql="select ad_id, spent_on from marts.fct_ad_spend where spend_amount is null",
        description="each day's spend has an amount in the reporting currency",
        severity="warning",
        advice="Add the missing currency to reference/fx_rates; until then its month is unknown",
    ),
    Check(
        name="every_ad_names_its_currency",
        table="marts.fct_ad_spend",
        keys=KEYS["marts.fct_ad_spend"],
        sql="select ad_id, spent_on from intermediate.int_ad_spend__told where is_currency_assumed",
        description="each ad's export says in which currency it is paid",
        severity="warning",
        advice="Ask the Insights API for account_currency too; until then it is the reporting one",
    ),
    Check(
        name="two_sources_tell_the_same_of_an_ads_day",
        table="marts.fct_ad_spend",
        keys=KEYS["marts.fct_ad_spend"],
        sql="select told.ad_id, told.spent_on from intermediate.int_ad_spend__told as told "
        "join marts.fct_ad_spend as spent using (ad_id, spent_on) where told.is_outranked and "
        "(told.spend_amount_original, told.currency_code) "
        "is distinct from (spent.spend_amount_original, spent.currency_code)",
        description="generic/ad_spend and meta_ads/insights agree where both tell of an ad and day",
        severity="warning",
        advice="Meta's report counts; leave Meta's ads out of generic/ad_spend",
    ),
    Check(
        name="an_ads_id_is_one_systems",
        table="marts.fct_ad_spend",
        keys=KEYS["marts.fct_ad_spend"],
        # Before anything is folded: of a day that two folders tell only the newest is left.
        sql="select ad_id, cast(spent_on as date) as spent_on from raw.generic_ad_spend "
        "join raw.loads on _load_id = loads.load_id group by all having count(distinct source) > 1",
        description="generic/ad_spend and each folder of mapped/ tell of ads of their own",
        severity="warning",
        advice="Only the newest export of such a day counts: write the system before the ad's id, "
        "or leave one of the exports away",
    ),
)
