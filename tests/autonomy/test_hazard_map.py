"""The map of hazards: what orbit tells, what looks take from it, what drift gives back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonfleet.autonomy.errors import SavedStateError
from moonfleet.autonomy.eyesight import Look
from moonfleet.autonomy.hazard_map import CELL_M, hazards_per_m2, prior_of
from tests.hazard_maps import NONE, STEP_M, hazard_map, look_at, rock


def test_before_any_look_the_map_says_what_orbit_says() -> None:
    known = hazard_map(cover=0.05)
    expected = known.unseen(-5.0, -5.0, 20, 20)
    np.testing.assert_allclose(expected, hazards_per_m2(0.05, STEP_M) * CELL_M**2, rtol=0.01)
    assert hazards_per_m2(0.0, STEP_M) == 0.0
    prior = prior_of(0.05, STEP_M)
    assert prior.share.sum() == pytest.approx(1.0)
    assert (prior.height_m > STEP_M).all()
    assert 0.15 < prior.radius_m < 0.5


def test_an_empty_look_leaves_what_the_eye_may_have_missed_and_only_where_it_looked() -> None:
    known = hazard_map(p_miss=0.1)
    before = known.unseen(-10.0, -10.0, 40, 40)
    known.add(look_at(0.0, 0.0, 10.0), (0.0, -6.0))
    after = known.unseen(-10.0, -10.0, 40, 40)
    inside = (slice(11, 29), slice(11, 29))
    np.testing.assert_allclose(after[inside], 0.1 * before[inside], rtol=0.01)
    np.testing.assert_array_equal(after[:9], before[:9])
    known.add(look_at(0.0, 0.0, 10.0), (0.0, -6.0))
    np.testing.assert_allclose(known.unseen(-10.0, -10.0, 40, 40)[inside], 0.1**1.5 * before[inside], rtol=0.01)


def test_hidden_ground_stays_as_likely_as_it_was() -> None:
    known = hazard_map()
    look = look_at(0.0, 0.0, 10.0)
    seen = look.views[0].seen.copy()
    seen[:, 20:] = False
    known.add(Look(NONE, (look.views[0]._replace(seen=seen),)), (0.0, -6.0))
    cells = known.unseen(-5.0, -5.0, 20, 20)
    assert (cells[:, 11:] > 5.0 * cells[:, :9]).all()


def test_what_was_seen_long_ago_counts_less() -> None:
    known = hazard_map(drift=0.02)
    known.add(look_at(0.0, 0.0, 10.0), (0.0, -6.0))
    chance: list[float] = []
    for odometer in (0.0, 10.0, 30.0, 100.0):
        known.belief.odometer_m = odometer
        chance.append(float(known.unseen(0.0, 0.0, 1, 1)[0, 0]))
    assert chance == sorted(chance)
    assert chance[-1] == pytest.approx(float(hazard_map().unseen(0.0, 0.0, 1, 1)[0, 0]), rel=0.01)


def test_a_rock_seen_stands_out_and_spreads_as_the_robot_drives_on() -> None:
    known = hazard_map()
    look = look_at(0.0, 0.0, 10.0, rock(1.25, 2.25, 0.4, 0.7))
    known.belief.add(look.rocks)
    known.add(look, (0.0, -6.0))
    sharp = known.chance(-4.0, -4.0, 16, 16)
    row, col = np.unravel_index(int(sharp.argmax()), sharp.shape)
    assert (-4.0 + CELL_M * (col + 0.5), -4.0 + CELL_M * (row + 0.5)) == (1.25, 2.25)
    assert sharp.max() > 0.8
    assert np.median(sharp) < 0.01
    known.belief.odometer_m = 40.0
    blurred = known.chance(-4.0, -4.0, 16, 16)
    assert blurred.max() < 0.6 * sharp.max()


def test_ground_beside_a_seen_rock_holds_no_unseen_one_until_its_place_is_forgotten() -> None:
    known = hazard_map(cover=0.05)
    before = known.unseen(-4.0, -4.0, 16, 16)
    known.belief.add(rock(0.25, 0.25, 0.15, 0.4, confidence=0.95))
    after = known.unseen(-4.0, -4.0, 16, 16)
    assert after[8, 8] < 0.2 * before[8, 8]
    far = np.hypot(*np.meshgrid(np.arange(16) - 8, np.arange(16) - 8)) > 2.0
    np.testing.assert_array_equal(after[far], before[far])
    known.belief.odometer_m = 400.0
    np.testing.assert_allclose(known.unseen(-4.0, -4.0, 16, 16), before, rtol=1e-6)


def test_far_tiles_are_dropped_and_state_goes_through_plain_arrays() -> None:
    known = hazard_map()
    for x in np.arange(-80.0, 81.0, 8.0):
        known.add(look_at(float(x), 0.0, 12.0), (float(x), 0.0))
        known.forget(float(x), 0.0)
    arrays = known.to_arrays()
    assert sum(array.nbytes for array in arrays.values()) < 60_000
    centre = (np.asarray(arrays["tiles"]) + 0.5) * 8.0
    assert np.hypot(centre[:, 0] - 80.0, centre[:, 1]).max() <= 40.0
    twin = hazard_map()
    twin.take_up(arrays)
    for one in (known, twin):
        one.add(look_at(82.0, 1.0, 12.0), (80.0, 0.0))
    assert {k: v.tobytes() for k, v in known.to_arrays().items()} == {
        k: v.tobytes() for k, v in twin.to_arrays().items()
    }
    with pytest.raises(SavedStateError, match="'evidence' is missing"):
        twin.take_up({"tiles": np.zeros((0, 2))})
    with pytest.raises(SavedStateError, match="expected"):
        twin.take_up(arrays | {"looked_m": np.zeros(1)})


def test_the_order_of_cells_is_that_of_y_and_x() -> None:
    known = hazard_map()
    known.add(look_at(20.25, -3.75, 0.5), (20.0, -6.0))
    cells = known.evidence(16.0, -8.0, 16, 16)
    assert np.argwhere(cells > 0.0).tolist() == [[8, 8]]
    assert math.isclose(-8.0 + 8.5 * CELL_M, -3.75)
