"""River's loop on Faust."""

from __future__ import annotations

import faust

from benchmarks.peers.arguments import BATCH, COMMIT, LINGER_MS, arguments
from benchmarks.peers.river_job import RiverJob


def main() -> None:
    """Score until ended."""
    broker, events, labels, scores, group = arguments()
    job = RiverJob()
    app = faust.App(
        group, broker=f"kafka://{broker}", store="memory://", web_enabled=False,
        topic_disable_leader=True, broker_commit_interval=COMMIT,
        consumer_auto_offset_reset="earliest", producer_linger=LINGER_MS / 1_000,
        producer_max_batch_size=BATCH, value_serializer="json", stream_wait_empty=False,
    )  # fmt: skip
    out = app.topic(scores, value_serializer="json")

    @app.agent(app.topic(events))
    async def score(stream: faust.Stream[dict[str, object]]) -> None:
        async for event in stream:
            said = job.event(event)
            out.send_soon(key=str(said["id"]).encode(), value=said)

    @app.agent(app.topic(labels))
    async def learn(stream: faust.Stream[dict[str, object]]) -> None:
        async for label in stream:
            job.label(label)

    faust.Worker(app, loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main()
