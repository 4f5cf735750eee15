"""Payloads found in the wild, and bodies made for the rare cases: each loads or is accounted for."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest.identifiers import keyed_hash
from orchestration.session import Session
from tests.conftest import ROOT, TEST_KEY, call_cli
from tests.pipeline.conftest import MakeOnce
from tests.pipeline.harness import ingest, query, records, settings_of
from tests.pipeline.payloads import WEBHOOKS, message_id, write

SAMPLES = ROOT.parent / "shared" / "samples" / "whatsapp"
ABSENT = f"the sample payloads are not at {SAMPLES}"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=ABSENT)

CHANNEL = "106540352242922"
SHEENA, PABLO = "16505551234", "US.13491208655302741918"


def _lines(name: str) -> list[dict[str, Any]]:
    path = SAMPLES / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _changes(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the changes of a body; the wild ones have words where lists should be."""
    for entry in body["entry"] if isinstance(body.get("entry"), list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("changes"), list):
            yield from (change for change in entry["changes"] if isinstance(change, dict))


def _count(lines: list[dict[str, Any]]) -> Counter[str]:
    """Count messages and statuses with plain Python, knowing nothing of the ingest."""
    counts: Counter[str] = Counter()
    for line in lines:
        for change in _changes(line.get("body", line)):
            value = change.get("value")
            if isinstance(value, dict):
                for kind, key in (("message", "messages"), ("status", "statuses")):
                    found = value.get(key)
                    counts[kind] += len(found) if isinstance(found, list) else 0
    return counts


def _run_alone(folder: Path, name: str) -> None:
    (folder / "raw" / WEBHOOKS).mkdir(parents=True)
    shutil.copy(SAMPLES / name, folder / "raw" / WEBHOOKS)
    done = call_cli(folder / "raw", folder / "warehouse")
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr


def _assert_all_is_accounted_for(folder: Path, name: str) -> None:
    lines = _lines(name)
    working, published = (folder / "warehouse" / f for f in ("build.duckdb", "warehouse.duckdb"))
    [row] = query(
        published,
        "select rows_read, rows_loaded, rows_rejected, rows_duplicate, status from meta.loads",
    )
    assert row == (len(lines), len(lines), 0, 0, "loaded")
    [(records_loaded,)] = query(published, "select records_loaded from meta.loads")
    kinds: Counter[str] = Counter(
        dict(query(working, "select record_kind, count(*) from raw.whatsapp_webhooks group by all"))
    )
    assert records_loaded == sum(n for kind, n in kinds.items() if kind != "empty")
    expected = _count(lines)
    assert {kind: kinds[kind] for kind in expected} == expected
    # Every record is in a fact, or in a list of what is left out and why.
    known = query(
        working,
        "select count(*) from raw.whatsapp_webhooks "
        "where record_kind in ('message', 'status') and record_id is not null "
        "and coalesce(field, 'messages') <> 'calls' "
        "and try_cast(record_time as bigint) between 0 and 253402300799 "
        "and not (record_kind = 'status' and record_type is null) "
        "and left(sha256('whatsapp:' || if(record_kind = 'status', 'outbound', 'inbound') || ':' "
        "|| record_id), 32) not in (select message_id from marts.fct_messages)",
    )
    excluded: dict[str, int] = dict(query(published, "select reason, rows from meta.exclusions"))
    assert known[0][0] <= sum(excluded.values())
    assert (known[0][0] == 0) == ("meta_test_payload" not in excluded)


def test_public_payloads_alone_run_through_the_program(make_once: MakeOnce) -> None:
    folder = make_once("dev_payloads", lambda folder: _run_alone(folder, "dev.jsonl"))
    assert len(_lines("dev.jsonl")) == 285
    _assert_all_is_accounted_for(folder, "dev.jsonl")
    assert "Traceback" not in (folder / "output.txt").read_text()


@pytest.fixture(scope="module")
def constructed(make_once: MakeOnce) -> Path:
    return make_once("constructed", lambda folder: _run_alone(folder, "constructed.jsonl"))


def test_constructed_payloads_alone_run_through_the_program(constructed: Path) -> None:
    _assert_all_is_accounted_for(constructed, "constructed.jsonl")


