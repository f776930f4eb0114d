"""A relay orbiter: passes data on; it has no place on the ground."""

from __future__ import annotations

from .robot import Robot


class Orbiter(Robot):
    """Relays whenever its policy says so."""
