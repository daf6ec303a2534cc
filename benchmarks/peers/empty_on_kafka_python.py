"""A loop on kafka-python that does nothing between reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.peers.arguments import SCORE, arguments
from benchmarks.peers.kafka_python_loop import loop


def main() -> None:
    """Write a line for each event until ended."""
    told = arguments()

    def take(topic: str, records: Sequence[Any], send: Callable[[str, bytes, bytes], Any]) -> None:
        if topic == told.events:
            for _ in records:
                send(told.scores, SCORE, b"1234567")

    loop(told, take)


if __name__ == "__main__":
    main()
