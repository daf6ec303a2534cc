"""Links in a text: their hosts, and the tricks of those."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, inlined, number
from models.vectors import Bytes
from stream.mail.characters import (
    AT,
    COLON,
    DOT,
    HYPHEN,
    PERCENT,
    SLASH,
    is_digit,
    is_host,
    is_letter,
    lower,
    starts_link,
)
from stream.mail.domains import (
    LONGEST,
    SALT_DOMAIN,
    domain_hash,
    domain_start,
    host_end,
    know_domain,
)
from stream.mail.tricks import BARE_IP, DEEP, ESCAPED, PORT, PUNYCODE, USER, trick
from stream.mail.work import HOST, LINKS, NOWHERE, Work, fact, hash_of

SALT_HOST = number(0x180)


@compiled
def _is_ip(text: Bytes, a: int, b: int) -> bool:
    for i in range(a, b):
        if not (is_digit(text[i]) or text[i] == DOT):
            return False
    return b > a


@compiled
def _is_punycode(text: Bytes, a: int, b: int) -> bool:
    for i in range(a, b - 3):
        if (
            lower(text[i]) == 120
            and lower(text[i + 1]) == 110
            and text[i + 2] == HYPHEN
            and text[i + 3] == HYPHEN
        ):
            return True
    return False


@compiled
def _authority(text: Bytes, a: int, b: int) -> tuple[int, int]:
    """Where the host starts in the authority at `a`, past the user's name, and where all ends."""
    start = end = a
    while end < b and end - a < LONGEST:
        c = text[end]
        if c == AT:
            start = end + 1
        elif not is_host(c) and c not in (COLON, PERCENT):
            break
        end += 1
    if end > a and text[end - 1] == COLON:
        end -= 1  # no port; it may be the colon of another link
    return min(start, end), end


@compiled
def _link(w: Work, text: Bytes, a: int, b: int, mask: np.uint64) -> int:
    """Take down the link whose authority starts at `a`; gives where that ends."""
    start, end = _authority(text, a, b)
    stop = host_end(text, start, end)
    if stop == start:
        return end
    w.state[LINKS] += 1
    if start > a:
        trick(w, USER, mask)
    for i in range(a, end):
        if text[i] == PERCENT:
            trick(w, ESCAPED, mask)
            break
    if stop < end and text[stop] == COLON:
        trick(w, PORT, mask)
    fact(w, hash_of(text, start, stop, SALT_HOST), mask, HOST, text, start, stop)
    if _is_ip(text, start, stop):
        trick(w, BARE_IP, mask)
        return end
    if _is_punycode(text, start, stop):
        trick(w, PUNYCODE, mask)
    domain = domain_start(text, start, stop)
    dots = 0
    for i in range(start, domain):
        dots += text[i] == DOT
    if dots >= 3:
        trick(w, DEEP, mask)
    fact(w, hash_of(text, domain, stop, SALT_DOMAIN), mask, HOST, text, domain, stop)
    know_domain(w.state, w.domains, text, domain, stop)
    return end


@inlined
def _link_at(text: Bytes, i: int, a: int, b: int) -> int:
    """Where the authority of a link starts, if one is recognised at `i`; else -1.

    At the colon of ``scheme://``, or at a ``www.`` that no scheme goes before.
    """
    return _link_after(text, i, a, b) if starts_link(text[i]) else NOWHERE


@compiled
def _link_after(text: Bytes, i: int, a: int, b: int) -> int:
    c = text[i]
    if c == COLON:
        if i > a and i + 3 < b and text[i + 1] == SLASH and text[i + 2] == SLASH:
            return i + 3 if is_letter(text[i - 1]) else NOWHERE
        return NOWHERE
    if i + 4 >= b or text[i + 3] != DOT:
        return NOWHERE
    if (text[i + 1] | 32) != 119 or (text[i + 2] | 32) != 119:
        return NOWHERE
    if i > a and (is_host(text[i - 1]) or text[i - 1] == SLASH or text[i - 1] == AT):
        return NOWHERE
    return i


@compiled
def links(w: Work, text: Bytes, a: int, b: int, mask: np.uint64) -> None:
    """Take down the links in ``text[a:b]``."""
    i = a
    while i < b:
        start = _link_at(text, i, a, b)
        i = max(i + 1, _link(w, text, start, b, mask)) if start >= 0 else i + 1


@compiled
def first_domain(text: Bytes, a: int, b: int) -> np.uint64:
    """Hash of the domain of the first link in a text; 0 if there is none."""
    i = a
    while i < b:
        at = _link_at(text, i, a, b)
        i += 1
        if at >= 0:
            start, i = _authority(text, at, b)
            stop = host_end(text, start, i)
            if stop > start:
                return domain_hash(text, domain_start(text, start, stop), stop)
            i = max(i, at + 1)
    return np.uint64(0)
