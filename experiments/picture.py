"""A user's picture, read from top to bottom in strips of bounded memory: grey values, and which pixels have one.

One decoder for all formats (GDAL through rasterio): it reads the size before it decodes, reads rows one after the other, and knows
georeference and no-data values. It is given the one format that the file's first bytes say, and none of its others.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from .errors import PictureError
from .picture_checks import check_size, cut_short, format_of
from .picture_ground import PictureGround, picture_ground

LUMA: Final = (0.299, 0.587, 0.114)  # weights of red, green, blue (ITU-R BT.601)
GDAL: Final[dict[str, Any]] = {
    "GDAL_CACHEMAX": 64 * 1024**2,  # its default, a share of all memory, would break the memory bound
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "YES",  # a JPEG that is cut short is grey below the cut otherwise
    "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO",  # its shortcut for whole pictures does not notice damage
    "GDAL_PAM_ENABLED": "NO",  # no side files are read or written
}
PIECE_PX: Final = 8_000_000  # decoded at once

F32 = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Picture:
    """An opened picture."""

    path: Path
    data: Any  # rasterio's dataset
    rows: int
    cols: int
    kind: str  # in words: 8-bit grey PNG
    said: tuple[str, ...]  # what a user should know about how it is read
    ground: PictureGround | None

    def read(self, first: int, count: int) -> tuple[F32, Bools]:
        """Return ``count`` rows from row ``first`` on: grey float32 [count, cols], and which pixels have a value.

        Raises
        ------
        PictureError : the file is damaged there.
        """
        grey, known = np.empty((count, self.cols), np.float32), np.empty((count, self.cols), bool)
        step = max(1, PIECE_PX // self.cols)
        try:
            for at in range(0, count, step):
                n = min(step, count - at)
                window = Window(0, first + at, self.cols, n)  # pyright: ignore[reportCallIssue]
                grey[at : at + n], known[at : at + n] = _grey(self.data, window)
        except (RasterioError, OSError, MemoryError, ValueError) as error:
            raise cut_short(self.path, f"rows {first}..{first + count - 1} cannot be decoded") from error
        return grey, known


@contextmanager
def opened_picture(path: Path) -> Iterator[Picture]:
    """Open a picture file.

    Raises
    ------
    PictureError : missing, not a picture, damaged, of a size or type that cannot be read.
    """
    kind = format_of(path)
    logging.getLogger("rasterio").addHandler(logging.NullHandler())  # GDAL's words would go to stderr
    with warnings.catch_warnings(), rasterio.Env(**GDAL):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            data = rasterio.open(path, driver=kind)
        except (RasterioError, OSError, ValueError) as error:
            raise cut_short(path, "its header cannot be read") from error
        with data:
            yield _picture(path, data, kind)


def _picture(path: Path, data: Any, kind: str) -> Picture:
    if data.count < 1:
        raise PictureError(f"{path}: holds no picture; allowed: one with at least one band.")
    dtype = np.dtype(data.dtypes[0])
    if dtype.kind not in "uif":
        raise PictureError(f"{path}: its values are {dtype}; must be whole or real numbers.")
    high, wide = data.block_shapes[0]
    check_size(path, data.height, data.width, high * wide * dtype.itemsize * data.count)
    ground, said = None, _said(data)
    if data.crs is not None and not data.transform.is_identity:
        ground = picture_ground(path, data.crs.to_wkt(), tuple(data.transform)[:6], data.height, data.width)
    bits = "" if dtype.kind != "f" else "real-number "
    bits = bits or f"{8 * dtype.itemsize}-bit "
    form = {"GTiff": "TIFF" if ground is None else "GeoTIFF", "PNM": "PGM"}.get(kind, kind)
    words = f"{bits}{'colour' if _colours(data) else 'grey'} {form}"
    return Picture(path, data, data.height, data.width, words, said, ground)


def _colours(data: Any) -> bool:
    return _palette(data) or _rgb(data) is not None


def _palette(data: Any) -> bool:
    return data.colorinterp[0] == ColorInterp.palette


def _rgb(data: Any) -> tuple[int, int, int] | None:
    """Return the bands of red, green, blue."""
    meaning = list(data.colorinterp)
    if not {ColorInterp.red, ColorInterp.green, ColorInterp.blue} <= set(meaning):
        return None
    return tuple(meaning.index(c) + 1 for c in (ColorInterp.red, ColorInterp.green, ColorInterp.blue))  # pyright: ignore[reportReturnType]


def _said(data: Any) -> tuple[str, ...]:
    turned = data.tags().get("EXIF_Orientation", "1")
    if turned not in ("0", "1"):
        said = (
            f"the file asks viewers to turn it (EXIF orientation {turned}): top and sides are those of the picture as stored",
        )
        return (*said, *_said_of_bands(data))
    return _said_of_bands(data)


def _said_of_bands(data: Any) -> tuple[str, ...]:
    if _colours(data):
        return ("colour picture: turned to grey (0.299 red + 0.587 green + 0.114 blue)",)
    extra = [c for c in data.colorinterp[1:] if c != ColorInterp.alpha]
    said = (f"{data.count} bands: the first one is read",) if extra else ()
    return (*said, "0 is white in this file: turned round") if _white_is_zero(data) else said


def _white_is_zero(data: Any) -> bool:
    """Whether a TIFF counts from white to black (its photometric interpretation 0): GDAL says so and leaves the numbers."""
    return data.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES" and np.dtype(data.dtypes[0]).kind == "u"


def _grey(data: Any, window: Window) -> tuple[F32, Bools]:
    """Return the grey values of a window and which pixels have one: not masked, not transparent, finite."""
    bands = _rgb(data)
    if _palette(data):
        raw = data.read(1, window=window)
        table = np.zeros((256 if raw.dtype == np.uint8 else 65536, 4), np.float32)
        for index, colour in data.colormap(1).items():
            if 0 <= index < len(table):
                table[index, : len(colour)] = colour
        grey, known = (table[:, :3] @ np.array(LUMA, np.float32))[raw], table[raw, 3] > 0
    elif bands is not None:
        raw = data.read(list(bands), window=window)
        grey, known = np.tensordot(np.array(LUMA, np.float32), raw.astype(np.float32), 1), np.ones(raw.shape[1:], bool)
    else:
        raw = data.read(1, window=window)
        with np.errstate(over="ignore", invalid="ignore"):
            grey = raw.astype(np.float32)
        if _white_is_zero(data):
            bits = int(
                data.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8 * raw.dtype.itemsize)
            )  # 12-bit files come as 16
            grey = np.float32((1 << bits) - 1) - grey
        known = np.ones(grey.shape, bool)
    known &= data.read_masks(1 if bands is None else bands[0], window=window) > 0
    known &= np.isfinite(grey) & (np.abs(grey) < 1e30)  # common marks for "nothing" in float files lie near the limit
    return np.where(known, grey, np.float32(0.0)), known


def lit_level(sample: NDArray[np.floating]) -> float:
    """Return the brightness of the ground in the light: median of what is above a tenth of the bright end; 0 if all is dark."""
    if not len(sample):
        return 0.0
    bright = float(np.quantile(sample, 0.99))
    if not (bright > 0.0 and math.isfinite(bright)):
        return 0.0
    return float(np.median(sample[sample > 0.1 * bright]))
