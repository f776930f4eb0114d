"""Bad pictures by the thousand, each from its number: arrays that no camera gives, files that no program should have written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.seeds import stream

Rng = np.random.Generator
Array = NDArray[Any]
SIDES: Final = (0, 1, 2, 7, 8, 9, 31, 32, 33, 47, 64, 90)  # [px]
TYPES: Final = ("u1", "u2", "u4", "i1", "i2", "i8", "f2", "f4", "f8", "?", "c8", "O", "S3")
ODD: Final = (np.nan, np.inf, -np.inf, -1.0, 1e-40, 1e30, 1e38, 3.4e38, 0.0, -0.0, 255.0, 1e5)


def _stripes(rng: Rng, rows: int, cols: int) -> Array:
    row, col = np.mgrid[:rows, :cols]
    return 128.0 + 127.0 * np.sin((row * rng.normal() + col * rng.normal()) * rng.uniform(0.05, 3.0))


def _checkers(rng: Rng, rows: int, cols: int) -> Array:
    row, col = np.mgrid[:rows, :cols] // int(rng.integers(1, 12))
    return 255.0 * ((row + col) % 2)


def _spikes(rng: Rng, rows: int, cols: int) -> Array:
    out = np.full((rows, cols), rng.choice(ODD[-4:]))
    out[rng.random((rows, cols)) < rng.choice([0.001, 0.05, 0.5])] = rng.choice(ODD)
    return out


SCENES: Final[dict[str, Callable[[Rng, int, int], Array]]] = {
    "black": lambda rng, rows, cols: np.zeros((rows, cols)),
    "saturated": lambda rng, rows, cols: np.full((rows, cols), 255.0),
    "constant": lambda rng, rows, cols: np.full((rows, cols), rng.choice(ODD)),
    "stripes": _stripes,
    "checkers": _checkers,
    "spikes": _spikes,
    "noise": lambda rng, rows, cols: rng.uniform(0.0, 255.0, (rows, cols)),
    "wide noise": lambda rng, rows, cols: rng.normal(0.0, 1.0, (rows, cols)) * 10.0 ** rng.uniform(-30, 30),
    "step": lambda rng, rows, cols: np.where(np.arange(cols) < cols / 2, 5.0, 250.0) * np.ones((rows, 1)),
}


def array_case(number: int) -> tuple[str, Array]:
    """Return a bad picture as an array, and in a word what is bad."""
    rng = stream(7, "bad arrays", index=(number,))
    name = str(rng.choice(list(SCENES)))
    rows, cols = (int(rng.choice(SIDES, p=_mostly_large())) for _ in range(2))
    image = SCENES[name](rng, rows, cols)
    dtype = str(rng.choice(TYPES, p=[0.5, *[0.5 / (len(TYPES) - 1)] * (len(TYPES) - 1)]))
    with np.errstate(all="ignore"):
        if dtype in "OS3":
            image = np.full(image.shape, "x").astype(dtype)
        else:
            finite = np.nan_to_num(image) if dtype[0] in "ui?" else image
            limits = np.iinfo(dtype) if dtype[0] in "ui" else None
            image = (finite if limits is None else np.clip(finite, limits.min, limits.max)).astype(dtype)
    shape = rng.random()
    if shape < 0.05:
        image, name = np.stack([image] * int(rng.integers(1, 5)), axis=-1), f"{name}, colour"
    elif shape < 0.07:
        image, name = image.ravel(), f"{name}, flat"
    elif shape < 0.15:
        image = image[::-1, ::-1]
    return name, image


def _mostly_large() -> list[float]:
    """Return the chance of each of `SIDES`: most pictures are large enough to be looked at."""
    small = sum(side < 32 for side in SIDES)
    return [0.12 / small if side < 32 else 0.88 / (len(SIDES) - small) for side in SIDES]


def numbers_case(number: int) -> tuple[float, float, float]:
    """Return a Sun's azimuth and elevation and a pixel size; of every fourth some may not be allowed."""
    rng = stream(7, "bad numbers", index=(number,))
    if number % 4:
        return float(rng.uniform(-720, 720)), float(rng.uniform(0.1, 90.0)), float(10.0 ** rng.uniform(-3, 1))
    return tuple(float(rng.choice([*ODD, 45.0])) for _ in range(3))  # pyright: ignore[reportReturnType]


