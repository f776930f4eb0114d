"""A robot's mind: belief, eye, driver, policy, and the executive that turns a choice into orders for the body.

The same object lives in a Ray actor, in the in-process backend and inside an environment. It sees only what is handed to it
in a `Situation` or a `Sense`; it keeps its belief of the ground to itself. Roles differ in how they reach a job.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from moonfleet.autonomy.belief import RARER, Belief, Doubts
from moonfleet.autonomy.driver import Driver
from moonfleet.autonomy.errors import PlanError
from moonfleet.autonomy.hazard_map import DRIFT, LEAST_STEP_M, HazardMap
from moonfleet.autonomy.observation import ACTION_NAMES, CHARGE, GO_ON, HIBERNATE, JOB0, RELAY
from moonfleet.autonomy.policy import Policy
from moonfleet.autonomy.route_risk import route_risk
from moonfleet.autonomy.traversability import DriveLimits
from moonfleet.terrain.site import Site

from .catalogue import RobotSpec
from .errors import RobotError
from .eyes import open_eye
from .messages import NO_POINTS, Command, JobOffer, Note, Phase, Reply, Sense, Situation
from .mission import Perception
from .mission_zones import MissionZones
from .sensors import Eye, mast_camera
from .state import LEG_POINTS, Activity
from .tracks import driven
from .travel import site_cost

ARRIVED_M = 6.0  # close enough to a job or haven
LOOKS = 6  # most looks in one drive step, each from where the one before lets the robot drive to
LEAST_M = 5.0  # a leg is no shorter, however risky, or the robot would never get away
SEEN_SHARE = 0.8  # of the camera's range: a leg ends well inside what was looked at
RISK_PER_M = 0.002  # hazards expected per metre of leg from which on the robot rather looks again from nearer
LIKELY = 0.015  # a rock that is a hazard with at least this chance is driven round: a detour costs little
UNSURE = 0.3  # what is less likely a rock at all is not heeded
USUAL_LIGHT_DEG = 5.0  # light that eyes are taken to see in before the first look
FROM_SHARE = 0.6  # of the camera's range: from so far, on average, rocks on the way are seen
MOST_DOUBT = -0.5  # log-odds that a rock loses at most when a look does not show it again
MARGIN_M = 0.1  # kept between the body and a rock, beyond half its width and what is not known of the rock
TIGHT_M = 0.05  # the same where there is no other way


@dataclass(frozen=True, slots=True)
class RobotSetup:
    """What a robot is born with: who it is, its machine, its home, the mission's root seed, the rates of its clock, its zones."""

    index: int
    name: str
    spec: RobotSpec
    home: tuple[float, float]
    seed: int
    perception: Perception
    drive_s: int
    zones: MissionZones | None = None


