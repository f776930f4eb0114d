"""Smooth surfaces on lattices."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.terrain.grid import GeoRef
from moonfleet.terrain.lattice import (
    SPREAD,
    Window,
    draw,
    draw_lattice,
    lattice_noise,
    lattice_values,
    subdivided,
    summed,
    unit_nodes,
)

REF = GeoRef(-700.0, 900.0, 10.0, 60, 60)


def test_noise_is_tied_to_the_world() -> None:
    a = lattice_noise(1, "test", REF, 40.0)
    b = lattice_noise(1, "test", GeoRef(-600.0, 800.0, 10.0, 30, 30), 40.0)
    np.testing.assert_allclose(b, a[10:40, 10:40], atol=1e-9)
    assert a.std() == pytest.approx(SPREAD, rel=0.4)


def test_points_are_met_or_means_are_kept() -> None:
    points = np.random.default_rng(1).normal(size=(6, 7))
    met = np.zeros((6, 7))
    draw(met, points, 0.0, 0.0, 1.0, through=True)
    np.testing.assert_allclose(met, points, atol=1e-12)
    level = np.ones((20, 20))
    draw(level, np.full((5, 5), 3.0), -2.0, -2.0, 0.37)
    np.testing.assert_allclose(level, 4.0, atol=1e-12)  # it adds


def test_a_subdivided_lattice_draws_the_same_surface() -> None:
    fine = Window.around(REF, 40.0)
    coarse = fine.coarser()
    nodes = unit_nodes(1, "test", 80.0, coarse)
    a, b = np.zeros(REF.shape), np.zeros(REF.shape)
    draw_lattice(a, REF, nodes, coarse, 80.0)
    draw_lattice(b, REF, subdivided(nodes, fine), fine, 40.0)
    np.testing.assert_allclose(a, b, atol=1e-12)


def test_levels_sum_up() -> None:
    levels = [(160.0, 3.0), (80.0, 0.0), (40.0, 0.5)]
    window = Window.around(REF, 40.0)
    out = np.zeros(REF.shape)
    draw_lattice(out, REF, summed(1, "test", levels, window), window, 40.0)
    apart = sum(a * lattice_noise(1, "test", REF, h) for h, a in levels)
    np.testing.assert_allclose(out, apart, atol=1e-12)


def test_a_gain_of_two_doubles_everything() -> None:
    levels = [(80.0, 3.0), (40.0, 0.5)]
    window = Window.around(REF, 40.0)

    def gain(spacing: float, at: Window) -> np.ndarray:
        assert spacing == 80.0
        return np.full((at.j1 - at.j0 + 1, at.i1 - at.i0 + 1), 2.0)

    np.testing.assert_allclose(
        summed(1, "test", levels, window, gain), 2.0 * summed(1, "test", levels, window), atol=1e-12
    )


def test_values_at_points_are_those_of_the_surface() -> None:
    window = Window(-4, 7, 3, 9)
    values = lattice_values(1, "test", 100.0, window, 30.0)
    assert values.shape == (7, 12)
    one = GeoRef(5.0 * 30.0 - 0.5, 4.0 * 30.0 + 0.5, 1.0, 1, 1)  # the point (5, 4)
    assert values[1, 9] == pytest.approx(lattice_noise(1, "test", one, 100.0)[0, 0])


def test_threads_do_not_change_a_byte() -> None:
    ref = GeoRef(0.0, 4_000.0, 10.0, 400, 50)
    window = Window.around(ref, 40.0)
    nodes = unit_nodes(1, "test", 40.0, window)
    made = [np.zeros(ref.shape) for _ in range(2)]
    for out, threads in zip(made, (1, 3), strict=True):
        draw_lattice(out, ref, nodes, window, 40.0, threads)
    assert made[0].tobytes() == made[1].tobytes()
