"""A hopper: flies from sunlight into a shadowed crater, works on its battery, and flies back.

An excursion always ends at home: when the work is done, when it turns out that others have done it, and, should the body
refuse to take off, as soon as it can.
"""

from __future__ import annotations

import math

import numpy as np

from .messages import NO_POINTS, Command, JobOffer, Note, Phase, Reply, Sense, Situation
from .robot import Robot
from .state import Activity

LANDED_M = 1.0  # a hop ends on its mark
HOP_TOOL = "hop"


class Hopper(Robot):
    """Reaches a job by one hop and returns by another as soon as its tool has nothing left to do."""

    def carry_out(self, situation: Situation, action: int) -> Reply:
        """As the base; when the job is not its own any more (done by others, out of time), it flies home first."""
        if situation.current < 0 and self.job >= 0 and self.away:
            self.job = -1
            return self.fly_home()
        return super().carry_out(situation, action)

    @property
    def away(self) -> bool:
        """Whether it is on an excursion, the flight home included."""
        return self.phase != Phase.IDLE and (self.goal != self.setup.home or self.phase == Phase.RETURN)

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
        return self.fly()

    def fly(self) -> Reply:
        """Take off for the goal; the tool is off, whether the body can fly or not."""
        orders = Command(Activity.HOLD, NO_POINTS), Command(Activity.HOP, np.array([self.goal]))
        return self.reply(*orders, attend=True)

    def fly_home(self) -> Reply:
        """End the excursion."""
        self.phase = Phase.RETURN
        self.goal = self.setup.home
        return self.fly()

    def go_on(self, sense: Sense) -> Reply:
        """Go on flying or working."""
        if not self.away:
            return super().go_on(sense)
        if self.phase == Phase.WORK and sense.activity != Activity.WORK and sense.work_left_s > 0.0:
            return self.work()._replace(attend=True)
        return self.proceed(sense)

    def step(self, sense: Sense) -> Reply:
        """Between decisions: the next part of an excursion. A flat battery's sleep lasts until a decision ends it."""
        if sense.activity == Activity.HIBERNATE:
            return self.reply(attend=self.phase != Phase.IDLE)
        return self.proceed(sense)

    def proceed(self, sense: Sense) -> Reply:
        """After the flight out: work; when the tool is done: fly home; after that: rest."""
        if self.phase == Phase.IDLE or sense.activity == Activity.HOP:
            return self.reply(attend=self.phase != Phase.IDLE)
        landed = math.hypot(sense.x - self.goal[0], sense.y - self.goal[1]) <= LANDED_M
        if self.phase == Phase.TRAVEL:
            return self.work()._replace(attend=True) if landed else self.refused()
        if self.phase == Phase.WORK and sense.work_left_s <= 0.0 and self.away:
            return self.fly_home()
        if self.phase == Phase.RETURN:
            if not landed:
                return self.fly()
            self.release()
            return self.reply(Command(Activity.HOLD, NO_POINTS))
        return self.reply(attend=True)

    def refused(self) -> Reply:
        """The body did not take off (range, fuel or energy): give the job up."""
        note = Note("job_failed", {"job": self.job, "reason": "HopRefused"})
        self.release()
        self.goal = self.setup.home
        return self.reply(Command(Activity.HOLD, NO_POINTS), notes=(note,))
