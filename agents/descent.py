"""A lander's last two kilometres, in truth: picture, coarse divert, lidar scans, fine diverts, touchdown.

The profile is Chang'e-3's (Li, Jiang and Tao 2016, J. Spacecraft Rockets 53; Huang et al. 2014): an approach from 2 km to 100 m, a scan
from 100 m, a divert to 30 m, a slow straight descent; to it come scans from 60 m and 30 m for small last diverts. Between the
gates zero-effort-miss guidance flies (`autonomy.divert`). Limits of the diverts: 120 m from 2 km; 28 m (``range_max_m``) in 40 s
(``time_max_s``) from 100 m, 14 m from 60 m, 4 m from 30 m; the tilt, the thrust and the fuel above the reserve at each.

Two frames: the true one, and the lander's map, which is off by its navigation error. Whatever it senses is laid on its map; so the error it
had when it took the first scan does no harm, only what has drifted since, and that the later scans mend.
"""

from __future__ import annotations

import math
from copy import copy, deepcopy
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.divert import Gate, Motion, slowest_s
from moonfleet.autonomy.elevation_patch import ElevationPatch, patch_from_points
from moonfleet.autonomy.errors import LandingError
from moonfleet.autonomy.lander_limits import LanderLimits
from moonfleet.autonomy.landing import Choice, Policy, Scores, Survey, Verdict, by_hazard, choose, scattered
from moonfleet.autonomy.landing_picture import badness, coarse_cost
from moonfleet.autonomy.scan_map import ScanMap
from moonfleet.autonomy.stance_risk import STEP
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.local_ground import LocalGround
from moonfleet.terrain.render import shade
from moonfleet.terrain.seeds import stream

from .catalogue import RobotSpec
from .flight import CONTACT, DRY, MASS, STEP_S, VX, X, Y, Z, fly, sink
from .lidar import Lidar, nadir_scan, scan
from .sensors import expose
from .touchdown import Outcome, Touchdown, touch_down, unsafe_places

START_M, UPRANGE_M = 2000.0, 1000.0  # [m] above and before the target, where the picture is taken
START_FORWARD_M_S, START_DOWN_M_S = 24.0, 45.0  # [m/s] there
SCAN_GATE = Gate(100.0, 2.0)  # height [m] and rate of descent [m/s] at the first scan
LAST_GATE = Gate(30.0, 1.5)  # at the last scan
DROP_GATE = Gate(2.0, 1.0)  # straight down from here
SINKS_MAX = (
    60  # of two minutes each: a lander whose engine cannot be throttled to sink comes down when its tanks are dry
)
MIDDLE_SCAN_M = 60.0  # [m] height of the second scan
COARSE_RANGE_M = 120.0  # [m] longest coarse divert
COARSE_STEP_M = 10.0  # [m] between the places that the coarse choice looks at
COARSE_TIME_S = 95.0  # [s] longest flight from 2 km to 100 m
LAST_RANGE_M = 4.0  # [m] longest divert from 30 m
KEPT_COARSE_M_S = 85.0  # [m/s] kept at 2 km for the descent from 100 m
KEPT_FINE_M_S = 42.0  # [m/s] kept at 100 m and 60 m for the descent from 30 m
KEPT_LAST_M_S = 6.0  # [m/s] kept at 30 m for the last 2 m
PICTURE_HALF_M, PICTURE_CELL_M = 160.0, 1.0  # [m] the picture's half side and pixel
PICTURE_DISC_M = 30.0  # [m] around a place: what a fine divert from there reaches
SCAN_CELL_M = 0.1  # [m] spacing of the lidar's points on the ground
SCAN_HALVES_M = (34.0, 15.0, 9.0)  # [m] half sides of the three scans
START_SIGMA_M = 30.0  # [m] each axis, true place at 2 km, and the lander's error about it (map tie), scenario value
COARSE_DRIFT_M_S = 0.1  # [m/s] velocity error before the Doppler lidar, scenario value
DOPPLER_SIGMA_M_S = 0.02  # [m/s] velocity error with it: 1.7 cm/s (Amzajerdian et al. 2016, AIAA SPACE)
WALK_M_S = 0.002  # [m/s per root second] walk of the velocity error, scenario value
ALTIMETER_SIGMA_M = 0.05  # [m] height above ground after a scan, scenario value
SCATTER_M = (
    0.16  # [m] touchdown minus chosen place, each axis; 0.10 was measured on training grounds, the rest is margin
)
AWAY = 0.1  # weight of farther hazards for the lander that knows the truth: among places that are all safe it takes the widest

