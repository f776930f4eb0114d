"""What a user meets of the light planner: plans that wait and charge, rules that are kept, failures that say what would help."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.autonomy.errors import (
    CostError,
    GoalBlocked,
    GoalOutside,
    NoLitWindow,
    NoRoute,
    OutOfEnergy,
    PlanInterrupted,
    StartBlocked,
)
from moonfleet.autonomy.lightplan import LightPlan, plan_light
from moonfleet.autonomy.lightplan_check import begun_late, check_light_plan
from moonfleet.autonomy.lightplan_problem import LightPower, LightProblem, LightRules, crossing_ticks, ticks_per_step
from moonfleet.terrain.seeds import stream

SHARE = np.arange(256) / 255
POWER = LightPower(300.0 * SHARE - 100.0, 300.0 * SHARE - 300.0, 1000.0, 200.0)  # driving costs 200 W on top


def corridor(hours: int = 30, cells: int = 24, lit: int = 255, rules: LightRules | None = None) -> LightProblem:
    """A strip of 36 m cells that take 6 min each at 10 s/m: ten an hour."""
    pace = np.full((3, cells), 10.0, dtype=np.float32)
    return LightProblem(
        pace, 36.0, np.full((hours, 3, cells), lit, dtype=np.uint8), POWER, rules or LightRules(), ticks=10
    )


def plan_of(problem: LightProblem, battery_wh: float | None = None) -> LightPlan:
    plan = plan_light(problem, (1, 0), (1, problem.pace_s_m.shape[1] - 1), battery_wh)
    start = problem.power.capacity_wh if battery_wh is None else battery_wh
    assert check_light_plan(problem, plan.times_s, plan.cells, start).faults == ()
    return plan


def test_full_light_goes_straight() -> None:
    plan = plan_of(corridor())
    assert plan.arrival_s == pytest.approx(23 * 360.0)
    assert plan.waits == () and len(plan.legs) == 1
    assert plan.metres == pytest.approx(23 * 36.0)
    assert plan.battery_wh[-1] == pytest.approx(1000.0)  # 300 W in, 300 W out


def test_dark_way_is_driven_from_the_battery_down_to_the_reserve_and_no_further() -> None:
    problem = corridor(lit=0)
    plan = plan_of(problem)
    assert plan.margin_wh == pytest.approx(800.0 - 2.3 * 300.0, abs=1.0)
    assert plan.dark_s == pytest.approx(plan.arrival_s)
    with pytest.raises(OutOfEnergy, match="charge first"):
        plan_of(problem, 800.0)


def test_charges_in_the_light_before_a_dark_way() -> None:
    problem = corridor(lit=0)
    problem.lit[:, :, :5] = 255
    plan = plan_of(problem, 300.0)
    (wait,) = plan.waits
    assert wait.reason == "charge" and wait.gained_wh > 0.0
    assert wait.cell[1] == 4  # as far as the light goes
    assert plan.margin_wh >= 0.0


def test_waits_for_the_sun_and_for_the_earth_where_driving_needs_them() -> None:
    sunrise = corridor(rules=LightRules(drive_lit=0.5))
    sunrise.lit[:4] = 0
    plan = plan_of(sunrise)
    assert plan.departs_s == pytest.approx(4 * 3600.0)
    assert plan.waits[0].reason == "sun"
    seen = np.ones((30, 3, 24), dtype=np.bool_)
    seen[1:7] = False
    plan = plan_of(corridor(rules=LightRules(drive_link=True))._replace(earth=np.packbits(seen, axis=2)))
    (wait,) = plan.waits
    assert wait.reason == "link"
    assert wait.end_s == pytest.approx(7 * 3600.0)


def test_stands_the_night_only_in_a_haven() -> None:
    rules = LightRules(drive_lit=0.5, dark_wait_h=3.0)
    problem = corridor(rules=rules)
    problem.lit[1:8] = 0  # a night of seven hours ...
    problem.lit[:, :, 8] = 255  # ... but not in this column, nor for long in the next
    problem.lit[2:8, :, 9] = 255
    plan = plan_of(problem)
    night = [wait for wait in plan.waits if wait.end_s > 2 * 3600.0]
    assert {wait.cell[1] for wait in night} <= {8, 9}
    only = corridor(rules=rules._replace(havens=np.zeros((3, 24), dtype=np.bool_)))
    only.lit[1:8] = 0
    with pytest.raises(NoLitWindow, match="any night anywhere"):
        plan_light(only, (1, 0), (1, 23))


def test_arrives_with_enough_to_stay() -> None:
    dark_end = corridor(lit=0)
    dark_end.lit[:, :, :2] = 255
    assert plan_of(dark_end).arrival_s == pytest.approx(23 * 360.0)
    with pytest.raises(OutOfEnergy):
        plan_of(dark_end._replace(rules=LightRules(stay_h=5.0)))
    dark_end.lit[10:] = 255  # the Sun comes: later, but then it can stay
    late = plan_of(dark_end._replace(rules=LightRules(stay_h=5.0)))
    assert late.arrival_s > 23 * 360.0
    full = plan_of(dark_end._replace(rules=LightRules(arrive_wh=700.0)))
    assert full.battery_wh[-1] >= 900.0 - 1e-6


def test_failures_say_what_would_help() -> None:
    problem = corridor()
    problem.pace_s_m[:, 12] = np.inf
    with pytest.raises(NoRoute, match="impassable"):
        plan_of(problem)
    with pytest.raises(StartBlocked, match="nearest passable cell"):
        plan_light(problem, (1, 12), (1, 0))
    with pytest.raises(StartBlocked, match="not on the map"):
        plan_light(problem, (3, 0), (1, 0))
    with pytest.raises(GoalBlocked, match="nearest passable cell"):
        plan_light(problem, (1, 0), (1, 12))
    with pytest.raises(GoalOutside, match=r"rows are 0\.\.2"):
        plan_light(problem, (1, 0), (-1, 0))
    with pytest.raises(OutOfEnergy, match="100 Wh less than the reserve"):
        plan_light(problem, (1, 0), (1, 0), 100.0)
    with pytest.raises(NoLitWindow, match=r"the drive alone takes 2\.3 h"):
        plan_of(corridor(hours=2))
    dark = corridor(hours=10, rules=LightRules(drive_lit=0.5))
    dark.lit[:9] = 0
    with pytest.raises(NoLitWindow, match="first opens 9 h from now for 1 h; if it might drive without sunlight"):
        plan_light(dark, (1, 0), (1, 23))
    with pytest.raises(OutOfEnergy, match=r"a battery that held \d+ Wh more .* would do"):
        plan_of(corridor(lit=0, cells=40))
    with pytest.raises(OutOfEnergy, match="even 4 times"):
        plan_of(corridor(lit=0, cells=240))


def test_more_battery_that_is_asked_for_does() -> None:
    problem = corridor(lit=0, cells=40)
    with pytest.raises(OutOfEnergy) as error:
        plan_of(problem)
    more = float(str(error.value).split(" Wh more")[0].rsplit(" ", 1)[1])
    larger = problem._replace(power=POWER._replace(capacity_wh=POWER.capacity_wh + more + 1.0))
    plan_of(larger)


def test_problems_that_do_not_fit_together_are_refused() -> None:
    good = corridor()
    for bad, said in (
        (good._replace(lit=good.lit[:, :2]), "lit:"),
        (good._replace(rules=LightRules(drive_link=True)), "needs earth"),
        (good._replace(earth=np.zeros((30, 3, 24), dtype=np.uint8)), "earth:"),
        (good._replace(power=POWER._replace(reserve_wh=2000.0)), "reserve"),
        (good._replace(power=POWER._replace(wait_w=-SHARE)), "power.wait_w"),
        (good._replace(cell_m=float("nan")), "cell_m"),
        (good._replace(quanta=0), "quanta"),
        (good._replace(pace_s_m=-good.pace_s_m), "pace_s_m"),
        (good._replace(rules=LightRules(havens=np.ones((2, 2), dtype=np.bool_))), "rules.havens"),
    ):
        with pytest.raises(CostError, match=said):
            plan_light(bad, (1, 0), (1, 5))


def test_can_be_stopped() -> None:
    with pytest.raises(PlanInterrupted):
        plan_light(corridor(), (1, 0), (1, 23), stop=lambda: True)


def test_start_is_goal() -> None:
    plan = plan_light(corridor(), (1, 4), (1, 4))
    assert plan.arrival_s == 0.0 and plan.legs == () and plan.waits == ()


def rough_world(seed: int) -> tuple[LightProblem, tuple[int, int], tuple[int, int]]:
    """48 x 48 cells, 80 h, light that goes round."""
    rng = stream(seed, "rough light world")
    rows = cols = 48
    pace = rng.uniform(10.0, 40.0, (rows, cols)).astype(np.float32)
    pace[rng.random((rows, cols)) < 0.1] = np.inf
    pace[0, 0] = pace[-1, -1] = 10.0
    phase = rng.uniform(0.0, 6.0, (rows // 8, cols // 8)).repeat(8, 0).repeat(8, 1)
    hour = np.arange(80)[:, None, None]
    lit = np.clip(255 * (0.5 + np.sin(hour / 6.0 + phase)), 0, 255).astype(np.uint8)
    power = LightPower(300.0 * SHARE - 50.0, 300.0 * SHARE - 150.0, 2000.0, 200.0)
    return LightProblem(pace, 40.0, lit, power), (0, 0), (rows - 1, cols - 1)


def test_same_question_same_bytes_and_the_plan_holds() -> None:
    problem, start, goal = rough_world(1)
    plan, again = plan_light(problem, start, goal, 1500.0), plan_light(problem, start, goal, 1500.0)
    for one, other in zip(plan, again, strict=True):
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
    found = check_light_plan(problem, plan.times_s, plan.cells, 1500.0)
    assert found.faults == ()
    assert np.allclose(found.battery_wh, plan.battery_wh)
    assert plan.driving_s + plan.waiting_s == pytest.approx(plan.arrival_s)


def test_way_back_does_not_depend_on_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, start, goal = rough_world(2)
    often = plan_light(problem, start, goal)
    monkeypatch.setattr("moonfleet.autonomy.lightplan_forward.KEPT_BYTES", 3_000_000)
    seldom = plan_light(problem, start, goal)
    assert np.array_equal(often.times_s, seldom.times_s)
    assert np.array_equal(often.cells, seldom.cells)


def test_check_finds_what_is_wrong() -> None:
    problem = corridor(lit=0)
    plan = plan_of(problem)
    assert "reserve is touched" in check_light_plan(problem, plan.times_s, plan.cells, 500.0).faults[0]
    too_fast = plan.times_s.copy()
    too_fast[5:] -= 360.0
    assert "out of order" in check_light_plan(problem, too_fast, plan.cells, 1000.0).faults[0]
    jump = np.delete(plan.cells, 3, axis=0)
    assert "are needed" in check_light_plan(problem, np.delete(plan.times_s, 3), jump, 1000.0).faults[0]
    strict = problem._replace(rules=LightRules(drive_lit=0.5))
    assert "drives without sun" in check_light_plan(strict, plan.times_s, plan.cells, 1000.0).faults[0]


def test_a_late_machine_gives_up_waiting_first() -> None:
    problem = corridor(rules=LightRules(drive_lit=0.5))
    problem.lit[:4] = 0
    plan = plan_of(problem)
    times, cells = begun_late(plan.times_s, plan.cells, 0, 2 * 3600.0, plan.tick_s)
    assert times[-1] == pytest.approx(plan.arrival_s)
    times, cells = begun_late(plan.times_s, plan.cells, 0, 6 * 3600.0, plan.tick_s)
    assert times[-1] == pytest.approx(plan.arrival_s + 2 * 3600.0)
    assert check_light_plan(problem, times, cells, 1000.0).faults == ()


def test_ticks_round_up_but_not_far() -> None:
    pace = np.full((4, 4), 10.0, dtype=np.float32)
    assert ticks_per_step(pace, 36.0, 3600.0) == 20  # sides of 360 s, corners of 509 s
    sides, corners = crossing_ticks(pace, 36.0, 180.0)
    assert (sides == 2.0).all() and (corners == 3.0).all()


def test_cells_slower_than_a_step_are_shut_and_told() -> None:
    problem = corridor()
    problem.pace_s_m[:, 12] = 200.0
    with pytest.raises(NoRoute, match="3 cells are shut only because"):
        plan_of(problem)
