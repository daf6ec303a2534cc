from enum import IntEnum

class RebalanceProtocol(IntEnum):
    EAGER = 0
    COOPERATIVE = 1

class AbstractPartitionAssignor:
    name: str
