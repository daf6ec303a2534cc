"""The arms of a comparison: every schedule, optimizer and rate of a grid, under names of their own.

A grid file holds lists, and each block of it is the product of its lists::

    [[grid]]
    optimizers = ["sgd", { name = "adagrad", eps = 1e-6 }]
    schedules = ["constant", { name = "time", k = 1e-5, floor = 0.01 }]
    rates = [0.03, 0.1, 0.3]
    l2 = [0.0, 1e-6]
"""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stream import learners
from stream.config import Challenger, Config, ModelSettings
from stream.errors import ConfigError
from stream.named import LARGEST

Named = str | dict[str, Any]
Rate = Annotated[float, Meta(gt=0, lt=LARGEST)]
LONGEST = 63  # of a name


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One `[[grid]]` of a file. Without `rates` each schedule has a rate of its own."""

    optimizers: Annotated[tuple[Named, ...], Meta(min_length=1)] = ("sgd",)
    schedules: Annotated[tuple[Named, ...], Meta(min_length=1)] = ("constant",)
    rates: tuple[Rate, ...] = ()
    l2: tuple[Annotated[float, Meta(ge=0, le=1e6)], ...] = ()


# Rates that suit an optimizer, from small to large; one where the rate only scales its own choice.
ADAPTIVE = (0.001, 0.01, 0.03)
RATES: Mapping[str, Sequence[float]] = {
    "sgd": (0.01, 0.03, 0.1, 0.3),
    "momentum": (0.003, 0.01, 0.03),
    "nesterov": (0.003, 0.01, 0.03),
    "adagrad": (0.03, 0.1, 0.3),
    "adadelta": (1.0,),
    "ftrl": (0.03, 0.1, 0.3),
    "dog": (1.0,),
    "cocob": (1.0,),
    "hypergradient": (0.01, 0.1),
}
# A decay that never stops learning: a hundredth of the lowest rate is left.
DECAYS: Sequence[Named] = tuple(
    {"name": name, "floor": 0.0003} for name in ("step", "exponential", "time", "inverse", "cosine")
)


def default() -> list[Block]:
    """Each optimizer with a constant rate, and each schedule with plain SGD."""
    grid = [
        Block(optimizers=(name,), rates=tuple(RATES.get(name, ADAPTIVE)))
        for name in learners.OPTIMIZERS
    ]
    grid.append(Block(schedules=tuple(DECAYS), rates=(0.03, 0.1, 0.3)))
    grid.append(Block(schedules=("optimal",)))
    grid.append(
        Block(optimizers=("adagrad",), schedules=({"name": "time", "k": 1e-5},), rates=(0.3,))
    )
    return grid


def load(path: Path) -> list[Block]:
    """Read a grid file: `[[grid]]` blocks, or the lists of a single one.

    Raises
    ------
    ConfigError
        With one line that names the file and what is wrong.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        single = {key: value for key, value in data.items() if key != "grid"}
        blocks = msgspec.convert(data.get("grid", []), list[Block])
        if single:
            blocks.insert(0, msgspec.convert(single, Block))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path}: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not blocks:
        raise ConfigError(f"{path}: an empty grid; expected [[grid]] with optimizers, schedules")
    return blocks


def arms(config: Config, grid: Iterable[Block]) -> list[Challenger]:
    """The config's own arms, then those of the grid, none twice."""
    own = msgspec.structs.asdict(config.model)
    found = [Challenger(name="champion", **own), *config.challengers]
    seen = {_key(arm) for arm in found}
    names = {arm.name for arm in found}
    for block in grid:
        for optimizer, schedule, l2 in product(
            map(_table, block.optimizers),
            [rated for table in map(_table, block.schedules) for rated in _rated(table, block)],
            block.l2 or (config.model.l2,),
        ):
            settings = {**own, "optimizer": optimizer, "schedule": schedule, "l2": l2}
            name = _name(optimizer, schedule, l2 if len(block.l2) > 1 else None)
            arm = Challenger(name=_free(name, names), **settings)
            if _key(arm) not in seen:
                seen.add(_key(arm))
                names.add(arm.name)
                found.append(arm)
    return found


def _table(named: Named) -> dict[str, Any]:
    return {"name": named} if isinstance(named, str) else dict(named)


def _rated(schedule: dict[str, Any], block: Block) -> list[dict[str, Any]]:
    """The schedule at each rate of the block, if it takes one and has none yet."""
    make = learners.SCHEDULES.get(str(schedule.get("name")))
    takes = make is None or "rate" in inspect.signature(make).parameters
    if not (takes and block.rates) or "rate" in schedule:
        return [schedule]
    first = {"name": schedule.get("name")}
    return [{**first, "rate": rate, **schedule} for rate in block.rates]


def _key(arm: Challenger) -> str:
    settings = {k: v for k, v in msgspec.to_builtins(arm).items() if k != "name"}
    return json.dumps(settings, sort_keys=True, default=str)


def _name(optimizer: Mapping[str, Any], schedule: Mapping[str, Any], l2: float | None) -> str:
    """A name that says all, such as ``sgd-time-0.1-k-1e-05``."""
    parts = [optimizer.get("name"), schedule.get("name")]
    parts += [f"{schedule['rate']:g}"] if isinstance(schedule.get("rate"), int | float) else []
    for key, value in [*schedule.items(), *optimizer.items()]:
        if key not in {"name", "rate"}:
            parts += [key, f"{value:g}" if isinstance(value, int | float) else value]
    parts += [] if l2 is None else ["l2", f"{l2:g}"]
    text = "-".join(str(part) for part in parts).lower()
    return re.sub(r"[^a-z0-9_.-]", ".", text).lstrip("-_.")[:LONGEST] or "arm"


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: LONGEST - 4]}-{number}"
    return free


def to_toml(model: ModelSettings) -> str:
    """A `[model]` section to paste.

    >>> print(to_toml(ModelSettings(schedule={"name": "time", "rate": 0.1, "k": 1e-5})), end="")
    [model]
    optimizer = { name = "adagrad" }
    schedule = { name = "time", rate = 0.1, k = 1e-05 }
    """
    defaults = msgspec.to_builtins(ModelSettings())
    lines = ["[model]"]
    for key, value in msgspec.to_builtins(model).items():
        if key in {"optimizer", "schedule"} or (key in defaults and value != defaults[key]):
            lines.append(f"{key} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_bare(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _bare(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)
