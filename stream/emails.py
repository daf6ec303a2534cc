"""Mails, as the codec reads them: whatever form a mail comes in, it becomes a message's bytes.

A JSON object holds a mail in exactly one of four forms::

    raw                                   a whole message (RFC 5322), its bytes as latin-1 text
    raw_base64                            the same in base64
    from, to, subject, headers, body      its parts: a message is put together from those there are
    text                                  an SMS, a comment: a message without a header

`headers` is an object of names and values (a text, or a list of texts), or a list of pairs. A topic
may also carry the messages themselves (`MessageReader`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from string import whitespace
from typing import Any

import msgspec
import numpy as np

from models.vectors import Floats
from stream.codec import MAX_TEXT, Column, Fields, Text, Time, Unreadable, reader
from stream.events import Emails, Record
from stream.mail.work import MAX_SCAN

Texts = str | list[str]
PARTS: Mapping[str, Any] = {  # in the order in which they are put together
    "from": Texts | None,
    "to": Texts | None,
    "subject": Texts | None,
    "headers": dict[str, Texts] | list[tuple[str, str]] | None,
    "body": str | None,
}
# Of a part of many values: a message's beginning is all that is looked at, and a million values
# would take half a second to put together.
MOST_BYTES = MAX_SCAN
_MANY = {name: msgspec.json.Decoder(PARTS[name]) for name in ("from", "to", "subject", "headers")}
FORMS: Mapping[str, Any] = {
    "raw": str | None,
    "raw_base64": str | None,
    "text": str | None,
    **PARTS,
}

_GIVEN = attrgetter(*(f"{name}_" for name in FORMS))  # "raw" is the first

_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
_NO_NAME = re.compile(r"[^!-9;-~]")  # what the name of a header cannot have in it
_BREAK = re.compile(r"[\r\n][\r\n\t ]*")


@dataclass(frozen=True)
class EmailFields(Fields):
    """Names of a mail's fields; those of its content are fixed."""

    @property
    def own(self) -> Sequence[str]:
        """All forms that a mail comes in."""
        return tuple(FORMS)


class Email(msgspec.Struct, frozen=True, gc=False):
    """A mail, whatever form it came in."""

    id: str | int
    ts: str | float | None
    message: bytes


def _columns(
    items: Sequence[Email], ts: Floats, appended: Floats, records: Sequence[Record]
) -> Emails:
    messages = [item.message for item in items]
    ends = list(accumulate(map(len, messages), initial=0))
    # An array of its own, and not a copy grown by the interpreter: it gets large pages of memory.
    text = np.empty(ends[-1], np.uint8)
    room = text.data
    for message, a, b in zip(messages, ends[:-1], ends[1:], strict=True):
        room[a:b] = message
    return Emails(
        ids=[item.id for item in items],
        given_ts=[item.ts for item in items],
        ts=ts,
        appended=appended,
        records=records,
        text=text,
        start=np.array(ends, np.int64),
    )


class EmailReader:
    """Reads mails from JSON objects."""

    time: Any = Time | None

    def __init__(self, fields: EmailFields) -> None:
        self.fields = fields
        # "from" cannot be an attribute, but names of struct fields may be anything with a rename.
        kinds = {**FORMS, **dict.fromkeys(_MANY, msgspec.Raw)}
        named = [(f"{name}_", name, kind) for name, kind in kinds.items()]
        self.parts: Sequence[Column] = [
            ("id", fields.id, Text), ("ts", fields.ts, self.time), *named,
        ]  # fmt: skip
        self._decode = reader(self.parts)

    columns = staticmethod(_columns)

    def read(self, record: Record) -> Email:
        """One mail."""
        return self.finish(self._decode(record.value))

    def finish(self, item: Any) -> Email:
        """The same of its parts."""
        raw, *others = _GIVEN(item)
        if raw is not None and others.count(None) == len(others):  # as recordings have them
            return Email(item.id, item.ts, _latin1(raw))
        parts = {name: given for name in PARTS if (given := _part(item, name)) is not None}
        whole = {"raw": item.raw_, "raw_base64": item.raw_base64_, "text": item.text_}
        forms = [name for name, given in whole.items() if given is not None]
        forms += ["parts"] if parts else []
        if not forms:
            raise Unreadable("missing_field", f"none of the fields {', '.join(FORMS)}")
        if len(forms) > 1:
            raise Unreadable("bad_message", f"{' and '.join(forms)}: expected one form of a mail")
        make = _BYTES.get(forms[0])
        message = make(whole[forms[0]]) if make else assemble(parts)
        return Email(item.id, item.ts, message)


