"""What each robot knows while links are cut: five days without the station in a mission of thirty, and the reckoning after it.

The same mission is flown with the cut and leaders, with the cut and nobody who leads (as if only the station could give out jobs),
and without a cut. Two kinds of cut: *station*, the lander loses every link; *sky*, nobody reaches the lander, the relay or the
Earth, and only robots in sight of one another talk, so that they may split into groups.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.events import EventLog
from moonfleet.agents.fleet import LocalFleet
from moonfleet.agents.mission import FleetMember, MissionSpec
from moonfleet.agents.mission_loop import MissionLoop
from moonfleet.agents.outages import Outage
from moonfleet.autonomy.jobs import Job, JobKind
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.places import PlaceRule, pick_places
from moonfleet.terrain.relay import queqiao2
from moonfleet.terrain.site import Site, SiteRecipe, build_site

from .registry import Bar, Row, Tell, at_least, at_most, holds

BAR = "fleet.8"
DAY_S = 86_400
DAYS = 30
CUT = (4 * DAY_S, 9 * DAY_S)  # in daylight, when there is most to do
SEEDS = (11, 12, 13)
START = "2029-07-04T00:00:00"
RECIPE = SiteRecipe("belief", 123.4, -88.8, size_m=4_000.0, azimuths=90)
SURVEYS, DRILLS = 24, 10
SETTLE_S = 6 * 3600  # after the cut, by when boards of those in contact must be one
DELAY_STEPS = 2  # a word travels within a decision step and is acted on at the next
ROBOTS = (
    ("lander", "ce7-lander"),
    ("yutu-1", "yutu-rover"),
    ("yutu-2", "yutu-rover"),
    ("viper-1", "viper-rover"),
    ("viper-2", "viper-rover"),
    ("grader-1", "grader"),
    ("grader-2", "grader"),
    ("relay", "queqiao2"),
)


class Flown(NamedTuple):
    """What a mission showed."""

    given: int  # jobs given out during the cut, to robots other than the station
    done: int  # jobs done during the cut
    done_all: int  # in the whole mission
    elected: int  # times that a robot took the lead during the cut
    leaders: int  # most robots that led at once
    twice: int  # jobs done more than once, or whose value was counted more than once
    unlike: int  # pairs of robots in contact whose boards differ when the cut is over and news has settled
    compared: int  # pairs that were compared
    crowded: int  # longest run of decision steps in which robots in contact were too many on one job
    split: int  # decision steps in which robots that could not hear each other were too many on one job
    undone: int  # facts "done" that anybody lost again
    lost: int


def mission(site: Site, seed: int, outages: tuple[Outage, ...]) -> MissionSpec:
    """Thirty days of surveys, drilling and building around a lander."""
    base = pick_places(site, PlaceRule("lit", near=site.ref.centre, min_m=0, max_m=1200, max_slope_deg=8, count=1))[0]

    def places(pick: str, count: int, apart_m: float) -> list[tuple[float, float]]:
        rule = PlaceRule(pick, near=base, min_m=150, max_m=1600, max_slope_deg=12, apart_m=apart_m, count=count)  # type: ignore[arg-type]
        return pick_places(site, rule, reachable_from=base)

    surveys, drills = places("spread", SURVEYS, 150.0), places("flat", DRILLS, 100.0)
    pad = places("flat", 1, 0.0)[0]
    jobs = [
        Job(f"survey-{k}", JobKind.SURVEY, xy, 8.0, tool="survey", value=10.0, data_mbit=800.0)
        for k, xy in enumerate(surveys)
    ]
    jobs += [
        Job(f"drill-{k}", JobKind.DRILL, xy, 8.0, tool="drill", value=20.0, data_mbit=400.0, needs=(f"survey-{k}",))
        for k, xy in enumerate(drills)
    ]
    before: tuple[str, ...] = ()
    for k in range(8):  # a pad in stages, two builders at a time
        jobs.append(
            Job(f"pad-{k}", JobKind.GRADE, pad, 40.0, tool="grade", value=20.0, data_mbit=50.0, crew=2, needs=before)
        )
        before = (f"pad-{k}",)
    fleet = tuple(
        FleetMember(name, robot_spec(kind), (base[0] + 12.0 * (k % 3), base[1] + 12.0 * (k // 3)) if k < 7 else None)
        for k, (name, kind) in enumerate(ROBOTS)
    )
    return MissionSpec(
        name="belief",
        site=site,
        fleet=fleet,
        jobs=tuple(jobs),
        t0=utc_to_tdb(START),
        duration_s=DAYS * DAY_S,
        seed=seed,
        station="lander",
        havens=(("home", base),),
        relay=queqiao2(),
        perception="statistical",
        outages=outages,
    )


def fly(spec: MissionSpec, *, leaders: bool = True) -> Flown:
    """Fly a mission and look over the boards at every decision step."""
    loop = MissionLoop(spec, LocalFleet(spec), EventLog())
    if not leaders:
        loop.leaders.silence_s = math.inf
    unlike = compared = crowded = split = undone = most = 0
    runs: Counter[int] = Counter()
    done = loop.ops.knowledge.done.copy()
    settled_s = CUT[1] + SETTLE_S
    while not loop.finished:
        loop.step()
        know = loop.ops.knowledge
        undone += int((done & ~know.done).sum())
        done = know.done.copy()
        leads = know.leader[: know.robots_n] == np.arange(know.robots_n)
        most = max(most, int(leads[spec.station_index + 1 :].sum()))
        groups = components(loop.mail.graph.now.up, know.robots_n)
        over, apart = crowds(loop, groups)
        split += apart
        for job in range(len(spec.jobs)):
            runs[job] = runs[job] + 1 if job in over else 0
        crowded = max(crowded, *runs.values())
        if loop.t_s == settled_s:
            unlike, compared = differences(loop, groups)
    events = loop.log.pending
    during = [event for event in events if CUT[0] <= event["t_s"] < CUT[1]]  # type: ignore[operator]
    ended = Counter(event["job"] for event in events if event["kind"] == "job_done")
    worth = {job.id: job.value for job in spec.jobs}
    counted = sum(worth[str(job)] for job in ended)
    return Flown(
        given=sum(event["kind"] == "job_assigned" and event["robot"] != spec.station for event in during),
        done=sum(event["kind"] == "job_done" for event in during),
        done_all=len(ended),
        elected=sum(event["kind"] == "leader_elected" and event["robot"] != spec.station for event in during),
        leaders=most,
        twice=sum(count > 1 for count in ended.values()) + int(abs(counted - loop.ops.value) > 1e-9),
        unlike=unlike,
        compared=compared,
        crowded=crowded,
        split=split,
        undone=undone,
        lost=int(loop.ops.lost.sum()),
    )


def components(up: NDArray[np.bool_], robots: int) -> NDArray[np.int64]:
    """Group of each robot, int64 [R]: those between whom a chain of links is up share a number."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    return connected_components(csr_array(up), directed=False)[1][:robots].astype(np.int64)


