"""Ads: API rows and Ads Manager's CSV fill one table, in four languages, and never a wrong sum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import Harness, make_harness

INSIGHTS = "meta_ads/insights"
SPEND = "generic/ad_spend"
COLUMNS = (
    "ad_id, ad_name, campaign_name, spent_on, spend_amount, currency_code, impressions, "
    "link_clicks, conversations_started"
)
STARTED = "onsite_conversion.messaging_conversation_started_7d"
# One ad on one day, as four people's Ads Manager writes it.
HEADERS = {
    "english": "Campaign name,Ad name,Ad ID,Day,Reporting starts,Reporting ends,Results,"
    "Result indicator,Reach,Amount spent (EUR),Impressions,Link clicks,"
    "Messaging conversations started",
    "german": "Name der Kampagne,Anzeigenname,Anzeigen-ID,Tag,Berichtsstart,Berichtsende,"
    "Ergebnisse,Ergebnisindikator,Reichweite,Ausgegebener Betrag (EUR),Impressionen,Link-Klicks,"
    "Gestartete Messaging-Konversationen",
    "spanish": "Nombre de la campaña,Nombre del anuncio,Identificador del anuncio,Día,"
    "Inicio del informe,Fin del informe,Resultados,Indicador de resultado,Alcance,"
    "Importe gastado (EUR),Impresiones,Clics en el enlace,Conversaciones con mensajes iniciadas",
    "portuguese": "Nome da campanha,Nome do anúncio,Identificação do anúncio,Dia,"
    "Início dos relatórios,Término dos relatórios,Resultados,Indicador de resultados,Alcance,"
    "Valor usado (EUR),Impressões,Cliques no link,Conversas por mensagem iniciadas",
}
ROW = "Spring,Poster,120210000000000101,2026-05-01,2026-05-01,2026-05-31,9,x,700,12.50,900,30,7\n"
READ = ("120210000000000101", "Poster", "Spring", "2026-05-01", "12.50", "EUR", "900", "30", "7")


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def _insight(day: str = "2026-05-01", **other: Any) -> dict[str, Any]:
    return {
        "ad_id": "120210000000000101",
        "ad_name": "Poster",
        "campaign_name": "Spring",
        "spend": "12.50",
        "account_currency": "EUR",
        "impressions": "900",
        "reach": "700",
        "inline_link_clicks": "30",
        "actions": [{"action_type": STARTED, "value": "7"}],
        "date_start": day,
        "date_stop": day,
        **other,
    }


def _lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _ingest(harness: Harness, key: str = INSIGHTS) -> tuple[str, ...]:
    return harness.ingest(key)[key].warnings


def _table(harness: Harness, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
    return harness.rows(f"select {columns} from raw.meta_ads_insights order by all")


def test_rows_of_the_api_are_loaded_as_they_are(harness: Harness) -> None:
    harness.put(f"{INSIGHTS}/a.jsonl", _lines(_insight(), _insight(), _insight("2026-05-02")))
    report = harness.ingest(INSIGHTS)[INSIGHTS]
    assert (report.rows_loaded, report.rows_duplicate, report.rows_rejected) == (2, 1, 0)
    rows = _table(harness, f"{COLUMNS.replace('conversations_started', 'actions')}")
    assert rows[0][:-1] == READ[:-1]
    assert json.loads(rows[0][-1]) == [{"action_type": STARTED, "value": "7"}]


@pytest.mark.parametrize("language", HEADERS)
def test_the_header_of_ads_manager_is_known_in_four_languages(
    harness: Harness, language: str
) -> None:
    harness.put(f"{INSIGHTS}/{language}.csv", f"\ufeff{HEADERS[language]}\n{ROW}")
    warnings = _ingest(harness)
    assert _table(harness) == [READ]
    assert len(warnings) == 1 and "is kept in _extra" in warnings[0]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", ["array", "page", "pages"])
def test_answers_of_the_api_may_be_arrays_and_pages(
    harness: Harness, form: str, indent: int | None
) -> None:
    rows = [_insight(), _insight("2026-05-02"), _insight(date_stop="2026-05-09")]
    paging = {"cursors": {"after": "x"}}
    texts = {
        "array": [rows],
        "page": [{"data": rows, "paging": paging}],
        "pages": [{"data": rows[:1], "paging": paging}, {"data": []}, {"data": rows[1:]}],
    }[form]
    harness.put(f"{INSIGHTS}/a.json", "\n".join(json.dumps(text, indent=indent) for text in texts))
    report = harness.ingest(INSIGHTS)[INSIGHTS]
    assert (report.rows_read, report.rows_loaded) == (3, 2)
    assert harness.rejects() == [(f"{INSIGHTS}/a.json", 3, "several_days")]


def test_an_answer_that_breaks_off_is_rejected_whole(harness: Harness) -> None:
    harness.put(f"{INSIGHTS}/a.json", json.dumps({"data": [_insight()]})[:-20])
    harness.put(f"{INSIGHTS}/b.json", json.dumps({"data": []}))
    harness.put(f"{INSIGHTS}/c.json", "\ufeff" + json.dumps({"data": []}))
    (warning,) = _ingest(harness)
    assert "export it again" in warning and _table(harness) == []


def test_both_forms_lie_in_one_folder(harness: Harness) -> None:
    harness.put(f"{INSIGHTS}/api/a.jsonl", _lines(_insight("2026-05-02")))
    harness.put(f"{INSIGHTS}/b.csv", f"{HEADERS['english']}\n{ROW}")
    assert harness.ingest(INSIGHTS)[INSIGHTS].rows_loaded == 2
    loads = harness.rows("select source, stream, rows_loaded from raw.files order by path")
    assert loads == [("meta_ads", "insights", 1), ("meta_ads", "insights", 1)]


def test_the_currency_of_the_header_counts_unless_the_row_has_one(harness: Harness) -> None:
    header = "Ad ID,Day,Amount spent (USD),Currency\n"
    harness.put(f"{INSIGHTS}/a.csv", f"{header}1,2026-05-01,2.00,\n2,2026-05-01,3.00,BRL\n")
    _ingest(harness)
    assert _table(harness, "ad_id, currency_code") == [("1", "USD"), ("2", "BRL")]
    bare = "Ad ID,Day,Amount spent\n3,2026-05-01,2.00\n"
    harness.put(f"{INSIGHTS}/b.csv", bare)
    _ingest(harness)
    assert _table(harness, "ad_id, currency_code")[-1] == ("3", None)


@pytest.mark.parametrize(
    "name", ["", "Total", "Gesamtergebnis", "Resultados totales", "Results from 2 ads"]
)
def test_a_row_of_totals_is_no_ad_and_is_counted(harness: Harness, name: str) -> None:
    total = f",{name},,,2026-05-01,2026-05-31,9,x,700,12.50,900,30,7\n"
    harness.put(f"{INSIGHTS}/a.csv", f"{HEADERS['english']}\n{ROW}{total}")
    _ingest(harness)
    assert _table(harness) == [READ]
    assert harness.rejects() == [(f"{INSIGHTS}/a.csv", 3, "totals_row")]


def test_an_ad_without_its_id_is_no_total(harness: Harness) -> None:
    row = ROW.replace("120210000000000101", "")
    harness.put(f"{INSIGHTS}/a.csv", f"{HEADERS['english']}\n{ROW}{row}")
    _ingest(harness)
    assert harness.rejects() == [(f"{INSIGHTS}/a.csv", 3, "missing_ad_id")]


def test_a_csv_over_several_days_is_rejected_in_its_own_words(harness: Harness) -> None:
    header = "Anzeigen-ID,Anzeigenname,Berichtsstart,Berichtsende,Ausgegebener Betrag (EUR)\n"
    rows = "1,Poster,2026-05-01,2026-05-31,12.50\n2,Poster,2026-05-01,2026-05-01,12.50\n"
    harness.put(f"{INSIGHTS}/a.csv", header + rows)
    (warning,) = _ingest(harness)
    assert _table(harness) == []
    assert harness.files() == {f"{INSIGHTS}/a.csv": "rejected"}
    assert warning.startswith(f"{INSIGHTS}/a.csv: ")
    assert all(
        word in warning for word in ("'Berichtsstart'", "'Berichtsende'", "break the report")
    )
    assert harness.rejects() == [(f"{INSIGHTS}/a.csv", None, "several_days")]


def test_a_csv_of_a_single_day_needs_no_column_of_days(harness: Harness) -> None:
    header = "Ad ID,Reporting starts,Reporting ends,Amount spent (EUR)\n"
    totals = ",2026-05-01,2026-05-01,12.50\n"
    harness.put(f"{INSIGHTS}/a.csv", f"{header}1,2026-05-01,2026-05-01,12.50\n{totals}")
    _ingest(harness)
    assert _table(harness, "ad_id, spent_on") == [("1", "2026-05-01")]


def test_a_subtotal_of_an_ad_beside_its_days_is_rejected_alone(harness: Harness) -> None:
    subtotal = ROW.replace("2026-05-01,2026-05-01", ",2026-05-01")
    harness.put(f"{INSIGHTS}/a.csv", f"{HEADERS['english']}\n{subtotal}{ROW}")
    _ingest(harness)
    assert _table(harness) == [READ]
    assert harness.rejects() == [(f"{INSIGHTS}/a.csv", 2, "several_days")]


def test_a_csv_broken_down_further_is_rejected_whole(harness: Harness) -> None:
    # The same spend on both platforms: no repeat, and no sum of ours either.
    header = "Ad ID,Day,Plattform,Amount spent (EUR)\n"
    rows = "1,2026-05-01,facebook,0.01\n1,2026-05-01,instagram,0.01\n"
    harness.put(f"{INSIGHTS}/a.csv", header + rows)
    (warning,) = _ingest(harness)
    assert harness.rejects() == [(f"{INSIGHTS}/a.csv", None, "broken_down")]
    assert "'Ad ID'" in warning


def test_a_repeated_row_of_a_csv_is_a_duplicate(harness: Harness) -> None:
    harness.put(f"{INSIGHTS}/a.csv", f"{HEADERS['english']}\n{ROW}{ROW}")
    report = harness.ingest(INSIGHTS)[INSIGHTS]
    assert (report.rows_loaded, report.rows_duplicate) == (1, 1)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (_insight(date_stop="2026-05-02"), "several_days"),
        (_insight(date_stop=None), "no_day"),
        (_insight(day="yesterday"), "no_day"),
        (_insight(ad_id=""), "missing_ad_id"),
        (_insight(ad_id=None, ad_name=None), "totals_row"),
        (_insight(ad_id="1.2021E+17"), "rounded_ad_id"),
        (_insight(publisher_platform="facebook"), "broken_down"),
        (_insight(spend=None), "missing_spend"),
        (_insight(spend="1,234"), "bad_spend_amount"),
    ],
)
def test_a_row_of_the_api_that_would_tell_a_wrong_sum_is_rejected(
    harness: Harness, row: dict[str, Any], reason: str
) -> None:
    given = {name: value for name, value in row.items() if value is not None}
    harness.put(f"{INSIGHTS}/a.jsonl", _lines(_insight(), given))
    (warning,) = _ingest(harness)
    assert harness.rejects() == [(f"{INSIGHTS}/a.jsonl", 2, reason)]
    assert f"{INSIGHTS}/a.jsonl, line 2" in warning and reason in warning
    assert len(_table(harness)) == 1


def test_a_report_without_ids_is_rejected_with_the_column_it_lacks(harness: Harness) -> None:
    harness.put(f"{INSIGHTS}/a.csv", "Ad name,Day,Amount spent (EUR)\nPoster,2026-05-01,1\n")
    (warning,) = _ingest(harness)
    assert "ad_id is missing" in warning


def test_decimal_commas_are_not_guessed(harness: Harness) -> None:
    harness.put(f"{INSIGHTS}/a.csv", "Ad ID;Day;Amount spent (EUR)\n1;2026-05-01;12,50\n")
    _ingest(harness)
    assert harness.rejects() == [(f"{INSIGHTS}/a.csv", None, "decimal_comma")]


def test_our_own_ad_spend_refuses_rounded_ids(harness: Harness) -> None:
    header = "ad_id,spent_on,spend_amount,currency_code\n"
    harness.put(f"{SPEND}/a.csv", f"{header}a1,2026-05-01,1,EUR\n1.2021E+17,2026-05-01,1,EUR\n")
    _ingest(harness, SPEND)
    assert harness.rejects() == [(f"{SPEND}/a.csv", 3, "rounded_ad_id")]
    assert harness.rows("select ad_id, spent_on from raw.generic_ad_spend") == [
        ("a1", "2026-05-01")
    ]
