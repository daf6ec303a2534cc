"""River's classifiers as arms: River's own numbers, resumed to the bit, and never the end of us."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from river import (
    base,
    compose,
    drift,
    ensemble,
    facto,
    forest,
    linear_model,
    naive_bayes,
    neighbors,
    preprocessing,
    tree,
)

from models.optimizers import AdaGrad
from models.protocols import Model
from models.river_arm import BOUND, CHOICE, RiverClassifier
from models.river_model import river_optimizer
from models.schedules import TimeBasedDecay
from models.state import leave
from models.vectors import SCORE, Steps, Vectors
from tests.models.helpers import bits, cuts, random_steps

NAMES = ["bias", "amount", "night", "count"]
Make = Callable[[], Any]
# Untyped by River.
ADWIN: Any = drift.ADWIN
GaussianNB: Any = naive_bayes.GaussianNB
MultinomialNB: Any = naive_bayes.MultinomialNB
ComplementNB: Any = naive_bayes.ComplementNB
SCHEDULE = TimeBasedDecay(0.3, k=0.01)


def _driven() -> Any:
    return linear_model.LogisticRegression(river_optimizer(AdaGrad(), SCHEDULE))


def _small(make: Any, **settings: Any) -> Make:
    return lambda: make(**settings)


def _tree() -> Any:
    return tree.HoeffdingTreeClassifier(grace_period=10, delta=0.1)


MODELS: dict[str, Make] = {
    "ARF": _small(
        forest.ARFClassifier, n_models=2, seed=1, grace_period=10, delta=0.2, lambda_value=6,
        drift_detector=ADWIN(0.1), warning_detector=ADWIN(0.3),
    ),
    "AMF": _small(forest.AMFClassifier, n_estimators=3, seed=1),
    "leveraging bagging": lambda: ensemble.LeveragingBaggingClassifier(_tree(), n_models=2, seed=1),
    "ADWIN bagging": lambda: ensemble.ADWINBaggingClassifier(_tree(), n_models=2, seed=1),
    "AdaBoost": lambda: ensemble.AdaBoostClassifier(_tree(), n_models=2, seed=1),
    "random patches": lambda: ensemble.SRPClassifier(_tree(), n_models=2, seed=1),
    "Hoeffding tree": _tree,
    "Hoeffding adaptive tree": _small(
        tree.HoeffdingAdaptiveTreeClassifier, grace_period=10, delta=0.2, seed=1
    ),
    "EFDT": _small(tree.ExtremelyFastDecisionTreeClassifier, grace_period=10),
    "SGT": _small(tree.SGTClassifier, grace_period=10, delta=0.1),
    "ALMA": _small(linear_model.ALMAClassifier),
    "PA": _small(linear_model.PAClassifier),
    "perceptron": _small(linear_model.Perceptron),
    "logistic regression": _driven,
    "softmax": _small(linear_model.SoftmaxRegression),
    "Gaussian NB": _small(GaussianNB),
    "Bernoulli NB": _small(naive_bayes.BernoulliNB),
    "multinomial NB": lambda: preprocessing.MinMaxScaler() | MultinomialNB(),
    "complement NB": lambda: preprocessing.MinMaxScaler() | ComplementNB(),
    "nearest, graph": lambda: neighbors.KNNClassifier(
        engine=neighbors.SWINN(graph_k=5, maxlen=60, warm_up=20, seed=1)
    ),
    "nearest, lazy": lambda: neighbors.KNNClassifier(engine=neighbors.LazySearch(window_size=50)),
    "factorization machine": _small(facto.FMClassifier, n_factors=3, seed=1),
    "vote": lambda: ensemble.VotingClassifier(
        [GaussianNB(), _driven()], use_probabilities=True
    ),
    "scaled": lambda: compose.Pipeline(preprocessing.StandardScaler(), _driven()),
}  # fmt: skip


def arm(make: Make) -> RiverClassifier:
    return RiverClassifier(NAMES, make, SCHEDULE)


def both(model: Model, steps: Steps, pieces: Iterator[tuple[int, int]]) -> list[bytes]:
    """Logits and dense parts as bytes, done in pieces."""
    said = [model.run(steps.rows(a, b)) for a, b in pieces]
    return [
        np.concatenate([scores.logits for scores in said]).tobytes(),
        np.concatenate([scores.dense_parts for scores in said]).tobytes(),
    ]


N = 150
STEPS = random_steps(2 * N, bad=0.02)


def second_half(model: Model, size: int) -> list[bytes]:
    return both(model, STEPS.rows(N, 2 * N), cuts(N, size))


def half_done(make: Make) -> tuple[RiverClassifier, dict[str, Any]]:
    model = arm(make)
    model.run(STEPS.rows(0, N))
    return model, pickle.loads(pickle.dumps(leave(model.snapshot())))


@pytest.fixture(scope="module")
def elsewhere() -> Mapping[str, str]:
    """Of each model: what the second half is in a process with other hashes, after the first."""
    snapshots = {name: half_done(make)[1] for name, make in MODELS.items()}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps(snapshots),
        env={**os.environ, "PYTHONHASHSEED": "4321"},
        check=True,
        capture_output=True,
    )
    return pickle.loads(done.stdout)  # type: ignore[no-any-return]


def digest(said: list[bytes]) -> str:
    return hashlib.sha256(b"".join(said)).hexdigest()


@pytest.mark.parametrize("name", MODELS)
def test_goes_on_to_the_bit(name: str, elsewhere: Mapping[str, str]) -> None:
    model, snapshot = half_done(MODELS[name])
    again = arm(MODELS[name])
    again.restore(snapshot)
    assert (again.learned, again.refused, again.rate) == (model.learned, model.refused, model.rate)
    expected = second_half(model, N)
    assert second_half(again, 7) == expected
    assert elsewhere[name] == digest(expected)
    assert model.learned > N
    assert len(set(np.frombuffer(expected[0]).round(6).tolist())) > 1


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_rivers_and_change_nothing(name: str) -> None:
    """River by hand, which scores learning steps too but nothing more often."""
    logits = arm(MODELS[name]).run(STEPS.rows(0, N)).logits
    model = MODELS[name]()
    for i, (code, y, dense, slots, values) in enumerate(STEPS.rows(0, N)):
        if not (np.abs([*dense, *values]) < 1e9).all():
            continue
        x = dict(zip(NAMES[1:], dense[1:].tolist(), strict=True))
        for slot, value in zip(slots.tolist(), values.tolist(), strict=True):
            x[f"h{slot}"] = x.get(f"h{slot}", 0.0) + value
        try:
            said = model.predict_proba_one(x)
        except (ValueError, ZeroDivisionError, NotImplementedError):
            said = {}
        p, q = said.get(True, 0.0), said.get(False, 0.0)
        if p > 0 and q > 0 and abs(logits[i]) < BOUND:
            assert logits[i] == pytest.approx(math.log(p / q), rel=1e-6, abs=1e-9)
        elif p != q and not math.isnan(p + q):
            assert logits[i] == math.copysign(BOUND, p - q)
        if code != SCORE:
            model.learn_one(x, bool(y))


def test_parts_add_up_and_name_what_made_a_score_high() -> None:
    rng = np.random.default_rng(1)
    dense = rng.normal(size=(3_000, 4))
    dense[:, 0] = 1.0
    y = (dense[:, 2] > 1.5).astype(np.int8)
    code = rng.integers(0, 2, 3_000).astype(np.int8)
    scores = arm(_small(GaussianNB)).run(Steps(code, y, Vectors.of_dense(dense)))
    np.testing.assert_allclose(scores.dense_parts.sum(axis=1), scores.logits, atol=1e-9)
    explained = np.flatnonzero(scores.dense_parts[:, 1:].any(axis=1))
    assert 5 < len(explained) < 100
    assert (scores.dense_parts[explained, 1:].argmax(axis=1) == 1).all()
    assert (code[explained] == SCORE).all()


class Moody(base.Classifier):
    """It raises at some events, and has no probabilities."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def learn_one(self, x: Mapping[Any, Any], y: Any) -> None:
        if x["night"] > 0.5:
            raise RuntimeError("not at night")
        self.seen.append(x["amount"])

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> Any:
        if x["count"] > 1.0:
            raise ZeroDivisionError
        return None if not self.seen else x["amount"] > 0


