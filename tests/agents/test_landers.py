"""Many landers at once against one lander, against what can be worked out by hand, and against the judge of touchdowns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.agents.flight import MASS, STEP_S, VX, VZ, X, Y, Z, fly, sink
from moonfleet.agents.landers import EDGE_M, GATES, Landers, level_at, speed_needed_m_s, time_to_ground_s
from moonfleet.agents.landing_eye import SYMMETRIES, to_map, to_tile
from moonfleet.agents.landing_tiles import (
    CELL_M,
    LEVEL_CELL_M,
    SCALE_START,
    SCALES_M,
    SIDE_M,
    LandingTiles,
    TileRecipe,
    landing_tiles,
    make_tile,
)
from moonfleet.agents.touchdown import OUTCOMES, Outcome, stand_on
from moonfleet.autonomy.divert import even_descent_s
from moonfleet.autonomy.errors import LandingError
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.terrain.constants import MOON_GRAVITY_M_S2
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.seeds import stream

LIMITS = LanderLimits()
RECIPE = TileRecipe(clear_cover=0.03, field_cover=0.25)


@pytest.fixture(scope="module")
def tiles() -> LandingTiles:
    return landing_tiles(RECIPE, 2)


def landers(
    tiles: LandingTiles, count: int = 1, height: float = 400.0, fuel: float = 300.0, vz: float = -18.0
) -> Landers:
    made = Landers(count, tiles, LIMITS)
    made.state[:, Z] = height + made.under_aim(tiles.level)
    made.state[:, VZ] = vz
    made.state[:, MASS] = LIMITS.dry_kg + fuel
    made.down[:] = False
    return made


def run_down(made: Landers) -> int:
    steps = 0
    every = np.ones(len(made.down), bool)
    while not made.down.all():
        made.step(every, np.zeros(len(made.down)))
        steps += 1
        assert steps < 200
    return steps


def test_without_propellant_they_fall(tiles: LandingTiles) -> None:
    made = landers(tiles, 2, fuel=0.0, vz=0.0)
    before = made.state.copy()
    for _ in range(5):
        made.step(np.array([True, False]), np.zeros(2))
    assert made.state[0, Z] == pytest.approx(before[0, Z] - 0.5 * MOON_GRAVITY_M_S2 * 25.0)
    assert made.state[0, VZ] == pytest.approx(-MOON_GRAVITY_M_S2 * 5.0)
    assert np.array_equal(made.state[1], before[1])  # it was not active
    run_down(made)
    energy = 0.5 * made.state[0, VZ] ** 2 + MOON_GRAVITY_M_S2 * (made.state[0, Z] - before[0, Z])
    assert energy == pytest.approx(0.0, abs=1e-6)
    _, code = made.touchdowns(np.array([0]))
    assert OUTCOMES[code[0]] is Outcome.OUT_OF_PROPELLANT


def test_a_straight_descent_costs_what_it_was_said_to(tiles: LandingTiles) -> None:
    made = landers(tiles)
    gates = np.array(GATES)
    said_s, said_m_s = time_to_ground_s(400.0, -18.0, 0, gates), speed_needed_m_s(400.0, -18.0, 0, gates)
    steps = run_down(made)
    spent = LIMITS.exhaust_m_s * math.log((LIMITS.dry_kg + 300.0) / made.state[0, MASS])
    assert steps == pytest.approx(said_s, abs=3.0)
    assert spent == pytest.approx(said_m_s, abs=6.0)
    assert -made.state[0, VZ] == pytest.approx(GATES[-1][1], abs=0.1)


def test_they_fly_as_one_lander_does(tiles: LandingTiles) -> None:
    """To the first gate, and from it straight down, with the very numbers of `fly` and `sink`."""
    made = landers(tiles)
    made.state[0, :2], made.state[0, VX] = (-60.0, 20.0), 5.0
    made.aim[0] = 10.0, -5.0
    site = float(made.under_aim(tiles.level)[0])
    made.state[0, Z] = site + 400.0
    one, error = made.state[0].copy(), np.zeros(6)
    gate_m, rate = GATES[0]
    time = even_descent_s(400.0 - gate_m, float(one[VZ]), rate)
    whole = math.floor(time - 2.0)
    rng = stream(1, "unused")
    _, track = fly(one, error, (10.0, -5.0, site + gate_m), rate, time, -math.inf, LIMITS, rng, 0.0)
    for _ in range(whole):
        made.step(np.ones(1, bool), np.zeros(1))
    assert made.gate[0] == 0
    assert made.state[0] == pytest.approx(track[round(whole / STEP_S) - 1], rel=1e-12)
    made.gate[0], made.left_s[0] = len(GATES), -1.0
    made.state[0, Z], made.state[0, VX : VZ + 1] = site + 60.0, (0.2, 0.1, -1.5)
    made.aim[0] = made.state[0, :2] + 0.5
    other = made.state[0].copy()
    _, track = sink(
        other, np.zeros(6), tuple(made.aim[0].tolist()), GATES[-1][1], -1e9, LIMITS, rng, 0.0, longest_s=20.0
    )
    for _ in range(20):
        made.step(np.ones(1, bool), np.zeros(1))
    assert made.state[0] == pytest.approx(track[199], rel=1e-12)


def test_a_touchdown_is_judged_as_one_on_the_same_ground(tiles: LandingTiles) -> None:
    count = 300
    made = landers(tiles, count)
    rng = stream(3, "touchdowns")
    made.state[:, :2] = rng.uniform(-70.0, 70.0, (count, 2))
    made.state[:, VZ] = -1.0
    made.tile[:] = np.arange(count) % 2
    stance, code = made.touchdowns(np.arange(count))
    seen = set()
    for k in range(count):
        tile = int(made.tile[k])
        patch = HeightGrid(np.array(tiles.ground[tile]), GeoRef.centred(0.0, 0.0, SIDE_M, CELL_M))
        rocks = np.array(tiles.rocks[tiles.first_rock[tile] : tiles.first_rock[tile + 1]])
        true = stand_on(patch, rocks, float(made.state[k, X]), float(made.state[k, Y]), LIMITS)
        assert tuple(stance[k]) == pytest.approx(tuple(true), rel=1e-12)
        assert OUTCOMES[code[k]] is true.outcome(LIMITS)
        seen.add(code[k])
    assert len(seen) >= 3
    made.state[:, VZ] = -9.0
    assert {OUTCOMES[k] for k in made.touchdowns(np.arange(5))[1]} == {Outcome.HARD}


def test_the_kept_margins_say_where_it_is_safe(tiles: LandingTiles) -> None:
    cells = np.random.default_rng(5).integers(5, 155, (200, 2))
    made = landers(tiles, 200)
    made.state[:, X] = (cells[:, 1] + 0.5) * LEVEL_CELL_M - 0.5 * SIDE_M
    made.state[:, Y] = 0.5 * SIDE_M - (cells[:, 0] + 0.5) * LEVEL_CELL_M
    made.state[:, VZ] = -1.0
    _, code = made.touchdowns(np.arange(200))
    safe = tiles.margin[0, cells[:, 0], cells[:, 1]] >= 0.0
    assert np.array_equal(safe, code == OUTCOMES.index(Outcome.SAFE))


def test_diverts_keep_to_engine_tilt_fuel_and_tile(tiles: LandingTiles) -> None:
    made = landers(tiles, 4, height=100.0, vz=-5.0)
    made.gate[:] = 1
    made.state[3, MASS] = LIMITS.dry_kg + 1.0
    wish = np.array([[20.0, 0.0], [300.0, 0.0], [20.0, 0.0], [20.0, 0.0]])
    made.state[1, X] = 44.0
    taken = made.retarget(np.array([True, True, False, True]), wish)
    assert taken.tolist() == [True, True, False, False]
    assert made.aim.tolist() == [[20.0, 0.0], [0.5 * SIDE_M - EDGE_M, 0.0], [0.0, 0.0], [0.0, 0.0]]
    made.state[0, Z] -= 66.0  # too low to get there in time
    made.left_s[0] = 3.0
    assert not made.retarget(np.array([True, False, False, False]), -wish)[0]
    assert made.could_fly(2, 10.0, 0.0)
    assert not made.could_fly(2, 500.0, 0.0)


def test_threads_do_not_change_the_bytes(tiles: LandingTiles) -> None:
    rng = stream(4, "threads")
    ends = []
    aims = rng.uniform(-40.0, 40.0, (7, 2))
    for threads in (1, 3):
        made = landers(tiles, 7)
        made.threads = threads
        made.retarget(np.ones(7, bool), aims)
        run_down(made)
        ends.append(made.state.tobytes())
    assert ends[0] == ends[1]


def test_layers_are_met_in_the_middle_of_their_cells(tiles: LandingTiles) -> None:
    for row, col in ((0, 0), (17, 80), (158, 30)):
        x, y = (col + 0.5) * LEVEL_CELL_M - 0.5 * SIDE_M, 0.5 * SIDE_M - (row + 0.5) * LEVEL_CELL_M
        assert level_at(tiles.level, 1, x, y) == pytest.approx(tiles.level[1, row, col], abs=1e-6)


def test_maps_and_tiles_are_turned_back_and_forth() -> None:
    images = set()
    for symmetry in range(SYMMETRIES):
        there = to_tile(symmetry, 3.0, 1.0)
        assert to_map(symmetry, *there) == (3.0, 1.0)
        images.add(there)
    assert len(images) == SYMMETRIES


def test_a_tile_is_the_same_however_many_are_made(tiles: LandingTiles) -> None:
    again = make_tile(RECIPE, 1, LIMITS)
    assert np.array_equal(again["ground"], tiles.ground[1])
    assert np.array_equal(again["grey"], tiles.grey[1])
    assert np.array_equal(again["rocks"], tiles.rocks[tiles.first_rock[1] :])
    assert not tiles.ground.flags.writeable


def test_scales_hold_the_means_of_the_ground(tiles: LandingTiles) -> None:
    for k, cell in enumerate(SCALES_M):
        n, per = round(SIDE_M / cell), round(cell / CELL_M)
        mean = tiles.mean[0, SCALE_START[k] : SCALE_START[k + 1]].reshape(n, n)
        block = tiles.ground[0, 3 * per : 4 * per, 5 * per : 6 * per]
        assert mean[3, 5] == pytest.approx(block.mean(), abs=1e-4)
        rise = tiles.rise[0, SCALE_START[k] : SCALE_START[k + 1]].reshape(n, n)
        assert rise[3, 5] == pytest.approx(block.max() - block.mean(), abs=1e-4)


def test_what_makes_no_sense_is_refused(tiles: LandingTiles) -> None:
    for gates in ((), ((10.0, 1.0), (20.0, 1.0)), ((10.0, 0.0),)):
        with pytest.raises(LandingError, match="gates"):
            Landers(1, tiles, LIMITS, gates)
    with pytest.raises(LandingError, match="field_share"):
        TileRecipe(field_share=1.5)
    with pytest.raises(LandingError, match="tiles"):
        landing_tiles(RECIPE, 0)
