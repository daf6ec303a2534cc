from enum import IntEnum
from typing import Any

from kafka import TopicPartition

class IsolationLevel(IntEnum):
    READ_COMMITTED: int

class Fetcher:
    class PartitionRecords:
        def __init__(
            self, fetch_offset: int, tp: TopicPartition, records: Any, **more: Any
        ) -> None: ...
        def take(self) -> list[Any]: ...
