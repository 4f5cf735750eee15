"""Repeat purchases, retention, churn, lifetime value and segments again."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from scipy import integrate, special

from .clock import GRAINS, end_at, next_period, periods
from .kpis import Clock, Frame, add_rates

DAYS = {"days": 1, "weeks": 7}
SEGMENTS = ("champions", "loyal", "promising", "new", "at_risk", "hibernating", "lost", "none",
            "unknown")  # fmt: skip


def counted_orders(orders: Frame) -> list[dict[Any, Any]]:
    """Return valid orders of known people, by time."""
    rows = orders[orders["is_counted"].eq(True) & orders["contact_id"].notna()]
    return rows.sort_values(["ordered_at", "order_id"]).to_dict("records")


def kpi_repeat_purchase(orders: Frame, clock: Clock) -> Frame:
    """Return customers and repeat customers of the window that ends with each period."""
    rows = counted_orders(orders)
    if not rows:
        return pd.DataFrame()
    days_back = timedelta(days=clock.settings["repeat_window_days"] - 1)
    first = orders[orders["is_counted"].eq(True)]["ordered_on"].min()
    gaps: list[tuple[date, int]] = []
    last: dict[str, date] = {}
    for row in rows:
        whose, on = row["contact_id"], row["ordered_on"]
        if whose in last:
            gaps.append((on, (on - last[whose]).days))
        last[whose] = on
    found = []
    for grain in GRAINS:
        for start in periods(first, clock.today, grain):
            until = min(next_period(start, grain) - timedelta(days=1), clock.today)
            since = until - days_back
            window = Counter(r["contact_id"] for r in rows if since <= r["ordered_on"] <= until)
            ever = Counter(r["contact_id"] for r in rows if r["ordered_on"] <= until)
            between = [gap for on, gap in gaps if since <= on <= until]
            is_over = clock.now >= end_at(start, grain, clock.zone)
            found.append(
                {
                    "period_grain": grain,
                    "period_start_on": start,
                    "orders": sum(window.values()),
                    "customers": len(window),
                    "repeat_customers": sum(n > 1 for n in window.values()),
                    "median_days_between_orders": float(median(between)) if between else None,
                    "customers_all_time": len(ever),
                    "repeat_customers_all_time": sum(n > 1 for n in ever.values()),
                    "is_complete": is_over,
                    "is_mature": is_over,
                }
            )
    mart = pd.DataFrame(found)
    add_rates(
        mart,
        {
            "repeat_purchase_rate": ("repeat_customers", "customers"),
            "orders_per_customer": ("orders", "customers"),
            "repeat_purchase_rate_all_time": ("repeat_customers_all_time", "customers_all_time"),
        },
    )
    return mart


def _cells(first: date, clock: Clock) -> list[date]:
    return periods(first, clock.today, "month")


def _is_observed(month: date, clock: Clock) -> bool:
    return clock.today >= next_period(month, "month") - timedelta(days=1)


def _later(month: date, count: int) -> date:
    place = month.year * 12 + month.month - 1 + count
    return date(place // 12, place % 12 + 1, 1)


def kpi_retention(orders: Frame, days: Frame, of_orders: Clock, of_sales: Clock) -> Frame:
    """Return who of a month's beginners came back in a later month."""
    bought = {(r["contact_id"], r["ordered_on"].replace(day=1)) for r in counted_orders(orders)}
    active = {
        (whose, on.replace(day=1))
        for whose, on in days[["contact_id", "active_on"]].itertuples(index=False)
    }
    found = []
    for name, told, clock in (("purchase", bought, of_orders), ("engagement", active, of_sales)):
        first: dict[str, date] = {}
        for whose, month in told:
            first[whose] = min(first.get(whose, month), month)
        if not first:
            continue
        cells = len(_cells(min(first.values()), clock))
        for cohort in sorted(set(first.values())):
            if cohort > clock.today:
                continue
            members = {whose for whose, month in first.items() if month == cohort}
            for place in range(cells):
                month = _later(cohort, place)
                back = sum((whose, month) in told for whose in members)
                retained = back if _is_observed(month, clock) else None
                found.append(
                    {
                        "retention_type": name,
                        "cohort_month_on": cohort,
                        "month_number": place,
                        "month_on": month,
                        "cohort_contacts": len(members),
                        "retained_contacts": retained,
                        "retention_rate": None if retained is None else retained / len(members),
                    }
                )
    return pd.DataFrame(found, dtype=object)


