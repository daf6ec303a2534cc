"""The scorers without labels that a config names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from models.detection import TOGETHER
from models.distance import RobustDistance
from models.half_space import HalfSpaceTrees
from models.next_value import NextValue
from models.strangeness import Scorer
from models.surprise import KeySurprise
from stream.config import ARM_NAME, Config, shown
from stream.errors import ConfigError
from stream.features import Features
from stream.named import named

# Keys that a scorer of River's has for us: what it foretells, and from what not.
OWN = ("target", "without")
# Parts of the names of columns that know what the event's own number is.
TELLING = ("log_amount", "distance", "change", "spread", "log_repeats")


def scorers(config: Config, features: Features) -> dict[str, Scorer]:
    """Scorers by name, in order.

    Raises
    ------
    ConfigError
        If a name or a parameter in `[detection]` is wrong.
    """
    settings = config.detection
    if settings.scorers and len(features.names) == 1:
        raise ConfigError(
            f"detection.scorers = {shown(settings.scorers)}: {config.kind} have no numbers for them"
        )
    learn_below = math.inf
    if settings.learn_from == "below_threshold":
        learn_below = math.log(settings.threshold / (1.0 - settings.threshold))
    found: dict[str, Scorer] = {}
    for number, given in enumerate(settings.scorers):
        table = {"name": given} if isinstance(given, str) else dict(given)
        key = f"detection.scorers[{number}]"
        name = _called(key, table)
        if name in found or name == TOGETHER:
            raise ConfigError(f'{key}: {name} named twice: expected another name, as = "..."')
        found[name] = _scorer(key, table, config, features, learn_below)
    return found


def _called(key: str, table: dict[str, Any]) -> str:
    """The name of a scorer: what `as` says, which is taken out, or the end of its own."""
    own = str(table.get("name", ""))
    name = table.pop("as", own.replace(":", ".").rpartition(".")[2].lower())
    if not (isinstance(name, str) and re.fullmatch(ARM_NAME, name)):
        raise ConfigError(f"{key}.as = {shown(name)}: expected a name such as rare-hours")
    return name


def _scorer(
    key: str, table: Mapping[str, Any], config: Config, features: Features, learn_below: float
) -> Scorer:
    if ":" in str(table.get("name")):
        return _river(key, table, config, features, learn_below)
    width = len(features.names)
    choices: dict[str, Callable[..., Scorer]] = {
        "half-space-trees": partial(HalfSpaceTrees, width, learn_below),
        "distance": partial(RobustDistance, width, learn_below),
    }
    if config.kind == "metrics":
        choices["next-value"] = partial(NextValue, width, learn_below)
    else:
        choices["surprise"] = partial(KeySurprise, width, learn_below)
    return cast(Scorer, named(key, choices, table))


def _river(
    key: str, table: Mapping[str, Any], config: Config, features: Features, learn_below: float
) -> Scorer:
    """A detector, regressor or forecaster of River's, or of the user's own."""
    from models.river_next_value import RiverForecasts, RiverNextValue  # noqa: PLC0415 - slow
    from models.river_scorer import RiverScorer  # noqa: PLC0415
    from stream import river_names  # noqa: PLC0415

    own = {name: value for name, value in table.items() if name in OWN}
    rest = {name: value for name, value in table.items() if name not in OWN}
    make = partial(river_names.make, key, rest)
    kind = river_names.kind_of(key, make())
    common = features.names, learn_below, make
    also = river_names.modules(rest)
    if kind == "classifier":
        raise ConfigError(
            f"{key}.name = {shown(rest['name'])}: a classifier learns from labels; expected it as "
            "learner of an arm"
        )
    for name, value in own.items():
        if kind == "detector" or (name == "without" and kind == "forecaster"):
            raise ConfigError(f"{key}.{name} = {shown(value)}: no such key; a {kind} has none")
    target = own.get("target", "value" if config.kind == "metrics" else "amount")
    hidden = {name for name in features.names if any(part in name for part in TELLING)}
    try:
        if kind == "detector":
            return RiverScorer(*common, also=also)
        if kind == "forecaster":
            return RiverForecasts(*common, target, also=also)
        return RiverNextValue(*common, target, hidden | set(own.get("without", ())), also=also)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{key}.{error}") from None
