"""`streamgauge run`: the long-running service."""

from __future__ import annotations

import logging
from pathlib import Path

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from stream import __version__, build
from stream.commands.arguments import argument
from stream.commands.signals import stop_event
from stream.config import Config
from stream.errors import ConfigError
from stream.health import Health
from stream.service import Service
from stream.shard import RecordingShard, Shard
from stream.sinks import Sink
from stream.sinks.files import FileSink
from stream.sources import Source
from stream.sources.paced import PacedSource
from stream.sources.recording import RecordingSource
from stream.telemetry import Telemetry
from stream.timestamps import duration
from stream.web.app import create_app
from stream.web.server import WebServer

log = logging.getLogger("streamgauge")


def run(
    config: Config,
    recording: list[Path],
    pace: float,
    label_delay: str,
    scores: Path | None,
    *,
    fresh: bool,
) -> None:
    """Serve until a signal, or until the end of the recording."""
    if scores and not recording:
        raise ConfigError("--scores goes with --recording: without it scores go to their topic")
    delay = argument("--label-delay", label_delay, duration)
    _log_to_terminal()
    stop = stop_event()
    monitor = build.monitor(config)
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    telemetry = Telemetry(monitor, registry, __version__)
    health = Health(duration(config.service.stalled), config.service.ready_lag)
    server = WebServer(
        create_app(registry, telemetry.state, telemetry.annotations, health),
        config.http.host,
        config.http.port,
    )
    server.start()
    try:
        log.info("live page %s, metrics %s/metrics", server.address, server.address)
        log.info("compiling (some ten seconds the first time, then kept on disk)")
        build.warm_up(config)

        shard: Shard
        if recording:
            shard = RecordingShard(lambda: _from_recording(config, recording, pace, delay, scores))
        else:
            from stream.kafka_shard import KafkaShard  # noqa: PLC0415 - not for a recording

            shard = KafkaShard(config, monitor, fresh=fresh)
        interval, drain = duration(config.kafka.commit_interval), duration(config.service.drain)
        Service(shard, monitor, telemetry, health, stop, interval, drain).run()
        log.info("stopped: everything read so far is scored, acknowledged and committed")
    finally:
        server.stop()


def _from_recording(
    config: Config, paths: list[Path], pace: float, delay: float, scores: Path | None
) -> tuple[Source, Sink]:
    topics = config.kafka.topics
    # A tenth of a second's records at a time, so that the pace is even.
    source = RecordingSource(
        paths, build.fields(config), topics.events, topics.labels, delay, max(1, int(pace / 10))
    )
    log.info("reading %s at %g records a second", ", ".join(map(str, paths)), pace)
    return PacedSource(source, pace), FileSink(scores)


def _log_to_terminal() -> None:
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, force=True
    )
    # kafka-python logs each retry at length; what matters of it comes as our own one line.
    logging.getLogger("kafka").propagate = False
