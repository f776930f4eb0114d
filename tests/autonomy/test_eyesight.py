"""What a robot knows of its eyes: the tables shipped, read and interpolated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from moonfleet.autonomy.errors import ModelError
from moonfleet.autonomy.eyesight import LEAST_MISS, Eyesight, eyesight, eyesight_of, read_eyesight

TABLE: dict[str, object] = {
    "light_el_deg": [2.0, 6.0],
    "range_m": [4.0, 8.0, 12.0],
    "height_m": [0.1, 0.3],
    "p_seen": [[[0.2, 0.8], [0.3, 0.9], [0.1, 0.5]], [[0.4, 1.0], [0.5, 1.0], [0.2, 0.6]]],
    "false_per_m2": [[0.01, 0.02, 0.03], [0.0, 0.0, 0.01]],
    "place_sigma_m": [0.05, 0.1, 0.2],
    "size_sigma": 0.2,
    "confidence": 0.9,
}


def test_nodes_are_met_and_between_them_it_is_linear() -> None:
    eye = eyesight_of(TABLE)
    for i, light in enumerate(eye.light_el_deg):
        for k, far in enumerate(eye.range_m):
            np.testing.assert_allclose(eye.seen(eye.height_m, far, light), eye.p_seen[i, k])
    assert eye.seen(0.2, 6.0, 4.0) == pytest.approx(np.mean([0.2, 0.8, 0.3, 0.9, 0.4, 1.0, 0.5, 1.0]))
    assert eye.place(10.0) == pytest.approx(0.15)
    assert eye.false_alarms(6.0, 4.0) == pytest.approx(0.0075)
    np.testing.assert_allclose(eye.seen(np.array([0.0, 9.0]), 4.0, 2.0), [0.2, 0.8])  # flat beyond the ends


def test_arguments_broadcast_and_no_eye_is_believed_perfect() -> None:
    eye = eyesight_of(TABLE)
    miss = eye.p_miss(np.array([0.1, 0.3])[:, None], np.array([4.0, 8.0, 12.0]), 6.0)
    assert miss.shape == (2, 3)
    np.testing.assert_allclose(miss[0], [0.6, 0.5, 0.8])
    assert miss[1, 0] == LEAST_MISS


def test_how_heights_are_told_may_go_by_light_and_range() -> None:
    one = eyesight_of(TABLE | {"height_bias": -0.2, "height_slope": 0.5, "height_sigma": 0.1})
    assert one.heights(6.0, 4.0).told_over_true(0.2) == pytest.approx(-0.2)
    assert one.heights(6.0, 4.0).told_over_true(0.4) == pytest.approx(-0.2 - 0.5 * np.log(2.0))
    many = eyesight_of(TABLE | {"height_sigma": [[0.1, 0.2, 0.3], [0.3, 0.4, 0.5]]})
    np.testing.assert_allclose(many.heights(np.array([4.0, 6.0, 20.0]), 4.0).sigma, [0.2, 0.25, 0.4])
    assert many.heights(6.0, 4.0).slope == 1.0
    with pytest.raises(ModelError, match="height_slope must be one number"):
        eyesight_of(TABLE | {"height_slope": [0.5, 0.6]})


def test_an_eye_says_how_much_it_favours_big_rocks() -> None:
    assert eyesight_of(TABLE | {"p_seen": [[[0.2, 0.8]] * 3] * 2}).favours(0.1) == 0.0
    eye = eyesight_of(TABLE | {"height_m": [0.1, 0.2], "p_seen": [[[0.2, 0.8]] * 3] * 2})
    assert eye.favours(0.2) == pytest.approx(2.0)


def test_the_shipped_table_is_of_many_rocks_and_sees_big_ones_better() -> None:
    eye = eyesight("mast")
    assert isinstance(eye, Eyesight)
    for light in (1.0, 3.0, 8.0, 25.0):
        low, high = eye.seen(np.array([0.1, 0.3]), 8.0, light)
        assert low < 0.7 < high
    assert 0.0 <= eye.again <= 1.0
    assert eye.place(5.0) < 0.3


def test_a_table_that_does_not_hold_together_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lacks 'p_seen'"):
        eyesight_of({key: value for key, value in TABLE.items() if key != "p_seen"})
    with pytest.raises(ModelError, match="p_seen"):
        eyesight_of(TABLE | {"range_m": [4.0, 8.0]})
    with pytest.raises(ModelError, match="axes must rise"):
        eyesight_of(TABLE | {"light_el_deg": [6.0, 2.0]})
    path = tmp_path / "eyesight.json"
    path.write_text(json.dumps(TABLE)[:-9])
    with pytest.raises(ModelError, match="cannot be read"):
        read_eyesight(path)
    path.write_text(json.dumps(TABLE))
    assert read_eyesight(path).confidence == 0.9
