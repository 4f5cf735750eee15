"""CDNOW, whose lifetime values are published, from a shop's exports to the marts of loyalty.

23,570 people bought first in January to March 1997 and were watched until June 1998. Every
transaction becomes an order of a Shopify export. The model is fitted on the published sample of 2,357 people,
as it was on 30 September 1997.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.checks.declaration import Check
from orchestration.checks.loyalty import INVARIANTS
from orchestration.warehouse import connect
from tests.conftest import ROOT, SAMPLE
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, clone, query, records, settings_of

CDNOW = ROOT.parent / "shared" / "datasets" / "cdnow"
MASTER = CDNOW / "CDNOW_master.txt"
pytestmark = pytest.mark.skipif(not MASTER.is_file(), reason=f"there is no {MASTER}")

CUSTOMERS, ORDERS = 23_570, 69_659
SAMPLE_CUSTOMERS, CUT_ON = 2_357, "1997-09-30"
JANUARY = [7_846, 1_157, 964, 810]
DOLLARS = {"reporting_currency": "USD"}
FILES = 3

# Who, when and how much; the first of the sample's two ids is the master's.
_MASTER = """
create table purchases as
select
    row_number() over () as order_number,
    split_part(line, ' ', 1) as customer,
    strptime(split_part(line, ' ', 2), '%Y%m%d')::date as bought_on,
    split_part(line, ' ', -1)::decimal(10, 2) as paid
from (
    select trim(regexp_replace(line, ' +', ' ', 'g')) as line
    from read_csv($path, columns = {'line': 'varchar'}, header = true, delim = '\x01', quote = '')
)
"""
_SAMPLE = (
    _MASTER.replace("header = true", "header = false")
    .replace("split_part(line, ' ', 2), '%Y", "split_part(line, ' ', 3), '%Y")
    .rstrip()
    + " where split_part(line, ' ', 3) <= '19970930'\n"
)
# One line item an order; the columns of the admin's export that aren't named here are empty.
_CELLS = {
    "Name": "'#' || order_number",
    "Email": "customer || '@example.com'",
    "Financial Status": "'paid'",
    "Paid at": "bought_on || ' 12:00:00 +0000'",
    "Fulfillment Status": "'fulfilled'",
    "Fulfilled at": "bought_on || ' 18:00:00 +0000'",
    "Accepts Marketing": "'no'",
    "Currency": "'USD'",
    "Subtotal": "paid",
    "Shipping": "'0.00'",
    "Taxes": "'0.00'",
    "Total": "paid",
    "Discount Amount": "'0.00'",
    "Created at": "bought_on || ' 12:00:00 +0000'",
    "Lineitem quantity": "1",
    "Lineitem name": "'CDs'",
    "Lineitem price": "paid",
    "Refunded Amount": "'0.00'",
    "Id": "5000000000 + order_number",
    "Source": "'web'",
}


def _render(source: Path, sql: str, raw_dir: Path) -> None:
    """Write the purchases as exports of a Shopify admin, split in files as large ones come."""
    folder = raw_dir / "shopify" / "orders"
    folder.mkdir(parents=True)
    header = min((SAMPLE / "shopify" / "orders").glob("*.csv")).open().readline()
    cells = ", ".join(
        f'{_CELLS.get(name, "null")} as "{name}"' for name in header.strip().split(",")
    )
    with duckdb.connect() as con:
        con.execute("set threads = 1")
        con.execute(sql, {"path": str(source)})
        for part in range(FILES):
            con.execute(
                f"copy (select {cells} from purchases where order_number % {FILES} = {part} "
                f"order by order_number) to '{folder / f'orders_export_{part + 1}.csv'}' (header)"
            )


@pytest.fixture(scope="module")
def master(make_once: MakeOnce) -> Path:
    """Return the working file of all people."""

    def make(folder: Path) -> None:
        _render(MASTER, _MASTER, folder / "raw")
        build(folder / "raw", folder / "warehouse", DOLLARS)

    return make_once("cdnow_master", make) / "warehouse" / "build.duckdb"


@pytest.fixture(scope="module")
def own_master(master: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a warehouse folder of this worker's own, to write to."""
    return clone(master.parent, tmp_path_factory.mktemp("cdnow") / "warehouse")