def test_an_exception_is_a_refusal() -> None:
    rows = np.array([
        [1.0, 2.0, 0.0, 0.0],  # learned, scored as unknown
        [1.0, 2.0, 0.0, 0.0],  # chosen
        [1.0, -2.0, 0.0, 0.0],  # not chosen
        [1.0, 2.0, 0.0, 2.0],  # cannot be scored
        [1.0, 2.0, 1.0, 0.0],  # cannot be learned
        [1.0, math.nan, 0.0, 0.0],  # neither
    ])  # fmt: skip
    code = np.array([1, 0, 0, 0, 2, 3], np.int8)
    model = RiverClassifier(NAMES, Moody, also={__name__})
    scores = model.run(Steps(code, np.ones(6, np.int8), Vectors.of_dense(rows)))
    expected = [0.0, CHOICE, -CHOICE, 0.0, CHOICE, 0.0]
    assert scores.logits.tolist() == scores.dense_parts[:, 0].tolist() == expected
    assert (model.learned, model.refused) == (1, 3)
    assert math.isnan(model.rate)


def test_a_rust_panic_is_a_refusal() -> None:
    class Panicking(Moody):
        def learn_one(self, x: Mapping[Any, Any], y: Any) -> None:
            ADWIN()._helper.__setstate__(b"")

    model = RiverClassifier(NAMES, Moody, also={__name__})
    model._model = Panicking()
    row = Vectors.of_dense(np.ones((1, 4)))
    model.run(Steps(np.ones(1, np.int8), np.ones(1, np.int8), row))
    assert (model.learned, model.refused) == (0, 1)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_stop_is_no_refusal(error: type[BaseException]) -> None:
    class Stopping(Moody):
        def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> Any:
            raise error

    model = RiverClassifier(NAMES, Moody, also={__name__})
    model._model = Stopping()
    with pytest.raises(error):
        model.run(STEPS.rows(0, 1))


