"""River's models in the service: as arms and as scorers, killed over and over, to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.service import Stage
from tests.live.test_exactly_once import PARTITIONS, PATIENT, fill, finish, run_until_killed, scored

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

# All of them decide: a bit in any would be a bit in the scores.
ARMS = """\
kind = "transactions"
[features]
max_keys = 10000
windows = ["1d", "7d"]
[decision]
mode = "mixture"
[detection]
min_labels = 5
scorers = [
  "half-space-trees", "distance", "surprise",
  { name = "river:anomaly.HalfSpaceTrees", n_trees = 5, height = 5, window_size = 50 },
  { name = "river:anomaly.LODA", n_random_cuts = 10 },
  { name = "river:time_series.HoltWinters", alpha = 0.1, as = "next-amount" },
  { name = "river:linear_model.LinearRegression", as = "amount-of-the-rest" },
]
[[challengers]]
name = "forest"
learner = { name = "river:forest.ARFClassifier", n_models = 3, grace_period = 20 }
[[challengers]]
name = "bagging"
[challengers.learner]
name = "river:ensemble.LeveragingBaggingClassifier"
n_models = 3
model = { name = "river:tree.HoeffdingTreeClassifier", grace_period = 20 }
[[challengers]]
name = "tree"
learner = { name = "river:tree.HoeffdingAdaptiveTreeClassifier", grace_period = 20 }
[[challengers]]
name = "alma"
learner = { name = "river:linear_model.ALMAClassifier" }
[[challengers]]
name = "bayes"
learner = { name = "river:naive_bayes.GaussianNB" }
[[challengers]]
name = "scaled-regression"
optimizer = { name = "adam" }
schedule = { name = "time", rate = 0.01, k = 0.001 }
[challengers.learner]
name = "river:compose.Pipeline"
steps = [
  { name = "river:preprocessing.StandardScaler" },
  { name = "river:linear_model.LogisticRegression" },
]
"""


def test_rivers_models_survive_kills_to_the_bit(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, sections=ARMS, settings=PATIENT)
    expected = fill(stage, 900)
    for point, number in (("learned", 6), ("recovered", 1)):
        run_until_killed(stage, point, number)
    service = finish(stage, expected)
    assert scored(stage, expected) == expected
    assert "back at the last commit" in service.log
