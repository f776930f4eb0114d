"""The robot catalogue: what each machine can do, read from YAML files and checked before anything runs.

A kind is one file ``robots/<kind>.yaml``; a user adds one by putting a file into a folder and naming the folder.
Figures are scenario data with their sources in the file, not promises about flown hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from moonfleet.terrain.errors import did_you_mean

from .errors import RobotError, UnknownRobot, describe_problems

Role = Literal["rover", "lander", "hopper", "orbiter", "construction"]
Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
MIN_SPEED_M_S = 1e-3  # [m/s] slower than this is standing still
Temperature = Annotated[float, Field(ge=40, le=400)]
MAX_FILE_BYTES = 100_000  # a catalogue file is a page of text; anything larger is refused unread


class CameraSpec(BaseModel):
    """A mast camera: where it stands and how far it tells rocks from ground."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    height_m: Annotated[float, Field(gt=0, le=20)]
    range_m: Annotated[float, Field(gt=0, le=100)]
    fov_deg: Annotated[float, Field(gt=0, le=360)] = 90.0


class RobotSpec(BaseModel):
    """One kind of machine. Every number is SI or carries its unit in its name; see the files in ``robots/``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9-]*$")]
    role: Role
    title: str
    tools: tuple[str, ...] = ()
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    # body
    mass_kg: Annotated[float, Field(gt=0, le=100_000)]
    width_m: Annotated[float, Field(gt=0, le=30)]
    obstacle_m: Annotated[float, Field(ge=0, le=2)] = 0.0  # tallest step it climbs
    # driving: on the flat it runs at speed_m_s for drive_w above idle_w
    speed_m_s: Annotated[float, Field(ge=0, le=5)] = 0.0
    max_slope_deg: Annotated[float, Field(ge=0, le=40)] = 0.0
    drive_w: NotNegative = 0.0
    # power: electrical loads [W] and stores [Wh]
    idle_w: NotNegative
    hibernate_w: NotNegative
    comm_w: NotNegative = 0.0
    battery_wh: Positive
    reserve_frac: Annotated[float, Field(ge=0, lt=1)] = 0.2
    solar_w_1au: NotNegative
    # heat: one lumped node
    heat_capacity_j_k: Positive
    conductance_w_k: Positive  # insulated, louvres shut
    radiator_w_k: NotNegative = 0.0  # added when the louvres are fully open
    sun_absorb_m2: NotNegative = 0.0  # absorptivity times area seen by the Sun
    heat_share: Annotated[float, Field(ge=0, le=1)] = 0.8  # of the electrical load that stays inside as heat
    heater_w: NotNegative = 0.0
    rhu_w: NotNegative = 0.0
    temp_op_min_k: Temperature
    temp_survive_k: Temperature
    # data
    storage_mbit: NotNegative
    rate_station_mbps: NotNegative = 0.0
    rate_relay_mbps: NotNegative = 0.0
    rate_earth_mbps: NotNegative = 0.0
    range_station_m: NotNegative = 0.0
    mast_m: Annotated[float, Field(ge=0, le=100)] = 1.5
    # flight
    hops: Annotated[int, Field(ge=0, le=1000)] = 0
    hop_range_m: NotNegative = 0.0
    hop_wh: NotNegative = 0.0
    camera: CameraSpec | None = None

    @model_validator(mode="after")
    def _consistent(self) -> RobotSpec:
        if self.temp_survive_k >= self.temp_op_min_k:
            raise ValueError(
                f"temp_survive_k = {self.temp_survive_k:g}: must be below temp_op_min_k = {self.temp_op_min_k:g}"
            )
        if 0 < self.speed_m_s < MIN_SPEED_M_S:
            raise ValueError(f"speed_m_s = {self.speed_m_s:g}: must be 0 or >= {MIN_SPEED_M_S:g}")
        if self.speed_m_s > 0 and (self.max_slope_deg == 0 or self.drive_w == 0):
            raise ValueError(
                f"speed_m_s = {self.speed_m_s:g}: a machine that drives needs max_slope_deg > 0 and drive_w > 0"
            )
        if self.hops > 0 and self.hop_range_m == 0:
            raise ValueError(f"hops = {self.hops}: a machine that hops needs hop_range_m > 0")
        if self.hop_wh > self.battery_wh:
            raise ValueError(f"hop_wh = {self.hop_wh:g}: must be <= battery_wh = {self.battery_wh:g}")
        return self


def read_spec(path: Path, source: str | None = None) -> RobotSpec:
    """Read one catalogue file; ``source`` is the name that error messages give it (default: the path).

    Raises
    ------
    RobotError
        The file cannot be read, is not a YAML mapping, or breaks the schema; every problem is on its own line.
    """
    source = source or str(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise RobotError(f"{source}: larger than {MAX_FILE_BYTES} bytes: not a robot file")
        data: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RobotError(f"{source}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise RobotError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise RobotError(f"{source}: must be a mapping of keys to values, not {type(data).__name__}")
    try:
        spec = RobotSpec.model_validate(data)
    except ValidationError as error:
        raise RobotError(describe_problems(error, source, RobotSpec.model_fields)) from error
    if spec.kind != path.stem:
        raise RobotError(f"{source}: kind = {spec.kind!r}: must be {path.stem!r}, the name of the file")
    return spec


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, RobotSpec]:
    folder = Path(__file__).with_name("robots")
    paths = sorted(folder.glob("*.yaml"))
    return MappingProxyType({path.stem: read_spec(path, f"robots/{path.name}") for path in paths})


def load_catalogue(extra_dir: Path | str | None = None) -> Mapping[str, RobotSpec]:
    """Return every kind by name: the shipped ones, and those of the ``*.yaml`` files in ``extra_dir``.

    Raises
    ------
    RobotError
        ``extra_dir`` is not a folder, a file in it is bad, or it defines a kind that is shipped already.
    """
    if extra_dir is None:
        return _shipped()
    folder = Path(extra_dir)
    if not folder.is_dir():
        raise RobotError(f"robot catalogue {str(extra_dir)!r}: must be a folder of YAML files")
    kinds = dict(_shipped())
    for path in sorted(folder.glob("*.yaml")):
        spec = read_spec(path)
        if spec.kind in _shipped():
            raise RobotError(f"{path}: kind = {spec.kind!r}: is in the shipped catalogue; give yours another name")
        kinds[spec.kind] = spec
    return MappingProxyType(kinds)


def robot_spec(kind: str, extra_dir: Path | str | None = None) -> RobotSpec:
    """Return one kind of robot by name.

    Raises
    ------
    UnknownRobot
        No file defines it; the message gives the nearest name.

    >>> robot_spec("viper-rover").mass_kg
    430.0
    """
    kinds = load_catalogue(extra_dir)
    if kind not in kinds:
        raise UnknownRobot(f"robot kind {kind!r} is not in the catalogue.{did_you_mean(str(kind), kinds)}")
    return kinds[kind]
