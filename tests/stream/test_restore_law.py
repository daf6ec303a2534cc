"""The law of restarts: stop anywhere, go on in a new process, and it is as if you never stopped.

For every optimizer, schedule, detector, rule and set of features that a config can name, alone and
together. What is to be the same is everything: each score's bits, and each bit of the last state.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.drift.calibrated import CALIBRATED
from models.river_model import _OPTIMIZERS
from stream import build
from stream.learners import OPTIMIZERS, SCHEDULES
from tests.models.helpers import bits
from tests.stream.elsewhere import Elsewhere, Run, after, before, saved
from tests.stream.streams import EXTRA, SMALL, steps

OWN_OPTIMIZER = "tests.stream.elsewhere:OwnOptimizer"
OWN_SCHEDULE = "tests.stream.elsewhere:OwnSchedule"
RIVERS = sorted(name for name, made in OPTIMIZERS.items() if made in _OPTIMIZERS)
# So that all of them change within a few hundred labels.
QUICK: dict[str, dict[str, float]] = {
    "step": {"every": 40},
    "exponential": {"k": 0.01},
    "time": {"k": 0.01},
    "cosine": {"period": 30},
}
# `[alerts]`: one rule, the other, and all.
MEMORY = {"memory": 500, "warm_up": 50}
RULES: list[dict[str, Any]] = [
    {"budget": 0.05, "min_labels": 0, **MEMORY},
    {"false_positive_rate": 0.3, "confidence": 0.6, "min_labels": 0, **MEMORY},
    {"budget": 0.4, "false_positive_rate": 0.3, "confidence": 0.6, "min_labels": 5, **MEMORY},
]
RULES += [{"budget": "9/hour", "min_labels": 0, "warm_up": 50}]
# Of `[detection]`: ours, and River's.
SCORERS: list[Any] = [
    {"name": "half-space-trees", "trees": 3, "depth": 4, "window": 100},
    {"name": "distance", "memory": 200},
    {"name": "river:anomaly.HalfSpaceTrees", "n_trees": 2, "height": 3, "window_size": 30},
    {"name": "river:anomaly.LODA", "n_random_cuts": 3, "as": "loda"},
]
TREE = {"name": "river:tree.HoeffdingTreeClassifier", "grace_period": 20}
LIMITED = {"per_source": 6, "per": "6h", "max_class_share": 0.7, "max_sources": 4}


def schedule(name: str, rate: float = 0.1) -> dict[str, Any]:
    """One by its name, as a config has it."""
    needed = {} if name == "optimal" else {"rate": rate}
    return {"name": name, **needed, **QUICK.get(name, {})}


def arm(engine: str, optimizer: str, of: str, **more: Any) -> dict[str, Any]:
    return {"engine": engine, "optimizer": {"name": optimizer}, "schedule": schedule(of), **more}


def every_arm() -> list[dict[str, Any]]:
    """Each engine with each of its optimizers, and every schedule on the way."""
    schedules = cycle([*SCHEDULES, OWN_SCHEDULE])
    ours = [arm("streamgauge", name, next(schedules)) for name in OPTIMIZERS]
    rivers = [arm("river", name, next(schedules)) for name in RIVERS]
    return [*ours, *rivers, arm("streamgauge", OWN_OPTIMIZER, next(schedules))]


def armed(arms: list[dict[str, Any]]) -> dict[str, Any]:
    """Of a config: the first arm as the champion, the others beside it."""
    named = [{"name": f"arm-{number}", **each} for number, each in enumerate(arms[1:])]
    return {"model": arms[0], "challengers": named}


def everything(mode: str, **sections: Any) -> dict[str, Any]:
    """A config with all that can be in one."""
    small = {**SMALL, "labels": {**SMALL["labels"], **LIMITED}, "alerts": RULES[2]}
    deciding = {"mode": mode, "level": 0.9, "reign": 50}
    watching = {**SMALL["drift"], "detectors": list(CALIBRATED), "false_alarms": 10_000.0}
    return {**small, **armed(every_arm()), "decision": deciding, "drift": watching, **sections}


def mails(**sections: Any) -> dict[str, Any]:
    """A config of mails in place of transactions."""
    del sections["features"]
    return {"kind": "emails", "email": {"hash_bits": 10, "max_bytes": 400}, **sections}


ALL = Run(config=everything("mixture", fields=EXTRA), length=2_500, stop=1_600)
SLIDING = {**SMALL["features"], "aggregates": "sliding", "windows": ["6h", "1d", "9d"]}
FREE = {"labels": SMALL["labels"], "alerts": RULES[0]}  # without what bounds labels and alerts
ALL_SLIDING = Run(
    config=everything("switch", fields=EXTRA, features=SLIDING, **FREE), length=3_000, stop=1_700
)
DETECTING = {"scorers": [*SCORERS, {"name": "surprise", "max_keys": 7}], "min_labels": 300}
ALL_DETECTING = Run(
    config={
        **SMALL, "fields": EXTRA, "alerts": RULES[0], "detection": DETECTING,
        "challengers": [{"name": "tree", "learner": TREE}, {"name": "again", "on_drift": {}}],
        "decision": {"mode": "mixture"},
    },
    length=1_500, stop=900,
)  # fmt: skip
ALL_METRICS = Run(
    config={
        "kind": "metrics", **{k: v for k, v in SMALL.items() if k not in ("fields", "features")},
        "alerts": RULES[0],
        "detection": {"scorers": [*SCORERS[:2], "next-value"], "min_labels": 40},
    },
    length=1_200, stop=800,
)  # fmt: skip
ALL_MAILS = Run(config=mails(**everything("switch", **FREE)), length=400, stop=300)


@st.composite
def learning(draw: st.DrawFn) -> dict[str, Any]:
    """An arm's engine, optimizer, schedule and bounds."""
    engine = draw(st.sampled_from(["streamgauge", "river"]))
    known = RIVERS if engine == "river" else [*OPTIMIZERS, OWN_OPTIMIZER]
    made = arm(
        engine, draw(st.sampled_from(known)), draw(st.sampled_from([*SCHEDULES, OWN_SCHEDULE]))
    )
    if draw(st.integers(0, 4)) == 0:
        return {"learner": TREE}
    if engine == "streamgauge" and not made["optimizer"]["name"].startswith("tests"):
        made |= draw(st.sampled_from([{}, {}, {"on_drift": {"delta": 0.3, "trial": 30}}]))
    if draw(st.booleans()):
        made["schedule"]["warm_up"] = draw(st.sampled_from([1, 40]))
    bounds = {"l2": 0.001, "clip": 0.5, "max_weight": 0.5}
    return made | {name: bound for name, bound in bounds.items() if draw(st.booleans())}


