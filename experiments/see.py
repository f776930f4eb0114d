"""``moonfleet see``: the detectors on a user's own picture, whatever its size, and what the user should know about the answer.

The picture is gone through twice, from top to bottom: once to find damage, the exposure and where the light comes from, once to look.
Both detectors see the same 8-bit exposure (lit ground at mid grey), as they do on a robot.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moonfleet.autonomy.craters_seen import CLASSES, WIDTH_ERROR, Craters, detect_craters
from moonfleet.autonomy.rocks_seen import Detections, detect_rocks

from .errors import OptionError, PictureError
from .picture import Picture, lit_level, opened_picture
from .picture_checks import SIDE_MIN
from .picture_ground import PictureGround
from .see_light import Part, better_for_rocks, light_in, light_to_use
from .see_tiles import CORE_PX, F64, Tile, cuts, exposed, of_core, seen_twice, tiles

MID_GREY: Final = 110.0  # brightness of lit ground that the detectors are used to
MARGIN_PX: Final = 256  # what a tile sees beyond its core: the radius of the largest craters and their rims
SAMPLE_PX: Final = 1_000_000  # pixels that tell the exposure
LIGHT_PARTS, LIGHT_SIDE = 9, 1024  # parts of the picture that tell the light, and their side
SQUARE: Final = 1.05  # pixels whose sides differ by more are not square, to the detector of rocks
OVERVIEW_PX: Final = 2400  # longest side of the picture that is drawn on
ROCK_MAX_M: Final = 4.0  # [m] larger rocks are rare: wider lines of light and shade are crater rims as a rule
ROCK_GSD_M: Final = (0.05, 0.2)  # [m] pixels that rocks were learned from
ROCK_PX: Final = 2.0  # [px] rocks of a smaller diameter are not told from noise
CRATER_PX: Final = 16.0  # [px] smallest width of craters

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class SeeOptions:
    """What a user says about a picture and wants of it; angles in degrees, lengths in metres."""

    sun_az_deg: float | None = None  # clockwise from the picture's top
    sun_el_deg: float | None = None
    gsd_m: float | None = None
    only: str = "both"  # rocks, craters or both
    min_confidence: float = 0.4
    min_size_m: float | None = None

    def check(self) -> None:
        """Raise OptionError for a value that is not allowed."""
        az, el, gsd, size = self.sun_az_deg, self.sun_el_deg, self.gsd_m, self.min_size_m
        if az is not None and not (math.isfinite(az) and -360.0 <= az <= 360.0):
            raise OptionError(f"--sun-az = {az:g}: must be -360 to 360 degrees, clockwise from the picture's top")
        if el is not None and not 0.0 < el <= 90.0:
            raise OptionError(f"--sun-el = {el:g}: must be above 0 to 90 degrees")
        if gsd is not None and not 1e-4 <= gsd <= 1e5:
            raise OptionError(f"--gsd = {gsd:g}: must be 0.0001 to 100000 metres per pixel")
        if not 0.0 <= self.min_confidence <= 1.0:
            raise OptionError(f"--min-confidence = {self.min_confidence:g}: must be 0 to 1")
        if size is not None and not (math.isfinite(size) and size > 0.0):
            raise OptionError(f"--min-size = {size:g}: must be above 0 metres")
        if self.only not in ("rocks", "craters", "both"):
            raise OptionError(f"--only = {self.only!r}: must be rocks, craters or both")


class Found(NamedTuple):
    """Things of one kind, surest first; each array [n]. Places in pixels: 0, 0 is the middle of the top left one."""

    col: F64
    row: F64
    semi_col_px: F64  # semi-axis of the ellipse along its own first axis
    semi_row_px: F64  # and across it
    axis_deg: F64  # of the first axis, clockwise from the picture's top
    confidence: F64
    diameter_m: F64  # NaN where the pixel size is unknown
    tall: F64  # craters: depth over diameter; rocks: height [m]
    depth_class: NDArray[np.int64]  # craters: index into `CLASSES`; rocks: -1

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Found:
        """Return some of them."""
        return Found(
            self.col[which], self.row[which], self.semi_col_px[which], self.semi_row_px[which], self.axis_deg[which],
            self.confidence[which], self.diameter_m[which], self.tall[which], self.depth_class[which],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a picture, and how."""

    path: Path
    kind: str
    rows: int
    cols: int
    craters: Found | None  # None: not looked for
    rocks: Found | None
    pixel_m: tuple[float, float] | None  # width, height
    sun_az_deg: float | None  # used; None where every direction was tried
    sun_el_deg: float | None
    sun_seen_deg: float | None  # what the picture itself shows
    notes: tuple[str, ...]  # how the picture was read
    warnings: tuple[str, ...]  # what makes the answer worse
    ground: PictureGround | None
    overview: NDArray[np.uint8]  # the picture, shrunk to `OVERVIEW_PX` at most
    sun_trust: float = 1.0  # what confidence was multiplied by, for a Sun that the picture contradicts

    def to_json(self) -> dict[str, object]:
        """Return the summary as its JSON object."""
        return {
            "picture": str(self.path), "kind": self.kind, "width_px": self.cols, "height_px": self.rows,
            "pixel_m": None if self.pixel_m is None else list(self.pixel_m),
            "sun_az_deg": self.sun_az_deg, "sun_el_deg": self.sun_el_deg, "sun_az_seen_deg": self.sun_seen_deg,
            "craters": None if self.craters is None else {
                "count": len(self.craters.row),
                **{name: int((self.craters.depth_class == i).sum()) for i, name in enumerate(CLASSES)},
                "largest_m": _largest(self.craters.diameter_m),
            },
            "rocks": None if self.rocks is None else {
                "count": len(self.rocks.row), "largest_m": _largest(self.rocks.diameter_m), "highest_m": _largest(self.rocks.tall),
            },
            "notes": list(self.notes), "warnings": list(self.warnings),
        }  # fmt: skip


