"""The World's step: closed forms, books over a year, agreement with numpy, and speed with all physics on.

The slow plain-Python World that the step must match to 1e-9 lives in the tests (`tests/plain_world.py`), with what it is tried on.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.catalogue import RobotSpec, robot_spec
from moonfleet.agents.links import rate_at, received
from moonfleet.agents.sky_blocks import SkyBlocks
from moonfleet.agents.state import Activity, WorldState
from moonfleet.agents.thermal import ENV_DARK_K
from moonfleet.agents.world import START_TEMP_K, World
from moonfleet.autonomy.wheels import ROLLING
from moonfleet.terrain.catalogue import named_place
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.constants import SOLAR_CONSTANT_W_M2
from moonfleet.terrain.grid import HeightGrid
from moonfleet.terrain.site import Site, SiteRecipe, build_site
from moonfleet.terrain.sky import SkyTable
from moonfleet.terrain.soil import slip

from .fleet_scene import ORDER_TICKS, make_worlds, order_all
from .fleet_step_numpy import NumpyWorld
from .registry import Bar, Row, Tell, at_least, at_most, holds

PHYSICS, SPEED = "fleet.4", "fleet.5"
EXACT = 1e-9  # relative
WORLDS, YEAR_WORLDS = 512, 2
TURNS = 5  # of four hours each; both steps take the same
RATE, RATIO = 3.0, 5.0  # [M robot-ticks per CPU-second], times numpy
T0 = utc_to_tdb("2029-01-01T00:00:00")
AGELESS = {"dust_ug_cm2_yr": 0.0, "fade_per_year": 0.0, "fade_per_cycle": 0.0, "cold_loss_per_k": 0.0}

F64 = NDArray[np.float64]


def physics(tell: Tell) -> list[Row]:
    """Bar fleet.4."""
    site = bench_site()
    return [*closed_forms(), *books(site, tell), agreement(site, tell)]


def speed(tell: Tell) -> list[Row]:
    """Bar fleet.5: the step alone."""
    site = bench_site()
    world = make_worlds(site, WORLDS, 1)
    twin = make_worlds(site, WORLDS, 1)
    order_all(world, 1, TURNS)
    order_all(twin, 1, TURNS)
    world.tick(ORDER_TICKS)  # the sky of the first block was made with the World: later ones are paid for
    twin.tick(ORDER_TICKS)
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(TURNS):
        for each in (world, twin):
            order_all(each, 1, turn)
        slow = NumpyWorld(twin)
        theirs.append(WORLDS * world.robots * ORDER_TICKS / cpu_s(lambda slow=slow: slow.tick(ORDER_TICKS)) / 1e6)
        ours.append(WORLDS * world.robots * ORDER_TICKS / cpu_s(lambda: world.tick(ORDER_TICKS)) / 1e6)
        twin.tick(ORDER_TICKS)
        doing = np.bincount(world.state.activity.ravel(), minlength=8)
        share = ", ".join(f"{Activity(k).name.lower()} {n / doing.sum():.0%}" for k, n in enumerate(doing) if n)
        tell(f"turn {turn + 1}: {ours[-1]:.2f} and {theirs[-1]:.2f} M robot-ticks per CPU-s; at its end {share}")
    alone = make_worlds(site, 1, 1)
    alone.tick(1)
    call = min(cpu_s(lambda: [alone.tick(5) for _ in range(40)]) / 40 for _ in range(5))
    tell(f"one world of {alone.robots} robots: {1e6 * call:.0f} us for 5 ticks, with the call and its share of the sky")
    sky = SkyBlocks(site.sky, world.relay, site.ref.lonlat(), WORLDS, world.tick_s)
    table = cpu_s(lambda: sky.table(world.time, np.zeros(WORLDS, dtype=np.int64)))
    per_tick = 1e9 * table / (WORLDS * world.robots * ORDER_TICKS)
    tell(f"sky tables: {per_tick:.0f} ns of {1e3 / statistics.median(ours):.0f} ns per robot-tick")
    same = all(a.tobytes() == b.tobytes() for a, b in zip(world.state, twin.state, strict=True))
    ratio = statistics.median(ours) / max(theirs)
    what = f"the step, {WORLDS} worlds x {world.robots} robots, all physics, sky included"
    peer = f"numpy, its best: {max(theirs):.2f}"
    return [
        at_least(SPEED, f"{what}: median of {TURNS} x {ORDER_TICKS} ticks", statistics.median(ours), "M/CPU-s", RATE),
        Row(SPEED, "times the same step in vectorised numpy", ratio, "", f">= {RATIO:g}", ratio >= RATIO, peer, ratio),
        holds(SPEED, "two runs of it have the same bytes", same),
    ]


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process that ``work`` took."""
    start = time.process_time()
    work()
    return time.process_time() - start


