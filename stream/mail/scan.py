"""One message from end to end."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import compiled
from models.vectors import Bytes
from stream.mail.content import is_named, literal
from stream.mail.headers import TOP, keep_raw, line_end, read_headers
from stream.mail.masks import Masks
from stream.mail.parts import read_body
from stream.mail.senders import compare_reply
from stream.mail.words import figures, grams, words
from stream.mail.work import HEAD, MAX_SCAN, NOTHING, RAW, TEXT, clear

MBOX = literal(b"from ")  # how the line before a message starts in a mailbox file


@compiled
def scan(work: Any, text: Bytes, masks: Masks, mask: np.uint64) -> None:
    """Take down what is in the message `text`."""
    w = work[0]
    clear(w, mask)
    n = min(len(text), MAX_SCAN)
    start = NOTHING
    if is_named(text, NOTHING, min(n, len(MBOX)), MBOX):
        start = min(line_end(text, NOTHING, n) + 1, n)
    body = read_headers(w, text, start, n, masks, TOP, mask)
    compare_reply(w, mask)
    w.state[HEAD] = w.state[RAW]
    keep_raw(text, body, n, w.raw[:], w.state)
    read_body(w, text, body, n, masks, mask)
    figures(w, w.text[:], w.state[TEXT], mask)
    words(w, w.text[:], w.state[TEXT], mask)
    grams(w, w.raw[:], w.state[RAW], mask)
