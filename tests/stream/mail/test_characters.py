"""Tables of bytes, held against Python's own idea of each character."""

from __future__ import annotations

from stream.mail import characters

ASCII = [chr(i) for i in range(128)]


def test_ascii_is_what_python_says() -> None:
    for i, c in enumerate(ASCII):
        assert characters.is_space(i) == c.isspace()
        assert characters.is_digit(i) == c.isdigit()
        assert characters.is_letter(i) == c.isalpha()
        assert characters.is_capital(i) == c.isupper()
        assert characters.is_host(i) == (c.isalnum() or c in ".-_")
        assert chr(characters.lower(i)) == c.lower()
        assert chr(characters.folded(i)) == ("0" if c.isdigit() else c.lower())
        hexadecimal = int(c, 16) if c in "0123456789abcdefABCDEF" else -1
        assert characters.nibble(i) == hexadecimal


def test_beyond_ascii_are_letters_of_words_and_hosts_only() -> None:
    for i in range(128, 256):
        assert characters.is_host(i)
        assert not characters.cuts_words(i)
        assert not characters.cuts_header(i)
        assert not characters.is_letter(i)
        assert not characters.is_space(i)
        assert characters.lower(i) == characters.folded(i) == i


def test_what_cuts_words() -> None:
    kept = {c for i, c in enumerate(ASCII) if not characters.cuts_words(i)}
    assert {c for c in kept if c.isprintable()} == {c for c in ASCII if c.isalnum()} | set(
        "$%&@\\^"
    )
    assert {c for c in ASCII if c.isspace()} | {"\0"} <= set(ASCII) - kept
    cut = {c for i, c in enumerate(ASCII) if characters.cuts_header(i)}
    assert cut == {c for c in ASCII if c.isspace()} | set('<>";,()')
