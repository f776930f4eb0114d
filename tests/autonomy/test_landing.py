"""Choosing where to touch down: reach, risk, choice, the map of several scans, the picture."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from moonfleet.autonomy.divert import Gate, Motion, flight_cost, reach, slowest_s
from moonfleet.autonomy.elevation_patch import ElevationPatch, patch_from_points
from moonfleet.autonomy.errors import LandingError
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.landing import Scores, Survey, Verdict, by_hazard, by_roughness, by_slope, choose, scattered
from moonfleet.autonomy.landing_picture import badness, coarse_cost
from moonfleet.autonomy.scan_map import ScanMap
from moonfleet.autonomy.stance_risk import stance_risk
from moonfleet.terrain.constants import MOON_GRAVITY_M_S2
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.seeds import stream

LIMITS = LanderLimits()
GATE = Gate(30.0, 1.5)
ABOVE = Motion(0.0, 0.0, 100.0, 0.0, 0.0, -2.0, 2900.0)
X, Y = np.meshgrid(np.arange(-40.0, 41.0, 2.0), np.arange(-40.0, 41.0, 2.0))


def reached(motion: Motion, kept_m_s: float = 42.0, **kwargs: Any) -> np.ndarray:
    return reach(X, Y, motion, GATE, LIMITS, kept_m_s=kept_m_s, **kwargs).ok


def test_reach_grows_with_height_and_fuel() -> None:
    sets = [reached(ABOVE._replace(z=z), range_m=99.0) for z in (36.0, 45.0, 60.0, 80.0, 100.0)]
    assert sets[0].sum() < sets[-1].sum()
    assert all((low <= high).all() for low, high in pairwise(sets))
    sets = [reached(ABOVE, kept_m_s=kept, range_m=99.0) for kept in (150.0, 138.5, 137.0, 135.0, 42.0)]
    assert sets[0].sum() == 0 < sets[1].sum() < sets[-1].sum()
    assert all((low <= high).all() for low, high in pairwise(sets))


def test_reach_keeps_to_range_time_and_tilt() -> None:
    there = reach(X, Y, ABOVE, GATE, LIMITS, kept_m_s=42.0)
    assert np.hypot(X, Y)[there.ok].max() <= LIMITS.range_max_m
    assert np.nanmax(there.time_s) <= slowest_s(ABOVE, GATE, LIMITS) <= LIMITS.time_max_s
    upright = reach(X, Y, ABOVE, GATE, LanderLimits(max_tilt_deg=3.0, time_max_s=22.0), kept_m_s=0.0)
    assert 0 < upright.ok.sum() < there.ok.sum()


def test_the_cost_of_a_flight_is_that_of_its_acceleration() -> None:
    """Integrated step by step with the guidance's first command and its linear course."""
    t_go, n = 20.0, 4000
    dv, most, least, tilt, low = flight_cost(0.0, 0.0, 100.0, 1.0, -2.0, -3.0, 15.0, 5.0, 30.0, 1.5, t_go)
    g = np.array([0.0, 0.0, -MOON_GRAVITY_M_S2])
    r, v = np.array([0.0, 0.0, 100.0]), np.array([1.0, -2.0, -3.0])
    total, sizes, tilts, heights, dt = 0.0, [], [], [], t_go / n
    for k in range(n):
        left = t_go - k * dt
        zem = np.array([15.0, 5.0, 30.0]) - r - v * left - 0.5 * g * left**2
        zev = np.array([0.0, 0.0, -1.5]) - v - g * left
        a = 6.0 * zem / left**2 - 2.0 * zev / left
        total += float(np.linalg.norm(a)) * dt
        sizes.append(float(np.linalg.norm(a)))
        tilts.append(math.hypot(a[0], a[1]) / a[2])
        heights.append(r[2])
        r, v = r + v * dt + 0.5 * (a + g) * dt**2, v + (a + g) * dt
    assert r == pytest.approx([15.0, 5.0, 30.0], abs=0.05)
    assert dv == pytest.approx(total, rel=2e-3)
    assert (most, least) == pytest.approx((max(sizes[:-40]), min(sizes)), rel=0.02)
    assert tilt == pytest.approx(max(tilts[:-40]), rel=0.05)
    assert low == pytest.approx(min(heights), abs=0.5)