Floats = NDArray[np.float64]


class Look(NamedTuple):
    """One choice of a descent, for reports and pictures."""

    height_m: float
    survey: Survey
    scores: Scores
    motion: Motion
    choice: Choice


class Landing(NamedTuple):
    """How a landing went. Places are true ones [m]."""

    touchdown: Touchdown
    x: float
    y: float
    divert_m: float  # from where the first scan was taken to the touchdown
    coarse_m: float  # from the target to the place chosen by the picture
    fuel_kg: float  # left
    time_s: float  # from 2 km
    choice: Choice  # the last one
    miss_m: float  # from the chosen place of the map, as it lay on the ground at the last scan, to the touchdown
    looks: tuple[Look, ...]
    track: Floats  # [n, 7] true states, every 0.1 s
    picture: tuple[NDArray[np.uint8], GeoRef] | None  # taken at 2 km, on the lander's map

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return self.touchdown.outcome


def limits_of(spec: RobotSpec) -> LanderLimits:
    """Return the landing limits of a catalogue machine: its width, slope limit and mass, the rest by default.

    Raises `LandingError` for a machine whose values make no lander.
    """
    return LanderLimits(leg_radius_m=spec.width_m / 2.0, max_slope_deg=spec.max_slope_deg, dry_kg=spec.mass_kg)