class Told:
    """What the published file tells about the constructed payloads."""

    def __init__(self, folder: Path) -> None:
        self.working = folder / "warehouse" / "build.duckdb"
        self.published = folder / "warehouse" / "warehouse.duckdb"

    def out(self, number: str) -> dict[str, Any]:
        """Return the outbound message `wamid.CONSTRUCTED<number>`: exactly one row."""
        return self._one(message_id(f"wamid.CONSTRUCTED{number}"))

    def inbound(self, number: int) -> dict[str, Any]:
        return self._one(message_id(f"wamid.CONSTRUCTEDM{number}", "inbound"))

    def _one(self, key: str) -> dict[str, Any]:
        [row] = records(self.published, "from marts.fct_messages where message_id = ?", key)
        return row

    def cost(
        self, category: str, pricing_type: str, market: str = "North America"
    ) -> dict[str, Any]:
        """Return kpi_costs of a category and type, summed over its months."""
        [row] = records(
            self.published,
            "select cast(sum(messages_delivered) as bigint) as delivered, "
            "cast(sum(messages_billable) as bigint) as billable, "
            "cast(sum(messages_free) as bigint) as free, sum(cost_amount) as cost "
            "from marts.kpi_costs where period_grain = 'month' and category = ? "
            "and pricing_type = ? and market = ?",
            category,
            pricing_type,
            market,
        )
        return row

    def failures(self, code: str) -> list[tuple[Any, ...]]:
        return query(
            self.published,
            "select period_start_on, error_class, messages_failed from marts.kpi_failures "
            "where period_grain = 'month' and error_code = ? and messages_failed > 0",
            code,
        )

    def contact(self, identifier: str) -> dict[str, Any]:
        [row] = records(
            self.published, "from marts.dim_contacts where contact_id = ?", contact(identifier)
        )
        return row


def contact(identifier: str) -> str:
    """Return the id of a person known by one identifier, from its definition."""
    return keyed_hash(TEST_KEY.encode(), identifier)


def second(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC).replace(tzinfo=None)


def holds(row: dict[str, Any], **expected: Any) -> None:
    assert {name: row[name] for name in expected} == expected


def priced(row: dict[str, Any], category: str) -> None:
    """Assert a delivered, billed message with a price of the card, converted to EUR."""
    holds(row, category=category, pricing_type="regular", is_billable=True, cost_source="rate_card")
    assert row["cost_amount_original"] > row["cost_amount"] > 0
    assert row["cost_currency_code"] == "USD"


Meaning = Callable[[Told], None]
MEANINGS: dict[str, Meaning] = {}


def means(*cases: str) -> Callable[[Meaning], Meaning]:
    """Register what one or several cases mean."""

    def register(meaning: Meaning) -> Meaning:
        for case in cases:
            assert case not in MEANINGS
            MEANINGS[case] = meaning
        return meaning

    return register


@means("pmp free service sent (before 2026-10-01)")
def _(told: Told) -> None:
    row = told.out("0001")
    holds(row, category="service", pricing_type="free_customer_service", is_billable=False)
    holds(row, sent_at=second("1760659225"), message_at=second("1760659225"))


@means("pmp free service delivered: repeats pricing -> must be costed once")
def _(told: Told) -> None:
    holds(told.out("0001"), delivered_at=second("1760659226"), cost_amount=0)
    assert told.cost("service", "free_customer_service") == {
        "delivered": 1,
        "billable": 0,
        "free": 1,
        "cost": 0,
    }


@means("pmp free service read: no pricing (already on delivered)")
def _(told: Told) -> None:
    row = told.out("0001")
    # Read in the second of the delivery: told, not implied.
    holds(row, read_at=second("1760659226"), is_delivered_implied=False)
    holds(row, pricing_type="free_customer_service", inferred_read_at=second("1760659226"))


@means("pmp free utility inside window")
def _(told: Told) -> None:
    holds(told.out("0002"), category="utility", is_billable=False, cost_amount=0)
    assert told.cost("utility", "free_customer_service")["free"] == 1


@means("pmp free entry point, conversation kept (v24+ only for FEP)")
def _(told: Told) -> None:
    row = told.out("0003")
    holds(row, category="referral_conversion", pricing_type="free_entry_point", is_billable=False)
    # Sent, not delivered: pending, and no cost.
    holds(row, delivered_at=None, failed_at=None, cost_amount=0)