def test_reach_refuses_what_makes_no_sense() -> None:
    with pytest.raises(LandingError, match="one shape"):
        reach(X, Y[:2], ABOVE, GATE, LIMITS, kept_m_s=0.0)
    with pytest.raises(LandingError, match="below the gate"):
        reach(X, Y, ABOVE._replace(z=20.0), GATE, LIMITS, kept_m_s=0.0)
    with pytest.raises(LandingError, match="dry mass"):
        reach(X, Y, ABOVE._replace(mass_kg=2000.0), GATE, LIMITS, kept_m_s=0.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("legs", 2), ("leg_radius_m", 0.0), ("clearance_m", -1.0), ("max_slope_deg", 60.0), ("yaw_deg", math.nan),
        ("isp_s", math.inf * 0.0), ("thrust_min_n", 9e3), ("thrust_max_n", 2e3), ("reserve_kg", 500.0), ("max_tilt_deg", 90.0),
    ],
)  # fmt: skip
def test_bad_limits_are_named(field: str, value: float) -> None:
    with pytest.raises(LandingError, match=rf"lander\.{field} = "):
        LanderLimits(**{field: value})


def survey(hole: tuple[float, float], noise: float = 0.1, seed: int = 1) -> Survey:
    """Ground strewn with boulders every 1.2 m, but for a clear disc of 3.2 m around ``hole``."""
    ref = GeoRef.centred(0.0, 0.0, 40.0, 0.1)
    x, y = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    bump = 0.5 * np.maximum(0.0, np.cos(2.0 * np.pi * x / 1.2) * np.cos(2.0 * np.pi * y / 1.2))
    bump[np.hypot(x - hole[0], y - hole[1]) < 3.2] = 0.0
    z = bump + noise * stream(seed, "test survey").standard_normal(ref.shape) + 0.05 * x
    elevation = z.astype(np.float32)
    return Survey(elevation, np.ones(ref.shape, np.float32), ref, noise, 0.16)


@pytest.mark.parametrize("hole", [(5.0, -7.0), (-9.3, 2.1)])
def test_the_only_safe_hole_is_found(hole: tuple[float, float]) -> None:
    choice = choose(by_hazard(survey(hole), LIMITS), ABOVE, GATE, LIMITS, kept_m_s=42.0)
    assert choice.verdict is Verdict.SAFE
    assert math.hypot(choice.x - hole[0], choice.y - hole[1]) < 1.0
    assert choice.divert_m == pytest.approx(math.hypot(choice.x, choice.y))


def test_a_safe_hole_out_of_reach_is_not_chosen_and_that_is_said() -> None:
    scores = by_hazard(survey((12.0, 9.0)), LIMITS)
    choice = choose(scores, ABOVE, GATE, LIMITS, kept_m_s=42.0, range_m=6.0)
    assert choice.verdict is Verdict.LEAST_BAD
    assert math.hypot(choice.x, choice.y) <= 6.0
    assert choice.p_unsafe > 0.1 > choice.best_p_anywhere
    nowhere = choose(scores, ABOVE, GATE, LIMITS, kept_m_s=500.0)
    assert nowhere.verdict is Verdict.OUT_OF_REACH
    assert (nowhere.x, nowhere.y) == (0.0, 0.0)


@pytest.mark.parametrize("policy", [by_slope, by_roughness])
def test_the_simple_policies_know_holes_too(policy: Any) -> None:
    scores = policy(survey((5.0, -7.0), 0.02), LIMITS)
    choice = choose(scores, ABOVE, GATE, LIMITS, kept_m_s=42.0)
    assert math.isnan(choice.p_unsafe)
    assert math.isfinite(scores.score.min())
    if policy is by_roughness:
        assert math.hypot(choice.x - 5.0, choice.y + 7.0) < 1.0


def test_scatter_spreads_hazards_and_nothing_is_safe_outside() -> None:
    bad = np.zeros((41, 41))
    bad[20, 20] = 1.0
    spread = scattered(bad, 0.2, 0.4)
    assert spread[20, 20] == pytest.approx(1.0 / (2.0 * math.pi * 4.0), rel=0.05)
    assert spread[20, 20] > spread[20, 23] > spread[20, 30] >= 0.0
    assert spread[0, 20] > 0.3
    assert scattered(bad, 0.2, 0.0) is bad
    with pytest.raises(LandingError, match="scatter_m"):
        scattered(bad, 0.2, -1.0)


