"""So many alerts a day: a threshold that expects no more, and a cap that allows no more.

A histogram of the logits of past events, in which old events fade by event time, says how often a
threshold would have been reached in a day: the weight above it over the time that was seen, both
faded alike. The threshold is the lowest that would have been reached as often as is allowed. So the
rate of events need not be known, and more or fewer of them change nothing but the threshold.

Days differ. When more alerts have come than the day's hours account for, what is left is spread
over the rest of the day: the threshold rises, so that the best of a burst get through and late
events still have a chance, and when nothing is left there are none until the next day. The other
way round nothing happens: on a quiet day the threshold stays, and what is left is left unused.

What counts is alerts on which all rules agree, so this one decides last, knowing the others'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models import histogram
from models.compiled import compiled, inlined
from models.histogram import ABOVE, BINS, NEXT, TOTAL, Histogram
from models.kernels import sigmoid
from models.settings import positive, whole
from models.silence import ENOUGH, fallen, start_over
from models.state import come_back, leave
from models.vectors import SCORE, Codes, Floats, Ints

MONDAY = 345_600.0  # spans are counted from 1970-01-05 00:00 UTC, so that weeks begin on a Monday
LULL = 3.0  # spans with hardly an alert, before scores count as fallen for good

# Places of `clock`: event time and the time seen, faded, both in spans. Before the first event the
# time is -infinity.
NOW, SEEN = range(2)
# Places of `counts`: events since the start; of the span its number and alerts; alerts of the last
# span, and what it left; of all before, what was unused; and alerts that were held back.
EVENTS, SPAN, USED, LAST, LEFT, UNUSED, HELD = range(7)


@inlined
def _pass(now: float, allowed: int, memory: float, h: Histogram, clock: Floats, n: Ints) -> bool:
    """Let time go on; gives whether a new span begins."""
    if clock[NOW] == -math.inf:
        clock[NOW] = now
        n[SPAN] = math.floor(now)
    if now <= clock[NOW]:
        return False  # also where it seems to go back
    # What is longer than a span is an outage, not a stream with few events.
    elapsed = min(1.0, now - clock[NOW])
    fading = math.exp(-elapsed / memory)
    h.weights[NEXT] /= fading
    clock[SEEN] = fading * clock[SEEN] + (1.0 - fading) * memory
    clock[NOW] = now
    if now < n[SPAN] + 1:
        return False
    n[SPAN] = math.floor(now)
    n[LAST] = n[USED]
    n[LEFT] = allowed - n[USED]
    n[UNUSED] += allowed - n[USED]
    n[USED] = 0
    return True


@inlined
def _move(allowed: int, h: Histogram, clock: Floats, n: Ints) -> float:
    """Bring the edge to the lowest threshold that expects no more alerts than are left.

    The topmost bin always counts as above: scores too sure to be told apart are alerts until the
    cap. Gives the weight that may lie above.
    """
    edge, weights = h.edge, h.weights
    rest = n[SPAN] + 1.0 - clock[NOW]
    rate = min(float(allowed), (allowed - n[USED]) / rest)
    most: float = rate * clock[SEEN] * weights[NEXT]
    edge[0] = min(edge[0], BINS - 1) if edge[0] < BINS else edge[0]
    while edge[0] > BINS - 1:
        histogram.lower(h)
    while edge[0] < BINS - 1 and weights[ABOVE] > most:
        histogram.lift(h)
    while edge[0] > 0 and weights[ABOVE] + histogram.below_edge(h) <= most:
        histogram.lower(h)
    return most


@inlined
def _threshold(allowed: int, h: Histogram, n: Ints) -> float:
    return histogram.score_at_edge(h) if n[USED] < allowed else 1.0


@compiled
def _run(
    code: Codes,
    ts: Floats,
    logits: Floats,
    allowed: int,
    span: float,
    memory: float,
    warm_up: int,
    scores: Histogram,
    clock: Floats,
    evidence: Floats,
    counts: Ints,
    thresholds: Floats,
    alerts: Codes,
) -> None:
    most_evidence = ENOUGH / (LULL * allowed)  # for each alert that is expected
    for i in range(len(code)):
        alerts[i] = 0
        if code[i] != SCORE:
            thresholds[i] = max(thresholds[i], _threshold(allowed, scores, counts))
            continue
        now = (ts[i] - MONDAY) / span
        if _pass(now, allowed, memory, scores, clock, counts) and counts[EVENTS] >= warm_up:
            _move(allowed, scores, clock, counts)
        others = thresholds[i]
        wanted = max(others, histogram.score_at_edge(scores))
        thresholds[i] = max(others, _threshold(allowed, scores, counts))
        if wanted < 1.0 and sigmoid(logits[i]) >= wanted:
            alerts[i] = counts[USED] < allowed
            counts[USED] += alerts[i]
            counts[HELD] += 1 - alerts[i]
        histogram.add(scores, logits[i], 1.0)  # `_pass` lets the others fade
        counts[EVENTS] += 1
        if counts[EVENTS] < warm_up or counts[USED] == allowed:
            continue
        share = _move(allowed, scores, clock, counts) / scores.weights[TOTAL]
        if fallen(scores, logits[i], share, most_evidence * share, evidence):
            start_over(scores, evidence)
            clock[SEEN] = 0.0
            counts[EVENTS] = 0


class Allowance:
    """Alerts for the highest scores, about as many in each span of time as allowed and never more.

    Spans are of event time, in UTC: hours, days, or weeks from Monday. Time is the latest that any
    event had so far, so a late event counts where it arrives. Spans without events are skipped.

    Parameters
    ----------
    allowed
        Alerts in each span, at least 1.
    span
        Seconds.
    memory
        Spans after which an event's weight has fallen to 1 / e.
    warm_up
        Events without any alert, while too little is known of the scores.

    Examples
    --------
    Ten alerts a day; the third day has a tenth of the events, and no more alerts for that:

    >>> allowance = Allowance(10, span=86_400, warm_up=100)
    >>> rng = np.random.default_rng(1)
    >>> for number, events in enumerate((2_000, 2_000, 200, 2_000)):
    ...     day = 86_400 * (number + np.linspace(0, 1, events, endpoint=False))
    ...     logits, code = rng.normal(size=events), np.zeros(events, np.int8)
    ...     _, alerts = allowance.decide(code, logits, MONDAY + day, np.zeros(events))
    ...     print(alerts.sum())
    10
    10
    0
    10
    >>> allowance.last_unused
    10
    """

    def __init__(
        self, allowed: int, span: float = 86_400.0, memory: float = 5.0, warm_up: int = 1_000
    ) -> None:
        whole(1, allowed=allowed)
        positive(span=span, memory=memory)
        whole(0, warm_up=warm_up)
        self.allowed = allowed
        self.span = float(span)
        self._memory = float(memory)
        self._warm_up = warm_up
        self._scores = histogram.new()
        self._clock = np.array([-math.inf, 0.0])
        self._evidence = np.zeros(1)
        self._counts = np.zeros(7, np.int64)

    @property
    def threshold(self) -> float:
        """Threshold for the next event, if it comes in this span; 1 while none can be an alert."""
        return _threshold(self.allowed, self._scores, self._counts)

    @property
    def used(self) -> int:
        """Alerts in this span so far."""
        return int(self._counts[USED])

    @property
    def last_used(self) -> int:
        """Alerts in the span before; 0 in the first."""
        return int(self._counts[LAST])

    @property
    def last_unused(self) -> int:
        """What the span before left unused; 0 in the first."""
        return int(self._counts[LEFT])

    @property
    def unused(self) -> int:
        """What all spans before left unused."""
        return int(self._counts[UNUSED])

    @property
    def held_back(self) -> int:
        """Events that would have been alerts, had anything been left."""
        return int(self._counts[HELD])

    def decide(
        self, code: Codes, logits: Floats, ts: Floats, others: Floats
    ) -> tuple[Floats, Codes]:
        """Threshold at each operation, in order, and 0 or 1: whether its score is an alert.

        Parameters
        ----------
        code, logits, ts
            For each operation: what it does, its logit, and its event time.
        others
            The threshold that all other rules agree on, 0 if there are none.
        """
        thresholds, alerts = others.copy(), np.empty(len(code), np.int8)
        _run(
            code, ts, logits, self.allowed, self.span, self._memory, self._warm_up,
            self._scores, self._clock, self._evidence, self._counts, thresholds, alerts,
        )  # fmt: skip
        return thresholds, alerts

    def _state(self) -> dict[str, Any]:
        return {
            "scores": self._scores,
            "clock": self._clock,
            "evidence": self._evidence,
            "counts": self._counts,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
