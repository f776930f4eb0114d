"""The picture with what was seen drawn into it: craters as ellipses by depth, rocks by height, the Sun, a scale bar, a legend."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import OptionError
from .see import Found, Seen

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # red, green, blue

CRATERS: Final[tuple[tuple[str, Colour], ...]] = (  # by depth class: pale blue to violet
    ("shallow crater", (150, 205, 255)),
    ("worn crater", (64, 150, 255)),
    ("deep crater", (150, 85, 255)),
)
ROCKS: Final[tuple[tuple[str, float, Colour], ...]] = (  # upper border of the height [m]: yellow to red
    ("rock < 0.3 m high", 0.3, (255, 225, 70)),
    ("rock 0.3-0.6 m", 0.6, (255, 150, 30)),
    ("rock > 0.6 m", math.inf, (235, 40, 60)),
)
DARK: Final[Colour] = (22, 24, 30)
PALE: Final[Colour] = (232, 234, 238)
SIDE_MIN, ENLARGE_MAX = 1100, 4  # [px] smaller pictures are drawn enlarged, by a whole number
BAR_SHARE: Final = 0.22  # of the width, at most, is the scale bar
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
SUB: Final = 4  # binary places of drawn coordinates


class _Sheet(NamedTuple):
    """What is drawn on, and how large."""

    image: Image  # [R, C, 3] red, green, blue
    zoom: float  # sheet px per picture px
    unit: float  # size of letters and lines, 1 for a picture of 1100 px


def write_overlay(seen: Seen, path: Path) -> None:
    """Write the overlay as PNG; raises OptionError where the file cannot be written."""
    good, data = cv2.imencode(".png", overlay(seen)[..., ::-1])
    try:
        if not good:
            raise OSError(0, "not encoded")
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise OptionError(f"--out: {path} cannot be written: {error.strerror}") from error


def overlay(seen: Seen) -> Image:
    """Return the overlay, uint8 [R, C, 3]."""
    rows, cols = seen.overview.shape
    enlarge = min(max(1, math.ceil(SIDE_MIN / max(rows, cols))), ENLARGE_MAX)
    base = np.repeat(np.repeat(_stretched(seen.overview), enlarge, axis=0), enlarge, axis=1)
    sheet = _Sheet(
        np.ascontiguousarray(np.repeat(base[..., None], 3, axis=2)),
        enlarge * cols / seen.cols,
        max(max(base.shape) / SIDE_MIN, 0.6),
    )
    if seen.craters is not None:
        for index, (_, colour) in enumerate(CRATERS):
            _ellipses(sheet, seen.craters.take(seen.craters.depth_class == index), colour, 0.0)
    if seen.rocks is not None:
        low = 0.0
        for _, high, colour in ROCKS:
            some = (seen.rocks.tall >= low) & (seen.rocks.tall < high)
            _ellipses(sheet, seen.rocks.take(some), colour, 3.0 * sheet.unit)
            low = high
    if seen.sun_az_deg is not None:
        _sun(sheet, seen.sun_az_deg, seen.sun_el_deg)
    return np.concatenate([sheet.image, _legend(seen, sheet)])


def _stretched(image: Image) -> Image:
    """Return the picture brighter where it is dark, so that shadows are not all black under the drawing."""
    table = 255.0 * (np.arange(256) / 255.0) ** 0.8
    return table.astype(np.uint8)[image]


def _ellipses(sheet: _Sheet, found: Found, colour: Colour, least_px: float) -> None:
    """Draw the outlines, over a darker and wider line so that they stand out on bright ground."""
    one = 1 << SUB
    wide = max(1, round(1.4 * sheet.unit))
    for line, paint in ((wide + 2, DARK), (wide, colour)):
        for i in range(len(found.row)):
            middle = ((found.col[i] + 0.5) * sheet.zoom - 0.5, (found.row[i] + 0.5) * sheet.zoom - 0.5)
            axes = (max(found.semi_row_px[i] * sheet.zoom, least_px), max(found.semi_col_px[i] * sheet.zoom, least_px))
            cv2.ellipse(
                sheet.image, (round(middle[0] * one), round(middle[1] * one)),
                (round(axes[0] * one), round(axes[1] * one)), float(found.axis_deg[i]), 0.0, 360.0, paint, line, cv2.LINE_AA, SUB,
            )  # fmt: skip


def _sun(sheet: _Sheet, az_deg: float, el_deg: float | None) -> None:
    """Draw a disc on the Sun's side of the top right corner and an arrow along its light."""
    reach, u = 34.0 * sheet.unit, sheet.unit
    cols = sheet.image.shape[1]
    x, y = cols - 62.0 * u, 62.0 * u
    cv2.circle(sheet.image, (round(x), round(y)), round(50 * u), DARK, -1, cv2.LINE_AA)
    east, up = math.sin(math.radians(az_deg)), math.cos(math.radians(az_deg))
    sun = (round(x + 0.85 * reach * east), round(y - 0.85 * reach * up))
    tip = (round(x - 0.9 * reach * east), round(y + 0.9 * reach * up))
    gold = (255, 214, 90)
    cv2.arrowedLine(sheet.image, sun, tip, gold, max(1, round(2 * u)), cv2.LINE_AA, 0, 0.28)
    cv2.circle(sheet.image, sun, round(8 * u), gold, -1, cv2.LINE_AA)
    words = f"Sun {az_deg:.0f}" + ("" if el_deg is None else f", {el_deg:g} up")
    wide = cv2.getTextSize(words, FONT, 0.5 * u, max(1, round(1.2 * u)))[0][0]
    left = round(min(x - wide / 2.0, cols - wide - 12.0 * u))
    _plate(sheet.image, left, round(y + 66 * u), wide, u)
    _write(sheet.image, words, left, round(y + 66 * u), u)


