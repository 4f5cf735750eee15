"""A real help desk, 3,804 cases as Chatwoot dumps: our cycles against a count of their own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, query
from tests.pipeline.payloads import write_csv

LOG = ROOT.parent / "shared" / "datasets" / "helpdesk_log" / "helpdesk.csv"
RESOLVED = 6
pytestmark = pytest.mark.skipif(
    not LOG.is_file(), reason=f"the data set helpdesk_log is not at {LOG.parent}"
)


def _events() -> pd.DataFrame:
    """Return case, is_resolved, at, comes_after_a_resolution, one row an event in file order."""
    log = pd.read_csv(LOG, parse_dates=["CompleteTimestamp"])
    events = pd.DataFrame(
        {
            "case": log["CaseID"],
            "is_resolved": log["ActivityID"] == RESOLVED,
            "at": log["CompleteTimestamp"],
        }
    )
    before = events.groupby("case")["is_resolved"].shift(fill_value=False)
    return events.assign(comes_after_a_resolution=before.astype(bool))


def _make(folder: Path) -> None:
    """Write the log as Chatwoot would tell of it, and build.

    A case is created with its first event; each activity 6 resolves it, and whatever follows one
    opens it again, also another 6, which resolves it in the same second.
    """
    events = _events()
    cases = events.groupby("case", as_index=False).first()
    conversations = pd.DataFrame(
        {"id": cases["case"], "inbox_id": 1, "created_at": cases["at"], "contact_id": cases["case"]}
    )
    told = pd.concat(
        [
            events[events["comes_after_a_resolution"]].assign(name="conversation_opened", step=0),
            events[events["is_resolved"]].assign(name="conversation_resolved", step=1),
        ]
    )
    told = told.rename_axis("line").sort_values(["line", "step"])
    reporting_events = pd.DataFrame(
        {
            "id": range(1, len(told) + 1),
            "name": told["name"],
            "conversation_id": told["case"],
            "created_at": told["at"],
            "event_end_time": told["at"],
        }
    )
    # Dumps hold rows in no order.
    shuffled = reporting_events.sample(frac=1, random_state=5)
    raw = folder / "raw"
    write_csv(raw, "chatwoot/conversations", "dump.csv", conversations.to_csv(index=False))
    write_csv(raw, "chatwoot/reporting_events", "dump.csv", shuffled.to_csv(index=False))
    build(raw, folder / "warehouse")


@pytest.fixture(scope="module")
def helpdesk(make_once: MakeOnce) -> Path:
    """Return the working file of the data set, built once."""
    return make_once("helpdesk_log", _make) / "warehouse" / "build.duckdb"


def _cycles() -> pd.DataFrame:
    """Count the cycles with pandas, knowing nothing of the models: case, cycle, opened, closed."""
    events = _events()
    events["cycle"] = events.groupby("case")["comes_after_a_resolution"].cumsum() + 1
    grouped = events.groupby(["case", "cycle"])
    resolved = events[events["is_resolved"]].groupby(["case", "cycle"])["at"].first()
    return pd.DataFrame({"opened": grouped["at"].first(), "closed": resolved}).reset_index()


def _ours(db: Path) -> pd.DataFrame:
    rows = query(
        db,
        "select cast(split_part(cycles.conversation_key, ':', 2) as bigint), "
        "conversations.cycle_number, conversations.opened_at, conversations.closed_at, "
        "conversations.resolution_seconds, conversations.full_resolution_seconds, "
        "conversations.session_source from marts.fct_conversations as conversations "
        "inner join intermediate.int_conversation_cycles as cycles using (conversation_cycle_id) "
        "order by 1, 2",
    )
    names = ["case", "cycle", "opened", "closed", "resolution", "full_resolution", "source"]
    return pd.DataFrame(rows, columns=names)


def test_cycles_and_their_resolution_times_equal_pandas(helpdesk: Path) -> None:
    ours, expected = _ours(helpdesk), _cycles()
    assert len(_events()) == 13710
    assert expected["case"].nunique() == 3804
    assert (expected.groupby("case").size() > 1).sum() == 326
    assert set(ours["source"]) == {"platform"}
    pd.testing.assert_frame_equal(
        ours[["case", "cycle", "opened", "closed"]], expected, check_dtype=False
    )
    seconds = (expected["closed"] - expected["opened"]).dt.total_seconds()
    pd.testing.assert_series_equal(
        ours["resolution"], seconds, check_names=False, check_dtype=False
    )


def test_the_full_resolution_goes_from_the_first_opening_to_the_last_closing(
    helpdesk: Path,
) -> None:
    ours, cycles = _ours(helpdesk), _cycles()
    cases = cycles.groupby("case").agg(
        opened=("opened", "first"), closed=("closed", lambda times: times.iloc[-1])
    )
    expected = (cases["closed"] - cases["opened"]).dt.total_seconds()
    told = ours.groupby("case")["full_resolution"].agg(["last", "count"])
    pd.testing.assert_series_equal(told["last"], expected, check_names=False, check_dtype=False)
    # Once a case, where it is closed: a reopening inflates no earlier cycle.
    assert (told["count"] == expected.notna().astype(int)).all()


def test_reopenings_within_the_window_equal_pandas(helpdesk: Path) -> None:
    cycles = _cycles()
    waited = cycles["opened"] - cycles.groupby("case")["closed"].shift()
    expected = int((waited <= pd.Timedelta(hours=72)).sum())
    [(reopenings, reopened)] = query(
        helpdesk,
        "select count(*) filter (where is_reopening), count(*) filter (where was_reopened) "
        "from marts.fct_conversations",
    )
    assert (reopenings, reopened) == (expected, expected)
    assert 0 < expected <= 346