def see(path: Path, options: SeeOptions | None = None, *, tell: Tell | None = None, longest: int = CORE_PX) -> Seen:
    """Run the detectors on a picture file.

    Parameters
    ----------
    path : PNG, JPEG, TIFF, GeoTIFF, PGM or PPM, grey or colour, sides of 32 to 20 000 px.
    options : what is known about it.
    tell : hears a stage and its progress, 0..1.
    longest : longest side of a tile's core [px].

    Raises
    ------
    OptionError : an option that is not allowed, or lacks another.
    PictureError : a file that cannot be read.
    """
    options = options or SeeOptions()
    options.check()
    tell = tell or _silent
    with opened_picture(path) as picture:
        pixel, notes, warns = _pixel(picture, options)
        rocks_wanted, rocks_why = _rocks_possible(options, pixel)
        if rocks_why and options.only == "rocks":
            raise OptionError(f"--only rocks: {rocks_why}")
        warns += [f"craters only: {rocks_why}"] if rocks_why else _unlike(pixel if rocks_wanted else None)
        if options.min_size_m is not None and pixel is None:
            raise OptionError("--min-size: needs the size of a pixel; give --gsd")
        first = _first_pass(picture, tell)
        notes = [*picture.said, *notes, *first.notes]
        light, light_notes, light_warns, trust = light_to_use(
            options.sun_az_deg, first.sun_seen_deg, first.rocks_in(options, pixel) if rocks_wanted else None
        )
        job = _Job(options, pixel, light, options.only != "rocks", rocks_wanted, trust)
        craters, rocks, overview = _look(picture, job, first.scale, tell, longest)
    return Seen(
        path, picture.kind, picture.rows, picture.cols, craters, rocks, pixel, light, options.sun_el_deg,
        first.sun_seen_deg, tuple(notes + light_notes), tuple(warns + first.warnings + light_warns), picture.ground, overview,
        trust,
    )  # fmt: skip


class _First(NamedTuple):
    """What the first pass found."""

    scale: float  # of grey values, so that lit ground is `MID_GREY`
    sun_seen_deg: float | None
    notes: list[str]
    warnings: list[str]
    parts: list[Part]  # of the picture

    def rocks_in(self, options: SeeOptions, pixel: tuple[float, float] | None) -> float | None:
        """Return a direction of the light that rocks speak for much more than for the given one, None if there is none."""
        if pixel is None or options.sun_az_deg is None or options.sun_el_deg is None:
            return None
        return better_for_rocks(
            self.parts, self.scale, math.sqrt(pixel[0] * pixel[1]), options.sun_az_deg, options.sun_el_deg
        )


class _Job(NamedTuple):
    """What to look for, and with what."""

    options: SeeOptions
    pixel_m: tuple[float, float] | None
    sun_az_deg: float | None
    craters: bool
    rocks: bool
    trust: float  # confidence is multiplied by it: less than 1 for a Sun that the picture contradicts


def _silent(stage: str, fraction: float) -> None:
    """Hear nothing."""


def _largest(values: F64) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(known.max()), 3) if len(known) else None


def _pixel(picture: Picture, options: SeeOptions) -> tuple[tuple[float, float] | None, list[str], list[str]]:
    """Return width and height of a pixel [m] if known, and what to say."""
    ground, gsd = picture.ground, options.gsd_m
    if ground is None:
        return (None if gsd is None else (gsd, gsd)), [], []
    w, h = ground.pixel_m
    if gsd is None:
        return (w, h), [f"pixels of {w:.4g} x {h:.4g} m, from the file's georeference"], []
    off = abs(math.log(gsd / math.sqrt(w * h)))
    warns = [f"--gsd {gsd:g} is used; the file's georeference says {math.sqrt(w * h):.4g} m"] if off > 0.02 else []
    return (gsd, gsd), [], warns


