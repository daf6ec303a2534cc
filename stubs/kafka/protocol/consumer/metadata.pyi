from collections.abc import Sequence

class ConsumerProtocolSubscription:
    topics: Sequence[str]
    user_data: bytes | None
    def __init__(self, *, version: int, topics: Sequence[str], user_data: bytes | None) -> None: ...

class ConsumerProtocolAssignment:
    user_data: bytes | None
    assigned_partitions: Sequence[tuple[str, Sequence[int]]]
    def __init__(
        self,
        *,
        version: int,
        assigned_partitions: Sequence[tuple[str, Sequence[int]]],
        user_data: bytes | None,
    ) -> None: ...