@means("pmp utility regular")
def _(told: Told) -> None:
    priced(told.out("0004"), "utility")


@means("pmp authentication-international (hyphen in pricing.category)")
def _(told: Told) -> None:
    priced(told.out("0005"), "authentication_international")
    assert told.cost("authentication_international", "regular")["billable"] == 1
    assert query(
        told.published, "select count(*) from marts.kpi_costs where contains(category, '-')"
    ) == [(0,)]


@means("authentication_international (underscore, conversation.origin spelling)")
def _(told: Told) -> None:
    # Sent in June 2025 under the conversation-based regime, which named no type.
    row = told.out("0006")
    holds(row, category="authentication_international", pricing_type="regular", is_billable=True)
    holds(row, sent_at=second("1751200000"), delivered_at=None, cost_amount=0)


@means("pmp marketing_lite")
def _(told: Told) -> None:
    row = told.out("0007")
    priced(row, "marketing_lite")
    # Its own category, the price of marketing.
    assert row["cost_amount"] == told.out("0010")["cost_amount"]


@means("pmp service regular billable (from 2026-10-01)")
def _(told: Told) -> None:
    # Billed by Meta's word, and among the first thousand of the month.
    row = told.out("0008")
    holds(row, category="service", pricing_type="regular", is_billable=True, cost_amount=0)
    assert told.cost("service", "regular")["billable"] == 1


@means("pmp general_purpose_ai (AI provider policy 2026)")
def _(told: Told) -> None:
    row = told.out("0009")
    holds(row, category="general_purpose_ai", pricing_type="regular", is_billable=True)
    assert row["cost_amount"] is not None


@means(
    "out of order 1/3: read first",
    "out of order 2/3: late delivered, older timestamp",
    "out of order 3/3: late sent, oldest timestamp",
)
def _(told: Told) -> None:
    row = told.out("0010")
    holds(
        row,
        sent_at=second("1760660001"),
        delivered_at=second("1760660005"),
        read_at=second("1760660010"),
        message_at=second("1760660001"),
        is_delivered_implied=False,
    )
    priced(row, "marketing")


@means("read without any delivered (delivered implied)")
def _(told: Told) -> None:
    row = told.out("0011")
    moment = second("1760660100")
    holds(row, sent_at=moment, delivered_at=moment, read_at=moment, is_delivered_implied=True)
    priced(row, "marketing")


@means("exact redelivery of the same body (1)", "exact redelivery of the same body (2)")
def _(told: Told) -> None:
    row = told.out("0012")
    holds(row, delivered_at=second("1760660200"))
    priced(row, "marketing")
    # Four marketing deliveries in all: 0010, 0011, 0012 and 0017, each charged once.
    costs = told.cost("marketing", "regular")
    assert (costs["delivered"], costs["billable"]) == (4, 4)
    assert costs["cost"] == sum(
        told.out(n)["cost_amount"] for n in ("0010", "0011", "0012", "0017")
    )


@means("same status, different timestamp (second device)")
def _(told: Told) -> None:
    holds(told.out("0012"), delivered_at=second("1760660200"), sent_at=second("1760660200"))


@means("sent then failed 131049 (1)")
def _(told: Told) -> None:
    holds(told.out("0013"), sent_at=second("1760660300"), delivered_at=None, cost_amount=0)


@means("sent then failed 131049 (2)")
def _(told: Told) -> None:
    row = told.out("0013")
    holds(row, failed_at=second("1760660301"), error_code="131049", error_class="meta_cap")
    [(_, error_class, failed)] = told.failures("131049")
    assert (error_class, failed) == ("meta_cap", 1)
    capped = "select sum(messages_capped) from marts.kpi_messaging where period_grain = 'day'"
    assert query(told.published, capped) == [(1,)]


def _fails(code: str, number: str, error_class: str, moment: str) -> None:
    def meaning(told: Told) -> None:
        row = told.out(number)
        holds(row, sent_at=None, failed_at=second(moment), error_code=code, error_class=error_class)
        [(_, told_class, failed)] = told.failures(code)
        assert (told_class, failed) == (error_class, 1)

    suffix = " (user stopped marketing)" if code == "131050" else ""
    means(f"failed {code}{suffix}")(meaning)


