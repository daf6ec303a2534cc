"""Every name in the config leads to an arm that learns."""

from __future__ import annotations

import math

import pytest

from stream.build import DEFAULT_CHALLENGERS
from stream.events import Record
from stream.generate import Stream, transactions
from stream.learners import OPTIMIZERS, SCHEDULES
from tests.stream.streams import new_monitor, record, steps, stream

NEEDED: dict[str, dict[str, float]] = {"optimal": {}}
KNOWN_NOTHING = 0.325  # log-loss of always saying the share of fraud, one in ten


def learnable(events: int = 4_000) -> list[Record]:
    """Transactions of which one in ten is fraud, each with its label right behind it."""
    records = []
    for each in transactions(Stream(events=events, fraud=0.1)):
        truth = {"id": each["id"], "label": each.pop("label"), "ts": each["ts"]}
        records += [record(each), record(truth, "labels")]
    return records


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_learns(name: str) -> None:
    schedule = {"name": "constant", "rate": 1.0 if name == "adadelta" else 0.03}
    monitor = new_monitor(model={"optimizer": {"name": name}, "schedule": schedule, "clip": 10.0})
    steps(monitor, learnable(), 70)
    assert monitor.arms[0].model.learned == 4_000
    assert monitor.arms[0].model.refused == 0
    assert monitor.prequential.faded_log_loss < 0.7 * KNOWN_NOTHING


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("warm_up", [None, 50])
@pytest.mark.parametrize("engine", ["streamgauge", "river"])
def test_every_schedule_drives_either_engine(name: str, warm_up: int | None, engine: str) -> None:
    schedule = {"name": name, **NEEDED.get(name, {"rate": 0.05})}
    if warm_up:
        schedule["warm_up"] = warm_up
    monitor = new_monitor(
        model={"optimizer": {"name": "sgd"}, "schedule": schedule, "engine": engine}
    )
    rates = [monitor.arms[0].model.rate]
    steps(monitor, stream(1_000), 70)
    rates.append(monitor.arms[0].model.rate)
    assert math.isfinite(monitor.prequential.log_loss)
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)
    if warm_up and name != "optimal":
        assert rates[0] == pytest.approx(0.05 / 50)


def test_the_default_eight() -> None:
    monitor = new_monitor(challengers="default", decision={"mode": "mixture"})
    steps(monitor, learnable(), 70)
    assert [arm.name for arm in monitor.arms[1:]] == [each.name for each in DEFAULT_CHALLENGERS]
    assert len(monitor.arms) == 8
    losses = sorted(arm.prequential.log_loss for arm in monitor.arms)
    # ln 8 for the arms, and a little for each label's share: see `models.mixture.Mixture`.
    bound = (math.log(8) - 4_000 * math.log(1.0 - 0.01)) / 4_000
    assert monitor.prequential.log_loss <= losses[0] + bound
    assert monitor.prequential.log_loss < losses[2]
