"""Who sent a message: addresses, and names that claim to be someone else's."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, number
from models.vectors import Bytes
from stream.mail.characters import (
    AT,
    COLON,
    DOT,
    LESS,
    QUOTE,
    SEMICOLON,
    is_host,
    is_letter,
    is_space,
)
from stream.mail.domains import domain_hash, domain_start, host_end, know_domain
from stream.mail.tricks import ADDRESS_NAME, OTHER_NAME, OTHER_REPLY, trick
from stream.mail.work import (
    LINE,
    NOTHING,
    NOWHERE,
    REPLY_DOMAIN,
    SENDER_ADDRESS,
    SENDER_DOMAIN,
    Work,
    hash_of,
    mixed,
)

COMMA, BRACKET = map(number, b",(")
SALT_ADDRESS = number(0x183)


@compiled
def address(text: Bytes, a: int, b: int) -> tuple[int, int, int]:
    """The last address in ``text[a:b]``: where it starts, its @, and its end; -1 if none."""
    at = NOWHERE
    for i in range(a, b):
        if text[i] == AT and i > a and i + 1 < b and is_host(text[i + 1]):
            at = i
    if at < 0:
        return NOWHERE, NOWHERE, NOWHERE
    start = at
    while start > a:
        c = text[start - 1]
        if is_space(c) or c in (LESS, BRACKET, QUOTE, COMMA, COLON, SEMICOLON):
            break
        start -= 1
    return start, at, host_end(text, at + 1, b)


@compiled
def bare_domain(text: Bytes, a: int, b: int) -> np.uint64:
    """Hash of the first thing in a text that looks like a domain (``x.yz``); 0 if none does."""
    i = a
    while i < b:
        if not is_host(text[i]) or text[i] == DOT:
            i += 1
            continue
        end = host_end(text, i, b)
        dot = NOWHERE
        for k in range(i, end):
            if text[k] == DOT:
                dot = k
        if dot > i and end - dot > 2:
            letters = True
            for k in range(dot + 1, end):
                letters = letters and is_letter(text[k])
            if letters:
                return domain_hash(text, domain_start(text, i, end), end)
        i = end + 1
    return np.uint64(0)


@compiled
def read_from(w: Work, mask: np.uint64) -> None:
    """Read the value of From in ``w.line``; the first one counts."""
    text = w.line[:]
    start, at, end = address(text, NOTHING, w.state[LINE])
    if start < 0 or w.domains[SENDER_DOMAIN] != np.uint64(0):
        return
    domain = domain_start(text, at + 1, end)
    w.domains[SENDER_DOMAIN] = know_domain(w.state, w.domains, text, domain, end)
    w.domains[SENDER_ADDRESS] = mixed(hash_of(text, start, end, SALT_ADDRESS))
    for i in range(start):
        if text[i] == AT:
            trick(w, ADDRESS_NAME, mask)
            break
    said = bare_domain(text, NOTHING, start)
    if said != np.uint64(0) and said != w.domains[SENDER_DOMAIN]:
        trick(w, OTHER_NAME, mask)


@compiled
def read_reply_to(w: Work) -> None:
    """Read the value of Reply-To in ``w.line``."""
    text = w.line[:]
    start, at, end = address(text, NOTHING, w.state[LINE])
    if start >= 0:
        domain = domain_start(text, at + 1, end)
        w.domains[REPLY_DOMAIN] = know_domain(w.state, w.domains, text, domain, end)


@compiled
def compare_reply(w: Work, mask: np.uint64) -> None:
    """Hold where replies go against the sender, whichever header came first."""
    goes, came = w.domains[REPLY_DOMAIN], w.domains[SENDER_DOMAIN]
    if goes != np.uint64(0) and came != np.uint64(0) and goes != came:
        trick(w, OTHER_REPLY, mask)
