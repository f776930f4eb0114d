"""Many missions side by side as arrays: what each is given, and how far each has come. The leading axis is the world W.

Jobs are in `job_block`, what robots are handed in `vectors`. The names are those of the single mission's classes (`operations`,
`knowledge`, `mail`, `map_drive`), with one row per world; R robots, N = R + 2 boards (the robots, the relay, the Earth), J jobs (the most
that a mission has; the others' rows end in blanks).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.observation import GO_ON

from .catalogue import RobotSpec
from .construction import APART_M as BUILDERS_APART_M
from .contact_graph import radio_reach
from .errors import MissionError
from .knowledge import FIRST_TERM, MAILBOXES, NEVER_S
from .mail import mail_key
from .map_routes import MAX_REFUSED, ROUTE_POINTS
from .mission import MissionSpec
from .outages import Cuts
from .travel import APART_M, beside

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LANDER, ROVER, HOPPER, ORBITER, CONSTRUCTION = range(5)
ROLES: Final = ("lander", "rover", "hopper", "orbiter", "construction")


class Clocks(NamedTuple):
    """When things happen, and who is what: the same in every world."""

    decision_s: int
    drive_s: int
    parts: int  # rounds of messages in a drive step
    round_s: int
    plan_round: int  # the round of a decision step after which leaders give out jobs
    note_round: int  # the round after which robots note what that plan should know, 0: at decisions only
    fresh_s: float  # a note that was sent for this plan is no older than this
    silence_s: float  # without a word for so long a robot calls for an election
    station: int
    relay: int  # node of the relay
    earth: int  # node of the Earth


class FleetBlock(NamedTuple):
    """What is the same in every world of the machines; [R] each."""

    role: Ints  # index in ROLES
    drives: Bools  # it has wheels
    drive_class: Ints  # number of its `DriveLimits` among those of the fleet, -1 none
    battery_wh: Floats
    reserve: Floats  # share of the battery never to be planned away
    range_m: Floats  # of its surface radio
    mast_m: Floats
    aside: Floats  # [R, 2] m, from the middle of a job's place to where this machine works
    haven_aside: Floats  # [R, 2] m, from the middle of a haven to its own spot there
    hops: Floats  # [R, 2] range of a hop [m], its energy [Wh]
    cold_loss: Floats  # share of the battery that a kelvin of cold locks away


class GivenBlock(NamedTuple):
    """What else each mission is given."""

    ground: Ints  # [W] number of the ground that it stands on
    steps: Ints  # [W] decision steps that it lasts
    mail_key: NDArray[np.uint64]  # [W] which messages are lost
    lands_s: Ints  # [W, R] when each robot lands
    home: Floats  # [W, R, 2] m where each robot started; zeros for an orbiter
    havens: Floats  # [W, H, 2] m
    haven_count: Ints  # [W]
    outage_s: Ints  # [W, O, 2] from, to; zeros where there are no more
    outage_bits: Ints  # [W, O, R] links cut


class WorkBlock(NamedTuple):
    """`Operations` of each mission."""

    steps_done: Ints  # [W]
    progress_s: Floats  # [W, J]
    done: Bools  # [W, J]
    started: Ints  # [W, R] the job each robot last began to work on
    job: Ints  # [W, R]
    phase: Ints  # [W, R]
    action: Ints  # [W, R]
    attend: Bools  # [W, R]
    worked_s: Floats  # [W, R]
    link: Ints  # [W, R]
    dark: Bools  # [W, R]
    down: Ints  # [W, R]
    leads: Bools  # [W, R]
    lost: Bools  # [W, R]
    landed: Bools  # [W, R] who is there
    value: Floats  # [W] of jobs done


class BoardsBlock(NamedTuple):
    """`Knowledge` and `Mail` of each mission."""

    floats: Floats  # [W, N, J + 6 R + 1] progress_s, places, heard_s, since_s, given_s, beat_s
    ints: Ints  # [W, N, 4 R + 2] worker, assigned, term, giver, lead_term, leader
    done: Bools  # [W, N, J]
    version: Ints  # [W, N]
    taken: Ints  # [W, N, N]
    awake_s: Ints  # [W, R] since when each radio is on without a break
    post: Ints  # [W, 2] messages delivered and missed in the last step
    up: Bools  # [W, N, N] contacts of the moment
    loss: Floats  # [W, N, N] chance that a message is lost, where up
    sight_at: Floats  # [W, R, 2] where lines of sight were walked from
    seen: Ints  # [W, R, R] 1 sees, 0 not, -1 not walked


class MindsBlock(NamedTuple):
    """The robots' own minds: `Robot`, `Hopper`, `MapDriving`."""

    phase: Ints  # [W, R]
    action: Ints  # [W, R]
    job: Ints  # [W, R]
    goal: Floats  # [W, R, 2] m
    work_w: Floats  # [W, R]
    data_mbps: Floats  # [W, R]
    place: Floats  # [W, R, 2] m, the middle of the place that it goes to
    charging: Bools  # [W, R]
    route: Floats  # [W, R, 65, 2] m, where it began and the leg; rows beyond its size are of no meaning
    route_n: Ints  # [W, R] points, 0 none
    bound_for: Floats  # [W, R, 2] m, the goal of the route
    refused: Ints  # [W, R, 64, 2] cells
    refused_n: Ints  # [W, R]