class Robot:
    """A robot that does not move by itself: it works where it stands. Base of all roles."""

    def __init__(self, setup: RobotSetup, site: Site, policy: Policy) -> None:
        self.setup = setup
        self.site = site
        self.policy = policy
        self.phase = Phase.IDLE
        self.action = GO_ON
        self.job = -1
        self.goal = setup.home
        self.work_w = 0.0
        self.data_mbps = 0.0
        self.start()

    def start(self) -> None:
        """Hook: a role makes its own parts here."""

    # -- choosing ------------------------------------------------------------------------------------------------

    def decide(self, situation: Situation) -> Reply:
        """Ask the policy and carry out its choice."""
        return self.carry_out(situation, self.policy.act(situation.observation))

    def carry_out(self, situation: Situation, action: int) -> Reply:
        """Turn a choice (an index of the observation's mask) into orders. A masked choice is told of and counts as GO_ON."""
        mask = situation.observation.mask
        if not 0 <= action < mask.size:
            raise RobotError(f"{self.setup.name}: its policy chose action {action!r}: must be 0..{mask.size - 1}")
        if not mask[action]:
            told = f"{ACTION_NAMES[action]} is not allowed now; going on instead"
            reply = self.carry_out(situation, GO_ON)
            return reply._replace(
                notes=(Note("plan_failed", {"reason": "ActionMasked", "message": told}), *reply.notes)
            )
        if situation.current < 0 and self.job >= 0:
            self.release()
        if action == GO_ON:
            return self.go_on(situation.sense)
        self.action = action
        if action >= JOB0:
            return self.take(situation.offers[action - JOB0], situation.sense)
        self.release()
        self.action = action
        if action == CHARGE:
            return self.charge(situation)
        if action == HIBERNATE:
            return self.reply(Command(Activity.HIBERNATE, NO_POINTS))
        if action == RELAY:
            return self.reply(Command(Activity.RELAY, NO_POINTS))
        return self.reply(Command(Activity.HOLD, NO_POINTS))

    def release(self) -> None:
        """Forget the job at hand."""
        self.job = -1
        self.phase = Phase.IDLE
        self.action = GO_ON

    def go_on(self, sense: Sense) -> Reply:
        """Go on with what is under way."""
        if self.phase == Phase.WORK and sense.activity != Activity.WORK:
            return self.work()
        if self.phase == Phase.IDLE and sense.activity == Activity.WORK:
            return self.reply(Command(Activity.HOLD, NO_POINTS))
        return self.reply()

    def take(self, offer: JobOffer, sense: Sense) -> Reply:
        """Begin a job, or go on with it if it is the one at hand."""
        if offer.job == self.job and self.phase != Phase.IDLE:
            return self.go_on(sense)
        self.job = offer.job
        self.goal = (offer.x, offer.y)
        self.work_w, self.data_mbps = offer.work_w, offer.data_mbps
        return self.work()

    def charge(self, situation: Situation) -> Reply:
        """Charge where it stands."""
        return self.reply(Command(Activity.CHARGE, NO_POINTS))

    def work(self, *notes: Note) -> Reply:
        """Start the tool, here and now."""
        self.phase = Phase.WORK
        return self.reply(Command(Activity.WORK, NO_POINTS, self.work_w, self.data_mbps), notes=notes)

    def step(self, sense: Sense) -> Reply:
        """Answer at a drive step, between decisions."""
        return self.reply()

    def reply(self, *commands: Command, notes: tuple[Note, ...] = (), attend: bool = False) -> Reply:
        """Pack an answer with the present choice."""
        return Reply(self.action, self.job, self.phase, commands, notes, attend)

    # -- state ---------------------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, object]:
        """Whole state as a nested mapping of arrays."""
        task = np.array([self.phase, self.action, self.job], dtype=np.int64)
        return {"task": task, "tool": np.array([*self.goal, self.work_w, self.data_mbps])}

    def set_state(self, state: dict[str, object]) -> None:
        """Take up a state made by `get_state`; the robot goes on as if it had never stopped."""
        self.set_task(state)

    def set_task(self, state: dict[str, object]) -> None:
        """Take up the part of a state that every robot has."""
        phase, action, job = (int(value) for value in np.asarray(state["task"]))
        self.phase, self.action, self.job = Phase(phase), action, job
        x, y, work_w, data_mbps = (float(value) for value in np.asarray(state["tool"]))
        self.goal, self.work_w, self.data_mbps = (x, y), work_w, data_mbps


