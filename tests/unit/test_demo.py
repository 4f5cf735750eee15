"""The demo generator: deterministic, stable under one more day, and true to its truth."""

from __future__ import annotations

import csv
import importlib.util
import json
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import phonenumbers
import pytest
from phonenumbers import PhoneNumberType, example_number_for_type
from scipy import special

from orchestration.demo import DemoSettings, generate

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data" / "raw"
SEEDS = ROOT / "dbt_project" / "seeds"
CLV_MODEL = ROOT / "dbt_project/models/intermediate/customers/int_customer_clv.py"
SAMPLE = DemoSettings(contacts=120, days=100)
SMALL = DemoSettings(contacts=3000, days=12, seed=5, messages=6000)
DASHBOARD_TEST_NUMBER = "123456123"


@dataclass
class Generated:
    out: Path
    truth: Path
    summary: Any = None
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows of `truth.<name>`."""
        if name not in self.rows:
            with duckdb.connect(str(self.truth), read_only=True) as connection:
                cursor = connection.execute(f"from truth.{name}")
                names = [column[0] for column in cursor.description]
                self.rows[name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return self.rows[name]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    base = tmp_path_factory.mktemp("demo_sample")
    generated = Generated(base / "raw", base / "demo_truth.duckdb")
    generated.summary = generate(generated.out, SAMPLE, generated.truth)
    return generated


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("demo_small")
    generate(out, SMALL)
    return contents(out)


@cache
def bodies(out: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted((out / "whatsapp" / "webhooks").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            body = json.loads(line)
            found.append(body.get("body", body))
    return found


def values(out: Path, part: str) -> list[tuple[str, dict[str, Any]]]:
    """(phone_number_id, element) for every element of the list `part` of all webhooks."""
    return [
        (change["value"]["metadata"]["phone_number_id"], element)
        for body in bodies(out)
        for entry in body["entry"]
        for change in entry["changes"]
        for element in change["value"].get(part, [])
    ]


@cache
def sends(out: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted((out / "whatsapp" / "sends").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def at(seconds: str | int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


# --- determinism -------------------------------------------------------------------------


def test_same_settings_give_same_bytes(small: dict[str, bytes], tmp_path: Path) -> None:
    generate(tmp_path, SMALL)
    assert contents(tmp_path) == small


def test_another_seed_gives_another_set(small: dict[str, bytes], tmp_path: Path) -> None:
    generate(tmp_path, replace(SMALL, seed=6))
    other = contents(tmp_path)
    logs = [name for name in small if name.startswith("whatsapp/sends")]
    assert logs
    assert all(other.get(name) != small[name] for name in logs)


def test_one_more_day_leaves_earlier_files_as_they_are(
    small: dict[str, bytes], tmp_path: Path
) -> None:
    longer = SMALL.extended()
    assert (longer.start_on, longer.per_day) == (SMALL.start_on, SMALL.per_day)
    generate(tmp_path, longer)
    later = contents(tmp_path)
    assert {name: later.get(name) for name in small} == small
    added = set(later) - set(small)
    assert added == {
        f"whatsapp/webhooks/webhooks-{longer.end_on}.jsonl",
        f"whatsapp/sends/sends-{longer.end_on}.jsonl",
    }


def test_an_export_of_ten_days_leaves_earlier_exports_as_they_are(tmp_path: Path) -> None:
    settings = DemoSettings(contacts=300, days=39, seed=3)
    generate(tmp_path / "before", settings)
    generate(tmp_path / "after", settings.extended())
    before, after = contents(tmp_path / "before"), contents(tmp_path / "after")
    assert [name for name in before if after.get(name) != before[name]] == []
    added = {name.split("/")[0] for name in set(after) - set(before)}
    assert {
        "campaigns",
        "clicks",
        "consent",
        "contacts",
        "generic",
        "ga4",
        "meta_ads",
        "shopify",
        "whatsapp",
        "woocommerce",
    } <= added


def test_committed_sample_is_what_the_generator_writes(sample: Generated) -> None:
    committed = contents(RAW)
    committed.pop("README.md")
    generated = contents(sample.out)
    assert committed.keys() == generated.keys()
    assert [name for name in generated if generated[name] != committed[name]] == []
    assert sum(map(len, committed.values())) < 2_600_000


def test_truth_is_never_overwritten(sample: Generated, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="truth"):
        generate(tmp_path, SMALL, sample.truth)


# --- the exports say what is true ---------------------------------------------------------


def test_statuses_fold_back_to_the_truth(sample: Generated) -> None:
    first: dict[str, dict[str, datetime]] = defaultdict(dict)
    codes: dict[str, int] = {}
    pricing: dict[str, str] = {}
    for _, status in values(sample.out, "statuses"):
        times = first[status["id"]]
        moment = at(status["timestamp"])
        name = "read" if status["status"] == "played" else status["status"]
        times[name] = min(moment, times.get(name, moment))
        if "errors" in status:
            codes[status["id"]] = status["errors"][0]["code"]
        if "pricing" in status:
            pricing[status["id"]] = status["pricing"].get("type")

    # Of its own messages the inbox says when they were sent, or that they failed.
    for row in exported(sample.out, "chatwoot/messages"):
        if row["message_type"] in ("1", "3") and row["source_id"]:
            times = first[row["source_id"]]
            name = "failed" if row["status"] == "3" else "sent"
            moment = datetime.fromisoformat(row["created_at"])
            times[name] = min(moment, times.get(name, moment))
            if name == "failed":
                code = json.loads(row["content_attributes"])["external_error"].split(":")[0]
                codes.setdefault(row["source_id"], int(code))

    log = {(row["phone_number_id"], row["requested_at"]): row for row in sends(sample.out)}
    logged = {
        row["response"]["messages"][0]["id"] for row in log.values() if row["http_status"] == 200
    }
    echoed = {echo["id"] for _, echo in values(sample.out, "message_echoes")}
    outbound = [row for row in sample.table("messages") if row["direction"] == "outbound"]
    assert {row["wamid"] for row in outbound if row["wamid"]} == logged | echoed
    assert set(first) <= logged | echoed
    assert len(log) == sum(row["attempted_at"] is not None for row in outbound)

    for row in outbound:
        times = first[row["wamid"]] if row["wamid"] else {}
        read = times.get("read")
        delivered = min(filter(None, [times.get("delivered"), read]), default=None)
        sent = min(filter(None, [times.get("sent"), delivered]), default=None)
        failed = times.get("failed") if delivered is None else None
        code = codes.get(row["wamid"]) if failed else None
        if row["wamid"] is None:
            stamp = row["attempted_at"].isoformat(timespec="milliseconds") + "Z"
            answer = log[row["phone_number_id"], stamp]
            assert answer["http_status"] >= 400
            failed, code = row["attempted_at"], answer["response"]["error"]["code"]
        expected = (sent, delivered, read, failed, code, pricing.get(row["wamid"]))
        assert expected == (
            row["sent_at"],
            row["delivered_at"],
            row["read_at"],
            row["failed_at"],
            row["error_code"],
            row["pricing_type"],
        ), row
        assert row["is_delivered_implied"] == (delivered is not None and "delivered" not in times)
        assert row["is_failed_overridden"] == (delivered is not None and "failed" in times)


def test_inbound_messages_are_those_of_the_truth(sample: Generated) -> None:
    heard = {
        message["id"]: (number, message["type"], at(message["timestamp"]))
        for number, message in values(sample.out, "messages")
        if number != DASHBOARD_TEST_NUMBER
    }
    # The inbox may have heard of a message whose webhook comes after the logs' end.
    in_inbox = {
        row["source_id"]
        for row in exported(sample.out, "chatwoot/messages")
        if row["message_type"] == "0"
    }
    drawn = {
        row["wamid"]: (row["phone_number_id"], row["message_type"], row["message_at"])
        for row in sample.table("messages")
        if row["direction"] == "inbound"
    }
    assert heard.keys() <= drawn.keys()
    assert heard == {key: row for key, row in drawn.items() if key in heard}
    assert drawn.keys() - heard.keys() <= in_inbox <= drawn.keys()


def test_people_are_recognisable_in_the_exports(sample: Generated) -> None:
    """Every identifier in a webhook is one person's, and a linked person shows both together."""
    person_of: dict[str, int] = {}
    for person in sample.table("contacts"):
        for identifier in (person["wa_id"], person["wa_id_new"], person["bsuid"]):
            if identifier:
                assert identifier not in person_of
                person_of[identifier] = person["contact_no"]
    linked = set()
    for _, contact in values(sample.out, "contacts"):
        # Meta's test contact is nobody's.
        known = {
            person_of[contact[key]] for key in ("wa_id", "user_id") if contact.get(key) in person_of
        }
        assert len(known) <= 1
        if contact.get("wa_id") and contact.get("user_id"):
            linked |= known
    for _, status in values(sample.out, "statuses"):
        if status.get("recipient_id") and status.get("recipient_user_id"):
            assert person_of[status["recipient_id"]] == person_of[status["recipient_user_id"]]
            linked.add(person_of[status["recipient_id"]])
    kinds = {person["contact_no"]: person["identity_kind"] for person in sample.table("contacts")}
    assert {"bsuid", "linked"} <= set(kinds.values())
    assert any(kinds[number] == "linked" for number in linked)
    assert not any(kinds[number] == "bsuid" for number in linked)


