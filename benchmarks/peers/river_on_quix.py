"""River's loop on Quix Streams."""

from __future__ import annotations

from quixstreams import Application

from benchmarks.peers.arguments import BATCH, COMMIT, LINGER_MS, arguments
from benchmarks.peers.river_job import RiverJob


def main() -> None:
    """Score until ended."""
    broker, events, labels, scores, group = arguments()
    job = RiverJob()
    app = Application(
        broker_address=broker, consumer_group=group, auto_offset_reset="earliest",
        commit_interval=COMMIT, auto_create_topics=False, loglevel="WARNING",
        producer_extra_config={"linger.ms": LINGER_MS, "batch.size": BATCH},
    )  # fmt: skip
    said = app.dataframe(app.topic(events, value_deserializer="json")).apply(job.event)
    said.to_topic(app.topic(scores, value_serializer="json"), key=lambda one: str(one["id"]))
    app.dataframe(app.topic(labels, value_deserializer="json")).update(job.label)
    app.run()


if __name__ == "__main__":
    main()
