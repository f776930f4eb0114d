"""Keep-out zones answer for lines, points and many segments at once."""

from __future__ import annotations

import numpy as np
import shapely

from moonfleet.autonomy.zones import Zones


def test_lines_points_and_segments_agree_with_each_polygon() -> None:
    rng = np.random.default_rng(2)
    polygons = [
        shapely.Point(*xy).buffer(r) for xy, r in zip(rng.uniform(-50, 50, (40, 2)), rng.uniform(1, 6, 40), strict=True)
    ]
    zones = Zones(polygons)
    starts, ends = rng.uniform(-60, 60, (50, 2)), rng.uniform(-60, 60, (50, 2))
    blocked = zones.segments(starts, ends)
    for a, b, answer in zip(starts, ends, blocked, strict=True):
        expected = [i for i, p in enumerate(polygons) if p.intersects(shapely.LineString([a, b]))]
        assert zones.hits(np.stack([a, b])).tolist() == expected
        assert bool(answer) == bool(expected) == zones.blocks(np.stack([a, b]))
    assert zones.inside(starts).tolist() == [any(p.intersects(shapely.Point(a)) for p in polygons) for a in starts]


def test_touching_the_rim_counts_and_a_line_of_one_point_is_a_point() -> None:
    zones = Zones([shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 1), shapely.box(9, 9, 10, 10)])
    assert zones.blocks(np.array([[-1.0, 2.0], [5.0, 2.0]]))
    assert zones.blocks(np.array([[1.0, 1.0]]))
    assert zones.blocks(np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert zones.touching([0]).tolist() == [0, 1]


def test_no_zones_block_nothing() -> None:
    zones = Zones([])
    assert len(zones) == 0
    assert not zones.blocks(np.zeros((2, 2)))
    assert not zones.inside(np.zeros((3, 2))).any()
    assert not zones.segments(np.zeros((3, 2)), np.ones((3, 2))).any()
