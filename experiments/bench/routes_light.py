"""Light planner: exactness on small worlds, time and memory on a large one, and a survival study on two real places.

The study's three drivers share the World, the tasks and the charge (`light_traverses`). A machine is *empty* when its battery ran to
nothing on the way, *frozen* when the World gave it up for that, *lost* in either case. A task that our planner refuses is counted as
refused: its machine stays at home, neither arrived nor lost.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.light_problem import light_problem
from moonfleet.autonomy.errors import NoLitWindow, OutOfEnergy
from moonfleet.autonomy.lightplan import plan_light
from moonfleet.autonomy.lightplan_forward import battery_needed, query_of, run_forward
from moonfleet.autonomy.lightplan_problem import LightProblem, ticked
from moonfleet.terrain.catalogue import named_place
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.seeds import stream
from moonfleet.terrain.site import SiteRecipe, build_site

from .checkout import from_tests
from .light_traverses import (
    DEPARTURES,
    EACH,
    HOURS,
    PLACES,
    PLAN_RESERVE,
    ChargeWhenLow,
    Outcome,
    Planned,
    Straight,
    Traverse,
    departures,
    drive_all,
    site_of,
)  # fmt: skip
from .registry import Bar, Row, Tell, at_most, holds
from .share_interval import wilson

BAR = "routes.5"
MACHINE = "viper-rover"
SMALL_WORLDS = range(50_000, 50_400)  # seeds
CELLS, DAYS = 512, 14
PLAN_S, PLAN_GB = 15.0, 2.0
SEED = 20_290_822  # of the queries on the large site
STARTS = ("2029-02-10T00:00:00", "2029-08-20T00:00:00")
WAYS = ("straight on", "charge when low", "light plan")


class Studied(NamedTuple):
    """One place: its tasks and how each way went; CPU seconds of our first plans."""

    place: str
    tasks: list[Traverse]
    outcomes: dict[str, list[Outcome]]
    refused: list[str]
    plan_cpu_s: list[float]


def light(tell: Tell) -> list[Row]:
    """Every claim of the bar."""
    return [exact(tell), *large(tell), *survival(tell)]


def exact(tell: Tell) -> Row:
    """Small worlds on which the plan equals the best of all states there are."""
    compare = from_tests("property.test_lightplan_properties", BAR, "the slow reference").compare
    plans = sum(compare(seed) for seed in SMALL_WORLDS)
    tell(f"{len(SMALL_WORLDS)} small worlds: {plans} with a plan, all as brute force finds")
    return holds(BAR, f"equals brute force over (cell, tick, battery) on {len(SMALL_WORLDS)} small worlds", True)


def large(tell: Tell) -> list[Row]:
    """CPU time and peak memory of a process of its own on a site of 512 x 512 cells over 14 days."""
    code = (
        "import json, sys; from moonfleet.experiments.bench.routes_light import large_in_here; "
        "sys.stdout.write(json.dumps(large_in_here()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for line in found["said"]:
        tell(line)
    size = f"{CELLS}^2 cells x {DAYS} days in 1 h steps"
    return [
        at_most(BAR, f"slowest plan, {size}, CPU", found["plan_s"], "s", PLAN_S),
        at_most(BAR, f"all {DAYS} days with no arrival to end it, {size}, CPU", found["whole_s"], "s", PLAN_S),
        at_most(BAR, f"peak memory of the process, {size}", found["peak_gb"], "GB", PLAN_GB),
    ]


def large_in_here() -> dict[str, object]:
    """Measure in this process; compiled before the clock starts."""
    import resource

    place = named_place(PLACES[0])
    site = build_site(SiteRecipe("large-light", place.lon_deg, place.lat_deg, CELLS * 20.0, 20.0, 1, 180))
    spec, rng, said, slowest = robot_spec(MACHINE), stream(SEED, "large light queries"), list[str](), 0.0
    problem = light_problem(site, spec, utc_to_tdb(STARTS[0]), DAYS * 24)
    start = goal = (0, 0)
    for start_time in STARTS:
        problem = light_problem(site, spec, utc_to_tdb(start_time), DAYS * 24)
        free = np.argwhere(np.isfinite(problem.pace_s_m) & (problem.lit[0] > 128))
        for number in range(4):
            start, goal = ((int(a), int(b)) for a, b in free[rng.integers(len(free), size=2)])
            if number == 0:
                _try(problem, start, goal)
            began = time.process_time()
            text = _try(problem, start, goal)
            took = time.process_time() - began
            slowest = max(slowest, took)
            said.append(f"{start_time[:10]} {start} to {goal}: {text}; {took:.2f} s CPU")
    began = time.process_time()
    prepared = ticked(problem)
    query = query_of(problem, prepared, start, goal, spec.battery_wh)
    never = np.full_like(battery_needed(problem, prepared, query.goal, query.full), np.inf)
    run_forward(problem, prepared, query._replace(reach=query.reach * 0, left=query.left * 0), never)
    whole = time.process_time() - began
    said.append(f"all {DAYS} days, nothing cut away: {whole:.2f} s CPU, {prepared.ticks} ticks an hour")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0**3 if sys.platform == "darwin" else 1024.0**2)
    return {"plan_s": slowest, "whole_s": whole, "peak_gb": peak, "said": said}


def _try(problem: LightProblem, start: tuple[int, int], goal: tuple[int, int]) -> str:
    try:
        plan = plan_light(problem, start, goal, explain=False)
    except (NoLitWindow, OutOfEnergy) as error:
        return type(error).__name__
    return f"{plan.metres / 1000.0:.1f} km, arrives after {plan.arrival_s / 3600.0:.0f} h, {len(plan.waits)} waits"


def survival(tell: Tell) -> list[Row]:
    """The study: what becomes of the same traverses driven in three ways."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        studied = list(pool.map(study, PLACES))
    for line in table(studied):
        tell(line)
    ours = [o for one in studied for o in one.outcomes[WAYS[2]] if o.went]
    naive = {way: [o for one in studied for o in one.outcomes[way]] for way in WAYS[:2]}
    refused = sum(len(one.refused) for one in studied)
    machine = robot_spec(MACHINE)
    cpu = [s for one in studied for s in one.plan_cpu_s]
    tell(f"first plans: mean {np.mean(cpu):.2f} s CPU, longest {max(cpu):.2f} s")
    lost = sum(lost_one(o) for o in ours)
    rows = [
        at_most(BAR, f"traverses lost by the light plan of {len(ours)} it takes on", lost, "", 0),
        at_most(BAR, "of those, traverses that touch the reserve",
                sum(o.least_wh < machine.reserve_frac * machine.battery_wh for o in ours), "", 0),
        at_most(BAR, "of those, traverses that do not arrive", len(ours) - sum(o.arrived for o in ours), "", 0),
    ]  # fmt: skip
    total = len(ours) + refused
    rows.append(Row(BAR, f"traverses the light plan refuses, of {total}", refused, "", "told", True))
    for way, outcomes in naive.items():
        count = sum(lost_one(o) for o in outcomes)
        rows.append(Row(BAR, f"traverses lost by '{way}', of {len(outcomes)}", count, "", "told", True))
    return rows


