"""Recordings that may be shown to others: what people wrote, replaced by salted hashes.

Every word of an address, a subject or a text becomes another of its length, letters for letters and
digits for digits, the same word always the same one; so a mail keeps its form, and a filter learns
from the masked stream about as it does from the real one. What says how a message is built (names
of headers, types, encodings, tags) stays. Ids, sources and the keys of transactions become hashes.

The salt is drawn anew for each recording and not kept: without it a hash cannot be guessed back
from a dictionary. Short words hide least: a single letter is one of 26.
"""

from __future__ import annotations

import base64
import email
import email.header
import email.message
import hashlib
import quopri
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from stream.codec import OWN, Fields, made_id
from stream.emails import PARTS
from stream.events import Record

_WORD = re.compile(rb"[A-Za-z0-9\x80-\xff]+")
_TAG = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9]*)([^<>]*)>|&#?[A-Za-z0-9]{1,8};")
_ATTRIBUTE = re.compile(rb"([A-Za-z-]+)(\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)")
_PARAMETER = re.compile(r"((?:file)?name\*?\d*\*?\s*=\s*)(\"[^\"]*\"|[^\s;]+)", re.IGNORECASE)
_TAGS = frozenset(
    b"a abbr address area article b base big blockquote body br button caption center code col "
    b"colgroup dd div dl dt em embed fieldset font footer form frame frameset h1 h2 h3 h4 h5 h6 "
    b"head header hr html i iframe img input label legend li link map meta nav noscript object ol "
    b"option p param pre s script section select small span strike strong style sub sup table "
    b"tbody td textarea tfoot th thead title tr tt u ul".split()
)
# Headers that say how a message is built, and nothing of anyone.
_KEPT = frozenset(
    ["mime-version", "content-transfer-encoding", "date", "x-mailer", "x-mimeole", "x-priority",
     "x-msmail-priority", "priority", "importance"]
)  # fmt: skip
_TYPED = frozenset(["content-type", "content-disposition"])
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"


