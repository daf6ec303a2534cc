"""What parameters may be: each refusal names the parameter, its value and what is allowed."""

from __future__ import annotations

import math


def share(**settings: float) -> None:
    """Refuse settings that are not between 0 and 1."""
    for name, value in settings.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} = {value}: expected a number between 0 and 1")


def fading(**settings: float) -> None:
    """Refuse settings that are not from 0 to below 1."""
    for name, value in settings.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} = {value}: expected a number from 0 to below 1")


def positive(**settings: float) -> None:
    """Refuse settings that are not above 0, or infinite."""
    for name, value in settings.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} = {value}: expected a number above 0")


def not_negative(**settings: float) -> None:
    """Refuse settings that are not at least 0, or infinite."""
    for name, value in settings.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} = {value}: expected a number of at least 0")


def whole(least: int, **settings: float) -> None:
    """Refuse settings that are no whole number of at least `least`."""
    for name, value in settings.items():
        if not (isinstance(value, int) and value >= least):
            raise ValueError(f"{name} = {value}: expected a whole number of at least {least}")
