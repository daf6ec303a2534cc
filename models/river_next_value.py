"""Regressors and forecasters of River's as scorers: how far a value is from what was expected.

Strangeness is the error over its own running mean, in which an error counts as no more than ten
times that. An event with a number that is not usable is neither scored nor learned; one for which
the model gives no number, or raises an exception, has the logit 0.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from models import pickled, tail
from models.kernels import LARGEST, usable
from models.river_arm import attempt, kept, named, occluded, revived
from models.settings import whole
from models.state import come_back, leave
from models.strangeness import Sight, Strangeness
from models.vectors import Floats

EXPLAINED = math.log(99.0)  # events from this logit on are explained
LIMIT = 1e100  # of a value as it is, either way
FAR = 10.0  # an error counts as no more than so many times the usual one


class _Errors:
    """How large errors usually are; an error's weight has halved after `memory` further ones."""

    def __init__(self, memory: int) -> None:
        self._fade = 1.0 - 0.5 ** (1.0 / memory)

    def relative(self, usual: Floats, error: float) -> float:
        """An error over the usual one, which it then joins; 0 if there is nothing to go by.

        `usual` is of shape (2,): how many there were, and their mean.
        """
        n, mean = usual.tolist()
        counted = min(error, FAR * mean) if mean > 0.0 else error
        usual[:] = n + 1.0, mean + max(1.0 / (n + 1.0), self._fade) * (counted - mean)
        return error / mean if mean > 0.0 else 0.0