def test_edge_cases_of_real_exports_occur(sample: Generated) -> None:
    found = bodies(sample.out)
    lines = Counter(json.dumps(body) for body in found)
    assert max(lines.values()) > 1, "redelivered bodies"
    assert any(len(body["entry"]) > 1 for body in found)
    assert any(len(entry["changes"]) > 1 for body in found for entry in body["entry"])
    statuses = [status for _, status in values(sample.out, "statuses")]
    assert {"sent", "delivered", "read", "played", "failed"} < {s["status"] for s in statuses}
    assert {type(s["timestamp"]) for s in statuses} == {str, int}
    assert any("recipient_id" not in s for s in statuses)
    assert any(s.get("recipient_id") == "" for s in statuses)
    spelled = {s["pricing"]["category"] for s in statuses if "pricing" in s}
    assert {"authentication-international", "authentication_international"} < spelled
    messages = [message for _, message in values(sample.out, "messages")]
    shapes = {m["type"] for m in messages}
    assert {
        "text",
        "image",
        "audio",
        "button",
        "interactive",
        "reaction",
        "order",
        "location",
        "system",
        "hologram",
    } <= shapes
    clicks = {"ctwa_clid" in m["referral"] for m in messages if "referral" in m}
    assert clicks == {True, False}
    assert {preference["value"] for _, preference in values(sample.out, "user_preferences")} == {
        "stop",
        "resume",
    }
    rows = sample.table("messages")
    assert any(row["is_delivered_implied"] for row in rows)
    assert any(row["is_failed_overridden"] for row in rows)
    assert any(row["is_stop_word"] for row in rows)
    assert any(row["is_internal"] for row in rows)
    assert any(
        row["delivered_at"] and row["delivered_at"] - row["sent_at"] > timedelta(days=3)
        for row in rows
    )
    last = {
        number: max(row["message_at"] for row in rows if row["phone_number_id"] == number).date()
        for number in {row["phone_number_id"] for row in rows}
    }
    assert sum(day < SAMPLE.start_on + timedelta(days=50) for day in last.values()) == 1
    logged = {
        row["response"]["messages"][0]["id"]
        for row in sends(sample.out)
        if row["http_status"] == 200
    }
    echoed = {echo["id"] for _, echo in values(sample.out, "message_echoes")}
    assert echoed & logged
    assert echoed - logged


