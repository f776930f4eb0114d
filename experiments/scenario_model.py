"""The schema of a scenario file: what may stand in it, with units in the key names and every unknown key refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from .yaml_source import Place, YamlSource, dotted

PickRule = Literal["lit", "flat", "shadow", "spread"]
Perception = Literal["rendered", "stereo", "statistical", "map"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Metres2 = tuple[float, float]
ZoneKind = Literal["keep-out", "stay-in", "hazard", "corridor", "science"]
ZONE_KEYS: dict[str, tuple[str, ...]] = {  # keys that go with a kind of zone, beside its shape
    "keep-out": ("margin_m",), "stay-in": (), "hazard": ("margin_m", "sigma_m"), "corridor": ("cost_factor", "one_way"),
    "science": ("value",),
}  # fmt: skip
FAR_H = 1e8  # [h] ten thousand years: "to the end"
MAX_MBIT_PER_H = 1e8  # more than any instrument measures; keeps every rate finite


class Block(BaseModel):
    """Base of every block: frozen, finite numbers only, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _one_of(block: Block, names: tuple[str, ...]) -> str:
    given = [name for name in names if getattr(block, name) is not None]
    if len(given) != 1:
        have = " and ".join(given) if given else "none"
        raise ValueError(f"needs exactly one of {', '.join(names)} (given: {have})")
    return given[0]


class SiteBlock(Block):
    """Where the ground comes from: a named place, a longitude and latitude, a user's elevation file, or the seed alone."""

    name: str | None = None
    lon_deg: float | None = Field(default=None, ge=-180.0, le=360.0)
    lat_deg: float | None = Field(default=None, ge=-90.0, le=-60.0)
    dem: str | None = None
    size_m: float = Field(default=12_000.0, ge=500.0, le=60_000.0)
    cell_m: float = Field(default=20.0, ge=5.0, le=100.0)
    seed: int = Field(default=1, ge=0, lt=2**32)
    azimuths: int = Field(default=180, ge=8, le=1440)
    synthetic: bool = False
    roughness: float = Field(default=1.0, ge=0.0, le=4.0)
    crater_density: float = Field(default=1.0, ge=0.0, le=4.0)
    rock_abundance: float = Field(default=1.0, ge=0.0, le=4.0)
    regions: tuple[str, ...] = ()
    masts_m: tuple[Annotated[float, Field(ge=0.0, le=1000.0)], ...] = ()

    @model_validator(mode="after")
    def _check(self) -> SiteBlock:
        if (self.lon_deg is None) != (self.lat_deg is None):
            raise ValueError("lon_deg and lat_deg belong together; give both or none")
        if self.dem is None and self.name is None and self.lon_deg is None and not self.synthetic:
            raise ValueError("needs a name, lon_deg and lat_deg, dem, or synthetic")
        if self.synthetic and (self.dem is not None or self.regions):
            raise ValueError("synthetic ground is made from the seed; it does not go with dem or regions")
        if self.size_m / self.cell_m > 3000:
            raise ValueError(f"size_m / cell_m = {self.size_m / self.cell_m:.0f} cells a side: must be <= 3000")
        return self


class PlaceBlock(Block):
    """One place (or ``count`` places): by ``offset_m`` [x, y from ``near``], ``lonlat``, ``pick`` rule, or ``xy_m`` once resolved.

    A list of rules is tried in order: ``[shadow, flat]`` is a shadowed place, or a flat one on ground without shadow.
    """

    offset_m: Metres2 | None = None
    lonlat: Metres2 | None = None
    pick: PickRule | Annotated[tuple[PickRule, ...], Field(min_length=1)] | None = None
    xy_m: Metres2 | Annotated[tuple[Metres2, ...], Field(min_length=1)] | None = None
    near: str | None = None
    min_m: float = Field(default=0.0, ge=0.0)
    max_m: float | None = Field(default=None, gt=0.0)
    max_slope_deg: float = Field(default=15.0, gt=0.0, le=45.0)
    apart_m: float = Field(default=0.0, ge=0.0)
    count: int = Field(default=1, ge=1, le=200)
    reachable_from: str | None = None

    @model_validator(mode="after")
    def _check(self) -> PlaceBlock:
        way = _one_of(self, ("offset_m", "lonlat", "pick", "xy_m"))
        rule_keys = {"min_m", "max_m", "max_slope_deg", "apart_m", "count", "reachable_from"}
        stray = sorted(rule_keys & self.model_fields_set)
        if way != "pick" and stray:
            raise ValueError(f"{', '.join(stray)}: only with pick, not with {way}")
        if self.near is not None and way not in ("pick", "offset_m"):
            raise ValueError(f"near: only with pick or offset_m, not with {way}")
        if self.max_m is not None and self.max_m <= self.min_m:
            raise ValueError(f"max_m = {self.max_m:g}: must be > min_m = {self.min_m:g}")
        return self