class Mask:
    """Masks records.

    Parameters
    ----------
    fields
        How the stream names things.
    labels_topic
        Whose records are labels.
    hidden
        Further fields of an event whose values become hashes: the keys of transactions.
    salt
        Secret bytes, 64 at the most.
    """

    def __init__(
        self, fields: Fields, labels_topic: str, hidden: Sequence[str], salt: bytes
    ) -> None:
        self._fields = fields
        self._labels_topic = labels_topic
        self._hidden = [fields.id, *hidden]
        self._salt = salt

    def record(self, record: Record) -> Record:
        """The record, masked; one that cannot be read has all its words masked."""
        value, headers = record.value, []
        try:
            item = msgspec.json.decode(value)
            readable = isinstance(item, dict)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            readable = False
        if readable:
            # Our own name is no secret, and a label is refused by it.
            own = item.get(self._fields.source) == OWN
            hide = [self._fields.source] if record.topic == self._labels_topic and not own else []
            value = msgspec.json.encode(self._object(item, [*self._hidden, *hide]))
        elif any(name == self._fields.id for name, _ in record.headers):
            value = self.message(value)
        else:
            value = self.words(value)
        for name, text in record.headers:
            if name == self._fields.id:
                headers.append((name, self._hashed(text.decode("utf-8", "replace")).encode()))
            elif name == self._fields.ts:
                headers.append((name, text))
        return msgspec.structs.replace(record, value=value, headers=tuple(headers), key=None)

    def _object(self, item: dict[str, Any], hidden: Sequence[str]) -> dict[str, Any]:
        # A field that the config does not name does nothing in a replay, and may say anything.
        known = {self._fields.id, self._fields.ts, self._fields.label, self._fields.source}
        known.update(self._fields.own)
        item = {name: value for name, value in item.items() if name in known}
        masked = dict(item)
        made_of = [item.get(name) for name in self._fields.made_of]
        if made_of and None not in made_of and item.get(self._fields.id) is None:
            # What it is made of will be masked: labels name it as it was.
            item[self._fields.id] = made_id(made_of)
        for name in hidden:
            if isinstance(item.get(name), str | int):
                masked[name] = self._hashed(str(item[name]))
        for name, text in item.items():
            if name == "raw" and isinstance(text, str):
                data = text.encode("latin-1", "replace")
                masked[name] = self.message(data).decode("latin-1")
            elif name == "raw_base64" and isinstance(text, str):
                masked[name] = _base64(self.message(_unbase64(text)))
            elif name == "text" or name in PARTS:
                masked[name] = self._texts(text, keep=name == "headers")
        return masked

    def _texts(self, given: Any, *, keep: bool) -> Any:
        """Mask all texts in it; `keep` the names where it is headers."""
        if isinstance(given, str):
            return self._text(given)
        if isinstance(given, dict):
            return {
                name: value if name.lower() in _KEPT else self._texts(value, keep=False)
                for name, value in given.items()
            }
        if isinstance(given, list):
            if keep:
                return [
                    [pair[0], *self._texts(pair[1:], keep=False)] if isinstance(pair, list) else ""
                    for pair in given
                ]
            return [self._texts(part, keep=False) for part in given]
        return given

    def message(self, data: bytes) -> bytes:
        """A message whose addresses, subject, text and attached files are masked."""
        cut = data.find(b"\n") + 1 if data.startswith((b"From ", b">From ")) else 0
        mbox, data = data[:cut], data[cut:]
        try:
            parsed = email.message_from_bytes(data)
            self._headers(parsed)
            for part in parsed.walk():
                if part is not parsed:
                    self._headers(part)
                if not part.is_multipart():
                    self._payload(part)
                part.preamble = part.epilogue = None
            masked = parsed.as_bytes()
        except Exception:  # noqa: BLE001 - the parser meets whatever strangers send
            masked = self.words(data)
        return self.words(mbox) + masked

    def _headers(self, part: email.message.Message) -> None:
        kept = []
        for name, value in part.items():
            text = str(value)
            if name.lower() in _TYPED:
                text = _PARAMETER.sub(lambda m: m[1] + self._text(m[2]), text)
            elif name.lower() not in _KEPT:
                text = self._text(_decoded(text))
            kept.append((name, text.encode("ascii", "replace").decode()))
        for name in set(part.keys()):
            del part[name]
        for name, text in kept:
            part[name] = text

    def _payload(self, part: email.message.Message) -> None:
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            return
        if part.get_content_maintype() == "text":
            charset = (part.get_content_charset() or "").lower()
            if charset.startswith(("utf-16", "utf-32", "utf16", "utf32")):
                text = data.decode(charset, "replace").encode()
                data = self.html(text).decode("ascii", "replace").encode(charset)
            else:
                data = self.html(data)
        else:  # of the same length, and nothing of what it was
            blocks = (self._digest(b"%d %s" % (i, data)) for i in range(0, len(data), 16))
            data = b"".join(blocks)[: len(data)]
        encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
        if encoding == "base64":
            part.set_payload(base64.encodebytes(data).decode())
        elif encoding == "quoted-printable":
            part.set_payload(quopri.encodestring(data).decode("ascii", "replace"))
        else:
            part.set_payload(data.decode("ascii", "replace"))

    def html(self, data: bytes) -> bytes:
        """Text in which tags and entities, and names of attributes, stay as they are."""
        out, at = [], 0
        for found in _TAG.finditer(data):
            out.append(self.words(data[at : found.start()]))
            at = found.end()
            if found[2] is None:
                out.append(found[0])
            elif found[2].lower() in _TAGS:
                inside = _ATTRIBUTE.sub(lambda m: m[1] + m[2] + self.words(m[3]), found[3])
                rest = _ATTRIBUTE.sub(b"", found[3])
                inside = inside if not _WORD.search(rest) else self.words(found[3])
                out.append(b"<%s%s%s>" % (found[1], found[2], inside))
            else:
                out.append(self.words(found[0]))
        return b"".join([*out, self.words(data[at:])])

    def words(self, data: bytes) -> bytes:
        """All words masked."""
        return _WORD.sub(lambda found: self._word(found[0]), data)

    def _text(self, text: str) -> str:
        return self.html(text.encode("utf-8", "replace")).decode("ascii", "replace")

    def _word(self, word: bytes) -> bytes:
        """A word like it: digits for digits, capitals for capitals."""
        pool, number = self._digest(word.lower()), 0
        out = bytearray()
        for i, c in enumerate(word):
            if i % 16 == 0 and i:
                number += 1
                pool = self._digest(b"%d %s" % (number, word.lower()))
            drawn = pool[i % 16]
            if 48 <= c <= 57:
                out.append(48 + drawn % 10)
            else:
                letter = _LETTERS[drawn % 26]
                out.append(letter - 32 if 65 <= c <= 90 else letter)
        return bytes(out)

    def _hashed(self, text: str) -> str:
        return self._digest(text.encode("utf-8", "replace"))[:8].hex()

    def _digest(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, digest_size=16, key=self._salt).digest()


def _decoded(text: str) -> str:
    """A header's text with its encoded words read."""
    try:
        return str(email.header.make_header(email.header.decode_header(text)))
    except (UnicodeError, LookupError, ValueError, email.errors.MessageError):
        return text


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return text.encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
