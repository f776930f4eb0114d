"""Pictures: right shape, something on them, the same for the same scene, and no mode means no picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moonfleet.envs.polar_traverse.env import PolarTraverse
from moonfleet.envs.render import MAP_PX, PANEL_PX, Picture, clock_text
from moonfleet.envs.sites import resolve_site
from moonfleet.envs.station_ops.env import StationOps
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
