"""The compiled World is the plain one: random ground, machines, skies and commands, every number to 1e-9."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moonfleet.agents.catalogue import FaultsSpec, RobotSpec, robot_spec
from moonfleet.agents.state import Activity, Loss, WorldState
from moonfleet.agents.world import TARGET_M, World
from moonfleet.terrain.sight import viewshed
from tests.plain_world import PARTS, PlainRobot, PlainWorld
from tests.stand_in import T0, StillRelay, make_site

KINDS = (
    "ce7-lander",
    "viper-rover",
    "yutu-rover",
    "ce7-hopper",
    "ce7-hopper",
    "scout",
    "scout",
    "queqiao2",
    "ce8-lander",
)
COUNTED = ("odometer_m", "blocked", "faults", "traps", "dust_ug_cm2", "faded_wh", "charge_loss_wh", "received_mbit")
OFTEN = {"per_h": 2.0, "repair_h": 0.2, "help_share": 0.3}
TOLERANCE = 1e-9
TICKS = 70


class Pick(Protocol):
    """Choose one of some options: hypothesis does it to find and shrink, a generator to spread evenly."""

    def __call__(self, options: Sequence[Any], /) -> Any: ...


Order = tuple[Any, ...]
Case = tuple[World, PlainWorld, list[tuple[int, int, Order]]]


def machine(pick: Pick) -> RobotSpec:
    """A machine of the catalogue, bent: small batteries, small stores, no panels, weak heaters."""
    spec = robot_spec(pick(KINDS))
    bent = {
        "battery_wh": (70.0, 300.0),
        "storage_mbit": (0.0, 300.0),
        "solar_w_1au": (0.0, 0.0, 100.0),
        "heat_capacity_j_k": (2_000.0, 4_000.0, 50_000.0),
        "rhu_w": (0.0, 40.0),
        "heater_w": (0.0, 5.0),
        "range_station_m": (150.0, 2_000.0),
        "rate_station_mbps": (0.3, 2.0),
        "rate_earth_mbps": (0.0, 0.5),
        "rate_relay_mbps": (0.0, 1.0),
        "panel": ("fixed", "level", "upright"),
        "panel_tilt_deg": (20.0, 70.0),
        "panel_facing_deg": (-90.0, 30.0),
        "panel_height_m": (0.0, 12.0),
        "mast_m": (0.5, 6.0, 30.0),
        "dust_ug_cm2_yr": (21.0, 1e6),
        "dust_ug_cm2_km": (50.0, 1e5),
        "charge_efficiency": (0.8, 1.0),
        "charge_c": (0.05, 0.5),
        "discharge_c": (0.05, 1.0),
        "cold_loss_per_k": (0.003, 0.02),
        "fade_per_year": (0.02, 100.0),
        "fade_per_cycle": (0.001, 0.5),
        "tip_slope_deg": (20.0, 30.0),
        "relay_full_m": (5e6, 2e7),
        "earth_full_m": (3e8, 5e8),
    }
    changes = {name: pick(values) for name, values in bent.items() if pick((False, True))}
    if pick((False, True)):
        changes |= {"embed_slip": pick((0.0, 0.0, 0.1)), "trap_per_m": 10.0, "trapped_h": pick((0.0, 0.2, 300.0))}
    for name in ("station", "relay", "earth"):
        top = changes.get(f"rate_{name}_mbps", getattr(spec, f"rate_{name}_mbps"))
        changes[f"{name}_steps_mbps"] = pick(((), (0.3 * top,), (0.5 * top, 0.01 * top, 0.2 * top))) if top > 0 else ()
    if spec.speed_m_s == 0 and spec.hops == 0 and spec.role != "orbiter":
        changes["forwards"] = pick((False, True))
    changes["faults"] = FaultsSpec(**{part: OFTEN for part in PARTS if pick((False, True))})  # type: ignore[arg-type]
    changes["hop_wh"] = min(spec.hop_wh, changes.get("battery_wh", spec.battery_wh))
    return spec.model_copy(update=changes)


def order(pick: Pick, spec: RobotSpec) -> Order:
    """An order that suits the machine: legs for those that drive, hops for those that fly."""
    metres = range(-380, 381)
    moves = ["leg"] * 3 * (spec.speed_m_s > 0) + ["hop"] * 3 * (spec.hops > 0)
    kind = pick([*moves, "work", "work", "hibernate", "relay", "assist", "clean", "cut"])
    if kind == "leg":
        return kind, [(pick(metres), pick(metres)) for _ in range(pick(range(1, 6)))]
    if kind == "hop":
        return kind, (pick(metres), pick(metres))
    if kind == "cut":
        return kind, pick((0, 0, 0, 0, 1, 2, 4, 8, 15))
    if kind == "hibernate":
        return kind, 0.0, 0.0, pick((0.0, 0.3, 0.8))
    return kind, pick((0.0, 20.0, 500.0)), pick((0.0, 0.4, 5.0))


def make_case(pick: Pick) -> Case:
    """A World, its plain double, and orders (tick, robot, order) to give to both."""
    rng = np.random.default_rng(pick(range(1_000)))
    rough, speed = pick((0.0, 4.0, 9.0, 14.0, 25.0)), pick((2_000.0, 20_000.0, 1e9))
    height = pick((-5.0, -1.0, 0.0, 0.3, 2.0))
    site = make_site(
        lambda dx, dy: rough * (np.sin(dx / 37.0) * np.cos(dy / 53.0) + 0.3 * np.sin(dx / 11.0)),
        horizon_deg=rng.uniform(-1.0, 1.0, (36, 40, 40)),
        sun_az_deg=lambda t: (t - T0) / 100.0 % 360.0,
        sun_el_deg=lambda t: height + np.sin((t - T0) / speed),
        earth_el_deg=lambda t: np.cos((t - T0) / speed),
        earth_az_deg=lambda t: (t - T0) / 333.0 % 360.0,
        flux_w_m2=pick((1310.0, 1361.0, 1415.0)),
    )
    if pick((False, True)):
        lower = SimpleNamespace(millideg=(site.horizon.millideg - 400).astype(np.int16), observer_m=10.0)
        lowest = SimpleNamespace(millideg=(site.horizon.millideg - 700).astype(np.int16), observer_m=25.0)
        site.horizons = {2.0: site.horizon, 10.0: lower, 25.0: lowest}
    specs = [machine(pick) for _ in range(pick(range(1, 6)))]
    station = pick([None, *(r for r, spec in enumerate(specs) if spec.role != "orbiter")])
    relay: Any = pick((None, StillRelay(90.0, 5.0), StillRelay(30.0, 0.2), StillRelay(200.0, -0.2)))
    starts = np.array(site.ref.centre) + rng.uniform(-300.0, 300.0, (len(specs), 2))
    charge = pick((1.0, 1.0, 0.5, 0.3, 0.02, 0.0))
    seed, faults = pick(range(1_000)), pick((False, True, True))
    world = World(
        site, specs, starts, T0, relay=relay, station=station, battery_frac=charge, seed=[seed], faults=faults
    )
    robots = [PlainRobot(spec, 0.0, 0.0, charge * spec.battery_wh) for spec in specs]
    for robot, (x, y) in zip(robots, starts.tolist(), strict=True):
        if robot.spec.role != "orbiter":
            robot.x, robot.y = x, y
    seen = None
    if station is not None:
        seen = viewshed(site.grid, (robots[station].x, robots[station].y), specs[station].mast_m, TARGET_M)
    seen_by_mast = None
    if world.mast is not None:
        mast = robots[world.mast]
        seen_by_mast = viewshed(site.grid, (mast.x, mast.y), mast.spec.mast_m, TARGET_M)
    key = int(world.get_state()["keys"][0])
    plain = PlainWorld(site, robots, T0, relay, station, seen, world.mast, seen_by_mast, key, faults)
    orders = [(0, r, order(pick, spec)) for r, spec in enumerate(specs)]
    for _ in range(pick(range(6))):
        r = pick(range(len(specs)))
        orders.append((pick(range(1, TICKS)), r, order(pick, specs[r])))
    return world, plain, orders


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return make_case(lambda options: draw(st.sampled_from(options)))


def give(world: World, plain: PlainWorld, r: int, order: Order) -> None:
    """Give one order to both worlds, if the body can do it at all."""
    spec, robot = world.specs[r], plain.robots[r]
    x, y = world.site.ref.centre
    if robot.activity in (Activity.HOP, Activity.LOST):
        assert not world.takes_commands(0, r)
        return
    if order[0] == "leg" and spec.speed_m_s > 0:
        leg = [(x + float(dx), y + float(dy)) for dx, dy in order[1]]
        assert world.set_leg(0, r, leg)
        robot.activity, robot.leg, robot.blocked, robot.wake_frac = Activity.DRIVE, list(leg), 0, 0.0
    elif order[0] == "assist":
        if world.assist(0, r):
            plain.assist(robot)
    elif order[0] == "cut":
        bits = world.state.cut[0].copy()
        bits[r] = robot.cut = int(order[1])
        world.cut_links(0, bits)
    elif order[0] == "clean":
        assert world.clean(0, r)
        robot.dust_ug_cm2 *= 1.0 - spec.clean_share
    elif order[0] == "hop":
        to = (x + float(order[1][0]), y + float(order[1][1]))
        if spec.hops > 0 and world.state.hops_left[0, r] > 0 and robot.battery_wh >= spec.hop_wh:
            world.hop(0, r, to)
            robot.activity, robot.leg, robot.hop_ticks, robot.wake_frac = Activity.HOP, [], 5, 0.0
            robot.hop_x, robot.hop_y = to
    elif order[0] in ("work", "hibernate", "relay"):
        activity = {"work": Activity.WORK, "hibernate": Activity.HIBERNATE, "relay": Activity.RELAY}[str(order[0])]
        work_w, mbps = float(order[1]), float(order[2])
        wake = float(order[3]) if order[0] == "hibernate" else 0.0
        world.set_activity(0, r, activity, work_w=work_w, data_mbps=mbps, wake_frac=wake)
        robot.wake_frac = wake
        working = activity == Activity.WORK
        robot.activity, robot.leg, robot.blocked = activity, [], 0
        robot.work_w, robot.data_mbps = (work_w, mbps) if working else (0.0, 0.0)
        robot.worked_s = 0.0 if working else robot.worked_s


def run_both(case: Case) -> Counter[str]:
    """Run both worlds side by side; return in how many ticks the stores for others held something."""
    held: Counter[str] = Counter()
    world, plain, orders = case
    names = [n for n in WorldState._fields if n in PlainRobot.__dataclass_fields__]
    for tick in range(TICKS):
        for at, r, what in orders:
            if at == tick:
                give(world, plain, r, what)
        world.tick(1)
        plain.tick()
        for r, robot in enumerate(plain.robots):
            for name in names:
                got, want = float(getattr(world.state, name)[0, r]), float(getattr(robot, name))
                if name == "heading_deg":
                    want += 360.0 * round((got - want) / 360.0)
                close = math.isclose(got, want, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
                assert close, f"tick {tick}, robot {r} ({robot.spec.kind}): {name} {got!r}, plainly {want!r}"
            # louvres on a machine of little heat capacity are a chaotic map: a rounding error grows fivefold a tick,
            # so every tick is compared from the same temperature
            robot.temp_k = float(world.state.temp_k[0, r])
            for part in PARTS:
                at = float(getattr(world.state, f"{part}_at_s")[0, r])
                assert at == pytest.approx(robot.events[part], rel=TOLERANCE), f"tick {tick}, robot {r}: {part}"
        assert world.relay_mbit[0] == pytest.approx(plain.relay_mbit, rel=TOLERANCE, abs=TOLERANCE)
        assert world.archive_mbit[0] == pytest.approx(plain.archive_mbit, rel=TOLERANCE, abs=TOLERANCE)
        held.update(name for name in ("station_mbit", "relay_mbit") if getattr(world, name)[0] > 0)
        assert world.station_mbit[0] == pytest.approx(plain.station_mbit, rel=TOLERANCE, abs=TOLERANCE)
    audit = world.audit()
    assert abs(audit.battery_wh).max() < 1e-6
    assert abs(audit.panel_wh).max() < 1e-6
    assert abs(audit.data_mbit).max() < 1e-6
    return held


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(cases())
def test_the_kernel_matches_the_plain_world(case: Case) -> None:
    run_both(case)


def drawn(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    return make_case(lambda options: options[int(rng.integers(len(options)))])


@pytest.mark.parametrize("seed", range(40))
def test_the_kernel_matches_the_plain_world_in_an_even_spread_of_cases(seed: int) -> None:
    run_both(drawn(seed))


@pytest.mark.slow
def test_the_spread_of_cases_holds_everything_that_can_happen() -> None:
    happened: Counter[str] = Counter()
    for seed in range(100, 250):
        case = drawn(seed)
        happened.update(run_both(case))
        state = case[0].state
        happened.update(Loss(int(loss)).name for loss in state.loss[0])
        for name in (*COUNTED, "brownouts", "sent_mbit", "dropped_mbit", "worked_s", "dumped_wh"):
            happened[name] += int(np.count_nonzero(getattr(state, name)))
        happened["hops"] += int((state.hops_left[0] < [spec.hops for spec in case[0].specs]).sum())
        happened["archive"] += int(case[0].archive_mbit[0] > 0)
    assert (
        min(happened[name] for name in [*Loss.__members__, *COUNTED, "station_mbit", "relay_mbit", "hops", "archive"])
        > 0
    ), happened
