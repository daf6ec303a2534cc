"""The online robust distance against NumPy's covariance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.distance import RobustDistance
from models.strangeness import Sight
from models.vectors import Floats


def sight(scaled: Floats) -> Sight:
    n = len(scaled)
    return Sight(scaled, scaled, np.zeros((n, 0), np.uint64), np.arange(float(n)))


def correlated(n: int, seed: int = 0) -> Floats:
    """Six features of two causes, and noise; an intercept first."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(n, 2))
    ways = np.array([[1.0, 0.8, 0.6, 0.0, 0.0, 0.2], [0.0, 0.3, 0.0, 1.0, 0.9, -0.5]])
    x = causes @ ways + 0.3 * rng.normal(size=(n, 6))
    return np.concatenate([np.ones((n, 1)), x], axis=1)


def covariance(of: RobustDistance) -> tuple[Floats, Floats]:
    """The mean and covariance that its state stands for."""
    state = of.snapshot()
    lengths = np.linalg.norm(state["factors"], axis=1)
    factors = state["factors"] / np.sqrt(np.where(lengths > 0.0, lengths, 1.0))[:, np.newaxis]
    deviation = np.sqrt(state["variance"])
    whole = factors.T @ factors + np.diag(state["rest"])
    return state["mean"], (whole * deviation * deviation[:, np.newaxis])[1:, 1:]


def test_finds_mean_and_covariance() -> None:
    x = correlated(40_000)
    made = RobustDistance(7, math.inf, rank=2, memory=10**7)
    made.run(sight(x))
    mean, found = covariance(made)
    np.testing.assert_allclose(mean[1:], x[:, 1:].mean(axis=0), atol=0.03)
    np.testing.assert_allclose(found, np.cov(x[:, 1:].T), atol=0.05)


def test_its_distance_is_mahalanobis() -> None:
    x = correlated(20_000)
    made = RobustDistance(7, math.inf, rank=2, memory=10**7)
    made.run(sight(x))
    probe = correlated(300, seed=1)
    probe[::3, 1:] *= 2.0
    off = probe[:, 1:] - x[:, 1:].mean(axis=0)
    exact = np.einsum("ij,jk,ik->i", off, np.linalg.inv(np.cov(x[:, 1:].T)), off)
    said = made.run(sight(probe)).logits
    ranks = [np.argsort(np.argsort(one)).astype(np.float64) for one in (exact, said)]
    one, other = [(rank - rank.mean()) / rank.std() for rank in ranks]
    assert np.mean(one * other) > 0.98  # Spearman's


def test_a_diagonal_alone_does_not_see_what_does_not_go_together() -> None:
    x = correlated(5_000)
    odd = np.zeros(7)
    odd[[0, 1, 2]] = 1.0, 1.0, -1.0  # the first two go together
    said = {}
    for rank in (0, 2):
        made = RobustDistance(7, math.inf, rank=rank)
        made.run(sight(x))
        said[rank] = made.run(sight(odd[np.newaxis])).logits[0]
    assert said[0] < 1.0
    assert said[2] > math.log(99.0)


def test_parts_name_the_feature() -> None:
    x = correlated(5_000)
    x[-1, 6] += 5.0
    parts = RobustDistance(7, math.inf).run(sight(x)).parts[-1]
    assert parts.argmax() == 6
    assert parts[6] > 0.4


@pytest.mark.parametrize("far", [30.0, 1e6, 1e30])
def test_outliers_hardly_move_it(far: float) -> None:
    """One in a hundred: an ordinary variance would grow by ``0.01 * far ** 2``."""
    x = correlated(10_000)
    clean = RobustDistance(7, math.inf)
    clean.run(sight(x))
    x[::100, 1:] = far
    made = RobustDistance(7, math.inf)
    made.run(sight(x))
    (mean, found), (its_mean, its_found) = covariance(clean), covariance(made)
    np.testing.assert_allclose(its_mean[1:], mean[1:], atol=0.3)
    assert np.diag(its_found).max() < 4.0 * np.diag(found).max()


def test_a_feature_that_never_moved_and_moves_is_strange() -> None:
    x = correlated(3_000)
    x[:, 3] = 0.0
    x[-1, 3] = 0.5
    said = RobustDistance(7, math.inf).run(sight(x))
    assert said.logits[-1] > math.log(99.0)
    assert said.parts[-1].argmax() == 3
