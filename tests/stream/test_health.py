"""Alive, ready, and what the difference is."""

from __future__ import annotations

import pytest

from stream.health import STARTING, TURN, Health


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(60.0, 1_000, clock)


def test_a_cold_start_counts_as_alive_and_a_loop_without_turns_does_not(
    health: Health, clock: Clock
) -> None:
    assert health.alive
    assert health.waiting_for == "starting"
    clock.now = STARTING - 1.0
    assert health.alive
    clock.now = STARTING + 10.0
    assert health.trouble == f"no turn of the loop for {10 + TURN:.0f} s"
    health.turn()
    assert health.alive
    clock.now += TURN
    assert not health.alive


def turns(health: Health, clock: Clock, seconds: int, took: int, behind: int) -> None:
    for _ in range(seconds):
        clock.now += 1.0
        health.turn()
        health.took(took, behind)


def test_turns_without_progress_are_trouble_while_records_wait(
    health: Health, clock: Clock
) -> None:
    turns(health, clock, 100, 5, 50)
    assert health.alive
    turns(health, clock, 59, 0, 50)
    assert health.alive
    turns(health, clock, 1, 0, 50)
    assert health.trouble == "50 records wait, and none was taken for 60 s"
    turns(health, clock, 1, 1, 49)
    assert health.alive


def test_where_nothing_waits_nothing_stalls(health: Health, clock: Clock) -> None:
    turns(health, clock, 1_000, 0, 0)
    assert health.alive
    assert health.waiting_for == ""


def test_an_outage_is_no_stall_but_not_ready(health: Health, clock: Clock) -> None:
    turns(health, clock, 1, 5, 50)
    for _ in range(1_000):
        clock.now += 1.0
        health.turn()
        health.wait("no answer")
    assert health.alive
    assert health.waiting_for == "no answer"
    health.took(0, 50)
    clock.now += 20.0
    assert health.alive


def test_too_far_behind_is_not_ready(health: Health, clock: Clock) -> None:
    turns(health, clock, 1, 5, 1_000)
    assert health.waiting_for == ""
    turns(health, clock, 1, 5, 1_001)
    assert health.waiting_for == "behind by 1,001 records, more than 1,000"
    assert health.alive
