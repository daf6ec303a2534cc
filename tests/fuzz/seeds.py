"""Good inputs of every reader, to begin with, and words that they are made of."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from river import linear_model

from models import pickled
from stream import journal, snapshot_file
from stream.events import Record
from stream.generate import Stream, transactions
from stream.generate_emails import MailStream, emails
from stream.generate_metrics import MetricStream, metrics
from stream.journal import Order
from stream.snapshot_file import CHECKSUM, PREFIX
from stream.snapshot_header import Header
from stream.sources.recording import wrap
from tests.fuzz.targets import SIZES

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
LABELS = [
    b'L{"id": "t1-1", "label": 1, "ts": 1750000000.0, "source": "user-17"}',
    b'L{"id": 7, "label": 0}',
]
MIME = b"""From: =?utf-8?q?Ann_B?= <ann@shop.example>\r
To: b@c.example\r
Subject: =?iso-8859-1?B?RnJlZQ==?= =?utf-8?q?_l=6Fan?=\r
Received: from a.example ([192.0.2.1]) by b.example; Mon, 6 Jan 2025 10:00:00 +0000\r
Content-Type: multipart/mixed; boundary="x"\r
\r
--x\r
Content-Type: text/html; charset="utf-8"\r
Content-Transfer-Encoding: quoted-printable\r
\r
<a href=3D"http://xn--80ak6aa92e.example/a?b=3Dc">cl&#105;ck</a> <img src=3Dx width=3D1>\r
<!-- h --><font color=3D"#fff" style=3D"display:none">fr</font>ee v.i.a.g.r.a\r
--x\r
Content-Type: application/zip; name="a.pdf.exe"\r
Content-Transfer-Encoding: base64\r
\r
UEsDBBQAAAAIAA==\r
--x--\r
"""
JSON = ('"id":', '"ts":', '"label":', "1e308", "-1e308", "NaN", "null", "[[[[", "\\ud800")
WORDS: Mapping[str, Sequence[str]] = {
    "transactions": (*JSON, '"customer":', '"amount":', "2025-01-01T00:00:00Z", "+23:59"),
    "metrics": (*JSON, '"series":', '"value":'),
    "emails": (*JSON, '"raw":', '"raw_base64":', '"headers":', '"text":', '"body":', '"from":'),
    "messages": (
        "Content-Type: ", "multipart/", "boundary=", "base64", "quoted-printable", "=?utf-8?q?",
        "?=", "charset=", "text/html", "message/rfc822", "xn--", "http://", "<a href=", "&#x",
        "<!--", "-->", "Received: ", "\r\n\r\n", "=\r\n", "\xef\xbb\xbf",
    ),
    "recording": (*JSON, '"series":', '"recorded":', '"source":'),
    "config": (
        "[kafka]", "[model]", "[[challengers]]", "[kafka.security]", "kind = ", '"emails"',
        "name = ", "inf", "nan", "1979-05-27", "'''", '{name = "adam"}', "[alerts]", "budget = ",
        "windows = ",
    ),
}  # fmt: skip


def _lines(events: Iterable[Mapping[str, Any]], count: int = 20) -> list[bytes]:
    lines = [b"E" + json.dumps(event).encode() for event in itertools.islice(events, count)]
    return [*lines, *LABELS]


def _mails() -> list[bytes]:
    parts: dict[str, Any] = {"id": 1, "from": "a@b.example", "headers": {"X-Y": ["1", "2"]}}
    encoded = {"id": 2, "raw_base64": "RnJvbTogQW5uIC4uLg=="}
    told = [parts | {"subject": "Hello", "body": "..."}, encoded, {"id": 3, "text": "Free entry"}]
    return [*_lines(emails(MailStream())), *_lines(told)]


def _messages() -> list[bytes]:
    return [b"E" + MIME, b"EFrom: a@b.example\n\nHello", b"E\n\nFree entry", *LABELS]


def _configs() -> list[bytes]:
    return [file.read_bytes() for file in sorted(EXAMPLES.glob("*.toml"))]


def _snapshots() -> list[bytes]:
    """A small one as it is, and with its sizes in place of its checksums (see `signed`)."""
    state = {
        "arrays": [np.arange(20, dtype=np.float64), np.zeros((2, 3), np.int32)],
        "scalars": {"a": np.float64(0.5), "b": 2**70, "c": None, "d": "text", "e": b"bytes"},
    }
    file = io.BytesIO()
    snapshot_file.write(file, Header.of(["amount"], {"kind": "emails"}, {("t", 0): 7}), state)
    whole = file.getvalue()
    _, _, header, index, body = PREFIX.unpack(whole[: PREFIX.size])
    inside = whole[PREFIX.size : PREFIX.size + header + index]
    return [whole, SIZES.pack(header, index) + inside + whole[-body - CHECKSUM : -CHECKSUM]]


def _entries() -> list[bytes]:
    order = Order()
    order.add([Record(b"", "t", n % 2, n // 2, 0) for n in range(9)])
    return [journal.encode(order.entry(1, "abc", 9, 0))]


def _recorded() -> list[bytes]:
    records = [Record(line[1:], "t", 0, 0, 0) for line in _lines(metrics(MetricStream()), 3)]
    return [line for r in records for line in (r.value, wrap(r, is_label=False))]


def _models() -> list[bytes]:
    model = linear_model.LogisticRegression()
    model.learn_one({"a": 1.0}, True)
    return [pickled.dumps(model)]


def seeds(name: str) -> list[bytes]:
    """Of a target."""
    made = {
        "transactions": lambda: _lines(transactions(Stream(events=100))),
        "metrics": lambda: _lines(metrics(MetricStream())),
        "emails": _mails,
        "messages": _messages,
        "config": _configs,
        "snapshot": _snapshots,
        "journal": _entries,
        "recording": _recorded,
        "model": _models,
    }
    return made[name]()