@lru_cache(maxsize=1)
def whole_files() -> dict[str, bytes]:
    """Return whole picture files by name, 48 x 64 px of ground under a low Sun."""
    import cv2

    from ..see_example import example_picture

    image = np.ascontiguousarray(example_picture(side_m=8.0)[:48, :64])
    deep, colour = image.astype(np.uint16) * 250, np.dstack([image, image // 2, image])
    made = {
        "a.png": (image, ()), "deep.png": (deep, ()), "colour.png": (colour, ()), "a.jpg": (image, ()), "colour.jpg": (colour, ()),
        "steps.jpg": (image, (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)), "a.tif": (image, ()),
        "deep.tif": (deep, (cv2.IMWRITE_TIFF_COMPRESSION, 1)),
        "colour.tif": (colour, (cv2.IMWRITE_TIFF_COMPRESSION, 8)), "a.pgm": (image, ()), "deep.pgm": (deep, ()), "colour.ppm": (colour, ()),
    }  # fmt: skip
    files = {name: cv2.imencode(Path(name).suffix, one, list(how))[1].tobytes() for name, (one, how) in made.items()}
    return files | {
        "plain-gdal.tif": _geotiff(image),
        "tiles-gdal.tif": _geotiff(image.astype(np.float32), tiled=True, compress="deflate"),
    }


def _geotiff(image: Array, **settings: object) -> bytes:
    """Return a GeoTIFF as GDAL writes it, its directory before its pixels."""
    from rasterio.io import MemoryFile
    from rasterio.transform import Affine

    from moonfleet.terrain.dem_header import MOON_CRS

    rows, cols = image.shape
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "count": 1,
        "dtype": image.dtype,
        "width": cols,
        "height": rows,
        "crs": MOON_CRS,
    }
    profile |= {
        "transform": Affine(0.1, 0.0, 30_000.0, 0.0, -0.1, 40_000.0),
        "blockxsize": 16,
        "blockysize": 16,
    } | settings
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(image, 1)
        return bytes(memory.read())


def file_case(number: int, folder: Path) -> tuple[str, Path]:
    """Write a bad picture file, and return in a word what is bad, and the file."""
    rng = stream(7, "bad files", index=(number,))
    name, data = list(whole_files().items())[int(rng.integers(len(whole_files())))]
    way = str(rng.choice(list(DAMAGES)))
    path = folder / f"{number}-{name}"
    path.write_bytes(DAMAGES[way](rng, data, name))
    return way, path


def _cut(rng: Rng, data: bytes, name: str) -> bytes:
    return data[: int(rng.integers(len(data)))]


def _flipped(rng: Rng, data: bytes, name: str) -> bytes:
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 12))):
        out[int(rng.integers(len(out)))] ^= int(rng.integers(1, 256))
    return bytes(out)


def _head(rng: Rng, data: bytes, name: str) -> bytes:
    """Change the header only: sizes, types, offsets."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        out[int(rng.integers(2, min(len(out), 160)))] = int(rng.choice([0, 1, 2, 16, 127, 128, 254, 255]))
    return bytes(out) if not name.endswith("png") else _whole_png(bytes(out))


def _directory(rng: Rng, data: bytes, name: str) -> bytes:
    """Change a TIFF's directory, where its sizes stand; other formats are flipped."""
    if not name.endswith("tif"):
        return _flipped(rng, data, name)
    out = bytearray(data)
    at = struct.unpack("<I", data[4:8])[0]
    for _ in range(int(rng.integers(1, 4))):
        out[min(at + int(rng.integers(0, 150)), len(out) - 1)] = int(
            rng.choice([0, 1, 3, 4, 8, 64, 255, int(rng.integers(256))])
        )
    return bytes(out)


def _random_after_magic(rng: Rng, data: bytes, name: str) -> bytes:
    return data[: int(rng.choice([2, 4, 8, 16, 33]))] + rng.bytes(int(rng.integers(0, 3000)))


def _sized_png(rng: Rng, data: bytes, name: str) -> bytes:
    """A small PNG that says it is large (a decompression bomb's header)."""
    wide, high = (int(rng.choice([0, 1, 31, 20_001, 60_000, 2**31 - 1, 2**32 - 1])) for _ in range(2))
    head = struct.pack(
        ">IIBBBBB",
        wide,
        high,
        int(rng.choice([1, 8, 16])),
        int(rng.choice([0, 2, 3, 4, 6])),
        0,
        0,
        int(rng.integers(2)),
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(bytes(1000)))
        + _chunk(b"IEND", b"")
    )


def _sized_pgm(rng: Rng, data: bytes, name: str) -> bytes:
    wide, high, top = (
        rng.choice([b"0", b"-5", b"40", b"64", b"99999", b"9" * 30, b"x", b"\xff", b"65536"]) for _ in range(3)
    )
    return (
        b"P5\n# "
        + rng.bytes(3).replace(b"\n", b"")
        + b"\n"
        + bytes(wide)
        + b" "
        + bytes(high)
        + b"\n"
        + bytes(top)
        + b"\n"
        + rng.bytes(5000)
    )


def _garbage_idat(rng: Rng, data: bytes, name: str) -> bytes:
    """A PNG whose checksums are right and whose pixels are not."""
    head = struct.pack(
        ">IIBBBBB", 64, 48, int(rng.choice([8, 16])), int(rng.choice([0, 2, 6])), 0, 0, int(rng.integers(2))
    )
    pixels = zlib.compress(rng.bytes(int(rng.integers(0, 40_000))))
    pixels = pixels[: int(rng.integers(len(pixels)))] if rng.random() < 0.5 else pixels
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _whole_png(data: bytes) -> bytes:
    """Return a PNG with checksums that fit again, so that damage reaches the decoder."""
    out, at = data[:8], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + size > len(data):
            return out + data[at:]
        out += _chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size])
        at += 12 + size
    return out


DAMAGES: Final[dict[str, Callable[[Rng, bytes, str], bytes]]] = {
    "cut short": _cut,
    "bytes changed": _flipped,
    "header changed": _head,
    "directory changed": _directory,
    "random after magic bytes": _random_after_magic,
    "random bytes": lambda rng, data, name: rng.bytes(int(rng.integers(0, 4000))),
    "PNG of odd size": _sized_png,
    "PGM of odd size": _sized_pgm,
    "PNG of garbage": _garbage_idat,
    "two files in one": lambda rng, data, name: data[: len(data) // 2] + data,
    "whole": lambda rng, data, name: data,
}
