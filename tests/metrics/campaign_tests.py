"""kpi_campaign_tests again: arms by assignment, with scipy where it has the closed form."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd
from scipy import stats

from .exports import Exports
from .kpis import Clock, Frame

BY_DELIVERY = {"read": "read_at", "click": "clicked_at", "reply": "replied_at"}
BY_ASSIGNMENT = {"opt_out": "test_opted_out_at", "conversion": "test_converted_at"}
REVENUE = "revenue_per_recipient"
OF_COUNTS = ("successes", "rate", "baseline_successes", "baseline_rate")
OF_LIFT = (
    *("absolute_lift", "relative_lift", "test_statistic", "p_value", "ci_low", "ci_high"),
    "minimum_detectable_lift",
)
Z_95 = stats.norm.ppf(0.975)
POWER = stats.norm.ppf(0.8)


@dataclass(frozen=True)
class Arm:
    """Recipients and how many of them did it."""

    recipients: int
    successes: int

    @property
    def rate(self) -> float | None:
        return self.successes / self.recipients if self.recipients else None


def kpi_campaign_tests(
    recipients: Frame, exports: Exports, known: set[str], told: set[str], clock: Clock
) -> Frame:
    """Return all metrics per campaign, metric and variant."""
    rows: list[dict[str, Any]] = []
    goal_of = {r["campaign_id"]: r.get("goal") or "order" for r in exports.tables["registry"]}
    test_window = timedelta(days=clock.settings["test_window_days"])
    windows = {
        "read": clock.window("status"),
        "click": clock.window("click"),
        "reply": clock.window("response"),
    }
    # People count once, with their first entry.
    first = recipients[recipients["entry_number"].eq(1)]
    assigned = first[first["assigned_at"].notna() & first["variant"].ne("none")]
    for campaign_id, group in assigned.groupby("campaign_id"):
        arms = sorted(group["variant"].unique(), key=lambda v: v.encode())
        if len(arms) < 2:
            continue
        control = sorted(group[group["is_control"].eq(True)]["variant"].unique())
        treated = [arm for arm in arms if arm not in control]
        ratio = sample_ratio(group, arms)
        for metric, column in {
            **BY_DELIVERY,
            **BY_ASSIGNMENT,
            REVENUE: "test_revenue_amount",
        }.items():
            is_delivery = metric in BY_DELIVERY
            compared = treated if is_delivery else arms
            is_unknown = (metric == "click" and campaign_id not in known) or (
                metric == "conversion" and goal_of.get(campaign_id, "order") not in told
            )
            is_unknown |= metric == REVENUE and "order" not in told
            if len(compared) < 2 or is_unknown:
                continue
            baseline = compared[0] if is_delivery or not control else control[0]
            amounts = {arm: revenue_of(group, arm) for arm in compared} if metric == REVENUE else {}
            base = count(group, baseline, column, is_delivery)
            last = max(group["last_message_at"].dropna().max(), group["assigned_at"].max())
            is_mature = clock.now >= last + windows.get(metric, test_window)
            compared_arms = [
                {
                    "campaign_id": campaign_id,
                    "metric": metric,
                    "variant": variant,
                    "baseline_variant": baseline,
                    **(
                        welch(amounts[variant], amounts[baseline])
                        if metric == REVENUE
                        else compare(count(group, variant, column, is_delivery), base)
                    ),
                    "sample_ratio_p_value": ratio,
                    "has_sample_ratio_mismatch": None if ratio is None else ratio < 0.001,
                }
                for variant in compared
                if variant != baseline
            ]
            adjusted = holm([r["p_value"] for r in compared_arms])
            for row, p_value in zip(compared_arms, adjusted, strict=True):
                is_sure = p_value is not None and p_value < 0.05 and is_mature
                lift = row["absolute_lift"]
                gained = None if lift is None else lift * row["recipients"]
                rows.append(
                    {
                        **row,
                        "p_value_adjusted": p_value,
                        "is_mature": is_mature,
                        "is_significant": is_sure,
                        "incremental_conversions": gained if metric == "conversion" else None,
                        "incremental_revenue_amount": gained if metric == REVENUE else None,
                    }
                )
    return pd.DataFrame(rows)


def revenue_of(group: Frame, variant: str) -> list[float] | int:
    """Return each assigned person's revenue; where one is unknown only how many people there are."""
    told = list(group[group["variant"].eq(variant)]["test_revenue_amount"])
    return len(told) if any(a is None for a in told) else [float(a) for a in told]


