"""What can go wrong, and whose it is to mend.

::

    StreamgaugeError
    ├── ConfigError      the config file is wrong: stops the start
    ├── RecordingError   a recording cannot be read: stops the replay
    ├── WorkersError     a Dask cluster cannot be used: stops the comparison
    ├── SnapshotError    a snapshot cannot be written, read or used: stops the start, not the loop
    │   └── SnapshotDamagedError   it is torn or changed: the one before it is used
    ├── RecoveryError    the way back to where a killed service was is cut: stops the start
    ├── TakenOverError   another worker goes on with the work: stops this one, with status 3
    ├── LostError        the work or a transaction is lost: begun again from the last commit
    └── BrokerError      Kafka says no: retried with back-off, shown at /readyz
        └── BrokerRefusedError   wrong password, CA or permission: stops the start, with status 2

A bad record is none of these: it is data (`stream.events.DeadLetter`), and the loop goes on.
Each message is one line for the user, with no traceback.
"""


class StreamgaugeError(Exception):
    """Something that a user can mend; its message is one line and says what and where."""


class ConfigError(StreamgaugeError):
    """A config names a wrong file, key or value."""


class RecordingError(StreamgaugeError):
    """A recording is missing, torn, or no recording."""


class WorkersError(StreamgaugeError):
    """A Dask cluster cannot be reached, or has no workers."""


class SnapshotError(StreamgaugeError):
    """A snapshot cannot be written, read or used: no room, no permission, another feature set."""


class SnapshotDamagedError(SnapshotError):
    """A snapshot is torn or changed; the one before it will do."""


class RecoveryError(StreamgaugeError):
    """Records or journal entries that recovery needs are gone, or lead to other scores."""


class LostError(StreamgaugeError):
    """What was done since the last commit will never be valid, and memory is ahead of it."""


class TakenOverError(StreamgaugeError):
    """Another worker of the group has the work."""


class BrokerError(StreamgaugeError):
    """The broker cannot be reached, or lacks a topic; it may come back."""


class BrokerRefusedError(BrokerError):
    """The broker knows us and says no."""
