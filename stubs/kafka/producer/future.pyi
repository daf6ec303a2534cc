class FutureProduceResult: ...

class FutureRecordMetadata:
    def __init__(
        self,
        produce_future: FutureProduceResult,
        batch_index: int,
        timestamp_ms: int | None,
        checksum: int | None,
        serialized_key_size: int,
        serialized_value_size: int,
        serialized_header_size: int,
    ) -> None: ...