class Descent:
    """One descent under way: true state, navigation error, map so far. `land` drives it."""

    def __init__(
        self, ground: LocalGround, target: tuple[float, float], limits: LanderLimits, seed: int, noise_m: float
    ) -> None:
        self.ground, self.target, self.limits, self.seed, self.noise_m = ground, target, limits, seed, noise_m
        self.rng = stream(seed, "descent")
        heading = self.rng.uniform(0.0, 2.0 * math.pi)
        off = START_SIGMA_M * self.rng.standard_normal(4)
        self.target_z = ground.grid.sample(*target)
        x, y = target[0] - UPRANGE_M * math.sin(heading) + off[0], target[1] - UPRANGE_M * math.cos(heading) + off[1]
        speed = START_FORWARD_M_S * math.sin(heading), START_FORWARD_M_S * math.cos(heading), -START_DOWN_M_S
        mass = limits.dry_kg + limits.fuel_kg
        self.state = np.array([x, y, self.target_z + START_M, *speed, mass])
        self.error = np.array([off[2], off[3], 0.0, *(COARSE_DRIFT_M_S * self.rng.standard_normal(3))])
        self.track: list[Floats] = [self.state[None].copy()]
        self.looks: list[Look] = []
        self.map: ScanMap | None = None
        self.dry = False
        self.struck = False  # the ground, before the last metres
        self.since_fix_s = 0.0
        self.base, self.coarse_m = target, 0.0
        self.fixed = self.error.copy()
        self.picture: tuple[NDArray[np.uint8], GeoRef] | None = None

    def motion(self, ground_z: float) -> Motion:
        """Return what the lander believes of its motion, its height above ``ground_z``."""
        x, y, z, vx, vy, vz = self.state[:6] + self.error
        return Motion(float(x), float(y), float(z) - ground_z, float(vx), float(vy), float(vz), float(self.state[MASS]))

    def fly(self, goal: tuple[float, float, float], gate: Gate, t_go_s: float, stop_z: float = -math.inf) -> None:
        """Fly on; nothing happens any more once the tanks are dry or the ground is struck."""
        if self.dry or self.struck:
            return
        why, track = fly(
            self.state, self.error, goal, gate.descent_m_s, t_go_s, stop_z, self.limits, self.rng, WALK_M_S
        )
        below = np.flatnonzero(track[:, Z] < self.ground.grid.sample(track[:, X].copy(), track[:, Y].copy()))
        if below.size:
            track = track[: below[0] + 1]
            self.state[:], self.struck = track[-1], True
        self.track.append(track)
        self.since_fix_s += STEP_S * len(track)
        self.dry = why == DRY

    def take_picture(self, sun: tuple[float, float]) -> tuple[NDArray[np.uint8], GeoRef]:
        """Take the picture around the target and lay it on the lander's map."""
        aim = self.target[0] - self.error[X], self.target[1] - self.error[Y]
        patch = self.ground.patch(*aim, PICTURE_HALF_M, PICTURE_CELL_M)
        radiance = shade(patch.elevation_m, PICTURE_CELL_M, *sun)
        image = expose(radiance, stream(self.seed, "landing camera"))
        ref = patch.ref
        return image, GeoRef(ref.x_left + self.error[X], ref.y_top + self.error[Y], ref.cell_m, ref.rows, ref.cols)

    def approach(self, coarse: Choice) -> None:
        """Fly from 2 km to the first scan above the place that the picture chose."""
        self.fly((coarse.x, coarse.y, self.target_z + SCAN_GATE.z), SCAN_GATE, coarse.time_s)
        self.coarse_m = math.hypot(coarse.x - self.target[0], coarse.y - self.target[1])
        self.error[3:] = DOPPLER_SIGMA_M_S * self.rng.standard_normal(3)  # the Doppler lidar locks on
        self.base = float(self.state[X]), float(self.state[Y])

    def look(self, number: int) -> None:
        """Take scan ``number`` (0, 1, 2), add it to the map, mend place and velocity by its shift; return the ground's height."""
        half = SCAN_HALVES_M[number]
        self.error[Z] = ALTIMETER_SIGMA_M * self.rng.standard_normal()
        patch = self._scan(number, half)
        if self.map is None:
            self.map = ScanMap(patch, self.noise_m)
        else:
            shift = self.map.add(patch)
            if shift is not None:
                moved = np.array([shift.dx, shift.dy])
                self.error[:2] -= moved
                self.error[3:5] -= moved / max(self.since_fix_s, 1.0)
        self.since_fix_s = 0.0
        self.fixed = self.error.copy()

    def land(self, policy: Policy | None = None, *, knows_truth: bool = False) -> Landing:
        """Go on from the first scan to the ground with a policy, and judge; the descent itself stays as it is. As `land`."""
        d = copy(self)
        d.state, d.error, d.fixed = self.state.copy(), self.error.copy(), self.fixed.copy()
        d.rng, d.map, d.track, d.looks = deepcopy(self.rng), deepcopy(self.map), list(self.track), []
        return d._go_on(partial(_by_truth, d) if knows_truth else policy or by_hazard)

    def _go_on(self, policy: Policy) -> Landing:
        choice = Choice(Verdict.OUT_OF_REACH, *self.base, math.nan, math.nan, 0.0, 0.0, math.nan)
        stages = (
            (LAST_GATE, KEPT_FINE_M_S, self.limits.range_max_m, MIDDLE_SCAN_M),
            (LAST_GATE, KEPT_FINE_M_S, self.limits.range_max_m / 2.0, -math.inf),
            (DROP_GATE, KEPT_LAST_M_S, LAST_RANGE_M, -math.inf),
        )
        for number, (gate, kept, range_m, stop_m) in enumerate(stages):
            if self.struck:
                break
            if number > 0 and not self.dry:
                self.look(number)
            level = float(np.nanmedian(self.seen.view()[0]))
            fresh = self.choose(policy, level, gate, kept, range_m)
            if number == 0 or fresh.verdict is not Verdict.OUT_OF_REACH:
                choice = fresh
            site_z = self.level_at(choice.x, choice.y)
            left_s = fresh.time_s if math.isfinite(fresh.time_s) else slowest_s(self.motion(site_z), gate, self.limits)
            self.fly((choice.x, choice.y, site_z + gate.z), gate, left_s, site_z + stop_m)
        return self.finish(choice)

    @property
    def seen(self) -> ScanMap:
        """The map so far. Raises `LandingError` before the first look."""
        if self.map is None:
            raise LandingError("descent: there is no map before the first scan")
        return self.map

    def level_at(self, x: float, y: float) -> float:
        """Return the mean height that the map shows around a place of it [m]."""
        elevation, _, ref, _ = self.seen.view()
        row, col = (round(v) for v in ref.rowcol(x, y))
        wide = math.ceil(self.limits.leg_radius_m / ref.cell_m)
        near = elevation[max(row - wide, 0) : row + wide + 1, max(col - wide, 0) : col + wide + 1]
        known = near[np.isfinite(near)]
        return float(known.mean() if known.size else np.nanmedian(elevation))

    def finish(self, choice: Choice) -> Landing:
        """Sink to the ground and judge."""
        goal = (choice.x, choice.y)
        x, y = goal[0] - self.error[X], goal[1] - self.error[Y]
        ground_z = float(self.ground.patch(x, y, self.limits.leg_radius_m, SCAN_CELL_M).elevation_m.mean())
        for _ in range(SINKS_MAX):
            why, track = sink(
                self.state, self.error, goal, DROP_GATE.descent_m_s, ground_z, self.limits, self.rng, WALK_M_S
            )
            self.track.append(track)
            if why == CONTACT:
                break
        x, y = float(self.state[X]), float(self.state[Y])
        fuel = float(self.state[MASS]) - self.limits.dry_kg
        vx, vy, vz = (float(v) for v in self.state[VX : VX + 3])
        track = np.concatenate(self.track)
        return Landing(
            touchdown=touch_down(self.ground, (x, y), (vx, vy, vz), self.limits, fuel),
            x=x,
            y=y,
            divert_m=math.hypot(x - self.base[0], y - self.base[1]),
            coarse_m=self.coarse_m,
            fuel_kg=fuel,
            time_s=STEP_S * (len(track) - 1),
            choice=choice,
            miss_m=math.hypot(x + self.fixed[X] - choice.x, y + self.fixed[Y] - choice.y),
            looks=tuple(self.looks),
            track=track,
            picture=self.picture,
        )

    def _scan(self, number: int, half: float) -> ElevationPatch:
        x, y, z = (float(v) for v in self.state[:3])
        true = self.ground.patch(x, y, half + 2.0, SCAN_CELL_M)
        low = float(true.elevation_m.mean())
        beams = nadir_scan(max(z - low, 1.0), half + 1.0, SCAN_CELL_M)
        frame = scan(true, (x, y, z), beams, Lidar(range_sigma_m=self.noise_m), self.seed, index=(number,))
        points = frame.points + self.error[:3]
        if self.map is None:
            ref = GeoRef.centred(x + self.error[X], y + self.error[Y], 2.0 * half, SCAN_CELL_M)
        else:
            ref = _inside(GeoRef.centred(x + self.error[X], y + self.error[Y], 2.0 * half, SCAN_CELL_M), self.map.ref)
        return patch_from_points(points, ref, frame.sigma_m)

    def choose(self, policy: Policy, ground_z: float, gate: Gate, kept_m_s: float, range_m: float) -> Choice:
        """Let a policy choose on the map so far, and keep what it saw."""
        survey = Survey(*self.seen.view(), SCATTER_M)
        scores = policy(survey, self.limits)
        motion = self.motion(ground_z)
        if self.dry or self.struck or motion.z <= gate.z:  # nothing is left to choose
            choice = Choice(Verdict.OUT_OF_REACH, motion.x, motion.y, math.nan, math.nan, 0.0, 0.0, math.nan)
        else:
            choice = choose(scores, motion, gate, self.limits, kept_m_s=kept_m_s, range_m=range_m)
        self.looks.append(Look(motion.z, survey, scores, motion, choice))
        return choice

    def coarse_choice(self, sun: tuple[float, float] | None) -> Choice:
        """Choose where to take the first scan: by the picture, or without one (``sun`` None) above the target."""
        chart = self.ground.grid  # the map that the lander left home with
        if sun is None:
            ref = GeoRef(self.target[0] - 0.5, self.target[1] + 0.5, 1.0, 1, 1)
            scores = Scores(ref, np.zeros((1, 1)))
        else:
            self.picture = self.take_picture(sun)
            image, ref = self.picture
            cost = coarse_cost(badness(image, ref, sun, chart, self.limits), ref.cell_m, PICTURE_DISC_M)
            scores = _thinned(Scores(ref, cost), self.target)
        motion = self.motion(self.target_z)
        return choose(
            scores, motion, SCAN_GATE, self.limits, kept_m_s=KEPT_COARSE_M_S, range_m=math.inf, longest_s=COARSE_TIME_S
        )


