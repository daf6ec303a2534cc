"""A user's own schedule and optimizer, from a file outside of the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stream import build
from stream.errors import ConfigError
from stream.plugins import load
from tests.stream.streams import config, new_monitor, scores, steps, stream

MODULE = '''
import numpy as np

class Halving:
    """Half the rate after each `every` labels."""

    def __init__(self, rate, every=100):
        self.rate, self.every = rate, every

    def get(self, t):
        return self.rate * 0.5 ** (t // self.every)

class OwnAdaGrad:
    slots = 1

    def step(self, weights, state, g, rate):
        state[0] += g * g
        weights -= rate * g / (np.sqrt(state[0]) + 1e-8)

class OwnSGD:
    slots = 0

    def step(self, weights, state, g, rate):
        weights -= rate * g

class Exploding:
    slots = 0

    def step(self, weights, state, g, rate):
        weights += np.inf

class Useless:
    pass

CONSTANT = 5
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_rates.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "my_rates", raising=False)
    return "my_rates"


def test_a_schedule_of_the_users(module: str) -> None:
    ours = {"schedule": {"name": "step", "rate": 0.3, "factor": 0.5, "every": 70}}
    own = {"schedule": {"name": f"{module}:Halving", "rate": 0.3, "every": 70}}
    records = stream(1_500)
    expected = scores(steps(new_monitor(model=ours), records, 70))
    assert scores(steps(new_monitor(model=own), records, 70)) == expected


@pytest.mark.parametrize(("own", "ours"), [("OwnAdaGrad", "adagrad"), ("OwnSGD", "sgd")])
def test_an_optimizer_of_the_users(module: str, own: str, ours: str) -> None:
    records = stream(1_500)
    fields = {"categorical": ["channel"]}
    rate = {"name": "constant", "rate": 0.05}
    losses = []
    for name in (f"{module}:{own}", ours):
        model = {"optimizer": {"name": name}, "schedule": rate, "l2": 0.001}
        monitor = new_monitor(model=model, fields=fields)
        steps(monitor, records, 70)
        losses.append((monitor.prequential.log_loss, monitor.arms[0].model.learned))
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_a_step_that_is_not_finite_is_refused(module: str) -> None:
    monitor = new_monitor(model={"optimizer": {"name": f"{module}:Exploding"}})
    steps(monitor, stream(500), 70)
    model = monitor.arms[0].model
    assert model.learned == 0
    assert model.refused > 100
    assert np.all(np.isfinite(monitor.prequential.log_loss))


def test_snapshots_hold_the_users_state(module: str) -> None:
    settings = {"optimizer": {"name": f"{module}:OwnAdaGrad"}}
    records = stream(1_000)
    whole = new_monitor(model=settings)
    expected = scores(steps(whole, records, 70))
    first, second = new_monitor(model=settings), new_monitor(model=settings)
    before = scores(steps(first, records[:490], 70))
    second.restore(first.snapshot())
    assert before + scores(steps(second, records[490:], 70)) == expected


@pytest.mark.parametrize(
    ("section", "name", "line"),
    [
        ("schedule", "no_such_module:X", "cannot import no_such_module"),
        ("schedule", "my_rates:Nothing", "module my_rates has no Nothing"),
        ("schedule", "my_rates:CONSTANT", "CONSTANT is no class"),
        ("schedule", "my_rates:Useless", "a schedule has a method get"),
        ("optimizer", "my_rates:Useless", "an optimizer has slots and a method step"),
    ],
)
def test_a_wrong_plug_in_is_one_line(module: str, section: str, name: str, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        build.check(config(model={section: {"name": name}}))
    assert f"model.{section}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_working_directory_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here_only.py").write_text("class Rate:\n    get = lambda self, t: 0.1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    assert load("model.schedule", "here_only:Rate")().get(0) == 0.1