@st.composite
def featured(draw: st.DrawFn) -> dict[str, Any]:
    """Of a config: the kind of events, and what is looked at in them."""
    windows = draw(st.sampled_from([["1h"], ["6h", "1d", "9d"]]))
    keys = draw(st.sampled_from([1, 7, 40]))
    kind = draw(st.sampled_from(["transactions", "emails", "metrics"]))
    if kind == "metrics":
        use = {"windows": windows, "max_keys": keys, "aggregates": "sliding"}
        scorers = [
            "next-value",
            *draw(st.lists(st.sampled_from(SCORERS), max_size=2, unique_by=id)),
        ]
        return {"kind": kind, "features": use, "detection": detecting(draw, scorers)}
    if kind == "emails":
        bits = draw(st.sampled_from([8, 12]))
        email = {"hash_bits": bits, "max_bytes": 400, "windows": windows, "max_keys": keys}
        return {"kind": "emails", "email": email, "reasons": {"text": draw(st.booleans())}}
    of: dict[str, Any] = {
        name: "" for name in ("customer", "terminal", "amount") if draw(st.booleans())
    }
    of |= {name: fields for name, fields in EXTRA.items() if draw(st.booleans())}
    features = {
        "windows": windows,
        "max_keys": keys,
        "aggregates": draw(st.sampled_from(["decayed", "sliding"])),
        "max_window_events": draw(st.sampled_from([1, 50, 500])),
        "hash_bits": draw(st.sampled_from([1, 6])),
    }
    found = {"fields": of, "features": features}
    scorers = draw(st.lists(st.sampled_from([*SCORERS, "surprise"]), max_size=3, unique_by=id))
    return found | ({"detection": detecting(draw, scorers)} if scorers else {})


