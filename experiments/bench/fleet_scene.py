"""Worlds for the bench of the step: a real site, eight machines with all their physics, and orders as a fleet gets them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.catalogue import RobotSpec, robot_spec
from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.relay import queqiao2
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import Site

KINDS = ("ce7-lander", "yutu-rover", "viper-rover", "ce7-hopper", "grader", "excavator", "ce8-lander", "queqiao2")
ORDER_TICKS = 240  # between two rounds of orders: four hours
SPREAD_M = 1_500.0  # [m] of the starts about the middle of the site
# what a ground robot is told: shares of a fleet at work, resting robots among them
MIX = {"drive": 0.3, "work": 0.3, "charge": 0.15, "sleep": 0.15, "relay": 0.1}


def machines(loose: bool) -> list[RobotSpec]:
    """The fleet: the catalogue's figures, and panels that do not track among them; on ``loose`` soil wheels dig themselves in."""
    specs = [robot_spec(kind) for kind in KINDS]
    specs[1] = specs[1].model_copy(update={"panel": "fixed", "panel_tilt_deg": 60.0, "panel_facing_deg": 90.0})
    if loose:
        specs = [spec.model_copy(update={"embed_slip": 0.05, "trap_per_m": 0.2}) for spec in specs]
    return specs


def make_worlds(site: Site, worlds: int, seed: int, *, loose: bool = False) -> World:
    """Return worlds that start all over a year, robots scattered over drivable ground, with faults."""
    specs = machines(loose)
    rng = stream(seed, "fleet bench starts")
    flat = np.argwhere(np.asarray(site.slope_deg) < 8.0)
    x, y = site.ref.xy(flat[:, 0], flat[:, 1])
    near = np.hypot(x - site.ref.centre[0], y - site.ref.centre[1]) < SPREAD_M
    places = np.stack([x, y], axis=1)[near]
    starts = places[rng.integers(len(places), size=(worlds, len(specs)))]
    starts[:, 0] = places[0]  # one lander's and one mast's viewshed, as in any one mission
    starts[:, 6] = places[-1]
    t0 = utc_to_tdb("2029-01-01T00:00:00") + 60.0 * rng.integers(365 * 1440, size=worlds)
    return World(
        site, specs, starts, t0, relay=queqiao2(), station=0, battery_frac=0.8, seed=seed, faults=True
    )  # fmt: skip


def order_all(world: World, seed: int, round_: int) -> None:
    """Give every robot of every world an order of the mix."""
    rng = stream(seed, "fleet bench orders", index=(round_,))
    names = list(MIX)
    choice = rng.choice(len(names), p=list(MIX.values()), size=(world.worlds, world.robots))
    turns = rng.uniform(-SPREAD_M, SPREAD_M, size=(world.worlds, world.robots, 4, 2))
    for w in range(world.worlds):
        for r in range(world.robots):
            order(world, w, r, names[choice[w, r]], turns[w, r])


def order(world: World, w: int, r: int, name: str, turns: NDArray[np.float64]) -> None:
    """Give one robot one order; landers and the orbiter work or wait where others drive or sleep."""
    still = world.specs[r].speed_m_s == 0.0
    if name == "drive" and not still:
        world.set_leg(w, r, np.array(world.site.ref.centre) + turns)
    elif name == "drive" and world.state.hops_left[w, r] > 0 and world.state.battery_wh[w, r] > world.specs[r].hop_wh:
        world.hop(w, r, np.array(world.site.ref.centre) + turns[0])
    elif name == "sleep" and world.specs[r].role in ("rover", "hopper", "construction"):
        world.set_activity(w, r, Activity.HIBERNATE, wake_frac=0.6)
    elif name == "relay":
        world.set_activity(w, r, Activity.RELAY)
    elif name == "charge":
        world.set_activity(w, r, Activity.CHARGE)
    else:
        world.set_activity(w, r, Activity.WORK, work_w=20.0, data_mbps=0.05)
