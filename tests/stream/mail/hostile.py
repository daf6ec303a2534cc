"""Messages that mean harm: to a parser's time, its memory, its depth, or its reader.

Each maker gives a message of about `size` bytes, and never more than that.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator

from stream.mail.work import MAX_TEXT

MAX_RECORD = 4_194_304  # as in deploy/examples/emails.toml
# All of it looked at; more than is looked at; as much as a record can carry in base64.
SIZES = (2_000, 65_000, 400_000, 3 * MAX_RECORD // 4 - 100)

HEAD = b"From: Ann <ann@example.com>\nSubject: Hello\nMIME-Version: 1.0\n"
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\n\n"
MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n'

Maker = Callable[[int], bytes]


def filled(head: bytes, unit: bytes, tail: bytes = b"") -> Maker:
    """`head`, then `unit` again and again, then `tail`."""

    def make(size: int) -> bytes:
        room = max(0, size - len(head) - len(tail))
        return (head + unit * (room // len(unit)) + tail)[:size]

    return make


def counted(head: bytes, unit: str, tail: bytes = b"") -> Maker:
    """As `filled`, and no two units are alike: a ``#`` in one is its number."""

    def make(size: int) -> bytes:
        whole = bytearray(head)
        number = 0
        while len(whole) + len(unit) + len(tail) + 16 <= size:
            whole += unit.replace("#", str(number)).encode()
            number += 1
        return bytes(whole + tail)

    return make


def nested_multiparts(size: int) -> bytes:
    """A thousand deep where there is room, each in the one before."""
    whole = bytearray(HEAD)
    for depth in range(1_000):
        part = f"Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n".encode()
        if len(whole) + len(part) > size - 20:
            break
        whole += part
    text = b"\nfree money " * size
    return bytes(whole + text[: size - len(whole)])


