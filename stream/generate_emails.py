"""A seeded stream of mails, ham and spam, with drift at a chosen time.

For demos and tests: the same seed gives the same bytes on every machine and Python, as in
`stream.generate`. All names and words are made up here, all domains end in ``.example``.

Ham is what colleagues write, and newsletters. Spam sells pills and loans; from the drift on it
warns of parcels and locked accounts instead, from fresh domains. Either comes plain, as HTML, in
base64, in quoted-printable, as two alternatives, or with something attached.
"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

DAY = 86_400.0
TELLING = 0.97  # share of mails with words of their class; the others have common ones only


def _words(text: str) -> list[str]:
    return text.split()


COMMON = _words("""
    the a to of and in for you we it on with is this that your our be at by from will have please
    can are not all as if or now new more time one get see here today week day send
""")
WORK = _words("""
    meeting agenda draft review budget project schedule minutes server backup release tickets team
    travel invoice quarter figures lunch slides patch branch Zürich café training customer report
    Thursday Monday feedback printer contract offer supplier delivery holiday thanks regards
""")
PILLS = _words("""
    cheap pills discount pharmacy doctor approved guaranteed miracle weight loss loan mortgage rates
    winner prize cash bonus casino free trial order now limited offer risk money fast income click
    unsubscribe remove viagr@ l0an f.r.e.e. $$$ 100% amazing secret credit debt refinance
""")
PARCELS = _words("""
    parcel customs fee pending package tracking account suspended verify identity locked unusual
    login security alert update payment details wallet coin deposit confirm password expires within
    hours delivery failed address courier refund voucher renew subscription invoice overdue
""")
PEOPLE = _words("anna ben carla dirk eva felix grete hugo ines jonas klara lars mia nils olga paul")
FRIENDS = ("works.example", "office.example", "letters.example", "university.example")
SENDERS = ("deals", "offers", "info", "service", "support", "noreply", "admin")


@dataclass(frozen=True)
class MailStream:
    """What to generate.

    Attributes
    ----------
    events, per_day
        How many mails in all, and in a day of event time.
    seed
        Of the chances.
    spam
        Share of mails that are spam, about.
    drift_at
        Seconds of event time after the start at which spam changes its ways; None for the middle.
    start
        Event time of the start, seconds since 1970.
    """

    events: int = 5_000
    per_day: float = 500.0
    seed: int = 1
    spam: float = 0.4
    drift_at: float | None = None
    start: float = 1_735_689_600.0

    def __post_init__(self) -> None:
        for name in ("events", "per_day"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: expected a number above 0")
        if not 0 <= self.spam <= 1:
            raise ValueError(f"spam = {self.spam}: expected a share from 0 to 1")


class _Chance:
    """What is drawn, all of it from one function."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self.draw = draw

    def below(self, count: int) -> int:
        return int(self.draw() * count)

    def one(self, of: Sequence[str]) -> str:
        return of[self.below(len(of))]

    def words(self, of: Sequence[str], count: int) -> str:
        """Words of a kind among common ones, the first of either more often."""
        found = []
        for _ in range(count):
            words = of if self.draw() < 0.5 else COMMON
            found.append(words[int(self.draw() * self.draw() * len(words))])
        return " ".join(found)

    def letters(self, count: int) -> str:
        return "".join(chr(97 + self.below(26)) for _ in range(count))


def emails(stream: MailStream) -> Iterator[dict[str, Any]]:
    """The mails in order of time, each with its truth as `label`, and whose word that is.

    >>> next(emails(MailStream(seed=7)))["source"]
    'user'
    """
    chance = _Chance(random.Random(stream.seed).random)  # noqa: S311 - a simulation, no secret
    length = DAY / stream.per_day
    middle = stream.events * length / 2.0
    drift_at = middle if stream.drift_at is None else stream.drift_at
    ts = stream.start
    for number in range(stream.events):
        ts += 2.0 * length * chance.draw()
        spam = chance.draw() < stream.spam
        drifted = ts - stream.start >= drift_at
        yield {
            "id": f"m{stream.seed}-{number}",
            "ts": round(ts, 3),
            "raw": _message(chance, ts, spam, drifted).decode("latin-1"),
            "label": int(spam),
            "source": ("trap" if chance.draw() < 0.2 else "user") if spam else "user",
        }