def _thinned(scores: Scores, target: tuple[float, float]) -> Scores:
    """Return every tenth metre's place within the coarse range of the target."""
    step = round(COARSE_STEP_M / scores.ref.cell_m)
    ref, score = scores.ref, scores.score[::step, ::step].copy()
    shift = (step - 1) * ref.cell_m / 2.0
    places = GeoRef(ref.x_left - shift, ref.y_top + shift, step * ref.cell_m, *score.shape)
    rows, cols = np.meshgrid(np.arange(places.rows), np.arange(places.cols), indexing="ij")
    x, y = places.xy(rows, cols)
    score[np.hypot(x - target[0], y - target[1]) > COARSE_RANGE_M] = np.inf
    return Scores(places, score)


def _inside(ref: GeoRef, outer: GeoRef) -> GeoRef:
    """Return ``ref`` moved by whole cells so that it lies inside ``outer``, on its lattice."""
    row, col = outer.rowcol(*ref.xy(0, 0))
    top = min(max(round(row), 0), outer.rows - ref.rows)
    left = min(max(round(col), 0), outer.cols - ref.cols)
    return GeoRef(
        outer.x_left + left * outer.cell_m, outer.y_top - top * outer.cell_m, outer.cell_m, ref.rows, ref.cols
    )


def land(
    ground: LocalGround, target_xy: tuple[float, float], limits: LanderLimits, seed: int, *, policy: Policy | None = None,
    sun: tuple[float, float] | None = (0.0, 5.0), noise_m: float = 0.1, knows_truth: bool = False,
) -> Landing:  # fmt: skip
    """Land near ``target_xy`` [m] of the true ground and judge the touchdown.

    Parameters
    ----------
    limits : the lander.
    seed : names every random number of the descent (start, errors, noises); the policy draws none of them.
    policy : scores places on the lidar's map (`autonomy.landing`); default: by the chance of an unsafe touchdown.
    sun : grid azimuth and elevation [deg] for the picture; None: no picture, the first scan is taken above the target.
    noise_m : standard deviation of the lidar's ranges [m].
    knows_truth : choose by the true ground in place of the map (for comparison: nothing can choose better).

    Raises
    ------
    SiteError : the descent leaves the site (leave some 400 m around the target).
    LandingError, SensorError : a noise that makes no sense.
    """
    return to_first_scan(ground, target_xy, limits, seed, sun=sun, noise_m=noise_m).land(
        policy, knows_truth=knows_truth
    )


