"""Many arms at once give what each gives alone, and no arm takes the others with it."""

from __future__ import annotations

import json
import math
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from river.optim.base import Scheduler
from typer.testing import CliRunner
from typer.testing import Result as Ran

from stream import build, grid, learners
from stream.cli import app
from stream.commands.schedules import formula
from stream.compare import Result, Task, compare, drifts, ranked, run_bundle, with_arms
from stream.config import Config, load
from stream.errors import ConfigError, RecordingError
from stream.generate import Stream, transactions
from stream.monitor import Outcome
from stream.replay import Figures, replay, since
from stream.sources.recording import RecordingSource, total_bytes
from stream.workers import Workers, processes

HOUR = 3_600.0
CONFIG = """
[features]
max_keys = 1000
[labels]
max_waiting = 3000
[alerts]
budget = 0.05
warm_up = 300
[model]
optimizer = { name = "adagrad" }
schedule = { name = "constant", rate = 0.3 }
"""
GRID = """
optimizers = ["sgd", { name = "adagrad", eps = 1e-6 }]
schedules = [{ name = "time", k = 1e-3 }]
rates = [0.05, 0.2]
[[grid]]
schedules = [{ name = "optimal", alpha = 1e-3 }]
l2 = [0.0, 1e-4]
"""


class Nothing:
    """A sink for what nobody wants."""

    def write(self, outcome: Outcome) -> None:
        pass

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of four days that drifts, a config and a grid."""
    made = tmp_path_factory.mktemp("compare")
    stream = Stream(events=6_000, per_day=1_500, seed=3, fraud=0.1, drift_at=2 * 24 * HOUR)
    lines = [json.dumps(event) + "\n" for event in transactions(stream)]
    (made / "r.jsonl").write_text("".join(lines))
    (made / "c.toml").write_text(CONFIG)
    (made / "g.toml").write_text(GRID)
    return made


def task(folder: Path, **changes: Any) -> Task:
    whole = Task(load(folder / "c.toml"), (folder / "r.jsonl",), 6 * HOUR, "1d")
    return replace(whole, **changes)


def alone(of: Task, model: Mapping[str, Any]) -> Figures:
    """What `replay` says of a config with that `[model]`."""
    settings = {"optimizer": model["optimizer"], "schedule": model["schedule"], "l2": model["l2"]}
    config = load_with(of.config, settings)
    topics = config.kafka.topics
    source = RecordingSource(
        of.recordings, build.fields(config), topics.events, topics.labels, of.label_delay
    )
    ledger = replay(source, build.monitor(config), Nothing())
    assert of.measured_from is not None
    return ledger.figures(since(of.measured_from, ledger.first_time))


def load_with(config: Config, model: Mapping[str, Any]) -> Config:
    return msgspec.structs.replace(config, model=msgspec.structs.replace(config.model, **model))


@pytest.fixture(scope="module")
def results(folder: Path) -> list[Result]:
    of = task(folder)
    arms = grid.arms(of.config, grid.load(folder / "g.toml"))
    shares: list[float] = []
    found = compare(of, arms, processes(2, total_bytes(of.recordings)), shares.append)
    assert shares[-1] == 1.0
    return found


def test_every_arm_has_the_figures_that_replay_gives_it_alone(
    folder: Path, results: Sequence[Result]
) -> None:
    of = task(folder)
    assert len(results) == 7
    for result in results:
        arm = {"optimizer": result.arm.optimizer, "schedule": result.arm.schedule}
        told = alone(of, {**arm, "l2": result.arm.l2})
        assert result.figures is not None
        assert repr(result.figures) == repr(replace(told, drifts=0))  # NaN is NaN
        assert len(drifts(result, of.config)) == told.drifts
        assert result.events_per_second > 100
    assert len({r.figures.log_loss for r in results if r.figures}) == 7
    assert any(drifts(result, of.config) for result in results)


def test_curves_end_where_the_stream_does(results: Sequence[Result]) -> None:
    for result in results:
        assert result.curve is not None
        assert result.curve.labels[-1] == 6_000
        assert all(
            a < b for a, b in zip(result.curve.labels, result.curve.labels[1:], strict=False)
        )
        assert len(result.curve.labels) == len(result.curve.log_loss) == len(result.curve.rate)
    champion = next(r for r in results if r.arm.name == "champion")
    assert champion.curve is not None
    assert set(champion.curve.rate) == {0.3}


def test_ranks_by_the_measure_asked_for(results: Sequence[Result]) -> None:
    broken = Result(replace_name(results[0], "zz"), "broken")
    for by, order in {"log_loss": 1, "error": 1, "roc_auc": -1, "average_precision": -1}.items():
        found = ranked([broken, *results], by)
        assert found[-1] is broken
        values = [order * result.measure(by) for result in found[:-1]]
        assert values == sorted(values)


def replace_name(result: Result, name: str) -> Any:
    return msgspec.structs.replace(result.arm, name=name)


@dataclass(frozen=True)
class Bursts(Scheduler):
    """A user's schedule with a mistake in it."""

    rate: float = 0.1

    def get(self, t: int) -> float:
        return self.rate / (0 if t == 1_000 else 1)


def test_an_arm_that_raises_breaks_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(learners.SCHEDULES, "bursts", Bursts)
    of = task(folder)
    blocks = [grid.Block(schedules=("bursts",)), grid.Block(rates=(0.1,))]
    champion, bursts, other = run_bundle(of, grid.arms(of.config, blocks), 0)
    assert re.match(r"ZeroDivisionError: .*, after [0-9]{3} labels$", bursts.why)
    assert bursts.figures is None
    for sound in (champion, other):
        assert sound.figures is not None
        assert math.isfinite(sound.figures.log_loss)
    assert other.figures == replace(
        alone(of, {"optimizer": {"name": "sgd"}, "schedule": other.arm.schedule, "l2": 0.0}),
        drifts=0,
    )


