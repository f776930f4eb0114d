"""A hopper: flies from sunlight into a shadowed crater, works on its battery, and flies back."""

from __future__ import annotations

import math

import numpy as np

from .messages import NO_POINTS, Command, JobOffer, Note, Phase, Reply, Sense
from .robot import Robot
from .state import Activity

LANDED_M = 1.0  # a hop ends on its mark
HOP_TOOL = "hop"


class Hopper(Robot):
    """Reaches a job by one hop and returns by another as soon as its tool has nothing left to do."""

    def take(self, offer: JobOffer, sense: Sense) -> Reply:
        """Fly to the job; a job with another tool is done where the hopper stands."""
        if offer.job == self.job and self.phase != Phase.IDLE:
            return self.go_on(sense)
        self.job = offer.job
        self.work_w, self.data_mbps = offer.work_w, offer.data_mbps
        if offer.tool != HOP_TOOL:
            return self.work()
        self.goal = (offer.x, offer.y)
        self.phase = Phase.TRAVEL
        return self.fly(sense)

    def fly(self, sense: Sense) -> Reply:
        """Take off for the goal."""
        x, y = self.goal
        note = Note("hop", {"x_m": sense.x, "y_m": sense.y, "to_x_m": x, "to_y_m": y})
        return self.reply(Command(Activity.HOP, np.array([[x, y]])), notes=(note,), attend=True)

    def go_on(self, sense: Sense) -> Reply:
        """Go on flying or working."""
        if self.goal == self.setup.home and self.phase not in (Phase.TRAVEL, Phase.RETURN):
            return super().go_on(sense)
        return self.step(sense)

    def step(self, sense: Sense) -> Reply:
        """After the flight out: work; when the tool is done: fly home; after that: rest."""
        if self.phase == Phase.IDLE or sense.activity == Activity.HOP:
            return self.reply(attend=self.phase != Phase.IDLE)
        landed = math.hypot(sense.x - self.goal[0], sense.y - self.goal[1]) <= LANDED_M
        if self.phase == Phase.TRAVEL and landed:
            self.phase = Phase.WORK
            return self.reply(Command(Activity.WORK, NO_POINTS, self.work_w, self.data_mbps), attend=True)
        if not landed and self.phase in (Phase.TRAVEL, Phase.RETURN):
            return self.refused()
        if self.phase == Phase.WORK and sense.work_left_s <= 0.0 and self.goal != self.setup.home:
            self.phase = Phase.RETURN
            self.goal = self.setup.home
            return self.fly(sense)
        if self.phase == Phase.RETURN and landed:
            self.release()
            return self.reply(Command(Activity.HOLD, NO_POINTS))
        return self.reply(attend=True)

    def refused(self) -> Reply:
        """The body did not take off (range, fuel or energy): give the job up."""
        note = Note("job_failed", {"job": self.job, "reason": "HopRefused"})
        self.release()
        return self.reply(Command(Activity.HOLD, NO_POINTS), notes=(note,))
