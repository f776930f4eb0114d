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
MIN_DIVISOR = 1e-6  # what the physics divides by; one over a tinier figure overflows sooner or later
MAX_COOLING_S = 1e9  # [s] thirty years to cool by two thirds: beyond, a tick's cooling drowns in rounding
Steps = Annotated[tuple[Positive, ...], Field(max_length=3)]
Temperature = Annotated[float, Field(ge=40, le=400)]
MAX_FILE_BYTES = 100_000  # a catalogue file is a page of text; anything larger is refused unread


class CameraSpec(BaseModel):
    """A mast camera: where it stands and how far it tells rocks from ground."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    height_m: Annotated[float, Field(gt=0, le=20)]
    range_m: Annotated[float, Field(gt=0, le=100)]
    fov_deg: Annotated[float, Field(gt=0, le=360)] = 90.0


class FaultSpec(BaseModel):
    """How one subsystem fails: a Poisson process in the time awake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_h: Annotated[float, Field(ge=0, le=1e3)] = 0.0  # failures per operating hour
    repair_h: Annotated[float, Field(gt=0, le=1e6)] = 12.0  # mean time until it is back by itself
    help_share: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the failures that another robot must mend


class FaultsSpec(BaseModel):
    """The subsystems of a machine that fail; they do so only in a World made with ``faults=True``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mobility: FaultSpec = FaultSpec()  # it stops
    power: FaultSpec = FaultSpec()  # half the panel
    comm: FaultSpec = FaultSpec()  # no link
    payload: FaultSpec = FaultSpec()  # no work
    thermal: FaultSpec = FaultSpec()  # no heater


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
    tip_slope_deg: Annotated[float, Field(gt=0, le=80)] = 45.0  # ground steeper than this tips it over
    embed_slip: Annotated[float, Field(ge=0, lt=1)] = 0.4  # wheels that slip more may dig themselves in
    trap_per_m: Annotated[float, Field(ge=0, le=10)] = 0.0  # hazard of getting stuck per metre at full slip
    trapped_h: NotNegative = 336.0  # a stuck robot that nobody frees in this time is lost
    # power: electrical loads [W] and stores [Wh]
    idle_w: NotNegative
    hibernate_w: NotNegative
    comm_w: NotNegative = 0.0
    battery_wh: Positive
    reserve_frac: Annotated[float, Field(ge=0, lt=1)] = 0.2
    charge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    charge_c: Annotated[float, Field(gt=0, le=100)] = 10.0  # charging power over capacity [1/h]
    discharge_c: Annotated[float, Field(gt=0, le=100)] = 10.0
    cold_loss_per_k: Annotated[float, Field(ge=0, le=0.1)] = 0.0  # capacity out of reach per kelvin below 283 K
    fade_per_year: Annotated[float, Field(ge=0, le=1)] = 0.0  # capacity lost to the calendar
    fade_per_cycle: Annotated[float, Field(ge=0, le=1)] = 0.0  # capacity lost to a full cycle
    solar_w_1au: NotNegative
    panel: Literal["tracking", "fixed", "level", "upright"] = "tracking"
    panel_tilt_deg: Annotated[float, Field(ge=0, le=180)] = 90.0  # of a fixed panel, from level
    panel_facing_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0  # clockwise from the heading
    panel_height_m: Annotated[float, Field(ge=0, le=100)] = 2.0  # where light is taken, if the site knows it there
    dust_ug_cm2_yr: Annotated[float, Field(ge=0, le=1e6)] = 0.0  # that settles on the panel
    dust_ug_cm2_km: Annotated[float, Field(ge=0, le=1e6)] = 0.0  # that driving throws onto it
    clean_share: Annotated[float, Field(ge=0, le=1)] = 0.0  # of the dust that one cleaning takes off
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
    range_station_m: NotNegative = 0.0  # of the local radio's top rate
    relay_full_m: Annotated[float, Field(ge=0, le=1e12)] = 0.0  # distance of the top rate; 0: at any distance
    earth_full_m: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    station_steps_mbps: Steps = ()  # lower rates that weaker signals still carry
    relay_steps_mbps: Steps = ()
    earth_steps_mbps: Steps = ()
    forwards: bool = False  # keeps and passes on what others send to it, as a mast does
    mast_m: Annotated[float, Field(ge=0, le=100)] = 1.5
    # flight
    hops: Annotated[int, Field(ge=0, le=1000)] = 0
    hop_range_m: NotNegative = 0.0
    hop_wh: NotNegative = 0.0
    # earthworks
    load_kg: NotNegative = 0.0  # soil that its drum or bed holds
    sinter_w: NotNegative = 0.0  # power of its sintering tool where that is not the usual one
    camera: CameraSpec | None = None
    faults: FaultsSpec = FaultsSpec()

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
        for name in ("battery_wh", "charge_efficiency", "heat_capacity_j_k", "conductance_w_k"):
            if getattr(self, name) < MIN_DIVISOR:
                raise ValueError(f"{name} = {getattr(self, name):g}: must be >= {MIN_DIVISOR:g}")
        if self.heat_capacity_j_k > MAX_COOLING_S * self.conductance_w_k:
            raise ValueError(
                f"heat_capacity_j_k = {self.heat_capacity_j_k:g}, conductance_w_k = {self.conductance_w_k:g}: must cool in "
                f"at most {MAX_COOLING_S:g} s, the first over the second"
            )
        for name in ("station", "relay", "earth"):
            steps, top = getattr(self, f"{name}_steps_mbps"), getattr(self, f"rate_{name}_mbps")
            if steps and max(steps) >= top:
                raise ValueError(f"{name}_steps_mbps = {list(steps)}: must be below rate_{name}_mbps = {top:g}")
        if self.forwards and (self.role == "orbiter" or self.speed_m_s > 0 or self.hops > 0):
            raise ValueError("forwards: only a machine that stands still on the ground can be a mast for others")
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
        text = path.read_text(encoding="utf-8")
        # with aliases a small file grows without bound when it is written into a message
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise RobotError(f"{source}: YAML aliases are not allowed in a robot file")
        data: object = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise RobotError(f"{source}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise RobotError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise RobotError(f"{source}: nested too deeply to be a robot file") from error
    except ValueError as error:  # "0x_", a date that is none, or a whole number of thousands of digits
        raise RobotError(f"{source}: holds a value that cannot be read: {str(error).split(';')[0]}") from error
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
    if not isinstance(kind, str) or kind not in kinds:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UnknownRobot(f"robot kind {kind!r} is not in the catalogue.{did_you_mean(str(kind), kinds)}")
    return kinds[kind]