class Fragile:
    """Threads that behave like a process pool in which one arm kills its process."""

    def __init__(self, bad: str) -> None:
        self.bad = bad
        self.ran: list[list[str]] = []

    @contextmanager
    def __call__(self) -> Iterator[Workers]:
        dead = False
        fragile = self

        class Pool(ThreadPoolExecutor):
            def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
                nonlocal dead
                names = [arm.name for arm in args[1]]
                fragile.ran.append(names)
                dead = dead or fragile.bad in names
                future: Future[Any] = Future()
                if dead:
                    future.set_exception(BrokenProcessPool("a process died"))
                else:
                    future.set_result([Result(arm) for arm in args[1]])
                return future

        with Pool() as pool:
            yield Workers(pool, 2, lambda _: 0.0)


def test_an_arm_that_kills_its_process_is_found_and_the_others_go_on(folder: Path) -> None:
    of = task(folder)
    arms = grid.arms(of.config, grid.load(folder / "g.toml"))
    start = Fragile(arms[4].name)
    found = compare(of, arms, start)
    assert [r.arm.name for r in found] == sorted(arm.name for arm in arms)
    assert {r.arm.name for r in found if r.why} == {arms[4].name}
    assert next(r.why for r in found if r.why) == "BrokenProcessPool: a process died"


def test_a_missing_recording_is_no_arms_fault(folder: Path) -> None:
    of = task(folder, recordings=(folder / "gone.jsonl",))
    with pytest.raises(RecordingError, match=r"gone\.jsonl: No such file"):
        compare(of, grid.arms(of.config, []), processes(1, 1))


def test_the_default_grid_has_every_schedule_and_optimizer() -> None:
    arms = grid.arms(Config(), grid.default())
    assert {arm.optimizer["name"] for arm in arms} == set(learners.OPTIMIZERS)
    assert {arm.schedule["name"] for arm in arms} == set(learners.SCHEDULES)
    assert len({arm.name for arm in arms}) == len(arms)
    for arm in arms:
        build.check(with_arms(Config(), [arm]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rates = [0]", "`$.rates[0]`"),
        ("rate = [1.0]", "unknown field `rate`"),
        ("optimizers = []", "`$.optimizers`"),
        ("x", "not TOML"),
        ("", "an empty grid"),
    ],
)
def test_a_wrong_grid_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "g.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        grid.load(file)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


def ask(*arguments: str | Path) -> Ran:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_prints_a_table_and_a_winner_to_paste(folder: Path) -> None:
    wrong = folder / "wrong.toml"
    wrong.write_text(GRID + '[[grid]]\noptimizers = ["sgd"]\nschedules = [{name = "time"}]\n')
    page, figures = folder / "out.html", folder / "out.json"
    ran = ask(
        "compare", folder / "r.jsonl", "--config", folder / "c.toml", "--label-delay", "6h",
        "--since", "1d", "--grid", wrong, "--jobs", "2", "--sort", "average_precision",
        "--report", page, "--json", figures,
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    whole = json.loads(figures.read_bytes())
    *rows, broken = whole["arms"]
    assert broken["broken"].startswith("model.schedule.rate: missing")
    assert "broken:" in ran.output
    assert [r["average_precision"] for r in rows] == sorted(
        (r["average_precision"] for r in rows), reverse=True
    )
    for row in rows:
        shown = f"{row['log_loss']:.5f} "
        assert any(row["name"] in line and shown in line for line in ran.output.splitlines())

    pasted = tomllib.loads(ran.output[ran.output.index("[model]") :])["model"]
    config = folder / "best.toml"
    config.write_text(CONFIG[: CONFIG.index("[model]")] + ran.output[ran.output.index("[model]") :])
    assert whole["best"] == rows[0]["name"]
    told = alone(task(folder, config=load(config)), {"l2": 0.0, **pasted})
    assert told.average_precision == rows[0]["average_precision"]
    assert told.log_loss == rows[0]["log_loss"]
    assert len(whole["drifts_of_best"]) == told.drifts

    report = page.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)\s*=\s*\"?(https?:)?//", report)
    assert len(report) > 1_000_000  # plotly.js is inside
    for row in whole["arms"]:
        assert f">{row['name']}</td>" in report
    assert "missing, and time needs it" in report
    assert report.count('class="plotly-graph-div"') == 2
    if told.drifts:
        assert "drift, by " in report


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--sort", "beauty"], "--sort beauty: expected one of log_loss, "),
        (["--since", "soon"], "--since soon: "),
        (["--label-delay", "soon"], "--label-delay soon: "),
        (["--grid", "gone.toml"], "gone.toml: No such file"),
        (["--dask", "tcp://127.0.0.1:1"], "Dask is not installed; the extra `dask` brings it"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, more: Sequence[str], says: str
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    ran = ask("compare", folder / "r.jsonl", "--config", folder / "c.toml", *more)
    assert ran.exit_code == 2
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_schedules_are_listed_and_drawn(tmp_path: Path) -> None:
    page = tmp_path / "s.html"
    ran = ask("schedules", "--plot", page, "--steps", "5000")
    assert ran.exit_code == 0, ran.output
    report = page.read_text(encoding="utf-8")
    for name, make in learners.SCHEDULES.items():
        assert f"│ {name} " in ran.output
        assert f">{name}</td>" in report
        assert formula(make) != "-", name
    assert "0.09091" in ran.output  # time-based decay after 1,000 labels
    assert report.count('class="plotly-graph-div"') == 2
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)\s*=\s*\"?(https?:)?//", report)
