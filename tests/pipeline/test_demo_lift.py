"""Known lifts of twenty demo sets, recovered from their exports by kpi_campaign_tests.

Each seed draws a broadcast whose arms A and B sell more than its control arm, and one whose arms
are alike. The sets know nothing of each other and use the same names, so ids and people get the
seed's number; then all stand in one folder, and one build reads them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.demo import DemoSettings, generate
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, records

SEEDS = range(101, 121)
AUDIENCE, REGISTRY = "campaigns/audience", "campaigns/registry"
SHOPS = ("shopify/orders", "woocommerce/orders")
# Some 3,000 people to a broadcast, each once: an arm of 500 to 1,200, in which seven points show.
SIZE = {"contacts": 3600, "days": 60, "messages": 30000}

# Only the broadcasts that say something of lift, and people by the address that their orders have.
_TELL_APART = """
copy (
    select
        a.campaign_id || '-s{seed}' as campaign_id, variant, 's{seed}-' || p.email as email,
        assigned_at, is_control, planned_share, skipped_reason
    from read_csv('{raw}/campaigns/audience/*.csv', all_varchar = true, union_by_name = true) as a
    inner join (select distinct campaign_id from known.truth.campaign_lift) using (campaign_id)
    inner join known.truth.contacts as p
        on replace(p.dialled, '+', '') = replace(a.phone, '+', '') or p.bsuid = a.user_id
) to '{out}/campaigns/audience/s{seed}.csv' (header);
copy (
    select r.* replace (r.campaign_id || '-s{seed}' as campaign_id)
    from read_csv('{raw}/campaigns/registry/*.csv', all_varchar = true, union_by_name = true) as r
    inner join (select distinct campaign_id from known.truth.campaign_lift) using (campaign_id)
) to '{out}/campaigns/registry/s{seed}.csv' (header);
create table if not exists lifts (seed bigint, campaign_id varchar, design varchar,
    variant varchar, is_mature boolean, conversion_rate double);
insert into lifts
select {seed}, campaign_id || '-s{seed}', design, variant, is_mature, conversion_rate
from known.truth.campaign_lift;
"""


def _with_seed(text: str, seed: int) -> str:
    """Orders of a shop as those of another one: their ids and people are nobody else's."""
    text = re.sub(r"\b(?=(?:person|shopper)\d+@)", f"s{seed}-", text)
    # Numbers are used again by every set; addresses are enough.
    text = re.sub(r"'?\+\d{8,15}", "", text)
    text = re.sub(r'"customer_id":\d+', '"customer_id":0', text)
    text = re.sub(r'"id":(\d+),"number":"(\d+)"', rf'"id":{seed}\1,"number":"{seed}\2"', text)
    text = re.sub(r"(?m)^#", f"#{seed}-", text)
    return re.sub(r"(?<=,)(50000\d{5})(?=,)", rf"{seed}\1", text)


def _make(folder: Path) -> None:
    out = folder / "raw"
    for stream in (AUDIENCE, REGISTRY, *SHOPS):
        (out / stream).mkdir(parents=True)
    with duckdb.connect(str(folder / "lifts.duckdb")) as con:
        for seed in SEEDS:
            drawn = folder / f"s{seed}"
            settings = DemoSettings(**SIZE, seed=seed)  # type: ignore[arg-type]
            generate(
                drawn / "raw", settings, drawn / "drawn.duckdb", only={AUDIENCE, REGISTRY, *SHOPS}
            )
            con.execute(f"attach '{drawn}/drawn.duckdb' as known (read_only)")
            con.execute(_TELL_APART.format(seed=seed, raw=drawn / "raw", out=out))
            con.execute("detach known")
            for stream in SHOPS:
                for path in sorted((drawn / "raw" / stream).iterdir()):
                    text = _with_seed(path.read_text(encoding="utf-8"), seed)
                    (out / stream / f"s{seed}-{path.name}").write_text(text, encoding="utf-8")
            shutil.rmtree(drawn)
    # As far as the mart of tests: nothing else is looked at.
    build(out, folder / "warehouse", killed_after="kpi_campaign_tests")


@pytest.fixture(scope="module")
def lifted(make_once: MakeOnce) -> Path:
    """Draw the sets and build them once for all workers."""
    return make_once("demo_lifts", _make)


def _tests(lifted: Path, design: str) -> list[dict[str, Any]]:
    """Comparisons of mature campaigns, each with the lift that was drawn."""
    drawn = records(
        lifted / "lifts.duckdb",
        "select l.campaign_id, l.variant, l.conversion_rate - b.conversion_rate as lift "
        "from lifts as l inner join lifts as b using (campaign_id) "
        "where l.design = ? and l.is_mature and l.variant <> b.variant "
        "and b.variant = if(l.design = 'control', 'control', 'A') order by 1, 2",
        design,
    )
    told = {
        (row["campaign_id"], row["variant"]): row
        for row in records(
            lifted / "warehouse" / "build.duckdb",
            "from marts.kpi_campaign_tests where metric = 'conversion'",
        )
    }
    return [row | told[row["campaign_id"], row["variant"]] for row in drawn]


@pytest.mark.long
def test_the_interval_covers_a_known_lift(lifted: Path) -> None:
    """Of 20 intervals of 95 % one is expected to miss; 4 would be a chance in sixty."""
    rows = _tests(lifted, "control")
    assert len(rows) == 2 * len(SEEDS)
    for variant in ("A", "B"):
        arm = [row for row in rows if row["variant"] == variant]
        assert all(row["is_mature"] and row["baseline_variant"] == "control" for row in arm)
        assert min(row["recipients"] for row in arm) > 800
        assert sum(row["ci_low"] <= row["lift"] <= row["ci_high"] for row in arm) >= 17
        # There is power: most of them are found.
        assert sum(row["is_significant"] for row in arm) >= 15
    mean = sum(row["absolute_lift"] - row["lift"] for row in rows) / len(rows)
    assert abs(mean) < 0.01


@pytest.mark.long
def test_what_sells_no_more_is_seldom_called_significant(lifted: Path) -> None:
    rows = _tests(lifted, "test")
    assert len(rows) == len(SEEDS)
    assert all(row["is_mature"] and row["lift"] == 0 for row in rows)
    assert sum(row["is_significant"] for row in rows) <= 3
    assert sum(row["ci_low"] <= 0 <= row["ci_high"] for row in rows) >= 17
