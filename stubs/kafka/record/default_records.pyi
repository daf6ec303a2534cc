from collections.abc import Iterator
from typing import Any

class DefaultRecordBatch:
    base_offset: int
    first_timestamp: int
    is_control_batch: bool
    last_offset: int
    max_timestamp: int
    records_count: int
    size_in_bytes: int
    timestamp_type: int
    _buffer: bytearray
    _pos: int
    def __init__(self, buffer: bytes) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def _maybe_uncompress(self) -> None: ...