def test_monthly_truth_counts_the_messages_of_the_truth(sample: Generated) -> None:
    counts: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
    for row in sample.table("messages"):
        if row["is_internal"] or row["message_type"] == "system":
            continue
        month = counts[row["message_at"].date().replace(day=1), row["phone_number_id"]]
        if row["direction"] == "inbound":
            month["received"] += 1
            continue
        month["attempted"] += 1
        for name in ("sent", "delivered", "read", "failed"):
            month[name] += row[f"{name}_at"] is not None
        month["pending"] += row["delivered_at"] is None and row["failed_at"] is None
        month["capped"] += row["error_code"] in (131049, 130472)
    drawn = {
        (row["month_on"], row["phone_number_id"]): row
        for row in sample.table("kpi_messaging_months")
    }
    assert counts.keys() == drawn.keys()
    for key, month in counts.items():
        for name in (
            "attempted",
            "sent",
            "delivered",
            "read",
            "failed",
            "pending",
            "received",
            "capped",
        ):
            assert drawn[key][f"messages_{name}"] == month[name], (key, name)
        assert month["attempted"] == month["delivered"] + month["failed"] + month["pending"]


def test_costs_follow_the_rate_card(sample: Generated) -> None:
    card = defaultdict(list)
    for row in read_seed("rate_card"):
        card[row["market"], row["category"]].append(row)
    rate_category = {
        row["category_reported"]: row["rate_category"] for row in read_seed("message_categories")
    }
    dollars = [row for row in read_seed("fx_rates") if row["from_currency"] == "USD"]
    days = [row["rated_on"] for row in dollars]
    position: Counter[tuple[Any, ...]] = Counter()
    served: Counter[tuple[Any, ...]] = Counter()
    total: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    costing = [
        row
        for row in sample.table("messages")
        if row["direction"] == "outbound" and row["delivered_at"] and not row["is_internal"]
    ]
    for row in sorted(costing, key=lambda row: (row["message_at"], row["wamid"])):
        on = row["message_at"].date()
        month = on.replace(day=1)
        served[month, row["phone_number_id"], row["category"]] += 1
        total[month, row["phone_number_id"]] += 0
        if row["pricing_type"] != "regular":
            continue
        category = rate_category[row["category"]]
        position[month, row["market"], category] += 1
        if (
            row["category"] == "service"
            and on >= date(2026, 10, 1)
            and served[month, row["phone_number_id"], "service"] <= 1000
        ):
            continue
        before = position[month, row["market"], category] - 1
        valid = [r for r in card[row["market"], category] if r["effective_from"] <= str(on)]
        newest = max(r["effective_from"] for r in valid)
        (price,) = [
            r["rate"]
            for r in valid
            if r["effective_from"] == newest
            and int(r["tier_lower"]) <= before
            and (not r["tier_upper"] or before < int(r["tier_upper"]))
        ]
        rate = dollars[bisect_right(days, str(on)) - 1]["rate"]
        total[month, row["phone_number_id"]] += (Decimal(price) * Decimal(rate)).quantize(
            Decimal("0.000001"), ROUND_HALF_UP
        )
    assert dict(total) == {
        (row["month_on"], row["phone_number_id"]): row["cost_amount"]
        for row in sample.table("kpi_costs_months")
    }


# --- campaigns, consent, clicks, leads ------------------------------------------------------


