"""What a robot believes of rocks: merged, counted, doubted, kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from moonfleet.autonomy.belief import Belief, Doubts
from moonfleet.autonomy.errors import SavedStateError
from moonfleet.autonomy.rocks_seen import Detections, round_rocks


def seen(*rocks: tuple[float, float, float, float]) -> Detections:
    table = np.array(rocks, dtype=float).reshape(-1, 4)
    return round_rocks(*table.T)


def test_two_views_of_one_rock_are_one_rock_with_more_confidence() -> None:
    belief = Belief()
    assert belief.add(seen((1.0, 2.0, 0.6, 0.8), (9.0, 9.0, 0.4, 0.6))).tolist() == [0, 1]
    assert belief.add(seen((1.3, 2.0, 0.8, 0.8))).tolist() == []
    assert len(belief) == 2
    assert belief.x[0] == pytest.approx(1.15)
    assert belief.diameter_m[0] == pytest.approx(0.7)
    assert belief.confidence[0] == pytest.approx(16.0 / 17.0)
    assert belief.count.tolist() == [2.0, 1.0]


def test_nearest_pairs_merge_first_and_each_rock_takes_one_detection() -> None:
    belief = Belief(merge_m=0.5)
    belief.add(seen((0.0, 0.0, 0.4, 0.9)))
    assert belief.add(seen((0.4, 0.0, 0.4, 0.9), (0.1, 0.0, 0.4, 0.9))).tolist() == [1]
    assert belief.x.tolist() == [pytest.approx(0.05), 0.4]


def test_many_rocks_outgrow_the_first_arrays_and_stay_in_order() -> None:
    belief = Belief()
    rng = np.random.default_rng(0)
    xy = rng.uniform(-500, 500, (1000, 2))
    for part in np.split(xy, 10):
        belief.add(round_rocks(part[:, 0], part[:, 1], np.full(100, 0.5), np.full(100, 0.9)))
    assert len(belief) > 950
    at = belief.near(10.0, -20.0, 100.0)
    gap = np.hypot(belief.x - 10.0, belief.y + 20.0) - 0.25
    assert at.tolist() == np.flatnonzero(gap <= 100.0).tolist()


def test_keepouts_hold_the_whole_circle_and_follow_new_knowledge() -> None:
    belief = Belief()
    belief.add(seen((0.0, 0.0, 2.0, 0.9), (3.0, 0.0, 0.2, 0.9), (6.0, 0.0, 1.0, 0.4), (90.0, 0.0, 1.0, 0.9)))
    (polygon,) = belief.keepouts_near(0.0, 0.0, 20.0, 0.5)  # too small, too doubtful, too far: no keep-out
    assert len(polygon.exterior.coords) == 17
    assert polygon.buffer(1e-9).covers(shapely.Point(0, 0).buffer(1.5, quad_segs=64))
    assert belief.keepouts_near(0.0, 0.0, 20.0, 1.0)[0].area > polygon.area
    belief.add(seen((0.4, 0.0, 2.0, 0.9)))
    assert belief.keepouts_near(0.0, 0.0, 20.0, 0.5)[0].centroid.x == pytest.approx(0.2)
    belief.doubt(np.array([0]), -9.0)
    assert belief.keepouts_near(0.0, 0.0, 20.0, 0.5) == []


def test_keepouts_grow_with_drift_until_the_rock_says_no_more_than_ground_never_seen() -> None:
    belief = Belief(0.5, 0.0, 0.3, Doubts(place_sigma_m=0.05, drift=0.01))
    belief.add(seen((0.0, 0.0, 1.0, 0.98), (20.0, 0.0, 1.0, 0.5)))
    areas = []
    for odometer_m in (0.0, 50.0, 100.0, 200.0, 400.0):
        belief.odometer_m = odometer_m
        areas.append([part.area for part in belief.keepouts_near(10.0, 0.0, 30.0, 0.5)])
    assert areas[0] == pytest.approx([math.pi * 1.1**2] * 2, rel=0.1)
    assert areas[0][0] < areas[1][0] < areas[2][0]
    assert areas[2][0] == pytest.approx(math.pi * 3.0**2, rel=0.15)  # 2 sigmas of 1 m
    assert all(len(part) == 2 for part in areas[:4])
    assert areas[3][1] < areas[3][0], "the less sure of a rock, the sooner its keep-out shrinks"
    assert len(areas[4]) == 1, "half a rock somewhere within 4 m is no more than the ground's own"
    belief.odometer_m = 700.0
    assert belief.keepouts_near(10.0, 0.0, 30.0, 0.5) == []


def test_state_goes_through_plain_arrays() -> None:
    belief = Belief(merge_m=0.7, min_diameter_m=0.3, min_confidence=0.6)
    belief.add(seen((0.0, 0.0, 2.0, 0.9), (5.0, 1.0, 1.0, 0.7)))
    twin = Belief.from_arrays(belief.to_arrays())
    for one in (belief, twin):
        one.add(seen((5.2, 1.0, 1.2, 0.7), (8.0, 8.0, 1.0, 0.9)))
    assert {k: v.tobytes() for k, v in belief.to_arrays().items()} == {
        k: v.tobytes() for k, v in twin.to_arrays().items()
    }
    assert [p.wkb for p in belief.keepouts_near(0, 0, 50, 0.5)] == [p.wkb for p in twin.keepouts_near(0, 0, 50, 0.5)]
    with pytest.raises(SavedStateError, match="'rocks' is missing"):
        Belief.from_arrays({"rules": np.zeros(3)})
    with pytest.raises(SavedStateError, match=r"\(7, n\)"):
        Belief.from_arrays({"rules": np.zeros(3), "rocks": np.zeros((2, 2))})


def test_an_empty_view_and_an_empty_belief() -> None:
    belief = Belief()
    assert belief.add(seen()).size == 0
    assert belief.keepouts_near(0.0, 0.0, math.inf, 1.0) == []
    with pytest.raises(ValueError, match="read-only"):
        belief.x[:] = 1.0


def test_the_chance_of_a_hazard_is_what_bayes_says_of_an_eye_that_keeps_to_the_middle() -> None:
    doubts = Doubts(step_m=0.2, height_sigma=0.15, height_bias=-0.25, height_slope=0.5, rarer=2.0)
    belief = Belief(0.1, 0.0, 0.3, doubts)
    told = np.array([0.11, 0.14, 0.17, 0.21])
    belief.add(round_rocks(2.0 * np.arange(4), np.zeros(4), 2.0 * told, np.full(4, 0.98)))
    high = np.exp(np.linspace(np.log(0.01), np.log(5.0), 20_001))
    mean = np.log(0.2) - 0.25 + 0.5 * np.log(high / 0.2)
    dense = high**-2.0 * np.exp(-0.5 * ((np.log(told)[:, None] - mean) / 0.15) ** 2)
    share = dense[:, high > 0.2].sum(axis=1) / dense.sum(axis=1)
    np.testing.assert_allclose(belief.hazard(np.arange(4)), 0.98 * share, rtol=0.01)
