"""docs/configuration.md is what the config's types say, and what it says of defaults is so."""

from __future__ import annotations

import doctest
import re
import tomllib
from typing import Any

import pytest

from deploy import toml_words
from deploy.config_page import KINDS, PAGE, page, tables
from stream import build, config

ROW = re.compile(r"\| `(\w+)` \| .*? \| (.*?) \| (.*?) \|$")
HEADING = re.compile(r"## `\[+([\w.]*)\]+`|## Above")
OPTIONAL = ("challengers.", "model.on_drift.")  # tables that are there where a file has them


def told(kind: str) -> dict[str, Any]:
    """Defaults of a kind by dotted key, as the page has them."""
    found: dict[str, Any] = {}
    key = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = HEADING.match(line)
            key = heading and (heading[1] or "")
        row = ROW.match(line)
        if not row or key is None:
            continue
        name, default, does = row.groups()
        only = re.search(r"Of ([a-z ]+) only\.$", does)
        if default == "must be given" or (only and kind not in only[1].split(" and ")):
            continue
        first, *others = default.split("; ")
        own = dict(other.split(": ", 1) for other in others)
        value = own.get(kind, first)
        dotted = f"{key}.{name}".lstrip(".")
        toml = value.strip("`")
        found[dotted] = None if value == "unset" else tomllib.loads(f"v = {toml}")["v"]
    return found


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/configuration.md is stale: make pages"


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.key or "file")
def test_each_key_has_words_and_each_word_a_key(table: Any) -> None:
    wordless = {field.name for field in table.keys} - set(table.words)
    assert not wordless, f"{table.kind.__name__}: nothing under Attributes of {wordless}"
    assert not set(table.words) - set(table.hints), f"{table.kind.__name__} has no such keys"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_sets_every_default_is_an_empty_one(kind: str) -> None:
    defaults = {
        key: value
        for key, value in told(kind).items()
        if value is not None and not key.startswith(OPTIONAL)
    }
    assert len(defaults) > 75
    plain = config.parse({"kind": kind}, "an empty file")
    assert config.parse({}, "a full one", {**defaults, "kind": kind}) == plain
    build.check(plain)


def test_what_the_page_says_of_on_drift() -> None:
    prefix = "model.on_drift."
    answers = {k.removeprefix(prefix): v for k, v in told("transactions").items() if prefix in k}
    one, other = (
        config.parse({"model": {"on_drift": on_drift}}, "a file") for on_drift in (answers, {})
    )
    assert len(answers) == 6
    assert one == other


def test_types_and_defaults_in_words() -> None:
    assert doctest.testmod(toml_words) == (0, 2)
