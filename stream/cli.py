"""The command line. Commands import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stream.config import Config, Kafka

app = typer.Typer(
    name="streamgauge",
    help="Watch a Kafka stream: score every event with a model that keeps learning.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)

ConfigFile = Annotated[Path, typer.Argument(help="A TOML file; see deploy/examples.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Outrank a key of the config. Repeatable."),
]
LabelDelay = Annotated[
    str,
    typer.Option(
        help="Hold labels that are inside of event lines back for this long, in event time."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        help="Measure only events from this time on: ISO 8601, or a duration such as 30d "
        "after the start of the first event's day. All events are scored and learned from.",
    ),
]
Recordings = Annotated[list[Path], typer.Argument(help="JSON lines, plain or .gz, in order.")]


@contextmanager
def _one_line() -> Generator[None]:
    """A mistake that a user can mend ends the command with one line and no traceback."""
    from stream.errors import (  # noqa: PLC0415
        BrokerRefusedError,
        ConfigError,
        StreamgaugeError,
        TakenOverError,
    )

    try:
        yield
    except (ConfigError, BrokerRefusedError) as error:
        _fail(str(error), 2)
    except TakenOverError as error:
        _fail(str(error), 3)
    except (StreamgaugeError, OSError) as error:
        _fail(str(error), 1)


def _fail(message: str, code: int) -> None:
    typer.echo(f"streamgauge: {message}", err=True)
    raise typer.Exit(code)


def _load(path: Path, sets: list[str] | None) -> Config:
    """The config, with `--set` on top; a fault in either is one line."""
    from stream import build, config  # noqa: PLC0415
    from stream.errors import ConfigError  # noqa: PLC0415

    loaded = config.load(path, config.overrides(sets or []))
    try:
        build.check(loaded)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return loaded


def _version(wanted: bool) -> None:
    if wanted:
        from stream import __version__  # noqa: PLC0415

        typer.echo(f"streamgauge {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Watch a Kafka stream: score every event with a model that keeps learning."""


@app.command()
def run(
    config: ConfigFile,
    recording: Annotated[
        list[Path] | None,
        typer.Option(help="Take records from this file and not from Kafka. Repeatable."),
    ] = None,
    pace: Annotated[float, typer.Option(help="Records a second from a recording.", min=0.1)] = 500,
    label_delay: LabelDelay = "0s",
    scores: Annotated[
        Path | None, typer.Option(help="With --recording: write scores to this file.")
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Forget all that was learned: leave snapshots and journal aside, and begin anew "
            "at the group's offsets.",
        ),
    ] = False,
    sets: Set = None,
) -> None:
    """Run the service until SIGTERM or Ctrl-C.

    Reads events and labels from Kafka, writes scores, alerts, drifts and dead letters to Kafka, and
    serves the live page, /metrics, /healthz and /readyz.

    Example: `streamgauge run deploy/examples/transactions.toml --set kafka.bootstrap=broker:9092`
    """
    with _one_line():
        from stream.commands.run import run as command  # noqa: PLC0415

        command(_load(config, sets), recording or [], pace, label_delay, scores, fresh=fresh)