def bench_site() -> Site:
    """The Chang'e-7 landing area, 12 km in cells of 20 m: the site of the shipped scenario."""
    place = named_place("change7")
    return build_site(
        SiteRecipe("change7", place.lon_deg, place.lat_deg, size_m=12_000.0, cell_m=20.0, seed=1, azimuths=180)
    )


# --- closed forms ---------------------------------------------------------------------------------------------------------


class Plain:
    """Flat or evenly rising ground under a Sun that stands still."""

    def __init__(self, site: Site, rise: float = 0.0, sun_el_deg: float = 3.0) -> None:
        self.ref, self._sun_el_deg = site.ref, sun_el_deg
        rows, cols = np.meshgrid(np.arange(self.ref.rows), np.arange(self.ref.cols), indexing="ij")
        _, y = self.ref.xy(rows, cols)
        z = np.asarray(rise * (y - self.ref.centre[1]), dtype=np.float32)
        self.grid = HeightGrid(z, self.ref)
        self.slope_deg = np.zeros(z.shape, dtype=np.float32)
        self.millideg = np.zeros((36, *z.shape), dtype=np.int16)
        self.horizon = self
        self.sky = self

    def sample(self, t: F64) -> SkyTable:
        """The sky at any time."""
        columns = (90.0, self._sun_el_deg, 0.266, SOLAR_CONSTANT_W_M2, 0.0, -30.0)
        return SkyTable(*(np.full(len(t), value) for value in columns))


def closed_forms() -> list[Row]:
    """Battery on a flat lit plain, cooling curve, link budget, straight climb."""
    place = named_place("change7")
    small = build_site(
        SiteRecipe("fleet-plain", place.lon_deg, place.lat_deg, size_m=1_000.0, cell_m=20.0, seed=1, azimuths=36)
    )
    yutu = robot_spec("yutu-rover").model_copy(update=AGELESS)
    lit = one(Plain(small), yutu, 0.1)
    lit.tick(300)
    want = 0.1 * yutu.battery_wh + 5.0 * 0.95 * (yutu.solar_w_1au - yutu.idle_w)
    charge = abs(float(lit.state.battery_wh[0, 0]) / min(want, yutu.battery_wh) - 1.0)
    bare = {"heater_w": 0.0, "rhu_w": 0.0, "hibernate_w": 0.0, "temp_survive_k": 41.0, "temp_op_min_k": 42.0}
    cold = yutu.model_copy(update=bare)
    dark = one(Plain(small, sun_el_deg=-5.0), cold, 1.0)
    dark.state.temp_k[0, 0] = 285.0
    dark.set_activity(0, 0, Activity.HIBERNATE)
    dark.tick(6_000)
    left = math.exp(-cold.conductance_w_k * 360_000.0 / cold.heat_capacity_j_k)
    cooled = abs(float(dark.state.temp_k[0, 0]) / (ENV_DARK_K + (285.0 - ENV_DARK_K) * left) - 1.0)
    # the climb: time and energy per metre on 10 degrees, by the drawbar law written out
    rise = math.tan(math.radians(10.0))
    viper = robot_spec("viper-rover").model_copy(update=AGELESS)
    hill = one(Plain(small, rise), viper, 1.0)
    x, y = small.ref.centre
    hill.set_leg(0, 0, [[x, y + 100.0]])
    before = float(hill.state.energy_out_wh[0, 0])
    hill.tick(30)
    angle = math.radians(10.0)
    speed_m_s = viper.speed_m_s / (math.cos(angle) + math.sin(angle) / ROLLING) * (1.0 - slip(10.0))
    metres = abs(float(hill.state.odometer_m[0, 0]) / (1_800.0 * speed_m_s) - 1.0)
    used = float(hill.state.energy_out_wh[0, 0]) - before - 0.5 * viper.idle_w
    climb = abs(used / (0.5 * viper.drive_w) - 1.0)
    powers = [received(1e7, d * d) * d * d for d in (3e6, 1e7, 7e7, 4e8)]
    fall = max(abs(power / 1e14 - 1.0) for power in powers)
    rates = [rate_at(received(1e7, d * d), 0.285, 0.14, 0.0007, 0.0) for d in np.linspace(1e6, 4e8, 20_000)]
    return [
        at_most(PHYSICS, "battery on a flat lit plain after 5 h, against its line", charge, "rel", EXACT),
        at_most(
            PHYSICS, f"cooling from {START_TEMP_K - 3:.0f} K for 100 h, against the exponential", cooled, "rel", EXACT
        ),
        at_most(PHYSICS, "straight climb of 10 deg for 30 min: way (float32 ground)", metres, "rel", 1e-6),
        at_most(PHYSICS, "straight climb of 10 deg for 30 min: energy", climb, "rel", 1e-6),
        at_most(PHYSICS, "received power times distance squared, 3 000 km to 400 000 km", fall, "rel", EXACT),
        holds(PHYSICS, "rates of a table never rise with distance", bool((np.diff(rates) <= 0).all())),
    ]