@pytest.fixture(scope="module")
def sample(make_once: MakeOnce) -> Path:
    """Return the working file of the sample, cut."""

    def make(folder: Path) -> None:
        _render(CDNOW / "CDNOW_sample.txt", _SAMPLE, folder / "raw")
        build(folder / "raw", folder / "warehouse", DOLLARS)

    return make_once("cdnow_sample", make) / "warehouse" / "build.duckdb"


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    """Read the master file once more, by other means: customer, month (counted), paid."""
    names = ["customer", "bought", "cds", "paid"]
    table = pd.read_csv(MASTER, sep=r"\s+", skiprows=1, names=names, dtype=str)
    table["month"] = table["bought"].str[:4].astype(int) * 12 + table["bought"].str[4:6].astype(int)
    table["cohort"] = table.groupby("customer")["month"].transform("min")
    table["number"] = table["month"] - table["cohort"]
    table["cents"] = table["paid"].str.replace(".", "").astype(int)
    return table


def _month(on: date) -> int:
    return on.year * 12 + on.month


def test_every_transaction_is_an_order_and_every_address_a_customer(master: Path) -> None:
    orders, people, days = query(
        master,
        "select count(*), count(distinct contact_id), count(distinct (contact_id, ordered_on)) "
        "from marts.fct_orders where is_valid",
    )[0]
    assert (orders, people, days) == (ORDERS, CUSTOMERS, 67_591)
    assert query(master, "select count(*), sum(repeat_purchases) from marts.kpi_customer_clv") == [
        (CUSTOMERS, 67_591 - CUSTOMERS)
    ]


def test_the_first_cohort_comes_back_as_published(master: Path) -> None:
    rows = query(
        master,
        "select retained_contacts from marts.kpi_retention where retention_type = 'purchase' "
        "and cohort_month_on = '1997-01-01' order by month_number",
    )
    assert [count for (count,) in rows[: len(JANUARY)]] == JANUARY
    assert len(rows) == 18


def test_every_cell_is_that_of_the_file_and_what_comes_later_is_null(
    master: Path, purchases: pd.DataFrame
) -> None:
    bought = purchases.groupby(["cohort", "number"])["customer"].nunique()
    spent = purchases.groupby(["cohort", "number"])["cents"].sum()
    customers = purchases.groupby("cohort")["customer"].nunique()
    last = purchases["month"].max()
    cells = records(
        master,
        "select r.cohort_month_on, r.month_number, r.cohort_contacts, r.retained_contacts, "
        "c.customers, c.cumulative_net_revenue_amount as revenue, c.clv_amount "
        "from marts.kpi_retention as r "
        "full join marts.kpi_clv as c using (cohort_month_on, month_number) "
        "where r.retention_type = 'purchase' order by all",
    )
    assert len(cells) == 3 * 18
    for cell in cells:
        cohort, number = _month(cell["cohort_month_on"]), cell["month_number"]
        assert cell["cohort_contacts"] == cell["customers"] == customers[cohort]
        if cohort + number > last:
            assert cell["retained_contacts"] is cell["revenue"] is cell["clv_amount"] is None
            continue
        assert cell["retained_contacts"] == bought.get((cohort, number), 0)
        cents = int(spent[cohort].loc[:number].sum())
        assert cell["revenue"] == Decimal(cents) / 100
        assert cell["clv_amount"] == pytest.approx(cents / 100 / customers[cohort], rel=1e-12)
    assert sum(cell["revenue"] is None for cell in cells) == 1 + 2


def test_repeat_purchases_of_all_time_and_of_the_window(
    master: Path, purchases: pd.DataFrame
) -> None:
    [row] = records(
        master,
        "from marts.kpi_repeat_purchase where period_grain = 'month' "
        "and period_start_on = '1998-06-01'",
    )
    orders = purchases.groupby("customer").size()
    assert row["customers_all_time"] == CUSTOMERS
    assert row["repeat_customers_all_time"] == (orders > 1).sum()
    year = purchases[pd.to_datetime(purchases["bought"]) > "1997-06-30"]
    assert row["orders"] == len(year)
    assert row["customers"] == year["customer"].nunique()
    assert row["repeat_customers"] == (year.groupby("customer").size() > 1).sum()
    dated = purchases.assign(bought=pd.to_datetime(purchases["bought"])).sort_values(
        ["customer", "bought"], kind="stable"
    )
    gaps = dated.groupby("customer")["bought"].diff().dt.days[dated["bought"] > "1997-06-30"]
    assert row["median_days_between_orders"] == gaps.median()


