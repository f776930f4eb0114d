"""Machines in a work area: what a bucket, a blade and a sinterer do, what it costs them, and where they may go."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents import earth_crew as crew
from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.earthworks import NO_GOAL, Earthworks
from moonfleet.agents.errors import WorldError
from moonfleet.agents.regolith import FIRM_KG_M3, LOOSE_KG_M3, SINTER_J_KG
from moonfleet.agents.soil_layers import LOOSE, SLAB
from moonfleet.agents.state import Activity
from moonfleet.agents.world import World
from moonfleet.terrain.clock import utc_to_tdb
from moonfleet.terrain.site import Site

CELLS = 8
ACTIVE = np.ones(1, np.bool_)


class Yard:
    """One world with a work area in the middle of a site; machines stand in row 1."""

    def __init__(
        self, site: Site, kinds: list[str], goal_m: float = NO_GOAL, height: float = 0.0, faults: bool = False
    ) -> None:
        specs = [robot_spec(kind) for kind in kinds]
        self.works = Earthworks(specs, worlds=1, cells=CELLS)
        x, y = site.ref.centre
        corner = np.array([[x - 0.5 * CELLS, y + 0.5 * CELLS]])
        goal = np.full((1, CELLS, CELLS), NO_GOAL)
        goal[0, 3:6, 3:6] = goal_m
        self.works.begin([0], np.full((1, CELLS, CELLS), height), goal, corner)
        self.start = np.array([[1, 1 + r] for r in range(len(kinds))], np.int64)
        spots = self.works.xy_of(np.zeros(len(kinds), np.int64), self.start)
        t0 = utc_to_tdb("2029-01-01T00:00:00")
        self.world = World(site, specs, spots, t0, tick_s=300.0, faults=faults)
        self.works.find(self.world)

    def do(self, *tasks: int, to: list[tuple[int, int]] | None = None, most: float = 1e300) -> None:
        """Let the crew carry out one task each."""
        count = len(tasks)
        cells = np.array([to or self.works.at[0].tolist()], np.int64)
        self.works.order(self.world, np.array([tasks]), cells, np.full((1, count), most), ACTIVE)
        self.world.tick(self.works.ticks)
        self.works.settle(self.world, ACTIVE)
        self.works.find(self.world)

    def height(self, row: int, col: int) -> float:
        return float(self.works.heights()[0, row, col])


def test_a_bucket_takes_its_mass_out_of_the_ground(small_site: Site) -> None:
    yard = Yard(small_site, ["excavator"])
    yard.do(crew.DIG)
    assert yard.works.load_kg[0, 0] == pytest.approx(80.0)
    assert yard.height(1, 1) == pytest.approx(-80.0 / FIRM_KG_M3)  # 46 litres off one square metre
    yard.do(crew.DUMP)
    assert yard.works.load_kg[0, 0] == pytest.approx(0.0)
    swell = 80.0 / LOOSE_KG_M3 - 80.0 / FIRM_KG_M3
    assert yard.height(1, 1) == pytest.approx(swell)  # it lies looser than before
    assert yard.works.audit_kg()[0] == pytest.approx(0.0, abs=1e-8)


def test_a_full_bucket_takes_no_more(small_site: Site) -> None:
    yard = Yard(small_site, ["excavator"])
    yard.do(crew.DIG)
    yard.do(crew.DIG)
    assert yard.works.task[0, 0] == crew.REST
    assert yard.works.load_kg[0, 0] == pytest.approx(80.0)


def test_no_machine_digs_itself_in(small_site: Site) -> None:
    yard = Yard(small_site, ["excavator"])
    for _ in range(20):
        yard.do(crew.DIG)
        yard.works.load_kg[0, 0] = 0.0
    step = np.tan(np.radians(robot_spec("excavator").max_slope_deg))
    assert -step < yard.height(1, 1) < -0.5 * step
    yard.do(crew.GO, to=[(1, 4)])
    assert yard.works.at[0, 0].tolist() == [1, 4]


def test_design_guides_the_edge_and_the_fill(small_site: Site) -> None:
    cut, fill = Yard(small_site, ["excavator"], goal_m=-0.02), Yard(small_site, ["excavator"], goal_m=0.03)
    for yard in (cut, fill):
        if yard is fill:
            yard.do(crew.DIG)
        yard.do(crew.GO, to=[(3, 3)])
    cut.do(crew.DIG)
    assert cut.height(3, 3) == pytest.approx(-0.02)
    fill.do(crew.DUMP)
    assert fill.height(3, 3) == pytest.approx(0.03)
    assert fill.works.load_kg[0, 0] == pytest.approx(80.0 - 0.03 * LOOSE_KG_M3)


def test_a_kilogram_sintered_takes_0_47_kwh_of_the_battery(small_site: Site) -> None:
    yard = Yard(small_site, ["paver"])
    idle, work = Yard(small_site, ["paver"]), yard
    idle.do(crew.REST)
    work.do(crew.SINTER)
    baked = float(work.works.soil[0, SLAB, 1, 1])
    assert baked == pytest.approx(5000.0 * 600.0 / SINTER_J_KG)  # 1.8 kg in ten minutes
    used = work.world.state.energy_out_wh[0, 0] - idle.world.state.energy_out_wh[0, 0]
    assert used * 3600.0 / baked == pytest.approx(SINTER_J_KG, rel=0.02)
    assert work.works.baked_kg[0, 0] == baked


def test_a_flat_battery_works_no_further(small_site: Site) -> None:
    yard = Yard(small_site, ["paver"])
    spot = yard.works.xy_of(np.zeros(1, np.int64), yard.start)
    yard.world.reset(0, t0=utc_to_tdb("2029-07-01T00:00:00"), start_xy=spot, battery_frac=0.3)  # polar night
    for _ in range(12):
        yard.do(crew.SINTER)
    assert yard.world.state.lit[0, 0] == 0.0
    assert yard.world.state.brownouts[0, 0] > 0
    assert 0.0 < yard.works.baked_kg[0, 0] <= yard.world.state.energy_out_wh[0, 0] * 3600.0 / SINTER_J_KG


def test_a_blade_fills_low_from_high_and_costs_energy(small_site: Site) -> None:
    yard = Yard(small_site, ["grader"], goal_m=0.0)
    yard.works.soil[0, 0, 3, 3] -= 0.03 * FIRM_KG_M3
    yard.works.soil[0, LOOSE, 4, 4] += 0.03 * FIRM_KG_M3
    yard.do(crew.GO, to=[(4, 4)])
    yard.do(crew.LEVEL)
    off = yard.works.heights()[0, 3:6, 3:6]
    assert abs(off).max() < 0.01
    assert yard.works.audit_kg()[0] == pytest.approx(0.0, abs=1e-8)
    assert 0.0 < yard.works.power_w[0, 0] < 260.0


def test_loose_soil_does_not_stay_on_a_slab(small_site: Site) -> None:
    yard = Yard(small_site, ["grader"], goal_m=0.0)
    yard.works.soil[0, SLAB, 4, 4] = 9.0
    yard.works.soil[0, LOOSE, 4, 4] = 40.0
    yard.do(crew.GO, to=[(3, 3)])
    yard.do(crew.LEVEL)
    assert yard.works.soil[0, LOOSE, 4, 4] == pytest.approx(0.0, abs=1e-9)


def test_a_cell_has_room_for_one_machine(small_site: Site) -> None:
    yard = Yard(small_site, ["grader", "grader", "excavator"])
    yard.do(crew.GO, crew.GO, crew.REST, to=[(4, 4), (4, 4), (1, 3)])
    cells = {tuple(cell) for cell in yard.works.at[0].tolist()}
    assert len(cells) == 3
    assert yard.works.at[0, 0].tolist() == [4, 4]
    yard.do(crew.REST, crew.REST, crew.GO, to=[(4, 4), (1, 2), (4, 4)])
    assert len({tuple(cell) for cell in yard.works.at[0].tolist()}) == 3


def test_a_wall_stops_a_machine(small_site: Site) -> None:
    yard = Yard(small_site, ["excavator"])
    yard.works.soil[0, 0, 3, :] += 0.6 * FIRM_KG_M3
    yard.do(crew.GO, to=[(6, 1)])
    assert yard.works.at[0, 0].tolist() == [2, 1]
    yard.do(crew.GO, to=[(6, 1)])
    assert yard.works.task[0, 0] == crew.REST


def test_a_lost_machine_does_nothing_and_stays_in_the_way(small_site: Site) -> None:
    yard = Yard(small_site, ["excavator", "grader"])
    yard.world.state.activity[0, 0] = Activity.LOST
    yard.world.state.loss[0, 0] = 1
    yard.do(crew.DIG, crew.GO, to=[(1, 1), (1, 1)])
    assert yard.works.load_kg[0, 0] == 0.0
    assert yard.works.at[0, 1].tolist() != [1, 1]


def test_what_lacks_a_tool_rests(small_site: Site) -> None:
    yard = Yard(small_site, ["grader", "paver"])
    for task in (crew.DIG, crew.DUMP, crew.SINTER):
        yard.do(task, crew.LEVEL)
        assert yard.works.task[0].tolist() == [crew.REST, crew.REST]


def test_state_goes_round_and_nonsense_is_refused(small_site: Site) -> None:
    yard = Yard(small_site, ["excavator"])
    yard.do(crew.DIG)
    saved = yard.works.get_world(0)
    other = Yard(small_site, ["excavator"], height=5.0)
    other.works.set_world(0, saved)
    np.testing.assert_array_equal(other.works.soil, yard.works.soil)
    for name, wrong in (
        ("soil", np.negative(saved["soil"])),
        ("load_kg", np.array([np.nan])),
        ("goal_m", saved["goal_m"][1:]),
    ):
        with pytest.raises(WorldError, match=name):
            other.works.set_world(0, {**saved, name: wrong})
    np.testing.assert_array_equal(other.works.soil, yard.works.soil)


def test_a_step_is_whole_ticks() -> None:
    with pytest.raises(WorldError, match="whole number of ticks"):
        Earthworks([robot_spec("excavator")], worlds=1, step_s=600.0, tick_s=400.0)