def fleet_block(specs: Sequence[RobotSpec], drive_class: Ints) -> FleetBlock:
    """The machines of a fleet; ``drive_class`` [R] as in `machines.drive_classes`."""

    def column(values: list[float]) -> Floats:
        return np.array(values, dtype=np.float64)

    aside = [
        beside((0.0, 0.0), r, BUILDERS_APART_M) if spec.role == "construction" else (0.0, 0.0)
        for r, spec in enumerate(specs)
    ]
    return FleetBlock(
        role=np.array([ROLES.index(spec.role) for spec in specs], dtype=np.int64),
        drives=np.array([spec.speed_m_s > 0 for spec in specs], dtype=np.bool_),
        drive_class=drive_class,
        battery_wh=column([spec.battery_wh for spec in specs]),
        reserve=column([spec.reserve_frac for spec in specs]),
        range_m=radio_reach(specs),
        mast_m=column([spec.mast_m for spec in specs]),
        aside=np.array(aside, dtype=np.float64).reshape(-1, 2),
        haven_aside=np.array([beside((0.0, 0.0), r, APART_M) for r in range(len(specs))], dtype=np.float64),
        hops=np.array([(spec.hop_range_m, spec.hop_wh) for spec in specs], dtype=np.float64),
        cold_loss=column([spec.cold_loss_per_k for spec in specs]),
    )


def blank_given(worlds: int, robots: int, havens: int, outages: int) -> GivenBlock:
    """Nothing given, with room for so many havens and outages."""
    return GivenBlock(
        ground=np.zeros(worlds, dtype=np.int64),
        steps=np.zeros(worlds, dtype=np.int64),
        mail_key=np.zeros(worlds, dtype=np.uint64),
        lands_s=np.zeros((worlds, robots), dtype=np.int64),
        home=np.zeros((worlds, robots, 2)),
        havens=np.zeros((worlds, havens, 2)),
        haven_count=np.zeros(worlds, dtype=np.int64),
        outage_s=np.zeros((worlds, outages, 2), dtype=np.int64),
        outage_bits=np.zeros((worlds, outages, robots), dtype=np.int64),
    )


def write_given(block: GivenBlock, w: int, mission: MissionSpec, ground: int = 0) -> None:
    """Write what else one mission is given. `MissionError` when there is not the room for it."""
    havens, outages = block.havens.shape[1], block.outage_s.shape[1]
    for name, have, room in (("havens", len(mission.havens), havens), ("outages", len(mission.outages), outages)):
        if have > room:
            raise MissionError(f"{name}: {have} of them; these missions have room for {room}")
    block.ground[w] = ground
    block.steps[w], block.mail_key[w] = mission.steps, mail_key(mission.seed)
    block.lands_s[w] = [member.lands_s for member in mission.fleet]
    block.home[w] = [member.xy or (0.0, 0.0) for member in mission.fleet]
    block.havens[w], block.haven_count[w] = 0.0, len(mission.havens)
    if mission.havens:
        block.havens[w, : len(mission.havens)] = [xy for _, xy in mission.havens]
    block.outage_s[w], block.outage_bits[w] = 0, 0
    if mission.outages:
        names = [member.name for member in mission.fleet]
        orbiters = [r for r, spec in enumerate(mission.specs) if spec.role == "orbiter"]
        cuts = Cuts(mission.outages, names, mission.station_index, orbiters[0] if orbiters else len(names))
        block.outage_s[w, : len(mission.outages)] = cuts.windows
        block.outage_bits[w, : len(mission.outages)] = cuts.bits