class ZoneBlock(Block):
    """One zone, or all zones of a GeoJSON file. Its shape is a circle ``around`` a place, a ``ring`` of corners, or a ``line``.

    Corners are names of places or [x, y]: metres from ``near``, or of the site's map where ``near`` is left out.
    """

    kind: ZoneKind | None = None
    name: str = ""
    geojson: Annotated[str, Field(min_length=1)] | None = None
    around: str | Metres2 | None = None
    ring: Annotated[tuple[str | Metres2, ...], Field(min_length=3, max_length=2000)] | None = None
    line: Annotated[tuple[str | Metres2, ...], Field(min_length=2, max_length=2000)] | None = None
    near: str | None = None
    radius_m: float | None = Field(default=None, gt=0.0, le=1e5)
    width_m: float | None = Field(default=None, ge=0.1, le=1e5)
    margin_m: float | None = Field(default=None, ge=0.0, le=1e5)
    sigma_m: float | None = Field(default=None, ge=0.0, le=1e5)
    cost_factor: float | None = Field(default=None, ge=0.01, le=100.0)
    one_way: float | None = Field(default=None, ge=0.0, le=360.0)
    value: float | None = Field(default=None, ge=0.0, le=1e12)

    @model_validator(mode="after")
    def _check(self) -> ZoneBlock:
        if self.geojson is not None:
            if stray := sorted(self.model_fields_set - {"geojson"}):
                raise ValueError(f"{', '.join(stray)}: not with geojson, whose features say so themselves")
            return self
        if self.kind is None:
            raise ValueError("needs a kind (keep-out, stay-in, hazard, corridor or science), or geojson")
        shape = _one_of(self, ("around", "ring", "line"))
        if shape == "line" and self.kind not in ("hazard", "corridor"):
            raise ValueError(f"line: only of a hazard or corridor; a {self.kind} is a ring, or around a place")
        if shape == "around" and self.kind == "corridor":
            raise ValueError("around: not of a corridor, which is a line or a ring")
        sized = {"around": "radius_m", "line": "width_m" if self.kind == "corridor" else "radius_m", "ring": ""}[shape]
        if sized and getattr(self, sized) is None:
            raise ValueError(f"{sized}: is missing; a {self.kind} by {shape} needs one")
        allowed = {"kind", "name", "near", shape, sized, *ZONE_KEYS[self.kind]}
        if stray := sorted(self.model_fields_set - allowed):
            raise ValueError(f"{', '.join(stray)}: not of a {self.kind} by {shape}")
        return self


class FleetBlock(Block):
    """One robot: a name, its kind in the robot catalogue, where it starts, and what differs from the catalogue.

    ``lands_h`` [h] into the mission it is there, at the next decision; the station always from the start.
    """

    name: Name
    robot: str
    at: str | None = None
    lands_h: float = Field(default=0.0, ge=0.0, le=1e6)
    policy: Annotated[str, Field(min_length=1)] | None = None
    overrides: dict[str, object] = Field(default_factory=dict)


class JobBlock(Block):
    """One job, or one per point when ``at`` is a place with a count. ``tool`` left out is the kind itself."""

    id: Name
    kind: str
    at: str
    tool: Annotated[str, Field(min_length=1)] | None = None
    effort_h: float = Field(gt=0.0, le=10_000.0)
    value: float = Field(ge=0.0, le=1e9)
    data_mbit: float = Field(default=0.0, ge=0.0, le=1e9)
    needs: tuple[str, ...] = ()
    crew: int = Field(default=1, ge=1, le=50)
    window_h: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _check(self) -> JobBlock:
        if self.window_h is not None and not 0.0 <= self.window_h[0] < self.window_h[1] <= FAR_H:
            raise ValueError(
                f"window_h: must be [opens, closes] in hours from the start, 0 <= opens < closes <= {FAR_H:g}"
            )
        if self.data_mbit > MAX_MBIT_PER_H * self.effort_h:
            raise ValueError(
                f"data_mbit = {self.data_mbit:g} in effort_h = {self.effort_h:g}: must be <= {MAX_MBIT_PER_H:g} Mbit per hour"
            )
        return self


