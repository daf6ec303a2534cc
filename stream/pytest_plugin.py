"""For users' own tests: a recording through the core, so that a test can pin what a model does.

pytest loads this at each start, in every project that has Streamgauge installed beside it. So what
the fixture needs is imported when it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stream.config import Config
    from stream.monitor import Outcome
    from stream.replay import Figures


@dataclass(frozen=True, eq=False)
class Replayed:
    """What a replay gave. Two of them are the same where their fingerprints are.

    Attributes
    ----------
    fingerprint
        32 digits that depend on every event's id, on every bit of its score, and on their order.
    figures
        How well the scores did: `average_precision`, `log_loss`, `recall` … of the events that are
        measured.
    ids
        Of all events, in order.
    scores, alerts
        Shape (events,): each event's score, and whether it was an alert.
    """

    fingerprint: str
    figures: Figures
    ids: Sequence[str | int] = field(repr=False)
    scores: NDArray[np.float64] = field(repr=False)
    alerts: NDArray[np.bool_] = field(repr=False)


def replay(
    recordings: str | Path | Sequence[str | Path],
    config: str | Path | Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | None = None,
    label_delay: str = "0s",
    since: str | None = None,
    skip: int = 0,
) -> Replayed:
    """Take recordings through the same core as the service, as `streamgauge replay` does.

    Parameters
    ----------
    recordings
        A file of JSON lines, plain or .gz, or several that are one stream.
    config
        A TOML file, or what would be in one.
    overrides
        Values that outrank the config's, by dotted key: ``{"model.schedule.rate": 0.1}``.
    label_delay
        How long labels inside of event lines are held back, in event time.
    since, skip
        Which events are measured: those from this time on, without the first so many. All are
        scored and learned from.

    Raises
    ------
    StreamgaugeError
        With one line that says what is wrong with the config, a recording or an argument.
    """
    __tracebackhide__ = True
    from stream.errors import StreamgaugeError  # noqa: PLC0415

    try:
        return _replay(recordings, _config(config, overrides), label_delay, since, skip)
    except StreamgaugeError as error:
        # Without its traceback: a test's report ends at the test's own line, and at the one line.
        raise error.with_traceback(None) from None


@pytest.fixture(scope="session")
def streamgauge_replay() -> Callable[..., Replayed]:
    """Replay a recording under a config: call it, and it gives scores, figures and a fingerprint.

    `stream.pytest_plugin.replay` says what it takes.
    """
    return replay


def _config(config: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None) -> Config:
    from stream.build import check  # noqa: PLC0415
    from stream.config import load, parse  # noqa: PLC0415
    from stream.errors import ConfigError  # noqa: PLC0415

    if isinstance(config, Mapping):
        source, found = "config", parse(config, "config", overrides)
    else:
        source, found = str(config), load(Path(config), overrides)
    try:
        check(found)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    return found


def _replay(
    recordings: str | Path | Sequence[str | Path],
    config: Config,
    label_delay: str,
    since: str | None,
    skip: int,
) -> Replayed:
    import numpy as np  # noqa: PLC0415

    from stream import build  # noqa: PLC0415
    from stream.commands.arguments import argument  # noqa: PLC0415
    from stream.replay import replay as take  # noqa: PLC0415
    from stream.replay import since as measured_from  # noqa: PLC0415
    from stream.sources.recording import RecordingSource  # noqa: PLC0415
    from stream.timestamps import duration  # noqa: PLC0415

    paths = [recordings] if isinstance(recordings, str | Path) else recordings
    topics, monitor, kept = config.kafka.topics, build.monitor(config), _Kept()
    source = RecordingSource(
        [Path(path) for path in paths], build.fields(config), topics.events, topics.labels,
        argument("label_delay", label_delay, duration), codec=monitor.codec,
    )  # fmt: skip
    ledger = take(source, monitor, kept)
    start = -math.inf
    if since is not None:
        start = argument("since", since, partial(measured_from, first_time=ledger.first_time))
    return Replayed(
        monitor.chain.hex,
        ledger.figures(start, skip=skip),
        kept.ids,
        np.concatenate(kept.scores),
        np.concatenate(kept.alerts) == 1,
    )


class _Kept:
    """A sink that keeps of outcomes what a test is given, and lets their records go."""

    def __init__(self) -> None:
        self.ids: list[str | int] = []
        self.scores: list[NDArray[np.float64]] = []
        self.alerts: list[NDArray[np.int8]] = []

    def write(self, outcome: Outcome) -> None:
        self.ids += outcome.events.ids
        self.scores.append(outcome.scores)
        self.alerts.append(outcome.alerts)

    def flush(self) -> None:
        """All of it is in memory."""

    def close(self) -> None:
        """There is nothing to let go."""