def _rocks_possible(options: SeeOptions, pixel: tuple[float, float] | None) -> tuple[bool, str]:
    """Return whether rocks are looked for, and if not though wanted, why."""
    if options.only == "craters":
        return False, ""
    lack = {"--gsd": pixel, "--sun-az": options.sun_az_deg, "--sun-el": options.sun_el_deg}
    missing = [name for name, value in lack.items() if value is None]
    if missing:
        return False, f"rocks need {_listed(missing)} too"
    w, h = pixel or (1.0, 1.0)
    if max(w, h) / min(w, h) > SQUARE:
        return False, f"rocks need square pixels, these are {w:.4g} x {h:.4g} m"
    if ROCK_PX * w > ROCK_MAX_M:
        return False, f"rocks up to {ROCK_MAX_M:g} m do not show in pixels of {w:.4g} m"
    return True, ""


def _unlike(pixel: tuple[float, float] | None) -> list[str]:
    """Return a warning where pixels are far from those that rocks were learned from."""
    low, high = ROCK_GSD_M
    if pixel is None or low / SQUARE <= pixel[0] <= high * SQUARE:
        return []
    return [
        f"rocks were learned from pixels of {low:g}-{high:g} m; in pixels of {pixel[0]:.4g} m their confidence is less sure"
    ]