def test_segments_hold_everybody_who_has_bought(master: Path) -> None:
    rows = query(
        master,
        "select period_start_on, sum(people) from marts.kpi_segments "
        "where customer_segment <> 'none' group by all order by all",
    )
    assert rows[0] == (date(1997, 1, 1), 0)
    assert rows[1] == (date(1997, 2, 1), JANUARY[0])
    assert rows[-1] == (date(1998, 6, 1), CUSTOMERS)
    assert query(master, "select sum(orders_valid) from marts.kpi_segments") == [(ORDERS,)]
    named = query(
        master, "select customer_segment, count(*) from marts.dim_contacts group by all order by 1"
    )
    assert sum(count for _, count in named) == CUSTOMERS
    # Nobody began after March 1997: who bought once is lost, not hibernating.
    assert {name for name, _ in named} == {"at_risk", "champions", "lost", "loyal"}


# What each invariant has to notice.
TAMPERED = {
    "churn_closes_on_one_base": "update marts.kpi_churn set contacts_churned = contacts_churned + 1 "
    "where period_start_on = '1997-06-01'",
    "churn_begins_with_everybody_active_the_month_before": "update marts.kpi_churn "
    "set contacts_active_before = contacts_active_before + 1, contacts_retained = "
    "contacts_retained + 1 where period_start_on = '1997-06-01'",
    "cohort_cells_of_the_future_are_null_and_no_others": "update marts.kpi_retention "
    "set retained_contacts = 0 where cohort_month_on = '1997-03-01' and month_number = 16",
    "cohorts_bring_what_their_orders_are_worth": "update marts.kpi_clv set "
    "cumulative_net_revenue_amount = cumulative_net_revenue_amount + 0.01 "
    "where cohort_month_on = '1997-02-01'",
    "cohorts_and_customers_are_the_same_people": "update marts.kpi_clv set customers = customers - 1 "
    "where cohort_month_on = '1997-02-01'",
    "customers_have_brought_what_their_orders_are_worth": "update marts.kpi_customer_clv "
    "set historic_clv_amount = historic_clv_amount + 1 where contact_id = "
    "(select min(contact_id) from marts.kpi_customer_clv)",
    "segments_add_up_to_all_orders_of_a_month": "update marts.kpi_segments "
    "set orders_valid = orders_valid + 1 "
    "where customer_segment = 'lost' and period_start_on = '1997-06-01'",
    "segments_add_up_to_churn": "update marts.kpi_segments set contacts_churned = "
    "contacts_churned + 1 where customer_segment = 'lost' and period_start_on = '1997-06-01'",
}


@pytest.mark.parametrize("check", INVARIANTS, ids=lambda check: str(check.name))
def test_every_invariant_of_loyalty_holds_and_notices(own_master: Path, check: Check) -> None:
    with connect(settings_of(own_master, own_master)) as con:
        assert con.execute(check.sql).fetchall() == []
        con.execute("begin")
        con.execute(TAMPERED[check.name])
        assert con.execute(check.sql).fetchall() != []
        con.execute("rollback")


def test_the_sample_has_the_published_parameters(sample: Path) -> None:
    [model] = records(sample, "from meta.clv_model")
    assert model["customers"] == SAMPLE_CUSTOMERS
    assert model["time_unit"] == "weeks"
    published = {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}
    for name, value in published.items():
        assert model[name] == pytest.approx(value, rel=0.005), name
    assert model["log_likelihood"] == pytest.approx(-9582.43, abs=0.01)
    for name, value in {"p": 6.25, "q": 3.74, "v": 15.44}.items():
        assert model[name] == pytest.approx(value, rel=0.01), name


def test_the_sample_is_scored_as_by_lifetimes(sample: Path) -> None:
    from lifetimes import BetaGeoFitter

    [model] = records(sample, "from meta.clv_model")
    rows = pd.DataFrame(records(sample, "from marts.kpi_customer_clv order by contact_id"))
    assert rows["age_days"].max() == (date.fromisoformat(CUT_ON) - date(1997, 1, 1)).days
    theirs = BetaGeoFitter()
    theirs.params_ = pd.Series({name: model[name] for name in ("r", "alpha", "a", "b")})
    history = [
        rows["repeat_purchases"],
        *(rows[name] / 7 for name in ("recency_days", "age_days")),
    ]
    alive = theirs.conditional_probability_alive(*history)
    assert rows["probability_alive"].to_numpy() == pytest.approx(alive, abs=1e-6)
    expected = theirs.conditional_expected_number_of_purchases_up_to_time(365 / 7, *history)
    assert rows["expected_orders_12m"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    everybody = model["p"] * model["v"] / (model["q"] - 1)
    once = rows[rows["repeat_purchases"] == 0]
    assert once["expected_order_value_amount"].to_numpy() == pytest.approx(everybody, rel=1e-9)
    assert rows["predicted_clv_12m_amount"].notna().all()
