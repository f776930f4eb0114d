"""What a robot's tools draw while they work."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# electrical power of a tool at work, on top of the idle load [W]; sized here from the class of instrument or machine
TOOL_W: Mapping[str, float] = MappingProxyType(
    {
        "survey": 45.0,  # ground-penetrating radar, spectrometer, cameras
        "observe": 30.0,  # a fixed instrument package
        "downlink": 20.0,  # data handling beyond the radio's own load
        "drill": 160.0,  # 1 m rotary-percussive drill, VIPER's TRIDENT class
        "hop": 35.0,  # water-molecule analyser of the hopping probe
        "grade": 260.0,  # blade
        "level": 220.0,
        "haul": 180.0,
        "excavate": 300.0,
        "sinter": 600.0,  # at 0.47 kWh/kg this bakes 1.3 kg of regolith an hour
        "assemble": 250.0,  # arms or crane
        "deliver": 80.0,
        "unload": 200.0,  # crane: a tonne lifted at 5 cm/s in lunar gravity is 81 W, with gears and control twice that
        "launch": 120.0,  # avionics, valves and heaters of an ascender; the thrust is chemical
    }
)
OTHER_TOOL_W = 50.0  # [W] a tool named by a user's own catalogue file


def tool_power(tool: str) -> float:
    """Power of a tool at work [W]."""
    return TOOL_W.get(tool, OTHER_TOOL_W)
