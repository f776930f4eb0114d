"""Seconds per metre from slope and rocks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from moonfleet.autonomy.errors import CostError
from moonfleet.autonomy.traversability import (
    ROCK_COVER_MAX,
    ROCK_HEIGHT,
    DriveLimits,
    MachineLimits,
    Reason,
    Traversability,
    drive_cost,
    traversability,
    wheelbase_roughness,
)
from moonfleet.autonomy.traversability_picture import REASONS, layer_picture
from moonfleet.autonomy.wheels import mean_pace, mean_pace_energy, speed_and_power
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.rocks import rock_density

LIMITS = DriveLimits(max_slope_deg=20.0, speed_m_s=0.1)


def test_flat_bare_ground_costs_the_pace_of_the_wheels_and_more_never_costs_less() -> None:
    slope = np.linspace(0.0, 25.0, 51, dtype=np.float32)[None, :]
    cost = drive_cost(slope, np.zeros_like(slope), LIMITS)
    assert cost.dtype == np.float32
    assert cost[0, 0] == pytest.approx(1.0 / speed_and_power(0.0, LIMITS.speed_m_s, 0.0)[0], rel=1e-6)
    finite = cost[np.isfinite(cost)]
    assert (np.diff(finite) > 0).all()
    assert (np.isfinite(cost) == (slope <= 20.0)).all()
    rocks = np.linspace(0.0, 0.5, 51, dtype=np.float32)[None, :]
    cost = drive_cost(np.zeros_like(rocks), rocks, LIMITS)
    assert (np.isfinite(cost) == (rocks <= np.float32(ROCK_COVER_MAX))).all()
    assert (np.diff(cost[np.isfinite(cost)]) > 0).all()


@pytest.mark.parametrize("slope", [0.0, 7.0, 15.0, 20.0])
def test_the_planner_expects_the_mean_of_what_the_wheels_do(slope: float) -> None:
    headings = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    grades = np.degrees(np.arctan(np.tan(np.radians(slope)) * np.cos(headings)))
    paces = [1.0 / speed_and_power(float(grade), 0.1, 0.0)[0] for grade in grades]
    assert mean_pace(np.array([slope]), 0.1)[0] == pytest.approx(np.mean(paces), rel=2e-3)
    assert min(paces) - 1e-9 <= mean_pace(np.array([slope]), 0.1)[0] <= max(paces) + 1e-9


def test_no_data_is_impassable_and_bad_input_is_refused() -> None:
    nan = np.full((2, 2), np.nan, np.float32)
    zero = np.zeros((2, 2), np.float32)
    assert np.isinf(drive_cost(nan, zero, LIMITS)).all()
    assert np.isinf(drive_cost(zero, nan, LIMITS)).all()
    with pytest.raises(CostError, match=r"\(2, 2\) and rock cover \(2, 3\)"):
        drive_cost(zero, np.zeros((2, 3), np.float32), LIMITS)
    with pytest.raises(CostError, match="above 0"):
        drive_cost(zero, zero, DriveLimits(0.0, 1.0))


ROVER = MachineLimits(0.1, 200.0, 100.0, 20.0, 1.5, 1.5, 0.6, 1.5, 0.3, 0.3)


def one(slope: float = 0.0, rough: float = 0.0, cover: float = 0.0, machine: MachineLimits = ROVER) -> Traversability:
    cells = [np.full((1, 1), value, np.float32) for value in (slope, rough, cover)]
    return traversability(cells[0], cells[1], cells[2], machine)


def test_on_smooth_ground_the_layers_say_what_the_drive_cost_says() -> None:
    rng = np.random.default_rng(0)
    slope, cover = rng.uniform(0, 25, (30, 30)).astype(np.float32), rng.uniform(0, 0.4, (30, 30)).astype(np.float32)
    layers = traversability(slope, np.zeros_like(slope), cover, ROVER)
    cost = drive_cost(slope, cover, LIMITS)
    assert (np.isfinite(layers.time_s_m) == np.isfinite(cost)).all()
    free = np.isfinite(cost)
    np.testing.assert_allclose(layers.time_s_m[free], cost[free], rtol=2e-5)
    flat = one()
    _, power = speed_and_power(0.0, 0.1, 200.0)
    assert flat.energy_j_m[0, 0] == pytest.approx((power + 100.0) * flat.time_s_m[0, 0], rel=1e-5)


def test_the_table_of_paces_is_the_mean_over_headings_and_tilts() -> None:
    slope, tilt = 12.0, 3.0
    pace, joules = mean_pace_energy(np.array([slope]), np.array([0.0, tilt]), 0.1, 200.0)
    assert pace[0, 0] == pytest.approx(mean_pace(np.array([slope]), 0.1)[0])
    rng = np.random.default_rng(1)
    heading, pitch = rng.uniform(0, 2 * np.pi, 40_000), rng.normal(0, tilt, 40_000)
    grade = np.degrees(np.arctan(np.tan(np.radians(slope)) * np.cos(heading))) + pitch
    drawn = np.array([speed_and_power(float(g), 0.1, 200.0) for g in grade])
    assert pace[0, 1] == pytest.approx((1.0 / drawn[:, 0]).mean(), rel=0.02)
    assert joules[0, 1] == pytest.approx((drawn[:, 1] / drawn[:, 0]).mean(), rel=0.02)


def test_hazards_met_are_those_of_the_rock_law() -> None:
    width, least = ROVER.width_m, ROVER.step_m / ROCK_HEIGHT
    d = np.linspace(least, 3.0, 20_000)
    more = np.array([rock_density(0.06, float(one)) for one in d[::100]])
    more = np.interp(d, d[::100], more)
    met = -(np.diff(more) * (width + 0.5 * (d[1:] + d[:-1]))).sum()
    assert one(cover=0.06).hazards_per_m[0, 0] == pytest.approx(met, rel=0.02)
    assert one(cover=0.06).risk_per_m[0, 0] == pytest.approx(met * ROVER.miss, rel=0.02)
    assert one().hazards_per_m[0, 0] == 0.0


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        (one(), Reason.PASSABLE),
        (one(slope=math.nan), Reason.NO_DATA),
        (one(rough=math.nan), Reason.NO_DATA),
        (one(slope=21.0), Reason.SLOPE),
        (one(slope=45.0), Reason.TIP_OVER),
        (one(slope=19.0, machine=replace(ROVER, com_height_m=1.5)), Reason.TIP_OVER),
        (one(slope=18.0, machine=replace(ROVER, max_slip=0.2)), Reason.SLIP),
        (one(rough=0.1, machine=replace(ROVER, clearance_m=0.15)), Reason.CLEARANCE),
        (one(cover=0.4), Reason.ROCKS),
    ],
)
def test_impassable_ground_says_why(layers: Traversability, reason: Reason) -> None:
    assert Reason(layers.reason[0, 0]) == reason
    for layer in (layers.time_s_m, layers.energy_j_m, layers.risk_per_m):
        assert np.isfinite(layer[0, 0]) == (reason == Reason.PASSABLE)


def test_rougher_ground_is_slower_dearer_and_riskier() -> None:
    rough = np.linspace(0.0, 0.12, 13, dtype=np.float32)[None, :]
    level = np.full_like(rough, 10.0)
    layers = traversability(level, rough, np.zeros_like(rough), replace(ROVER, com_height_m=0.9, step_m=0.1))
    for layer in (layers.time_s_m, layers.energy_j_m, layers.tip_per_m, layers.tilt_deg):
        finite = layer[np.isfinite(layer)]
        assert (np.diff(finite) >= 0.0).all()
        assert finite[-1] > finite[0]


def test_roughness_is_measured_on_fine_cells_and_scaled_on_coarse_ones() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0.0, 0.05, (60, 60)).astype(np.float32)
    fine = wheelbase_roughness(HeightGrid(noise, GeoRef(0.0, 0.0, 0.2, 60, 60)), 2.0)
    assert float(np.nanmean(fine[10:-10, 10:-10])) == pytest.approx(0.05, rel=0.1)
    coarse = HeightGrid(noise, GeoRef(0.0, 0.0, 20.0, 60, 60))
    one_m, two_m = wheelbase_roughness(coarse, 1.0), wheelbase_roughness(coarse, 2.0)
    np.testing.assert_allclose(two_m, one_m * 2.0**0.95, rtol=1e-4)
    with pytest.raises(CostError, match="wheelbase_m"):
        wheelbase_roughness(coarse, 0.0)


def test_layers_are_refused_or_painted() -> None:
    zero = np.zeros((4, 5), np.float32)
    with pytest.raises(CostError, match=r"machine\.track_m: 0"):
        traversability(zero, zero, zero, replace(ROVER, track_m=0.0))
    with pytest.raises(CostError, match="one \\[R, C\\] shape"):
        traversability(zero, zero[:2], zero, ROVER)
    slope = np.linspace(0.0, 25.0, 20, dtype=np.float32).reshape(4, 5)
    layers = traversability(slope, zero, zero, ROVER)
    for name in Traversability._fields:
        picture = layer_picture(layers, name)
        assert picture.image.shape == (4, 5, 3)
        assert picture.image[3, 4].tolist() == list(REASONS[Reason.SLOPE])
    assert (np.diff(layer_picture(layers, "time_s_m").image.sum(axis=2).ravel()[:16].astype(int)) <= 0).all()
    with pytest.raises(CostError, match="time_s_m"):
        layer_picture(layers, "time_s")


def test_layers_below_zero_are_refused_by_name() -> None:
    zero = np.zeros((2, 3), np.float32)
    below = zero.copy()
    below[1, 2], below[0, 0] = -0.5, math.nan
    for i, name in enumerate(("slope_deg", "rough_m", "rock_cover")):
        layers = [zero, zero, zero]
        layers[i] = below
        with pytest.raises(CostError, match=rf"{name}: -0\.5 at cell \(1, 2\); must be 0 or more"):
            traversability(*layers, ROVER)
    with pytest.raises(CostError, match="slope_deg: "):
        drive_cost(below, zero, DriveLimits(20.0, 0.1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"speed_m_s": 0.0}, "machine.speed_m_s: 0; must be above 0 and finite"),
        ({"track_m": math.nan}, "machine.track_m: nan"),
        ({"drive_w": math.inf}, "machine.drive_w: inf"),
        ({"max_slope_deg": 91.0}, "machine.max_slope_deg: 91; must be above 0 and at most 90"),
        ({"step_m": -0.1}, "machine.step_m: -0.1; must be 0 or more and finite"),
        ({"max_slip": 1.5}, "machine.max_slip: 1.5; must be 0 or more and at most 1"),
        ({"miss": -0.5}, "machine.miss: -0.5"),
    ],
)
def test_a_machine_that_cannot_be_is_refused_when_it_is_made(changes: dict[str, float], words: str) -> None:
    with pytest.raises(CostError) as told:
        replace(ROVER, **changes)
    assert words in str(told.value)
