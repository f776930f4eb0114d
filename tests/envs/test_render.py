"""Pictures: right shape, something on them, the same for the same scene, and no mode means no picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from moonfleet.envs.polar_traverse.env import PolarTraverse
from moonfleet.envs.polar_traverse.picture import FRAME_PX, NEXT, target_marks
from moonfleet.envs.render import (
    FONT,
    LEGEND_COLUMN_PX,
    LEGEND_INDENT_PX,
    LEGEND_SIZE,
    MAP_PX,
    PANEL_PX,
    SS,
    Gauge,
    Legend,
    Picture,
    PlaceMark,
    RobotMark,
    Sky,
    clock_text,
)
from moonfleet.envs.site_construction.picture import legend_of
from moonfleet.envs.sites import resolve_site
from moonfleet.envs.station_ops.env import StationOps
from moonfleet.envs.station_ops.picture import LEGEND as STATION_LEGEND
from moonfleet.terrain.clock import utc_to_tdb


def test_polar_traverse_draws_and_the_picture_changes_with_the_scene() -> None:
    env = PolarTraverse(targets=2, max_steps=50, render_mode="rgb_array")
    assert env.render() is None
    env.reset(seed=1)
    first, again = env.render(), env.render()
    for action in (9, 10, 11):
        env.step(action)
    later = env.render()
    assert first is not None
    assert again is not None
    assert later is not None
    assert first.shape == (MAP_PX, MAP_PX + PANEL_PX, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != later).any()
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 500


def test_a_late_picture_shows_the_whole_way() -> None:
    late, early = (PolarTraverse(targets=2, max_steps=50, render_mode="rgb_array") for _ in range(2))
    for env in (late, early):
        env.reset(seed=1)
    early.render()
    for env in (late, early):
        for action in (9, 10, 11):
            env.step(action)
    frames = [env.render() for env in (late, early)]
    np.testing.assert_array_equal(frames[0], frames[1])


def test_the_panel_names_the_nearest_minute() -> None:
    assert clock_text(utc_to_tdb("2029-09-19T19:59:59.998Z")) == "2029-09-19  20:00 UTC"
    assert clock_text(utc_to_tdb("2029-09-19T20:00:29Z")) == "2029-09-19  20:00 UTC"


def test_station_ops_draws() -> None:
    frames: list[NDArray[np.uint8] | None] = []
    for event_log in (False, True):
        env = StationOps(days=1.0, event_log=event_log, render_mode="rgb_array")
        env.reset(seed=1)
        env.step(np.ones(len(env.robots), np.int64))
        frames.append(env.render())
    assert frames[0] is not None
    assert frames[0].shape == (MAP_PX, MAP_PX + PANEL_PX, 3)
    np.testing.assert_array_equal(frames[0], frames[1])


def test_without_a_mode_there_is_no_picture() -> None:
    env = PolarTraverse(targets=1)
    env.reset(seed=1)
    assert env.render() is None


def test_places_are_drawn_where_they_are_and_the_view_stays_inside_the_site() -> None:
    site = resolve_site(None)
    xmin, ymin, xmax, ymax = site.ref.bounds
    picture = Picture(site)
    assert picture.px(xmin, ymax) == (0, 0)
    assert picture.px(xmax, ymin) == (2 * MAP_PX, 2 * MAP_PX)
    picture.set_view((xmin, ymin, 1000.0))
    assert picture.px(xmin, ymin) == (0, 2 * MAP_PX)
    assert picture.span_m == 1000.0
    picture.set_view((0.0, 0.0, 1e6))
    assert picture.span_m == xmax - xmin


SKY = Sky(40.0, 2.0, 0.27, 10.0, -3.0)


@pytest.mark.parametrize("gauges", [3, 6, 12, 40])
def test_a_legend_is_never_dropped(gauges: int) -> None:
    colours = [(20 * k + 40, 255 - 20 * k, 7) for k in range(11)]
    legend = [("patch", colour, "text") for colour in colours]
    bars = [Gauge(f"robot {k}", 0.5, "hold", (1, 2, 3)) for k in range(gauges)]
    drawn = Picture(resolve_site(None)).draw(SKY, [], [], [], "Title", ["line"] * 3, bars, legend)
    panel = drawn[:, MAP_PX:].reshape(-1, 3)
    for colour in colours:
        assert (panel == colour).all(axis=1).sum() > 50


@pytest.mark.parametrize("legend", [STATION_LEGEND, legend_of(("excavator", "hauler", "grader", "paver", "sinterer"))])
def test_the_texts_of_a_legend_of_two_columns_fit(legend: tuple[Legend, ...]) -> None:
    rows = -(-len(legend) // 2)
    for k, (_, _, text) in enumerate(legend):
        (width, _), _ = cv2.getTextSize(text, FONT, LEGEND_SIZE[2] * SS, SS)
        end = 14 + (k // rows) * LEGEND_COLUMN_PX + LEGEND_INDENT_PX + width / SS
        assert end < (14 + LEGEND_COLUMN_PX if k < rows else PANEL_PX), text


def test_labels_cover_neither_each_other_nor_a_mark_and_late_ones_go_without() -> None:
    picture = Picture(resolve_site(None))
    rng = np.random.default_rng(5)
    spread = np.repeat([[60.0], [500.0]], [50, 10], axis=0)  # m
    near = rng.normal(0.0, 1.0, (60, 2)) * spread + (picture.centre_x, picture.centre_y)
    robots = [
        RobotMark(f"robot-{k}", float(x), float(y), 0.0, 1.0, "hold", (255, 255, 255))
        for k, (x, y) in enumerate(near[:50])
    ]
    places = [PlaceMark(f"job-{k}", float(x), float(y), "job", (9, 9, 9)) for k, (x, y) in enumerate(near[50:])]
    labels = picture.place_labels(robots, places)
    assert labels == picture.place_labels(robots, places)
    assert [label.text for label in labels[:10]] == [f"job-{k}" for k in reversed(range(10))]
    assert 10 < len(labels) < 60
    marks = [picture.px(mark.x, mark.y) for mark in (*robots, *places)]
    for k, label in enumerate(labels):
        left, top, right, bottom = label.box
        assert 0 <= left < right < SS * MAP_PX
        assert 0 <= top < bottom < SS * MAP_PX
        assert not any(left < across < right and top < down < bottom for across, down in marks)
        for other in labels[:k]:
            apart = left >= other.box[2] or other.box[0] >= right or top >= other.box[3] or other.box[1] >= bottom
            assert apart, (label.text, other.text)


def test_only_the_current_target_and_the_next_ones_are_numbered() -> None:
    xy = np.arange(20.0).reshape(10, 2)
    marks = target_marks(xy, 4)
    assert len(marks) == 10
    assert (marks[-1].label, marks[-1].shape, marks[-1].x) == ("5", "current", 8.0)
    assert [mark.label for mark in marks if mark.label] == [str(5 + k) for k in reversed(range(NEXT + 1))]
    assert [mark.shape for mark in marks].count("dot") == 10 - 4 - 1 - NEXT
    assert {mark.shape for mark in target_marks(xy, 10)} == {"done"}


def test_a_frame_has_room_for_marks_at_the_edge_of_the_ground() -> None:
    site = resolve_site(None)
    xmin, ymin, xmax, ymax = site.ref.bounds
    picture = Picture(site, frame_px=FRAME_PX)
    assert picture.px(xmin, ymax) == (SS * FRAME_PX, SS * FRAME_PX)
    assert picture.px(xmax, ymin) == (SS * (MAP_PX - FRAME_PX), SS * (MAP_PX - FRAME_PX))
    colour = (250, 3, 3)
    drawn = [
        picture.draw(SKY, [], [PlaceMark("", x, 0.5 * (ymin + ymax), "current", colour)], [], "", [], [])
        for x in (xmin, 0.5 * (xmin + xmax))
    ]
    at_edge, within = ((frame == colour).all(axis=2).sum() for frame in drawn)
    assert abs(int(at_edge) - int(within)) <= 8
    assert within > 50
