"""Domains: of links in a text and of addresses; their parts, tricks and look-alikes."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, inlined
from models.vectors import Hashes, Ints
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
    is_space,
    lower,
)
from stream.mail.work import (
    DOMAINS,
    FIRST_DOMAIN,
    HOST,
    LINKS,
    START,
    TRICK,
    Bytes,
    Work,
    add,
    fact,
    mixed,
    numbered,
)

LONGEST = 255  # bytes of a host that are read
# Salts: what a hash is of. One byte above all letters each.
SALT_HOST, SALT_DOMAIN = 0x180, 0x181
# Tricks, by the number that is hashed.
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
) = range(10)  # fmt: skip


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


@inlined
def hash_of(text: Bytes, a: int, b: int, salt: int) -> np.uint64:
    """Hash of bytes in lower case."""
    h = add(START, salt)
    for i in range(a, b):
        h = add(h, lower(text[i]))
    return h


@compiled
def skeleton(text: Bytes, a: int, b: int) -> np.uint64:
    """A hash that is the same for domains that look alike: paypal, paypa1, PAYPAI, pay-pal.

    What is easily taken for another is made one (after Unicode TR 39, for ASCII only).
    """
    h = START
    i = a
    while i < b:
        c = lower(text[i])
        if i + 1 < b:
            after = lower(text[i + 1])
            if c == 114 and after == 110:  # rn, m
                h = add(h, 109)
                i += 2
                continue
            if c == 118 and after == 118:  # vv, w
                h = add(h, 119)
                i += 2
                continue
        i += 1
        if c == HYPHEN:
            continue
        if c == 48:
            c = 111  # 0, o
        elif c in (49, 105):
            c = 108  # 1 and i, l
        elif c == 53:
            c = 115  # 5, s
        h = add(h, c)
    return mixed(h)


@compiled
def know_domain(state: Ints, domains: Hashes, text: Bytes, a: int, b: int) -> np.uint64:
    """Note a domain for the look-alikes; gives its hash."""
    h = mixed(hash_of(text, a, b, SALT_DOMAIN))
    n = FIRST_DOMAIN + 2 * state[DOMAINS]
    for i in range(FIRST_DOMAIN, n, 2):
        if domains[i] == h:
            return h
    if n < len(domains):
        domains[n] = h
        domains[n + 1] = skeleton(text, a, b)
        state[DOMAINS] += 1
    return h


@inlined
def trick(w: Work, which: int, mask: np.uint64) -> None:
    """Take down one of `TRICKS`."""
    numbered(w, TRICK, which, 0, mask)


@compiled
def host_end(text: Bytes, a: int, b: int) -> int:
    i = a
    while i < b and i - a < LONGEST and is_host(text[i]):
        i += 1
    while i > a and text[i - 1] == DOT:
        i -= 1
    return i


@compiled
def _is_ip(text: Bytes, a: int, b: int) -> bool:
    for i in range(a, b):
        if not (is_digit(text[i]) or text[i] == DOT):
            return False
    return b > a


@compiled
def _punycode(text: Bytes, a: int, b: int) -> bool:
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
def link(w: Work, text: Bytes, a: int, b: int, mask: np.uint64) -> np.uint64:
    """Take down the link whose authority starts at `a`; gives the hash of its domain, or 0."""
    end = a
    at = -1
    escaped = False
    while end < b and end - a < LONGEST:
        c = text[end]
        if c == AT:
            at = end
        elif c == PERCENT:
            escaped = True
        elif not is_host(c) and c != COLON:
            break
        end += 1
    start = at + 1 if at >= 0 else a
    stop = host_end(text, start, end)
    if stop == start:
        return np.uint64(0)
    w.state[LINKS] += 1
    if at >= 0:
        trick(w, USER, mask)
    if escaped:
        trick(w, ESCAPED, mask)
    if stop < end and text[stop] == COLON:
        trick(w, PORT, mask)
    fact(w, hash_of(text, start, stop, SALT_HOST), mask, HOST, text, start, stop)
    if _is_ip(text, start, stop):
        trick(w, BARE_IP, mask)
        return mixed(hash_of(text, start, stop, SALT_DOMAIN))
    if _punycode(text, start, stop):
        trick(w, PUNYCODE, mask)
    domain = domain_start(text, start, stop)
    dots = 0
    for i in range(start, domain):
        dots += text[i] == DOT
    if dots >= 3:
        trick(w, DEEP, mask)
    fact(w, hash_of(text, domain, stop, SALT_DOMAIN), mask, HOST, text, domain, stop)
    return know_domain(w.state, w.domains, text, domain, stop)


@compiled
def link_at(text: Bytes, i: int, a: int, b: int) -> int:
    """Where the authority of a link starts, if one is recognised at `i`; else -1.

    At the colon of ``scheme://``, or at a ``www.`` that no scheme goes before.
    """
    c = text[i]
    if c == COLON:
        if i > a and i + 3 < b and text[i + 1] == SLASH and text[i + 2] == SLASH:
            return i + 3 if is_letter(text[i - 1]) else -1
        return -1
    if (c | 32) != 119 or i + 4 >= b or text[i + 3] != DOT:
        return -1
    if (text[i + 1] | 32) != 119 or (text[i + 2] | 32) != 119:
        return -1
    before = text[i - 1] if i > a else 32
    return -1 if is_host(before) or before in (SLASH, AT) else i


@compiled
def links(w: Work, text: Bytes, a: int, b: int, mask: np.uint64) -> None:
    """Take down the links in ``text[a:b]``."""
    i = a
    while i < b:
        start = link_at(text, i, a, b)
        if start >= 0:
            link(w, text, start, b, mask)
            i = start
        i += 1


@compiled
def first_domain(text: Bytes, a: int, b: int) -> np.uint64:
    """Hash of the domain of the first link in a text; 0 if there is none."""
    for i in range(a, b):
        start = link_at(text, i, a, b)
        if start >= 0:
            stop = host_end(text, start, b)
            if stop > start:
                return mixed(hash_of(text, domain_start(text, start, stop), stop, SALT_DOMAIN))
    return np.uint64(0)


@compiled
def bare_domain(text: Bytes, a: int, b: int) -> np.uint64:
    """Hash of the first thing in a text that looks like a domain (``x.yz``); 0 if none does."""
    i = a
    while i < b:
        if not is_host(text[i]):
            i += 1
            continue
        end = host_end(text, i, b)
        if end <= i:
            i += 1
            continue
        dot = -1
        for k in range(i, end):
            if text[k] == DOT:
                dot = k
        if dot > i and end - dot > 2:
            letters = True
            for k in range(dot + 1, end):
                letters = letters and is_letter(text[k])
            if letters:
                return mixed(hash_of(text, domain_start(text, i, end), end, SALT_DOMAIN))
        i = end + 1
    return np.uint64(0)


@compiled
def address(text: Bytes, a: int, b: int) -> tuple[int, int, int]:
    """The last address in ``text[a:b]``: where it starts, its @, and its end; -1 if none."""
    at = -1
    for i in range(a, b):
        if text[i] == AT and i > a and i + 1 < b and is_host(text[i + 1]):
            at = i
    if at < 0:
        return -1, -1, -1
    start = at
    while start > a:
        c = text[start - 1]
        if is_space(c) or c in (60, 40, 34, 44, COLON, 59):
            break
        start -= 1
    return start, at, host_end(text, at + 1, b)
