"""The rules of the Numenta Anomaly Benchmark: what detections are worth, and at which threshold.

Lavin & Ahmad 2015, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA, as its code reads
them (numenta/NAB, wiki "Scoring details" and issues 83, 116, 366, 404). No code of NAB's is used.

- An anomaly is a window of rows. The first detection in it is worth ``sigmoid(y)``, more if early,
  by its position y from -1 to 0; further ones nothing. A window with none costs a false negative.
- A detection outside costs a false positive: little just after a window, by its distance from that
  window's end in lengths of the window; all of it before any window, or from 3 lengths on.
- No detection counts in the first 15 % of a series, of 5,000 rows at most.
- One threshold holds for all series. The score is on a scale where the null detector, which detects
  nothing, has 0 and a perfect one 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.vectors import Floats, Ints

PROBATION = 0.15
LONGEST = 5_000  # rows that the probation is a share of
FAR = 3.0  # window lengths
Window = tuple[int, int]  # first and last row


class Profile(NamedTuple):
    """What each detection is worth, or costs. (True negatives are worth nothing.)"""

    true_positive: float
    false_positive: float
    false_negative: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward low FP rate": Profile(1.0, 0.22, 1.0),
    "reward low FN rate": Profile(1.0, 0.11, 2.0),
}


def sigmoid(y: Floats) -> Floats:
    """From 0.987 at the start of a window, over 0 at its end, to -1 far after it."""
    return np.where(y > FAR, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(y, FAR))) - 1.0)


def probation(rows: int) -> int:
    """How many rows of a series do not count."""
    return int(PROBATION * min(rows, LONGEST))


class Worth(NamedTuple):
    """Of each row of a series as a detection: its worth, and its window's number or -1."""

    worth: Floats
    window: Ints


def worth(rows: int, windows: Sequence[Window]) -> Worth:
    """The worth of a detection at each row, before a profile's weights: at the most 1.

    >>> at = worth(12, [(2, 5)])
    >>> at.worth.round(2).tolist()
    [-1.0, -1.0, 1.0, 0.97, 0.86, 0.56, -0.68, -0.93, -0.99, -1.0, -1.0, -1.0]
    """
    row = np.arange(rows)
    value = np.full(rows, -1.0)
    window = np.full(rows, -1)
    for first, last in windows:
        width = last - first + 1
        after = (row - last) / max(width - 1, 1)
        value[last + 1 :] = sigmoid(after)[last + 1 :]
    for k, (first, last) in enumerate(windows):
        width = last - first + 1
        inside = slice(first, last + 1)
        value[inside] = sigmoid((row[inside] - last - 1) / width) / sigmoid(np.array(-1.0))
        window[inside] = k
    return Worth(value, window)


class Sweep(NamedTuple):
    """The raw score at each threshold: detections are the rows with at least that score."""

    thresholds: Floats  # falling; the first is infinite: no detection at all
    scores: Floats
    perfect: float

    def normalised(self) -> Floats:
        """Scores on the scale from 0, nothing detected, to 100, all detected at once."""
        null = self.scores[0]
        scores: Floats = 100.0 * (self.scores - null) / (self.perfect - null)
        return scores

    def best(self) -> float:
        """The threshold of the best score, the highest if there are several."""
        return float(self.thresholds[np.argmax(self.scores)])

    def at(self, threshold: float) -> float:
        """The normalised score at a threshold."""
        return float(self.normalised()[np.count_nonzero(self.thresholds >= threshold) - 1])


def sweep(scores: Sequence[Floats], windows: Sequence[Sequence[Window]], profile: Profile) -> Sweep:
    """The score of all series together at every threshold.

    `scores` are a detector's, of each row of each series: higher is stranger.
    """
    said, gains = [np.array([np.inf])], [np.array([0.0])]
    total = 0
    for score, here in zip(scores, windows, strict=True):
        total += len(here)
        start = probation(len(score))
        value, window = (part[start:] for part in worth(len(score), here))
        order = np.argsort(-score[start:], kind="stable")
        gain = np.where(window < 0, profile.false_positive * value, 0.0)[order]
        for k in range(len(here)):
            mine = np.flatnonzero(window[order] == k)
            # Detections come one by one as the threshold falls; the earliest in time counts.
            best = np.maximum.accumulate(profile.true_positive * value[order][mine])
            gain[mine] = np.diff(best, prepend=-profile.false_negative)
        said.append(score[start:][order])
        gains.append(gain)
    flat = np.concatenate(said)
    order = np.argsort(-flat, kind="stable")
    thresholds = flat[order]
    raw = np.cumsum(np.concatenate(gains)[order]) - profile.false_negative * total
    last = np.append(thresholds[1:] != thresholds[:-1], True)  # of rows with the same score
    return Sweep(thresholds[last], raw[last], profile.true_positive * total)
