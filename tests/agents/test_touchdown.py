"""The judge of touchdowns on grounds whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from moonfleet.agents.errors import SensorError
from moonfleet.agents.touchdown import Outcome, Stance, stand_on, touch_down, true_stance, unsafe_places
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.stance import MOST, stances
from moonfleet.experiments.bench.hazards_landing import rocky_ground
from moonfleet.terrain.errors import SiteError
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.local_ground import rock_domes
from moonfleet.terrain.seeds import stream

LIMITS = LanderLimits()
NO_ROCKS = np.empty((0, 4))


def ground(rocks: np.ndarray, slope_deg: float = 0.0, bearing_deg: float = 0.0) -> HeightGrid:
    """A plane that rises toward ``bearing_deg``, with rocks."""
    ref = GeoRef.centred(0.0, 0.0, 8.0, 0.05)
    x, y = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    angle = math.radians(bearing_deg)
    z = math.tan(math.radians(slope_deg)) * (math.sin(angle) * x + math.cos(angle) * y)
    rock_domes(z, ref.x_left, ref.y_top, ref.cell_m, rocks)
    return HeightGrid(z.astype(np.float32), ref)


def stance_with(*rocks: tuple[float, float, float, float], slope_deg: float = 0.0, bearing_deg: float = 0.0) -> Stance:
    given = np.array(rocks).reshape(-1, 4)
    return stand_on(ground(given, slope_deg, bearing_deg), given, 0.0, 0.0, LIMITS)


@pytest.mark.parametrize("bearing", [0.0, 45.0, 100.0])
def test_a_plane_at_the_slope_limit(bearing: float) -> None:
    below = stance_with(slope_deg=11.9, bearing_deg=bearing)
    assert below.tilt_deg == pytest.approx(11.9, abs=0.15)
    assert below.outcome(LIMITS) is Outcome.SAFE
    assert stance_with(slope_deg=12.3, bearing_deg=bearing).outcome(LIMITS) is Outcome.TIPPED


def test_a_boulder_under_the_belly_counts_from_the_clearance() -> None:
    assert stance_with((0.3, 0.2, 1.2, 0.45)).outcome(LIMITS) is Outcome.SAFE
    high = stance_with((0.3, 0.2, 1.2, 0.55))
    assert high.outcome(LIMITS) is Outcome.BELLY_ON_ROCK
    assert high.belly_m == pytest.approx(0.55, abs=0.01)
    assert high.tilt_deg == pytest.approx(0.0, abs=1e-6)


def test_a_boulder_under_a_leg_counts_from_the_pads_limit() -> None:
    x, y = LIMITS.pads()[0]
    assert stance_with((x, y, 0.6, 0.19)).outcome(LIMITS) is Outcome.SAFE
    on = stance_with((x, y, 0.6, 0.3))
    assert on.outcome(LIMITS) is Outcome.LEG_ON_ROCK
    assert on.leg_rock_m == pytest.approx(0.3)
    # The raised pad, the one across, and either of the other two: 0.3 m over 4 m and 0.15 m over 2 m.
    assert on.tilt_deg == pytest.approx(math.degrees(math.atan(math.hypot(0.075, 0.075))), abs=0.1)


def test_a_boulder_between_the_legs_and_the_belly_does_no_harm() -> None:
    assert stance_with((0.0, 1.75, 0.8, 0.6)).outcome(LIMITS) is Outcome.SAFE


def test_a_pad_beside_a_rock_does_not_stand_on_it() -> None:
    x, y = LIMITS.pads()[0]
    away = (LIMITS.pad_radius_m + 0.31) / math.sqrt(2.0)
    assert stance_with((x + away, y + away, 0.6, 0.4)).outcome(LIMITS) is Outcome.SAFE
    assert stance_with((x + 0.3, y + 0.1, 0.6, 0.4)).outcome(LIMITS) is Outcome.LEG_ON_ROCK


def test_three_legs_have_one_stance() -> None:
    limits = LanderLimits(legs=3)
    pads, planes = np.array(limits.pads()), np.empty((MOST, 3))
    heights = np.array([0.3, 0.0, 0.0])
    assert stances(heights, pads, planes) == 1
    assert planes[0, 2] == pytest.approx(0.1)


@pytest.mark.parametrize("legs", [3, 4, 5, 6])
def test_stances_are_the_lowest_planes_above_the_ground(legs: int) -> None:
    """A linear programme finds how low the middle can lie: no stance lies lower, and one lies there."""
    pads = np.array(LanderLimits(legs=legs).pads())
    rng = stream(4, "test stances", index=(legs,))
    for _ in range(40):
        heights = rng.normal(0.0, 0.2, legs)
        best = linprog(
            [0, 0, 1], A_ub=-np.column_stack([pads, np.ones(legs)]), b_ub=-heights, bounds=[(None, None)] * 3
        )
        planes = np.empty((MOST, 3))
        n = stances(heights, pads, planes)
        assert n >= 1
        assert planes[:n, 2].min() == pytest.approx(best.fun, abs=1e-6)
        assert (planes[:n, :2] @ pads.T + planes[:n, 2:] >= heights - 1e-5).all()


def test_speed_and_empty_tanks_come_first() -> None:
    bare = rocky_ground(3, cover=0.0)
    assert touch_down(bare, (0.0, 0.0), (0.0, 0.0, -1.0), LIMITS, 50.0).outcome is Outcome.SAFE
    assert touch_down(bare, (0.0, 0.0), (0.0, 0.0, -3.1), LIMITS, 50.0).outcome is Outcome.HARD
    assert touch_down(bare, (0.0, 0.0), (0.9, -0.9, -1.0), LIMITS, 50.0).outcome is Outcome.HARD
    assert touch_down(bare, (0.0, 0.0), (0.0, 0.0, -9.0), LIMITS, 0.0).outcome is Outcome.OUT_OF_PROPELLANT


def test_many_places_at_once_are_judged_as_one_by_one() -> None:
    rocky = rocky_ground(5, cover=0.12)
    ref = GeoRef.centred(0.0, 0.0, 12.0, 1.0)
    many = unsafe_places(rocky, ref, LIMITS)
    one = np.array(
        [
            [
                true_stance(rocky, *ref.xy(float(r), float(c)), LIMITS).outcome(LIMITS) is not Outcome.SAFE
                for c in range(12)
            ]
            for r in range(12)
        ]
    )
    assert 0.05 < one.mean() < 0.9
    assert (many == one).mean() >= 0.93


def test_ground_that_is_not_there_is_not_safe() -> None:
    patch = ground(NO_ROCKS)
    for x, y in ((50.0, 0.0), (3.0, 0.0), (0.0, -3.0), (math.nan, 0.0)):
        with pytest.raises(SiteError, match="inside the patch"):
            stand_on(patch, NO_ROCKS, x, y, LIMITS)
    holed = patch.elevation_m.copy()
    holed[80, 80] = np.nan
    with pytest.raises(SiteError, match="without a height"):
        stand_on(HeightGrid(holed, patch.ref), NO_ROCKS, 0.0, 0.0, LIMITS)


def test_a_speed_that_is_no_number_is_not_judged() -> None:
    for velocity, fuel in (((math.nan, 0.0, -1.0), 10.0), ((0.0, 0.0, -1.0), math.nan)):
        with pytest.raises(SensorError, match="finite"):
            touch_down(rocky_ground(3), (0.0, 0.0), velocity, LIMITS, fuel)