def one(site: object, spec: RobotSpec, battery_frac: float) -> World:
    """One robot in the middle of a hand-made site."""
    return World(site, [spec], [site.ref.centre], T0, battery_frac=battery_frac)  # type: ignore[arg-type, attr-defined]  # pyright: ignore


# --- books and agreement --------------------------------------------------------------------------------------------------


def books(site: Site, tell: Tell) -> list[Row]:
    """A year of busy worlds: what the ledgers miss, relative to what went through them."""
    world = make_worlds(site, YEAR_WORLDS, 2)
    for turn in range(365 * 6):
        order_all(world, 2, turn)
        world.tick(ORDER_TICKS)
    state, audit = world.state, world.audit()
    lost = int((state.loss > 0).sum())
    tell(
        f"a year of {YEAR_WORLDS} worlds: {state.odometer_m.sum() / 1000:.0f} km, {lost} robots lost, {int(state.traps.sum())} stuck"
    )
    flow = state.energy_in_wh + state.energy_out_wh + state.start_wh
    failures = sum(
        int(getattr(state, f"{part}_draws").sum()) for part in ("mobility", "power", "comm", "payload", "thermal")
    )
    return [
        at_most(PHYSICS, "charge: missing in the books of a year", float((np.abs(audit.battery_wh) / flow).max()), "rel", EXACT),
        at_most(
            PHYSICS, "panels: missing in the books of a year", float((np.abs(audit.panel_wh) / np.maximum(state.made_wh, 1.0)).max()),
            "rel", EXACT,
        ),
        at_most(
            PHYSICS, "data: missing in the books of a year", float((np.abs(audit.data_mbit) / state.generated_mbit.sum(axis=1)).max()),
            "rel", EXACT,
        ),
        at_least(PHYSICS, "failures and repairs drawn in that year", failures, "", 10),
    ]  # fmt: skip


def agreement(site: Site, tell: Tell) -> Row:
    """The largest difference to the numpy step after a day of orders, every number of every robot."""
    world = make_worlds(site, 48, 3, loose=True)
    world.tick(1)
    slow = NumpyWorld(world)
    worst = 0.0
    for turn in range(6):
        order_all(world, 3, turn)
        slow.obey(world)
        world.tick(ORDER_TICKS)
        slow.tick(ORDER_TICKS)
        worst = max(worst, difference(world, slow))
    state = world.state
    tell(f"the day: {int(state.traps.sum())} got stuck, {int((state.faults > 0).sum())} out of order at its end")
    return at_most(PHYSICS, "largest difference to the step in numpy, a day of 48 worlds", worst, "rel", EXACT)


def difference(world: World, slow: NumpyWorld) -> float:
    """Return the largest relative difference of any number of the state."""
    worst = 0.0
    pairs = [(getattr(world.state, name), (slow.f | slow.i)[name]) for name in WorldState._fields]
    pairs += [
        (world.archive_mbit, slow.archive),
        (world.station_mbit, slow.station_store),
        (world.relay_mbit, slow.relay_store),
    ]
    for got, want in pairs:
        worst = max(worst, float((np.abs(got - want) / np.maximum(np.abs(want), 1.0)).max()))
    return worst


BARS: dict[str, Bar] = {PHYSICS: physics, SPEED: speed}
