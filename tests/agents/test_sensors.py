"""The eye sees the true ground: the same picture for the same moment, rocks where they are, also in the dark."""

from __future__ import annotations

import numpy as np
import pytest
from moonfleet.agents.messages import Sense
from moonfleet.agents.sensors import RenderedEye, frame_centre, open_eye
from moonfleet.agents.state import Activity
from moonfleet.terrain.site import Site


def sense_at(site: Site, *, sun_el: float, lit: float = 1.0, t_s: int = 300) -> Sense:
    x, y = site.ref.centre
    return Sense(t_s, x, y, 0.0, 70.0, sun_el, lit, 1.0, int(Activity.DRIVE), False, 0.0)


def hit_share(site: Site, kind: str, sense: Sense) -> tuple[float, float]:
    """Share of the rocks over 0.4 m in the middle of the frame that are seen; and that of the same look shifted by 3 m."""
    seen = open_eye(kind, site.ground, 3, 1).look(sense, 30.0)  # type: ignore[arg-type]
    x, y = frame_centre(sense, 30.0)
    rocks = site.ground.rocks(x - 18, y - 18, x + 18, y + 18)
    rocks = rocks[rocks[:, 2] > 0.4]
    shares = []
    for shift in (0.0, 3.0):
        gap = np.hypot(seen.x[:, None] + shift - rocks[:, 0], seen.y[:, None] - rocks[:, 1])
        shares.append(float((gap.min(axis=0) < 0.5).mean()))
    return shares[0], shares[1]


@pytest.mark.parametrize(("sun_el", "lit"), [(6.0, 1.0), (-1.0, 0.0)])
@pytest.mark.parametrize("kind", ["rendered", "statistical"])
def test_rocks_are_seen_where_they_are(small_site: Site, kind: str, sun_el: float, lit: float) -> None:
    seen, by_chance = hit_share(small_site, kind, sense_at(small_site, sun_el=sun_el, lit=lit))
    assert seen > 0.5
    assert by_chance < seen - 0.2


@pytest.mark.parametrize("kind", ["rendered", "statistical"])
def test_the_same_moment_gives_the_same_detections(small_site: Site, kind: str) -> None:
    sense = sense_at(small_site, sun_el=4.0)
    first = open_eye(kind, small_site.ground, 3, 1).look(sense, 30.0)  # type: ignore[arg-type]
    again = open_eye(kind, small_site.ground, 3, 1).look(sense, 30.0)  # type: ignore[arg-type]
    other = open_eye(kind, small_site.ground, 4, 1).look(sense, 30.0)  # type: ignore[arg-type]
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(other.x) != len(first.x) or not np.array_equal(other.confidence, first.confidence)


def test_the_lamp_is_lit_only_where_the_sun_does_not_reach(small_site: Site) -> None:
    eye = RenderedEye(small_site.ground, 3, 1)
    day = eye.frames(sense_at(small_site, sun_el=30.0), 30.0)
    night = eye.frames(sense_at(small_site, sun_el=-1.0, lit=0.0), 30.0)
    dusk = eye.frames(sense_at(small_site, sun_el=1.0), 30.0)
    assert [frame.light_el_deg for frame in day] == [30.0]
    assert len(night) == 1
    assert night[0].trusted.all()
    assert len(dusk) == 2
    assert dusk[0].trusted.all()
    assert 0.1 < dusk[1].trusted.mean() < 1.0
