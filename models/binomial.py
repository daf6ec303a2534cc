"""Exact confidence bounds of a rate, from how often something happened (Clopper & Pearson 1934).

If something happens at a rate of `p`, it happens `k` times or fewer in `n` with a chance of
``P(X <= k) = I_{1-p}(n - k, k + 1)``, the regularised incomplete beta function, which takes
fractions too (weights that fade). The upper bound is the rate at which that chance has sunk to
``1 - confidence``. To hold a bound against a ceiling no inverse is needed: it is at most `p` where
``tail(k, n, p) <= 1 - confidence``.

The exact bound, because the ones that are simpler promise too much where it matters, at few or no
events of many: Wilson's says after 0 of 2,703 that the rate is at most 0.001 with 95 % confidence,
but a rate of 0.001 has 0 of 2,703 with a chance of 6.7 %. The exact bound asks for 2,995.
"""

from __future__ import annotations

import math

from models.compiled import compiled, inlined

TINY = 1e-300
PRECISION = 1e-14
TERMS = 10_000  # at worst it takes some sqrt(n), and mostly ten or twenty
HALVINGS = 60


@inlined
def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.

    It converges fast where ``x < (a + 1) / (a + b + 2)``.
    """
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > TINY else TINY)
    value = d
    for m in range(1, TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        change = 1.0
        for step in (even, odd):
            d = 1.0 + step * d
            c = 1.0 + step / c
            d = 1.0 / (d if abs(d) > TINY else TINY)
            c = c if abs(c) > TINY else TINY
            change = c * d
            value *= change
        if abs(change - 1.0) < PRECISION:
            break
    return value


@compiled
def tail(k: float, n: float, p: float) -> float:
    """``P(X <= k)`` for a binomial `X` of `n` trials at rate `p` between 0 and 1.

    >>> round(tail(1.0, 3.0, 0.5), 12), round(tail(0.0, 2995.0, 0.001), 4)
    (0.5, 0.05)
    """
    if k >= n:
        return 1.0
    if k <= 0.0:
        return math.exp(n * math.log1p(-p))
    a, b = n - k, k + 1.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(front + a * math.log1p(-p) + b * math.log(p))
    if 1.0 - p < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(1.0 - p, a, b) / a
    return 1.0 - front * _fraction(p, b, a) / b


@compiled
def upper(k: float, n: float, confidence: float) -> float:
    """The rate that is not exceeded, with `confidence`, after `k` of `n`; 1 if `n` is 0.

    >>> round(upper(0.0, 100.0, 0.95), 6)  # 1 - 0.05 ** (1 / 100)
    0.029513
    >>> round(upper(3.0, 100.0, 0.95), 6)
    0.075711
    """
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if tail(k, n, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high
