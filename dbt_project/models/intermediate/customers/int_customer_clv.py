"""How likely a customer still buys, and how often in the next 12 months (SEMANTICS 19).

BG/NBD (Fader, Hardie and Lee 2005) tells how often people buy and when they leave, Gamma-Gamma
(Fader and Hardie 2013) what a purchase is worth. Both are fitted by maximum likelihood on grouped
histories: a shop has a million customers and far fewer distinct pasts. scipy is imported where it
is needed, for every run of dbt reads this file.
"""

import numpy as np

# The unit of time is the week, as in the papers (meta.clv_model says so): 12 months are so many.
DAYS_OF_UNIT = 7.0
HORIZON = 365.0 / DAYS_OF_UNIT
# A parameter beyond these (of scaled time and money) says that the data don't tell it: with nobody
# who buys twice, nobody who leaves, or people all alike the likelihood grows for ever.
LOG_LIMIT = float(np.log(1e5))
# Of the gradient, by customer. What is left of the error is far below what anybody reads.
TOLERANCE = 1e-9
# The likelihood must bend in every direction, by customer, else a whole ridge fits as well.
LEAST_CURVATURE = 1e-7
BG_NBD = ["r", "alpha", "a", "b"]
GAMMA_GAMMA = ["p", "q", "v"]
HISTORY = ["repeat_purchases", "recency_days", "age_days"]
VALUES = ["repeat_purchases_valued", "monetary_value_amount"]


def maximise(likelihood, starts):
    """Return the logarithms of the parameters of the highest likelihood; None where there is none.

    `likelihood` maps logarithms to the likelihood by customer and its gradient. Where the search
    ends is made sharp by Newton's steps, so that the result hangs on the data alone.
    """
    from scipy.optimize import minimize

    def negative(logs):
        value, gradient = likelihood(logs)
        return -value, -gradient

    found = [
        minimize(
            negative,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-LOG_LIMIT, LOG_LIMIT)] * len(start),
        )
        for start in starts
    ]
    logs = min(found, key=lambda one: one.fun).x
    for _ in range(20):
        gradient = likelihood(logs)[1]
        curvature = -hessian(likelihood, logs)
        if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature)[0] < LEAST_CURVATURE:
            return None
        if np.abs(gradient).max() < TOLERANCE:
            return logs
        step = np.linalg.solve(curvature, gradient)
        logs = logs + step / max(1.0, np.abs(step).max())
        if np.abs(logs).max() > LOG_LIMIT:
            return None
    return None


def hessian(likelihood, logs, width=1e-4):
    """Return the second derivatives by central differences of the gradient."""
    rows = [
        (likelihood(logs + offset)[1] - likelihood(logs - offset)[1]) / (2 * width)
        for offset in width * np.eye(len(logs))
    ]
    return (np.array(rows) + np.array(rows).T) / 2


def bg_nbd_log_likelihood(x, recency, age, customers):
    """Return the function of (r, alpha, a, b) that gives log-likelihood and gradient.

    Args: arrays over distinct histories: repeat purchases, time of the last purchase and of the
    observation's end since the first one, and how many customers have this history.
    """
    from scipy.special import digamma, gammaln

    purchases, place = np.unique(x, return_inverse=True)
    n = np.bincount(place, weights=customers)
    total = customers.sum()
    is_repeat = x > 0

    def function(parameters):
        r, alpha, a, b = parameters
        alive = -(r + x) * np.log(alpha + age)
        # Nobody leaves before a first repeat purchase: then there is no second way.
        left = np.where(
            is_repeat,
            np.log(a)
            - np.log(np.where(is_repeat, b + x - 1, 1))
            - (r + x) * np.log(alpha + recency),
            -np.inf,
        )
        either = np.logaddexp(alive, left)
        share_left = customers * np.exp(left - either)
        share_alive = customers - share_left
        value = (
            (
                n * (gammaln(r + purchases) + gammaln(b + purchases) - gammaln(a + b + purchases))
            ).sum()
            + total * (gammaln(a + b) - gammaln(r) - gammaln(b) + r * np.log(alpha))
            + (customers * either).sum()
        )
        both = (n * digamma(a + b + purchases)).sum()
        gradient = np.array(
            [
                (n * digamma(r + purchases)).sum()
                + total * (np.log(alpha) - digamma(r))
                - (share_alive * np.log(alpha + age) + share_left * np.log(alpha + recency)).sum(),
                total * r / alpha
                - ((r + x) * (share_alive / (alpha + age) + share_left / (alpha + recency))).sum(),
                total * digamma(a + b) - both + share_left.sum() / a,
                (n * digamma(b + purchases)).sum()
                + total * (digamma(a + b) - digamma(b))
                - both
                - (share_left[is_repeat] / (b + x[is_repeat] - 1)).sum(),
            ]
        )
        return value, gradient

    return function


