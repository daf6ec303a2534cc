"""The fixture for users' tests, as pytest finds it: it replays as the command does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stream import build
from stream.cli import app
from stream.config import load
from stream.errors import ConfigError, RecordingError
from stream.generate import Stream, transactions
from stream.pytest_plugin import Replayed
from stream.sources.recording import RecordingSource

pytest_plugins = ["pytester"]

Replay = Callable[..., Replayed]
CONFIG = """
[features]
max_keys = 1_000
[labels]
max_waiting = 3_000
[model]
schedule = { name = "constant", rate = 0.1 }
[alerts]
budget = 0.05
warm_up = 200
"""


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config and a recording of two days in two files."""
    folder = tmp_path_factory.mktemp("team")
    made = Stream(events=2_000, per_day=1_000.0, fraud=0.1, seed=3)
    lines = [json.dumps(each) + "\n" for each in transactions(made)]
    for name, part in (("first", lines[:900]), ("second", lines[900:]), ("all", lines)):
        (folder / f"{name}.jsonl").write_text("".join(part))
    (folder / "team.toml").write_text(CONFIG)
    return folder


def test_scores_are_those_of_the_command(streamgauge_replay: Replay, at: Path) -> None:
    scores = at / "scores.jsonl"
    arguments = ["--config", at / "team.toml", "--label-delay", "2h", "--scores", scores]
    result = CliRunner().invoke(app, ["replay", *map(str, [at / "all.jsonl", *arguments])])
    assert result.exit_code == 0
    expected = [json.loads(line) for line in scores.read_text().splitlines()]

    got = streamgauge_replay(at / "all.jsonl", at / "team.toml", label_delay="2h")
    assert list(got.ids) == [line["id"] for line in expected]
    assert got.scores.tolist() == [line["score"] for line in expected]
    assert got.alerts.tolist() == [line["alert"] for line in expected]
    assert 0 < got.alerts.sum() < 200
    assert got.figures.events == 2_000
    assert f"{got.figures.average_precision:.5f}" in result.output


def test_the_fingerprint_is_that_of_the_scores(streamgauge_replay: Replay, at: Path) -> None:
    config = load(at / "team.toml")
    monitor = build.monitor(config)
    source = RecordingSource([at / "all.jsonl"], build.fields(config), "transactions", "labels")
    while not source.exhausted:
        monitor.step(source.poll(0.0))
    assert re.fullmatch("[0-9a-f]{32}", monitor.chain.hex)
    got = streamgauge_replay(at / "all.jsonl", at / "team.toml")
    assert got.fingerprint == monitor.chain.hex
    assert got.fingerprint != streamgauge_replay(at / "first.jsonl", at / "team.toml").fingerprint
    late = streamgauge_replay(at / "all.jsonl", at / "team.toml", label_delay="1s")
    assert got.fingerprint != late.fingerprint


def test_it_takes_paths_as_texts_and_files_as_one_stream(
    streamgauge_replay: Replay, at: Path
) -> None:
    config = at / "team.toml"
    one = streamgauge_replay(str(at / "all.jsonl"), str(config))
    two = streamgauge_replay([str(at / "first.jsonl"), at / "second.jsonl"], config)
    assert one.fingerprint == two.fingerprint


def test_overrides_outrank_a_file_and_a_mapping(streamgauge_replay: Replay, at: Path) -> None:
    rate = {"model.schedule.rate": 0.3}
    recording = at / "all.jsonl"
    mapping: dict[str, Any] = {
        "features": {"max_keys": 1_000},
        "labels": {"max_waiting": 3_000},
        "model": {"schedule": {"name": "constant", "rate": 0.1}},
        "alerts": {"budget": 0.05, "warm_up": 200},
    }
    before = json.dumps(mapping)
    plain, faster = (
        [
            streamgauge_replay(recording, config, overrides=overrides).fingerprint
            for config in (at / "team.toml", mapping)
        ]
        for overrides in (None, rate)
    )
    assert len(set(plain)) == len(set(faster)) == 1
    assert plain != faster
    assert json.dumps(mapping) == before


def test_what_is_measured(streamgauge_replay: Replay, at: Path) -> None:
    def events(**arguments: Any) -> int:
        got = streamgauge_replay(at / "all.jsonl", at / "team.toml", **arguments)
        assert len(got.ids) == len(got.scores) == len(got.alerts) == 2_000
        return got.figures.events

    times = [json.loads(line)["ts"] for line in (at / "all.jsonl").read_text().splitlines()]
    second_day = sum(ts >= Stream().start + 86_400.0 for ts in times)
    assert 500 < second_day < 1_500
    assert events(since="1d") == events(since="2025-01-02") == second_day
    assert events(skip=1_900) == 100


@pytest.mark.parametrize(
    ("recording", "config", "arguments", "kind", "line"),
    [
        ("all.jsonl", "no.toml", {}, ConfigError, "{}/no.toml: No such file or directory"),
        ("no.jsonl", "team.toml", {}, RecordingError, "{}/no.jsonl: No such file or directory"),
        ("all.jsonl", "team.toml", {"overrides": {"model.clip": 0}}, ConfigError,
         "{}/team.toml: model.clip = 0: expected a number > 0.0"),
        ("all.jsonl", "team.toml", {"overrides": {"model.optimizer.name": "best"}}, ConfigError,
         '{}/team.toml: model.optimizer.name = "best": expected one of '),
        ("all.jsonl", "team.toml", {"label_delay": "soon"}, ConfigError, "label_delay soon: "),
        ("all.jsonl", "team.toml", {"since": "soon"}, ConfigError, "since soon: "),
    ],
    ids=["config", "recording", "value", "name", "delay", "since"],
)  # fmt: skip
def test_a_mistake_is_one_line(
    streamgauge_replay: Replay,
    at: Path,
    recording: str,
    config: str,
    arguments: dict[str, Any],
    kind: type[Exception],
    line: str,
) -> None:
    with pytest.raises(kind) as raised:
        streamgauge_replay(at / recording, at / config, **arguments)
    assert str(raised.value).startswith(line.format(at))
    assert "\n" not in str(raised.value)


def test_a_report_ends_at_the_users_own_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_ours(streamgauge_replay):
            streamgauge_replay("ours.jsonl", {"labels": {"ttl": "soon"}})
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    (error,) = (line for line in result.outlines if line.startswith("E "))
    assert error.split(None, 1)[1] == (
        'stream.errors.ConfigError: config: labels.ttl = "soon": expected a duration such as 30s, '
        "1.5h or 7d"
    )
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")
    result.stdout.no_fnmatch_line("*config.py:*")


def test_where_warnings_are_errors_it_works(pytester: pytest.Pytester, at: Path) -> None:
    """In a process of its own, which imports all of it anew."""
    pytester.makepyfile(
        f"""
        def test_ours(streamgauge_replay):
            replayed = streamgauge_replay({str(at / "all.jsonl")!r}, {str(at / "team.toml")!r})
            assert replayed.figures.labels == 2_000
            assert len(repr(replayed)) < 500
        """
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def imported_by(code: str) -> Sequence[str]:
    """Modules that some code imports once pytest is there."""
    told = "import pytest, sys; before = set(sys.modules); {}; print(*set(sys.modules) - before)"
    run = subprocess.run(
        [sys.executable, "-c", told.format(code)], capture_output=True, text=True, check=True
    )
    return sorted(run.stdout.split())


def test_pytest_starts_no_slower() -> None:
    assert imported_by("import stream.pytest_plugin") == ["stream", "stream.pytest_plugin"]