def nested_boundaries(size: int) -> bytes:
    """Sixteen boundaries, each the start of the next, and lines that start like all of them."""
    whole = bytearray(HEAD)
    for depth in range(16):
        boundary = "b" * (depth + 1)
        whole += f"Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n".encode()
    line = b"--" + b"b" * 15 + b"\n"
    return bytes(whole + line * ((size - len(whole)) // len(line)))[:size]


def long_boundary(size: int) -> bytes:
    boundary = b"b" * min(70_000, size // 3)
    head = HEAD + b"Content-Type: multipart/mixed; boundary=" + boundary + b"\n\n"
    return (head + b"--" + boundary + b"\n\nfree money\n--" + boundary + b"--\n")[:size]


def lines_like_a_long_boundary(size: int) -> bytes:
    """Every line is as long a match of the boundary as there can be, and none is one."""
    boundary = b"\t--" * min(10_000, size // 12)
    head = HEAD + b'Content-Type: multipart/mixed; boundary="' + boundary + b'x"\n\n'
    return head + (b"--" + b"\t--" * 10 + b"\n") * ((size - len(head)) // 33)


def grams(size: int) -> bytes:
    """As many different 4-grams and words as there can be."""
    return HEAD + b"\n" + random.Random(1).randbytes(size - len(HEAD) - 1)


def words(size: int) -> bytes:
    letters = b"abcdefghijklmnopqrstuvwxyz"
    draw = random.Random(2)
    text = bytes(
        draw.choice(letters) if draw.random() < 0.7 else 32 for _ in range(min(size, 70_000))
    )
    return (HEAD + b"\n" + text * (size // len(text) + 1))[:size]


def base64_bomb(size: int) -> bytes:
    head = HEAD + b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n"
    text = base64.encodebytes(b"<a href=http://a.example>www.b.example</a> " * (size // 60))
    return (head + text)[:size]


def utf16(size: int) -> bytes:
    head = HEAD + b"Content-Type: text/html; charset=utf-16\n\n"
    return head + ("<b>\u20acfree</b> " * (size // 28)).encode("utf-16")[: size - len(head)]


def everything(size: int, seed: int = 3) -> bytes:
    """Bytes of all values and pieces of all that a mail is made of, in any order."""
    draw = random.Random(seed)
    pieces = [
        b"\n", b"\r\n", b"\n\n", b"--b", b"--b--", b"Content-Type: ",
        b"multipart/mixed; boundary=b\n", b"message/rfc822\n", b"text/html\n",
        b"Content-Transfer-Encoding: base64\n", b"=?utf-8?q?",
        b"?=", b"=3D", b"=", b"<a href='http://", b"</a>", b"<!--", b"-->", b"<script>", b"</",
        b"&#x1F4A9;", b"&", b"www.", b"@", b".", b"From: ", b"Reply-To: ", b'"', b"\x00", b"\xff",
        b"\xed\xa0\x80", b"\xc0\xaf", b" ", b"free", b"12345", b":", b";",
    ]  # fmt: skip
    return b"".join(draw.choice(pieces) for _ in range(size // 5))[:size]


MAKERS: dict[str, Maker] = {
    "nested multiparts": nested_multiparts,
    "nested multiparts of one boundary": filled(
        HEAD, b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
    ),
    "nested messages": filled(HEAD, b"Content-Type: message/rfc822\n\n"),
    "messages in parts": filled(MIXED, b"--b\nContent-Type: message/rfc822\n\n\n"),
    "boundaries that start alike": nested_boundaries,
    "a long boundary": long_boundary,
    "lines like a long boundary": lines_like_a_long_boundary,
    "an empty boundary": filled(
        HEAD + b'Content-Type: multipart/mixed; boundary=""\n\n', b"--\n\nfree\n"
    ),
    "a boundary never closed": filled(
        HEAD + b'Content-Type: multipart/mixed; boundary="', b"bound"
    ),
    "no boundary": filled(HEAD + b"Content-Type: multipart/mixed\n\n", b"--b\n\nfree\n"),
    "a boundary that never comes": filled(MIXED, b"--c\n"),
    "empty parts": filled(MIXED, b"--b\n\n"),
    "parts of headers": filled(MIXED, b"--b\nA: b\n"),
    "closed again and again": filled(MIXED, b"--b--\n"),
    "attachments": counted(
        MIXED, "--b\nContent-Type: a/b; name=#.exe\nContent-Disposition: x; filename=a.#\n\nx\n"
    ),
    "one header": filled(b"Subject: ", b"x"),
    "one header of words": filled(b"Subject: ", b"free "),
    "one header of folds": filled(b"Subject: a", b"\n b"),
    "one header of empty folds": filled(b"Subject: a", b"\n \t"),
    "one header of addresses": filled(b"From: ", b"a@b.example, "),
    "one header of at signs": filled(b"From: ", b"@"),
    "one header of dots": filled(b"From: ", b".", b" <a@b.example>"),
    "senders of dots": filled(b"", b"From: " + b"." * 1_900 + b" <a@b.example>\n"),
    "one header of quotes": filled(b"Content-Type: text/plain", b';"'),
    "one header of parameters": filled(b"Content-Type: text/plain", b";name"),
    "one header of spaced parameters": filled(b"Content-Type: text/plain;name", b" \t"),
    "headers": filled(b"", b"a:\n"),
    "headers of their own": counted(b"", "x#:a@#\n"),
    "headers of colons": filled(b"", b":\n"),
    "lines that are no headers": filled(b"A: b\n", b"c\n"),
    "a name of a header": filled(b"", b"x", b":y\n\nfree"),
    "only newlines": filled(b"", b"\n"),
    "only returns": filled(b"", b"\r"),
    "only nulls": filled(b"", b"\x00"),
    "only spaces": filled(b"A: b\n\n", b" "),
    "no line at all": filled(b"", b"\xff"),
    "a mailbox line": filled(b"From ", b"x"),
    "encoded words": filled(b"Subject: ", b"=?utf-8?q?f?= "),
    "empty encoded words": filled(b"Subject: ", b"=?a?b??="),
    "encoded words never closed": filled(b"Subject: ", b"=?"),
    "encoded words never told": filled(b"Subject: ", b"=?a?q?"),
    "encoded words far apart": filled(b"Subject: =?a?b?QQ==?=", b" "),
    "a charset of its own": filled(HEAD + b"Content-Type: text/plain; charset=", b"\xffu1-"),
    "a base64 bomb": base64_bomb,
    "base64 of nothing": filled(HEAD + b"Content-Transfer-Encoding: base64\n\n", b"="),
    "quoted-printable of breaks": filled(
        HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n", b"=\n"
    ),
    "quoted-printable of signs": filled(
        HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n", b"="
    ),
    "quoted-printable of spaces": filled(
        HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n=", b" "
    ),
    "UTF-16": utf16,
    "overlong UTF-8 and surrogates": filled(HEAD + b"\n", b"\xc0\xaf\xed\xa0\x80\xf8\x88 "),
    "4-grams": grams,
    "words": words,
    "numbers": counted(HEAD + b"\n", "a# "),
    "one word": filled(HEAD + b"\n", b"x"),
    "digits": filled(HEAD + b"\n", b"1"),
    "tags": counted(HTML, "<t#>"),
    "tags in tags": filled(HTML, b"<"),
    "a link never closed": filled(HTML, b"<a href"),
    "a link of links never closed": filled(HTML + b"<a ", b"http://"),
    "links": counted(HTML, '<a href="http://h#.example/">www.x#.example</a>'),
    "links to other hosts": filled(HTML, b"<a href=http://a.example>www.b.example</a>"),
    "links in a row": filled(HEAD + b"\n", b"http://"),
    "links of links": filled(HEAD + b"\n", b"%www.a"),
    "hosts without end": filled(HEAD + b"\n", b"http://" + b"a." * 200),
    "users without end": filled(HEAD + b"\nhttp://", b"a@"),
    "ports without end": filled(HEAD + b"\nhttp://a", b":1"),
    "hosts of dots": filled(HEAD + b"\n", b"http://....... "),
    "comments never closed": filled(HTML, b"<!--"),
    "comments of hyphens": filled(HTML + b"<!--", b"-"),
    "scripts never closed": filled(HTML, b"<script>"),
    "a script of tags": filled(HTML + b"<script>", b"</"),
    "a tag at the end of a buffer": filled(HTML + b"x" * (4 * MAX_TEXT - 2) + b"</", b"x"),
    "entities": filled(HTML, b"&#x10FFFF;"),
    "entities of nothing": filled(HTML, b"&"),
    "an entity without end": filled(HTML + b"&#", b"9"),
    "everything": everything,
}  # fmt: skip


def messages() -> Iterator[tuple[str, bytes]]:
    """Every kind in every size."""
    for name, make in MAKERS.items():
        for size in SIZES:
            message = make(size)
            assert len(message) <= size, name
            yield f"{name}, {size}", message