def welch(arm: list[float] | int, base: list[float] | int) -> dict[str, Any]:
    """Welch's t of revenue per recipient, its interval, and what could have been seen."""
    found: dict[str, Any] = {
        "recipients": arm if isinstance(arm, int) else len(arm),
        "baseline_recipients": base if isinstance(base, int) else len(base),
    }
    found |= dict.fromkeys((*OF_COUNTS, *OF_LIFT, "mean_amount", "baseline_mean_amount"))
    if not isinstance(arm, int):
        found["mean_amount"] = sum(arm) / len(arm)
    if not isinstance(base, int):
        found["baseline_mean_amount"] = sum(base) / len(base)
    if isinstance(arm, int) or isinstance(base, int):
        return found
    lift = found["mean_amount"] - found["baseline_mean_amount"]
    found["absolute_lift"] = lift
    base_mean = found["baseline_mean_amount"]
    found["relative_lift"] = lift / base_mean if base_mean else None
    if min(len(arm), len(base)) < 2:
        return found
    spread = statistics.variance(arm) / len(arm) + statistics.variance(base) / len(base)
    if spread:
        result = stats.ttest_ind(arm, base, equal_var=False)
        found["test_statistic"], found["p_value"] = float(result.statistic), float(result.pvalue)
        interval = result.confidence_interval(0.95)
        found["ci_low"], found["ci_high"] = float(interval.low), float(interval.high)
    base_error = math.sqrt(statistics.variance(base) * (1 / len(arm) + 1 / len(base)))
    found["minimum_detectable_lift"] = (Z_95 + POWER) * base_error if base_error else None
    return found


def count(group: Frame, variant: str, column: str, is_delivery: bool) -> Arm:
    part = group[group["variant"].eq(variant)]
    if is_delivery:
        part = part[part["delivered_at"].notna()]
    return Arm(len(part), int(part[column].notna().sum()))


def compare(arm: Arm, base: Arm) -> dict[str, Any]:
    """Two-proportion z: pooled test, unpooled 95 % interval."""
    found: dict[str, Any] = {
        "recipients": arm.recipients,
        "successes": arm.successes,
        "rate": arm.rate,
        "baseline_recipients": base.recipients,
        "baseline_successes": base.successes,
        "baseline_rate": base.rate,
    }
    found |= dict.fromkeys((*OF_LIFT, "mean_amount", "baseline_mean_amount"))
    if arm.rate is None or base.rate is None:
        return found
    lift = arm.rate - base.rate
    found["absolute_lift"] = lift
    found["relative_lift"] = lift / base.rate if base.rate else None
    pooled = (arm.successes + base.successes) / (arm.recipients + base.recipients)
    sizes = 1 / arm.recipients + 1 / base.recipients
    pooled_error = math.sqrt(pooled * (1 - pooled) * sizes)
    if pooled_error:
        found["test_statistic"] = lift / pooled_error
        found["p_value"] = 2 * float(stats.norm.sf(abs(lift / pooled_error)))
    error = math.sqrt(
        arm.rate * (1 - arm.rate) / arm.recipients + base.rate * (1 - base.rate) / base.recipients
    )
    found["ci_low"], found["ci_high"] = lift - Z_95 * error, lift + Z_95 * error
    base_error = math.sqrt(base.rate * (1 - base.rate) * sizes)
    found["minimum_detectable_lift"] = (Z_95 + POWER) * base_error if base_error else None
    return found


def holm(p_values: list[float | None]) -> list[float | None]:
    """Step down: the smallest times m, the next times m - 1, never falling, at most 1."""
    ranked = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for step, (p, place) in enumerate(ranked):
        running = max(running, min(1.0, p * (len(ranked) - step)))
        adjusted[place] = running
    return adjusted


def sample_ratio(group: Frame, arms: list[str]) -> float | None:
    """Chi-square of the arms' sizes against the planned shares, else equal ones where plausible."""
    sizes = [int(group["variant"].eq(arm).sum()) for arm in arms]
    planned = [group[group["variant"].eq(arm)]["planned_share"].dropna().max() for arm in arms]
    if all(share is not None and not pd.isna(share) and share > 0 for share in planned):
        shares = [float(share) for share in planned]
    elif max(sizes) <= 1.2 * min(sizes):
        shares = [1.0] * len(arms)
    else:
        return None
    expected = [sum(sizes) * share / sum(shares) for share in shares]
    return float(stats.chisquare(sizes, expected).pvalue)
