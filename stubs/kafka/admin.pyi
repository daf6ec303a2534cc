from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from kafka import TopicPartition

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int = -1,
        replication_factor: int = -1,
        replica_assignments: Mapping[int, Sequence[int]] | None = None,
        topic_configs: Mapping[str, str] | None = None,
    ) -> None: ...

class KafkaAdminClient:
    def __init__(self, **configs: Any) -> None: ...
    def list_topics(self) -> list[str]: ...
    def describe_topics(self, topics: Sequence[str]) -> list[dict[str, Any]]: ...
    def alter_user_scram_credentials(self, alterations: Sequence[Any]) -> dict[str, str | None]: ...
    def create_acls(self, acls: Sequence[ACL]) -> dict[str, Any]: ...
    def describe_groups(self, group_ids: Sequence[str]) -> dict[str, dict[str, Any]]: ...
    def create_topics(self, new_topics: Sequence[NewTopic]) -> Any: ...
    def delete_topics(self, topics: Sequence[str]) -> Any: ...
    def wait_for_topics(self, topic_names: Sequence[str], timeout_ms: int = 10000) -> None: ...
    def delete_records(
        self, records_to_delete: Mapping[TopicPartition, int], timeout_ms: int | None = None
    ) -> Any: ...
    def close(self) -> None: ...

class ScramMechanism(IntEnum):
    SCRAM_SHA_256 = 1
    SCRAM_SHA_512 = 2

class UserScramCredentialUpsertion:
    def __init__(
        self, user: str, mechanism: ScramMechanism, password: str, iterations: int = 4096
    ) -> None: ...

class ResourceType(IntEnum):
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5

class ACLOperation(IntEnum):
    READ = 3

class ACLPermissionType(IntEnum):
    ALLOW = 3

class ACLResourcePatternType(IntEnum):
    LITERAL = 3

class ResourcePattern:
    def __init__(
        self,
        resource_type: ResourceType,
        resource_name: str,
        pattern_type: ACLResourcePatternType = ...,
    ) -> None: ...

class ACL:
    def __init__(
        self,
        principal: str,
        host: str,
        operation: ACLOperation,
        permission_type: ACLPermissionType,
        resource_pattern: ResourcePattern,
    ) -> None: ...
