"""Domains: where one starts in a host, and what it looks like."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, number
from models.vectors import Bytes, Hashes, Ints
from stream.mail.characters import DOT, HYPHEN, is_host, lower
from stream.mail.work import DOMAINS, FIRST_DOMAIN, START, add, hash_of, mixed

LONGEST = 255  # bytes of a host that are read
SALT_DOMAIN = number(0x181)


@compiled
def host_end(text: Bytes, a: int, b: int) -> int:
    """Where the host ends that starts at `a`: no dot is its last character."""
    i = a
    while i < b and i - a < LONGEST and is_host(text[i]):
        i += 1
    while i > a and text[i - 1] == DOT:
        i -= 1
    return i


@compiled
def domain_start(text: Bytes, a: int, b: int) -> int:
    """Where in the host ``text[a:b]`` the domain begins that someone registered.

    The last two labels; three where the last is a country and the one before as short as the
    "co" of "co.uk". A list of all public suffixes would be more exact, and grows old.
    """
    dots = 0
    last = b  # dot before the label just read
    width = 0
    i = b
    while i > a:
        i -= 1
        if text[i] == DOT:
            dots += 1
            if dots == 1:
                width = b - i - 1
            elif dots == 2:
                if not (width == 2 and last - i - 1 <= 3):
                    return i + 1
            else:
                return i + 1
            last = i
    return a


@compiled
def domain_hash(text: Bytes, a: int, b: int) -> np.uint64:
    """A number for the domain ``text[a:b]``."""
    return mixed(hash_of(text, a, b, SALT_DOMAIN))


@compiled
def skeleton(text: Bytes, a: int, b: int) -> np.uint64:
    """A hash that is the same for domains that look alike: paypal, paypa1, PAYPAI, pay-pal.

    What is easily taken for another is made one (after Unicode TR 39, for ASCII only).
    """
    h = START
    i = a
    while i < b:
        c = lower(text[i])
        after = lower(text[i + 1]) if i + 1 < b else 0
        i += 1
        if c == 114 and after == 110:  # rn, m
            c = 109
            i += 1
        elif c == 118 and after == 118:  # vv, w
            c = 119
            i += 1
        elif c == HYPHEN:
            continue
        elif c == 48:  # 0, o
            c = 111
        elif c in (49, 105):  # 1 and i, l
            c = 108
        elif c == 53:  # 5, s
            c = 115
        h = add(h, c)
    return mixed(h)


@compiled
def know_domain(state: Ints, domains: Hashes, text: Bytes, a: int, b: int) -> np.uint64:
    """Note a domain for the look-alikes; gives its hash."""
    h = domain_hash(text, a, b)
    n = FIRST_DOMAIN + 2 * state[DOMAINS]
    for i in range(FIRST_DOMAIN, n, 2):
        if domains[i] == h:
            return h
    if n < len(domains):
        domains[n] = h
        domains[n + 1] = skeleton(text, a, b)
        state[DOMAINS] += 1
    return h
