"""`python -m deploy.config_page`: docs/configuration.md anew, from the config's types.

A key's type, bounds and default are those of `stream.config.Config`; what it does is in its
section's docstring, under "Attributes". `tests/docs/test_configuration.py` holds the page to them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from deploy.toml_words import arms, described, sections_in, written
from stream.commands.schedules import formula
from stream.config import DEFAULTS, ONLY, Config
from stream.learners import OPTIMIZERS, SCHEDULES
from stream.section import Section

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
KINDS: tuple[str, ...] = get_args(get_type_hints(Config)["kind"])
HEAD = """\
# Configuration

One TOML file, which `run`, `replay` and most other commands are given. Every key is optional.
`streamgauge check FILE` says in one line what is wrong with it; `--set kafka.group=test` outranks
a key for one command. Files to begin with are in [deploy/examples](../deploy/examples). Written by
`make pages` from the types in `stream/config.py`.

A duration is a text such as `"500ms"`, `"30s"`, `"1.5h"` or `"7d"`, or a number of seconds. In
names `{group}` stands for `kafka.group`. Where the kinds of stream differ, the default of
transactions comes first. A key that not every kind has says which ones do.

"""
SCHEDULED = """\
## Schedules

`schedule = { name = "time", rate = 0.3, k = 1e-5 }`. With `warm_up = 1000` beside them, any rises
to its rate within so many labels. `t` counts the labels learned, from 0. How to choose:
[learning rates](learning-rates.md).

"""
OPTIMIZED = """\
## Optimizers

`optimizer = { name = "adam", beta_1 = 0.9 }`. Schedules and optimizers of your own are
`module:Class`: [models](models.md).

"""


class Table:
    """A table of the file: how it is headed, the dotted key it is at, and its type."""

    def __init__(self, heading: str, key: str, kind: type[Section]) -> None:
        self.heading, self.key, self.kind = heading, key, kind
        self.hints = get_type_hints(kind, include_extras=True)
        self.about, self.words = words(kind)
        (self.base,) = kind.__bases__

    def at(self, name: str) -> str:
        """The dotted key of one of its keys."""
        return f"{self.key}.{name}".lstrip(".")

    @property
    def keys(self) -> list[msgspec.structs.FieldInfo]:
        """Keys that are its own, and no tables by themselves."""
        inherited = get_type_hints(self.base) if issubclass(self.base, Section) else {}
        return [
            field
            for field in msgspec.structs.fields(self.kind)
            if field.name not in inherited
            and (field.name in self.words or not sections_in(self.hints[field.name]))
        ]

    def below(self) -> Iterator[Table]:
        """Tables in it."""
        for name, hint in self.hints.items():
            listed = any(get_origin(arm) is tuple for arm in arms(hint))
            for kind in sections_in(hint):
                key = self.at(name)
                yield Table(f"`[[{key}]]`" if listed else f"`[{key}]`", key, kind)


def words(kind: type[Section]) -> tuple[str, dict[str, str]]:
    """What a section's docstring says of it, and of each of its keys."""
    about, _, listed = inspect.cleandoc(kind.__doc__ or "").partition(
        "\n\nAttributes\n----------\n"
    )
    entries = [entry.partition("\n") for entry in re.split(r"\n(?=\S)", listed) if entry]
    about = re.sub(r"^`[^:]*`: (\w)", lambda start: start[1].upper(), about)
    return about, {key: " ".join(what.split()) for key, _, what in entries}


def tables() -> list[Table]:
    """All of the file, each type once, in the order of the fields."""
    found: dict[type[Section], Table] = {}

    def take(table: Table) -> None:
        if table.kind not in found:
            found[table.kind] = table
            for inner in table.below():
                take(inner)

    take(Table("Above all tables", "", Config))
    return list(found.values())


def page() -> str:
    """The text of docs/configuration.md."""
    all_of = tables()
    headings = {table.kind: table.heading for table in all_of}
    parts = [_section(table, headings.get(table.base)) for table in all_of]
    formulas = [(name, make, f"`{formula(make)}`") for name, make in SCHEDULES.items()]
    summaries = [
        (name, make, (inspect.getdoc(make) or "").splitlines()[0])
        for name, make in OPTIMIZERS.items()
    ]
    parts += [SCHEDULED + _choices(formulas), OPTIMIZED + _choices(summaries)]
    return HEAD + "\n".join(parts)


def _section(table: Table, base: str | None) -> str:
    also = f"\n\nIt has the keys of {base} too." if base else ""
    rows = []
    for field in table.keys:
        key = table.at(field.name)
        only = _only(key)
        does = table.words.get(field.name, "") + (f" Of {' and '.join(only)} only." if only else "")
        rows.append(
            (f"`{field.name}`", described(table.hints[field.name]), _default(key, field), does)
        )
    return (
        f"## {table.heading}\n\n{table.about}{also}\n\n"
        f"{_rows(('key', 'type', 'default', 'what it does'), rows)}"
    )


def _choices(choices: Sequence[tuple[str, Callable[..., Any], str]]) -> str:
    rows = []
    for name, make, what in choices:
        parameters = [
            f"`{p.name}`" if p.default is p.empty else f"`{p.name} = {p.default:g}`"
            for p in inspect.signature(make).parameters.values()
        ]
        rows.append((f"`{name}`", ", ".join(parameters), what))
    return _rows(("name", "parameters", "what it does"), rows)


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def _only(key: str) -> list[str]:
    """The kinds that have a key, where not all do."""
    having = {kind: any(f"{key}.".startswith(f"{of}.") for of in ONLY[kind]) for kind in KINDS}
    return [kind for kind, has in having.items() if has] if any(having.values()) else []


def _default(key: str, field: msgspec.structs.FieldInfo) -> str:
    """The default, and those of kinds that have another one."""
    value = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is msgspec.NODEFAULT:
        return "must be given"
    others = [f"{kind}: {written(own)}" for kind in KINDS for own in _at(DEFAULTS[kind], key)]
    return "; ".join([written(value), *others])


def _at(data: Any, key: str) -> list[Any]:
    """What lies at a dotted key, if anything does."""
    for name in key.split("."):
        if not (isinstance(data, Mapping) and name in data):
            return []
        data = data[name]
    return [data]


def main() -> None:
    """Write it."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote docs/{PAGE.name}")


if __name__ == "__main__":
    main()
