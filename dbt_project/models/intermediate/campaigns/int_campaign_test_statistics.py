"""Is the difference between two arms of a campaign more than chance (SEMANTICS 17)?

The tails of the normal, the t and the chi-square distribution come from scipy: SQL has none. (From
scipy.special: scipy.stats takes a second to import and calls the same functions.) Counting
is done before, in int_campaign_test_arms and int_campaign_test_comparisons.
"""

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

ALPHA = 0.05
POWER = 0.8
MEAN_METRIC = "revenue_per_recipient"
KEYS = ["campaign_id", "metric", "variant", "baseline_variant"]


def divide(numerator, denominator):
    """Return numerator ÷ denominator; NaN where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(
        np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    )
    result = np.full(denominator.shape, np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def two_proportions(successes, recipients, baseline_successes, baseline_recipients):
    """Compare two proportions, given the four counts as arrays: pooled test, unpooled interval.

    Returns a table with test_statistic (z), p_value (two-sided), ci_low and ci_high (95 %, of the
    difference) and minimum_detectable_lift (absolute, 80 % power). NaN where nothing can be told.
    """
    n, n0 = np.asarray(recipients, dtype=float), np.asarray(baseline_recipients, dtype=float)
    rate, rate0 = divide(successes, n), divide(baseline_successes, n0)
    pooled = divide(np.add(successes, baseline_successes), n + n0)
    inverse = divide(1, n) + divide(1, n0)
    statistic = divide(rate - rate0, np.sqrt(pooled * (1 - pooled) * inverse))
    margin = -ndtri(ALPHA / 2) * np.sqrt(divide(rate * (1 - rate), n) + divide(rate0 * (1 - rate0), n0))
    # A baseline where all or nobody did it has no variance to plan with.
    variance = np.where(rate0 * (1 - rate0) > 0, rate0 * (1 - rate0), np.nan)
    detectable = -(ndtri(ALPHA / 2) + ndtri(1 - POWER)) * np.sqrt(variance * inverse)
    return pd.DataFrame(
        {
            "test_statistic": statistic,
            "p_value": 2 * ndtr(-np.abs(statistic)),
            "ci_low": rate - rate0 - margin,
            "ci_high": rate - rate0 + margin,
            "minimum_detectable_lift": detectable,
        }
    )


def two_means(sums, variances, recipients, baseline_sums, baseline_variances, baseline_recipients):
    """Compare two means, given sums, sample variances and counts as arrays: Welch's t-test.

    Returns the columns of `two_proportions`; test_statistic is t, minimum_detectable_lift supposes
    the baseline's variance in both arms. NaN where nothing can be told: fewer than two people in an
    arm, or no spread in either.
    """
    n, n0 = np.asarray(recipients, dtype=float), np.asarray(baseline_recipients, dtype=float)
    variance = np.asarray(variances, dtype=float)
    variance0 = np.asarray(baseline_variances, dtype=float)
    lift = divide(sums, n) - divide(baseline_sums, n0)
    part, part0 = divide(variance, n), divide(variance0, n0)
    statistic = divide(lift, np.sqrt(part + part0))
    freedom = divide((part + part0) ** 2, divide(part**2, n - 1) + divide(part0**2, n0 - 1))
    margin = -stdtrit(freedom, ALPHA / 2) * np.sqrt(part + part0)
    planned = np.where(variance0 > 0, variance0, np.nan) * (divide(1, n) + divide(1, n0))
    return pd.DataFrame(
        {
            "test_statistic": statistic,
            "p_value": 2 * stdtr(freedom, -np.abs(statistic)),
            "ci_low": lift - margin,
            "ci_high": lift + margin,
            "minimum_detectable_lift": -(ndtri(ALPHA / 2) + ndtri(1 - POWER)) * np.sqrt(planned),
        }
    )


def holm(p_values, families):
    """Adjust p values by Holm's method within each family; NaN is no test and stays NaN."""
    table = pd.DataFrame({"p": np.asarray(p_values, dtype=float), "family": np.asarray(families)})
    tests = table.dropna(subset=["p"]).sort_values(["family", "p"], kind="stable")
    grouped = tests.groupby("family")
    factor = grouped["p"].transform("size") - grouped.cumcount()
    raised = (tests["p"] * factor).groupby(tests["family"]).cummax()
    return raised.clip(upper=1).reindex(table.index).to_numpy()


def sample_ratio(campaigns, counts, shares):
    """Test the sizes of arms against their expected shares, one chi-square test per campaign.

    Returns a series of p values by campaign; NaN where a share isn't known or is 0.
    """
    arms = pd.DataFrame(
        {
            "campaign_id": np.asarray(campaigns),
            "counts": np.asarray(counts, dtype=float),
            "shares": np.asarray(shares, dtype=float),
        }
    )
    grouped = arms.groupby("campaign_id")
    expected = grouped["counts"].transform("sum") * arms["shares"]
    arms["term"] = divide((arms["counts"] - expected) ** 2, expected)
    statistic = grouped["term"].sum(min_count=1)
    statistic[grouped["term"].count() < grouped.size()] = np.nan
    return pd.Series(chdtrc(grouped.size() - 1, statistic), index=statistic.index)


def model(dbt, session):
    """One row per comparison with its statistics."""
    dbt.config(materialized="table", packages=["numpy", "pandas", "scipy"])
    # In a fixed order: floating-point sums must not depend on the order of rows.
    arms = dbt.ref("int_campaign_test_arms").df().sort_values(["campaign_id", "variant"])
    compared = dbt.ref("int_campaign_test_comparisons").df().sort_values(KEYS)
    compared = compared.reset_index(drop=True)
    shares = two_proportions(
        compared["successes"],
        compared["recipients"],
        compared["baseline_successes"],
        compared["baseline_recipients"],
    )
    means = two_means(
        compared["revenue_amount"],
        compared["revenue_variance"],
        compared["recipients"],
        compared["baseline_revenue_amount"],
        compared["baseline_revenue_variance"],
        compared["baseline_recipients"],
    )
    statistics = shares.where(compared["metric"] != MEAN_METRIC, means)
    families = pd.factorize(pd.MultiIndex.from_frame(compared[["campaign_id", "metric"]]))[0]
    statistics["p_value_adjusted"] = holm(statistics["p_value"], families)
    ratios = sample_ratio(arms["campaign_id"], arms["recipients_assigned"], arms["expected_share"])
    statistics["sample_ratio_p_value"] = compared["campaign_id"].map(ratios).astype("float64")
    keys = {key: pd.array(compared[key], dtype="str") for key in KEYS}
    return pd.DataFrame(keys).join(statistics.astype("float64"))
