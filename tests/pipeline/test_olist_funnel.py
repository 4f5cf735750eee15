"""A real funnel, 8,000 leads by origin with 842 wins: our leads against a count of their own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, query
from tests.pipeline.payloads import write_csv

FOLDER = ROOT.parent / "shared" / "datasets" / "olist_marketing_funnel"
LEADS = FOLDER / "olist_marketing_qualified_leads_dataset.csv"
DEALS = FOLDER / "olist_closed_deals_dataset.csv"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the data set olist_marketing_funnel is not at {FOLDER}"
)


def _make(folder: Path) -> None:
    """Write both files as contacts/events, as a CRM exports them, and build."""
    leads, deals = pd.read_csv(LEADS), pd.read_csv(DEALS)
    events = pd.concat(
        [
            pd.DataFrame(
                {
                    "external_id": leads["mql_id"],
                    "event": "lead",
                    "occurred_at": leads["first_contact_date"],
                    "source": leads["origin"],
                }
            ),
            pd.DataFrame(
                {"external_id": deals["mql_id"], "event": "won", "occurred_at": deals["won_date"]}
            ),
        ]
    )
    write_csv(folder / "raw", "contacts/events", "olist.csv", events.to_csv(index=False))
    build(folder / "raw", folder / "warehouse")


@pytest.fixture(scope="module")
def olist(make_once: MakeOnce) -> Path:
    """Return the working file of the data set, built once."""
    return make_once("olist_funnel", _make) / "warehouse" / "build.duckdb"


def _counted() -> pd.DataFrame:
    """Count leads and wins by origin with pandas, knowing nothing of the models."""
    leads = pd.read_csv(LEADS)
    leads["lead_source"] = leads["origin"].fillna("unknown")
    leads["is_won"] = leads["mql_id"].isin(pd.read_csv(DEALS)["mql_id"])
    counted = leads.groupby("lead_source")["is_won"].agg(["size", "sum"]).reset_index()
    counted.columns = pd.Index(["lead_source", "leads", "won"])
    return counted


def test_leads_won_and_conversion_by_origin_equal_a_count_of_their_own(olist: Path) -> None:
    expected = _counted()
    assert (expected["leads"].sum(), expected["won"].sum()) == (8000, 842)
    rows = query(
        olist,
        "select lead_source, count(*), count(won_at), count(won_at) / count(*) "
        "from marts.fct_leads where not has_clock_anomaly group by all order by lead_source",
    )
    ours = {source: (leads, won, rate) for source, leads, won, rate in rows}
    theirs = {
        row.lead_source: (row.leads, row.won, row.won / row.leads)
        for row in expected.itertuples(index=False)
    }
    assert ours == theirs
    assert len(ours) > 5


def test_a_win_before_its_lead_is_kept_and_belongs_to_it(olist: Path) -> None:
    merged = pd.read_csv(LEADS).merge(pd.read_csv(DEALS), on="mql_id")
    early = merged["won_date"] < merged["first_contact_date"]
    assert early.sum() == 1
    assert query(olist, "select count(*) from marts.fct_leads where won_at < created_at") == [(1,)]


def test_every_lead_is_one_person_who_never_chatted(olist: Path) -> None:
    assert query(
        olist,
        "select count(*), count(lead_created_at), count(*) filter (where is_chat_contact) "
        "from marts.dim_contacts",
    ) == [(8000, 8000, 0)]
    assert query(
        olist,
        "select sum(people_added), sum(contacts_added) from marts.kpi_contacts "
        "where period_grain = 'month'",
    ) == [(8000, 0)]
    # Leads hold nothing back; where nothing else does, they tell how far sales are known.
    assert query(olist, "select subject from intermediate.int_watermarks order by subject") == [
        ("contacts",),
        ("sales",),
    ]
