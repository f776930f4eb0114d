"""Pictures of the ground: shaded relief, colour over relief, contours, and the files they are kept in.

Images are uint8 ``[R, C, 3]`` RGB or ``[R, C]``, row 0 at the top (+y).
"""

from __future__ import annotations

import math
import struct
import zlib

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .colours import Image, paint
from .errors import SiteError
from .grid import Float32Grid, HeightGrid


def hillshade(
    grid: HeightGrid, sun_az_deg: float = 315.0, sun_el_deg: float = 35.0, exaggeration: float = 1.5
) -> Image:
    """Return shaded relief, uint8 [R, C]: three quarters from one side, the rest from above; no cast shadows."""
    z = grid.elevation_m
    if min(z.shape) < 2:
        return np.full(z.shape, 200, dtype=np.uint8)
    down, right = (np.asarray(d) * (exaggeration / grid.ref.cell_m) for d in np.gradient(z))
    azimuth, elevation = math.radians(sun_az_deg), math.radians(sun_el_deg)
    facing = math.sin(elevation) - math.cos(elevation) * (right * math.sin(azimuth) - down * math.cos(azimuth))
    upright = 1.0 / np.sqrt(1.0 + right * right + down * down)
    light = 0.8 * np.clip(facing * upright, 0.0, 1.0) + 0.4 * upright
    return np.clip(light * 255.0, 0.0, 255.0).astype(np.uint8)


def blend(image: Image, relief: Image, strength: float = 0.75) -> Image:
    """Return the image [R, C, 3] darkened and lightened by shaded relief [R, C]; strength 0 leaves it as it is."""
    factor = strength * (relief.astype(np.float32)[..., None] / 195.0 - 1.0)
    colour = image.astype(np.float32)
    mixed = np.where(factor < 0.0, colour * (1.0 + factor), colour + (255.0 - colour) * (0.4 * np.minimum(factor, 1.0)))
    return np.clip(mixed, 0.0, 255.0).astype(np.uint8)


def terrain_map(grid: HeightGrid) -> Image:
    """Return height in colour over shaded relief, from the lowest to the highest cell."""
    z = grid.elevation_m
    return blend(paint(z, "terrain", float(np.min(z)), float(np.max(z))), hillshade(grid))


def light_map(grid: HeightGrid, mean_lit: Float32Grid, high: float = 1.0) -> Image:
    """Return the mean share of sunlight (0..high) in colour over shaded relief."""
    return blend(paint(mean_lit, "light", 0.0, high), hillshade(grid), 0.6)


def contour_share(elevation_m: Float32Grid, interval_m: float, width_px: float = 1.0) -> Float32Grid:
    """Return how much of each cell a contour line ``width_px`` cells wide covers, float32 [R, C] in 0..1.

    There is a line at every multiple of ``interval_m`` [m]; its edges are smooth.
    """
    z = elevation_m.astype(np.float32)
    if min(z.shape) < 2:
        return np.zeros(z.shape, dtype=np.float32)
    away = np.abs(z - np.round(z / interval_m) * interval_m)
    down, right = np.gradient(z)
    steepness = np.hypot(down, right)
    # level ground right at a line's height would become a blot
    distance = away / np.maximum(steepness, max(0.05 * float(np.median(steepness)), 1e-6))
    return np.clip(0.5 * width_px + 0.5 - distance, 0.0, 1.0).astype(np.float32)


def resized(values: ArrayLike, rows: int, cols: int) -> Float32Grid:
    """Return values [R, C] on another number of cells over the same area, float32: averaged when fewer, smooth when more."""
    array = np.array(values, dtype=np.float32)
    how = cv2.INTER_AREA if rows * cols <= array.size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(array, (cols, rows), interpolation=how), dtype=np.float32).reshape(rows, cols)


def png_bytes(image: Image) -> bytes:
    """Return uint8 [R, C] grey, [R, C, 3] RGB or [R, C, 4] RGBA as a PNG file. Raises `SiteError` for anything else."""
    channels = image.shape[2] if image.ndim == 3 else 1
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(channels)  # OpenCV's blue comes first
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or order is None:
        raise SiteError(f"image: {image.dtype} {image.shape}; allowed: uint8 [rows, cols] or [rows, cols, 3 or 4].")
    return _encoded(".png", image.reshape(*image.shape[:2], channels)[..., order], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def jpeg_bytes(image: Image, quality: int = 90) -> bytes:
    """Return an RGB image, uint8 [R, C, 3], as a JPEG file: shaded colour in a quarter of what PNG needs."""
    return _encoded(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encoded(kind: str, image: Image, options: list[int]) -> bytes:
    if not image.size:
        raise SiteError(f"image: no pixels ({image.shape}); allowed: at least one.")
    done, data = cv2.imencode(kind, np.ascontiguousarray(image), options)
    if not done:
        raise SiteError(f"image: shape {image.shape} cannot be written as {kind[1:].upper()}.")
    return data.tobytes()


def indexed_png(index: Image, palette: NDArray[np.uint8]) -> bytes:
    """Return uint8 [R, C], each the number of a colour of ``palette`` [n <= 256, 3 RGB or 4 RGBA], as a PNG file.

    A third of the bytes of the same picture in RGB. Raises `SiteError` for an empty picture or a number without a colour.
    """
    if not index.size or int(index.max()) >= len(palette) or len(palette) > 256:
        raise SiteError(f"image: {index.shape} with {len(palette)} colours; allowed: a colour of 256 for every pixel.")
    rows, cols = index.shape
    lines = np.zeros((rows, cols + 1), dtype=np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = index
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", cols, rows, 8, 3, 0, 0, 0)), (b"PLTE", palette[:, :3].tobytes())]
    if palette.shape[1] == 4:
        chunks.append((b"tRNS", palette[:, 3].tobytes()))
    chunks += [(b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    out = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + out
