"""Many arms over one recording, each as `replay` would take it alone.

Features do not depend on the model, so a process takes a bundle of arms through one feature pass:
the first as champion, the others as challengers, and nobody decides for another. Bundles run in
processes of this machine or on a Dask cluster (`stream.workers`). An arm that breaks is a result
that says why; one that takes its process with it is found by halving its bundle.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import msgspec
import numpy as np

from models.budget import AlertBudget
from models.kernels import logits
from models.protocols import Drift, Model
from models.scores import Scores
from models.vectors import Codes, Floats, Ints, Steps
from stream import build
from stream.build import detectors
from stream.config import Challenger, Config, DecisionSettings, DriftSettings, ModelSettings
from stream.errors import ConfigError, StreamgaugeError
from stream.monitor import Monitor
from stream.replay import Figures, Ledger, since
from stream.sources.recording import RecordingSource
from stream.workers import Shipped, Start, progress

POINTS = 400  # of a learning curve, at the most
POLL = 1_000
MOST = 32  # arms on one feature pass
UPWARD = {"log_loss", "error"}  # the smaller the better
MEASURES = {
    "log_loss": "log-loss",
    "error": "error",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "precision": "precision at budget",
    "events_per_second": "events a second",
}

BUDGET = 0.005  # alerts of each arm as a share of events, where the config has none


@dataclass(frozen=True, slots=True)
class Task:
    """What all arms have in common."""

    config: Config
    recordings: tuple[Path, ...]
    label_delay: float = 0.0
    measured_from: str | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """An arm's faded log-loss and its learning rate, against the number of labels."""

    labels: Ints
    log_loss: Floats
    rate: Floats


@dataclass(frozen=True, slots=True)
class Result:
    """How an arm did.

    Attributes
    ----------
    arm
        Its name and settings.
    why
        What broke it; "" if nothing did, and then all that follows is there.
    figures
        As of a replay with this arm alone, but for the drifts, which `drifts` finds.
    events_per_second
        Of the arm alone: the pass without the models' time, and this arm's own.
    refused
        Steps that the model refused, because a number was not finite.
    errors
        For each first label, in order, whether the arm was wrong: bits, packed.
    """

    arm: Challenger
    why: str = ""
    figures: Figures | None = None
    events_per_second: float = math.nan
    refused: int = 0
    curve: Curve | None = None
    errors: bytes = field(default=b"", repr=False)

    def measure(self, name: str) -> float:
        """One of `MEASURES`; NaN where there is none."""
        if name == "events_per_second":
            return self.events_per_second
        return math.nan if self.figures is None else float(getattr(self.figures, name))