def test_unmeasured_ground_is_unsafe_ground() -> None:
    given = survey((0.0, 0.0), 0.02)
    z = given.elevation_m.copy()
    z[195:205, 195:205] = np.nan
    risk = stance_risk(z, given.ref, 0.02, LIMITS)
    assert risk.p_unsafe[100, 100] == 1.0
    assert stance_risk(given.elevation_m, given.ref, 0.02, LIMITS).p_unsafe[100, 100] < 0.01
    assert (stance_risk(np.full_like(z, np.nan), given.ref, 0.02, LIMITS).p_unsafe == 1.0).all()
    with pytest.raises(LandingError, match="noise_m"):
        stance_risk(z, given.ref, math.nan, LIMITS)
    with pytest.raises(LandingError, match=r"cells 0\.1 m"):
        stance_risk(z, GeoRef.centred(0.0, 0.0, 80.0, 0.2), 0.1, LIMITS)


def test_risk_rises_with_slope_and_rocks() -> None:
    ref = GeoRef.centred(0.0, 0.0, 16.0, 0.1)
    x, y = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    by_tilt = [
        float(stance_risk((math.tan(math.radians(s)) * x).astype(np.float32), ref, 0.05, LIMITS).p_unsafe[40, 40])
        for s in (5.0, 10.0, 12.0, 15.0)
    ]
    assert by_tilt == sorted(by_tilt)
    assert by_tilt[0] < 0.02
    assert by_tilt[-1] > 0.95
    rock = [
        float(stance_risk((h * np.exp(-(x * x + y * y) / 0.5)).astype(np.float32), ref, 0.05, LIMITS).p_unsafe[40, 40])
        for h in (0.1, 0.5, 1.0)
    ]
    assert rock == sorted(rock)
    assert rock[0] < 0.05
    assert rock[-1] > 0.95


def scan_of(shift: tuple[float, float, float], half: float, seed: int) -> ElevationPatch:
    """A scan of known bumpy ground that is laid ``shift`` away from where it was taken."""
    rng = stream(seed, "test scan")
    xy = rng.uniform(-half - 1.0, half + 1.0, (round(100 * (2 * half + 2) ** 2), 2))
    x, y = xy.T
    z = 0.3 * np.sin(x * 1.9) * np.cos(y * 1.3 + 1.0) + 0.2 * np.sin(y * 2.7 + x) + 0.1 * rng.standard_normal(len(xy))
    return patch_from_points(np.column_stack([x, y, z]) + shift, GeoRef.centred(0.0, 0.0, 2 * half, 0.1), 0.1)


def test_a_second_scan_is_matched_and_averaged_in() -> None:
    seen = ScanMap(scan_of((0.0, 0.0, 0.0), 12.0, 1), 0.1)
    shift = seen.add(scan_of((0.31, -0.22, 0.4), 8.0, 2))
    assert shift is not None
    assert (shift.dx, shift.dy, shift.dz) == pytest.approx((0.31, -0.22, 0.4), abs=0.03)
    elevation, weight, ref, noise = seen.view()
    assert noise == pytest.approx(0.1 / math.sqrt(2.0))
    assert elevation.shape == weight.shape == ref.shape == (160, 160)
    assert 0.8 < weight.mean() < 1.2
    x, y = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    truth = 0.3 * np.sin(x * 1.9) * np.cos(y * 1.3 + 1.0) + 0.2 * np.sin(y * 2.7 + x)
    assert np.nanstd(elevation - truth) < 0.09


def test_scans_that_do_not_fit_are_refused_or_left_out() -> None:
    seen = ScanMap(scan_of((0.0, 0.0, 0.0), 6.0, 1), 0.1)
    with pytest.raises(LandingError, match="inside the map"):
        seen.add(scan_of((0.0, 0.0, 0.0), 8.0, 2))
    ref = GeoRef.centred(0.0, 0.0, 8.0, 0.1)
    nothing = patch_from_points(np.empty((0, 3)), ref, 0.1)
    assert seen.add(nothing) is None
    assert seen.scans == 1
    with pytest.raises(LandingError, match="noise_m"):
        ScanMap(nothing, 0.0)


