"""What the tests share: small seeded streams, small configs, and outcomes as bytes."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stream import messages
from stream.build import monitor
from stream.codec import OWN
from stream.config import Config, parse
from stream.events import Record
from stream.generate_emails import MailStream, emails
from stream.generate_metrics import MetricStream, metrics
from stream.monitor import Monitor, Outcome

START = 1_522_540_800.0  # 2018-04-01T00:00:00, a Sunday
DAY = 86_400.0

# Small enough that a stream of a few thousand records fills, expires and evicts everywhere.
SMALL: Mapping[str, Mapping[str, Any]] = {
    "features": {"max_keys": 40, "max_window_events": 500, "hash_bits": 6},
    "labels": {"max_waiting": 300, "max_early": 20, "ttl": "2d"},
    "alerts": {"budget": 0.05, "memory": 500, "warm_up": 100},
    "metrics": {"window": 200, "fading": 0.99},
    "drift": {"false_alarms": 1_000.0, "window": 100, "cooldown": "0s"},
    "input": {"max_record_bytes": 4096, "max_future": "1d"},
}
BAD = (  # reasons that `bad` gives records for
    "too_large", "not_json", "missing_field", "wrong_type", "out_of_range", "bad_time",
    "future_time",
)  # fmt: skip
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
    value = kinds[draw.choice(BAD)]
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
            label: dict[str, Any] = {"id": of, "label": int(y), "ts": ts}
            if of % 3:
                label["source"] = f"reporter {of % 5}"
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


def new_email_monitor(**sections: Any) -> Monitor:
    """A monitor of mails, likewise."""
    small = {name: SMALL[name] for name in ("labels", "alerts", "metrics")}
    small["email"] = {"hash_bits": 10, "max_bytes": 400}
    small["alerts"] = {**small["alerts"], "min_labels": 0}
    return monitor(parse({"kind": "emails", **small, **sections}, "test.toml"))


def email_stream(n: int, seed: int = 7) -> list[Record]:
    """`n` mails in all forms, and labels: at once, late, early, reversed, of unknown ids; bad ones.

    Some mails and labels have no time of their own.
    """
    draw = random.Random(seed)
    records: list[Record] = []
    mails = list(emails(MailStream(events=n, seed=seed, per_day=300.0)))
    for number, generated in enumerate(mails):
        mail = dict(generated)
        ts, y = mail["ts"], mail.pop("label")
        label = {"id": mail["id"], "label": y, "ts": ts, "source": mail.pop("source")}
        raw = mail.pop("raw")
        head, _, body = raw.partition("\n\n")
        mail |= draw.choice(
            [
                {"raw": raw},
                {"raw_base64": base64.b64encode(raw.encode("latin-1")).decode()},
                {"text": body},
                {"from": "a@b.example", "headers": [["Subject", head[-60:]]], "body": body},
                {"raw": "\u20ac" if draw.random() < 0.1 else raw},
            ]
        )
        if draw.random() < 0.1:
            del mail["ts"]
            label["ts"] = None
        records.append(record(mail, "emails", len(records), ts))
        of = mails[max(0, min(n - 1, number - int(draw.expovariate(1 / 20.0)) + 2))]["id"]
        late = [{**label, "id": of}, {**label, "label": 1 - y}, {**label, "source": "streamgauge"}]
        for each in [label, *late]:
            if draw.random() < (0.6 if each is label else 0.1):
                records.append(record(each, "labels", len(records), ts))
    return records


def metric_stream(n: int, seed: int = 7) -> list[Record]:
    """`n` values, most without an id, and labels: late, early, reversed, of unknown ids; bad ones.

    Some values come late, and there are more series than are kept.
    """
    draw = random.Random(seed)
    made = list(metrics(MetricStream(events=n, series=20, seed=seed, anomalies=0.1)))
    records: list[Record] = []
    names = [f"{each['series']}@{each['ts']}" for each in made]
    for number, each in enumerate(made):
        if number % 50 == 0:
            names[number] = each["id"] = f"own-{number}"
        y = each.pop("label")
        ts = START + 6.0 * number
        if draw.random() < 0.02:
            each["value"] = draw.choice([None, "5", 1e16, True])
        if draw.random() < 0.02:
            each["ts"] = "2024-12-31T23:00:00"
        records.append(record(each, "metrics", len(records), 1_735_689_600.0 + 6.0 * number))
        if draw.random() < 0.6:
            of = names[max(0, min(n - 1, number - int(draw.expovariate(1 / 20.0)) + 2))]
            label = {"id": of, "label": y ^ (draw.random() < 0.05), "ts": each["ts"]}
            label |= draw.choice([{}, {"source": "user"}, {"source": OWN}])
            records.append(record(label, "labels", len(records), 1_735_689_600.0 + ts - START))
    return records
