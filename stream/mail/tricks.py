"""Tricks that hide who a mail is from or where a link goes, each a fact by its number."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, number
from stream.mail.work import NOTHING, TRICK, Work, numbered

TRICKS = (
    "link to a bare IP address",
    "link with a user name before its host",
    "link to a host in punycode",
    "link with a port",
    "link with an escaped host",
    "link to a deep subdomain",
    "link text names another host",
    "display name names another domain",
    "display name holds an address",
    "replies go to another domain",
)
(
    BARE_IP, USER, PUNYCODE, PORT, ESCAPED, DEEP, OTHER_TEXT, OTHER_NAME, ADDRESS_NAME, OTHER_REPLY,
) = map(number, range(10))  # fmt: skip


@compiled
def trick(w: Work, which: int, mask: np.uint64) -> None:
    """Take down one of `TRICKS`."""
    numbered(w, TRICK, which, NOTHING, mask)
