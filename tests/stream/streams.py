"""What the tests share: small seeded streams, small configs, and outcomes as bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stream import messages
from stream.build import monitor
from stream.codec import REASONS
from stream.config import Config, parse
from stream.events import Record
from stream.monitor import Monitor, Outcome

START = 1_522_540_800.0  # 2018-04-01T00:00:00, a Sunday
DAY = 86_400.0

# Small enough that a stream of a few thousand records fills, expires and evicts everywhere.
SMALL: Mapping[str, Mapping[str, Any]] = {
    "features": {"max_keys": 40, "max_window_events": 500, "hash_bits": 6},
    "labels": {"max_waiting": 300, "max_early": 20, "ttl": "2d"},
    "alerts": {"budget": 0.05, "memory": 500, "warm_up": 100},
    "metrics": {"window": 200, "fading": 0.99},
    "input": {"max_record_bytes": 4096, "max_future": "1d"},
}
EXTRA = {"numeric": ["risk"], "categorical": ["channel", "country"]}  # for `[fields]`


def config(**sections: Any) -> Config:
    """A small config, with keys of its sections replaced."""
    merged = {**SMALL, **sections}
    for name in SMALL.keys() & sections.keys():
        merged[name] = {**SMALL[name], **sections[name]}
    return parse(merged, "test.toml")


def event(name: Any, ts: Any, **fields: Any) -> dict[str, Any]:
    """A transaction as the stream has it."""
    return {"id": name, "ts": ts, "customer": "c", "terminal": "t", "amount": 1.0, **fields}


def record(
    value: bytes | Mapping[str, Any],
    topic: str = "transactions",
    offset: int = 0,
    ts: float = START,
) -> Record:
    """A record of one partition; a mapping goes as JSON, and its own `ts` is the timestamp."""
    if isinstance(value, Mapping):
        ts = value["ts"] if isinstance(value.get("ts"), float | int) else ts
        value = json.dumps(value).encode()
    return Record(value, topic, 0, offset, int(ts * 1000))


def bad(draw: random.Random, ts: float) -> bytes:
    """A record for one of all the reasons."""
    good = event("bad", ts, risk=0, channel="web", country="de")
    kinds: dict[str, bytes | dict[str, Any]] = {
        "too_large": b"x" * 5000,
        "not_json": b'{"id": NaN}',
        "missing_field": {"id": "bad", "ts": ts},
        "wrong_type": {**good, "amount": True},
        "out_of_range": {**good, "amount": 1e16},
        "bad_time": {**good, "ts": "soon"},
        "future_time": {**good, "ts": ts + 10 * DAY},
    }
    value = kinds[draw.choice(REASONS)]
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def stream(n: int, seed: int = 7) -> list[Record]:
    """`n` records: events, late and early labels, corrections, repeats, late events, bad records.

    Fraud depends on amount, channel and risk; after two thirds everything that was fraud is none,
    so that the detectors have something to see.
    """
    draw = random.Random(seed)
    ts = START
    events = 0
    truths: dict[int, int] = {}
    records: list[Record] = []
    for offset in range(n):
        ts += draw.expovariate(1 / 300.0)
        kind = draw.random()
        if kind < 0.02:
            records.append(record(bad(draw, ts), offset=offset, ts=ts))
            continue
        if kind < 0.45 and events > 5:
            # mostly of a recent event; now and then of one that is yet to come, or long gone
            of = max(0, events - int(draw.expovariate(1 / 40.0)) + draw.choice([0, 0, 0, 3]))
            fallback = int(draw.random() < 0.1)
            y = truths.get(of, fallback) ^ (draw.random() < 0.03)
            label = {"id": of, "label": int(y), "ts": ts}
            records.append(record(label, "labels", offset, ts))
            continue
        name = events if draw.random() > 0.01 else max(0, events - 5)
        late = ts - draw.choice([0.0] * 20 + [100.0, 5000.0])
        amount = round(draw.lognormvariate(3.0, 1.0), 2)
        channel = draw.choice(["web", "pos", "app"])
        risk = draw.gauss(0.0, 1.0)
        odds = (amount > 40) + (channel == "web") + (risk > 0.5)
        truths[name] = int(odds >= 2) if offset < 2 * n / 3 else int(odds < 2)
        fields = {
            "customer": draw.randrange(60),
            "terminal": f"t{draw.randrange(60)}",
            "amount": amount,
            "risk": risk,
            "channel": channel,
            "country": draw.choice(["de", "fr", 7, True]),
        }
        records.append(record(event(name, late, **fields), offset=offset, ts=ts))
        events += 1
    return records


def polls(records: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    """The records, `size` at a time."""
    for start in range(0, len(records), size):
        yield records[start : start + size]


def steps(of: Monitor, records: Sequence[Record], size: int) -> list[Outcome]:
    """Take a monitor through records in polls of `size`."""
    return [of.step(poll) for poll in polls(records, size)]


def scores(outcomes: Sequence[Outcome]) -> list[bytes]:
    """Every score line."""
    return [line for outcome in outcomes for line in messages.scores(outcome)]


def told(outcomes: Sequence[Outcome]) -> dict[str, list[Any]]:
    """All that outcomes say, so that two ways to the same end can be held together."""
    return {
        "scores": scores(outcomes),
        "alerts": [line for o in outcomes for _, line in messages.alerts(o)],
        "dead": [messages.dead_letter_line(letter) for o in outcomes for letter in o.dead],
        "labelled": [number for o in outcomes for number in o.labelled.tolist()],
        "labels": [y for o in outcomes for y in o.labels.tolist()],
        "drifts": [verdict for o in outcomes for verdict in o.drifts],
    }


def new_monitor(**sections: Any) -> Monitor:
    """A monitor of a small config."""
    return monitor(config(**sections))
