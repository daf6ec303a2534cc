"""A type of the config, and a default of one, in TOML's words."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from stream.config import Duration
from stream.section import Section

NUMBERS: Mapping[Any, str] = {int: "whole number", float: "number"}
PLAIN: Mapping[Any, str] = {bool: "`true` or `false`", str: "text", dict: "table"}
LARGE = 2**31 - 1  # a bound that is none to a user
UNIONS = {Union, types.UnionType}


def described(hint: Any, meta: msgspec.Meta | None = None) -> str:
    """What values a type has, with their bounds.

    >>> described(Annotated[int, msgspec.Meta(ge=1, le=26)]), described(tuple[str, ...])
    ('whole number (≥ 1, ≤ 26)', 'list of texts')
    """
    origin, inner = get_origin(hint), get_args(hint)
    if hint == Duration:
        return "duration"
    if origin is Annotated:
        return described(inner[0], inner[1])
    if origin in UNIONS:
        return " or ".join(described(part) for part in inner if part is not type(None))
    if origin is Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in inner)
    if origin is tuple:
        return f"list of {_plural(described(inner[0]))}"
    if sections_in(hint):
        return "table"
    if hint in NUMBERS:
        return NUMBERS[hint] + _bounds(meta)
    return PLAIN[origin or hint]


def written(value: Any) -> str:
    """A default as a file would have it.

    >>> written(65_536), written(("1h", "1d")), written(None)
    ('`65_536`', '`["1h", "1d"]`', 'unset')
    """
    if value is None:
        return "unset"
    if isinstance(value, Mapping):
        return f"`{{ {', '.join(f'{key} = {json.dumps(of)}' for key, of in value.items())} }}`"
    if isinstance(value, float) and math.isinf(value):
        return "`inf`"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"`{value:_}`"
    return f"`{json.dumps(value)}`"


def arms(hint: Any) -> list[Any]:
    """The parts of a union; of another type, that type."""
    if get_origin(hint) is Annotated:
        return arms(get_args(hint)[0])
    if get_origin(hint) in UNIONS:
        return [arm for part in get_args(hint) for arm in arms(part)]
    return [hint]


def sections_in(hint: Any) -> list[type[Section]]:
    """Sections that a value of this type is, or is a list of."""
    found = [get_args(arm)[0] if get_origin(arm) is tuple else arm for arm in arms(hint)]
    return [one for one in found if isinstance(one, type) and issubclass(one, Section)]


def _plural(name: str) -> str:
    return name if name.startswith("`") else " or ".join(f"{one}s" for one in name.split(" or "))


def _bounds(meta: msgspec.Meta | None) -> str:
    if meta is None:
        return ""
    signs = (("≥", meta.ge), (">", meta.gt), ("≤", meta.le), ("<", meta.lt))
    said = [f"{sign} {_number(of)}" for sign, of in signs if of is not None and of != LARGE]
    return f" ({', '.join(said)})" if said else ""


def _number(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"