def months_of_activity(days: Frame) -> dict[date, set[str]]:
    """Return who was active in each month."""
    found: dict[date, set[str]] = defaultdict(set)
    for whose, on in days[["contact_id", "active_on"]].itertuples(index=False):
        found[on.replace(day=1)].add(whose)
    return found


def kpi_churn(days: Frame, left: Mapping[str, list[tuple[datetime, bool]]], clock: Clock,
              first: date) -> Frame:  # fmt: skip
    """Return who of the month before came back; `left` holds (time, is a farewell) of each contact."""
    active = months_of_activity(days)
    found = []
    for month in periods(first, clock.today, "month"):
        before, now = active[_later(month, -1)], active[month]
        earlier = {whose for when, group in active.items() if when < month for whose in group}
        end = end_at(month, "month", clock.zone)
        churned = before - now
        hard = [whose for whose in churned if _is_gone(left.get(whose, []), end)]
        found.append(
            {
                "period_grain": "month",
                "period_start_on": month,
                "contacts_active_before": len(before),
                "contacts_retained": len(before & now),
                "contacts_churned": len(churned),
                "contacts_hard_churned": len(hard),
                "contacts_reactivated": len(now & earlier - before),
                "is_complete": clock.now >= end,
                "is_mature": clock.now >= end,
            }
        )
    mart = pd.DataFrame(found)
    add_rates(mart, {"churn_rate": ("contacts_churned", "contacts_active_before")})
    return mart


def _is_gone(told: list[tuple[datetime, bool]], end: datetime) -> bool:
    """Tell whether the last word before a time was a farewell (a deletion is the last one for good)."""
    before = sorted(one for one in told if one[0] < end)
    return bool(before) and before[-1][1]


def farewells(people: Frame, everywhere: Frame) -> dict[str, list[tuple[datetime, bool]]]:
    """Return each contact's consents and opt-outs, and a deletion as a farewell without end."""
    found: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    for row in everywhere.to_dict("records"):
        at = pd.Timestamp(row["at"]).to_pydatetime()
        found[row["contact_id"]].append((at, row["event"] == "opt_out"))
    for whose, at in people[["contact_id", "deleted_at"]].itertuples(index=False):
        if at is not None and not pd.isna(at):
            deleted_at = pd.Timestamp(at).to_pydatetime()
            found[whose] = [one for one in found[whose] if one[0] <= deleted_at]
            found[whose].append((deleted_at, True))
    return found


def kpi_clv(orders: Frame, clock: Clock) -> Frame:
    """Return what the people who first bought in a month have brought since."""
    rows = counted_orders(orders)
    first: dict[str, date] = {}
    for row in rows:
        first.setdefault(row["contact_id"], row["ordered_on"].replace(day=1))
    cells = len(_cells(min(first.values()), clock)) if first else 0
    found = []
    for cohort in sorted(set(first.values())):
        theirs = [r for r in rows if first[r["contact_id"]] == cohort]
        people = len({r["contact_id"] for r in theirs})
        for place in range(cells):
            month = _later(cohort, place)
            is_seen = _is_observed(month, clock)
            until = [r["net_amount"] for r in theirs if r["ordered_on"] < _later(month, 1)]
            revenue = sum((a for a in until if a is not None), Decimal(0))
            found.append(
                {
                    "cohort_month_on": cohort,
                    "month_number": place,
                    "month_on": month,
                    "customers": people,
                    "cumulative_net_revenue_amount": revenue if is_seen else None,
                    "orders_amount_unknown": until.count(None) if is_seen else None,
                    "clv_amount": float(revenue) / people if is_seen else None,
                }
            )
    return pd.DataFrame(found, dtype=object)


def kpi_customer_clv(orders: Frame, clock: Clock, model: Mapping[str, Any]) -> Frame:
    """Return each customer's history, and what the published parameters expect of them."""
    of_contact: dict[str, list[dict[Any, Any]]] = defaultdict(list)
    for row in counted_orders(orders):
        of_contact[row["contact_id"]].append(row)
    found = []
    for whose, rows in of_contact.items():
        values: dict[date, list[Decimal | None]] = defaultdict(list)
        for row in rows:
            values[row["ordered_on"]].append(row["net_amount"])
        first, last = min(values), max(values)
        age = (clock.today - first).days
        repeat = {on: part for on, part in values.items() if on != first}
        sums = [
            sum((a for a in part if a is not None), Decimal(0))
            for part in repeat.values()
            if any(a is not None for a in part)
        ]
        mean = float(sum(sums, Decimal(0))) / len(sums) if sums else None
        known = [r["net_amount"] for r in rows if r["net_amount"] is not None]
        x, tx = len(repeat), (last - first).days
        alive, expected = bg_nbd(model, x, tx, age)
        value = gamma_gamma(model, len(sums), mean)
        found.append(
            {
                "contact_id": whose,
                "first_order_on": first,
                "repeat_purchases": x,
                "recency_days": tx,
                "age_days": age,
                "monetary_value_amount": mean,
                "historic_clv_amount": sum(known, Decimal(0)) if known else None,
                "orders_amount_unknown": len(rows) - len(known),
                "probability_alive": alive,
                "expected_orders_12m": expected,
                "expected_order_value_amount": value,
                "predicted_clv_12m_amount": None
                if expected is None or value is None
                else expected * value,
            }
        )
    return pd.DataFrame(found, dtype=object)