def crowds(loop: MissionLoop, groups: NDArray[np.int64]) -> tuple[set[int], int]:
    """Jobs with more robots of one group on them than their crew, and whether some job is crowded over all groups."""
    over: set[int] = set()
    apart = 0
    for job, entry in enumerate(loop.mission.jobs):
        on = np.flatnonzero(loop.ops.job == job)
        sizes = Counter(groups[on].tolist())
        if sizes and max(sizes.values()) > entry.crew:
            over.add(job)
        elif on.size > entry.crew:
            apart = 1
    return over, apart


def differences(loop: MissionLoop, groups: NDArray[np.int64]) -> tuple[int, int]:
    """Pairs in contact (both listening for an hour) that differ in what is done, who leads or who was given what; pairs in all."""
    know = loop.ops.knowledge
    hour = loop.t_s - loop.mail.awake_s >= 3600
    unlike = compared = 0
    for a in range(know.robots_n):
        for b in range(a + 1, know.robots_n):
            if groups[a] != groups[b] or not (hour[a] and hour[b]):
                continue
            compared += 1
            rows: list[Any] = [know.done, know.assigned, know.term, know.giver, know.given_s, know.lead_term]
            unlike += any((row[a] != row[b]).any() for row in rows)
    return unlike, compared


def belief(tell: Tell) -> list[Row]:
    """Every claim of the bar."""
    site = build_site(RECIPE)
    cuts = {
        "station": (Outage(*CUT, robots=("lander",)),),
        "sky": (Outage(*CUT, peers=("station", "relay", "earth")),),
    }
    rows: list[Row] = []
    for kind, outages in cuts.items():
        flown: list[Flown] = []
        for seed in SEEDS:
            ours = fly(mission(site, seed, outages))
            tell(f"cut {kind}, seed {seed}: {ours}")
            flown.append(ours)
        alone = [fly(mission(site, seed, outages), leaders=False) for seed in SEEDS]
        given, done = sum(one.given for one in flown), sum(one.done for one in flown)
        rows += [
            Row(
                BAR, f"{kind} cut for 5 days: jobs given out meanwhile", given, "", "> 0", given > 0,
                peer=f"only the station gives: {sum(one.given for one in alone)}",
            ),
            Row(
                BAR, f"{kind} cut for 5 days: jobs done meanwhile", done, "", ">= peer",
                done >= sum(one.done for one in alone),
                peer=f"only the station gives: {sum(one.done for one in alone)}",
            ),
            at_least(BAR, f"{kind} cut: missions in which a leader was elected", sum(one.elected > 0 for one in flown), "", 3),
            at_least(BAR, f"{kind} cut: pairs in contact compared 6 h after it", sum(one.compared for one in flown), "", 1),
            at_most(BAR, f"{kind} cut: pairs whose boards differ 6 h after it", sum(one.unlike for one in flown), "", 0),
            at_most(BAR, f"{kind} cut: jobs done or counted twice", sum(one.twice for one in flown), "", 0),
            at_most(BAR, f"{kind} cut: facts that were known and lost again", sum(one.undone for one in flown), "", 0),
            at_most(
                BAR, f"{kind} cut: decision steps that robots in contact were too many on a job",
                max(one.crowded for one in flown), "", DELAY_STEPS,
            ),
        ]  # fmt: skip
        tell(f"cut {kind}: at most {max(one.leaders for one in flown)} leaders at once; {alone}")
    whole = [fly(mission(site, seed, ())) for seed in SEEDS]
    tell(f"no cut: {whole}")
    rows.append(
        holds(BAR, "without a cut nobody but the station leads in those days", all(one.elected == 0 for one in whole))
    )
    return rows


BARS: dict[str, Bar] = {BAR: belief}
