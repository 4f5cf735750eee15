"""The statistics of A/B tests against numbers worked out by hand, and against scipy's own tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import chisquare, ttest_ind

from orchestration.settings import DBT_PROJECT_DIR

MODEL = DBT_PROJECT_DIR / "models/intermediate/campaigns/int_campaign_test_statistics.py"


@pytest.fixture(scope="module")
def model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("int_campaign_test_statistics", MODEL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cookie_cats_as_published(model: ModuleType) -> None:
    found = model.two_proportions([8279], [45489], [8502], [44700]).iloc[0]
    assert found["test_statistic"] == pytest.approx(-3.164, abs=5e-4)
    assert found["p_value"] == pytest.approx(0.00155, abs=5e-6)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((-0.01328, -0.00312), abs=5e-6)


def test_the_statistic_is_pooled_and_the_interval_is_not(model: ModuleType) -> None:
    found = model.two_proportions([30], [100], [10], [100]).iloc[0]
    assert found["test_statistic"] == pytest.approx(0.2 / np.sqrt(0.2 * 0.8 * 0.02))
    margin = 1.959964 * np.sqrt(0.3 * 0.7 / 100 + 0.1 * 0.9 / 100)
    assert found["ci_low"] == pytest.approx(0.2 - margin, abs=1e-6)
    assert found["ci_high"] == pytest.approx(0.2 + margin, abs=1e-6)
    detectable = (1.959964 + 0.841621) * np.sqrt(0.1 * 0.9 * 0.02)
    assert found["minimum_detectable_lift"] == pytest.approx(detectable, abs=1e-6)


def test_nothing_is_said_where_nothing_can_be(model: ModuleType) -> None:
    found = model.two_proportions([0, 5, 0], [10, 5, 0], [0, 9, 3], [20, 9, 9])
    assert found["test_statistic"].isna().all()
    assert found["p_value"].isna().all()
    assert found["ci_low"].isna().tolist() == [False, False, True]
    assert model.two_proportions([], [], [], []).empty


def _of(amounts: Sequence[float]) -> tuple[float, float, int]:
    return float(np.sum(amounts)), float(np.var(amounts, ddof=1)), len(amounts)


def test_means_are_compared_by_welch(model: ModuleType) -> None:
    bought = [0, 0, 12.5, 30, 0, 99.9, 7, 0]
    held = [0, 3, 0, 0, 1, 0]
    found = model.two_means(*([value] for value in (*_of(bought), *_of(held)))).iloc[0]
    expected = ttest_ind(bought, held, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found["test_statistic"] == pytest.approx(expected.statistic)
    assert found["p_value"] == pytest.approx(expected.pvalue)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((interval.low, interval.high))
    detectable = (1.959964 + 0.841621) * np.sqrt(np.var(held, ddof=1) * (1 / 8 + 1 / 6))
    assert found["minimum_detectable_lift"] == pytest.approx(detectable, abs=1e-6)


def test_nothing_is_said_of_means_without_a_spread(model: ModuleType) -> None:
    # Equal amounts in both arms; one person; nobody; nobody bought on either side.
    found = model.two_means(
        [10, 3, 0, 0],
        [0, np.nan, np.nan, 0],
        [5, 1, 0, 9],
        [4, 6, 6, 0],
        [0, 2, 2, 0],
        [4, 6, 6, 8],
    )
    assert found["test_statistic"].isna().all()
    assert found["p_value"].isna().all()
    assert found["ci_low"].isna().all()
    assert found["minimum_detectable_lift"].isna().tolist() == [True, False, True, True]
    # A spread in one arm alone is enough.
    one = model.two_means([10], [4], [5], [0], [0], [4]).iloc[0]
    assert one["test_statistic"] == pytest.approx(2 / np.sqrt(4 / 5))
    assert 0 < one["p_value"] < 1
    assert model.two_means([], [], [], [], [], []).empty


def test_three_arms_are_adjusted_by_holm_within_their_family(model: ModuleType) -> None:
    p_values = [0.04, 0.01, 0.03, np.nan, 0.04]
    adjusted = model.holm(p_values, [0, 0, 0, 0, 1])
    # .01 × 3, then .03 × 2, and .04 × 1 may not be smaller than that.
    assert adjusted[:3] == pytest.approx([0.06, 0.03, 0.06])
    assert np.isnan(adjusted[3])
    assert adjusted[4] == 0.04
    assert model.holm([0.6, 0.7], [0, 0]).tolist() == [1, 1]


def test_the_sizes_of_arms_are_tested_against_their_shares(model: ModuleType) -> None:
    found = model.sample_ratio(
        ["even", "even", "planned", "planned", "planned", "unknown", "unknown"],
        [44700, 45489, 700, 210, 90, 10, 90],
        [0.5, 0.5, 0.7, 0.2, 0.1, np.nan, np.nan],
    )
    assert found["even"] == pytest.approx(0.0086, abs=5e-5)
    assert found["planned"] == pytest.approx(chisquare([700, 210, 90], [700, 200, 100]).pvalue)
    assert np.isnan(found["unknown"])


def test_an_arm_that_should_be_empty_has_no_test(model: ModuleType) -> None:
    assert np.isnan(model.sample_ratio(["c", "c"], [5, 5], [0, 1])["c"])