def bg_nbd(
    model: Mapping[str, Any], x: int, tx: float, age: float, ahead: float = 365
) -> tuple[float | None, float | None]:
    """Return P(alive) and the purchases expected in the time ahead.

    Fader, Hardie, Lee (2005): given that somebody is alive, the posterior is gamma(r + x, alpha + T)
    by beta(a, b + x); the expectation is the integral of the unconditional one, without the paper's
    hypergeometric function, which overflows for keen buyers.
    """
    if model["r"] is None:
        return None, None
    r, alpha, a, b = (model[name] for name in ("r", "alpha", "a", "b"))
    unit = DAYS[model["time_unit"]]
    tx, age, ahead = tx / unit, age / unit, ahead / unit
    alive = 1.0
    if x:
        odds = a / (b + x - 1) * ((alpha + age) / (alpha + tx)) ** (r + x)
        alive = 1 / (1 + odds)
    # Somebody alive who buys at rate L and leaves with chance p after each purchase makes
    # (1 - exp(-L p t)) / p of them: integrated over L by the gamma's Laplace transform.
    shape, rate = r + x, alpha + age
    # Of those alive after x purchases p is beta(a, b + x); the paper's b + x - 1 is that of p's
    # density times (1 - p)^x over those who came through.
    beta_a, beta_b = a, b + x
    norm = special.betaln(beta_a, beta_b)

    def made(p: float) -> float:
        kept = -math.expm1(-shape * math.log1p(p * ahead / rate)) / p
        log_density = (beta_a - 1) * math.log(p) + (beta_b - 1) * math.log1p(-p) - norm
        return kept * math.exp(log_density)

    total, _ = integrate.quad(made, 0, 1, limit=500, epsabs=0, epsrel=1e-11)
    return alive, alive * total


def log_likelihood(model: Mapping[str, Any], clv: Frame) -> float:
    """Return BG/NBD's log-likelihood of the customers, by the paper's equation 6."""
    r, alpha, a, b = (float(model[name]) for name in ("r", "alpha", "a", "b"))
    x = clv["repeat_purchases"].astype(float).to_numpy()
    unit = DAYS[model["time_unit"]]
    tx = clv["recency_days"].astype(float).to_numpy() / unit
    age = clv["age_days"].astype(float).to_numpy() / unit
    stayed = special.betaln(a, b + x) - (r + x) * np.log(alpha + age)
    left = special.betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + tx)
    told = np.where(x > 0, np.logaddexp(stayed, left), stayed)
    common = special.gammaln(r + x) - special.gammaln(r) + r * math.log(alpha)
    return float(np.sum(common + told - special.betaln(a, b)))


def unlikely(model: Mapping[str, Any], clv: Frame) -> list[str]:
    """Return what speaks against the published parameters: a wrong or no highest likelihood."""
    if model["r"] is None:
        return []
    best = log_likelihood(model, clv)
    found = []
    if not math.isclose(best, model["log_likelihood"], rel_tol=1e-9):
        found.append(f"clv_model.log_likelihood: expected {best}, got {model['log_likelihood']}")
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.999, 1.001):
            if log_likelihood({**model, name: model[name] * factor}, clv) > best:
                found.append(f"clv_model.{name}: {factor} times it is likelier")
    return found


def gamma_gamma(model: Mapping[str, Any], x: int, mean: float | None) -> float | None:
    """Return the expected value of a purchase, Fader and Hardie (2013)."""
    if model["p"] is None:
        return None
    p, q, v = (model[name] for name in ("p", "q", "v"))
    if not x and q <= 1:
        return None
    return p * (v + x * max(mean or 0.0, 0.0)) / (p * x + q - 1)