_fails("131026", "0014", "invalid_recipient", "1760660400")
_fails("131047", "0015", "window", "1760660500")
_fails("131050", "0016", "opt_out", "1760660600")


def _stopped_marketing(told: Told) -> None:
    holds(told.contact(f"phone:{SHEENA}"), opted_out_at=second("1760660600"), is_opted_in=False)


@means("bsuid only status: recipient_id omitted")
def _(told: Told) -> None:
    row = told.out("0017")
    holds(row, contact_id=contact(f"bsuid:{PABLO}"), market="North America")
    priced(row, "marketing")
    holds(told.contact(f"bsuid:{PABLO}"), country_code="US", is_chat_contact=True)


@means("bsuid status: recipient_id empty string (Nov-2025 draft of the doc)")
def _(told: Told) -> None:
    holds(told.out("0018"), contact_id=contact(f"bsuid:{PABLO}"), cost_amount=None)


@means("group status: same wamid, one status per participant")
def _(told: Told) -> None:
    # One message, nobody's: delivered when the first participant had it, and counted once.
    holds(told.out("0019"), contact_id="none", delivered_at=second("1777500200"))
    assert told.cost("group_utility", "regular", "unknown")["delivered"] == 1
    # A group is no person: Sheena, Pablo, João, Zoë, one in Mexico and one in Argentina.
    assert query(told.published, "select count(*) from marts.dim_contacts") == [(6,)]


@means("two entries (two WABAs), two changes each")
def _(told: Told) -> None:
    holds(told.out("0020"), sent_at=second("1760660700"), delivered_at=second("1760660701"))
    priced(told.out("0020"), "utility")
    holds(told.out("0021"), sent_at=second("1760660700"), delivered_at=None, failed_at=None)
    holds(told.inbound(1), contact_id=contact("phone:552187654321"), message_type="text")
    wabas = "select count(distinct waba_id) from raw.whatsapp_webhooks"
    assert query(told.working, wabas) == [(2,)]


@means("user_preferences stop, bsuid only, integer timestamp")
def _(told: Told) -> None:
    row = told.contact(f"bsuid:{PABLO}")
    holds(row, opted_out_at=second("1777500300"), opted_in_at=None, is_opted_in=False)


@means(
    "Brazil: same person, wa_id without the ninth digit",
    "Brazil: send echo to the number with the ninth digit",
)
def _(told: Told) -> None:
    person = contact("phone:553188888888")
    holds(told.inbound(2), contact_id=person)
    # One second after João wrote: in his window.
    holds(told.out("0022"), contact_id=person, market="Brazil", is_in_service_window=True)
    holds(told.contact("phone:553188888888"), country_code="BR")


@means("Mexico 521 vs 52")
def _(told: Told) -> None:
    holds(told.out("0023"), contact_id=contact("phone:525512345678"), market="Mexico")


@means("Argentina 549 vs 54")
def _(told: Told) -> None:
    holds(told.out("0024"), contact_id=contact("phone:541123456789"), market="Argentina")


@means("ctwa referral with ctwa_clid omitted (ad placed in WhatsApp Status)")
def _(told: Told) -> None:
    holds(told.inbound(3), contact_id=contact(f"phone:{SHEENA}"), direction="inbound")
    state = query(
        told.working,
        "select is_from_ad, referral_source_id from intermediate.int_whatsapp_messages__folded "
        "where record_id = 'wamid.CONSTRUCTEDM3'",
    )
    assert state == [(True, "120226305854810726")]


@means("unknown future message type")
def _(told: Told) -> None:
    holds(told.inbound(4), message_type="hologram", contact_id=contact(f"phone:{SHEENA}"))
    unknown = "select what, name, rows from meta.unknown_values"
    assert query(told.published, unknown) == [("message_type", "hologram", 1)]
    received = "select sum(messages_received) from marts.kpi_messaging where period_grain = 'day'"
    assert query(told.published, received) == [(4,)]


