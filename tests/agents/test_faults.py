"""Failures, repairs, help, getting stuck, tipping over: seeded, the same whoever is stepped beside, and with their effects."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.agents.catalogue import FaultSpec, FaultsSpec, RobotSpec, robot_spec
from moonfleet.agents.errors import WorldError
from moonfleet.agents.faults import exponential, uniform
from moonfleet.agents.spec_block import embed_grade_deg
from moonfleet.agents.state import Activity, Loss, Subsystem, WorldState
from moonfleet.agents.world import World
from moonfleet.terrain.soil import slip
from tests.stand_in import T0, make_site

VIPER = robot_spec("viper-rover")
RAMP = math.tan(math.radians(25.0))


def failing(part: str, per_h: float = 0.5, repair_h: float = 1.0, help_share: float = 0.0) -> RobotSpec:
    law = FaultSpec(per_h=per_h, repair_h=repair_h, help_share=help_share)
    return VIPER.model_copy(update={"faults": FaultsSpec(**{part: law})})


def one(spec: RobotSpec, seed: int = 1, height: object = None, **options: object) -> World:
    site = make_site(height)  # type: ignore[arg-type]
    return World(site, [spec], [site.ref.centre], T0, seed=seed, **{"faults": True} | options)  # type: ignore[arg-type]


def test_numbers_are_uniform_and_known_by_their_names() -> None:
    numbers = np.array([uniform(np.uint64(2**64 - 7), r, 2, n) for r in range(20) for n in range(500)])
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    assert abs(numbers.mean() - 0.5) < 4.0 / math.sqrt(12 * len(numbers))
    counts = np.bincount((numbers * 20).astype(int), minlength=20)
    assert ((counts - 500) ** 2 / 500).sum() < 45.0, "chi-squared, 19 degrees of freedom"
    assert len(set(numbers.tolist())) == len(numbers)
    assert np.mean([exponential(5, 0, 1, n) for n in range(4_000)]) == pytest.approx(1.0, abs=0.07)


def test_failures_come_at_their_rate_and_last_their_time() -> None:
    spec = failing("comm", per_h=0.5, repair_h=2.0).model_copy(update={"idle_w": 1.0})
    site = make_site()
    world = World(site, [spec] * 40, np.tile(site.ref.centre, (40, 1)), T0, seed=3, faults=True)
    down = 0
    for _ in range(2_000):
        world.tick(6)
        down += int((world.state.faults[0] == 1 << Subsystem.COMM).sum())
    failures = int((world.state.comm_draws[0] // 2).sum())  # one number for each failure, one for each repair
    assert failures / (0.1 * (40 * 2_000 - down)) == pytest.approx(0.5, rel=0.08)
    assert down * 0.1 / failures == pytest.approx(2.0, rel=0.08)


def test_without_faults_nothing_fails_and_asleep_nothing_ages() -> None:
    calm = one(failing("payload", per_h=50.0), faults=False)
    calm.tick(600)
    assert calm.state.faults[0, 0] == 0
    asleep = one(failing("payload", per_h=50.0))
    asleep.set_activity(0, 0, Activity.HIBERNATE)
    asleep.tick(600)
    assert (asleep.state.faults[0, 0], asleep.state.operating_s[0, 0]) == (0, 0.0)


def test_what_a_failure_does() -> None:
    def broken(part: Subsystem) -> World:
        world = one(VIPER, faults=False)
        world.state.faults[0, 0] = 1 << part
        x, y = world.site.ref.centre
        world.set_leg(0, 0, [[x + 100.0, y]])
        return world

    still = broken(Subsystem.MOBILITY)
    still.tick(1)
    assert (still.state.odometer_m[0, 0], still.state.blocked[0, 0]) == (0.0, 1)
    half, whole = broken(Subsystem.POWER), one(VIPER)
    half.tick(1)
    whole.tick(1)
    assert half.state.solar_w[0, 0] == pytest.approx(0.5 * whole.state.solar_w[0, 0])
    deaf = broken(Subsystem.COMM)
    deaf.tick(1)
    assert deaf.state.link[0, 0] == 0
    assert not deaf.listens(0, 0)
    idle = broken(Subsystem.PAYLOAD)
    idle.set_activity(0, 0, Activity.WORK, work_w=50.0, data_mbps=1.0)
    idle.tick(5)
    assert (idle.state.worked_s[0, 0], idle.state.generated_mbit[0, 0]) == (0.0, 0.0)
    assert idle.state.load_w[0, 0] == pytest.approx(VIPER.idle_w)
    cold = broken(Subsystem.THERMAL)
    cold.state.temp_k[0, 0] = VIPER.temp_op_min_k
    cold.set_activity(0, 0, Activity.HOLD)
    cold.tick(1)
    assert cold.state.load_w[0, 0] <= VIPER.idle_w + VIPER.comm_w


def test_another_robot_at_its_side_mends_and_frees_it() -> None:
    spec = failing("mobility", per_h=20.0, help_share=1.0)
    site = make_site()
    x, y = site.ref.centre
    helper = VIPER.model_copy(update={"faults": FaultsSpec()})
    world = World(site, [spec, helper], [[x, y], [x + 100.0, y]], T0, faults=True)
    world.tick(600)
    assert world.state.faults[0, 0] == 1 << Subsystem.MOBILITY
    assert not world.assist(0, 0), "too far"
    world.set_leg(0, 1, [[x + 10.0, y]])
    world.tick(20)
    world.state.trapped[0, 0] = 1
    assert world.assist(0, 0)
    assert (world.state.faults[0, 0], world.state.trapped[0, 0]) == (0, 0)
    assert world.state.next_fault_s[0, 0] > world.state.operating_s[0, 0]
    assert not world.assist(0, 0), "nothing to do"


def test_the_same_world_alone_in_a_batch_in_threads_or_in_pieces() -> None:
    site = make_site(lambda dx, dy: 4.0 * np.sin(dx / 30.0), sun_el_deg=lambda t: np.sin((t - T0) / 9_000.0))
    specs = [failing("comm"), failing("mobility", 2.0, help_share=0.3), robot_spec("ce7-lander")]
    x, y = site.ref.centre
    starts = [[x, y], [x + 50.0, y], [x - 50.0, y]]
    seeds = list(range(40, 47))

    def run(seed: list[int], pieces: list[int], threads: int = 1) -> World:
        world = World(site, specs, starts, np.full(len(seed), T0), seed=seed, faults=True, station=2, threads=threads)
        for w in range(len(seed)):
            world.set_leg(w, 1, [[x + 300.0, y + 100.0], [x, y]])
            world.set_activity(w, 0, Activity.WORK, work_w=20.0, data_mbps=0.2)
        for n in pieces:
            world.tick(n)
        return world

    whole = run(seeds, [700])
    others = (run(seeds, [700], threads=3), run(seeds, [1, 399, 300]))
    alone = run(seeds[4:5], [700])
    assert len({whole.state.operating_s[w, 1] for w in range(7)} | set(whole.state.comm_at_s[:, 0].tolist())) > 7
    for name in WorldState._fields:
        for other in others:
            assert getattr(whole.state, name).tobytes() == getattr(other.state, name).tobytes(), name
        assert getattr(whole.state, name)[4].tobytes() == getattr(alone.state, name)[0].tobytes(), name


def test_seeds_are_one_number_or_one_per_world() -> None:
    site = make_site()
    with pytest.raises(WorldError, match="seed has 2 numbers for 1 worlds"):
        World(site, [VIPER], [site.ref.centre], T0, seed=[1, 2])
    keys = World(site, [VIPER], [site.ref.centre], np.full(3, T0), seed=5).get_state()["keys"]
    assert len(set(keys.tolist())) == 3


def test_a_world_started_anew_fails_the_same_way_or_with_another_seed_another() -> None:
    world, other = one(failing("comm"), 1), one(failing("comm"), 2)
    first = float(world.state.comm_at_s[0, 0])
    world.tick(900)
    world.reset(0)
    assert world.state.comm_at_s[0, 0] == first
    world.reset(0, seed=2)
    assert world.state.comm_at_s[0, 0] != first
    other.reset(0, seed=2)
    assert world.state.comm_at_s[0, 0] == other.state.comm_at_s[0, 0]


def test_wheels_that_slip_dig_themselves_in_and_a_robot_left_there_is_lost() -> None:
    grade = embed_grade_deg(0.3)
    assert slip(grade) == pytest.approx(0.3)
    steep = VIPER.model_copy(update={"max_slope_deg": 40.0, "embed_slip": 0.3, "trap_per_m": 5.0, "trapped_h": 1.0})
    went = []
    for seed in range(5):
        world = one(steep, seed, lambda dx, dy: RAMP * dy + 0.0 * dx)
        x, y = world.site.ref.centre
        world.set_leg(0, 0, [[x, y + 300.0]])
        world.tick(30)
        while world.state.activity[0, 0] == Activity.DRIVE:
            world.tick(1)
        assert (world.state.trapped[0, 0], world.state.blocked[0, 0]) == (1, 1)
        went.append(float(world.state.odometer_m[0, 0]))
        world.set_leg(0, 0, [[x, y]])
        world.tick(5)
        assert world.state.odometer_m[0, 0] == went[-1], "stuck"
        world.tick(60)
        assert world.state.loss[0, 0] == Loss.ENTRAPPED
    assert len(set(went)) == 5
    flat = one(steep.model_copy(update={"trap_per_m": 10.0}))
    x, y = flat.site.ref.centre
    flat.set_leg(0, 0, [[x + 300.0, y]])
    flat.tick(60)
    assert flat.state.trapped[0, 0] == 0


def test_ground_steeper_than_its_limit_tips_it_over() -> None:
    world = one(
        VIPER.model_copy(update={"max_slope_deg": 40.0, "tip_slope_deg": 24.0}), 1, lambda dx, dy: RAMP * dy + 0 * dx
    )
    x, y = world.site.ref.centre
    world.set_leg(0, 0, [[x + 20.0, y]])
    world.tick(1)
    assert world.state.loss[0, 0] == Loss.TIPPED
