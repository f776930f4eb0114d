"""Zones of a mission: ground that robots are told to stay out of or in, and corridors; what they make of a site's cells.

They are orders, not ground: every robot leaves home with them, and the World knows nothing of them.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from moonfleet.autonomy.zone_raster import cells_touched
from moonfleet.autonomy.zones_geojson import PlanZones
from moonfleet.terrain.site import Site


@dataclass(frozen=True, slots=True)
class MissionZones:
    """The zones of a mission and a digest of all that is in them; made by `mission_zones`. Equal when the digests are."""

    plan: PlanZones = field(compare=False)
    key: str


def mission_zones(plan: PlanZones) -> MissionZones | None:
    """Return the zones with their digest, or None where there are none that a mission heeds (science areas bind nobody)."""
    if not (plan.keep_out or plan.stay_in or plan.corridors):
        return None
    digest = hashlib.sha256()
    for name, polygons in (("keep-out", plan.keep_out), ("stay-in", plan.stay_in), ("corridor", plan.corridors)):
        digest.update(f"{name} {len(polygons)}\n".encode())
    for polygon in (*plan.keep_out, *plan.stay_in, *(way.polygon for way in plan.corridors)):
        shape: bytes = shapely.to_wkb(polygon, byte_order=1)  # says itself how long it is
        digest.update(shape)
    for way in plan.corridors:
        digest.update(struct.pack("<d?d", way.cost_factor, way.one_way_deg is not None, way.one_way_deg or 0.0))
    return MissionZones(plan, digest.hexdigest())


@lru_cache(maxsize=8)
def closed_cells(site: Site, zones: MissionZones) -> NDArray[np.bool_]:
    """Return bool [R, C]: the cells that keep-outs, or ground outside the stay-in zones, touch.

    Raises `ZoneError` when the stay-in zones leave nothing of the site.
    """
    closed = cells_touched(zones.plan.keepouts(site.ref.bounds), site.ref)
    closed.flags.writeable = False
    return closed
