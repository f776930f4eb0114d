"""How careful a driving robot is: risky legs are cut and looked at again, clear ones driven, and hopeless ground is got over or told of."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pytest

from moonfleet.agents.catalogue import load_catalogue
from moonfleet.agents.messages import JobOffer, Phase, Reply, Sense
from moonfleet.agents.robot import LEAST_M, LOOKS, RISK_PER_M, RobotSetup
from moonfleet.agents.rover import Rover
from moonfleet.agents.state import Activity
from moonfleet.autonomy.camera import MastCamera
from moonfleet.autonomy.eyesight import Eyesight, Look, View, eyesight_of
from moonfleet.autonomy.policy import StationKeeper
from moonfleet.autonomy.rocks_seen import Detections
from moonfleet.autonomy.route_risk import route_risk
from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.site import Site

KIND = "yutu-rover"
START, GOAL = (0.0, -60.0), (0.0, 60.0)
DRIVE_S = 300
REACH_M = 1.2 * 0.08 * DRIVE_S


class FakeEye:
    """Sees true rocks (x, y, diameter, height) and ground as far as ``sees_m``, and takes down from where it looked whither."""

    def __init__(self, camera: MastCamera, sees_m: float, rocks: np.ndarray | None = None) -> None:
        self.camera, self.sees_m = camera._replace(range_m=max(sees_m, 1e-3)), sees_m
        self.rocks = np.zeros((0, 4)) if rocks is None else rocks
        self.looks: list[tuple[float, float, float]] = []
        self.sight: Eyesight = eyesight_of(
            {
                "light_el_deg": [5.0], "range_m": [5.0], "height_m": [0.2], "p_seen": [[[0.99]]], "false_per_m2": [[0.0]],
                "place_sigma_m": [0.05], "size_sigma": 0.1, "confidence": 0.95, "again": 0.3, "height_sigma": 0.1,
            }
        )  # fmt: skip

    def look(self, sense: Sense, toward_deg: float, number: int = 0) -> Look:
        here = (sense.x, sense.y)
        self.looks.append((*here, toward_deg))
        inside = self.camera.sees(self.rocks[:, 0], self.rocks[:, 1], here, toward_deg)
        x, y, diameter, height = self.rocks[inside].T
        sure, half = np.full(x.size, 0.98), diameter / 2
        found = Detections(x, y, diameter, sure, height, half, half, np.zeros(x.size))
        if self.sees_m == 0.0:
            return Look(found, ())
        ref = GeoRef.centred(*here, 2.0 * self.sees_m + 2.0, 0.25)
        return Look(found, (View(ref, self.camera.mask(ref, here, toward_deg), 5.0),))


class Level:
    """What a rover needs of a site: level ground of even rock cover."""

    def __init__(self, cover: float) -> None:
        self.ref = GeoRef.centred(0.0, 0.0, 200.0, 10.0)
        self.rock_cover = np.full(self.ref.shape, cover, np.float32)
        self.slope_deg = np.zeros(self.ref.shape, np.float32)
        self.ground = None


def rover_on(cover: float, sees_m: float, rocks: np.ndarray | None = None) -> tuple[Rover, FakeEye]:
    """A rover at `START` on level ground of even rock cover, with an eye that sees so far."""
    setup = RobotSetup(0, KIND, load_catalogue()[KIND], START, 1, "statistical", DRIVE_S)
    rover = Rover(setup, cast("Site", Level(cover)), StationKeeper())
    eye = FakeEye(rover.camera, sees_m, rocks)
    rover.see_with(eye)
    return rover, eye


def sense_at(xy: tuple[float, float], step: int = 0) -> Sense:
    return Sense(step * DRIVE_S, *xy, 0.0, 90.0, 5.0, 1.0, 1.0, Activity.DRIVE, False, 0.0)


def set_out(rover: Rover) -> Reply:
    return rover.take(JobOffer(0, *GOAL, "survey", 0.0, 0.0), sense_at(START))


def leg_of(reply: Reply) -> np.ndarray:
    assert reply.commands[-1].activity == Activity.DRIVE
    return reply.commands[-1].xy


def length(xy: np.ndarray) -> float:
    return float(np.hypot(*np.diff(xy, axis=0).T).sum())


def test_a_clear_leg_is_driven_as_it_is() -> None:
    rover, eye = rover_on(0.0, 12.0)
    leg = leg_of(set_out(rover))
    assert length(leg) == pytest.approx(REACH_M, abs=1.0)
    assert len(eye.looks) == math.ceil(REACH_M / (0.8 * 12.0))
    line = np.array([START, (0.0, -50.0)])
    kept, toward = rover.prudent(line)
    np.testing.assert_array_equal(kept, line)
    assert toward is None


def test_a_leg_is_cut_before_the_ground_that_was_not_seen() -> None:
    rover, _ = rover_on(0.05, 5.0)
    rover.driver.plan(START, GOAL)
    rover.look(sense_at(START), 0, 0.0)
    line = np.array([START, (0.0, -50.4)])
    kept, toward = rover.prudent(line)
    assert LEAST_M <= length(kept) < 6.0
    np.testing.assert_array_equal(kept[0], line[0])
    assert toward == pytest.approx(0.0, abs=1e-6)  # it looks on the way that the leg would have taken
    half = rover.setup.spec.width_m / 2
    whole, part = route_risk(rover.map, line, half).expected, route_risk(rover.map, kept, half).expected
    assert part < 0.3 * whole
    assert length(kept) == LEAST_M or part <= RISK_PER_M * length(kept) + 1e-6


def test_it_looks_again_from_where_the_leg_was_cut() -> None:
    near, far = rover_on(0.05, 6.0), rover_on(0.05, 12.0)
    legs = [leg_of(set_out(rover)) for rover, _ in (near, far)]
    seen = [np.array(eye.looks) for _, eye in (near, far)]
    assert len(seen[1]) < len(seen[0]) <= LOOKS
    assert (np.diff(seen[0][:, 1]) >= LEAST_M - 1e-6).all()
    for leg, looks in zip(legs, seen, strict=True):
        assert length(leg) > looks[-1, 1] - START[1]


def test_ground_that_no_look_makes_safe_is_still_got_over() -> None:
    rover, _ = rover_on(0.08, 0.0)
    reply, here, steps = set_out(rover), START, 0
    while rover.phase == Phase.TRAVEL and steps < 60:
        leg = leg_of(reply)
        assert length(leg) >= LEAST_M - 1e-6
        here = (float(leg[-1, 0]), float(leg[-1, 1]))
        steps += 1
        reply = rover.step(sense_at(here, steps))
    assert rover.phase == Phase.WORK
    assert math.dist(here, GOAL) < 8.0


def test_a_ring_of_rocks_is_given_up_with_a_reason() -> None:
    angle = np.radians(np.arange(0.0, 360.0, 10.0))
    ring = np.column_stack(
        [START[0] + 4.0 * np.sin(angle), START[1] + 4.0 * np.cos(angle), np.full(36, 0.9), np.full(36, 0.5)]
    )
    rover, eye = rover_on(0.05, 12.0, ring)
    eye.camera = eye.camera._replace(fov_deg=360.0)
    reply = set_out(rover)
    assert [note.kind for note in reply.notes][-2:] == ["plan_failed", "job_failed"]
    assert reply.notes[-2].values["reason"] == "NoRoute"
    assert reply.commands[-1].activity == Activity.HOLD
    assert rover.phase == Phase.IDLE
