"""The judge of curves: what grows is found, what only wanders is not."""

import random

import pytest

from tests.soak.leaks import MEMORY_GROWTH_MAX, trend

HOUR = [10.0 * at for at in range(360)]
MIB = 1 << 20


@pytest.fixture
def chance() -> random.Random:
    return random.Random(4)


def test_a_slow_leak_is_found_in_noise(chance: random.Random) -> None:
    curve = [(at, 30 * MIB + at * 2000 + chance.gauss(0, MIB)) for at in HOUR]
    moves = trend(curve)
    assert moves.is_leak(MEMORY_GROWTH_MAX)
    assert moves.growth == pytest.approx(2000 * moves.judged_s, rel=0.1)


def test_caches_that_fill_at_the_beginning_are_none(chance: random.Random) -> None:
    curve = [(at, 30 * MIB + min(at, 600) * 50000 + chance.gauss(0, MIB)) for at in HOUR]
    assert not trend(curve).is_leak(MEMORY_GROWTH_MAX)


def test_peaks_of_load_are_none(chance: random.Random) -> None:
    curve = [(at, 30 * MIB + (40 * MIB if chance.random() < 0.1 else 0)) for at in HOUR]
    assert not trend(curve).is_leak(MEMORY_GROWTH_MAX)


def test_one_step_in_the_middle_is_none(chance: random.Random) -> None:
    curve = [(at, 30 * MIB + (8 * MIB if at > 2900 else 0)) for at in HOUR]
    assert not trend(curve).is_leak(MEMORY_GROWTH_MAX)


def test_descriptors_that_stay_open_are_found(chance: random.Random) -> None:
    curve = [(at, 20 + at // 400 + chance.randrange(3)) for at in HOUR]
    assert trend(curve).is_leak(4)


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(float(at), at) for at in range(200)]])
def test_a_short_life_says_nothing(points: list[tuple[float, float]]) -> None:
    assert trend(points).judged_s == 0
    assert not trend(points).is_leak(0)
