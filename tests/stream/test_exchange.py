"""What monitors have learned, as bytes: it comes back to the bit, and rubbish does not."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.logistic import LogisticRegression
from models.mixing import Learned, Mixing, Weights
from models.optimizers import SGD
from models.scaler import StandardScaler
from models.schedules import Constant
from stream.delivery import Message
from stream.exchange import (
    PIECE,
    Newest,
    Piece,
    Published,
    decode,
    encode,
    pieces,
    published,
    taken_in,
)
from stream.metrics.mixes import Mixes
from stream.rounds import Rounds


def learned(size: int = 50, seed: int = 1, labels: int = 7) -> Learned:
    rng = np.random.default_rng(seed)
    base, change = rng.normal(size=(2, size)) * (rng.random((2, size)) < 0.5)
    arms = {"champion": Weights.of(base, change), "other": Weights.of(change, base)}
    return Learned(labels, rng.random((3, 5)), arms)


def same(a: Learned, b: Learned) -> bool:
    return (
        a.labels == b.labels
        and np.array_equal(a.moments, b.moments)
        and a.weights.keys() == b.weights.keys()
        and all(
            np.array_equal(x, y)
            for arm in a.weights
            for x, y in zip(a.weights[arm], b.weights[arm], strict=True)
        )
    )


def values(partition: int, number: int, content: bytes) -> list[bytes]:
    messages: list[Message] = list(published("models", partition, number, content))
    assert len({message.key for message in messages}) == len(messages)
    return [message.value for message in messages]


def test_comes_back_to_the_bit() -> None:
    back = decode(encode(learned()))
    assert back
    assert same(back, learned())
    assert decode(encode(None)) is None


@given(st.binary(max_size=60))
def test_rubbish_is_refused(content: bytes) -> None:
    newest = Newest()
    for read in (decode, newest.add):
        try:
            read(content)
        except ValueError:
            continue
        assert content == b"", "nothing random is weights"
    assert newest.of_others(-1) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda sent: [-1, *sent[1:]],
        lambda sent: [sent[0], sent[1][:-1], sent[2]],
        lambda sent: [sent[0], sent[1], {"a": [[2**40, b"", b""]] * 3}],
        lambda sent: [sent[0], sent[1], {"a": [[3, b"\xff\xff\xff\xff", b"\0" * 8]] * 3}],
        lambda sent: [sent[0], sent[1], {"a": [[3, b"\7\0\0\0", b"\0" * 8]] * 3}],
        lambda sent: [sent[0], sent[1], {"a": [[3, b"\1\0\0\0", b"\0" * 24]] * 3}],
        lambda sent: [sent[0], sent[1], {}],
    ],
)  # fmt: skip
def test_numbers_that_do_not_fit_are_refused(change: object) -> None:
    assert callable(change)
    changed = change(msgspec.msgpack.decode(encode(learned())))
    with pytest.raises(ValueError, match="no weights of ours"):
        decode(msgspec.msgpack.encode(changed))


def test_a_large_model_goes_in_pieces_and_counts_once_all_are_there() -> None:
    large, newest = learned(100_000), Newest()
    content = encode(large)
    assert b"".join(pieces(content)) == content
    parts = values(2, 1, content)
    assert len(parts) > 2
    assert max(map(len, parts)) < PIECE + 100
    for part in parts[:-1]:
        newest.add(part)
        assert newest.of_others(0) == {}
    newest.add(parts[-1])
    assert same(newest.of_others(0)[2].learned, large)
    assert newest.of_others(2) == {}


def test_the_last_whole_one_counts() -> None:
    """Whatever compaction has left: a tail, a piece of another round, the newest."""
    newest, content = Newest(), encode(learned(100_000))
    first, second = values(0, 1, content), values(0, 2, encode(learned(100_000, seed=2)))
    for part in (*first, second[0], first[2], second[1], *values(3, 1, encode(learned()))):
        newest.add(part)
    others = newest.of_others(1)
    assert list(others) == [0, 3]
    assert same(others[0].learned, learned(100_000))
    assert (others[0].round, others[3].round) == (1, 1)
    for part in second:
        newest.add(part)
    assert same(newest.of_others(1)[0].learned, learned(100_000, seed=2))
    assert newest.of_others(1)[0].round == 2
    assert newest.unreadable == 0
    with pytest.raises(ValueError, match="piece 3 of 2"):
        newest.add(msgspec.msgpack.encode(Piece(0, 1, 3, 2, b"")))
    assert newest.unreadable == 1


def figures(mixes: Mixes) -> dict[str, float]:
    """What is exported, by name and the one label."""
    return {
        "/".join([sample.name.removeprefix("streamgauge_"), *sample.labels.values()]): sample.value
        for family in mixes.families()
        for sample in family.samples
    }


def test_what_is_taken_in_and_what_is_not_is_told(caplog: pytest.LogCaptureFixture) -> None:
    scaler = StandardScaler(5, 10.0)
    mixing = Mixing(scaler, {"champion": LogisticRegression(50, SGD(), Constant(0.1))})
    mixes = Mixes()
    assert taken_in({}, mixing, 7, 600.0, mixes) is None
    assert figures(mixes) | {"mixings_total/alone": 1} == figures(mixes)
    assert math.isnan(figures(mixes)["mixed_age_seconds/newest"])

    def of(arm: str, size: int = 50, value: float = 1.0) -> Learned:
        weights = Weights.of(np.full(size, value), np.zeros(size))
        return Learned(3, np.ones((3, 5)), {arm: weights})

    others = {
        0: Published(5, of("champion")),
        2: Published(3, of("champion")),
        3: Published(5, of("other")),
        4: Published(5, of("champion", 60)),
        5: Published(5, of("champion", value=math.inf)),
    }
    for _ in range(2):
        taken = taken_in(others, mixing, 6, 600.0, mixes)
        assert taken
        assert taken.labels == 6
    expected = {
        "mixings_total/alone": 1,
        "mixings_total/with_others": 2,
        "mixed_monitors": 2,
        "mixed_age_seconds/newest": 600.0,
        "mixed_age_seconds/oldest": 1_800.0,
        "mixing_refused_total/other_inputs": 0,
        "mixing_refused_total/other_arms": 4,
        "mixing_refused_total/not_finite": 2,
        "mixing_refused_total/unreadable": 0,
    }
    assert figures(mixes) == expected
    # In the log once, and not each time.
    assert [record.getMessage() for record in caplog.records] == [
        f"what partition {n} has learned does not fit here: {why}"
        for n, why in ((3, "other_arms"), (4, "other_arms"), (5, "not_finite"))
    ]


def test_a_round_is_due_once_and_one_wrong_time_is_none() -> None:
    rounds = Rounds(3_600.0)
    for ts, due in [
        ([10.0, 20.0], False),  # where it began counts as done
        ([3_590.0, 90_000.0, 3_600.0], True),  # the middle one
        ([3_601.0], False),
        ([100.0], False),
        ([], False),
        ([7_300.0, 7_301.0, 1e12], True),
    ]:
        rounds.see(np.array(ts))
        assert rounds.due == due, ts
        if due:
            rounds.begin()
    never = Rounds(0.0)
    never.see(np.array([1e9]))
    assert not never.due
