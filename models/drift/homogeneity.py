"""Whether counts of the last window and faded counts of those before are of one distribution.

What `models.drift.two_windows` shares between numbers and categories: the statistics, the number
that each must exceed, and what a column's past teaches about that number.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.settings import fading, positive, whole
from models.vectors import Floats, Ints

Mask = NDArray[np.bool_]

RARE = 5.0  # bins of which fewer are expected in a window are merged to one
MEMORY = 0.98  # by which what was learned of a column's statistics fades each window
DOUBT = 2.0  # standard deviations by which such an estimate is not trusted
HALVINGS = 60

# Places of a row of `learned`, one for each column, faded sums over the comparisons: of the
# statistic above its expectation, of the variance it should have, of 1 and of the squared weight
# of that; and how many comparisons there were.
ABOVE, VARIANCE, WEIGHT, SQUARE, SEEN, PLACES = range(6)


def chi_squared(chance: float, freedom: int) -> float:
    """What a chi-squared number exceeds with `chance`; infinite for no degree of freedom.

    By the finite sum that the tail is for a whole number of degrees (DLMF 8.4), and bisection.

    >>> round(chi_squared(0.05, 1), 3), round(chi_squared(1e-5, 16), 3)
    (3.841, 52.245)
    """
    if freedom == 0:
        return math.inf
    low, high = 0.0, 10.0 * freedom - 20.0 * math.log(chance)
    for _ in range(HALVINGS):
        x = 0.5 * (low + high)
        a = 0.5 * (2 - freedom % 2)
        tail = math.exp(-0.5 * x) if a == 1.0 else math.erfc(math.sqrt(0.5 * x))
        while a < 0.5 * freedom:
            tail += math.exp(a * math.log(0.5 * x) - 0.5 * x - math.lgamma(a + 1.0))
            a += 1.0
        low, high = (x, high) if tail > chance else (low, x)
    return high


class Compared(NamedTuple):
    """Of each column; NaN where it was not compared.

    Attributes
    ----------
    old, new
        Shares of the bins, shape (columns, bins).
    size
        ``n m / (n + m)`` of the two windows' sizes.
    psi
        Population stability index.
    differs
        Whether the likelihood ratio exceeds what it may.
    excess
        How much more than by chance it was in the past.
    """

    old: Floats
    new: Floats
    size: Floats
    psi: Floats
    differs: Mask
    excess: Floats


def _merged(shares: Floats, rare: Mask) -> Floats:
    """All rare bins as one, which comes last."""
    rest = np.where(rare, shares, 0.0).sum(axis=1, keepdims=True)
    return np.concatenate([np.where(rare, 0.0, shares), rest], axis=1)


def _divergence(p: Floats, q: Floats) -> Floats:
    """Kullback and Leibler's, of each row; `q` is above 0 where `p` is."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0.0)
    divergence: Floats = (p * np.log(ratio)).sum(axis=1)
    return divergence


def _stretched(ratio: Floats, most: Floats) -> Floats:
    """As it is while small, and without bound towards the most that it can be."""
    left = np.maximum(1.0 - ratio / most, 1e-12)
    stretched: Floats = -most * np.log(left)
    return stretched


def _williams(pooled: Floats, least: float, inverse_size: Floats) -> Floats:
    """By how much a likelihood ratio is too large where few are expected.

    Where next to none are, the series of which this is the first term says nothing: `least`.
    """
    some = pooled > 0.0
    inverse = np.divide(1.0, np.maximum(pooled, least), out=np.zeros_like(pooled), where=some)
    freedom = np.maximum(some.sum(axis=1) - 1, 1)
    correction: Floats = 1.0 + inverse_size * (inverse.sum(axis=1) - 1.0) / (6.0 * freedom)
    return correction