def gamma_gamma_log_likelihood(x, mean, customers):
    """Return the function of (p, q, v) that gives log-likelihood and gradient.

    Args: arrays over distinct (number of repeat purchases, their mean value), both positive, and
    how many customers have them.
    """
    from scipy.special import digamma, gammaln

    purchases, place = np.unique(x, return_inverse=True)
    n = np.bincount(place, weights=customers)
    total = customers.sum()
    log_mean = (customers * np.log(mean)).sum()
    log_spent = (customers * x * np.log(x * mean)).sum()

    def function(parameters):
        p, q, v = parameters
        shape = p * purchases
        spent = np.log(x * mean + v)
        value = (
            (n * (gammaln(shape + q) - gammaln(shape))).sum()
            + total * (q * np.log(v) - gammaln(q))
            + p * log_spent
            - log_mean
            - (customers * (p * x + q) * spent).sum()
        )
        gradient = np.array(
            [
                (n * purchases * (digamma(shape + q) - digamma(shape))).sum()
                + log_spent
                - (customers * x * spent).sum(),
                (n * digamma(shape + q)).sum()
                + total * (np.log(v) - digamma(q))
                - (customers * spent).sum(),
                total * q / v - (customers * (p * x + q) / (x * mean + v)).sum(),
            ]
        )
        return value, gradient

    return function


def in_logs(function, customers):
    """Return the function over the logarithms of its parameters, by customer."""

    def by_customer(logs):
        parameters = np.exp(logs)
        value, gradient = function(parameters)
        return value / customers, gradient * parameters / customers

    return by_customer


def fit_bg_nbd(x, recency, age, customers):
    """Fit BG/NBD on grouped histories; times in any unit.

    Returns a dictionary of r, alpha (in that unit), a, b and log_likelihood; None where the data
    don't tell them: too few customers, nobody buying again, all alike.
    """
    x, recency, age, customers = (np.asarray(v, dtype=float) for v in (x, recency, age, customers))
    if len(x) < len(BG_NBD) or not (x > 0).any():
        return None
    unit = age.max() / 10
    scaled = bg_nbd_log_likelihood(x, recency / unit, age / unit, customers)
    starts = [np.zeros(4), np.log([0.2, 1.0, 1.0, 3.0])]
    logs = maximise(in_logs(scaled, customers.sum()), starts)
    if logs is None:
        return None
    r, alpha, a, b = (float(value) for value in np.exp(logs))
    value = scaled([r, alpha, a, b])[0] - (customers * x).sum() * np.log(unit)
    return {"r": r, "alpha": float(alpha * unit), "a": a, "b": b, "log_likelihood": float(value)}


