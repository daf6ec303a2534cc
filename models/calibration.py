"""Probabilities that mean what they say: of events given as 0.2, a fifth turn out as class 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled, inlined
from models.examples import Halves
from models.histogram import RENORMALISE
from models.kernels import sigmoid, sigmoids
from models.settings import positive, whole
from models.state import come_back, leave
from models.vectors import ASSUME, SCORE, Codes, Floats, Ints

BINS = 128
REACH = 16.0  # logits from -16 to 16: bins of 1/4
GROUPS = 15  # of probabilities as given: one for each unit of the logit, from -7.5 to 7.5

# Places of `weights`: of the next label.
NEXT = 0
# Places of a group: its labels, their probabilities as given, and those that were of class 1.
LABELS, GIVEN, TRUE = range(3)


@inlined
def _place(logit: float) -> float:
    """Where a logit lies among the middles of the bins."""
    at = (logit + REACH) * (BINS / (2.0 * REACH)) - 0.5
    return float(min(BINS - 1.0, max(0.0, at)))


@inlined
def _calibrated(logit: float, shift: Floats) -> float:
    """The probability, with the shift of the logit taken in a straight line between middles."""
    place = _place(logit)
    k = min(int(place), BINS - 2)
    part = place - k
    return sigmoid(logit + (1.0 - part) * shift[k] + part * shift[k + 1])


@inlined
def _group(p: float) -> int:
    logit = math.log(max(p, 1e-9) / max(1.0 - p, 1e-9))
    return int(min(GROUPS - 1.0, max(0.0, logit + 0.5 * GROUPS)))


@compiled
def _refit(
    prior: float, identity: Floats, next_weight: float, bins: Floats, blocks: Floats, shift: Floats
) -> None:
    """Pool adjacent violators: the non-decreasing probabilities closest to each bin's share."""
    top = 0
    for k in range(BINS):
        weight = bins[0, k] + bins[1, k] + prior * next_weight
        total = bins[1, k] + prior * next_weight * identity[k]
        width = 1.0
        while top > 0 and blocks[top - 1, 1] * weight >= total * blocks[top - 1, 0]:
            top -= 1
            weight += blocks[top, 0]
            total += blocks[top, 1]
            width += blocks[top, 2]
        blocks[top, 0], blocks[top, 1], blocks[top, 2] = weight, total, width
        top += 1
    k = 0
    for block in range(top):
        fitted = math.log(blocks[block, 1] / (blocks[block, 0] - blocks[block, 1]))
        for _ in range(int(blocks[block, 2])):
            shift[k] = fitted - ((k + 0.5) * (2.0 * REACH / BINS) - REACH)
            k += 1


@compiled
def _renormalise(weights: Floats, bins: Floats, groups: Floats) -> None:
    """Measure all weights by that of the next label."""
    for k in range(BINS):
        bins[0, k] /= weights[NEXT]
        bins[1, k] /= weights[NEXT]
    for k in range(GROUPS):
        for place in range(3):
            groups[k, place] /= weights[NEXT]
    weights[NEXT] = 1.0


@compiled
def _run(
    code: Codes,
    slot: Ints,
    y: Codes,
    was: Codes,
    logits: Floats,
    fading: float,
    every: int,
    prior: float,
    identity: Floats,
    blocks: Floats,
    weights: Floats,
    bins: Floats,
    groups: Floats,
    shift: Floats,
    seen: Ints,
    kept: Halves,
    out: Floats,
) -> None:
    for i in range(len(code)):
        if code[i] == SCORE:
            kept[slot[i]] = _calibrated(logits[i], shift)
        p = float(kept[slot[i]])
        out[i] = p
        if code[i] in (SCORE, ASSUME):
            continue
        b, group, weight = int(_place(logits[i]) + 0.5), _group(p), weights[NEXT]
        if was[i] >= 0:
            # It has faded since, by nobody knows how much: never take more than there is.
            moved = min(weight, bins[was[i], b])
            bins[was[i], b] -= moved
            bins[y[i], b] += moved
            true = groups[group, TRUE] + (y[i] - was[i]) * weight
            groups[group, TRUE] = min(max(true, 0.0), groups[group, LABELS])
            continue
        bins[y[i], b] += weight
        groups[group, LABELS] += weight
        groups[group, GIVEN] += weight * p
        groups[group, TRUE] += weight * y[i]
        weights[NEXT] = weight / fading
        if weights[NEXT] > RENORMALISE:
            _renormalise(weights, bins, groups)
        seen[0] += 1
        if seen[0] % every == 0:
            _refit(prior, identity, weights[NEXT], bins, blocks, shift)