def blank_work(worlds: int, robots: int, jobs: int) -> WorkBlock:
    """Nothing done; see `begin_work_of`."""
    return WorkBlock(
        steps_done=np.zeros(worlds, dtype=np.int64),
        progress_s=np.zeros((worlds, jobs)),
        done=np.zeros((worlds, jobs), dtype=np.bool_),
        **{name: np.full((worlds, robots), -1, dtype=np.int64) for name in ("started", "job", "action")},
        phase=np.zeros((worlds, robots), dtype=np.int64),
        attend=np.zeros((worlds, robots), dtype=np.bool_),
        worked_s=np.zeros((worlds, robots)),
        link=np.zeros((worlds, robots), dtype=np.int64),
        dark=np.zeros((worlds, robots), dtype=np.bool_),
        down=np.zeros((worlds, robots), dtype=np.int64),
        leads=np.zeros((worlds, robots), dtype=np.bool_),
        lost=np.zeros((worlds, robots), dtype=np.bool_),
        landed=np.zeros((worlds, robots), dtype=np.bool_),
        value=np.zeros(worlds),
    )


def begin_work(block: WorkBlock, w: int) -> None:
    """Nothing is done yet in world ``w``."""
    for name in block._fields:
        getattr(block, name)[w] = -1 if name in ("started", "job", "action") else 0


def blank_boards(worlds: int, robots: int, jobs: int) -> BoardsBlock:
    """Boards of zeros; see `begin_boards`."""
    nodes = robots + MAILBOXES
    return BoardsBlock(
        floats=np.zeros((worlds, nodes, jobs + 6 * robots + 1)),
        ints=np.zeros((worlds, nodes, 4 * robots + 2), dtype=np.int64),
        done=np.zeros((worlds, nodes, jobs), dtype=np.bool_),
        version=np.zeros((worlds, nodes), dtype=np.int64),
        taken=np.zeros((worlds, nodes, nodes), dtype=np.int64),
        awake_s=np.zeros((worlds, robots), dtype=np.int64),
        post=np.zeros((worlds, 2), dtype=np.int64),
        up=np.zeros((worlds, nodes, nodes), dtype=np.bool_),
        loss=np.zeros((worlds, nodes, nodes)),
        sight_at=np.full((worlds, robots, 2), np.nan),
        seen=np.full((worlds, robots, robots), -1, dtype=np.int64),
    )


def begin_boards(block: BoardsBlock, w: int, station: int) -> None:
    """Everybody knows nothing but that the station leads (`Knowledge.blank`)."""
    robots = block.awake_s.shape[1]
    jobs = block.done.shape[2]
    block.floats[w] = 0.0
    block.floats[w, :, jobs + 3 * robots : jobs + 4 * robots] = NEVER_S
    block.floats[w, :, jobs + 5 * robots : jobs + 6 * robots] = NEVER_S
    block.ints[w] = -1
    block.ints[w, :, -2], block.ints[w, :, -1] = FIRST_TERM, station
    block.done[w], block.version[w], block.taken[w] = False, 0, -1
    block.awake_s[w], block.post[w] = 0, 0
    block.up[w], block.loss[w] = False, 0.0
    block.sight_at[w], block.seen[w] = np.nan, -1


def blank_minds(worlds: int, robots: int) -> MindsBlock:
    """Minds of zeros; see `begin_minds`."""
    return MindsBlock(
        phase=np.zeros((worlds, robots), dtype=np.int64),
        action=np.full((worlds, robots), GO_ON, dtype=np.int64),
        job=np.full((worlds, robots), -1, dtype=np.int64),
        goal=np.zeros((worlds, robots, 2)),
        work_w=np.zeros((worlds, robots)),
        data_mbps=np.zeros((worlds, robots)),
        place=np.zeros((worlds, robots, 2)),
        charging=np.zeros((worlds, robots), dtype=np.bool_),
        route=np.zeros((worlds, robots, ROUTE_POINTS, 2)),
        route_n=np.zeros((worlds, robots), dtype=np.int64),
        bound_for=np.zeros((worlds, robots, 2)),
        refused=np.zeros((worlds, robots, MAX_REFUSED, 2), dtype=np.int64),
        refused_n=np.zeros((worlds, robots), dtype=np.int64),
    )


def begin_minds(block: MindsBlock, w: int, home: Floats) -> None:
    """All robots of world ``w`` stand idle at home [R, 2]."""
    block.phase[w], block.action[w], block.job[w] = 0, GO_ON, -1
    block.goal[w] = block.place[w] = home
    block.work_w[w], block.data_mbps[w], block.charging[w] = 0.0, 0.0, False
    block.route_n[w], block.refused_n[w] = 0, 0
    block.route[w], block.refused[w] = 0.0, 0
    block.bound_for[w] = 0.0
