"""Card transactions, as the codec reads them: one JSON object each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import numpy as np

from models.vectors import Floats
from stream.codec import Column, Fields, Text, Time, reader
from stream.events import Record, Transactions
from stream.hashing import hashes

LARGEST = 1e15  # of an amount or a numeric feature, either way
Number = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]


@dataclass(frozen=True)
class TransactionFields(Fields):
    """Names of a transaction's fields; empty where the stream has none."""

    customer: str = "customer"
    terminal: str = "terminal"
    amount: str = "amount"
    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()

    @property
    def keys(self) -> list[str]:
        """The key columns that the stream has: "customer", "terminal"."""
        return [name for name in ("customer", "terminal") if getattr(self, name)]

    @property
    def own(self) -> Sequence[str]:
        """Those of keys, amount and further features."""
        named = [name for name in (self.customer, self.terminal, self.amount) if name]
        return [*named, *self.numeric, *self.categorical]


class TransactionReader:
    """Reads transactions under the names of `fields`."""

    time: Any = Time
    finish = None

    def __init__(self, fields: TransactionFields) -> None:
        self.fields = fields
        categorical = [(f"c{i}", name) for i, name in enumerate(fields.categorical)]
        numeric = [(f"n{i}", name) for i, name in enumerate(fields.numeric)]
        columns: list[Column] = [("id", fields.id, Text), ("ts", fields.ts, Time)]
        columns += [(key, getattr(fields, key), Text) for key in fields.keys]
        columns += [("amount", fields.amount, Number)] if fields.amount else []
        columns += [(at, name, Text | float | bool) for at, name in categorical]
        columns += [(at, name, Number) for at, name in numeric]
        self.parts = columns
        self._decode = reader(columns)
        self._numeric = [at for at, _ in numeric]
        self._categorical = categorical

    def read(self, record: Record) -> Any:
        """One transaction."""
        return self._decode(record.value)

    def columns(
        self, items: Sequence[Any], ts: Floats, appended: Floats, records: Sequence[Record]
    ) -> Transactions:
        """Transactions as columns."""
        n = len(items)
        fields = self.fields
        keys = np.empty((n, len(fields.keys)), np.uint64)
        for column, key in enumerate(fields.keys):
            keys[:, column] = hashes(list(map(attrgetter(key), items)))
        numeric = np.empty((n, len(self._numeric)))
        for column, at in enumerate(self._numeric):
            numeric[:, column] = list(map(attrgetter(at), items))
        texts = [
            [f"{name}={value}" for value in map(attrgetter(at), items)]
            for at, name in self._categorical
        ]
        categories = np.empty((n, len(texts)), np.uint64)
        for column, values in enumerate(texts):
            categories[:, column] = hashes(values)
        amount = [item.amount for item in items] if fields.amount else np.zeros(n)
        return Transactions(
            ids=[item.id for item in items],
            given_ts=[item.ts for item in items],
            ts=ts,
            appended=appended,
            records=records,
            keys=keys,
            amount=np.array(amount, np.float64),
            numeric=numeric,
            categories=categories,
            category_texts=texts,
        )