def _listed(names: list[str]) -> str:
    """Return names in words: a, b and c."""
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _first_pass(picture: Picture, tell: Tell) -> _First:
    """Read the whole picture once: damage, exposure, direction of the light."""
    every = max(1, math.isqrt(picture.rows * picture.cols // SAMPLE_PX))
    strips = cuts(picture.rows, LIGHT_SIDE)
    looked = {round(i) for i in np.linspace(0, len(strips) - 1, 3)}
    sample: list[NDArray[np.float32]] = []
    parts: list[Part] = []
    seen = 0
    for number, (first, last) in enumerate(strips):
        tell("reading the picture", first / picture.rows)
        grey, known = picture.read(first, last - first)
        seen += int(known.sum())
        part = grey[::every, ::every][known[::every, ::every]]
        sample.append(part if len(part) else grey[known][:: every * every])  # all known pixels may lie between
        columns = cuts(picture.cols, LIGHT_SIDE)
        for left, right in [columns[round(i)] for i in np.linspace(0, len(columns) - 1, 3)] if number in looked else []:
            if min(last - first, right - left) >= SIDE_MIN and len(parts) < LIGHT_PARTS:
                parts.append((grey[:, left:right].copy(), known[:, left:right].copy()))
    if not seen:
        raise PictureError(f"{picture.path}: no pixel has a value (all are masked, transparent or not finite).")
    level = lit_level(np.concatenate(sample))
    notes, warns = [], []
    if seen < picture.rows * picture.cols:
        notes.append(f"{1.0 - seen / (picture.rows * picture.cols):.1%} of the pixels have no value and are left out")
    if level <= 0.0:
        warns.append("the picture is black: nothing can be seen")
    return _First(MID_GREY / level if level > 0.0 else 0.0, light_in(parts), notes, warns, parts)


def _look(
    picture: Picture, job: _Job, scale: float, tell: Tell, longest: int
) -> tuple[Found | None, Found | None, NDArray[np.uint8]]:
    """Read the picture again, look at each tile, and put the answers together; also returns the picture shrunk."""
    cell = math.sqrt(job.pixel_m[0] * job.pixel_m[1]) if job.pixel_m else 1.0
    margin = min(max(MARGIN_PX, round(ROCK_MAX_M / cell) + 64 if job.rocks else 0), 2 * MARGIN_PX)
    count = len(cuts(picture.rows, longest)) * len(cuts(picture.cols, longest))
    shrink = math.ceil(max(picture.rows, picture.cols) / OVERVIEW_PX)
    overview = np.zeros((-(-picture.rows // shrink), -(-picture.cols // shrink)), np.uint8)
    parts: dict[str, list[tuple[Found, NDArray[np.bool_], int]]] = {"craters": [], "rocks": []}
    for number, tile in enumerate(tiles(picture, scale, margin, longest)):
        tell("looking for hazards", number / count)
        _draw_into(overview, tile, shrink)
        if not tile.known.any() or not np.ptp(tile.image[tile.known]) > 0:
            continue
        for name, wanted, detector in (("craters", job.craters, _craters), ("rocks", job.rocks, _rocks)):
            if wanted:
                found = detector(tile, job)
                kept, seam = of_core(tile, found.row, found.col)
                parts[name].append((found.take(kept), seam[kept], number))
    tell("looking for hazards", 1.0)
    return (
        _joined(parts["craters"]) if job.craters else None,
        _joined(parts["rocks"]) if job.rocks else None,
        overview,
    )


def _draw_into(overview: NDArray[np.uint8], tile: Tile, shrink: int) -> None:
    """Put a tile's core into the shrunk picture (means of whole blocks, the middle of those that a seam cuts)."""
    r0, r1, c0, c1 = tile.core
    rows, cols = np.arange(-(-r0 // shrink), -(-r1 // shrink)), np.arange(-(-c0 // shrink), -(-c1 // shrink))
    block = [(rows * shrink - tile.row)[:, None], (cols * shrink - tile.col)[None, :]]
    total = np.zeros((len(rows), len(cols)), np.float32)
    for i in range(shrink):
        for j in range(shrink):
            at = np.minimum(block[0] + i, tile.image.shape[0] - 1), np.minimum(block[1] + j, tile.image.shape[1] - 1)
            total += np.where(tile.known[at], tile.image[at], 0)
    overview[rows[:, None], cols[None, :]] = exposed(total, 1.0 / shrink**2)


def _craters(tile: Tile, job: _Job) -> Found:
    """Return the craters of one tile."""
    image = tile.image if tile.known.all() else np.where(tile.known, tile.image, np.float32(np.nan))
    seen: Craters = detect_craters(
        image, job.sun_az_deg, job.options.sun_el_deg, job.pixel_m,
        min_width_px=CRATER_PX, min_confidence=min(max(job.options.min_confidence, 0.01) / job.trust, 1.0),
    )  # fmt: skip
    found = Found(
        seen.col + tile.col, seen.row + tile.row, seen.half_height_px, seen.half_width_px, np.zeros(len(seen.col)),
        seen.confidence * job.trust, seen.diameter_m, seen.depth_ratio, seen.depth_class,
    )  # fmt: skip
    return found.take(found.diameter_m >= job.options.min_size_m) if job.options.min_size_m else found


def _rocks(tile: Tile, job: _Job) -> Found:
    """Return the rocks of one tile."""
    if job.pixel_m is None or job.sun_az_deg is None or job.options.sun_el_deg is None:
        raise OptionError("rocks need --gsd, --sun-az and --sun-el")
    cell = math.sqrt(job.pixel_m[0] * job.pixel_m[1])
    seen: Detections = detect_rocks(
        np.ascontiguousarray(tile.image), cell, job.sun_az_deg, job.options.sun_el_deg, None if tile.known.all() else tile.known,
        min_diameter_m=max(ROCK_PX * cell, job.options.min_size_m or 0.0),
        min_confidence=min(job.options.min_confidence / job.trust, 1.0),
    )  # fmt: skip
    rows, cols = tile.image.shape
    return Found(
        seen.x / cell + 0.5 * (cols - 1) + tile.col, 0.5 * (rows - 1) - seen.y / cell + tile.row, seen.semi_major_m / cell,
        seen.semi_minor_m / cell, seen.axis_deg, seen.confidence * job.trust, seen.diameter_m, seen.height_m,
        np.full(len(seen.x), -1, np.int64),
    )  # fmt: skip


def _joined(parts: list[tuple[Found, NDArray[np.bool_], int]]) -> Found:
    """Return what all tiles saw, each thing once, surest first."""
    if not parts:
        none = np.empty(0)
        return Found(none, none, none, none, none, none, none, none, np.empty(0, np.int64))
    found = _all_of([part for part, _, _ in parts])
    seam = np.concatenate([one for _, one, _ in parts])
    tile = np.concatenate([np.full(len(part.row), number) for part, _, number in parts])
    radius = np.sqrt(found.semi_col_px * found.semi_row_px)
    found = found.take(~seen_twice(found.row, found.col, radius, found.confidence, tile, seam))
    return found.take(np.lexsort((found.col, found.row, -found.confidence)))


def _all_of(parts: list[Found]) -> Found:
    """Return the parts as one."""

    def joined(field: Callable[[Found], F64]) -> F64:
        return np.concatenate([field(part) for part in parts])

    return Found(
        joined(lambda f: f.col), joined(lambda f: f.row), joined(lambda f: f.semi_col_px), joined(lambda f: f.semi_row_px),
        joined(lambda f: f.axis_deg), joined(lambda f: f.confidence), joined(lambda f: f.diameter_m), joined(lambda f: f.tall),
        np.concatenate([part.depth_class for part in parts]),
    )  # fmt: skip


def size_error(found: Found) -> F64:
    """Return one sigma of the diameters of craters [m], NaN where the pixel size is unknown."""
    return WIDTH_ERROR * found.diameter_m