def to_first_scan(
    ground: LocalGround, target_xy: tuple[float, float], limits: LanderLimits, seed: int, *,
    sun: tuple[float, float] | None = (0.0, 5.0), noise_m: float = 0.1,
) -> Descent:  # fmt: skip
    """Return the descent as it stands after the first scan; its `Descent.land` may be called for any number of policies. As `land`."""
    d = Descent(ground, target_xy, limits, seed, noise_m)
    coarse = d.coarse_choice(sun)
    if coarse.verdict is Verdict.OUT_OF_REACH:  # too fast or too heavy for any gentle flight: the straightest one
        coarse = coarse._replace(x=target_xy[0], y=target_xy[1], time_s=COARSE_TIME_S)
    d.approach(coarse)
    if not d.struck:
        d.look(0)
    return d


def _by_truth(descent: Descent, survey: Survey, limits: LanderLimits) -> Scores:
    """Score places 0.4 m apart by the true stance there and the same scatter as ours; among safe ones the widest is best."""
    ref, step = survey.ref, 2 * STEP
    shift = (step - 1) * ref.cell_m / 2.0
    rows, cols = (n // step for n in ref.shape)
    places = GeoRef(ref.x_left - shift, ref.y_top + shift, step * ref.cell_m, rows, cols)
    true = GeoRef(places.x_left - descent.error[X], places.y_top - descent.error[Y], places.cell_m, rows, cols)
    bad = unsafe_places(descent.ground, true, limits).astype(np.float64)
    p = scattered(bad, places.cell_m, survey.scatter_m)
    return Scores(places, p + AWAY * scattered(bad, places.cell_m, 4.0 * survey.scatter_m), p)
