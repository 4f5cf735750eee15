"""The published result of Cookie Cats, from raw exports to kpi_campaign_tests.

90,189 players of a game met its gate at level 30 or 40; the share of those who came back after a
day and after a week is published. Rendered as two campaigns on two business numbers, each player
being a recipient and a return a reply, the whole way has to show the published figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import build, records
from tests.pipeline.payloads import NUMBER, OTHER_NUMBER, WEBHOOKS, at, inbound, write

PLAYERS = ROOT.parent / "shared" / "datasets" / "cookie_cats" / "cookie_cats.csv"
pytestmark = pytest.mark.skipif(not PLAYERS.is_file(), reason=f"there is no {PLAYERS}")

WEEK, DAY = "retention_7", "retention_1"
CAMPAIGNS = ((WEEK, NUMBER), (DAY, OTHER_NUMBER))

# What every line of a file shares: who, where, when (seconds), and the id of our message.
_PLAYERS = """
create table players as
select
    version as variant,
    '1555' || lpad(userid::varchar, 7, '0') as phone,
    $campaign || '-' || userid as wamid,
    epoch($sent_at::timestamp)::bigint + userid % 3600 as sent_seconds,
    {column} as is_back
from read_csv($players)
"""
_SENDS = """
copy (
    select
        strftime(to_timestamp(sent_seconds) at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ')
            as requested_at,
        $number as phone_number_id,
        200 as http_status,
        $campaign as campaign_id,
        {'messaging_product': 'whatsapp', 'to': phone, 'type': 'template',
            'template': {'name': 'gate', 'language': {'code': 'en'}}} as request,
        {'contacts': [{'input': phone, 'wa_id': phone}], 'messages': [{'id': wamid}]} as response
    from players
) to $path (format json)
"""
_STATUSES = """
copy (
    select
        'whatsapp_business_account' as object,
        [{'id': '1', 'changes': [{'field': 'messages', 'value': {
            'messaging_product': 'whatsapp',
            'metadata': {'phone_number_id': $number},
            'statuses': [
                {'id': wamid, 'status': 'sent', 'timestamp': sent_seconds::varchar,
                    'recipient_id': phone},
                {'id': wamid, 'status': 'delivered', 'timestamp': (sent_seconds + 5)::varchar,
                    'recipient_id': phone}
            ]
        }}]}] as entry
    from players
) to $path (format json)
"""
_REPLIES = """
copy (
    select
        'whatsapp_business_account' as object,
        [{'id': '1', 'changes': [{'field': 'messages', 'value': {
            'messaging_product': 'whatsapp',
            'metadata': {'phone_number_id': $number},
            'messages': [
                {'from': phone, 'id': 'reply-' || wamid, 'timestamp': (sent_seconds + 60)::varchar,
                    'type': 'text', 'text': {'body': 'back'}}
            ]
        }}]}] as entry
    from players
    where is_back
) to $path (format json)
"""
_AUDIENCE = """
copy (
    select
        $campaign as campaign_id,
        variant,
        phone,
        to_timestamp(sent_seconds) at time zone 'UTC' - interval 1 hour as assigned_at
    from players
) to $path (header)
"""
_FILES = {
    "whatsapp/sends/{}.jsonl": _SENDS,
    "whatsapp/webhooks/statuses-{}.jsonl": _STATUSES,
    "whatsapp/webhooks/replies-{}.jsonl": _REPLIES,
    "campaigns/audience/{}.csv": _AUDIENCE,
}


def _render(raw_dir: Path) -> None:
    for campaign, number in CAMPAIGNS:
        with duckdb.connect() as con:
            con.execute(
                _PLAYERS.format(column=campaign),
                {"campaign": campaign, "sent_at": at().isoformat(), "players": str(PLAYERS)},
            )
            for name, sql in _FILES.items():
                path = raw_dir / name.format(campaign)
                path.parent.mkdir(parents=True, exist_ok=True)
                values = {"campaign": campaign, "number": number, "path": str(path)}
                con.execute(sql, {k: v for k, v in values.items() if f"${k}" in sql})
    # Somebody writes three weeks later: only then is a test mature.
    write(raw_dir, WEBHOOKS, "later.jsonl", [inbound("wamid.later", at(21), "4917012345601")])


@pytest.fixture(scope="module")
def cookie_cats(make_once: MakeOnce) -> Path:
    """Return the working file built from the rendered exports."""

    def make(folder: Path) -> None:
        _render(folder / "raw")
        build(folder / "raw", folder / "warehouse")

    return make_once("cookie_cats", make) / "warehouse" / "build.duckdb"


def _test(db: Path, campaign: str) -> dict[str, Any]:
    [row] = records(
        db, "from marts.kpi_campaign_tests where campaign_id = ? and metric = 'reply'", campaign
    )
    return row


def test_after_a_week_gate_40_is_significantly_worse(cookie_cats: Path) -> None:
    row = _test(cookie_cats, WEEK)
    assert (row["baseline_variant"], row["variant"]) == ("gate_30", "gate_40")
    assert (row["baseline_recipients"], row["recipients"]) == (44_700, 45_489)
    assert (row["baseline_successes"], row["successes"]) == (8_502, 8_279)
    assert row["test_statistic"] == pytest.approx(-3.164, abs=5e-4)
    assert row["p_value"] == pytest.approx(0.00155, abs=5e-6)
    assert row["p_value_adjusted"] == row["p_value"]
    assert row["ci_low"] < row["absolute_lift"] < row["ci_high"] < 0
    assert (row["is_mature"], row["is_significant"]) == (True, True)


def test_after_a_day_the_difference_may_be_chance(cookie_cats: Path) -> None:
    row = _test(cookie_cats, DAY)
    assert row["p_value"] == pytest.approx(0.0744, abs=5e-5)
    assert (row["is_mature"], row["is_significant"]) == (True, False)


def test_the_arms_sizes_are_shown_and_are_no_mismatch(cookie_cats: Path) -> None:
    for campaign, _ in CAMPAIGNS:
        row = _test(cookie_cats, campaign)
        assert row["sample_ratio_p_value"] == pytest.approx(0.0086, abs=5e-5)
        assert row["has_sample_ratio_mismatch"] is False


def test_every_player_is_a_recipient_of_each_campaign_once(cookie_cats: Path) -> None:
    rows = records(
        cookie_cats,
        "select campaign_id, sum(recipients_targeted) as targeted, "
        "sum(recipients_delivered) as delivered, sum(recipients_replied) as replied "
        "from marts.kpi_campaigns group by all order by all",
    )
    assert [(r["campaign_id"], r["targeted"], r["delivered"], r["replied"]) for r in rows] == [
        (DAY, 90_189, 90_189, 40_153),
        (WEEK, 90_189, 90_189, 16_781),
    ]