def test_the_picture_leads_away_from_shadow_and_steep_ground() -> None:
    ref = GeoRef.centred(0.0, 0.0, 120.0, 1.0)
    image = np.full(ref.shape, 110, np.uint8) + stream(1, "test picture").integers(0, 6, ref.shape).astype(np.uint8)
    image[:, :50] = 5
    chart_ref = GeoRef.centred(0.0, 0.0, 400.0, 20.0)
    _, y = chart_ref.xy(*np.mgrid[:20, :20])
    chart = HeightGrid(np.where(y > 0.0, 0.4 * y, 0.0).astype(np.float32), chart_ref)
    cost = coarse_cost(badness(image, ref, (90.0, 5.0), chart, LIMITS), 1.0, 15.0)
    row, col = np.unravel_index(int(np.argmin(cost)), cost.shape)
    assert row > 60
    assert col > 60
    assert np.isinf(cost[:15]).all()
    with pytest.raises(LandingError, match="picture"):
        badness(image[:20, :20], ref, (90.0, 5.0), chart, LIMITS)


def test_scores_must_fit_their_places() -> None:
    with pytest.raises(LandingError, match="one shape"):
        choose(Scores(GeoRef.centred(0.0, 0.0, 4.0, 0.2), np.zeros((3, 3))), ABOVE, GATE, LIMITS, kept_m_s=0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"range_m": math.nan},
        {"range_m": -1.0},
        {"longest_s": math.nan},
        {"longest_s": math.inf},
        {"kept_m_s": math.nan},
    ],
)
def test_a_reach_by_what_is_no_number_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(LandingError, match=next(iter(wrong))):
        reached(ABOVE, **wrong)


def test_a_gate_that_is_none_is_refused() -> None:
    with pytest.raises(LandingError, match="descent_m_s"):
        reach(X, Y, ABOVE, Gate(30.0, math.nan), LIMITS, kept_m_s=1.0)


def test_unknown_ground_is_not_the_smoothest() -> None:
    ref = GeoRef.centred(0.0, 0.0, 12.0, 0.1)
    z = (0.02 * stream(1, "uneven").standard_normal(ref.shape)).astype(np.float32)
    z[:, 70:] = np.nan
    scores = by_roughness(Survey(z, np.ones(ref.shape, np.float32), ref, 0.1, 0.16), LIMITS)
    assert np.isfinite(scores.score[30, 12:20]).any()
    assert np.isinf(scores.score[:, 36:]).all()


def test_a_picture_mostly_in_shadow_shows_its_shadow() -> None:
    flat = HeightGrid(np.zeros((9, 9), np.float32), GeoRef.centred(0.0, 0.0, 90.0, 10.0))
    ref = GeoRef.centred(0.0, 0.0, 60.0, 1.0)
    noise = stream(1, "dark").integers(0, 6, ref.shape)
    image = (4 + noise).astype(np.uint8)
    image[:, 40:] += 100
    bad = badness(image, ref, (90.0, 5.0), flat, LIMITS)
    assert bad[:, :34].min() >= 1.0
    assert bad[:, 46:].max() < 1.0
    assert badness(np.zeros(ref.shape, np.uint8), ref, (90.0, 5.0), flat, LIMITS).min() >= 1.0


def test_a_disc_or_lander_that_is_none_is_refused() -> None:
    for radius in (0.0, math.nan, math.inf):
        with pytest.raises(LandingError, match="radius_m"):
            coarse_cost(np.zeros((40, 40), np.float32), 1.0, radius)
    with pytest.raises(LandingError, match="legs"):
        LanderLimits(legs=4.0)  # type: ignore[arg-type]
    with pytest.raises(LandingError, match="weight"):
        stance_risk(
            np.zeros((80, 80), np.float32), GeoRef.centred(0.0, 0.0, 8.0, 0.1), 0.1, LIMITS, np.ones((8, 8), np.float32)
        )
    with pytest.raises(LandingError, match="noise_m"):
        ScanMap(patch_from_points(np.empty((0, 3)), GeoRef.centred(0.0, 0.0, 2.0, 0.5), 0.1), math.inf)
