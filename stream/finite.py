"""JSON has no NaN and no infinity: such figures are null."""

from __future__ import annotations

import math
from collections.abc import Mapping


def finite(value: float) -> float | None:
    """The value, or None where it is not finite."""
    return value if math.isfinite(value) else None


def all_finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """The same of each.

    >>> all_finite({"error": 0.5, "roc_auc": math.nan})
    {'error': 0.5, 'roc_auc': None}
    """
    return {name: finite(value) for name, value in values.items()}
