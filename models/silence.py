"""Whether scores have fallen for good, so that a histogram of old ones says nothing of the next.

A threshold that a share of past scores reached is reached by about that share of the next ones.
If all scores fall, as when the model starts anew or gets better, none reaches it until the old ones
have faded, which takes many times the histogram's memory. This is the test that ends the wait.

It is a CUSUM (Page 1954, "Continuous inspection schemes") on how many scores reach the bin next
below the edge, which at least the expected share does, against a tenth of that share: the evidence
is the log of the likelihood ratio, held at 0 from below. At `ENOUGH` the odds are a million to one.
A lull is no fall: a limit to what each event adds is the caller's way to say how long one may be.
"""

from __future__ import annotations

import math

from models.compiled import compiled, inlined
from models.histogram import ABOVE, BINS, NEXT, REACH, TOTAL, Histogram
from models.vectors import Floats

RATIO = 0.1  # of the expected share: what counts as fallen
ENOUGH = math.log(1e6)
_DROP = -math.log(RATIO)


@inlined
def fallen(h: Histogram, logit: float, share: float, most: float, evidence: Floats) -> bool:
    """Weigh one more score, of which `share` should be at the edge; adds at most `most`."""
    below = (h.edge[0] - 1) * (2.0 * REACH / BINS) - REACH
    drop = _DROP if logit >= below or h.edge[0] <= 1 else 0.0
    evidence[0] = max(0.0, evidence[0] + min(most, (1.0 - RATIO) * share) - drop)
    return bool(evidence[0] >= ENOUGH)


@compiled
def start_over(h: Histogram, evidence: Floats) -> None:
    """Forget all scores; the edge stays until it is moved."""
    for k in range(BINS):
        h.bins[k] = 0.0
    h.weights[NEXT] = 1.0
    h.weights[TOTAL] = 0.0
    h.weights[ABOVE] = 0.0
    evidence[0] = 0.0