class RiverNextValue:
    """A regressor, which learns one column from the others as they are at the same event.

    It learns the raw value of the column `target` from the other columns, standardised. A column's
    part is by how much smaller the error is with it at 0, and the target's is the rest.

    Parameters
    ----------
    names
        Of the dense features, the intercept's first.
    learn_below
        An event whose logit is not below this is not learned.
    make
        Gives a new regressor, the same each time.
    target
        The column's name.
    without
        Names of columns that the regressor does not see, as they know the answer.
    memory
        After so many events, an event's weight has halved: in the tail, and in the usual error.
    also
        Modules of the user's own, for `models.pickled`.

    Raises
    ------
    ValueError
        If there is no column `target`, or the state cannot be kept.
    """

    def __init__(
        self,
        names: Sequence[str],
        learn_below: float,
        make: Callable[[], Any],
        target: str,
        without: Collection[str] = (),
        memory: int = 20_000,
        also: Collection[str] = (),
    ) -> None:
        whole(1, memory=memory)
        self._names = list(names[1:])
        self._target = _place(names, target) - 1
        self._hidden = {target, *without}
        self._shown = [name for name in self._names if name not in self._hidden]
        self._learn_below = learn_below
        self._errors = _Errors(memory)
        self._also = also
        self._model = make()
        self._usual = np.zeros(2)
        self._tail = tail.new(memory)
        pickled.dumps(self._model, also)

    def run(self, sight: Sight) -> Strangeness:
        said = Strangeness(np.zeros(len(sight)), np.zeros(sight.scaled.shape))
        values = sight.raw[:, 1 + self._target].tolist()
        for i, (row, y) in enumerate(zip(sight.scaled, values, strict=True)):
            if not (usable(row[1:], LARGEST) and abs(y) <= LIMIT):
                continue
            x = {k: v for k, v in named(self._names, row).items() if k not in self._hidden}
            error = attempt(self._error, x, y)
            strangeness = 0.0 if math.isnan(error) else self._errors.relative(self._usual, error)
            if strangeness:
                z = said.logits[i] = tail.take(self._tail, strangeness)
                if z >= EXPLAINED:
                    said.parts[i] = self._parts(x, y, error)
            if said.logits[i] < self._learn_below:
                attempt(self._learn, x, y)
        return said

    def snapshot(self) -> dict[str, Any]:
        return {
            "model": kept(self._model, self._also),
            "usual": self._usual,
            "tail": leave(self._tail),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._model = revived(self._model, state["model"], self._also)
        come_back(self._usual, state["usual"])
        come_back(self._tail, state["tail"])

    def _error(self, x: dict[str, float], y: float) -> float:
        return abs(y - float(self._model.predict_one(x)))

    def _learn(self, x: dict[str, float], y: float) -> float:
        self._model.learn_one(x, y)
        return 0.0

    def _parts(self, x: dict[str, float], y: float, error: float) -> Floats:
        parts = np.zeros(1 + len(self._names))
        less = occluded(lambda seen: self._error(seen, y), x, self._shown, error)
        for name, part in zip(self._shown, np.maximum(less, 0.0), strict=True):
            parts[1 + self._names.index(name)] = part
        parts /= max(parts.sum(), error)
        parts[1 + self._target] = 1.0 - parts.sum()
        return parts


class RiverForecasts:
    """A forecaster for each series, which sees that series' values one after another.

    All of the strangeness is the target's.

    Parameters
    ----------
    names, learn_below, memory, also
        As for `RiverNextValue`.
    make
        Gives a new forecaster, the same each time.
    target
        Name of the column that has the values, as they are.
    max_keys
        Series that are kept, by the events' first key; the least recently seen is forgotten.

    Raises
    ------
    ValueError
        If there is no column `target`, or the state cannot be kept.
    """

    def __init__(
        self,
        names: Sequence[str],
        learn_below: float,
        make: Callable[[], Any],
        target: str,
        max_keys: int = 1_000,
        memory: int = 20_000,
        also: Collection[str] = (),
    ) -> None:
        whole(1, max_keys=max_keys, memory=memory)
        self._target = _place(names, target)
        self._learn_below = learn_below
        self._make = make
        self._max_keys = max_keys
        self._errors = _Errors(memory)
        self._also = also
        self._models: OrderedDict[int, Any] = OrderedDict()  # the least recently seen first
        self._usual: dict[int, Floats] = {}
        self._tail = tail.new(memory)
        pickled.dumps(make(), also)

    def run(self, sight: Sight) -> Strangeness:
        said = Strangeness(np.zeros(len(sight)), np.zeros(sight.scaled.shape))
        for i, (key, y) in enumerate(
            zip(sight.key().tolist(), sight.raw[:, self._target].tolist(), strict=True)
        ):
            if not abs(y) <= LIMIT:
                continue
            model = self._of(key)
            error = attempt(self._error, model, y)
            strangeness = 0.0
            if not math.isnan(error):
                strangeness = self._errors.relative(self._usual[key], error)
            if strangeness:
                said.logits[i] = tail.take(self._tail, strangeness)
                said.parts[i, self._target] = float(said.logits[i] >= EXPLAINED)
            if said.logits[i] < self._learn_below:
                attempt(self._learn, model, y)
        return said

    def snapshot(self) -> dict[str, Any]:
        usual = [self._usual[key] for key in self._models]
        return {
            "keys": np.array(list(self._models), np.uint64),
            "models": kept(list(self._models.values()), self._also),
            "usual": np.array(usual).reshape(-1, 2),
            "tail": leave(self._tail),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        keys, usual = (np.asarray(state[name]) for name in ("keys", "usual"))
        models = revived([], state["models"], self._also)
        kind = type(self._make())
        whole_state = (
            keys.dtype == np.uint64 and keys.ndim == 1 and usual.dtype == np.float64
            and usual.shape == (len(keys), 2) and len(models) == len(keys) <= self._max_keys
        )  # fmt: skip
        if not (whole_state and all(type(model) is kind for model in models)):
            raise ValueError(f"state does not fit at most {self._max_keys} forecasters")
        self._models = OrderedDict(zip(keys.tolist(), models, strict=True))
        self._usual = {key: row.copy() for key, row in zip(keys.tolist(), usual, strict=True)}
        come_back(self._tail, state["tail"])

    def _of(self, key: int) -> Any:
        """The forecaster of a series."""
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key]
        if len(self._models) == self._max_keys:
            del self._usual[self._models.popitem(last=False)[0]]
        self._usual[key] = np.zeros(2)
        made = self._models[key] = self._make()
        return made

    def _error(self, model: Any, y: float) -> float:
        return abs(y - float(model.forecast(1)[0]))

    def _learn(self, model: Any, y: float) -> float:
        model.learn_one(y)
        return 0.0


def _place(names: Sequence[str], target: str) -> int:
    if target not in names[1:]:
        raise ValueError(f'target = "{target}": expected one of {", ".join(names[1:])}')
    return names.index(target)
