"""River's objects from a config: what is made, and what is said where it cannot be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from models.river_arm import RiverClassifier
from models.river_next_value import RiverForecasts, RiverNextValue
from models.river_scorer import RiverScorer
from stream import build
from stream.config import parse
from stream.errors import ConfigError
from stream.river_names import kind_of, make, modules, takes_optimizer

TREE = {"name": "river:tree.HoeffdingTreeClassifier", "grace_period": 50}


def config(**sections: Any) -> Any:
    return parse({"features": {"max_keys": 100}, "labels": {"max_waiting": 100}, **sections}, "c")


def test_objects_in_objects() -> None:
    made = make(
        "model.learner",
        {
            "name": "river:compose.Pipeline",
            "steps": [
                {"name": "river:preprocessing.StandardScaler"},
                {
                    "name": "river:ensemble.LeveragingBaggingClassifier",
                    "model": TREE,
                    "n_models": 3,
                },
            ],
        },
    )
    steps = list(made.steps.values())
    assert [type(step).__name__ for step in steps] == [
        "StandardScaler", "LeveragingBaggingClassifier",
    ]  # fmt: skip
    assert steps[1].model.grace_period == 50
    assert steps[1].seed == 1
    assert kind_of("x", made) == "classifier"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("forest.ARFClassifier", "classifier"), ("linear_model.ALMAClassifier", "classifier"),
        ("naive_bayes.GaussianNB", "classifier"), ("anomaly.HalfSpaceTrees", "detector"),
        ("anomaly.LODA", "detector"), ("linear_model.LinearRegression", "regressor"),
        ("time_series.SNARIMAX", "forecaster"), ("forest.ARFRegressor", "regressor"),
    ],
)  # fmt: skip
def test_what_a_model_does(name: str, kind: str) -> None:
    needs = {"p": 1, "d": 0, "q": 0} if name.endswith("SNARIMAX") else {}
    assert kind_of("x", make("x", {"name": f"river:{name}", **needs})) == kind


def test_who_takes_an_optimizer() -> None:
    assert takes_optimizer("x", {"name": "river:linear_model.LogisticRegression"})
    assert not takes_optimizer("x", TREE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "river:forest.ARFClasifier"}, "class here; expected river:forest.ARFClassifier"),
        ({"name": "river:os.system"}, "no such class here"),
        ({"name": "river:utils.pretty.print_table"}, "no such class here"),
        ({**TREE, "grace": 1}, "x.grace = 1: no such key; river:tree.Hoeff"),
        ({"name": "river:ensemble.BaggingClassifier"}, "x.model: missing, and "),
        ({"name": "river:anomaly.OneClassSVM", "nu": "much"}, "OneClassSVM refuses its "),
        ({**TREE, "delta": float("inf")}, "x.delta = "),
        ({"name": "plain"}, 'x.name = "plain": expected river:package.Class, or module:function'),
        ({}, "x.name: expected river:package.Class"),
        ({"name": "no_such_module:f"}, "cannot import no_such_module"),
    ],
)  # fmt: skip
def test_mistakes_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make("x", settings)
    assert message in str(error.value)


def test_what_draws_at_random_gets_a_seed() -> None:
    assert make("x", {"name": "river:forest.AMFClassifier"}).seed == 1
    assert make("x", {"name": "river:forest.AMFClassifier", "seed": 5}).seed == 5


def test_a_users_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_river.py").write_text(
        "from river import linear_model\n\n"
        "def make_model(l2=0.0):\n    return linear_model.LogisticRegression(l2=l2)\n",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    settings = {"name": "my_river:make_model", "l2": 0.5}
    assert make("x", settings).l2 == 0.5
    assert modules({"a": [settings]}) == {"my_river"}
    monitor = build.monitor(config(model={"learner": settings}))
    assert isinstance(monitor.arms[0].model, RiverClassifier)


def test_arms_and_scorers_of_a_config() -> None:
    made = build.monitor(
        config(
            challengers=[
                {"name": "tree", "learner": TREE},
                {
                    "name": "driven",
                    "learner": {"name": "river:linear_model.LogisticRegression"},
                    "schedule": {"name": "time", "rate": 0.1, "k": 0.01},
                },
            ],
            detection={
                "scorers": [
                    {"name": "river:anomaly.LODA", "n_random_cuts": 5},
                    {"name": "river:linear_model.LinearRegression", "as": "amounts"},
                    {
                        "name": "river:time_series.HoltWinters",
                        "alpha": 0.1,
                        "target": "amount",
                        "as": "next-amount",
                    },
                ]
            },
        )
    )
    names = [arm.name for arm in made.arms]
    assert names == ["champion", "tree", "driven", "loda", "amounts", "next-amount", "label-free"]
    assert made.arms[2].model.rate == 0.1
    assert made.label_free
    kinds = [type(s) for s in made.label_free.detection._scorers.values()]
    assert kinds == [RiverScorer, RiverNextValue, RiverForecasts]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"learner": {"name": "river:anomaly.LODA"}}},
         "a detector does not learn from labels; expected it among detection.scorers"),
        ({"model": {"learner": {"name": "forest"}}},
         'model.learner.name = "forest": expected logistic, river:package.Class or module:'),
        ({"model": {"learner": TREE, "l2": 0.1}}, "model.l2: has no effect on the learner river:"),
        ({"model": {"learner": TREE, "schedule": {"name": "constant", "rate": 0.1}}},
         "model.schedule: has no effect on the learner"),
        ({"model": {"learner": TREE, "on_drift": {}}}, "model.on_drift: has no effect"),
        ({"model": {"learner": {"name": "logistic", "l2": 1}}},
         "model.learner.l2: no such key; logistic has none"),
        ({"model": {"learner": {"name": "river:linear_model.LogisticRegression"},
                    "optimizer": {"name": "dog"}}}, "model.optimizer.name: River runs "),
        ({"detection": {"scorers": [TREE]}}, "a classifier learns from labels"),
        ({"detection": {"scorers": [{"name": "river:anomaly.LODA", "target": "amount"}]}},
         'detection.scorers[0].target = "amount": no such key; a detector has none'),
        ({"detection": {"scorers": [{"name": "river:linear_model.LinearRegression",
                                     "target": "price"}]}},
         'detection.scorers[0].target = "price": expected one of '),
        ({"detection": {"scorers": ["river:anomaly.LODA", "river:anomaly.LODA"]}},
         "loda named twice"),
    ],
)  # fmt: skip
def test_what_a_config_may_not_say(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build.check(config(**sections))
    assert message in str(error.value)
