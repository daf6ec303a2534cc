"""Any classifier of River's as an arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from models import pickled, tail
from models.kernels import LARGEST, usable
from models.protocols import Schedule
from models.scores import Scores
from models.state import come_back, leave
from models.vectors import SCORE, Floats, Steps

BOUND = 20.0  # of a logit: probabilities of 0 and 1, which trees give, have none
EXPLAINED = math.log(99.0)  # events above this logit among the scores are explained
CHOICE = math.log(9.0)  # of a classifier that says which class and not how likely: 0.9


class RiverClassifier:
    """A classifier of River's that scores and learns the steps' vectors.

    It gets a mapping: each dense feature but the intercept by its name, each hashed slot as
    "h<slot>". Its score is the probability of `True`; one that has no probabilities gives 0.9 to
    the class that it predicts. A vector is refused, and counted, if a number is not usable: it is
    neither scored nor learned. An exception that the classifier raises is counted likewise, and the
    logit is 0; one that it raises while it learns may leave it half-learned.

    A classifier is a black box. Where its score is among the highest 1 in 100, a dense feature's
    part is what the logit loses if the feature is 0, which is the mean (Zeiler & Fergus 2014,
    occlusion); the intercept's part is what is left, and elsewhere all of it.

    Parameters
    ----------
    names
        Of the dense features, the intercept's first.
    make
        Gives a new classifier, the same each time.
    schedule
        What its optimizer goes by, if it has one.
    also
        Modules of the user's own, for `models.pickled`.

    Raises
    ------
    ValueError
        If its state cannot be kept.
    """

    def __init__(
        self,
        names: Sequence[str],
        make: Callable[[], Any],
        schedule: Schedule | None = None,
        also: Collection[str] = (),
    ) -> None:
        self.schedule = schedule
        self._names = list(names[1:])
        self._also = also
        self._model = make()
        self._tail = tail.new()  # of the odds
        self._counts = np.zeros(2, np.int64)  # labels learned, steps refused
        pickled.dumps(self._model, also)

    @property
    def rate(self) -> float:
        """Learning rate of the next label; NaN for a classifier that has none."""
        return math.nan if self.schedule is None else self.schedule.get(self.learned)

    @property
    def learned(self) -> int:
        """Labels learned so far."""
        return int(self._counts[0])

    @property
    def refused(self) -> int:
        """Steps refused so far."""
        return int(self._counts[1])

    def run(self, steps: Steps) -> Scores:
        """Carry out score and learn steps, strictly in order."""
        scores = Scores.of(steps)
        for i, (code, y, dense, slots, values) in enumerate(steps):
            good = usable(dense, LARGEST) and usable(values, LARGEST)
            if good:
                x = named(self._names, dense)
                for slot, value in zip(slots.tolist(), values.tolist(), strict=True):
                    x[f"h{slot}"] = x.get(f"h{slot}", 0.0) + value
                z = attempt(self._logit, x)
                if math.isnan(z):  # it may need to learn first
                    good = False
                else:
                    self._say(scores, i, z, x if code == SCORE else None)
                if code != SCORE:
                    learned = not math.isnan(attempt(self._learn, x, bool(y)))
                    self._counts[0] += learned
                    good = good and learned
            self._counts[1] += not good
        return scores

    def snapshot(self) -> dict[str, Any]:
        return {
            "model": kept(self._model, self._also),
            "tail": leave(self._tail),
            "counts": self._counts,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._model = revived(self._model, state["model"], self._also)
        come_back(self._tail, state["tail"])
        come_back(self._counts, state["counts"])

    def _logit(self, x: dict[str, float]) -> float:
        try:
            said = self._model.predict_proba_one(x)
        except NotImplementedError:
            chosen = self._model.predict_one(x)
            return 0.0 if chosen is None else math.copysign(CHOICE, bool(chosen) - 0.5)
        if not said:
            return 0.0
        p, q = float(said.get(True, 0.0)), float(said.get(False, 0.0))
        if not (p > 0.0 and q > 0.0):
            return 0.0 if p == q else math.copysign(BOUND, p - q) + 0.0 * (p + q)
        return min(max(math.log(p) - math.log(q), -BOUND), BOUND)

    def _learn(self, x: dict[str, float], y: bool) -> float:
        self._model.learn_one(x, y)
        return 0.0

    def _say(self, scores: Scores, i: int, z: float, x: dict[str, float] | None) -> None:
        """Write down a logit and its parts; an event `x` joins the tail of them."""
        parts = scores.dense_parts[i]
        if x and tail.take(self._tail, math.exp(z)) >= EXPLAINED:
            parts[1:] = occluded(self._logit, x, self._names, z)
        scores.logits[i] = z
        parts[0] = z - parts.sum()


def named(names: Sequence[str], dense: Floats) -> dict[str, float]:
    """Dense features as River takes them: all but the intercept, by name."""
    return dict(zip(names, dense[1:].tolist(), strict=True))


def attempt(do: Callable[..., float], *args: Any) -> float:
    """What a method of River's gives; not a number if it raises, whatever it raises."""
    try:
        return do(*args)
    except Exception:  # noqa: BLE001 - an event that a model does not take must not end the service
        return math.nan
    except BaseException as error:
        if pickled.panicked(error):
            return math.nan
        raise


def occluded(
    measure: Callable[[dict[str, float]], float],
    x: Mapping[str, float],
    names: Sequence[str],
    whole: float,
) -> Floats:
    """What a measure of `x` loses as each feature in turn is 0; 0 where it cannot be told."""
    without = [attempt(measure, {**x, name: 0.0}) for name in names]
    return np.nan_to_num(whole - np.array(without))


def kept(model: Any, also: Collection[str]) -> Any:
    """A model as bytes in an array, for a snapshot; `revived` takes it back."""
    return np.frombuffer(pickled.dumps(model, also), np.uint8)


def revived(model: Any, data: Any, also: Collection[str]) -> Any:
    """What `kept` was given, if it is of the kind of `model`."""
    made = pickled.loads(np.asarray(data, np.uint8).tobytes(), also)
    if type(made) is not type(model):
        raise ValueError(f"state of {type(made).__name__} does not fit {type(model).__name__}")
    return made