def exported(out: Path, stream: str) -> list[dict[str, str]]:
    """All rows of a stream of CSV files, in the order of the files."""
    rows = []
    for path in sorted((out / stream).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    return rows


def person_of(sample: Generated, row: dict[str, str]) -> int:
    """The contact_no a row names; every identifier in it must be the same person's."""
    known = {}
    for person in sample.table("contacts"):
        known[person["dialled"].lstrip("+")] = person["contact_no"]
        if person["wa_id_new"]:
            known[person["wa_id_new"]] = person["contact_no"]
        known[person["bsuid"]] = person["contact_no"]
        known[person["email"]] = person["contact_no"]
    named = {
        known[row[column].lstrip("+")]
        for column in ("phone", "user_id", "email")
        if row.get(column)
    }
    assert len(named) == 1, row
    return named.pop()


def test_every_campaign_is_in_the_registry_once(sample: Generated) -> None:
    registry = exported(sample.out, "campaigns/registry")
    registered = [row["campaign_id"] for row in registry]
    assert len(set(registered)) == len(registered)
    assert {row["campaign_id"] for row in sends(sample.out) if "campaign_id" in row} <= set(
        registered
    )
    for stream in ("campaigns/audience", "clicks/links"):
        assert {row["campaign_id"] for row in exported(sample.out, stream)} <= set(registered)
    assert {row["campaign_type"] for row in registry} == {"broadcast", "drip"}
    assert {row["goal"] for row in registry} == {"order", "lead", "event:loyalty_signup"}
    named = {row["session_campaign"] for row in exported(sample.out, "ga4/sessions")}
    assert {row["utm_campaign"] for row in registry} & named


def test_the_audience_is_who_was_messaged_and_who_was_not(sample: Generated) -> None:
    internal = {row["contact_no"] for row in sample.table("contacts") if row["is_internal"]}
    messaged = {
        (row["campaign_id"], row["contact_no"]): row for row in sample.table("campaign_messages")
    }
    reasons: Counter[str] = Counter()
    arms: dict[str, set[str]] = defaultdict(set)
    seen = set()
    for row in exported(sample.out, "campaigns/audience"):
        person = person_of(sample, row)
        if person in internal:
            continue
        key = (row["campaign_id"], person)
        assert key not in seen
        seen.add(key)
        arms[row["campaign_id"]].add(row["variant"])
        reasons[row["skipped_reason"]] += 1
        left_out = row["is_control"] == "true" or row["skipped_reason"] != ""
        assert (key in messaged) != left_out, row
        if not left_out:
            message = messaged[key]
            assert message["variant"] == (row["variant"] or "none")
            assert datetime.fromisoformat(row["assigned_at"][:-1]) < message["message_at"]
    assert {key for key in messaged if key[0] != "drip-welcome"} <= seen
    assert reasons["frequency_cap"] and reasons["opted_out"]
    assert sorted(map(sorted, arms.values()), key=len) == [
        *[[""]] * 4,
        *[["A", "B"]] * 2,
        *[["A", "B", "control"]] * 2,
    ]


def test_some_people_go_through_the_flow_twice(sample: Generated) -> None:
    times: dict[int, dict[int, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for row in sample.table("campaign_messages"):
        if row["campaign_id"] == "drip-welcome":
            times[row["contact_no"]][row["entry_number"]].append(row["message_at"])
    entries = Counter(len(found) for found in times.values())
    assert set(entries) == {1, 2}
    for found in times.values():
        for moments in found.values():
            assert max(moments) - min(moments) < timedelta(days=7)
        if len(found) == 2:
            assert min(found[2]) - max(found[1]) > timedelta(days=30)


def test_a_campaign_funnel_never_grows(sample: Generated) -> None:
    for row in sample.table("kpi_campaigns"):
        funnel = [
            row[f"recipients_{name}"]
            for name in ("targeted", "attempted", "sent", "delivered", "read")
        ]
        assert funnel == sorted(funnel, reverse=True)
        kept = row["recipients_attempted"] + row["recipients_skipped"]
        assert row["is_control"] or kept == row["recipients_targeted"]
        for name in ("clicked", "replied", "opted_out"):
            assert (row[f"recipients_{name}"] or 0) <= row["recipients_attempted"]
        assert (row["recipients_clicked"] or 0) <= row["clicks_total"]
    assert sum(row["recipients_replied"] for row in sample.table("kpi_campaigns")) > 10
    assert sum(row["recipients_opted_out"] for row in sample.table("kpi_campaigns")) > 3


def test_what_became_of_a_campaign_message_follows_from_the_messages(sample: Generated) -> None:
    internal = {row["contact_no"] for row in sample.table("contacts") if row["is_internal"]}
    answers = defaultdict(list)
    campaign = defaultdict(list)
    for row in sample.table("messages"):
        thread = (row["contact_no"], row["phone_number_id"])
        if row["direction"] == "inbound":
            if row["message_type"] not in ("system", "reaction") and not row["is_stop_word"]:
                answers[thread].append(row["message_at"])
        elif row["campaign_id"] and not row["failed_at"]:
            campaign[thread].append(row["message_at"])
    clicks = defaultdict(list)
    for row in sample.table("clicks"):
        if row["is_human"] and row["wamid"]:
            clicks[row["wamid"]].append(row["clicked_at"])
    leaves = defaultdict(list)
    for row in sample.table("consent_events"):
        if row["event"] == "opt_out" and row["is_state_change"]:
            leaves[row["contact_no"], row["phone_number_id"]].append(row["occurred_at"])

    def first(moments: list[datetime], start: datetime, until: datetime) -> datetime | None:
        return min((moment for moment in moments if start < moment <= until), default=None)

    seen: dict[tuple[str, str], dict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
    for row in sample.table("campaign_messages"):
        assert row["contact_no"] not in internal
        thread, moment = (row["contact_no"], row["phone_number_id"]), row["message_at"]
        following = min((at for at in campaign[thread] if at > moment), default=datetime.max)
        replied = left = None
        if not row["failed_at"]:
            until = moment + timedelta(hours=72)
            replied = first(answers[thread], moment, min(until, following))
            left = first(leaves[thread], moment, until)
        clicked = first(clicks[row["wamid"]], moment, moment + timedelta(days=7))
        expected = (replied, clicked, left)
        assert expected == (row["replied_at"], row["clicked_at"], row["opted_out_at"]), row
        counted = seen[row["campaign_id"], row["variant"]]
        for name, is_so in [
            ("attempted", row["attempted_at"]),
            ("sent", row["sent_at"]),
            ("delivered", row["delivered_at"]),
            ("read", row["read_at"]),
            ("replied", replied),
            ("opted_out", left),
        ]:
            if is_so:
                counted[name].add((row["contact_no"], row["entry_number"]))
    for row in sample.table("kpi_campaigns"):
        for name in ("attempted", "sent", "delivered", "read", "replied", "opted_out"):
            people = seen.get((row["campaign_id"], row["variant"]), {}).get(name, set())
            assert row[f"recipients_{name}"] == len(people)


def test_clicks_lead_to_their_message_by_a_link_or_by_the_send_log(sample: Generated) -> None:
    tokens = {}
    for row in sends(sample.out):
        for part in row["request"].get("template", {}).get("components", []):
            if part["type"] == "button" and row["http_status"] == 200:
                tokens[part["parameters"][0]["text"]] = row["response"]["messages"][0]["id"]
    links = {row["url"]: row for row in exported(sample.out, "clicks/links")}
    told = {
        (row["clicked_at"].isoformat(timespec="milliseconds") + "Z", row["wamid"]): row
        for row in sample.table("clicks")
    }
    assert len(told) == len(sample.table("clicks"))
    sent_at = {row["wamid"]: row["message_at"] for row in sample.table("messages")}
    ways: Counter[str] = Counter()
    robots: Counter[str] = Counter()
    for row in exported(sample.out, "clicks/short_io"):
        link = links.get(row["Short URL"])
        token = row["Short URL"].rsplit("/", 1)[1]
        click = told.pop((row["Time"], tokens.get(token)))
        if link and link["message_id"]:
            assert link["message_id"] == click["wamid"]
        if link and (link["phone"] or link["user_id"]):
            assert person_of(sample, link) == click["contact_no"]
        if link:
            assert (link["campaign_id"], link["variant"]) == (
                click["campaign_id"],
                click["variant"] or "",
            )
        way = "link" if link and click["wamid"] else "shared" if link else "log"
        ways[way if click["wamid"] or link else "nobody"] += 1
        is_preview = row["User Agent"].startswith(("WhatsApp/", "facebookexternalhit"))
        moment = datetime.fromisoformat(row["Time"][:-1])
        is_fast = click["wamid"] is not None and moment < sent_at[click["wamid"]] + timedelta(
            seconds=2
        )
        assert click["is_human"] == (not is_preview and not is_fast)
        robots[row["Human"]] += not click["is_human"]
    assert not told
    assert set(ways) == {"link", "shared", "log", "nobody"}
    assert min(ways.values()) > 5
    assert set(robots) == {"yes", "no"}


def test_consent_changes_state_as_the_exports_tell_it(sample: Generated) -> None:
    rows = sample.table("consent_events")
    told = {
        (
            person_of(sample, row),
            row["channel_id"],
            row["event"],
            datetime.fromisoformat(row["occurred_at"][:-1]),
            row["source"],
        )
        for row in exported(sample.out, "consent/events")
    }
    webhook_sources = {"user_preferences", "stop_word", "error_131050"}
    drawn = {
        (row["contact_no"], row["phone_number_id"], row["event"], row["occurred_at"], row["source"])
        for row in rows
        if row["source"] not in webhook_sources
    }
    assert told == drawn
    assert {row["source"] for row in rows} > webhook_sources
    state: dict[tuple[int, str], str] = {}
    changes: Counter[tuple[date, str, str]] = Counter()
    for row in sorted(rows, key=lambda row: row["occurred_at"]):
        key = (row["contact_no"], row["phone_number_id"])
        assert row["is_state_change"] == (state.get(key) != row["event"])
        if row["is_state_change"]:
            name = row["event"] if key in state or row["event"] == "opt_in" else "unknown"
            changes[row["occurred_at"].date().replace(day=1), key[1], name] += 1
        state[key] = row["event"]
    for month in sample.table("kpi_consent_months"):
        key = (month["month_on"], month["phone_number_id"])
        assert month["opt_ins"] == changes[*key, "opt_in"]
        assert month["opt_outs"] == changes[*key, "opt_out"]
        assert month["opt_outs_unknown"] == changes[*key, "unknown"]
        assert month["opted_in_contacts"] >= 0
    deleted = {
        person_of(sample, row): row["occurred_at"]
        for row in exported(sample.out, "contacts/events")
        if row["event"] == "deleted"
    }
    assert deleted
    for row in sample.table("messages"):
        if row["contact_no"] in deleted and row["campaign_id"]:
            assert row["message_at"].isoformat() < deleted[row["contact_no"]]


def test_the_newest_export_of_a_lead_is_the_truth(sample: Generated) -> None:
    stages = ("created_at", "qualified_at", "won_at", "lost_at")
    newest = {row["lead_id"]: row for row in exported(sample.out, "generic/leads")}
    told = {
        person_of(sample, row): (row["source"], *(row[name].removesuffix("Z") for name in stages))
        for row in newest.values()
    }
    assert len(newest) < len(exported(sample.out, "generic/leads"))
    events: dict[int, dict[str, str]] = defaultdict(dict)
    for row in exported(sample.out, "contacts/events"):
        if row["event"] in ("lead", "qualified", "won", "lost"):
            events[person_of(sample, row)][row["event"]] = row["occurred_at"].removesuffix("Z")
            if row["event"] == "lead":
                events[person_of(sample, row)]["source"] = row["source"]
    for number, event in events.items():
        assert number not in told
        names = ("source", "lead", "qualified", "won", "lost")
        told[number] = tuple(event.get(name, "") for name in names)
    drawn = {
        row["contact_no"]: (
            row["source"],
            *(row[name].isoformat() if row[name] else "" for name in stages),
        )
        for row in sample.table("leads")
    }
    assert told == drawn
    counted = Counter((row["source_system"], row["source"]) for row in sample.table("leads"))
    assert counted == {
        (row["source_system"], row["source"]): row["leads"]
        for row in sample.table("leads_by_source")
    }


def test_a_vendors_report_tells_of_a_number_without_webhooks(sample: Generated) -> None:
    rows = exported(sample.out, "mapped/connectly/message_reports")
    numbers = {row["business_id"] for row in rows}
    assert numbers.isdisjoint(row["phone_number_id"] for row in sample.table("messages"))
    assert len(numbers) == 1
    registered = {row["campaign_id"] for row in exported(sample.out, "campaigns/registry")}

    def clicked_at(cell: str) -> str:
        return min((click["ts"].removesuffix("Z") for click in json.loads(cell)), default="")

    told = {
        (row["sendout_id"], person_of(sample, {"phone": row["customer_external_id"]})): (
            *(row[name].removesuffix("Z") for name in ("sent_at", "delivered_at", "read_at")),
            row["opt_out_at"].removesuffix("Z"),
            row["error_code"],
            clicked_at(row["button_clicks"]),
            clicked_at(row["link_clicks"]),
        )
        for row in rows
    }
    names = ("sent_at", "delivered_at", "read_at", "opted_out_at", "error_code")
    drawn = {
        (row["sendout_id"], row["contact_no"]): tuple(
            value.isoformat() if isinstance(value, datetime) else str(value or "")
            for value in (row[n] for n in (*names, "button_clicked_at", "link_clicked_at"))
        )
        for row in sample.table("report_messages")
    }
    assert told == drawn
    assert len(told) == len(rows)
    assert {row["campaign_name"] for row in rows} <= registered
    assert all(not row["error_code"] or not row["delivered_at"] for row in rows)
    for number, column in enumerate(names):
        assert any(value[number] for value in told.values()), column
    for row in sample.table("kpi_report_campaigns"):
        funnel = [row[f"recipients_{name}"] for name in ("attempted", "sent", "delivered", "read")]
        assert funnel == sorted(funnel, reverse=True)


def test_analytics_are_near_the_truth_but_for_one_day(sample: Generated) -> None:
    points: dict[tuple[str, date], dict[str, Any]] = {}
    answers = [
        json.loads(line)
        for path in sorted((sample.out / "whatsapp" / "analytics").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert {frozenset(answer) for answer in answers} == {
        frozenset({"data", "paging"}),
        frozenset({"template_analytics", "id"}),
        frozenset({"pricing_analytics", "id"}),
    }
    repeated = 0
    for answer in answers:
        for group in answer.get("template_analytics", answer).get("data", []):
            for point in group["data_points"]:
                start = at(point["start"])
                assert start.time() == datetime.min.time()
                assert point["end"] - point["start"] == 86400
                repeated += (point["template_id"], start.date()) in points
                points[point["template_id"], start.date()] = point
    assert repeated
    far_off = SAMPLE.start_on + timedelta(days=33)
    differences: dict[str, Counter[str]] = {"near": Counter(), "far": Counter()}
    for row in sample.table("template_days"):
        point = points.pop((str(row["template_id"]), row["sent_on"]), None)
        day = "far" if row["sent_on"] == far_off else "near"
        for name in ("sent", "delivered", "read"):
            ours, theirs = row[f"messages_{name}"], point[name] if point else 0
            differences[day][f"{name}_off"] += abs(ours - theirs)
            differences[day][name] += ours
    assert not points
    for name in ("sent", "delivered", "read"):
        near = differences["near"]
        assert near[f"{name}_off"] <= 0.1 * near[name], name
    assert differences["near"]["read_off"] > 0
    assert differences["far"]["sent_off"] == 2 * differences["far"]["sent"] > 0


# --- the seeds -----------------------------------------------------------------------------


def read_seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_market_has_a_price_without_gaps_between_tiers() -> None:
    tiers: dict[tuple[str, str, str], list[tuple[int, str]]] = defaultdict(list)
    for row in read_seed("rate_card"):
        key = (row["effective_from"], row["market"], row["category"])
        tiers[key].append((int(row["tier_lower"]), row["tier_upper"]))
        assert Decimal(row["rate"]) >= 0
    for steps in tiers.values():
        lowers, uppers = zip(*sorted(steps), strict=True)
        assert [str(lower) for lower in lowers[1:]] + [""] == list(uppers)
        assert lowers[0] == 0
    markets = {row["market"] for row in read_seed("market_prefixes")} | {"Other"}
    categories = {row["rate_category"] for row in read_seed("message_categories")}
    priced = {(market, category) for _, market, category in tiers}
    assert {(m, c) for m in markets for c in categories} <= priced


def test_calling_codes_lead_to_the_country_of_a_number() -> None:
    rows = read_seed("market_prefixes")
    country = {row["prefix"]: row["country_code"] for row in rows}
    assert len(country) == len(rows)
    wrong = {}
    for region in phonenumbers.SUPPORTED_REGIONS:
        number = example_number_for_type(region, PhoneNumberType.FIXED_LINE)
        digits = (
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
            if number
            else ""
        )
        longest = next(
            (digits[:n] for n in range(len(digits), 0, -1) if digits[:n] in country), None
        )
        if longest and country[longest] != region:
            wrong[region] = (digits, country[longest])
    # These share their code and their ranges with the neighbour named second.
    assert {region: found for region, (_, found) in wrong.items()} == {"BL": "GP", "MF": "GP"}


# --- orders, checkouts and ads ---------------------------------------------------------------


def cents(text: str) -> int:
    return int(Decimal(text) * 100)


def test_an_order_has_its_cells_on_its_first_line_only(sample: Generated) -> None:
    lines: Counter[int] = Counter()
    names: set[str] = set()
    for path in sorted((sample.out / "shopify" / "orders").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        assert {len(row) for row in [head, *rows]} == {79}
        order = ""
        subtotal = paid_for = 0
        for cells in rows:
            row = dict(zip(head, cells, strict=True))
            assert row["Lineitem quantity"] and row["Vendor"] == "Demo Vendor"
            own = {bool(row[name]) for name in ("Created at", "Total", "Id", "Currency", "Source")}
            assert len(own) == 1
            lines[own == {True}] += 1
            if own == {True}:
                assert subtotal == paid_for
                order, paid_for = row["Name"], 0
                subtotal = cents(row["Subtotal"]) + cents(row["Discount Amount"])
                assert cents(row["Total"]) == cents(row["Subtotal"]) + cents(row["Shipping"])
                names.add(order)
            assert row["Name"] in (order, "")
            paid_for += int(row["Lineitem quantity"]) * cents(row["Lineitem price"])
        assert subtotal == paid_for
    assert lines[True] > len(names) > 100, "an order whose state changed is exported again"
    assert lines[False] > 50


def newest_orders(sample: Generated) -> dict[str, dict[str, Any]]:
    """Each order as the last file tells it that has it, whatever the shop."""
    told: dict[str, dict[str, Any]] = {}
    for row in exported(sample.out, "shopify/orders"):
        if row["Total"]:
            refunded = Decimal(row["Refunded Amount"])
            is_void = (
                row["Cancelled at"] != ""
                or row["Fulfillment Status"] == "returned"
                or "RTO" in row["Tags"]
            )
            told[f"shopify:{row['Id']}"] = {
                "buyer": row["Email"],
                "ordered_at": datetime.fromisoformat(row["Created at"]),
                "currency_code": row["Currency"],
                "gross": Decimal(row["Total"]),
                "refunded": refunded,
                "is_valid": not is_void and not 0 < Decimal(row["Total"]) <= refunded,
                "coupon": row["Discount Code"] or None,
                "utm": row["Note Attributes"].rpartition(": ")[2] or None,
            }
    for path in sorted((sample.out / "woocommerce" / "orders").glob("*.json")):
        for order in json.loads(path.read_text(encoding="utf-8")):
            refunds = -sum((Decimal(refund["total"]) for refund in order["refunds"]), Decimal(0))
            meta = {
                item["key"].removeprefix("_wc_order_attribution_"): item["value"]
                for item in order["meta_data"]
            }
            told[f"woocommerce:{order['id']}"] = {
                "buyer": order["billing"]["email"],
                "ordered_at": datetime.fromisoformat(order["date_created_gmt"] + "+00:00"),
                "currency_code": order["currency"],
                "gross": Decimal(order["total"]),
                "refunded": refunds,
                "is_valid": order["status"] in ("processing", "completed"),
                "coupon": order["coupon_lines"][0]["code"].upper()
                if order["coupon_lines"]
                else None,
                "utm": meta.get("utm_campaign"),
            }
    return told


def test_the_newest_export_of_an_order_is_the_truth(sample: Generated) -> None:
    people = {row["contact_no"]: row["email"] for row in sample.table("contacts")}
    drawn = {
        row["order_id"]: {
            "buyer": people.get(row["contact_no"], f"shopper{row['buyer_no'] % 10**9}@example.com"),
            "ordered_at": row["ordered_at"].replace(tzinfo=UTC),
            "currency_code": row["currency_code"],
            "gross": row["gross_amount_original"],
            "refunded": row["refunded_amount_original"],
            "is_valid": row["is_valid"],
            "coupon": row["coupon_code"],
            "utm": row["utm_campaign"],
        }
        for row in sample.table("orders")
    }
    assert newest_orders(sample) == drawn
    months: Counter[tuple[date, str]] = Counter()
    net: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for order in drawn.values():
        if order["is_valid"]:
            key = (order["ordered_at"].date().replace(day=1), order["currency_code"])
            months[key] += 1
            net[key] += order["gross"] - order["refunded"]
    assert {
        (row["month_on"], row["currency_code"]): (row["orders_valid"], row["net_amount_original"])
        for row in sample.table("kpi_orders_months")
    } == {key: (count, net[key]) for key, count in months.items()}
    assert sum(row["orders_valid"] for row in sample.table("customers")) == sum(months.values())


def test_edge_cases_of_real_shops_occur(sample: Generated) -> None:
    rows = exported(sample.out, "shopify/orders")
    for column, wanted in {
        "Financial Status": {"paid", "pending", "voided", "refunded", "partially_refunded"},
        "Fulfillment Status": {"fulfilled", "unfulfilled", "returned"},
        "Payment Method": {"Cash on Delivery (COD)", "Demo Payments"},
        "Tags": {"COD", "COD, RTO", "whatsapp"},
    }.items():
        assert wanted <= {row[column] for row in rows}, column
    assert any(row["Billing Phone"].startswith("'+") for row in rows)
    assert any(row["Total"] and not row["Billing Phone"] for row in rows)
    assert any(not row["Name"] for row in rows)
    offsets = {row["Created at"].rpartition(" ")[2] for row in rows if row["Total"]}
    assert offsets == {"+0100", "+0200"}
    orders = sample.table("orders")
    assert {row["cause"] for row in orders} == {"organic", "campaign", "click", "ad"}
    assert {row["source_system"] for row in orders} == {"shopify", "woocommerce"}
    assert any(row["gross_amount_original"] == 0 for row in orders)
    assert any(row["contact_no"] is None for row in orders)
    assert {"whatsapp", None} < {row["utm_source"] for row in orders}
    people = {row["contact_no"]: row for row in sample.table("contacts")}
    deleted = {
        person_of(sample, row): datetime.fromisoformat(row["occurred_at"][:-1])
        for row in exported(sample.out, "contacts/events")
        if row["event"] == "deleted"
    }
    for row in orders:
        if row["contact_no"] is not None:
            assert not people[row["contact_no"]]["is_internal"]
            assert row["ordered_at"] < deleted.get(row["contact_no"], datetime.max)


def test_a_bulk_operation_tells_the_same_orders(sample: Generated) -> None:
    files = sorted((sample.out / "shopify" / "orders_bulk").glob("*.jsonl"))
    assert len(files) == 2
    kinds: Counter[str] = Counter()
    for path in files:
        objects = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        orders = {row["id"]: row for row in objects if "totalPriceSet" in row}
        units: Counter[str] = Counter()
        for row in objects:
            if "__parentId" in row:
                units[row["__parentId"]] += row["quantity"]
        assert units == {key: row["subtotalLineItemsQuantity"] for key, row in orders.items()}
        same_day = (
            sample.out
            / "shopify"
            / "orders"
            / path.name.replace("_bulk", "").replace(".jsonl", ".csv")
        )
        with same_day.open(encoding="utf-8", newline="") as file:
            beside = {row["Id"]: row for row in csv.DictReader(file) if row["Total"]}
        assert {f"gid://shopify/Order/{number}" for number in beside} == set(orders)
        for number, row in beside.items():
            order = orders[f"gid://shopify/Order/{number}"]
            money = {"Total": "totalPriceSet", "Refunded Amount": "totalRefundedSet"}
            assert {name: order[key]["shopMoney"]["amount"] for name, key in money.items()} == {
                name: row[name] for name in money
            }
            refunded = sum(
                (Decimal(r["totalRefundedSet"]["shopMoney"]["amount"]) for r in order["refunds"]),
                Decimal(0),
            )
            assert refunded == Decimal(row["Refunded Amount"])
            kinds["refunded"] += refunded > 0
            kinds["visited"] += order["customerJourneySummary"] is not None
            assert (row["Note Attributes"] != "") == (order["customerJourneySummary"] is not None)
    assert kinds["refunded"] and kinds["visited"]


def test_a_checkout_is_told_again_when_its_order_comes(sample: Generated) -> None:
    newest = {
        row["checkout_id"]: row for row in exported(sample.out, "generic/abandoned_checkouts")
    }
    drawn = {row["checkout_id"]: row for row in sample.table("checkouts")}
    assert newest.keys() == drawn.keys()
    orders = {row["order_id"]: row for row in sample.table("orders")}
    for key, row in newest.items():
        assert row["recovered_order_id"] == (drawn[key]["recovered_order_id"] or "")
        assert Decimal(row["value_amount"]) == drawn[key]["value_amount_original"]
        if row["recovered_order_id"]:
            assert drawn[key]["created_at"] < orders[row["recovered_order_id"]]["ordered_at"]
    recovered = [row for row in newest.values() if row["recovered_order_id"]]
    assert 0 < len(recovered) < len(newest)


def test_the_newest_export_of_an_ads_day_is_the_truth(sample: Generated) -> None:
    told: dict[tuple[str, date], tuple[Any, ...]] = {}
    started = "onsite_conversion.messaging_conversation_started_7d"
    lines = 0
    for path in sorted((sample.out / "meta_ads" / "insights").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert {type(row[name]) for name in ("spend", "impressions", "reach")} == {str}
            actions = {action["action_type"]: action["value"] for action in row["actions"]}
            told[row["ad_id"], date.fromisoformat(row["date_start"])] = (
                Decimal(row["spend"]),
                row["account_currency"],
                int(row["impressions"]),
                int(row["inline_link_clicks"]),
                int(actions.get(started, 0)),
            )
            lines += 1
    metas = {ad for ad, _ in told}
    for row in exported(sample.out, "generic/ad_spend"):
        told[row["ad_id"], date.fromisoformat(row["spent_on"])] = (
            Decimal(row["spend_amount"]),
            row["currency_code"],
            int(row["impressions"]),
            int(row["link_clicks"]),
            int(row["conversations_started"]),
        )
        lines += 1
    assert told == {
        (row["ad_id"], row["spent_on"]): tuple(
            row[name]
            for name in (
                "spend_amount_original",
                "currency_code",
                "impressions",
                "link_clicks",
                "conversations_started",
            )
        )
        for row in sample.table("ad_spend_days")
    }
    assert lines > len(told)
    assert len(metas) == 2 and len({ad for ad, _ in told}) == 3
    referrals = {
        message["id"]: (message["referral"]["source_id"], at(message["timestamp"]).date())
        for _, message in values(sample.out, "messages")
        if "referral" in message
    }
    assert {key: row[-1] for key, row in told.items() if row[-1]} == Counter(referrals.values())


def test_arms_differ_as_the_truth_says(sample: Generated) -> None:
    arms: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in sample.table("campaign_lift"):
        arms[row["campaign_id"]][row["variant"]] = row
    designs = {row["campaign_id"]: row["design"] for row in sample.table("campaigns")}
    assert len(arms) == 4
    for campaign, found in arms.items():
        if designs[campaign] == "test":
            assert found["A"]["conversion_rate"] == found["B"]["conversion_rate"]
            assert set(found) == {"A", "B"}
        else:
            assert found["A"]["conversion_rate"] > found["control"]["conversion_rate"] > 0
            assert [arm for arm, row in found.items() if row["is_control"]] == ["control"]
    brought = {
        (row["cause_campaign_id"], row["cause_variant"])
        for row in sample.table("orders")
        if row["cause"] == "campaign"
    }
    assert brought <= {(campaign, arm) for campaign, found in arms.items() for arm in found}
    assert all(row["is_valid"] for row in sample.table("orders") if row["cause"] == "campaign")


@pytest.fixture(scope="module")
def shoppers(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """3,000 customers whom nobody ever messaged: they buy for no other reason than their own."""
    base = tmp_path_factory.mktemp("demo_shoppers")
    settings = DemoSettings(contacts=12000, days=100, messages=500, seed=11)
    drawn = Generated(base / "raw", base / "drawn.duckdb")
    generate(drawn.out, settings, drawn.truth, only={"generic/ad_spend"})
    drawn.rows["orders"] = [row for row in drawn.table("orders") if row["contact_no"] is None]
    assert {row["cause"] for row in drawn.table("orders")} == {"organic"}
    return drawn


def test_purchases_let_their_process_be_seen(shoppers: Generated) -> None:
    """Repeat purchases are as many as BG/NBD expects, and its fit can't tell the truth from itself.

    Expected: Fader, Hardie and Lee (2005), equation 9. Twice the gain in log-likelihood over the
    true parameters is chi-square with four degrees of freedom: above 13.28 once in a hundred sets.
    """
    (process,) = shoppers.table("clv_process")
    r, alpha, a, b = truth = [process[name] for name in ("r", "alpha", "a", "b")]
    times: dict[int, list[datetime]] = defaultdict(list)
    for row in shoppers.table("orders"):
        times[row["buyer_no"]].append(row["ordered_at"])
    assert len(times) > 2500
    until = datetime.combine(DemoSettings(12000, 100).exported_until, datetime.min.time())
    day = timedelta(days=1)
    repeats = np.array([len(found) - 1 for found in times.values()], dtype=float)
    recency = np.array([(max(found) - min(found)) / day for found in times.values()])
    age = np.array([(until - min(found)) / day for found in times.values()])
    shrunk = (alpha / (alpha + age)) ** r
    expected = (
        (a + b - 1) / (a - 1) * (1 - shrunk * special.hyp2f1(r, b, a + b - 1, age / (alpha + age)))
    )
    assert abs(repeats.sum() - expected.sum()) < 3 * repeats.std() * len(repeats) ** 0.5
    spec = importlib.util.spec_from_file_location("int_customer_clv", CLV_MODEL)
    assert spec is not None and spec.loader is not None
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    histories = (repeats, recency, age, np.ones(len(repeats)))
    fitted = model.fit_bg_nbd(*histories)
    at_truth, _ = model.bg_nbd_log_likelihood(*histories)(truth)
    assert 0 < 2 * (fitted["log_likelihood"] - at_truth) < 13.28


def test_orders_cost_on_average_what_gamma_gamma_says(shoppers: Generated) -> None:
    (process,) = shoppers.table("clv_process")
    first: dict[int, Decimal] = {}
    for row in shoppers.table("orders"):
        # Where a thing costs as many euros, pounds or dollars; the truth is in order of time.
        if row["currency_code"] in ("EUR", "GBP", "USD"):
            items = row["gross_amount_original"] + row["discount_amount_original"]
            first.setdefault(row["buyer_no"], items - row["shipping_amount_original"])
    spent = np.array([float(amount) for amount in first.values()])
    expected = process["p"] * process["v"] / (process["q"] - 1)
    assert abs(spent.mean() - expected) < 3 * spent.std() / len(spent) ** 0.5
