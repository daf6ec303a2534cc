"""KSWIN: drift where recent values are of another distribution than those before."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np

from models.compiled import compiled, inlined
from models.drift.detector import DRIFT, NONE, OVER, OWN, STATISTIC, Detector, usable
from models.settings import share, whole
from models.vectors import Codes, Floats, Hashes

# Places of `state`: how many values the window has, and where the next one goes.
FILLED, NEXT, PLACES = range(OWN, OWN + 3)

# SplitMix64 (Steele, Lea & Flood 2014)
GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S11, S27, S30, S31 = map(np.uint64, (11, 27, 30, 31))


@inlined
def _uniform(chance: Hashes) -> float:
    """The next of a seeded sequence of numbers from 0 to below 1."""
    chance[0] += GAMMA
    z = chance[0]
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return float((z ^ (z >> S31)) >> S11) * 2.0**-53


@inlined
def _insert(value: float, sample: Floats, n: int) -> None:
    """Add a value to the `n` sorted ones of a sample."""
    k = n
    while k > 0 and sample[k - 1] > value:
        sample[k] = sample[k - 1]
        k -= 1
    sample[k] = value


@inlined
def _risen(old: Floats, new: Floats) -> int:
    """Largest difference of two sorted samples' counts of values up to any; negative for a fall."""
    i = j = worst = 0
    while i < len(old) and j < len(new):
        value = min(old[i], new[j])
        while i < len(old) and old[i] <= value:
            i += 1
        while j < len(new) and new[j] <= value:
            j += 1
        if abs(i - j) > abs(worst):
            worst = i - j
    return worst


@compiled
def _run(
    values: Floats,
    levels: Codes,
    statistics: Floats,
    critical: int,
    old: Floats,
    new: Floats,
    state: Floats,
    window: Floats,
    chance: Hashes,
) -> None:
    size, r = len(window), len(new)
    for i in range(len(values)):
        value = values[i]
        levels[i] = NONE
        if usable(value):
            if state[OVER] != 0.0:
                # The new start has the recent values, which are the last `r` before `NEXT`.
                state[OVER] = 0.0
                state[FILLED] = r
            at = int(state[NEXT])
            window[at] = value
            at = (at + 1) % size
            state[NEXT] = at
            state[FILLED] = min(state[FILLED] + 1.0, size)
            if state[FILLED] == size:
                # `at` is the oldest. Each of those before the recent ones is taken with the chance
                # of those still needed among those still left (Knuth's algorithm S).
                taken = 0
                for k in range(size - r):
                    if _uniform(chance) * (size - r - k) < r - taken:
                        _insert(window[(at + k) % size], old, taken)
                        taken += 1
                for k in range(r):
                    _insert(window[(at + size - r + k) % size], new, k)
                risen = _risen(old, new)
                state[STATISTIC] = abs(risen) / r
                if abs(risen) >= critical:
                    state[OVER] = 1.0
                    # A change for the better is a new start, and no drift.
                    if risen > 0:
                        levels[i] = DRIFT
        statistics[i] = state[STATISTIC]


def _critical(alpha: float, r: int) -> int:
    """The least difference of counts that two samples of `r` have with a chance of `alpha` or less.

    Exact, for values without ties, by the count of paths (Gnedenko & Korolyuk 1951):
    ``P(D >= k / r) = 2 sum (-1)^(j - 1) C(2r, r - jk) / C(2r, r)`` over `j` from 1. With ties, as
    of errors, the chance is less. `r + 1` where even ``D = 1`` has more.
    """
    for k in range(1, r + 1):
        paths = 2 * sum((-1) ** (j - 1) * comb(2 * r, r - j * k) for j in range(1, r // k + 1))
        if Fraction(paths, comb(2 * r, r)) <= alpha:
            return k
    return r + 1


class KSWIN(Detector):
    """Kolmogorov-Smirnov windowing: recent values against a random sample of those before.

    Of a window of the last `window_size` values, the last `stat_size` are one sample; as many drawn
    from the others are the other. Drift is where their empirical distributions are further apart
    than chance allows, and the later is the higher. The statistic is the distance, from 0 to 1.

    The bound is that of the exact test at `alpha`, as in River and the authors' own code; the
    paper's ``sqrt(-ln(alpha) / r)`` is its limit at twice `alpha`. River's further condition, a
    distance above 0.1, is not in the paper, and matters only with samples of several hundred.
    As in the paper and not in River, the recent values stay after a drift; and chance goes on,
    where River starts again from its seed.

    Made for numbers of many values, such as a loss. Each has a test of its own, on a fresh sample:
    River's default `alpha` gives a false alarm in some 1,600. Errors are ties, and the test is
    too careful for them: it misses most rises from 0.2 to 0.4.

    Parameters
    ----------
    alpha
        Chance of a false alarm at each value, between 0 and 1.
    window_size, stat_size
        Values in the window and in a sample; a window has room for two samples.
    seed
        Of chance: the same seed, the same verdicts.

    References
    ----------
    Raab, Heusinger & Schleif 2020, "Reactive soft prototype computing for concept drift streams",
    Neurocomputing 416.

    Examples
    --------
    >>> from models.protocols import Drift
    >>> detector = KSWIN(alpha=0.0001)
    >>> verdicts = [detector.update(i % 7 + 5.0 * (i >= 1000)) for i in range(1100)]
    >>> verdicts.index(Drift.DRIFT), verdicts.count(Drift.DRIFT)
    (1020, 1)
    """

    def __init__(
        self, alpha: float = 0.005, window_size: int = 100, stat_size: int = 30, seed: int = 0
    ) -> None:
        share(alpha=alpha)
        whole(1, stat_size=stat_size)
        whole(2 * stat_size, window_size=window_size)
        whole(0, seed=seed)
        state = {
            "state": np.zeros(PLACES),
            "window": np.zeros(window_size),
            "chance": np.array([seed], np.uint64),
        }
        samples = np.empty(stat_size), np.empty(stat_size)  # to work in
        super().__init__(_run, (_critical(alpha, stat_size), *samples), state)