def test_a_schedule_drives_it() -> None:
    model = arm(_driven)
    rates = []
    for a, b in cuts(N, 50):
        rates.append(model.rate)
        model.run(STEPS.rows(a, b))
    assert rates == sorted(rates, reverse=True)
    assert model._model.optimizer.learning_rate == model.rate == SCHEDULE.get(model.learned)


def test_each_object_in_an_ensemble_has_an_optimizer_of_its_own() -> None:
    make: Any = ensemble.BaggingClassifier
    bag = make(_driven(), n_models=3, seed=1)
    assert len({id(model.optimizer) for model in bag}) == 3


def test_state_of_another_model_does_not_fit() -> None:
    _, snapshot = half_done(MODELS["ALMA"])
    with pytest.raises(ValueError, match="ALMAClassifier does not fit GaussianNB"):
        arm(MODELS["Gaussian NB"]).restore(snapshot)


def test_a_model_that_cannot_be_kept_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="Moody is not known here"):
        RiverClassifier(NAMES, Moody)


def test_hashes_do_not_matter_to_the_state_either() -> None:
    model, snapshot = half_done(MODELS["logistic regression"])
    assert bits(leave(model.snapshot())["counts"]) == bits(snapshot["counts"])


if __name__ == "__main__":
    given = pickle.loads(sys.stdin.buffer.read())
    found = {}
    for name, snapshot in given.items():
        model = arm(MODELS[name])
        model.restore(snapshot)
        said = second_half(model, 11)
        # And the whole run, from the beginning.
        assert second_half(half_done(MODELS[name])[0], N) == said, name
        found[name] = digest(said)
    sys.stdout.buffer.write(pickle.dumps(found))
