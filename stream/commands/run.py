"""`streamgauge run`: the long-running service."""

from __future__ import annotations

import logging
import ssl
import time
from pathlib import Path
from threading import Event

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from stream import __version__, build, tls
from stream.codec import Codec
from stream.commands.arguments import argument
from stream.commands.signals import stop_event
from stream.config import Config, Kafka
from stream.disclosed import disclosed
from stream.errors import BrokerError, BrokerRefusedError, ConfigError
from stream.health import Health
from stream.logs import set_up
from stream.questions import Questions
from stream.secret import secret
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
from stream.web.settings import Http
from stream.web.writes import Writes

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
    set_up(how=config.log.format)
    stop = stop_event()
    if not recording:
        _knock(config.kafka)
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    if config.partitions.scope == "partition":
        if recording:
            raise ConfigError('--recording goes with partitions.scope = "all"')
        _by_partition(config, registry, stop, fresh=fresh)
        return
    monitor = build.monitor(config)
    topics = config.kafka.topics
    telemetry = Telemetry(monitor, registry, __version__, [topics.events, topics.labels])
    monitor.lap = telemetry.stages.lap
    health = Health(duration(config.service.stalled), config.service.ready_lag)
    http = config.http
    token = _token(http)
    feedback = None
    if token and not recording:  # which has no topic that a label could go to
        from stream.feedback import Feedback  # noqa: PLC0415 - it brings kafka-python along

        feedback = Feedback(config.kafka, build.fields(config))
    questions = Questions(topics.events, time.time)
    server = WebServer(
        create_app(
            registry,
            telemetry.state,
            telemetry.annotations,
            telemetry.recent_alerts,
            health,
            Writes(token, questions.ask, feedback.take if feedback else None) if token else None,
            disclosed(config),
        ),
        http.host,
        http.port,
        _tls(http),
    )
    server.start()
    try:
        log.info("live page %s, metrics %s/metrics", server.address, server.address)
        log.info("compiling (some ten seconds the first time, then kept on disk)")
        build.warm_up(config)

        shard: Shard
        if recording:
            codec = monitor.codec
            shard = RecordingShard(
                lambda: _from_recording(config, codec, recording, pace, delay, scores)
            )
        else:
            from stream.kafka_shard import KafkaShard  # noqa: PLC0415 - not for a recording

            shard = KafkaShard(config, monitor, telemetry.saves, fresh=fresh)
        interval, drain = duration(config.kafka.commit_interval), duration(config.service.drain)
        Service(
            shard, monitor, telemetry, health, stop, interval, drain, between=questions.answer
        ).run()
        log.info("stopped: everything read so far is scored, acknowledged and committed")
    finally:
        server.stop()
        if feedback:
            feedback.close()


def _by_partition(config: Config, registry: CollectorRegistry, stop: Event, *, fresh: bool) -> None:
    """Serve with a monitor for each partition."""
    from stream.partitions import Partitions  # noqa: PLC0415 - it brings kafka-python along

    if config.kafka.partition is not None:
        raise ConfigError("kafka.partition: `run` takes those that the group gives it")
    for name, reason in build.unmixed(config).items():
        log.warning("weights of %s are not mixed with other partitions': %s", name, reason)
    work = Partitions(config, registry, stop, fresh=fresh)
    app = create_app(
        registry, work.state, work.annotations, work.recent_alerts, work, config=disclosed(config)
    )
    server = WebServer(app, config.http.host, config.http.port, _tls(config.http))
    server.start()
    try:
        log.info("live page %s, metrics %s/metrics", server.address, server.address)
        log.info("compiling (some ten seconds the first time, then kept on disk)")
        build.warm_up(config)
        work.run()
        log.info("stopped: everything read so far is scored, acknowledged and committed")
    finally:
        server.stop()


def _knock(kafka: Kafka) -> None:
    """Be turned away, if at all, before the long way to the first record."""
    from stream.kafka import demand_entry  # noqa: PLC0415 - not for a recording

    try:
        demand_entry(kafka)
    except BrokerRefusedError:
        raise
    except BrokerError:
        pass  # is waited for, once there is a page that says so


def _token(http: Http) -> str:
    token = secret("http.token", http.token_file, http.token_env)
    if token and not (http.certificate_file or http.stays_here):
        log.warning(
            'http.host = "%s": the token goes in clear, unless a proxy with TLS is before it',
            http.host,
        )
    return token


def _tls(http: Http) -> ssl.SSLContext | None:
    if not http.certificate_file:
        return None
    password = secret("http.key_password", http.key_password_file, http.key_password_env)
    return tls.server("http", http.certificate_file, http.key_file, password)


def _from_recording(
    config: Config, codec: Codec, paths: list[Path], pace: float, delay: float, scores: Path | None
) -> tuple[Source, Sink]:
    topics = config.kafka.topics
    # A tenth of a second's records at a time, so that the pace is even.
    source = RecordingSource(
        paths, build.fields(config), topics.events, topics.labels, delay,
        min(config.kafka.max_poll_records, max(1, int(pace / 10))), codec,
    )  # fmt: skip
    log.info("reading %s at %g records a second", ", ".join(map(str, paths)), pace)
    return PacedSource(source, pace), FileSink(scores)
