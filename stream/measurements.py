"""Values of many series, as the codec reads them: one JSON object each.

An event need have no id: one is made of its series and time, as the stream writes them, such as
"cpu-7@2014-04-01T00:00:00Z". Labels name it by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.vectors import Floats
from stream.codec import Column, Fields, Text, Time, made_id, reader
from stream.events import Measurements, Record
from stream.hashing import hashes
from stream.transactions import Number


@dataclass(frozen=True)
class MeasurementFields(Fields):
    """Names of a measurement's fields."""

    series: str = "series"
    value: str = "value"

    @property
    def own(self) -> Sequence[str]:
        """Series and value."""
        return [self.series, self.value]

    @property
    def made_of(self) -> Sequence[str]:
        """Series and time."""
        return [self.series, self.ts]


class MeasurementReader:
    """Reads measurements under the names of `fields`."""

    time: Any = Time

    def __init__(self, fields: MeasurementFields) -> None:
        self.fields = fields
        self.parts: Sequence[Column] = [
            ("id", fields.id, Text | None),
            ("ts", fields.ts, Time),
            ("series", fields.series, Text),
            ("value", fields.value, Number),
        ]
        self._decode = reader(self.parts)

    def read(self, record: Record) -> Any:
        """One measurement."""
        return self.finish(self._decode(record.value))

    def finish(self, item: Any) -> Any:
        """The same of its parts."""
        if item.id is None:
            item.id = made_id([item.series, item.ts])
        return item

    def columns(
        self, items: Sequence[Any], ts: Floats, appended: Floats, records: Sequence[Record]
    ) -> Measurements:
        """Measurements as columns."""
        return Measurements(
            ids=[item.id for item in items],
            given_ts=[item.ts for item in items],
            ts=ts,
            appended=appended,
            records=records,
            keys=hashes([item.series for item in items]).reshape(-1, 1),
            value=np.array([item.value for item in items], np.float64),
        )