class Guarded:
    """A model that breaks alone, and whose time is known."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.why = ""
        self.seconds = 0.0

    def run(self, steps: Steps) -> Scores:
        started = time.perf_counter()
        try:
            if not self.why:
                return self.model.run(steps)
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises
            self.why = _reason(error)
        finally:
            self.seconds += time.perf_counter() - started
        return Scores.of(steps)

    @property
    def rate(self) -> float:
        try:
            return self.model.rate
        except Exception as error:  # noqa: BLE001 - as above
            self.why = self.why or _reason(error)
            return math.nan

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, StreamgaugeError) else f"{type(error).__name__}: {text}"


def with_arms(config: Config, arms: Sequence[Challenger]) -> Config:
    """The config with other arms, where the first decides and no detector watches."""
    first, *others = arms
    model = msgspec.structs.asdict(first)
    del model["name"]
    return msgspec.structs.replace(
        config,
        model=ModelSettings(**model),
        challengers=tuple(
            msgspec.structs.replace(arm, name=f"arm-{number}") for number, arm in enumerate(others)
        ),
        decision=DecisionSettings(),
        drift=DriftSettings(signals=()),
    )


def run_bundle(
    task: Task, arms: Sequence[Challenger], place: int, shipped: Shipped | None = None
) -> list[Result]:
    """Take a bundle of arms through the recordings, on one feature pass.

    Parameters
    ----------
    task, arms
        What to do, and for whom.
    place
        Where progress is told, see `stream.workers`.
    shipped
        The recordings' names and bytes, where this process does not see their paths.
    """
    if shipped is None:
        return _Pass(task, arms).take(task.recordings, place)
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}-{name}" for number, (name, _) in enumerate(shipped)]
        for path, (_, content) in zip(paths, shipped, strict=True):
            path.write_bytes(content)
        return _Pass(task, arms).take(paths, place)


class _Pass:
    """One feature pass, and all that is kept of each arm."""

    def __init__(self, task: Task, arms: Sequence[Challenger]) -> None:
        self._task = task
        self._arms = arms
        self._config = config = with_arms(task.config, arms)
        build.warm_up(config)  # before the time is taken
        self._monitor: Monitor = build.monitor(config)
        self._models = [Guarded(arm.model) for arm in self._monitor.arms]
        self._monitor.arms = [
            replace(arm, model=cast(Model, model))
            for arm, model in zip(self._monitor.arms, self._models, strict=True)
        ]
        alerts = config.alerts
        # What is so many a day depends on time; arms are compared on a share.
        share = alerts.budget if isinstance(alerts.budget, float) else BUDGET
        self._budgets = [AlertBudget(share, alerts.memory, alerts.warm_up) for _ in arms]
        self._scores = [array("d") for _ in arms]
        self._alerts = [array("b") for _ in arms]
        self._numbers, self._labels = array("q"), array("b")
        self._curve: list[tuple[int, list[tuple[float, float]]]] = []
        self._ledger = Ledger()

    def take(self, recordings: Sequence[Path], place: int) -> list[Result]:
        topics = self._config.kafka.topics
        source = RecordingSource(
            recordings, build.fields(self._config), topics.events, topics.labels,
            self._task.label_delay, min(POLL, self._config.kafka.max_poll_records),
            self._monitor.codec,
        )  # fmt: skip
        own = [0.0 for _ in self._arms]
        started = time.perf_counter()
        while not source.exhausted:
            self._step(source, own)
            progress(place, source.bytes_read)
        took = time.perf_counter() - started
        own = [a + model.seconds for a, model in zip(own, self._models, strict=True)]
        return [self._result(k, took - sum(own) + own[k]) for k in range(len(self._arms))]

    def _step(self, source: RecordingSource, own: list[float]) -> None:
        outcome = self._monitor.step(source.poll(0.0))
        self._ledger.add(outcome)
        self._numbers.frombytes(outcome.labelled.tobytes())
        self._labels.frombytes(outcome.labels.tobytes())
        for k, budget in enumerate(self._budgets):
            started = time.perf_counter()
            scores = np.ascontiguousarray(outcome.by_arm[:, k])
            _, alerts = budget.decide(logits(scores))
            self._scores[k].frombytes(scores.tobytes())
            self._alerts[k].frombytes(alerts.tobytes())
            own[k] += time.perf_counter() - started
        if len(outcome.labels):
            now = [(arm.prequential.faded_log_loss, arm.model.rate) for arm in self._monitor.arms]
            seen = int(self._monitor.arms[0].prequential.first_confusion.sum())
            self._curve.append((seen, now))

    def _result(self, k: int, seconds: float) -> Result:
        arm, model = self._arms[k], self._models[k]
        if model.why:
            return Result(arm, f"{model.why}, after {model.learned:,} labels")
        scores = np.frombuffer(self._scores[k])
        alerts: Codes = np.frombuffer(self._alerts[k], np.int8)
        first = self._task.measured_from
        start = -math.inf if first is None else since(first, self._ledger.first_time)
        numbers = np.frombuffer(self._numbers, np.int64)
        firsts = np.sort(np.unique(numbers, return_index=True)[1])
        labels = np.frombuffer(self._labels, np.int8)[firsts]
        wrong = (scores[numbers[firsts]] > 0.5) != labels
        chosen = np.unique(np.linspace(0, len(self._curve) - 1, POINTS).round().astype(np.int64))
        points = [self._curve[i] for i in chosen] if self._curve else []
        curve = Curve(
            np.array([seen for seen, _ in points], np.int64),
            np.array([now[k][0] for _, now in points]),
            np.array([now[k][1] for _, now in points]),
        )
        return Result(
            arm, "", self._ledger.figures(start, scores, alerts), len(scores) / seconds,
            model.refused, curve, len(wrong).to_bytes(8, "little") + np.packbits(wrong).tobytes(),
        )  # fmt: skip


def compare(
    task: Task,
    arms: Iterable[Challenger],
    start: Start,
    on_progress: Callable[[float], None] = lambda _: None,
) -> list[Result]:
    """Run all arms, in order of their names in the result.

    Parameters
    ----------
    task, arms
        What to do, and for whom.
    start
        Starts workers; they end with its `with`.
    on_progress
        Called now and then with the share that is done.

    Raises
    ------
    StreamgaugeError
        If it is not an arm that is broken, but the recording or the workers.
    """
    results, sound = _checked(task.config, arms)
    failed: list[Sequence[Challenger]] = []
    with start() as workers:
        count = min(len(sound), max(workers.slots, math.ceil(len(sound) / MOST)))
        bundles = [sound[k::count] for k in range(count)]
        futures: dict[Future[list[Result]], Sequence[Challenger]] = {
            workers.submit(run_bundle, task, bundle, place): bundle
            for place, bundle in enumerate(bundles)
        }
        waiting, finished = set(futures), 0
        while waiting:
            done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                results += _result_of(future, futures[future], failed)
            finished += len(done)
            on_progress(max(workers.share(count), finished / count))
    # A process that died took the others' results with it, so each goes again in its own.
    while failed:
        bundle = failed.pop()
        halves: list[Sequence[Challenger]] = []
        with start() as workers:
            future = workers.submit(run_bundle, task, bundle, 0)
            results += _result_of(future, bundle, halves)
        middle = len(bundle) // 2
        if halves and middle:
            failed += [bundle[:middle], bundle[middle:]]
        elif halves:
            results.append(Result(bundle[0], _reason(cast(Exception, future.exception()))))
    return sorted(results, key=lambda result: result.arm.name)


def _checked(
    config: Config, arms: Iterable[Challenger]
) -> tuple[list[Result], Sequence[Challenger]]:
    """Results of arms with wrong parameters, and the arms that can start."""
    results, sound = [], []
    for arm in arms:
        try:
            build.check(with_arms(config, [arm]))
        except ConfigError as error:
            results.append(Result(arm, str(error)))
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises
            results.append(Result(arm, _reason(error)))
        else:
            sound.append(arm)
    return results, sound


def _result_of(
    future: Future[list[Result]],
    bundle: Sequence[Challenger],
    failed: list[Sequence[Challenger]],
) -> list[Result]:
    try:
        return future.result()
    except StreamgaugeError:
        raise
    except Exception:  # noqa: BLE001 - of any kind, since Dask passes on what it met
        failed.append(bundle)
        return []


def ranked(results: Iterable[Result], by: str = "log_loss") -> list[Result]:
    """The best first; then those without that measure, and the broken ones."""

    def key(result: Result) -> tuple[bool, bool, float, str]:
        value = result.measure(by)
        missing = math.isnan(value)
        return (
            bool(result.why),
            missing,
            0.0 if missing else (value if by in UPWARD else -value),
            result.arm.name,
        )

    return sorted(results, key=key)


def drifts(result: Result, config: Config) -> list[tuple[str, int]]:
    """Detector and number of labels at each drift that the config's detectors see in an arm."""
    count = int.from_bytes(result.errors[:8], "little")
    bits = np.unpackbits(np.frombuffer(result.errors[8:], np.uint8), count=count)
    errors = bits.astype(np.float64)
    found = []
    for name, detector in detectors(config).items():
        levels = detector.run(errors).levels
        found += [(name, int(at) + 1) for at in np.flatnonzero(levels == Drift.DRIFT)]
    return sorted(found, key=lambda drift: drift[1])
