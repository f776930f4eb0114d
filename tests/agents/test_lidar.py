"""The lidar's frames: truth beside belief, noise and dropouts as told, the same bytes for the same names."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.errors import SensorError
from moonfleet.agents.lidar import Lidar, lost_share, mast_scan, nadir_scan, scan
from moonfleet.terrain.grid import GeoRef, HeightGrid
from moonfleet.terrain.seeds import stream

PERFECT = Lidar(range_sigma_m=0.0, dropout=0.0, place_drift_m=0.0, angle_drift_deg=0.0)
HEIGHT_M = 80.0


def ground(slope: float = 0.1) -> HeightGrid:
    ref = GeoRef.centred(0.0, 0.0, 50.0, 0.25)
    x, _ = ref.xy(*np.mgrid[: ref.rows, : ref.cols])
    bumps = 0.1 * stream(1, "bumps").standard_normal(ref.shape)
    return HeightGrid((slope * x + bumps - 1_000.0).astype(np.float32), ref)


def frame_of(lidar: Lidar, seed: int = 3, **names: tuple[int, ...]):
    return scan(ground(), (0.0, 0.0, HEIGHT_M - 1_000.0), nadir_scan(HEIGHT_M, 15.0, 0.2), lidar, seed, **names)


def test_without_errors_points_lie_on_the_true_ground() -> None:
    frame = frame_of(PERFECT)
    assert len(frame.points) == frame.ranges_m.size
    np.testing.assert_allclose(ground().sample(frame.points[:, 0], frame.points[:, 1]), frame.points[:, 2], atol=1e-6)
    np.testing.assert_allclose(frame.points, frame.true_points, rtol=0.0, atol=1e-9)


def test_a_nadir_scan_spaces_its_points_evenly_on_level_ground() -> None:
    flat = HeightGrid(np.full((200, 200), -5.0, np.float32), GeoRef.centred(0.0, 0.0, 50.0, 0.25))
    frame = scan(flat, (0.0, 0.0, HEIGHT_M - 5.0), nadir_scan(HEIGHT_M, 15.0, 0.2), PERFECT, 1)
    x = frame.points[:, 0].reshape(150, 150)
    y = frame.points[:, 1].reshape(150, 150)
    np.testing.assert_allclose(np.diff(x, axis=1), 0.2, atol=1e-9)
    np.testing.assert_allclose(np.diff(y, axis=0), -0.2, atol=1e-9)


def test_noise_and_dropouts_are_as_told() -> None:
    frame = frame_of(Lidar(range_sigma_m=0.05, dropout=0.05, place_drift_m=0.0, angle_drift_deg=0.0))
    back = np.isfinite(frame.ranges_m)
    off = (frame.ranges_m - frame.true_ranges_m)[back]
    assert abs(off.mean()) < 0.002
    assert 0.048 < off.std() < 0.052
    assert 0.045 < 1.0 - back.mean() < 0.058
    assert len(frame.points) == back.sum() == len(frame.sigma_m) == len(frame.beam)
    assert frame.sigma_m.max() <= 0.05


def test_more_is_lost_where_the_ground_is_grazed() -> None:
    lidar = Lidar()
    share = lost_share(lidar, np.cos(np.radians([0.0, 60.0, 75.0, 85.0, 90.0])))
    assert share[0] == share[1] == lidar.dropout
    assert lidar.dropout < share[2] < share[3] < share[4]
    assert share[4] == pytest.approx(1.0)
    beams = mast_scan(90.0, 60.0, -60.0, -1.0, 60, 120)
    level = HeightGrid(np.full((200, 200), -5.0, np.float32), GeoRef.centred(0.0, 0.0, 50.0, 0.25))
    frame = scan(level, (-20.0, 0.0, -3.0), beams, lidar, 1)
    met = np.isfinite(frame.true_ranges_m)
    lost = [1.0 - np.isfinite(frame.ranges_m[lines])[met[lines]].mean() for lines in (slice(0, 10), slice(50, 60))]
    assert lost[0] > 2.0 * lost[1]


def test_misregistration_moves_points_off_the_truth_and_grows_over_the_frame() -> None:
    lidar = Lidar(range_sigma_m=0.0, dropout=0.0, place_sigma_m=0.2, angle_sigma_deg=0.05)
    frame = frame_of(lidar)
    off = np.sqrt(((frame.points - frame.true_points) ** 2).sum(axis=1))
    assert 0.05 < off.mean() < 1.5
    walks = np.array([frame_of(Lidar(), seed).true_offset for seed in range(40)])
    assert walks[:, 0].std() < 0.3 * walks[:, -1].std()
    assert 0.01 < walks[:, -1, :3].std() < 0.04


def test_the_same_names_give_the_same_bytes() -> None:
    one, two, other = frame_of(Lidar(), index=(1,)), frame_of(Lidar(), index=(1,)), frame_of(Lidar(), index=(2,))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))
    assert one.points.shape != other.points.shape or not np.array_equal(one.points, other.points)


def test_a_mast_scan_looks_where_it_is_told() -> None:
    beams = mast_scan(90.0, 40.0, -30.0, -5.0, 6, 9)
    np.testing.assert_allclose((beams**2).sum(axis=2), 1.0)
    assert beams[..., 0].min() > 0.7  # east
    assert beams[0, 0, 2] > beams[-1, 0, 2]


def test_what_makes_no_lidar_and_no_scan_is_refused() -> None:
    for wrong in ({"dropout": 1.2}, {"range_sigma_m": -0.1}, {"max_range_m": 0.0}, {"angle_drift_deg": float("nan")}):
        with pytest.raises(SensorError, match=next(iter(wrong))):
            Lidar(**wrong)
    for size in ((0.0, 10.0, 0.1), (50.0, 10.0, 0.0), (50.0, 1e6, 0.1), (float("nan"), 10.0, 0.1)):
        with pytest.raises(SensorError, match="scan"):
            nadir_scan(*size)
    for view in ((0.0, 0.0, -5.0, 0.0, 3, 3), (0.0, 90.0, 5.0, -5.0, 3, 3), (0.0, 90.0, -5.0, 5.0, 0, 3)):
        with pytest.raises(SensorError, match="scan"):
            mast_scan(*view)


def test_beams_and_places_that_are_none_are_refused() -> None:
    beams, place = nadir_scan(HEIGHT_M, 2.0, 0.5), (0.0, 0.0, HEIGHT_M - 1_000.0)
    for wrong, words in (
        (beams[0], r"\[lines, beams, 3\]"),
        (beams.astype(np.float32), "float32"),
        (3.0 * beams, "unit"),
    ):
        with pytest.raises(SensorError, match=words):
            scan(ground(), place, wrong, PERFECT, 1)
    for nowhere in ((0.0, 0.0), (0.0, 0.0, np.nan)):
        with pytest.raises(SensorError, match="place"):
            scan(ground(), nowhere, beams, PERFECT, 1)  # type: ignore[arg-type]
    with pytest.raises(SensorError, match="spacing_m"):
        nadir_scan(1.0, 1.0, 1e-320)


def test_no_range_is_negative() -> None:
    frame = scan(ground(0.0), (0.0, 0.0, -999.0), nadir_scan(1.0, 2.0, 0.5), Lidar(range_sigma_m=2.0), 1)
    assert np.nanmin(frame.ranges_m) > 0.0
