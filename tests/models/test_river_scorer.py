"""River's detectors, regressors and forecasters as scorers without labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from river import anomaly, compose, linear_model, preprocessing, time_series

from models.river_next_value import RiverForecasts, RiverNextValue
from models.river_scorer import RiverScorer
from models.strangeness import Scorer, Sight
from tests.models.helpers import bits, cuts

NAMES = ["bias", "amount", "night", "count"]
RARE = math.log(99.0)
HoltWinters: Any = time_series.HoltWinters  # untyped by River
Make = Callable[[float], Scorer]


def _holt() -> Any:
    return HoltWinters(alpha=0.3)


class Moody(anomaly.HalfSpaceTrees):
    def score_one(self, x: dict[str, float]) -> float:  # type: ignore[override]
        if x["night"] > 1.0:
            raise RuntimeError("no")
        return 0.1 * len(x) + x["amount"]


def _detector(make: Callable[[], Any]) -> Make:
    return lambda learn_below: RiverScorer(NAMES, learn_below, make, memory=300)


def _forecasts(max_keys: int = 4) -> Make:
    return lambda learn_below: RiverForecasts(
        NAMES, learn_below, _holt, "amount", max_keys=max_keys, memory=300
    )


SCORERS: dict[str, Make] = {
    "half-space trees": _detector(
        lambda: anomaly.HalfSpaceTrees(n_trees=5, height=5, window_size=50, seed=1)
    ),
    "half-space trees behind a scaler": _detector(
        lambda: compose.Pipeline(
            preprocessing.MinMaxScaler(),
            anomaly.HalfSpaceTrees(n_trees=5, height=5, window_size=50, seed=1),
        )
    ),
    "LODA": _detector(lambda: anomaly.LODA(n_random_cuts=10, seed=1)),
    "one-class SVM": _detector(lambda: anomaly.OneClassSVM(nu=0.2)),
    "local outlier factor": _detector(lambda: anomaly.LocalOutlierFactor(5)),
    "regressor": lambda learn_below: RiverNextValue(
        NAMES, learn_below, linear_model.LinearRegression, "amount", memory=300
    ),
    "forecasts": _forecasts(),
}


def sight(n: int = 400) -> Sight:
    """Four series; the first feature follows the second, and now and then does not."""
    rng = np.random.default_rng(1)
    scaled = rng.normal(size=(n, 4))
    scaled[:, 1] = scaled[:, 2] + 0.2 * rng.normal(size=n)
    scaled[100::50, 1:] += 6.0
    scaled[150::50, 1] -= 12.0
    keys = (np.arange(n) % 4 + 1).astype(np.uint64).reshape(-1, 1)
    return Sight(scaled, 10.0 * scaled, keys, np.arange(float(n)))


def part(of: Sight, i: int, j: int) -> Sight:
    return Sight(of.scaled[i:j], of.raw[i:j], of.keys[i:j], of.ts[i:j])


@pytest.mark.parametrize("learn_below", [math.inf, RARE])
@pytest.mark.parametrize("name", SCORERS)
def test_cuts_and_restarts_change_no_bit(name: str, learn_below: float) -> None:
    events = sight(200 if name == "local outlier factor" else 400)
    events.scaled[::60, 2] = events.raw[::60, 1] = math.nan
    expected = SCORERS[name](learn_below).run(events)
    scorer, said = SCORERS[name](learn_below), []
    for i, j in cuts(len(events), 37):
        said.append(scorer.run(part(events, i, j)))
        fresh = SCORERS[name](learn_below)
        fresh.restore(scorer.snapshot())
        scorer = fresh
    assert bits(np.concatenate([s.logits for s in said])) == bits(expected.logits)
    assert bits(np.concatenate([s.parts for s in said])) == bits(expected.parts)
    assert np.isfinite(expected.logits).all()
    assert len(np.unique(expected.logits)) > 50
    assert not expected.logits[::60].any()


@pytest.mark.parametrize("name", ["half-space trees behind a scaler", "LODA", "regressor"])
def test_what_is_far_off_is_strange_and_says_why(name: str) -> None:
    said = SCORERS[name](math.inf).run(sight(1_000))
    far = np.arange(500, 1_000, 50)
    assert np.median(said.logits[far]) > math.log(9.0)
    strange = np.flatnonzero(said.logits >= RARE)
    assert len(strange)
    np.testing.assert_allclose(said.parts[strange].sum(axis=1), 1.0)
    assert not said.parts[said.logits < RARE].any()


def test_a_regressor_does_not_see_what_knows_the_answer() -> None:
    made = RiverNextValue(NAMES, math.inf, linear_model.LinearRegression, "amount", {"count"})
    assert made._shown == ["night"]


def test_each_series_has_a_forecaster_of_its_own() -> None:
    """Two series of two scales: an error is held against those of the own series."""
    n = 600
    values = np.where(np.arange(n) % 2, 1e6, 1.0) * (1.0 + 0.01 * np.sin(np.arange(n)))
    values[-2] = 2.0  # of the small one
    raw = np.zeros((n, 4))
    raw[:, 1] = values
    keys = (np.arange(n) % 2 + 1).astype(np.uint64).reshape(-1, 1)
    made = RiverForecasts(NAMES, math.inf, _holt, "amount")
    said = made.run(Sight(raw, raw, keys, np.arange(float(n))))
    assert said.logits.argmax() == n - 2
    assert said.parts[-2].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert len(made.snapshot()["keys"]) == 2


def test_forecasters_are_bounded() -> None:
    made = _forecasts(2)(math.inf)
    made.run(sight())
    assert made.snapshot()["keys"].tolist() == [3, 4]


def test_state_that_does_not_fit_is_refused() -> None:
    made = _forecasts(4)(math.inf)
    made.run(sight())
    state = made.snapshot()
    with pytest.raises(ValueError, match="at most 2 forecasters"):
        _forecasts(2)(math.inf).restore(state)
    for change in (
        {"keys": state["keys"][:3]}, {"usual": state["usual"][:3]}, {"keys": np.arange(4)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="does not fit"):
            _forecasts(4)(math.inf).restore({**state, **change})
    other = RiverScorer(NAMES, math.inf, anomaly.HalfSpaceTrees)
    with pytest.raises(ValueError, match=r"does not fit"):
        RiverScorer(NAMES, math.inf, anomaly.LODA).restore(other.snapshot())


def test_an_exception_is_an_event_without_a_word() -> None:
    made = RiverScorer(NAMES, math.inf, Moody, also={__name__})
    events = sight()
    said = made.run(events)
    assert not said.logits[events.scaled[:, 2] > 1.0].any()
    assert np.count_nonzero(said.logits) > 200


@pytest.mark.parametrize("make", [RiverNextValue, RiverForecasts])
def test_a_target_that_is_no_column(make: Any) -> None:
    with pytest.raises(
        ValueError, match=r'^target = "price": expected one of amount, night, count$'
    ):
        make(NAMES, math.inf, _holt, "price")
