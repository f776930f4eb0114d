"""Options that make the episodes of registered environments short and quick, so that checks see many of them end."""

from __future__ import annotations

from collections.abc import Mapping

SHORT: Mapping[str, Mapping[str, object]] = {
    "moonfleet/HazardLanding-v0": {"level": "easy"},
    "moonfleet/IceProspecting-v0": {"level": "easy", "max_steps": 25},
    "moonfleet/PolarTraverse-v0": {"targets": 2, "max_steps": 50},
    "moonfleet/SiteConstruction-v0": {"level": "easy", "max_steps": 20, "arrivals": (0, 3)},
    "moonfleet/StationOps-v0": {"days": 1.0},
}


def short_options(env_id: str) -> dict[str, object]:
    """Return the options of a short episode of ``env_id``; none for an environment that is not listed."""
    return dict(SHORT.get(env_id, {}))
