"""Whether a picture file is whole, before anything is decoded: its format by its first bytes, its structure to its last ones.

The decoder used here (GDAL) notices most damage by itself once it is told to take JPEG warnings as errors. Two things it lets
pass: a PNG that is cut short (the rest is whatever stood in memory), so every chunk's length and checksum is gone through here, and a
PGM (the rest is black), so the file's length is compared with its header. Sizes are taken from the header, before anything is decoded, so
that a small file cannot ask for more memory than there is.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from .errors import PictureError

FORMATS: Final = "PNG, JPEG, TIFF, GeoTIFF or PGM/PPM"
MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),
    (b"MM\x00+", "GTiff"),
    (b"P5", "PNM"),
    (b"P6", "PNM"),
)
SIDE_MIN, SIDE_MAX = 32, 20_000  # [px]
BLOCK_BYTES_MAX = 1 << 30  # of one block of the file, which is decoded in one piece
PIECE = 1 << 20  # bytes read at once
_GAP = rb"(?:\s|#[^\n]*\n)+"
HEADER: Final = re.compile(rb"P([56])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})\s")


def format_of(path: Path) -> str:
    """Return GDAL's name of a picture file's format, by its first bytes.

    Raises
    ------
    PictureError : no such file, a folder, empty, not a picture of a known format, a PNG that is cut short or damaged.
    """
    if not path.exists():
        raise PictureError(f"{path}: no such file; allowed: a picture ({FORMATS}).")
    if not path.is_file():
        raise PictureError(f"{path}: not a file; allowed: a picture ({FORMATS}).")
    try:
        with path.open("rb") as file:
            head = file.read(8)
            kind = next((name for magic, name in MAGIC if head.startswith(magic)), None)
            if not head:
                raise PictureError(f"{path}: the file is empty (0 bytes); allowed: a picture ({FORMATS}).")
            if kind is None:
                raise PictureError(f"{path}: not a picture that can be read; allowed: {FORMATS}.")
            if kind == "PNG":
                _go_through_png(path, file)
            if kind == "PNM":
                _measure_pnm(path, file)
    except OSError as error:
        raise PictureError(f"{path}: cannot be read: {error.strerror or error}.") from error
    return kind


def cut_short(path: Path, why: str) -> PictureError:
    """Return the error for a file that is not whole."""
    return PictureError(f"{path}: damaged or cut short ({why}); copy or export the picture again.")


def _go_through_png(path: Path, file: BinaryIO) -> None:
    """Check every chunk's length and checksum up to the end mark; ``file`` stands after the magic bytes."""
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise cut_short(path, "its end is missing")
        left, kind = int.from_bytes(head[:4], "big"), head[4:]
        check = zlib.crc32(kind)
        while left > 0:
            piece = file.read(min(left, PIECE))
            if not piece:
                raise cut_short(path, "its end is missing")
            check, left = zlib.crc32(piece, check), left - len(piece)
        if file.read(4) != check.to_bytes(4, "big"):
            raise cut_short(path, "a checksum is wrong")
        if kind == b"IEND":
            return


def _measure_pnm(path: Path, file: BinaryIO) -> None:
    """Check that a PGM or PPM is as long as its header says (netpbm's format: magic, width, height, greatest value, pixels)."""
    file.seek(0)
    head = HEADER.match(file.read(PIECE))
    if head is None:
        raise cut_short(path, "its header cannot be read")
    wide, high, top = (int(head[i]) for i in (2, 3, 4))
    pixels = wide * high * (3 if head[1] == b"6" else 1) * (1 if top < 256 else 2)
    if path.stat().st_size < head.end() + pixels:
        raise cut_short(path, "its end is missing")


def check_size(path: Path, rows: int, cols: int, block_bytes: int) -> None:
    """Check what the header says.

    Raises
    ------
    PictureError : a side is too short or too long, or a block too large to be decoded.
    """
    if min(rows, cols) < SIDE_MIN:
        raise PictureError(f"{path}: {cols} x {rows} px; both sides must be at least {SIDE_MIN} px.")
    if max(rows, cols) > SIDE_MAX:
        raise PictureError(f"{path}: {cols} x {rows} px; sides may be up to {SIDE_MAX} px: cut it into parts.")
    if block_bytes > BLOCK_BYTES_MAX:
        raise PictureError(
            f"{path}: is stored in blocks of {block_bytes / 2**20:.0f} MiB; allowed: up to {BLOCK_BYTES_MAX >> 20} MiB "
            "(gdal_translate -co TILED=YES writes smaller ones)."
        )
