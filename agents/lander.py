"""A lander: stands still; the station of its mission is one."""

from __future__ import annotations

from .robot import Robot


class Lander(Robot):
    """Powers the mast, observes, keeps the data store."""
