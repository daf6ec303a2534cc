"""Settings of these tests."""

from __future__ import annotations

from hypothesis import settings

# The first call of a compiled function compiles it, which is no fault of the example at hand.
settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")