class OutageBlock(Block):
    """Links that are down for a while, whatever the sky and the ground allow."""

    window_h: tuple[float, float]
    robots: tuple[str, ...] = ()
    peers: Annotated[tuple[Literal["station", "relay", "earth", "robots"], ...], Field(min_length=1)] = (
        "station",
        "relay",
        "earth",
        "robots",
    )

    @model_validator(mode="after")
    def _check(self) -> OutageBlock:
        if not 0.0 <= self.window_h[0] < self.window_h[1] <= FAR_H:
            raise ValueError(f"window_h: must be [down, up again] in hours from the start, 0 <= down < up <= {FAR_H:g}")
        return self


class ResolvedBlock(Block):
    """Written into a run folder's copy: what made it, the site that its coordinates belong to, and what its zones came to."""

    moonfleet: str
    site_key: str
    zones_key: str | None = None


class Scenario(Block):
    """A whole scenario: site, places, fleet, jobs and rules. Read one with `load_scenario`."""

    name: Name
    description: str = ""
    start_utc: str
    duration_days: float = Field(gt=0.0, le=3660.0)
    decision_step_s: int = Field(default=3600, ge=60, le=86_400)
    drive_step_s: int = Field(default=300, ge=10, le=3600)
    physics_tick_s: int = Field(default=60, ge=1, le=600)
    seed: int = Field(default=1, ge=0, lt=2**63)
    area_m: float = Field(default=0.0, ge=0.0)
    site: SiteBlock
    places: dict[str, PlaceBlock] = Field(min_length=1)
    fleet: tuple[FleetBlock, ...] = Field(min_length=1, max_length=500)
    catalogue: str | None = None
    robots: dict[str, dict[str, object]] = Field(default_factory=dict)
    jobs: tuple[JobBlock, ...] = ()
    outages: tuple[OutageBlock, ...] = ()
    zones: tuple[ZoneBlock, ...] = Field(default=(), max_length=2000)
    havens: tuple[str, ...] = ()
    station: str | None = None
    relay: Literal["queqiao2", "gateway"] | None = "queqiao2"
    perception: Perception = "rendered"
    policy: Annotated[str, Field(min_length=1)] = "keeper"
    faults: bool = False
    robots_per_actor: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    checkpoint_every_steps: int = Field(default=24, ge=1)
    resolved: ResolvedBlock | None = None
    _source: YamlSource | None = PrivateAttr(default=None)

    def at(self, path: Place) -> tuple[str, str]:
        """Return (dotted path, `` (file, line N)`` or nothing) for an error about ``path``."""
        return dotted(path), f" {self._source.where(path)}" if self._source is not None else ""

    def from_source(self, source: YamlSource) -> Scenario:
        """Remember the file that this scenario was read from, so that later errors can point into it."""
        self._source = source
        return self

    @property
    def source(self) -> YamlSource:
        """The file that this scenario was read from, or a nameless one."""
        return self._source or YamlSource(self.model_dump(mode="json", exclude_unset=True), {}, self.name)

    @property
    def steps(self) -> int:
        """Number of decision steps: the duration rounded to whole steps, at least one."""
        return max(1, round(self.duration_days * 86_400.0 / self.decision_step_s))

    @property
    def duration_s(self) -> float:
        """Length of the mission [s], whole decision steps."""
        return float(self.steps * self.decision_step_s)


BLOCKS: dict[tuple[str, ...], type[Block]] = {
    (): Scenario,
    ("site",): SiteBlock,
    ("places", "*"): PlaceBlock,
    ("fleet", "*"): FleetBlock,
    ("jobs", "*"): JobBlock,
    ("outages", "*"): OutageBlock,
    ("zones", "*"): ZoneBlock,
    ("resolved",): ResolvedBlock,
}


def keys_at(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the keys allowed in the block at ``path`` (empty when no block stands there)."""
    pattern = tuple("*" if i == 1 else str(key) for i, key in enumerate(path))
    block = BLOCKS.get(pattern)
    return tuple(block.model_fields) if block else ()