def _message(chance: _Chance, ts: float, spam: bool, drifted: bool) -> bytes:
    if spam:
        domain = f"{chance.letters(8)}.example" if drifted else f"{chance.letters(2)}mail.example"
    else:
        domain = chance.one(FRIENDS)
    # Newsletters are ham with the names of spammers, and some spammers take a person's name.
    name = chance.one(SENDERS if spam == (chance.draw() < 0.7) else PEOPLE)
    sender = f"{name}@{domain}" if chance.draw() < 0.8 else f"{name}@{chance.one(FRIENDS)}"
    words = (PARCELS if drifted else PILLS) if spam else WORK
    if chance.draw() > TELLING:
        words = COMMON
    subject = chance.words(words, 3 + chance.below(5)).encode()
    text = "\n".join(chance.words(words, 8 + chance.below(5)) for _ in range(2 + chance.below(12)))
    link = f"http://{domain}/{chance.letters(6)}"
    date = formatdate(ts)
    headers = [
        b"Received: from %b (%b [192.0.2.%d])\n\tby mx.inbox.example; %b"
        % (domain.encode(), domain.encode(), chance.below(256), date.encode()),
        b"From: %b" % sender.encode(),
        b"To: %b@inbox.example" % chance.one(PEOPLE).encode(),
        b"Subject: %b" % (subject if subject.isascii() else _encoded_word(subject)),
        b"Date: %b" % date.encode(),
        b"Message-ID: <%b@%b>" % (chance.letters(16).encode(), domain.encode()),
        b"MIME-Version: 1.0",
    ]
    form = FORMS[chance.below(len(FORMS))]
    return b"\n".join([*headers, form(chance, text, link)]) + b"\n"


def _encoded_word(text: bytes) -> bytes:
    return b"=?utf-8?B?%b?=" % base64.b64encode(text)


def _html(text: str, link: str) -> str:
    lines = "<br>\n".join(text.split("\n"))
    return f'<html><body><p>{lines}</p>\n<a href="{link}">{link}</a></body></html>\n'


def _plain(chance: _Chance, text: str, link: str) -> bytes:  # noqa: ARG001 - as the other forms
    return b"Content-Type: text/plain; charset=utf-8\n\n%b\n%b" % (text.encode(), link.encode())


def _as_html(chance: _Chance, text: str, link: str) -> bytes:  # noqa: ARG001
    return b"Content-Type: text/html; charset=utf-8\n\n" + _html(text, link).encode()


def _in_base64(chance: _Chance, text: str, link: str) -> bytes:
    html = chance.draw() < 0.5
    kind, body = ("html", _html(text, link)) if html else ("plain", f"{text}\n{link}\n")
    head = f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
    return head.encode() + base64.encodebytes(body.encode())


def _in_quoted_printable(chance: _Chance, text: str, link: str) -> bytes:  # noqa: ARG001
    head = (
        b"Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable"
    )
    return head + b"\n\n" + binascii.b2a_qp(_html(text, link).encode("latin-1"))


def _alternatives(chance: _Chance, text: str, link: str) -> bytes:
    forms = [_plain(chance, text, link), _as_html(chance, text, link)]
    return _multipart(chance, b"alternative", forms)


def _with_attachment(chance: _Chance, text: str, link: str) -> bytes:
    data = bytes(chance.below(256) for _ in range(100 + chance.below(400)))
    attached = (
        b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        b'Content-Disposition: attachment; filename="%b.bin"\n\n' % chance.letters(5).encode()
    )
    parts = [_plain(chance, text, link), attached + base64.encodebytes(data)]
    return _multipart(chance, b"mixed", parts)


def _multipart(chance: _Chance, kind: bytes, parts: Sequence[bytes]) -> bytes:
    edge = chance.letters(20).encode()
    head = b'Content-Type: multipart/%b;\n boundary="%b"\n\n' % (kind, edge)
    return head + b"".join(b"--%b\n%b\n" % (edge, part) for part in parts) + b"--%b--" % edge


FORMS: Sequence[Callable[[_Chance, str, str], bytes]] = (
    _plain,
    _as_html,
    _in_base64,
    _in_quoted_printable,
    _alternatives,
    _with_attachment,
)
