"""The text that the scan reads, held against the standard library's of the same message."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape, unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.work import MAX_LINE
from tests.stream.mail.mails import found_in

LETTERS = st.characters(
    codec="iso-8859-1", exclude_categories=["C", "Z"], exclude_characters="<>&="
)
words = st.text(LETTERS, min_size=1, max_size=12)
lines = st.lists(words, min_size=1, max_size=15).map(" ".join)
texts = st.lists(lines, min_size=1, max_size=12).map("\n".join)
charsets = st.sampled_from(["utf-8", "iso-8859-1"])
encodings = st.sampled_from(["base64", "quoted-printable", "8bit"])


@st.composite
def messages(draw: st.DrawFn) -> tuple[EmailMessage, list[str]]:
    """A well-formed message, and the kinds of text in it."""
    message = EmailMessage()
    message["From"] = "Ann <ann@example.com>"
    message["Subject"] = draw(lines)
    kinds = draw(st.sampled_from([["plain"], ["html"], ["plain", "html"]]))
    for kind in kinds:
        text = draw(texts) + "\n"
        if kind == "html":
            text = f"<html><body><p>{escape(text)}</p><script>no</script></body></html>\n"
        add = message.set_content if kind == kinds[0] else message.add_alternative
        add(text, subtype=kind, charset=draw(charsets), cte=draw(encodings))
    for _ in range(draw(st.integers(0, 2))):
        message.add_attachment(
            draw(st.binary(max_size=200)), maintype="application", subtype="zip", filename="a.zip"
        )
    return message, kinds


@given(messages(), st.sampled_from([policy.SMTP, policy.default]))
def test_the_words_of_every_body_are_read(
    made: tuple[EmailMessage, list[str]], how: policy.EmailPolicy
) -> None:
    message, kinds = made
    raw = message.as_bytes(policy=how.clone(cte_type="8bit"))
    parsed = message_from_bytes(raw, policy=policy.default)
    expected: list[str] = []
    for kind in kinds:
        body = parsed.get_body((kind,))
        assert body is not None
        content = body.get_content()
        if kind == "html":
            match = re.search(r"<p>(.*)</p>", content, re.DOTALL)
            assert match
            content = match[1]
        expected += map(unescape, content.split())
    found = found_in(raw)
    assert found.words == expected[: len(found.words)]
    assert len(found.words) == len(expected)
    assert found.names["attached file .zip"] == any(True for _ in parsed.iter_attachments())


@given(messages())
def test_the_subject_is_read(made: tuple[EmailMessage, list[str]]) -> None:
    raw = made[0].as_bytes()
    subject = message_from_bytes(raw, policy=policy.default)["Subject"]
    told = {name for name in found_in(raw).names if name.startswith('subject "')}
    cut = {word.lower() for word in re.split(r'[\s<>";,()]+', subject) if word}
    assert len(subject.encode()) < MAX_LINE
    assert told == {f'subject "{word}"' for word in cut} | {
        f'subject "{word[word.rindex("@") :]}"' for word in cut if "@" in word
    }


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_a_message_in_a_message(depth: int) -> None:
    message = EmailMessage()
    message.set_content("free money\n", cte="base64")
    for _ in range(depth):
        outer = EmailMessage()
        outer.set_content("see below\n")
        outer.add_attachment(message)
        message = outer
    assert found_in(message.as_bytes()).words == ["see", "below"] * depth + ["free", "money"]