def _legend(seen: Seen, sheet: _Sheet) -> Image:
    """Return the band below the picture: colours with counts, scale bar, what the picture is."""
    u, cols = sheet.unit, sheet.image.shape[1]
    entries: list[tuple[str, Colour]] = []
    if seen.craters is not None:
        counts = [int((seen.craters.depth_class == i).sum()) for i in range(len(CRATERS))]
        entries += [(f"{name}: {n}", colour) for (name, colour), n in zip(CRATERS, counts, strict=True)]
    if seen.rocks is not None:
        low = 0.0
        for name, high, colour in ROCKS:
            entries.append((f"{name}: {int(((seen.rocks.tall >= low) & (seen.rocks.tall < high)).sum())}", colour))
            low = high
    places: list[tuple[int, int]] = []
    x, y, line = 16.0 * u, 30.0 * u, 30.0 * u
    for words, _ in entries:
        wide = cv2.getTextSize(words, FONT, 0.5 * u, max(1, round(1.2 * u)))[0][0] + 52.0 * u
        if x > 16.0 * u and x + wide > cols:
            x, y = 16.0 * u, y + line
        places.append((round(x), round(y)))
        x += wide
    band = np.full((round(y + 1.9 * line), cols, 3), DARK, np.uint8)
    for (words, colour), (left, base) in zip(entries, places, strict=True):
        cv2.circle(
            band, (left + round(9 * u), base - round(5 * u)), round(8 * u), colour, max(2, round(2 * u)), cv2.LINE_AA
        )
        _write(band, words, left + round(26 * u), base, u)
    _scale_bar(band, seen, sheet, round(16 * u), round(y + line))
    return band


def _scale_bar(band: Image, seen: Seen, sheet: _Sheet, left: int, base: int) -> None:
    """Draw a bar of a round length, in metres or, where they are unknown, pixels."""
    u = sheet.unit
    per_unit = sheet.zoom / seen.pixel_m[0] if seen.pixel_m else sheet.zoom  # sheet px per metre or pixel
    length = _round_length(BAR_SHARE * band.shape[1] / per_unit)
    wide, high = max(round(length * per_unit), 1), max(2, round(4 * u))
    cv2.rectangle(band, (left, base - high), (left + wide, base), PALE, -1)
    for end in (left, left + wide):
        cv2.line(band, (end, base - 2 * high), (end, base + high), PALE, max(1, round(1.5 * u)))
    unit = ("m" if length < 1000 else "km") if seen.pixel_m else "px"
    words = f"{length / 1000 if unit == 'km' else length:g} {unit}"
    end = _write(band, words, left + wide + round(12 * u), base + round(4 * u), u)
    if not seen.pixel_m:
        _write(band, "pixel size unknown: give --gsd", end + round(30 * u), base + round(4 * u), u)


def _round_length(most: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above ``most``."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (5.0, 2.0, 1.0) if step * power <= most)


def _plate(image: Image, left: int, base: int, wide: int, u: float) -> None:
    cv2.rectangle(
        image, (left - round(6 * u), base - round(16 * u)), (left + wide + round(6 * u), base + round(7 * u)), DARK, -1
    )


def _write(image: Image, words: str, left: int, base: int, u: float) -> int:
    """Write a line; returns where it ends."""
    line = max(1, round(1.2 * u))
    cv2.putText(image, words, (left, base), FONT, 0.5 * u, PALE, line, cv2.LINE_AA)
    return left + cv2.getTextSize(words, FONT, 0.5 * u, line)[0][0]