def fit_gamma_gamma(x, mean, customers):
    """Fit Gamma-Gamma on grouped customers with repeat purchases and a positive mean.

    Returns a dictionary of p, q, v (in the unit of the money); None where the data don't tell them.
    """
    x, mean, customers = (np.asarray(value, dtype=float) for value in (x, mean, customers))
    if len(x) < len(GAMMA_GAMMA):
        return None
    total = customers.sum()
    unit = (customers * mean).sum() / total
    likelihood = in_logs(gamma_gamma_log_likelihood(x, mean / unit, customers), total)
    logs = maximise(likelihood, [np.zeros(3), np.log([6.0, 4.0, 0.5])])
    if logs is None:
        return None
    p, q, v = (float(value) for value in np.exp(logs))
    return {"p": p, "q": q, "v": float(v * unit)}


def probability_alive(r, alpha, a, b, x, recency, age):
    """Return the probability that a customer with this history has not left; 1 for x = 0."""
    from scipy.special import expit

    x, recency, age = (np.asarray(value, dtype=float) for value in (x, recency, age))
    repeats = np.maximum(x, 1)
    odds = np.log(a) - np.log(b + repeats - 1) + (r + x) * np.log((alpha + age) / (alpha + recency))
    return np.where(x > 0, expit(-odds), 1.0)


def expected_purchases(r, alpha, a, b, x, recency, age, horizon):
    """Return the purchases that a customer with this history makes within the horizon.

    The hypergeometric function of the paper is written by Euler's transformation: with x in the
    third parameter alone it neither overflows for keen buyers nor loses digits.
    """
    from scipy.special import hyp2f1

    x, recency, age = (np.asarray(value, dtype=float) for value in (x, recency, age))
    # At a = 1, and where a + b + x = 1, a factor is 0 and another infinite; both sides meet there.
    if abs(a - 1) < 1e-6:
        a = 1 + 1e-6
    c = a + b + x - 1
    c = np.where(np.abs(c) < 1e-6, 1e-6, c)
    z = horizon / (alpha + age + horizon)
    stays = (1 - z) ** (a - 1) * hyp2f1(a - 1, a + b - 1 - r, c, z)
    return c / (a - 1) * (1 - stays) * probability_alive(r, alpha, a, b, x, recency, age)


def scored(histories, values):
    """Return the histories with probability_alive, expected_orders_12m and the parameters.

    Args:
        histories: one row per distinct history, in a fixed order: HISTORY and customers.
        values: one row per distinct (repeat_purchases_valued, monetary_value_amount), in a fixed
            order, both positive, and customers.
    """
    x, recency, age = (histories[name].to_numpy(dtype=float) for name in HISTORY)
    recency, age = recency / DAYS_OF_UNIT, age / DAYS_OF_UNIT
    buying = fit_bg_nbd(x, recency, age, histories["customers"])
    spending = fit_gamma_gamma(
        values["repeat_purchases_valued"], values["monetary_value_amount"], values["customers"]
    )
    table = histories.reset_index(drop=True)
    nothing = np.full(len(table), np.nan)
    parameters = [buying[name] for name in BG_NBD] if buying else None
    table["probability_alive"] = (
        probability_alive(*parameters, x, recency, age) if parameters else nothing
    )
    table["expected_orders_12m"] = (
        expected_purchases(*parameters, x, recency, age, HORIZON) if parameters else nothing
    )
    for name in [*BG_NBD, "log_likelihood"]:
        table[name] = buying[name] if buying else nothing
    for name in GAMMA_GAMMA:
        table[name] = spending[name] if spending else nothing
    return table.astype(dict.fromkeys([*HISTORY, "customers"], "int64"))


def counted(customers, keys):
    """Return the distinct values of the keys and how many customers have them, in a fixed order.

    Floating-point sums must not depend on the order of rows.
    """
    listed = ", ".join(keys)
    return customers.aggregate(f"{listed}, count(*) as customers", listed).order(listed).df()


def model(dbt, session):
    """One row per distinct history of a customer, with its scores and the model's parameters."""
    dbt.config(materialized="table", packages=["numpy", "scipy"])
    customers = dbt.ref("int_customers")
    repeaters = customers.filter("monetary_value_amount > 0")
    return scored(counted(customers, HISTORY), counted(repeaters, VALUES))
