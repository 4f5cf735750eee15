"""fct_ad_spend again: the Insights API's rows, Ads Manager's CSV and our own columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

from .clock import judge_stream
from .costs import Card, half_up
from .csv_streams import number, raw_rows
from .exports import Exports
from .kpis import Frame
from .shops import age_of, content, files, objects

STARTED = "onsite_conversion.messaging_conversation_started_7d"
COUNTS = ("impressions", "link_clicks", "conversations_started")
COLUMNS = [
    *("ad_id", "spent_on", "ad_name", "campaign_name", "spend_amount", "spend_amount_original"),
    *("currency_code", *COUNTS, "source_system", "has_clock_anomaly"),
]
HEADERS = {
    "ad id": "ad_id",
    "ad name": "ad_name",
    "campaign name": "campaign_name",
    "day": "day",
    "reporting starts": "starts",
    "reporting ends": "stops",
    "amount spent": "spend",
    "impressions": "impressions",
    "link clicks": "link_clicks",
    "messaging conversations started": "conversations_started",
}
Row = dict[str, Any]


def fct_ad_spend(raw: Path, exports: Exports, settings: Mapping[str, Any]) -> Frame:
    """Return one row per ad and day; Meta's own report goes before our columns."""
    card, target = Card(exports), settings["reporting_currency"]
    meta, ours = list(_meta(raw)), list(_generic(raw))
    newest: dict[tuple[str, date], Row] = {}
    for source in (ours, meta):
        for _, row in sorted(source, key=lambda one: one[0]):
            newest[row["ad_id"], row["spent_on"]] = row
    currencies: dict[str, Counter[str]] = defaultdict(Counter)
    for row in newest.values():
        if row["currency"]:
            currencies[row["ad_id"]][row["currency"]] += 1
    wrong: set[Any] = set()
    for name in ("meta_ads", "generic"):
        dated = [
            (key, datetime.combine(key[1], datetime.min.time()), None)
            for key, row in newest.items()
            if row["source"] == name
        ]
        wrong |= judge_stream(dated, timedelta(days=settings["clock_gap_days"])).anomalies
    found = []
    for key, row in newest.items():
        told = currencies[row["ad_id"]]
        currency = row["currency"] or (told.most_common(1)[0][0] if told else target)
        currency = currency if re.fullmatch("[A-Z]{3}", currency) else "unknown"
        rate = card.exchange(currency, target, row["spent_on"])
        found.append(
            {
                "ad_id": row["ad_id"],
                "spent_on": row["spent_on"],
                "ad_name": row["ad_name"],
                "campaign_name": row["campaign_name"],
                "spend_amount": None if rate is None else half_up(Fraction(row["spend"]) * rate, 4),
                "spend_amount_original": row["spend"],
                "currency_code": currency,
                **{name: row[name] for name in COUNTS},
                "source_system": row["source"],
                "has_clock_anomaly": key in wrong,
            }
        )
    return pd.DataFrame(found, columns=COLUMNS, dtype=object)


def _count(value: object) -> int | None:
    found = number(str(value)) if value not in (None, "") else None
    return None if found is None else int(found)


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


def _zeros(rows: list[Row]) -> None:
    """What a row leaves out is 0 where its file tells it of another."""
    for name in COUNTS:
        if any(row[name] is not None for row in rows):
            for row in rows:
                row[name] = row[name] or 0


def _meta(raw: Path) -> Iterator[tuple[Any, Row]]:
    folder = raw / "meta_ads" / "insights"
    for path in files(folder, ".json", ".jsonl", ".ndjson"):
        rows = [row for one in objects(path) if (row := _insight(one))]
        _zeros(rows)
        yield from ((age_of(raw, path), row) for row in rows)
    for path in files(folder, ".csv"):
        rows = [row for cells in _table(path) if (row := _managed(cells))]
        _zeros(rows)
        yield from ((age_of(raw, path), row) for row in rows)


def _insight(one: Row) -> Row | None:
    on, spend = _day(one.get("date_start")), number(str(one.get("spend") or ""))
    if on is None or spend is None or not one.get("ad_id") or on != _day(one.get("date_stop")):
        return None
    started = [a for a in one.get("actions") or [] if a.get("action_type") == STARTED]
    return {
        "ad_id": str(one["ad_id"]),
        "spent_on": on,
        "ad_name": one.get("ad_name") or None,
        "campaign_name": one.get("campaign_name") or None,
        "spend": spend,
        "currency": (one.get("account_currency") or "").upper() or None,
        "impressions": _count(one.get("impressions")),
        "link_clicks": _count(one.get("inline_link_clicks")),
        "conversations_started": _count(started[0].get("value")) if started else None,
        "source": "meta_ads",
    }


def _table(path: Path) -> Iterator[Row]:
    for row in csv.DictReader(io.StringIO(content(path), newline="")):
        cells: Row = {}
        for header, value in row.items():
            unit = re.search(r"\(([A-Z]{3})\)", header or "")
            name = HEADERS.get(re.sub(r"\s*\(.*\)", "", header or "").strip().lower())
            if name:
                cells[name] = (value or "").strip()
            if name == "spend" and unit:
                cells["currency"] = unit[1]
        yield cells


def _managed(cells: Row) -> Row | None:
    on = _day(cells.get("day"))
    if on is None and cells.get("starts") == cells.get("stops"):
        on = _day(cells.get("starts"))
    # The row of totals names no ad.
    if not cells.get("ad_id") or on is None:
        return None
    return {
        "ad_id": cells["ad_id"],
        "spent_on": on,
        "ad_name": cells.get("ad_name") or None,
        "campaign_name": cells.get("campaign_name") or None,
        "spend": number(cells.get("spend")) or Decimal(0),
        "currency": cells.get("currency"),
        **{name: _count(cells.get(name)) for name in COUNTS},
        "source": "meta_ads",
    }


def _generic(raw: Path) -> Iterator[tuple[Any, Row]]:
    for path, _, row in raw_rows(raw, "ad_spend"):
        on, spend = _day(row.get("spent_on")), number(row.get("spend_amount"))
        if on is None or spend is None or not row.get("ad_id"):
            continue
        yield (
            age_of(raw, path),
            {
                "ad_id": row["ad_id"],
                "spent_on": on,
                "ad_name": row.get("ad_name") or None,
                "campaign_name": row.get("campaign_name") or None,
                "spend": spend,
                "currency": (row.get("currency_code") or "").upper() or None,
                **{name: _count(row.get(name)) for name in COUNTS},
                "source": "generic",
            },
        )