@app.command()
def replay(
    config: Annotated[Path, typer.Option(help="A TOML file; see deploy/examples.")],
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(
            help="JSON lines, plain or .gz, in order. Without one: what the group's journal in "
            "Kafka says that `run` was given."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SNAPSHOT",
            help="Begin with what this snapshot knows, and take what came after it: a path, a URL, "
            "or a folder, of which the newest that is whole.",
        ),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="FINGERPRINT",
            help="Exit with status 1 unless the scores had this fingerprint after some event. "
            "`snapshot show`, /api/state and the live page say what it was.",
        ),
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Write a JSON line for each event; .gz compresses.")
    ] = None,
    alerts: Annotated[Path | None, typer.Option(help="Write alerts with their reasons.")] = None,
    dead_letters: Annotated[
        Path | None, typer.Option(help="Write what could not be read, and why.")
    ] = None,
    drifts: Annotated[
        Path | None, typer.Option(help="Write what has drifted, and what the rates did.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write a page of its own: curves, days, the strangest events."),
    ] = None,
    figures: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    label_delay: LabelDelay = "0s",
    since: Since = None,
    skip: Annotated[
        int, typer.Option(help="Measure without the first events, so many of them.", min=0)
    ] = 0,
    poll: Annotated[
        int | None,
        typer.Option(help="Records of a recording taken at a time; changes nothing.", min=1),
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            help='Take a recording in so many partitions, with partitions.scope = "partition".',
            min=1,
            max=4096,
        ),
    ] = None,
    sets: Set = None,
) -> None:
    """Take what was through the same core as `run`, and say how well the scores did.

    Recordings, or the topics in the very order in which `run` took them: the scores are the same,
    to the last bit, and so is the fingerprint over all of them. No group is joined, and nothing
    is written to Kafka.

    Example: `streamgauge replay day.jsonl.gz --config deploy/examples/transactions.toml
    --label-delay 7d --scores scores.jsonl`

    Example: `streamgauge replay day.jsonl.gz --config deploy/examples/scaled.toml --partitions 8`
    says what a monitor for each of eight partitions would have scored.

    Example: `streamgauge replay --config deploy/examples/transactions.toml
    --from snapshots/streamgauge/snapshot-0000000041 --expect 5f3c09b1de7a44e2a1c0b7f6d2e89a13`
    """
    with _one_line():
        from stream.commands.replay import replay as command  # noqa: PLC0415

        command(
            recordings or [], _load(config, sets), scores, alerts, dead_letters, drifts,
            label_delay, since, skip, poll, start, expect, report, figures, partitions,
        )  # fmt: skip


@app.command()
def compare(
    recordings: Recordings,
    config: Annotated[Path, typer.Option(help="A TOML file; its `[model]` is one of the arms.")],
    label_delay: LabelDelay = "0s",
    since: Since = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file with `[[grid]]` blocks of optimizers, schedules, rates and l2: each "
            "block gives every combination. Else each schedule and optimizer at 1 to 4 rates."
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes; as many as cores if not given.", min=1, max=4096)
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run on a Dask cluster: tcp://host:8786."),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            help="log_loss, error, roc_auc, average_precision, precision or events_per_second."
        ),
    ] = "log_loss",
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML page with curves; it needs no network.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures as JSON.")] = None,
    sets: Set = None,
) -> None:
    """Find the schedule, optimizer and rate that do best on recordings.

    Takes every arm through the same core as `replay`, several on one feature pass, and prints a
    table and the best arm as a `[model]` section to paste. A broken arm is a row that says why.

    Example: `streamgauge compare day.jsonl.gz --config deploy/examples/transactions.toml
    --label-delay 7d --since 30d --sort average_precision --report out.html`

    Example of a grid: `optimizers = ["sgd", "adagrad"]`, `schedules = ["constant", { name = "time",
    k = 1e-5 }]`, `rates = [0.03, 0.1]` gives eight arms.
    """
    with _one_line():
        from stream.commands.compare import compare as command  # noqa: PLC0415

        command(
            recordings, _load(config, sets), label_delay, since, grid, jobs, dask, sort, report,
            json,
        )  # fmt: skip


@app.command()
def schedules(
    plot: Annotated[
        Path | None, typer.Option(help="Write an HTML page with a curve of each; no network.")
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Labels that the curves go to.", min=10, max=10**9)
    ] = 100_000,
) -> None:
    """List every learning rate schedule: its formula, its parameters, and its rate at some steps.

    Example: `streamgauge schedules --plot schedules.html --steps 1000000`
    """
    with _one_line():
        from stream.commands.schedules import schedules as command  # noqa: PLC0415

        command(plot, steps)


@app.command()
def record(
    config: ConfigFile,
    out: Annotated[Path, typer.Argument(help="The recording; .gz compresses.")],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on after the end of the topics, until Ctrl-C.")
    ] = False,
    mask: Annotated[
        bool, typer.Option("--mask", help="Replace texts, addresses and ids by salted hashes.")
    ] = False,
    sets: Set = None,
) -> None:
    """Write the events and labels topics into a recording, in the order in which `run` takes them.

    The service's place in the topics is not touched.

    With `--mask` it may be shown to others, and makes a test: a mail keeps its form and loses what
    people wrote.

    Example: `streamgauge record deploy/examples/transactions.toml monday.jsonl.gz`
    """
    with _one_line():
        from stream.commands.record import record as command  # noqa: PLC0415

        command(_load(config, sets), out, follow, mask)


