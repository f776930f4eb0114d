"""The eye sees the true ground: the same picture for the same moment, rocks where they are, also in the dark."""

from __future__ import annotations

import numpy as np
import pytest

from moonfleet.agents.eyes import open_eye
from moonfleet.agents.messages import Sense
from moonfleet.agents.sensors import RenderedEye
from moonfleet.agents.state import Activity
from moonfleet.autonomy.camera import MastCamera
from moonfleet.terrain.site import Site

CAMERA = MastCamera(range_m=20.0, fov_deg=110.0)


def sense_at(site: Site, *, sun_el: float, lit: float = 1.0, t_s: int = 300) -> Sense:
    x, y = site.ref.centre
    return Sense(t_s, x, y, 0.0, 70.0, sun_el, lit, 1.0, int(Activity.DRIVE), False, 0.0)


def hit_share(site: Site, kind: str, sense: Sense) -> tuple[float, float]:
    """Share of the rocks over 0.4 m in view that are seen; and that of the same look shifted by 3 m."""
    eye = open_eye(kind, site.ground, CAMERA, 3, 1)  # type: ignore[arg-type]
    inner = CAMERA._replace(range_m=19.0, fov_deg=100.0)
    hits: dict[float, list[bool]] = {0.0: [], 3.0: []}
    for number in range(20):
        here = sense._replace(x=sense.x + 60.0 * number - 360.0)
        seen = eye.look(here, 30.0, number).rocks
        rocks = site.ground.rocks(here.x - 20, here.y - 20, here.x + 20, here.y + 20)
        rocks = rocks[(rocks[:, 2] > 0.4) & inner.sees(rocks[:, 0], rocks[:, 1], (here.x, here.y), 30.0)]
        for shift, found in hits.items():
            gap = np.hypot(seen.x[:, None] + shift - rocks[:, 0], seen.y[:, None] - rocks[:, 1])
            found.extend((gap.min(axis=0, initial=np.inf) < 0.5).tolist())
    assert len(hits[0.0]) > 20
    return float(np.mean(hits[0.0])), float(np.mean(hits[3.0]))


@pytest.mark.parametrize(("sun_el", "lit"), [(6.0, 1.0), (-1.0, 0.0)])
@pytest.mark.parametrize("kind", ["rendered", "stereo", "statistical"])
def test_rocks_are_seen_where_they_are(small_site: Site, kind: str, sun_el: float, lit: float) -> None:
    seen, by_chance = hit_share(small_site, kind, sense_at(small_site, sun_el=sun_el, lit=lit))
    assert seen > 0.5
    assert by_chance < seen - 0.2


@pytest.mark.parametrize("kind", ["rendered", "stereo", "statistical"])
def test_the_same_moment_gives_the_same_detections(small_site: Site, kind: str) -> None:
    sense = sense_at(small_site, sun_el=4.0)
    first = open_eye(kind, small_site.ground, CAMERA, 3, 1).look(sense, 30.0).rocks  # type: ignore[arg-type]
    again = open_eye(kind, small_site.ground, CAMERA, 3, 1).look(sense, 30.0).rocks  # type: ignore[arg-type]
    other = open_eye(kind, small_site.ground, CAMERA, 4, 1).look(sense, 30.0).rocks  # type: ignore[arg-type]
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(other.x) != len(first.x) or not np.array_equal(other.confidence, first.confidence)


def test_the_lamp_is_lit_only_where_the_sun_does_not_reach(small_site: Site) -> None:
    eye = RenderedEye(small_site.ground, CAMERA, 3, 1)
    day = eye.frames(sense_at(small_site, sun_el=30.0), 30.0)
    night = eye.frames(sense_at(small_site, sun_el=-1.0, lit=0.0), 30.0)
    assert [frame.light_el_deg for frame in day] == [30.0]
    assert len(night) == 1
    for away in range(20):  # a place where part of what is seen lies in shade
        low, dark = sense_at(small_site, sun_el=1.0), sense_at(small_site, sun_el=-1.0, lit=0.0)
        x = low.x + 60.0 * away - 600.0
        dusk, night = eye.frames(low._replace(x=x), 30.0), eye.frames(dark._replace(x=x), 30.0)
        if len(dusk) == 2:
            break
    assert len(dusk) == 2
    np.testing.assert_array_equal(night[0].trusted, dusk[0].trusted)
    assert 0.1 < dusk[1].trusted.sum() / dusk[0].trusted.sum() < 1.0


@pytest.mark.parametrize("kind", ["rendered", "stereo", "statistical"])
def test_a_camera_that_sees_no_cell_finds_nothing(small_site: Site, kind: str) -> None:
    eye = open_eye(kind, small_site.ground, MastCamera(range_m=1e-6, fov_deg=1.0), 3, 1)  # type: ignore[arg-type]
    seen = eye.look(sense_at(small_site, sun_el=6.0), 30.0).rocks
    assert all(column.shape == (0,) for column in seen)