class Homogeneity:
    """A test of homogeneity for each of many columns, window after window.

    The reference is the sum of the windows before, each weighing `fade` times the one after it. Its
    shares vary like those of ``n = (sum w)^2 / (sum w^2)`` plain values: that is its size.

    Two measures of the same thing. The *population stability index* ``sum (p - q) ln(p / q)`` is
    what people know, so it is shown, over counts to which 0.5 is added. What decides is the
    *likelihood ratio* ``2 (n KL(p, pooled) + m KL(q, pooled))``. Both go to a chi-squared number
    (the index times ``n m / (n + m)``), but the ratio has that tail far out and for few expected
    too (Chernoff's bound has the same exponent), where an index has a logarithm of almost nothing.
    It is corrected as by Williams 1976, "Improved likelihood ratio tests for complete contingency
    tables", Biometrika 63.

    A real stream is not independent: it has days, and its windows differ more than by chance. So
    the mean of the ratio above its expectation, where that is beyond `DOUBT` standard deviations,
    is the column's excess. The excess may all lie in one direction (a mean that goes up and down),
    where one normal number squared is multiplied by it: then the ratio may exceed
    ``chi2(k) + excess * chi2(1)``. A drift enters the mean with no more than it had to exceed, so
    that it does not silence its column; a stream that has come to swing is learned by and by.
    The ratio is bounded, and normal numbers are not: so it is stretched (``-b ln(1 - ratio / b)``,
    with `b` its bound), and windows with nothing in common differ whatever the past was.

    Parameters
    ----------
    columns, bins
        Shape of the counts.
    window
        Values in a window.
    chance
        Of a false alarm, for each column and window.
    fade
        By which older windows weigh less, from 0 to below 1.
    burn_in
        Comparisons of a column before its first alarm.
    """

    def __init__(
        self, columns: int, bins: int, window: int, chance: float, fade: float, burn_in: int
    ) -> None:
        fading(fade=fade)
        whole(0, burn_in=burn_in)
        self._window = float(window)
        self._fade = fade
        self._burn_in = burn_in
        self._critical = np.array([chi_squared(chance, k) for k in range(bins + 1)])
        self._reference = np.zeros((columns, bins))
        self._weights = np.zeros((columns, 2))
        self._learned = np.zeros((columns, PLACES))

    @property
    def state(self) -> dict[str, Any]:
        return {
            "reference": self._reference,
            "weights": self._weights,
            "learned": self._learned,
        }

    @property
    def one_direction(self) -> float:
        """What chance alone exceeds with one degree of freedom."""
        return float(self._critical[1])

    @property
    def ready(self) -> Mask:
        """Which columns have seen enough for an alarm."""
        return (self._weights[:, 0] > 0.0) & (self._learned[:, SEEN] >= self._burn_in)

    def compare(self, counts: Ints) -> Compared:
        """Hold a window's counts against the reference, and learn from how much they differ."""
        has = self._weights[:, 0] > 0.0
        m = self._window
        n = np.full(len(counts), np.nan)
        np.divide(m * self._weights[:, 0] ** 2, self._weights[:, 1], out=n, where=has)
        weight = np.where(has, self._weights[:, 0], np.nan)
        old = self._reference / (m * weight)[:, None]
        new = counts / m
        part = (n / (n + m))[:, None]
        pooled = part * old + (1.0 - part) * new
        rare = m * pooled < RARE
        p, q, pooled = (_merged(each, rare) for each in (old, new, pooled))
        ratio = 2.0 * (n * _divergence(p, pooled) + m * _divergence(q, pooled))
        most = 2.0 * (n * np.log1p(m / n) + m * np.log1p(n / m))
        some = pooled > 0.0
        k = some.sum(axis=1)
        freedom = np.maximum(k - 1, 0)
        inverse_size = 1.0 / n + 1.0 / m - 1.0 / (n + m)
        ratio = _stretched(ratio, most) / _williams(pooled, RARE / m, inverse_size)
        excess = self._excess()
        limit = self._critical[freedom] + excess * self.one_direction
        self._learn(has, np.minimum(ratio, limit) - freedom, 2.0 * freedom)
        p = np.where(some, (n[:, None] * p + 0.5) / (n + 0.5 * k)[:, None], 1.0)
        q = np.where(some, (m * q + 0.5) / (m + 0.5 * k)[:, None], 1.0)
        psi = np.where(has, ((p - q) * np.log(p / q)).sum(axis=1), np.nan)
        return Compared(old, new, n * m / (n + m), psi, ratio > limit, excess)

    def _excess(self) -> Floats:
        """How much more the ratio is than by chance, as an upper bound; 0 where that is in doubt.

        If it is one normal number squared, its mean is uncertain by ``sqrt(2 / comparisons)``.
        """
        weight = np.maximum(self._learned[:, WEIGHT], 1.0)
        sure = self._learned[:, ABOVE] - DOUBT * np.sqrt(self._learned[:, VARIANCE])
        spread = np.sqrt(2.0 * self._learned[:, SQUARE]) / weight
        return np.maximum(0.0, sure / weight) * (1.0 + DOUBT * spread)

    def _learn(self, has: Mask, above: Floats, variance: Ints | Floats) -> None:
        news = np.zeros_like(self._learned)
        news[:, ABOVE], news[:, VARIANCE] = above, variance
        news[:, WEIGHT:] = 1.0
        faded = self._learned * [MEMORY, MEMORY**2, MEMORY, MEMORY**2, 1.0]
        self._learned[has] = (faded + news)[has]

    def absorb(self, counts: Ints, which: Mask) -> None:
        """Let the reference of some columns fade, and add a window to it."""
        self._reference[which] = self._fade * self._reference[which] + counts[which]
        self._weights[which] = self._weights[which] * [self._fade, self._fade**2] + 1.0

    def start_over(self, which: Mask) -> None:
        """Forget the reference of some columns; what was learned of them stays."""
        self._reference[which] = 0.0
        self._weights[which] = 0.0


def chance_of_each(false_alarms: float, window: int, tests: int) -> float:
    """Chance of each test, so that all together give so many alarms in a million rows.

    >>> chance_of_each(false_alarms=1.0, window=5_000, tests=50)
    0.0001
    """
    positive(false_alarms=false_alarms)
    most = 1e6 * tests / window
    if not false_alarms < most:
        raise ValueError(f"false_alarms = {false_alarms}: expected less than all {most:,.0f} tests")
    return false_alarms / most