@means("null arrays")
def _(told: Told) -> None:
    # The body is kept, and brings no message.
    [(kept,)] = query(
        told.working, "select count(*) from raw.whatsapp_webhooks where record_kind = 'change'"
    )
    assert kept == 1
    total = "select count(*), count(distinct channel_id) from marts.fct_messages"
    assert query(told.published, total) == [(28, 1)]


CASES = [line["_case"] for line in _lines("constructed.jsonl")]


@pytest.mark.parametrize("case", CASES or [pytest.param("", marks=pytest.mark.skip(reason=ABSENT))])
def test_constructed_case(case: str, constructed: Path) -> None:
    assert case in MEANINGS, f"write down what the case {case!r} means"
    MEANINGS[case](Told(constructed))
    if case == "failed 131050 (user stopped marketing)":
        _stopped_marketing(Told(constructed))


def test_every_meaning_belongs_to_a_case() -> None:
    assert MEANINGS.keys() == set(CASES)
    assert len(CASES) == len(set(CASES)) == 35


def test_bare_values_are_rejected_line_by_line_with_advice(tmp_path: Path) -> None:
    (tmp_path / "raw" / WEBHOOKS).mkdir(parents=True)
    shutil.copy(SAMPLES / "value_fragments.jsonl", tmp_path / "raw" / WEBHOOKS)
    texts = (SAMPLES / "value_fragments.jsonl").read_text().splitlines()
    session = Session(settings_of(tmp_path / "raw", tmp_path / "warehouse"))
    [warning] = ingest(session)["whatsapp/webhooks"].warnings
    assert "value_fragments.jsonl, line 1 and 38 more lines (100.0% of the file)" in warning
    rejects = query(
        session.settings.build_path,
        "select line_number, reason, message, raw_text from raw.rejects order by line_number",
    )
    assert [row[0] for row in rejects] == list(range(1, len(texts) + 1))
    assert {row[1] for row in rejects} == {"bare_value"}
    assert all("log the whole webhook body" in row[2] for row in rejects)
    assert [row[3] for row in rejects] == texts
    assert query(session.settings.build_path, "from raw.whatsapp_webhooks") == []


def _records(raw_dir: Path, folder: Path) -> list[tuple[Any, ...]]:
    """Ingest one folder; return its distinct records without what tells how they were wrapped."""
    session = Session(settings_of(raw_dir, folder))
    report = ingest(session)["whatsapp/webhooks"]
    assert report.rows_read == report.rows_loaded + report.rows_duplicate == 285 + 35
    return query(
        session.settings.build_path,
        "select distinct * exclude (_load_id, _line_hash, _is_line_head, received_at, payload), "
        "if(record_kind in ('change', 'empty'), null, cast(payload as varchar)) "
        "from raw.whatsapp_webhooks order by all",
    )


def _wrappings() -> Iterator[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]]:
    received = "2026-12-01T00:00:00Z"
    yield "body_alone", lambda body: {"body": body}
    yield "received_first", lambda body: {"received_at": received, "body": body}
    yield (
        "other_keys",
        lambda body: {
            "id": 7,
            "headers": {"x-hub-signature-256": "sha256=0"},
            "body": body,
            "received_at": received,
        },
    )


@pytest.mark.parametrize("wrap", [pytest.param(wrap, id=name) for name, wrap in _wrappings()])
def test_wrapped_bodies_give_the_records_of_bare_ones(
    tmp_path: Path, wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    bodies = _lines("dev.jsonl") + [line["body"] for line in _lines("constructed.jsonl")]
    write(tmp_path / "bare", WEBHOOKS, "w.jsonl", bodies)
    wrapped = [wrap(body) for body in bodies]
    # One file of each kind, one with both kinds mixed, one compressed.
    write(tmp_path / "wrapped", WEBHOOKS, "1.jsonl", wrapped[:100])
    write(
        tmp_path / "wrapped",
        WEBHOOKS,
        "2.ndjson",
        [body if n % 2 else wrap(body) for n, body in enumerate(bodies[100:200])],
    )
    text = "".join(f"{json.dumps(line)}\n" for line in wrapped[200:])
    (tmp_path / "wrapped" / WEBHOOKS / "3.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    bare = _records(tmp_path / "bare", tmp_path / "one")
    assert _records(tmp_path / "wrapped", tmp_path / "two") == bare
    assert len(bare) > 300
