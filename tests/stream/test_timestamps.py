"""Times and durations; the fast way for many times against the slow way for one."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.timestamps import EARLIEST, LATEST, duration, epoch, epochs


@given(st.datetimes(timezones=st.just(UTC)))
def test_epoch_is_seconds_since_1970(moment: datetime) -> None:
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    assert epoch(moment.isoformat()) == expected
    assert epoch(moment.replace(tzinfo=None).isoformat()) == expected  # no zone means UTC
    assert epoch(moment.isoformat().replace("+00:00", "Z")) == expected


@pytest.mark.parametrize(
    "wrong",
    ["", "soon", "2018-02-30T00:00:00", "2018-04-01T24:00:00", "0000-01-01T00:00:00",
     "2018-04-01T00:00:31 ", "٢٠١٨-04-01T00:00:31", math.nan, math.inf, -math.inf,
     LATEST, EARLIEST - 1, 10**400],
)  # fmt: skip
def test_what_is_no_time_is_nan(wrong: str | float) -> None:
    assert np.isnan(epochs([wrong])).all()
    assert np.isnan(epochs([wrong, 5, "2018-04-01T00:00:31"])).tolist() == [True, False, False]
    with pytest.raises((ValueError, OverflowError)):
        epoch(wrong)


plain = ["2018-04-01T00:00:31", "0000-01-01T00:00:00", "9999-12-31T23:59:59", "2018-02-30T00:00:00"]


@st.composite
def torn(draw: st.DrawFn) -> list[str | float]:
    """Plain times with their boundaries moved, so that only their whole looks plain."""
    texts = draw(st.lists(st.sampled_from(plain), min_size=2, max_size=3))
    whole = "".join(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), min_size=1, max_size=2)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([EARLIEST, LATEST]))
texts = st.one_of(
    st.sampled_from(plain), st.text(max_size=20), st.datetimes().map(datetime.isoformat)
)


@given(st.one_of(torn(), st.lists(numbers), st.lists(texts), st.lists(st.one_of(numbers, texts))))
def test_many_are_as_each_alone(given_times: list[str | float]) -> None:
    alone = [float(epochs([ts])[0]) for ts in given_times]
    np.testing.assert_array_equal(epochs(given_times), np.array(alone, np.float64))


def test_torn_times_are_no_times() -> None:
    assert np.isnan(epochs(["2018-04-01T00:00:312018-04-01T00:", "00:31"])).all()
    assert np.isnan(epochs(["2018", "-04-01T00:00:312018-04-01T00:00:31"])[1])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("1.5h", 5400), ("7d", 604_800), ("2w", 1_209_600), ("1 m", 60),
     (" 1d ", 86_400), (30, 30), (0.5, 0.5), (0, 0)],
)  # fmt: skip
def test_durations(text: str | float, seconds: float) -> None:
    assert duration(text) == seconds
    assert isinstance(duration(text), float)


@pytest.mark.parametrize(
    "wrong",
    ["", "7", "d", "7 days", "-1d", "1e3s", "1d 2h", "9" * 400 + "d", -1, -0.5, math.nan, math.inf,
     10**400],
)  # fmt: skip
def test_what_is_no_duration(wrong: str | float) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        duration(wrong)