def _part(item: Any, name: str) -> Any:
    """A part of a mail, None where there is none."""
    given = getattr(item, f"{name}_")
    if given is None or name not in _MANY:
        return given
    size = len(memoryview(given))
    if size > MOST_BYTES:
        raise Unreadable("too_large", f"{name} of {size} bytes, more than {MOST_BYTES}")
    return _MANY[name].decode(given)


class MessageReader:
    """Reads mails from records that are messages; id and time are in Kafka headers."""

    time: Any = Time | None
    parts: Sequence[Column] = ()
    finish = None

    def __init__(self, fields: EmailFields) -> None:
        self.fields = fields

    columns = staticmethod(_columns)

    def read(self, record: Record) -> Email:
        """One mail."""
        name = self._header(record, self.fields.id)
        if name is None:
            raise Unreadable("missing_field", f"no Kafka header {self.fields.id}")
        ts = self._header(record, self.fields.ts)
        number = ts is not None and _NUMBER.fullmatch(ts)
        return Email(name, float(ts) if ts and number else ts, record.value)

    @staticmethod
    def _header(record: Record, name: str) -> str | None:
        """A header's text: the last of that name, as Kafka has it."""
        found = [value for key, value in record.headers if key == name]
        if not (name and found):
            return None
        try:
            text = found[-1].decode()
        except UnicodeDecodeError:
            raise Unreadable("wrong_type", f"Kafka header {name} is not UTF-8") from None
        if len(text) > MAX_TEXT:
            raise Unreadable("too_large", f"Kafka header {name} of length > {MAX_TEXT}")
        return text


def _latin1(raw: str) -> bytes:
    try:
        return raw.encode("latin-1")
    except UnicodeEncodeError as error:
        detail = f"raw has a character above U+00FF, at {error.start}: it is no byte as latin-1"
        raise Unreadable("bad_message", detail) from None


def _base64(text: str) -> bytes:
    try:
        # The spaces go as bytes: a string for each text between them is a hundred MiB of strings.
        return base64.b64decode(text.encode().translate(None, whitespace.encode()), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("bad_message", "raw_base64 is no base64") from None


_BYTES: Mapping[str, Callable[[str], bytes]] = {
    "raw": _latin1,
    "raw_base64": _base64,
    "text": lambda text: b"\n" + text.encode(),
}


def assemble(parts: Mapping[str, Any]) -> bytes:
    r"""A message of the parts there are.

    >>> assemble({"from": "a@b.example", "headers": {"X-Y": "1\n\nforged"}, "body": "Hi"})
    b'From: a@b.example\nX-Y: 1\n forged\n\nHi'
    """
    lines = [f"{name}: {value}\n" for name, value in _headers(parts)]
    return "".join([*lines, "\n", parts.get("body", "")]).encode()


def _headers(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = [(name.title(), parts[name]) for name in ("from", "to", "subject") if name in parts]
    headers = parts.get("headers", {})
    given += headers.items() if isinstance(headers, dict) else headers
    for name, texts in given:
        for text in [texts] if isinstance(texts, str) else texts:
            # A line that a value breaks into is one of the value's, and starts no header.
            yield _NO_NAME.sub("-", name), _BREAK.sub("\n ", text.strip("\r\n\t "))
