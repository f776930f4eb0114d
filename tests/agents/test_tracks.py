"""What a body swept over the true ground."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.tracks import driven, rocks_touched

LEG = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 5.0]])


class Rocks:
    """Stands in for the local ground: one list of rocks, whatever window asks."""

    def __init__(self, *rocks: tuple[float, float, float, float]) -> None:
        self.all = np.array(rocks, dtype=np.float64).reshape(-1, 4)

    def rocks(self, xmin: float, ymin: float, xmax: float, ymax: float) -> np.ndarray:
        x, y = self.all[:, 0], self.all[:, 1]
        return self.all[(x >= xmin) & (x <= xmax) & (y >= ymin) & (y <= ymax)]


@pytest.mark.parametrize(
    ("way", "end"), [(0.0, (0, 0)), (4.0, (4, 0)), (10.0, (10, 0)), (12.5, (10, 2.5)), (99, (10, 5))]
)
def test_a_leg_is_cut_where_the_odometer_says(way: float, end: tuple[float, float]) -> None:
    path, rest = driven(LEG, way)
    assert path[-1] == pytest.approx(end)
    assert rest[0] == pytest.approx(end)
    length = np.hypot(*np.diff(path, axis=0).T).sum() + np.hypot(*np.diff(rest, axis=0).T).sum()
    assert length == pytest.approx(15.0)


def test_a_rock_under_the_body_is_touched_and_one_beside_it_is_not() -> None:
    ground = Rocks((5.0, 0.9, 0.4, 0.3), (5.0, -1.4, 0.4, 0.3), (7.0, 0.2, 0.3, 0.1))
    hit = rocks_touched(ground, driven(LEG, 10.0)[0], half_width_m=0.8, climbs_m=0.2)  # type: ignore[arg-type]
    assert hit == [(5.0, 0.9, 0.3)]


def test_a_rock_beyond_the_end_of_the_drive_is_not_touched() -> None:
    ground = Rocks((10.0, 4.0, 0.4, 0.3))
    assert rocks_touched(ground, driven(LEG, 11.0)[0], 0.8, 0.2) == []  # type: ignore[arg-type]
    assert len(rocks_touched(ground, driven(LEG, 14.0)[0], 0.8, 0.2)) == 1  # type: ignore[arg-type]