def segments_on(
    day: date, rows: list[dict[Any, Any]], settings: Mapping[str, Any]
) -> dict[str, str]:
    """Return the RFM segment of everybody who had bought by the morning of a day."""
    dates: dict[str, set[date]] = defaultdict(set)
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["ordered_on"] < day:
            dates[row["contact_id"]].add(row["ordered_on"])
            revenue[row["contact_id"]] += row["net_amount"] or 0
    found = {}
    for whose, bought in dates.items():
        since = (day - max(bought)).days
        below = sum(other < revenue[whose] for other in revenue.values())
        is_rich = below * 5 >= len(revenue) * 4
        if since > settings["segment_lost_days"]:
            found[whose] = "lost"
        elif since > settings["segment_recent_days"]:
            found[whose] = "at_risk" if len(bought) > 1 else "hibernating"
        elif len(bought) >= 4 and is_rich:
            found[whose] = "champions"
        elif len(bought) > 1:
            found[whose] = "loyal"
        else:
            found[whose] = "promising" if is_rich else "new"
    return found


def kpi_segments(
    orders: Frame, days: Frame, recipients: Frame, people: Frame, chatting: set[str],
    internal: set[str], clock: Clock, first: date,
) -> Frame:  # fmt: skip
    """Return what the people of each segment did in a month."""
    rows, settings = counted_orders(orders), clock.settings
    counted = orders[orders["is_counted"].eq(True)].to_dict("records")
    active = months_of_activity(days)
    reached = recipients[recipients["delivered_at"].notna()].to_dict("records")
    known = people[people["created_at"].notna() & ~people["contact_id"].isin(internal)]
    traced = []
    for row in known.to_dict("records"):
        gone = row["deleted_at"]
        gone_at = None if gone is None or pd.isna(gone) else pd.Timestamp(gone).to_pydatetime()
        traced.append((row["contact_id"], pd.Timestamp(row["created_at"]).to_pydatetime(), gone_at))
    window = timedelta(hours=settings["response_window_hours"])
    found = []
    for month in periods(first, clock.today, "month"):
        of = segments_on(month, rows, settings)
        start = end_at(_later(month, -1), "month", clock.zone)
        there = [w for w, at, gone in traced if at < start and (gone is None or gone >= start)]
        parts: dict[str, dict[str, Any]] = {name: defaultdict(int) for name in SEGMENTS}
        for whose in there:
            part = parts[of.get(whose, "none")]
            part["people"] += 1
            part["contacts"] += whose in chatting
        for row in counted:
            if row["ordered_on"].replace(day=1) == month:
                name = "unknown" if row["contact_id"] is None else of.get(row["contact_id"], "none")
                parts[name]["orders_valid"] += 1
                parts[name]["orders_amount_unknown"] += row["net_amount"] is None
                parts[name]["net_revenue_amount"] += row["net_amount"] or Decimal(0)
        for row in reached:
            if row["entered_on"].replace(day=1) == month:
                part = parts[of.get(row["contact_id"], "none")]
                part["recipients_delivered"] += 1
                replied = row["replied_at"]
                part["recipients_replied"] += replied is not None and not pd.isna(replied)
        before, now = active[_later(month, -1)], active[month]
        for whose in before:
            part = parts[of.get(whose, "none")]
            part["contacts_active_before"] += 1
            part["contacts_churned"] += whose not in now
        end = end_at(month, "month", clock.zone)
        names = ("people", "contacts", "orders_valid", "orders_amount_unknown",
                 "net_revenue_amount", "recipients_delivered", "recipients_replied",
                 "contacts_active_before", "contacts_churned")  # fmt: skip
        found += [
            {
                "period_grain": "month",
                "period_start_on": month,
                "customer_segment": name,
                **{column: part[column] for column in names},
                "orders_known": part["orders_valid"] - part["orders_amount_unknown"],
                "is_complete": clock.now >= end,
                "is_mature": clock.now >= end + window,
            }
            for name, part in parts.items()
        ]
    mart = pd.DataFrame(found, dtype=object)
    add_rates(
        mart,
        {
            "average_order_value_amount": ("net_revenue_amount", "orders_known"),
            "response_rate": ("recipients_replied", "recipients_delivered"),
            "churn_rate": ("contacts_churned", "contacts_active_before"),
        },
    )
    return mart


def with_now(clock: Clock, now: datetime | None) -> Clock:
    """Return a clock that stands on another subject's watermark."""
    return replace(clock, now=now or clock.now)


def first_day(frames: list[tuple[Frame, str]], clock: Clock) -> date:
    """Return the first day on which anything happened."""
    found = [on for frame, column in frames for on in frame[column] if on is not None]
    return min(found, default=clock.today)