class Calibration:
    """Online isotonic calibration: what the labels of late say about scores of that height.

    Labels are counted by class in bins of the logit that was given, and fade. Every so many labels
    the non-decreasing curve is fitted that is closest to the bins' shares of class 1 (pool adjacent
    violators, Ayer et al. 1955; for classifiers Zadrozny & Elkan 2002). Each bin starts with
    `prior` labels that say what the score itself says, and do not fade: so without labels the
    calibrated probability is the score, a few do no harm, and none is ever 0 or 1. Between the
    bins' middles the logit is shifted in a straight line, so that no two scores change places.

    Platt's two numbers were measured too: the first, wild scores of a model bend his line for
    long, and on the fraud recording it was further off than no calibration
    (`benchmarks.late_labels`).

    The expected calibration error is measured on probabilities as they were given, before their
    labels: ``sum(|given - true|) / labels`` over groups of the probability's logit, with the sums
    over the faded labels of a group.

    Parameters
    ----------
    capacity
        Places that an example can have.
    memory
        After how many labels a label's weight has halved.
    every
        Labels from one fit to the next.
    prior
        Labels of each bin that say what the score says.

    References
    ----------
    Platt 1999, "Probabilistic outputs for support vector machines": of whom the idea of priors.
    Naeini, Cooper & Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian
    binning": the expected calibration error.

    Examples
    --------
    A model that is too sure: of what it gives as 0.88 (a logit of 2), 0.73 are of class 1.

    >>> rng = np.random.default_rng(1)
    >>> truth = rng.normal(size=50_000)
    >>> y = (rng.random(50_000) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    >>> code, slot = np.tile(np.array([0, 1], np.int8), 50_000), np.zeros(100_000, np.int64)
    >>> was = np.full(100_000, -1, np.int8)
    >>> calibration = Calibration(capacity=1)
    >>> p = calibration.run(code, slot, y.repeat(2), was, 2 * truth.repeat(2))
    >>> near = np.flatnonzero(np.abs(truth - 1.0) < 0.1)
    >>> round(calibration.expected_calibration_error, 3), p[2 * near[-100:]].mean().round(2)
    (0.004, np.float64(0.71))
    """

    def __init__(
        self, capacity: int, memory: float = 25_000, every: int = 100, prior: float = 1.0
    ) -> None:
        positive(memory=memory, prior=prior)
        whole(1, every=every)
        self._fading = 0.5 ** (1.0 / memory)
        self._every = every
        self._prior = prior
        middles = (np.arange(BINS) + 0.5) * (2.0 * REACH / BINS) - REACH
        self._identity = sigmoids(middles.astype(np.float64))
        self._blocks = np.zeros((BINS, 3))  # to work in: weight, of class 1, bins
        self._weights = np.ones(1)
        self._bins = np.zeros((2, BINS))
        self._groups = np.zeros((GROUPS, 3))
        self._shift = np.zeros(BINS)
        self._seen = np.zeros(1, np.int64)
        self._given = np.zeros(capacity, np.float32)

    def run(self, code: Codes, slot: Ints, y: Codes, was: Codes, logits: Floats) -> Floats:
        """For each operation, the event's calibrated probability as it was given.

        Parameters
        ----------
        code, slot, y, was
            Of each operation, in order (see `stream.labels.Ops`).
        logits
            Of the event's score as it was given.
        """
        out = np.empty(len(code))
        _run(
            code, slot, y, was, logits, self._fading, self._every, self._prior, self._identity,
            self._blocks, self._weights, self._bins, self._groups, self._shift, self._seen,
            self._given, out,
        )  # fmt: skip
        return out

    @property
    def expected_calibration_error(self) -> float:
        """Of probabilities as they were given, faded; NaN before the first label."""
        labels = float(self._groups[:, LABELS].sum())
        apart = float(np.abs(self._groups[:, GIVEN] - self._groups[:, TRUE]).sum())
        return apart / labels if labels else math.nan

    def _state(self) -> dict[str, Any]:
        return {
            "weights": self._weights,
            "bins": self._bins,
            "groups": self._groups,
            "shift": self._shift,
            "seen": self._seen,
            "given": self._given,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