@app.command()
def play(
    recordings: Recordings,
    config: Annotated[Path, typer.Option(help="A TOML file; see deploy/examples.")],
    pace: Annotated[float, typer.Option(help="Records a second; 0 for no limit.", min=0)] = 500,
    label_delay: LabelDelay = "0s",
    create_topics: Annotated[
        bool, typer.Option("--create-topics", help="Create the config's topics if missing.")
    ] = False,
    sets: Set = None,
) -> None:
    """Produce recordings to the events and labels topics, as if they happened now.

    Example: `streamgauge play demo.jsonl --config deploy/examples/transactions.toml
    --pace 1000 --label-delay 2h --create-topics`
    """
    with _one_line():
        from stream.commands.play import play as command  # noqa: PLC0415

        command(recordings, _load(config, sets), pace, label_delay, create_topics)


@app.command()
def explain(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="As the event has it.")],
    config: ConfigFile,
    recording: Annotated[
        list[Path] | None,
        typer.Option(help="Look in this file, from nothing on, and not in Kafka. Repeatable."),
    ] = None,
    label_delay: LabelDelay = "0s",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with all digits.")] = False,
    sets: Set = None,
) -> None:
    """Say why a past event got its score: its features, what each added, and what each arm said.

    The event is looked for in its topic, and the stream is taken again from the last snapshot
    before it, in the order of the journal, up to this event. So it has to be one that snapshots
    (`snapshot.keep`) or the whole journal (`snapshot.trim_journal = false`) lead to. A running
    service is not disturbed.

    Example: `streamgauge explain t1-20417 deploy/examples/transactions.toml`
    """
    with _one_line():
        from stream.commands.explain import explain as command  # noqa: PLC0415

        command(event_id, _load(config, sets), recording or [], label_delay, as_json=json)


@app.command()
def check(config: ConfigFile, sets: Set = None) -> None:
    """Validate a config, and look for its broker and each of its topics.

    Example: `streamgauge check deploy/examples/transactions.toml`
    """
    with _one_line():
        from stream.commands.check import check as command  # noqa: PLC0415

        command(_load(config, sets), str(config))


