"""Earthworks: no soil is lost or made whatever a crew does, and the kernels do what the plain words say."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moonfleet.agents import earth_crew as crew
from moonfleet.agents import soil_layers as fast
from moonfleet.agents.catalogue import robot_spec
from moonfleet.agents.earthworks import Earthworks
from tests import plain_soil as plain

CELLS = 6
KINDS = ("excavator", "grader", "paver")


def ground(seed: int, rough_m: float) -> tuple[fast.Soil, fast.Grid]:
    """Return a small ground of all kinds of cells, and goals for some."""
    rng = np.random.Generator(np.random.PCG64(seed))
    shape = (CELLS, CELLS)
    soil = np.zeros((4, *shape))
    soil[fast.FIRM] = 1740.0 * (2.0 + rough_m * rng.random(shape))
    soil[fast.LOOSE] = 300.0 * rng.random(shape) * (rng.random(shape) < 0.5)
    baked = rng.random(shape) < 0.15
    soil[fast.SLAB][baked], soil[fast.UNDER][baked] = 20.0, 50.0
    goal = np.where(rng.random(shape) < 0.6, 2.0 + 0.5 * rough_m, fast.NO_GOAL)
    return soil, goal


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    rough_m=st.floats(0.0, 1.0),
    row=st.integers(0, CELLS - 1),
    col=st.integers(0, CELLS - 1),
    budget=st.floats(0.0, 2000.0),
)
def test_a_push_is_the_plain_one(seed: int, rough_m: float, row: int, col: int, budget: float) -> None:
    soil, goal = ground(seed, rough_m)
    slow = soil.copy()
    moved = fast.push(soil, goal, row, col, 1.0, budget)
    assert np.isclose(moved, plain.push(slow, goal, row, col, 1.0, budget), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(soil, slow, rtol=1e-9, atol=1e-6)
    assert moved <= budget * (1.0 + 1e-12)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    rough_m=st.floats(0.0, 1.0),
    row=st.integers(0, CELLS - 1),
    col=st.integers(0, CELLS - 1),
    heap=st.floats(0.0, 8000.0),
)
def test_a_heap_slides_to_the_angle_of_repose_and_keeps_its_mass(
    seed: int, rough_m: float, row: int, col: int, heap: float
) -> None:
    soil, _ = ground(seed, rough_m)
    for r in range(CELLS):  # come to rest everywhere first
        for c in range(CELLS):
            fast.slide(soil, r, c, 1.0)
    soil[fast.LOOSE, row, col] += heap
    before = soil.sum()
    sweeps = fast.slide(soil, row, col, 1.0)
    assert sweeps < fast.SWEEPS
    assert plain.steepest_slide(soil, 1.0) <= 1.01 * fast.SLACK_M
    assert np.isclose(soil.sum(), before, rtol=1e-12)
    assert soil.min() >= 0.0


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 40))
def test_whatever_a_crew_does_no_soil_is_lost(seed: int, steps: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    works = Earthworks([robot_spec(kind) for kind in KINDS], worlds=2, cells=CELLS)
    soil, goal = ground(seed, 0.5)
    height = soil[fast.FIRM] / 1740.0
    goals = np.where(goal > fast.NO_GOAL, height.mean(), fast.NO_GOAL)
    works.begin([0, 1], np.stack([height, height.T]), np.stack([goals, goals]), np.zeros((2, 2)))
    active, present = np.ones(2, np.bool_), np.ones((2, len(KINDS)), np.bool_)
    most = np.full((2, len(KINDS)), 1e300)
    for _ in range(steps):
        works.at[...] = rng.integers(0, CELLS, works.at.shape)
        works.to[...] = works.at
        works.task[...] = rng.integers(crew.DIG, crew.SINTER + 1, works.task.shape)
        crew.plan_work(
            works.soil, works.goal_m, works.load_kg, works.at, present, works.task, works.to, most, works.machines,
            600.0, 1.0, active, works.kg, works.power_w, 0, 2,
        )  # fmt: skip
        share = rng.random(works.kg.shape)
        crew.carry_out(
            works.soil, works.goal_m, works.load_kg, works.at, works.task, works.kg, share, works.machines, 1.0, active,
            works.done_kg, 0, 2,
        )  # fmt: skip
        assert works.soil.min() >= 0.0
        assert works.load_kg.min() >= 0.0
        assert (works.load_kg <= works.machines[:, crew.ROOM] + 1e-9).all()
        assert (works.done_kg <= works.kg * share + 1e-9).all()
        tools = works.machines[:, crew.DIG_W : crew.SINTER_W + 1].max(axis=1)
        assert (works.power_w <= tools + 1e-9).all()
    np.testing.assert_allclose(works.audit_kg(), 0.0, atol=1e-9 * works.start_kg.max())
