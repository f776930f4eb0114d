"""Options that make episodes of registered environments short and eventful: checks then see faults and many ends in few steps."""

from __future__ import annotations

from collections.abc import Mapping

SHORT: Mapping[str, Mapping[str, object]] = {
    "moonfleet/HazardLanding-v0": {"level": "hard"},
    "moonfleet/IceProspecting-v0": {"level": "easy", "max_steps": 25, "fault_per_h": 2.0, "battery_frac": 0.2},
    "moonfleet/PolarTraverse-v0": {"targets": 2, "max_steps": 50},
    "moonfleet/SiteConstruction-v0": {
        "level": "easy",
        "robots": ("excavator", "grader", "paver"),
        "arrivals": (0, 0, 3),
        "faults": True,
        "max_steps": 20,
    },
    "moonfleet/StationOps-v0": {"days": 1.0},
}


def short_options(env_id: str) -> dict[str, object]:
    """Return the options of a short episode of ``env_id``; none for an environment that is not listed."""
    return dict(SHORT.get(env_id, {}))