class DrivingRobot(Robot):
    """A robot that drives to its job, looking ahead and bending its way round what it sees."""

    def start(self) -> None:
        """Make the eye, the belief, the map and the driver."""
        spec = self.setup.spec
        self.camera = mast_camera(spec)
        limits = DriveLimits(max_slope_deg=spec.max_slope_deg, speed_m_s=spec.speed_m_s)
        self.cost = site_cost(self.site, limits, self.setup.zones)
        self.charging = False
        self.odometer_m, self.last = 0.0, self.setup.home
        setup = self.setup
        self.see_with(open_eye(setup.perception, self.site.ground, self.camera, setup.seed, setup.index))

    def see_with(self, eye: Eye) -> None:
        """Take an eye, and forget all that another one saw."""
        self.eye = eye
        self.know(Belief(min_diameter_m=0.0, min_confidence=UNSURE, doubts=self.doubts()))
        half = self.setup.spec.width_m / 2
        self.driver = Driver(self.site.ref, self.cost, self.belief, half + MARGIN_M, tight_m=half + TIGHT_M)

    def doubts(self, light_el_deg: float = USUAL_LIGHT_DEG) -> Doubts:
        """How sure this machine is of rocks, by the rates of its eye in a light."""
        sight = self.eye.sight
        heights = sight.heights(FROM_SHARE * self.camera.range_m * sight.lens_m / self.camera.height_m, light_el_deg)
        place = float(sight.place(self.camera.range_m / 2))
        step_m = max(self.setup.spec.obstacle_m, LEAST_STEP_M)
        return Doubts(
            step_m=self.setup.spec.obstacle_m,
            min_chance=LIKELY,
            height_sigma=float(heights.sigma),
            height_bias=float(heights.told_over_true(step_m)),
            height_slope=float(heights.slope),
            rarer=RARER - sight.favours(step_m),
            height_again=sight.height_again,
            size_sigma=sight.size_sigma,
            place_sigma_m=place,
            drift=DRIFT,
        )

    def know(self, belief: Belief) -> None:
        """Begin a map around a belief."""
        self.belief = belief
        self.map = HazardMap(belief, self.eye.sight, self.site.ref, self.site.rock_cover, self.camera.height_m)

    def take(self, offer: JobOffer, sense: Sense) -> Reply:
        """Begin a job: work if already there, else set out."""
        if offer.job == self.job and self.phase != Phase.IDLE:
            return self.go_on(sense)
        self.job = offer.job
        self.goal = self.spot(offer)
        self.work_w, self.data_mbps = offer.work_w, offer.data_mbps
        self.charging = False
        return self.set_out(sense)

    def spot(self, offer: JobOffer) -> tuple[float, float]:
        """Where to stand for a job."""
        return offer.x, offer.y

    def charge(self, situation: Situation) -> Reply:
        """Drive to the haven, then charge; at the open ground nearest to it where rocks cover it."""
        sense = situation.sense
        if not sense.can_move:
            return self.stay()
        if self.charging and self.goal == situation.haven and self.driver.arrived((sense.x, sense.y)):
            return self.arrive(())
        self.goal = situation.haven
        self.charging = True
        return self.set_out(situation.sense)

    def stay(self) -> Reply:
        """With a drive that does not work or wheels that are stuck: charge in place."""
        self.phase, self.charging = Phase.IDLE, False
        return self.reply(Command(Activity.CHARGE, NO_POINTS))

    def go_on(self, sense: Sense) -> Reply:
        """Go on travelling, working or charging."""
        if self.phase == Phase.TRAVEL and not sense.can_move:
            return self.stay()
        if self.phase == Phase.TRAVEL:
            return self.travel(sense, ())
        return super().go_on(sense)

    def set_out(self, sense: Sense) -> Reply:
        """Plan the global route and make the first leg of it."""
        if math.hypot(sense.x - self.goal[0], sense.y - self.goal[1]) <= ARRIVED_M:
            return self.arrive(())
        try:
            route = self.driver.plan((sense.x, sense.y), self.goal)
        except PlanError as error:
            return self.give_up(error, ())
        self.phase = Phase.TRAVEL
        # what the wheels refused belongs to the leg of the last route, not to this one
        sense = sense._replace(blocked=False)
        line = ", ".join(f"{x:.2f} {y:.2f}" for x, y in route.xy)
        note = Note("route", {"job": self.job, "length_m": route.length_m, "wkt": f"LINESTRING ({line})"})
        return self.travel(sense, (note,))

    def travel(self, sense: Sense, notes: tuple[Note, ...]) -> Reply:
        """Look, believe, and drive the next leg; arrive when there."""
        here = (sense.x, sense.y)
        if self.driver.arrived(here):
            return self.arrive(notes)
        self.odometer_m += math.dist(here, self.last)
        self.last = here
        reach = 1.2 * self.setup.spec.speed_m_s * self.setup.drive_s
        leg = np.array([here])
        way_m, toward = 0.0, None
        try:
            if sense.blocked:
                self.driver.avoid(here)
            for number in range(LOOKS):
                x, y = (float(value) for value in leg[-1])
                self.belief.odometer_m = self.odometer_m + way_m
                notes += self.look(sense._replace(x=x, y=y), number, toward)
                more = self.driver.next_leg((x, y), min(SEEN_SHARE * self.camera.range_m, reach - way_m))
                more, toward = self.prudent(more)
                leg = np.concatenate([leg, more[1:]])
                way_m += float(np.hypot(*np.diff(more, axis=0).T).sum())
                if way_m > reach - 1.0 or self.driver.arrived((float(leg[-1, 0]), float(leg[-1, 1]))):
                    break
        except PlanError as error:
            return self.give_up(error, notes)
        finally:
            self.map.forget(*here)
        return self.reply(Command(Activity.DRIVE, leg[:LEG_POINTS]), notes=notes, attend=True)

    def prudent(self, leg: np.ndarray) -> tuple[np.ndarray, float | None]:
        """Cut a leg where its risk passes what is borne; with the grid azimuth on which it would have gone on, if cut."""
        if len(leg) < 2:
            return leg, None
        risk = route_risk(self.map, leg, self.setup.spec.width_m / 2)
        too_much = risk.unseen + risk.seen > RISK_PER_M * np.maximum(risk.along_m, LEAST_M)
        too_much &= risk.along_m > LEAST_M
        if not too_much.any():
            return leg, None
        part, rest = driven(leg, max(float(risk.along_m[int(np.argmax(too_much)) - 1]), LEAST_M))
        ahead, _ = driven(rest, self.camera.range_m / 2)
        dx, dy = (ahead[-1] - ahead[0]).tolist()
        return part, math.degrees(math.atan2(dx, dy)) % 360.0

    def look(self, sense: Sense, number: int, toward: float | None = None) -> tuple[Note, ...]:
        """Take a look along the route, or another way; tells of rocks not known before.

        What should have been seen again but was not is doubted, the more the surer the eye is.
        """
        belief, camera, here = self.belief, self.camera, (sense.x, sense.y)
        if toward is None:
            toward = bearing_along(self.driver, sense.x, sense.y, camera.range_m)
        counts = belief.count.copy()
        look = self.eye.look(sense, toward, number)
        fresh = belief.add(look.rocks)
        self.map.add(look, here)
        if look.views:
            belief.doubts = self.doubts(look.views[0].light_el_deg)
        missed = np.flatnonzero(belief.count[: counts.size] == counts)
        missed = missed[camera.sees(belief.x[missed], belief.y[missed], here, toward)]
        if missed.size and look.views:
            far = np.hypot(belief.x[missed] - here[0], belief.y[missed] - here[1])
            unseen = self.eye.sight.p_miss(belief.height_m[missed], far, look.views[0].light_el_deg)
            belief.doubt(missed, np.maximum(self.eye.sight.again * np.log(unseen), MOST_DOUBT))
        if fresh.size == 0:
            return ()
        sizes, beliefs = belief.diameter_m[fresh], belief.confidence[fresh]
        avoided = (beliefs >= belief.min_confidence) & (belief.hazard(fresh) >= LIKELY)
        x, y = belief.x[fresh][avoided], belief.y[fresh][avoided]
        rows = np.column_stack([x, y, sizes[avoided] / 2, beliefs[avoided]])
        names = ("x_m", "y_m", "radius_m", "confidence")
        return tuple(Note("keepout", dict(zip(names, row, strict=True))) for row in rows.tolist())

    def arrive(self, notes: tuple[Note, ...]) -> Reply:
        """At the goal: work, or charge."""
        if self.charging:
            self.phase = Phase.IDLE
            return self.reply(Command(Activity.CHARGE, NO_POINTS), notes=notes)
        return self.work(*notes)

    def give_up(self, error: PlanError, notes: tuple[Note, ...]) -> Reply:
        """Say why there is no way, and stand still."""
        told = (*notes, Note("plan_failed", {"reason": type(error).__name__, "message": str(error)}))
        if self.job >= 0:
            told += (Note("job_failed", {"job": self.job, "reason": type(error).__name__}),)
        self.release()
        return self.reply(Command(Activity.HOLD, NO_POINTS), notes=told)

    def step(self, sense: Sense) -> Reply:
        """Between decisions: the next leg. A flat battery's sleep lasts until a decision ends it, and so does a broken drive's wait."""
        if self.phase == Phase.TRAVEL and not sense.can_move:
            return self.reply(attend=True)
        if self.phase == Phase.TRAVEL:
            return self.travel(sense, ()) if sense.activity != Activity.HIBERNATE else self.reply(attend=True)
        return self.reply()

    def get_state(self) -> dict[str, object]:
        """As the base, with belief, map and driver."""
        own = {"charging": np.array(self.charging), "belief": self.belief.to_arrays(), "map": self.map.to_arrays(),
               "odometer": np.array([self.odometer_m, *self.last])}  # fmt: skip
        return super().get_state() | own | {"driver": self.driver.to_arrays()}

    def set_state(self, state: dict[str, object]) -> None:
        """As the base, with belief, map and driver."""
        super().set_state(state)
        self.charging = bool(np.asarray(state["charging"]))
        self.know(Belief.from_arrays(state["belief"]))  # pyright: ignore[reportArgumentType]
        self.map.take_up(state["map"])  # pyright: ignore[reportArgumentType]
        self.odometer_m, x, y = (float(value) for value in np.asarray(state["odometer"]))
        self.last = (x, y)
        self.driver = Driver.from_arrays(
            self.site.ref,
            self.cost,
            self.belief,
            state["driver"],  # pyright: ignore[reportArgumentType]
        )


def bearing_along(driver: Driver, x: float, y: float, range_m: float) -> float:
    """Grid azimuth [deg] from a pose to the point of the route that is half the camera's range further on."""
    xy, length, _ = driver.route
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    done = length - driver.remaining_m
    ahead = np.arange(done, min(done + 120.0, length) + 1.0, 1.0)
    points = np.column_stack([np.interp(ahead, along, xy[:, 0]), np.interp(ahead, along, xy[:, 1])])
    nearest = int(np.argmin(np.hypot(points[:, 0] - x, points[:, 1] - y)))
    at = min(float(ahead[nearest]) + range_m / 2, length)
    to_x, to_y = float(np.interp(at, along, xy[:, 0])), float(np.interp(at, along, xy[:, 1]))
    return math.degrees(math.atan2(to_x - x, to_y - y)) % 360.0