def lost_one(outcome: Outcome) -> bool:
    """Whether a machine's battery ran empty on the way, or the World gave it up."""
    return outcome.empty or outcome.frozen


def study(place: str) -> Studied:
    """Drive every traverse of one place in three ways."""
    site, spec = site_of(place), robot_spec(MACHINE)
    tasks: list[Traverse] = []
    drivers: dict[str, list[Straight | Planned | None]] = {way: [] for way in WAYS}
    refused: list[str] = []
    cpu: list[float] = []
    for departure in departures(site, spec, DEPARTURES, EACH):
        problem = light_problem(site, spec, departure[0].t0, HOURS, reserve_frac=PLAN_RESERVE)
        for task in departure:
            tasks.append(task)
            drivers[WAYS[0]].append(Straight(site, spec, problem, task))
            drivers[WAYS[1]].append(ChargeWhenLow(site, spec, problem, task))
            began = time.process_time()
            try:
                drivers[WAYS[2]].append(Planned(site, spec, problem, task))
            except (NoLitWindow, OutOfEnergy) as error:
                drivers[WAYS[2]].append(None)
                refused.append(type(error).__name__)
            cpu.append(time.process_time() - began)
    outcomes = {way: drive_all(site, spec, tasks, list(drivers[way])) for way in WAYS}
    return Studied(place, tasks, outcomes, refused, cpu)


def table(studied: list[Studied]) -> list[str]:
    """Return the table of the study, Markdown: all tasks, and the tasks that our planner takes on."""
    lines = [
        "| place | way | tasks | arrived | lost (95 %) | refused | hours on the way | hours waited | least battery Wh, mean (least) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups = [(one.place, one.outcomes) for one in studied]
    if len(studied) > 1:
        groups.append(("both", {way: [o for one in studied for o in one.outcomes[way]] for way in WAYS}))
    for place, outcomes in groups:
        took_on = [o.went for o in outcomes[WAYS[2]]]
        for way in WAYS:
            lines.append(_line(place, way, outcomes[way]))
        for way in WAYS[:2]:
            same = [o for o, went in zip(outcomes[way], took_on, strict=True) if went]
            lines.append(_line(place, f"{way}, tasks that the light plan takes on", same))
    return lines


def _line(place: str, way: str, outcomes: list[Outcome]) -> str:
    went = [o for o in outcomes if o.went]
    came = [o for o in went if o.arrived and not lost_one(o)]
    lost = sum(lost_one(o) for o in went)
    low, high = wilson(lost, len(went))
    hours, waited, least = (
        [float(v) for v in values]
        for values in ([o.hours for o in came], [o.waited_h for o in came], [o.least_wh for o in went])
    )
    return (
        f"| {place} | {way} | {len(outcomes)} | {len(came)} ({len(came) / len(outcomes):.0%}) | {lost} "
        f"({lost / max(len(went), 1):.1%}; {low:.1%} .. {high:.1%}) | {len(outcomes) - len(went)} | {np.mean(hours):.0f} | "
        f"{np.mean(waited):.0f} | {np.mean(least):.0f} ({np.min(least):.0f}) |"
    )


BARS: dict[str, Bar] = {BAR: light}
