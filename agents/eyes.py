"""The eyes that a robot may have, by fidelity."""

from __future__ import annotations

from moonfleet.autonomy.camera import MastCamera
from moonfleet.terrain.local_ground import LocalGround

from .mission import Perception
from .sensors import Eye, RenderedEye, StatisticalEye
from .stereo_eye import StereoEye


def open_eye(perception: Perception, ground: LocalGround, camera: MastCamera, seed: int, robot: int) -> Eye:
    """Make a robot's eye of the asked fidelity."""
    kinds = {"rendered": RenderedEye, "stereo": StereoEye, "statistical": StatisticalEye}
    return kinds[perception](ground, camera, seed, robot)