@app.command()
def generate(
    out: Annotated[Path, typer.Argument(help="The recording; .gz compresses, - for the terminal.")],
    kind: Annotated[str, typer.Option(help="transactions, emails or metrics.")] = "transactions",
    events: Annotated[
        int | None,
        typer.Option(help="How many: 100,000 transactions or metrics, or 5,000 emails.", min=1),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same stream.")] = 1,
    per_day: Annotated[
        float | None,
        typer.Option(
            help="Events in a day of event time: 10,000 transactions, 500 emails or 14,400 metrics."
        ),
    ] = None,
    fraud: Annotated[
        float | None, typer.Option(help="Share of transactions that is fraud: 0.02.")
    ] = None,
    spam: Annotated[float | None, typer.Option(help="Share of emails that is spam: 0.4.")] = None,
    drift_at: Annotated[
        str | None,
        typer.Option(
            help="When fraud, spam or what is usual of metrics changes, after the start: 5d. Else "
            "spam does in the middle, and the others never do."
        ),
    ] = None,
    customers: Annotated[int | None, typer.Option(help="How many customers: 1,000.")] = None,
    terminals: Annotated[int | None, typer.Option(help="How many terminals: 500.")] = None,
    series: Annotated[int | None, typer.Option(help="How many series of metrics: 50.")] = None,
    anomalies: Annotated[
        float | None, typer.Option(help="Share of metrics that is an anomaly: 0.01.")
    ] = None,
    start: Annotated[str, typer.Option(help="Event time of the start.")] = "2025-01-01T00:00:00",
) -> None:
    """Write a seeded stream of transactions, emails or metrics, with fraud, spam or anomalies.

    It drifts if it is told to.

    Example: `streamgauge generate demo.jsonl.gz --events 50000 --drift-at 3d`

    Example: `streamgauge generate mails.jsonl.gz --kind emails --events 5000`

    Example: `streamgauge generate metrics.jsonl.gz --kind metrics --drift-at 4d`
    """
    with _one_line():
        from stream.commands.generate import generate as command  # noqa: PLC0415

        command(
            out, kind, drift_at, start, events=events, seed=seed, per_day=per_day, fraud=fraud,
            spam=spam, customers=customers, terminals=terminals, series=series,
            anomalies=anomalies,
        )  # fmt: skip


snapshot = typer.Typer(
    help="Look at the snapshots that `run` writes.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(snapshot, name="snapshot")
SnapshotFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A path, or a URL: s3://…, kafka://…")
]
KafkaOf = Annotated[
    Path | None,
    typer.Option("--config", help="Whose `[kafka]` says how to reach a topic, kafka://…"),
]


def _kafka(url: str, config: Path | None, sets: list[str] | None) -> Kafka | None:
    """Where the broker is, for a topic: the defaults where no config says otherwise."""
    if not url.startswith("kafka://"):
        return None
    from stream.config import load, overrides, parse  # noqa: PLC0415

    more = overrides(sets or [])
    return (load(config, more) if config else parse({}, "--set", more)).kafka


@snapshot.command()
def ls(
    url: Annotated[
        str, typer.Argument(metavar="FOLDER", help="A path, or a URL: s3://…, kafka://TOPIC")
    ],
    config: KafkaOf = None,
    sets: Set = None,
) -> None:
    """List the snapshots of a folder, the newest first, from their headers.

    Where each partition has a monitor, and so a folder in it, those of all of them.

    Example: `streamgauge snapshot ls snapshots`

    Example: `streamgauge snapshot ls kafka://streamgauge-scaled-snapshots --config scaled.toml`
    """
    with _one_line():
        from stream.commands.snapshot import ls as command  # noqa: PLC0415

        command(url, _kafka(url, config, sets))


@snapshot.command()
def show(file: SnapshotFile, config: KafkaOf = None, sets: Set = None) -> None:
    """Show a snapshot's header, the next offset of each partition, and its parts with their sizes.

    Example: `streamgauge snapshot show snapshots/snapshot-0000000042`
    """
    with _one_line():
        from stream.commands.snapshot import show as command  # noqa: PLC0415

        command(file, _kafka(file, config, sets))


@snapshot.command()
def verify(
    url: Annotated[
        str,
        typer.Argument(
            metavar="FILE|FOLDER", help="A path, or a URL: s3://…, kafka://…; a folder: all."
        ),
    ],
    config: KafkaOf = None,
    sets: Set = None,
) -> None:
    """Read a snapshot, or all of a folder, to the last byte; exit status 1 if one is damaged.

    Example: `streamgauge snapshot verify snapshots`
    """
    with _one_line():
        from stream.commands.snapshot import verify as command  # noqa: PLC0415

        command(url, _kafka(url, config, sets))


labels = typer.Typer(
    help="Look after what sources said.", no_args_is_help=True, rich_markup_mode="markdown"
)
app.add_typer(labels, name="labels")


@labels.callback()
def _labels() -> None:
    """Look after what sources said."""


@labels.command()
def undo(
    config: ConfigFile,
    source: Annotated[
        list[str],
        typer.Option(help="Who gave the labels, as in their `source`. Repeatable."),
    ],
    sets: Set = None,
) -> None:
    """Take back all labels that one source has given: as if it had never said a word.

    Stop the service first. The stream is taken again without these labels, from the last snapshot
    before the first of them, or from the journal's beginning. What comes of it is saved as the
    newest snapshot, from which `run` goes on. Scores that were given stay as they are.

    What the source says from now on is not blocked, nor are labels of its that `run` has yet to
    read. To be rid of those, keep them out of the labels topic.

    How far back this goes is for `snapshot.keep` and `snapshot.trim_journal` to say.

    Example: `streamgauge labels undo deploy/examples/emails.toml --source reporter-7`
    """
    with _one_line():
        from stream.commands.labels import undo as command  # noqa: PLC0415

        command(_load(config, sets), source)


if __name__ == "__main__":
    sys.exit(app())
