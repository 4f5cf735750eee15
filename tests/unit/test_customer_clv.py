"""BG/NBD and Gamma-Gamma against published figures, `lifetimes`, and integrals of the definition."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import betaln
from scipy.stats import gamma

from orchestration.settings import DBT_PROJECT_DIR
from tests.conftest import ROOT

MODEL = DBT_PROJECT_DIR / "models/intermediate/customers/int_customer_clv.py"
CDNOW = ROOT.parent / "shared" / "datasets" / "cdnow"
SUMMARY = CDNOW / "cdnow_customers_summary_with_transactions.csv"
with_cdnow = pytest.mark.skipif(not SUMMARY.is_file(), reason=f"there is no {SUMMARY}")

PUBLISHED = {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}
HISTORIES = ([0, 0, 1, 3, 40, 400], [0, 0, 5, 290, 600, 690], [0, 300, 300, 300, 700, 700])


@pytest.fixture(scope="module")
def model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("int_customer_clv", MODEL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """Return 2,357 customers: x, t_x and T in weeks, the mean of their repeat purchases."""
    return pd.read_csv(SUMMARY)


def _grouped(table: pd.DataFrame, *keys: str) -> list[pd.Series]:
    grouped = table.groupby(list(keys)).size().reset_index(name="customers")
    return [grouped[name] for name in (*keys, "customers")]


@with_cdnow
def test_cdnow_has_the_published_parameters(model: ModuleType, cdnow: pd.DataFrame) -> None:
    fitted = model.fit_bg_nbd(*_grouped(cdnow, "x", "t_x", "T"))
    for name, published in PUBLISHED.items():
        assert fitted[name] == pytest.approx(published, rel=0.0005), name
    assert fitted["log_likelihood"] == pytest.approx(-9582.43, abs=0.005)
    repeaters = cdnow[(cdnow["x"] > 0) & (cdnow["zbar"] > 0)]
    spending = model.fit_gamma_gamma(*_grouped(repeaters, "x", "zbar"))
    assert spending == pytest.approx({"p": 6.25, "q": 3.74, "v": 15.44}, rel=0.0015)


@with_cdnow
def test_the_unit_of_time_and_money_changes_nothing_else(
    model: ModuleType, cdnow: pd.DataFrame
) -> None:
    weeks = model.fit_bg_nbd(*_grouped(cdnow, "x", "t_x", "T"))
    days = model.fit_bg_nbd(
        *_grouped(cdnow.assign(t_x=cdnow["t_x"] * 7, T=cdnow["T"] * 7), "x", "t_x", "T")
    )
    for name in ("r", "a", "b"):
        assert days[name] == pytest.approx(weeks[name], rel=1e-9)
    assert days["alpha"] == pytest.approx(7 * weeks["alpha"], rel=1e-9)
    # Each purchase's density is by day now, not by week.
    shift = cdnow["x"].sum() * np.log(7)
    assert days["log_likelihood"] == pytest.approx(weeks["log_likelihood"] - shift, rel=1e-9)
    repeaters = cdnow[cdnow["x"] > 0]
    euros = model.fit_gamma_gamma(*_grouped(repeaters, "x", "zbar"))
    cents = model.fit_gamma_gamma(
        *_grouped(repeaters.assign(zbar=repeaters["zbar"] * 100), "x", "zbar")
    )
    assert [cents["p"], cents["q"], cents["v"] / 100] == pytest.approx(
        [euros["p"], euros["q"], euros["v"]], rel=1e-9
    )


@with_cdnow
def test_scores_equal_those_of_lifetimes(model: ModuleType, cdnow: pd.DataFrame) -> None:
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    history = [cdnow[name] for name in ("x", "t_x", "T")]
    theirs = BetaGeoFitter().fit(*history, tol=1e-10)
    fitted = model.fit_bg_nbd(*_grouped(cdnow, "x", "t_x", "T"))
    ours = [fitted[name] for name in model.BG_NBD]
    alive = model.probability_alive(*ours, *history)
    assert alive == pytest.approx(theirs.conditional_probability_alive(*history), abs=1e-6)
    expected = theirs.conditional_expected_number_of_purchases_up_to_time(52, *history)
    assert model.expected_purchases(*ours, *history, 52) == pytest.approx(expected, abs=1e-6)

    repeaters = cdnow[(cdnow["x"] > 0) & (cdnow["zbar"] > 0)]
    spending = GammaGammaFitter().fit(repeaters["x"], repeaters["zbar"], tol=1e-10)
    mine = model.fit_gamma_gamma(*_grouped(repeaters, "x", "zbar"))
    assert list(mine.values()) == pytest.approx(list(spending.params_), rel=1e-4)


def _expected_by_integration(
    parameters: tuple[float, ...], history: tuple[float, ...], horizon: float
) -> float:
    """Purchases of a customer who is alive, from the definition: (1 − (…)^(r + x)) / p over p."""
    r, alpha, a, b = parameters
    x, _, age = history
    # p = s^k takes the pole of a small a away from 0.
    k = max(1.0, 2 / a)

    def integrand(s: float) -> float:
        p = s**k
        bought = -np.expm1(-(r + x) * np.log1p(p * horizon / (alpha + age))) / p
        density = np.exp((a - 1) * np.log(p) + (b + x - 1) * np.log1p(-p) - betaln(a, b + x))
        return float(bought * density * k * s ** (k - 1))

    return quad(integrand, 0, 1, limit=500, epsabs=0, epsrel=1e-9)[0]


@pytest.mark.parametrize("a", [0.3, 0.79, 0.999, 0.9999999, 1.0, 1.3, 4.0, 40.0])
@pytest.mark.parametrize("b", [0.5, 2.4, 30.0])
@pytest.mark.parametrize(("r", "alpha"), [(0.24, 31.0), (5.0, 400.0)])
def test_expected_orders_are_the_integral_of_the_definition(
    model: ModuleType, r: float, alpha: float, a: float, b: float
) -> None:
    """Also where a is 1 (the paper's formula divides by 0) and with 400 purchases."""
    parameters = (r, alpha, a, b)
    for history in zip(*HISTORIES, strict=True):
        alive = float(model.probability_alive(*parameters, *history))
        found = float(model.expected_purchases(*parameters, *history, 365.0))
        by_definition = alive * _expected_by_integration(parameters, history, 365.0)
        assert found == pytest.approx(by_definition, rel=1e-5, abs=1e-12)


def _likelihoods_by_integration(
    parameters: tuple[float, ...], history: tuple[float, ...]
) -> tuple[float, float]:
    """How likely a history is of somebody who still buys, and of somebody who has left."""
    r, alpha, a, b = parameters
    x, recency, age = history

    def over_rates(until: float) -> float:
        def integrand(rate: float) -> float:
            return float(rate**x * np.exp(-rate * until) * gamma(r, scale=1 / alpha).pdf(rate))

        return quad(integrand, 0, np.inf, epsabs=0, epsrel=1e-10, limit=500)[0]

    def over_chances(left: float, stayed: float) -> float:
        return float(np.exp(betaln(a + left, b + stayed) - betaln(a, b)))

    alive = over_chances(0, x) * over_rates(age)
    return alive, over_chances(1, x - 1) * over_rates(recency) if x > 0 else 0.0


@pytest.mark.parametrize("history", [(0, 0, 40), (1, 9, 40), (3, 39, 40), (5, 12, 40)])
def test_probability_alive_and_likelihood_are_integrals_of_the_definition(
    model: ModuleType, history: tuple[float, ...]
) -> None:
    parameters = (1.3, 20.0, 0.7, 2.0)
    alive, left = _likelihoods_by_integration(parameters, history)
    found = model.probability_alive(*parameters, *history)
    assert float(found) == pytest.approx(alive / (alive + left), abs=1e-6)
    arrays = [np.array([float(value)]) for value in (*history, 3)]
    value = model.bg_nbd_log_likelihood(*arrays)(parameters)[0]
    assert value == pytest.approx(3 * np.log(alive + left), rel=1e-7)


def test_who_bought_once_is_alive_and_who_stayed_away_is_not(model: ModuleType) -> None:
    """Nobody leaves before a first repeat purchase: so says the model."""
    alive = model.probability_alive(
        0.24, 31.0, 0.79, 2.4, [0, 9, 9, 900], [0, 700, 90, 10], [700] * 4
    )
    assert alive[0] == 1
    assert 0.9 < alive[1] < 1
    assert alive[2] < 0.001
    assert alive[3] == 0


def test_gradients_are_those_of_the_likelihoods(model: ModuleType) -> None:
    x = np.array([0.0, 0, 1, 2, 7, 7, 30])
    recency = np.array([0.0, 0, 9, 40, 300, 400, 500])
    age = np.array([10.0, 400, 11, 300, 420, 420, 500])
    customers = np.array([9.0, 3, 4, 2, 1, 2, 1])
    likelihoods = [
        (model.bg_nbd_log_likelihood(x, recency, age, customers), np.array([0.3, 20.0, 0.7, 2.0])),
        (
            model.gamma_gamma_log_likelihood(x[2:], age[2:], customers[2:]),
            np.array([3.0, 2.0, 20.0]),
        ),
    ]
    for likelihood, parameters in likelihoods:
        steps = 1e-5 * np.eye(len(parameters))
        slopes = [
            (likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2e-5
            for step in steps
        ]
        assert likelihood(parameters)[1] == pytest.approx(slopes, rel=1e-5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "histories",
    [
        ([], [], [], []),
        ([0], [0], [5], [1]),
        ([2], [4], [5], [1]),
        ([0] * 6, [0] * 6, [0, 1, 2, 3, 4, 5], [5] * 6),
        ([1], [3], [9], [100]),
        ([0, 1, 2, 0, 1], [0, 5, 9, 0, 3], [20, 30, 40, 3, 9], [1] * 5),
        ([5, 6, 7, 8, 9], [50, 60, 70, 80, 90], [52, 61, 72, 81, 92], [10] * 5),
        ([0] * 5, [0] * 5, [0] * 5, [1] * 5),
        ([0, 0, 1, 1], [0, 0, 5, 9], [20, 40, 20, 40], [50, 50, 5, 5]),
    ],
    ids=[
        "nobody",
        "one",
        "one_buyer",
        "no_repeat",
        "all_same",
        "few",
        "all_regular",
        "all_new",
        "a_ridge",
    ],
)
def test_no_parameters_where_the_customers_do_not_tell_them(
    model: ModuleType, histories: tuple[list[int], ...]
) -> None:
    assert model.fit_bg_nbd(*histories) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("x", "mean"),
    [([], []), ([2], [9.0]), ([1, 2, 3, 4], [10.0] * 4), ([1] * 5, [10.0, 20, 30, 15, 12])],
    ids=["nobody", "one", "all_same", "one_value_each"],
)
def test_no_spending_where_the_values_do_not_tell_it(
    model: ModuleType, x: list[int], mean: list[float]
) -> None:
    assert model.fit_gamma_gamma(x, mean, [3] * len(x)) is None


def test_scores_are_null_without_parameters(model: ModuleType) -> None:
    histories = pd.DataFrame(
        {
            "repeat_purchases": [0, 1],
            "recency_days": [0, 3],
            "age_days": [4, 9],
            "customers": [5, 1],
        }
    )
    values = pd.DataFrame(
        {"repeat_purchases_valued": [1], "monetary_value_amount": [12.5], "customers": [1]}
    )
    found = model.scored(histories, values)
    assert found["customers"].tolist() == [5, 1]
    assert found.drop(columns=[*model.HISTORY, "customers"]).isna().all(axis=None)
    nobody = model.scored(histories[:0], values[:0])
    assert (len(nobody), nobody.dtypes["r"], nobody.dtypes["age_days"]) == (0, "float64", "int64")


def _drawn(customers: int, days: int) -> pd.DataFrame:
    """Draw histories from BG/NBD with r .5, alpha 60, a .9, b 2.5, in whole days."""
    draw = np.random.default_rng(20260101)
    rate, leaves = draw.gamma(0.5, 1 / 60, customers), draw.beta(0.9, 2.5, customers)
    age = draw.integers(1, days, customers).astype(float)
    x, at, last = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    active = np.ones(customers, dtype=bool)
    while active.any():
        at = at + draw.exponential(1, customers) / rate
        active = active & (at <= age)
        x, last = x + active, np.where(active, np.ceil(at), last)
        active = active & (draw.random(customers) > leaves)
    table = pd.DataFrame({"x": x, "recency": np.minimum(last, age), "age": age})
    return table.groupby(["x", "recency", "age"]).size().reset_index(name="customers")


def test_the_fit_finds_the_process_that_drew_the_customers(model: ModuleType) -> None:
    drawn = _drawn(40_000, 700)
    fitted = model.fit_bg_nbd(drawn["x"], drawn["recency"], drawn["age"], drawn["customers"])
    truth = {"r": 0.5, "alpha": 60.0, "a": 0.9, "b": 2.5}
    for name, value in truth.items():
        assert fitted[name] == pytest.approx(value, rel=0.15), name


def test_scores_are_those_of_the_fitted_parameters_for_a_year_of_days(model: ModuleType) -> None:
    """Histories are in days, the model's time is in weeks."""
    drawn = _drawn(5_000, 400)
    histories = drawn.set_axis([*model.HISTORY, "customers"], axis=1)
    values = pd.DataFrame({name: [] for name in (*model.VALUES, "customers")})
    found = model.scored(histories, values)
    parameters = [found[name].iloc[0] for name in model.BG_NBD]
    times = (histories[name] / 7 for name in ("recency_days", "age_days"))
    history = [histories["repeat_purchases"], *times]
    alive = model.probability_alive(*parameters, *history)
    assert found["probability_alive"].to_numpy() == pytest.approx(alive, abs=1e-12)
    expected = model.expected_purchases(*parameters, *history, 365 / 7)
    assert found["expected_orders_12m"].to_numpy() == pytest.approx(expected, abs=1e-12)
    assert found[model.GAMMA_GAMMA].isna().all(axis=None)


def test_a_fit_hangs_on_the_data_alone(model: ModuleType) -> None:
    """Fitted twice it is the same to the last bit, in another order to ten digits."""
    drawn = _drawn(2_000, 400)
    columns = ["x", "recency", "age", "customers"]
    first = model.fit_bg_nbd(*(drawn[name] for name in columns))
    assert first == model.fit_bg_nbd(*(drawn[name] for name in columns))
    turned = drawn[::-1]
    other = model.fit_bg_nbd(*(turned[name] for name in columns))
    assert list(other.values()) == pytest.approx(list(first.values()), rel=1e-7)
