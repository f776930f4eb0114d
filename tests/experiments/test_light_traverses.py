"""The executor of light plans in the World: behind its plan it goes on from where it is."""

from __future__ import annotations

import numpy as np

from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.light_problem import light_problem
from moonfleet.autonomy.search import distance_field
from moonfleet.experiments.bench.light_traverses import Planned, Traverse, drive_all
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.site import Site

T0 = utc_to_tdb("2029-01-20T00:00:00")


class Behind(Planned):
    """Believes that its plan should have begun some time ago, so that it is told many cells at once, and never plans again."""

    def go_on_late(self, now_s: float, battery_wh: float) -> None:
        """Hurry after the plan as it is."""


def test_machine_behind_its_plan_never_turns_back_to_a_cell_it_has_come_through(small_site: Site) -> None:
    spec = robot_spec("viper-rover")
    problem = light_problem(small_site, spec, T0, 60)
    cost = np.where(np.isfinite(problem.pace_s_m), problem.pace_s_m, np.float32(np.inf)).astype(np.float32)
    free = np.argwhere(np.isfinite(cost) & (problem.lit[0] > 200))
    start = (int(free[0, 0]), int(free[0, 1]))
    far = distance_field(cost, start, small_site.ref.cell_m, corner_cutting=False)
    far = np.where(np.isfinite(far), far, -1.0)
    goal = tuple(int(v) for v in np.unravel_index(int(np.argmax(far)), far.shape))
    task = Traverse(start, (goal[0], goal[1]), T0, spec.battery_wh, 0.0)
    for hours in (0.0, 0.3, 1.0, 5.0):
        driver = Behind(small_site, spec, problem, task)
        steps = np.abs(np.diff(driver.cells, axis=0)).sum(axis=1)
        metres = float((np.sqrt(steps) * small_site.ref.cell_m).sum())
        driver.times = driver.times - 3600.0 * hours
        went = drive_all(small_site, spec, [task], [driver])[0]
        assert went.arrived
        assert went.metres <= metres + 1.0