def detecting(draw: st.DrawFn, scorers: list[Any]) -> dict[str, Any]:
    """`[detection]` with these scorers."""
    return {
        "scorers": scorers,
        "min_labels": draw(st.sampled_from([0, 20, 10_000])),
        "learn_from": draw(st.sampled_from(["all", "below_threshold"])),
        "threshold": 0.9,
    }


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Any config, and a stop anywhere."""
    waiting = {"max_waiting": draw(st.sampled_from([1, 50, 300])), "max_early": 20}
    expiring = {"ttl": "2d", "expire_as": draw(st.sampled_from(["unlabelled", "negative"]))}
    limits = {name: limit for name, limit in LIMITED.items() if draw(st.booleans())}
    config = {
        **draw(featured()),
        **armed(draw(st.lists(learning(), min_size=1, max_size=4))),
        "input": SMALL["input"],
        "metrics": SMALL["metrics"],
        "labels": {**waiting, **expiring, **limits},
        "alerts": draw(st.sampled_from(RULES)),
        "decision": {
            "mode": draw(st.sampled_from(["fixed", "switch", "mixture"])),
            "level": 0.9,
            "reign": draw(st.sampled_from([0, 50])),
        },
        "drift": {
            "detectors": draw(st.lists(st.sampled_from(list(CALIBRATED)), unique=True)),
            "window": draw(st.sampled_from([100, 5_000])),
        },
    }
    length = 100 if config.get("kind") == "emails" else 700
    stop = draw(st.integers(0, length))
    sizes = draw(st.tuples(*[st.sampled_from([1, 13, 1_000])] * 2))
    return Run(config=config, seed=draw(st.integers(0, 3)), length=length, stop=stop, sizes=sizes)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    process = Elsewhere(tmp_path_factory.mktemp("elsewhere"))
    yield process
    process.close()


@pytest.mark.parametrize(
    "run",
    [ALL, ALL_SLIDING, ALL_MAILS, ALL_DETECTING, ALL_METRICS],
    ids=["all", "sliding", "mails", "detecting", "metrics"],
)
def test_before_and_after_the_stop_everything_moves(run: Run) -> None:
    """So that the law is one about something."""
    new, monitor = build.monitor(run.settings()).snapshot(), before(run)
    at_stop = bits(monitor.snapshot())
    outcomes = steps(monitor, run.records[run.stop :], 1_000)
    for name, state in monitor.snapshot().items():
        if state == {}:
            continue  # an arm that says what scorers say
        assert bits(new[name]) != at_stop[name] != bits(state), name
    assert sum(int(o.alerts.sum()) for o in outcomes) > 10
    if run is ALL_SLIDING:
        assert {each.detector for o in outcomes for each in o.drifts} >= set(CALIBRATED)


def obeys(run: Run, elsewhere: Elsewhere) -> None:
    """Run it both ways, at the same time."""
    monitor = before(run)
    elsewhere.start(run, saved(run, monitor))
    expected = after(run, monitor, run.sizes[0])
    assert elsewhere.answer() == expected


every_run = given(runs())
quick = settings(max_examples=15, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@quick
@example(ALL)
@example(ALL_SLIDING)
@example(ALL_MAILS)
@example(ALL_DETECTING)
@example(ALL_METRICS)
@every_run
def test_stopping_changes_nothing(elsewhere: Elsewhere, run: Run) -> None:
    obeys(run, elsewhere)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(quick, max_examples=20)
@every_run
def test_stopping_changes_nothing_whatever_the_config(elsewhere: Elsewhere, run: Run) -> None:
    obeys(run, elsewhere)
