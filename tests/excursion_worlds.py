"""Small worlds for excursions: chains, and random ones."""

from __future__ import annotations

import numpy as np

from moonfleet.autonomy.excursion_model import ExcursionProblem, FaultLaw, RoverPower
from moonfleet.autonomy.roadmap import Roadmap, roadmap_of_edges

POWER = RoverPower(
    capacity_wh=1000.0, reserve_wh=100.0, solar_w=400.0, drive_w=300.0, idle_w=90.0, fault_w=90.0, work_w=120.0
)
LEVEL_WH = 15.0  # of the worlds here: ten minutes of idling


def chain(drive_s: list[float]) -> Roadmap:
    """Places in a row, driven both ways."""
    edges = []
    for i, seconds in enumerate(drive_s):
        edges += [(i, i + 1, seconds), (i + 1, i, seconds)]
    return roadmap_of_edges(len(drive_s) + 1, edges)


def dark_chain(
    drive_s: list[float], faults: FaultLaw, power: RoverPower = POWER, hours: float = 40.0, step_s: float = 600.0
) -> ExcursionProblem:
    """A chain whose place 0 is a haven that is always lit, all others dark."""
    roadmap = chain(drive_s)
    light = np.zeros((int(hours) + 4, roadmap.places), np.float32)
    light[:, 0] = 1.0
    return ExcursionProblem(roadmap, light, 3600.0, power, faults, np.array([0]), hours * 3600.0, step_s=step_s)


def random_world(seed: int, hours: float = 12.0) -> ExcursionProblem:
    """A few places with random drives, light that comes and goes, and faults of two kinds."""
    rng = np.random.default_rng(seed)
    places = int(rng.integers(3, 7))
    edges = []
    for i in range(places):
        for j in range(i + 1, places):
            if j == i + 1 or rng.random() < 0.3:
                seconds = float(rng.uniform(200.0, 4000.0))
                edges += [(i, j, seconds), (j, i, seconds * float(rng.uniform(0.8, 1.2)))]
    roadmap = roadmap_of_edges(places, edges)
    samples = int(hours) + 4
    light = np.zeros((samples, places), np.float32)
    for place in range(places):
        kind = rng.integers(0, 4)
        if kind == 1:
            light[:, place] = 1.0
        elif kind == 2:  # sunrise or sunset
            light[:, place] = np.clip(
                (np.arange(samples) - rng.integers(0, samples)) * rng.choice([-0.5, 0.5]) + 0.5, 0, 1
            )
        elif kind == 3:
            light[:, place] = rng.random(samples)
    light[:, 0] = 1.0
    if rng.random() < 0.3:
        light[int(rng.integers(4, samples)) :, 0] = 0.0
    usable = float(rng.uniform(200.0, 900.0))
    power = POWER._replace(capacity_wh=100.0 + usable, solar_w=float(rng.choice([0.0, 150.0, 400.0, 900.0])))
    faults = FaultLaw(
        float(rng.uniform(0.05, 1.5)), (0.6, 0.4), (float(rng.uniform(0.2, 1.0)), float(rng.uniform(0.5, 4.0))),
        (True, bool(rng.random() < 0.5)),
    )  # fmt: skip
    havens = np.array([0] if rng.random() < 0.5 else [0, places - 1])
    return ExcursionProblem(
        roadmap, light, 3600.0, power, faults, havens, hours * 3600.0, haven_h=float(rng.choice([0.0, 1.5])),
        step_s=float(rng.choice([300.0, 600.0, 700.0])), levels_per_step=int(rng.integers(1, 3)),
    )  # fmt: skip
