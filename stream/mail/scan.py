"""One message from end to end."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import compiled
from stream.mail.headers import Masks, keep_raw, line_end, read_headers
from stream.mail.parts import read_body
from stream.mail.words import figures, grams, words
from stream.mail.work import RAW, TEXT, Bytes, clear

MAX_SCAN = 1 << 16  # bytes of a message in which headers and parts are looked for


@compiled
def scan(work: Any, text: Bytes, masks: Masks, mask: np.uint64) -> None:
    """Take down what is in the message `text`."""
    w = work[0]
    clear(w, mask)
    n = min(len(text), MAX_SCAN)
    start = 0
    if n >= 5 and text[0] == 70 and text[1] == 114 and text[4] == 32:  # "From ", of an mbox
        start = min(line_end(text, 0, n) + 1, n)
    body = read_headers(w, text, start, n, masks, True, mask)
    keep_raw(text, body, n, w.raw, w.state)
    read_body(w, text, body, n, masks, mask)
    figures(w, w.text, w.state, mask)
    words(w, w.text, w.state[TEXT], mask)
    grams(w, w.raw, w.state[RAW], mask)
