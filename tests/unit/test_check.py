"""`make check`: says what a file is, what it lacks, and proposes a mapping that then loads."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestration.check.kpis import requirements, unlocked
from orchestration.check.propose import propose
from orchestration.check.report import print_verdicts
from orchestration.check.run import Verdict, check_files
from orchestration.check.shape import read_shape
from orchestration.sources import BY_KEY
from tests.conftest import RunCli
from tests.faults.harness import Harness, make_harness, send_line, status_line

PHONES = re.compile(r"\d[\d ]{8,}\d|@example")


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


@dataclass(frozen=True)
class Unknown:
    """A CSV that nobody declared, what it is, and what becomes of its rows."""

    content: bytes
    stream: str
    columns: str
    rows: list[tuple[Any, ...]]
    missing: tuple[str, ...] = ()
    given: dict[str, str] = field(default_factory=dict)
    remarks: int = 0


UNKNOWN = {
    # Renamed, comma, UTF-8; a time with AM and PM: the month stands first.
    "renamed_english": Unknown(
        b"Message SID,Sender,Recipient number,Date sent,Delivered,Status,Campaign name,Cost,Currency\n"
        b"a1,+4930231250,+491500000001,05/13/2026 09:05 AM,05/13/2026 09:06 AM,Delivered,May sale,0.075,EUR\n"
        b"a2,+4930231250,+491500000002,05/02/2026 09:05 PM,,Failed,May sale,,EUR\n",
        "generic/message_reports",
        "message_id, channel_id, phone, direction, sent_at, delivered_at, last_status, campaign_id, price_amount",
        [
            ("a1", "+4930231250", "+491500000001", "outbound", "2026-05-13T09:05:00+00:00", "2026-05-13T09:06:00+00:00", "delivered", "May sale", "0.075"),
            ("a2", "+4930231250", "+491500000002", "outbound", "2026-05-02T21:05:00+00:00", None, "failed", "May sale", None),
        ],
    ),
    # German Excel: semicolons, cp1252, decimal commas, a title above the header.
    "german_excel": Unknown(
        "Kampagnenbericht Mai\r\n\r\n"
        "Nachrichten-ID;Empfänger;Gesendet am;Zugestellt am;Gelesen am;Kampagne;Preis (EUR)\r\n"
        "g1;+49 1500 0000001;13.05.2026 09:05;13.05.2026 09:06;;Mai – Aktion;0,0855\r\n"
        "g2;+49 1500 0000002;02.05.2026 10:00;;;Mai – Aktion;1.234,50\r\n".encode("cp1252"),
        "generic/message_reports",
        "message_id, phone, channel_id, sent_at, read_at, campaign_id, price_amount, currency_code",
        [
            ("g1", "+49 1500 0000001", "4930231250", "2026-05-13T09:05:00+00:00", None, "Mai – Aktion", "0.0855", "EUR"),
            ("g2", "+49 1500 0000002", "4930231250", "2026-05-02T10:00:00+00:00", None, "Mai – Aktion", "1234.50", "EUR"),
        ],
        missing=("channel_id",),
        given={"channel_id": "4930231250"},
    ),
    # Spanish, both directions, tab-separated, UTF-16 as Excel writes "Unicode text".
    "spanish_utf16_tabs": Unknown(
        "ID de mensaje\tCanal\tTeléfono\tDirección\tFecha de envío\tAgente\n"
        "e1\tc-1\t+525512345678\tEntrante\t2026-05-13 09:05:00\t\n"
        "e2\tc-1\t+525512345678\tSaliente\t2026-05-13 09:06:00\tag-7\n".encode("utf-16"),
        "generic/messages",
        "message_id, channel_id, phone, direction, sent_at, agent_id",
        [
            ("e1", "c-1", "+525512345678", "inbound", "2026-05-13T09:05:00+00:00", None),
            ("e2", "c-1", "+525512345678", "outbound", "2026-05-13T09:06:00+00:00", "ag-7"),
        ],
    ),
    # Whose id stands in "Sender ID", the column beside it tells.
    "kinds_of_senders": Unknown(
        b"Date & Time,Sender ID,Sender Type,Contact ID,Message ID,Content Type,Message Type,Channel ID\n"
        b"2026-05-13 09:05:00,900,contact,900,s1,text,incoming,c-1\n"
        b"2026-05-13 09:06:00,31,User,900,s2,text,outgoing,c-1\n"
        b"2026-05-13 09:07:00,7,workflow,900,s3,text,outgoing,c-1\n",
        "generic/messages",
        "message_id, channel_id, external_id, direction, sender_type, agent_id",
        [
            ("s1", "c-1", "900", "inbound", "contact", "900"),
            ("s2", "c-1", "900", "outbound", "agent", "31"),
            ("s3", "c-1", "900", "outbound", "bot", "7"),
        ],
    ),
    # Portuguese, latin-1, dates with slashes: a 31 tells that the day stands first.
    "portuguese_latin1": Unknown(
        "ID da mensagem;Remetente;Telefone;Enviado em;Entregue em;Lido em;Situação\n"
        "p1;5520400000;552340000001;31/05/2026 09:05;31/05/2026 09:06;01/06/2026 08:00;lido\n"
        "p2;5520400000;552340000002;01/06/2026 09:05;;;falhou\n".encode("latin-1"),
        "generic/message_reports",
        "message_id, channel_id, phone, direction, sent_at, read_at, last_status",
        [
            ("p1", "5520400000", "552340000001", "outbound", "2026-05-31T09:05:00+00:00", "2026-06-01T08:00:00+00:00", "read"),
            ("p2", "5520400000", "552340000002", "outbound", "2026-06-01T09:05:00+00:00", None, "failed"),
        ],
    ),
    # French, bars, a byte order mark.
    "french_bars": Unknown(
        "ID message|Expéditeur|Destinataire|Envoyé le|Lu le|Modèle\n"
        "f1|c-9|+33639980001|2026-05-13T09:05:00+02:00|2026-05-13T10:05:00+02:00|bonjour\n".encode("utf-8-sig"),
        "generic/message_reports",
        "message_id, channel_id, phone, sent_at, read_at, template_name",
        [("f1", "c-9", "+33639980001", "2026-05-13T07:05:00+00:00", "2026-05-13T08:05:00+00:00", "bonjour")],
    ),
    # Italian leads of a CRM, people named by e-mail.
    "italian_leads": Unknown(
        b"ID lead;E-mail;Creato il;Qualificato il;Vinto il;Fonte\n"
        b"l1;uno@example.com;13.05.2026;14.05.2026;;fiera\n"
        b"l2;due@example.com;1.6.2026;;2.6.2026;web\n",
        "generic/leads",
        "lead_id, email, created_at, qualified_at, won_at, source",
        [
            ("l1", "uno@example.com", "2026-05-13T00:00:00+00:00", "2026-05-14T00:00:00+00:00", None, "fiera"),
            ("l2", "due@example.com", "2026-06-01T00:00:00+00:00", None, "2026-06-02T00:00:00+00:00", "web"),
        ],
    ),
    # Invoices: dates stay dates, the kind of cost stands nowhere.
    "invoices": Unknown(
        "Rechnungsnummer;Beginn;Ende;Betrag;Währung\n"
        "R-1;01.05.2026;31.05.2026;1.250,00;EUR\n".encode(),
        "generic/costs",
        "cost_id, cost_type, starts_on, ends_on, amount, currency_code",
        [("R-1", "software", "2026-05-01", "2026-05-31", "1250.00", "EUR")],
        missing=("cost_type",),
        given={"cost_type": "software"},
    ),
    # Clicks of a link shortener, seconds since 1970.
    "clicks_epoch": Unknown(
        b"Click ID,Click time,Short URL,Browser,Is Human,utm_campaign\n"
        b"c1,1780000000,https://example.com/a?x=1,Firefox,yes,may\n",
        "generic/link_clicks",
        "click_id, clicked_at, url, user_agent, is_human, utm_campaign",
        [("c1", "2026-05-28T20:26:40+00:00", "https://example.com/a?x=1", "Firefox", "yes", "may")],
    ),
    # Headers that say nothing: wamids and numbers are known by their look.
    "telling_cells": Unknown(
        b"key,kind,who,when (ms),business number\n"
        b"wamid.AAA1,outgoing,491500000001,1780000000000,b1\n"
        b"wamid.AAA2,incoming,491500000001,1780000060000,b1\n",
        "generic/messages",
        "message_id, direction, phone, sent_at, channel_id",
        [
            ("wamid.AAA1", "outbound", "491500000001", "2026-05-28T20:26:40+00:00", "b1"),
            ("wamid.AAA2", "inbound", "491500000001", "2026-05-28T20:27:40+00:00", "b1"),
        ],
    ),
    # A contact list of an address book, times in words.
    "contact_list": Unknown(
        b"First name,Mobile,E-Mail,Date added,Tags,Country\n"
        b"Ada,+447700900001,ada@example.com,\"May 13, 2026\",vip,GB\n"
        b"Bob,+447700900002,,\"May 1, 2026\",,GB\n",
        "generic/contacts",
        "phone, email, created_at, labels, country_code",
        [
            ("+447700900001", "ada@example.com", "2026-05-13T00:00:00+00:00", "vip", "GB"),
            ("+447700900002", None, "2026-05-01T00:00:00+00:00", None, "GB"),
        ],
    ),
}  # fmt: skip


def _printed(verdicts: list[Verdict]) -> str:
    out = io.StringIO()
    print_verdicts(Console(file=out, width=200), verdicts)
    return out.getvalue()


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_an_unknown_csv_is_recognised_and_its_proposal_loads(
    harness: Harness, tmp_path: Path, name: str
) -> None:
    unknown = UNKNOWN[name]
    path = tmp_path / f"{name}.csv"
    path.write_bytes(unknown.content)
    (verdict,) = check_files(harness.settings, [path], write=True, vendor="acme")
    assert (verdict.stream, verdict.missing) == (unknown.stream, unknown.missing)
    assert not verdict.is_usable
    assert verdict.kpis or verdict.kpis_later
    assert not PHONES.search(_printed([verdict]).replace(str(tmp_path), ""))
    folder = f"mapped/acme/{BY_KEY[unknown.stream].name}"
    assert verdict.mapping_path == harness.settings.raw_dir / folder / "mapping.yml"
    if not unknown.missing:
        assert (verdict.rows, verdict.rejected) == (len(unknown.rows), 0)
    text = verdict.mapping_path.read_text()
    for ours, value in unknown.given.items():
        assert f"# {ours}: TODO" in text
        text = text.replace("constants:\n", f"constants:\n  {ours}: {value}\n")
    verdict.mapping_path.write_text(text)

    harness.put(f"{folder}/{name}.csv", unknown.content)
    (there,) = check_files(harness.settings)
    assert (there.how, there.problem, there.rows) == ("folder", None, len(unknown.rows))
    assert _printed([there]).startswith(f"✓ {folder}")
    report = harness.ingest(unknown.stream)[unknown.stream]
    assert report.warnings == ()
    table = BY_KEY[unknown.stream].raw_table
    assert harness.rows(f"select {unknown.columns} from raw.{table} order by all") == sorted(
        unknown.rows, key=str
    )
    assert check_files(harness.settings) == []


def test_a_kind_of_sender_that_nobody_knows_is_left_to_the_user(harness: Harness) -> None:
    content = UNKNOWN["kinds_of_senders"].content.replace(b"workflow", b"wizard")
    harness.put("mapped/acme/messages/a.csv", content)
    (verdict,) = check_files(harness.settings)
    assert "sender_type: {contact: contact, user: agent}" in str(verdict.mapping)
    assert any("1 of the words in Sender Type" in remark for remark in verdict.remarks)


def test_without_a_kind_of_sender_its_id_is_no_agents(harness: Harness) -> None:
    harness.put(
        "mapped/acme/messages/a.csv",
        "Message ID,Sender ID,To,Direction,Sent at\n"
        "m1,4930231250,+491500000001,outbound,2026-05-13 09:05:00\n",
    )
    (verdict,) = check_files(harness.settings)
    assert 'channel_id: "Sender ID"' in str(verdict.mapping)
    assert "agent_id" not in str(verdict.mapping)


def test_nothing_is_loaded_or_written_without_being_asked(harness: Harness) -> None:
    harness.put("mapped/acme/message_reports/a.csv", UNKNOWN["renamed_english"].content)
    before = sorted(harness.settings.raw_dir.rglob("*"))
    (verdict,) = check_files(harness.settings)
    assert verdict.mapping and verdict.mapping_path is None
    assert "save the mapping below as mapped/acme/message_reports/mapping.yml" in str(
        verdict.problem
    )
    assert sorted(harness.settings.raw_dir.rglob("*")) == before
    assert not harness.settings.warehouse_dir.exists()
    (written,) = check_files(harness.settings, write=True)
    assert written.mapping_path and written.problem is None
    (loads,) = check_files(harness.settings)
    assert (loads.problem, loads.rows, loads.mapping) == (None, 2, None)


def test_a_mapping_that_is_there_is_never_written_over(harness: Harness, tmp_path: Path) -> None:
    mine = harness.put("mapped/acme/message_reports/mapping.yml", "columns: {}")
    path = tmp_path / "a.csv"
    path.write_bytes(UNKNOWN["renamed_english"].content)
    (verdict,) = check_files(harness.settings, [path], write=True, vendor="acme")
    assert "is there already and stays as it is" in str(verdict.problem)
    assert mine.read_text() == "columns: {}"


def test_files_of_declared_streams_are_read_for_trial(harness: Harness) -> None:
    harness.put("whatsapp/webhooks/a.jsonl", status_line(1) + "{nonsense\n")
    harness.put("reference/rate_card/a.csv", "effective_from,market\n2026-01-01,x\n")
    harness.put("generic/costs/a.csv", "cost_id,cost_type,starts_on,ends_on,amount,currency_code\n")
    by_path = {verdict.path: verdict for verdict in check_files(harness.settings)}
    webhooks = by_path["whatsapp/webhooks/a.jsonl"]
    assert (webhooks.problem, webhooks.rows, webhooks.rejected) == (None, 1, 1)
    assert "bad_json" in webhooks.remarks[0]
    assert webhooks.first_at is not None
    assert "delivery_rate" in webhooks.kpis
    assert by_path["reference/rate_card/a.csv"].missing == ("category", "currency_code", "rate")
    assert by_path["generic/costs/a.csv"].problem == "none of its rows can be loaded"


def test_a_report_of_ads_over_several_days_is_told_with_its_mend(harness: Harness) -> None:
    header = "Ad ID,Reporting starts,Reporting ends,Amount spent (EUR)\n"
    harness.put("meta_ads/insights/a.csv", f"{header}1,2026-05-01,2026-05-31,2.50\n")
    (verdict,) = check_files(harness.settings)
    assert "break the report down by day" in str(verdict.problem)
    assert verdict.mapping is None


def test_renamed_columns_in_a_stream_of_ours_become_a_mapping(harness: Harness) -> None:
    harness.put("generic/message_reports/a.csv", UNKNOWN["french_bars"].content)
    (verdict,) = check_files(harness.settings, write=True)
    assert verdict.mapping_path == harness.settings.raw_dir.joinpath(
        "mapped/other/message_reports/mapping.yml"
    )
    assert "put the file into mapped/other/message_reports/" in str(verdict.problem)


def test_known_files_in_the_wrong_place_are_recognised(harness: Harness, tmp_path: Path) -> None:
    from tests.unit.test_mapping import KALEYRA, TWILIO

    (tmp_path / "in").mkdir()
    files = {
        "hooks.jsonl": (status_line(1), "whatsapp/webhooks"),
        "sends.jsonl": (send_line(1), "whatsapp/sends"),
        "twilio.csv": (TWILIO, "mapped/twilio/message_reports"),
        "kaleyra.csv": (KALEYRA, "mapped/kaleyra/message_reports"),
        "audience.csv": (
            "phone,campaign_id,variant,assigned_at\n+491500000001,c,A,2026-05-01\n",
            "campaigns/audience",
        ),
        "insights.json": (
            '{"data": [{"ad_id": "1", "spend": "2", "date_start": "2026-05-01", '
            '"date_stop": "2026-05-01"}], "paging": {}}',
            "meta_ads/insights",
        ),
        "ads.csv": (
            "Anzeigen-ID,Tag,Ausgegebener Betrag (EUR)\n1,2026-05-01,2.50\n",
            "meta_ads/insights",
        ),
        "sessions.csv": (
            "date,session_source,session_medium,session_campaign\n20260501,wa,chat,may\n",
            "ga4/sessions",
        ),
        "orders.csv": (
            "Name,Total,Created at,Currency\n#1,10.00,2026-05-01 10:00:00 +0200,EUR\n",
            "shopify/orders",
        ),
        "woo.json": (
            '[\n {"id": 1, "status": "completed", "date_created_gmt": "2026-05-01T10:00:00",\n'
            '  "total": "10.00", "line_items": []}\n]',
            "woocommerce/orders",
        ),
        "form.csv": (
            "#,Happy?,Response Type,Submit Date (UTC)\nr1,4,completed,2026-05-01 10:00:00\n",
            "surveys/typeform",
        ),
        "monkey.csv": (
            "Respondent ID,Collector ID,End Date,Happy?\n,,,Response\n1,1,2026-05-01,4\n",
            "surveys/surveymonkey",
        ),
        "delighted.jsonl": (
            '{"id": "1", "person": "2", "survey_type": "nps", "score": 9, "created_at": 1777636800}\n',
            "surveys/delighted",
        ),
        "bulk.jsonl": (
            '{"id":"gid://shopify/LineItem/1","__parentId":"gid://shopify/Order/1"}\n'
            '{"id":"gid://shopify/Order/1","createdAt":"2026-05-01T10:00:00Z"}\n',
            "shopify/orders_bulk",
        ),
    }
    for name, (content, _) in files.items():
        (tmp_path / "in" / name).write_text(content)
    verdicts = check_files(harness.settings, [tmp_path / "in"])
    assert {Path(v.path).name: v.folder for v in verdicts} == {n: f for n, (_, f) in files.items()}
    assert all(verdict.rows for verdict in verdicts)
    assert all("put it into" in str(verdict.problem) for verdict in verdicts)


@pytest.mark.parametrize(
    ("asked", "kpis"), [("nps", {"nps"}), ("csat", {"csat_rate", "survey_response_rate"})]
)
def test_a_survey_unlocks_what_it_asks_for(harness: Harness, asked: str, kpis: set[str]) -> None:
    harness.put(
        "surveys/delighted/a.jsonl",
        f'{{"id": "1", "person": "2", "survey_type": "{asked}", "score": 4, "created_at": 1777636800}}\n',
    )
    (verdict,) = check_files(harness.settings)
    surveys = {"nps", "csat_rate", "survey_response_rate"}
    assert surveys & {*verdict.kpis, *verdict.kpis_later} == kpis


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"colour,weight\nred,3\n", "it resembles none of our streams: its columns are"),
        ("a.csv", b"+491500000001,ada@example.com\n+491500000002,b@example.com\n", "is no header"),
        ("a.xlsx", b"PK", "it is neither CSV nor JSON lines"),
        ("a.jsonl", b'{"x": 1}\n', "no declared stream has such JSON lines"),
        ("a.jsonl", b"x\n", "its first line is no JSON object"),
    ],
)
def test_what_cannot_be_recognised_says_why(
    harness: Harness, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    (verdict,) = check_files(harness.settings, [path])
    assert said in str(verdict.problem)
    assert not PHONES.search(_printed([verdict]).replace(str(tmp_path), ""))


@pytest.mark.parametrize(
    ("dates", "form", "remarks"),
    [
        (("13/05/2026", "01/02/2026"), "%d/%m/%Y", 0),
        (("05/13/2026", "01/02/2026"), "%m/%d/%Y", 0),
        (("05/06/2026", "01/02/2026"), "%d/%m/%Y", 1),
        (("05/06/2026 09:05 PM", "01/02/2026 10:00 AM"), "%m/%d/%Y %I:%M %p", 1),
        (("5.6.26", "1.2.26"), "%d.%m.%y", 0),
        (("2026-05-13 10:00:00", "2026-05-13"), "iso", 0),
        (("1780000000", "1780000001"), "unix", 0),
        (("1780000000123", "1780000000124"), "unix_ms", 0),
        (("13 May 2026 10:00", "1 Jun 2026 11:00"), "%d %b %Y %H:%M", 0),
    ],
)
def test_the_form_of_times_is_told_from_all_of_them(
    tmp_path: Path, dates: tuple[str, ...], form: str, remarks: int
) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"{n},c,+4915000000{n:02},{text}\n" for n, text in enumerate(dates))
    path.write_text(f"Message id,Channel,Phone,Sent at\n{rows}")
    proposal = propose(read_shape(path))
    assert proposal is not None
    assert f"format: [{json.dumps(form) if '%' in form else form}]" in proposal.text
    expected = remarks if "." not in dates[0] else 0
    assert len(proposal.remarks) == expected


def test_a_kpi_needs_one_stream_of_each_requirement() -> None:
    now, later = unlocked("generic/message_reports", set())
    assert "delivery_rate" in now
    assert "revenue_per_recipient" in later
    assert "revenue_per_recipient" in unlocked("generic/message_reports", {"shopify/orders"})[0]
    assert len(requirements()) == 85


def test_the_command_says_by_its_exit_code_whether_all_can_be_loaded(
    tmp_path: Path, run_cli: RunCli
) -> None:
    raw_dir = tmp_path / "raw"
    (raw_dir / "whatsapp" / "webhooks").mkdir(parents=True)
    (raw_dir / "whatsapp" / "webhooks" / "a.jsonl").write_text(status_line(1))
    good = run_cli(raw_dir, tmp_path / "wh", "check")
    assert (good.returncode, good.stderr) == (0, "")
    assert "all 1 files can be loaded" in good.stdout
    (tmp_path / "b.csv").write_bytes(UNKNOWN["german_excel"].content)
    bad = run_cli(raw_dir, tmp_path / "wh", "check", str(tmp_path / "b.csv"))
    assert bad.returncode == 1
    assert "the file says nothing of channel_id" in bad.stdout
    assert '| phone: "Empfänger"' in bad.stdout or '|   phone: "Empfänger"' in bad.stdout
    none = run_cli(raw_dir, tmp_path / "wh", "check", str(tmp_path / "c.csv"))
    assert none.returncode == 1
    assert "does not exist" in none.stderr
