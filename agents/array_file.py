"""Named arrays in one file that can be trusted: versioned, never pickle, sizes checked before anything is allocated.

Layout, all numbers little-endian::

    8 bytes   b"MOONFILE"
    4 bytes   format, uint32
    4 bytes   length of the header, uint32
    32 bytes  SHA-256 of format, header and data
    header    JSON: {"kind": ..., "facts": {...}, "arrays": [[name, dtype, shape], ...]}
    data      the arrays one after the other, C order, no gaps

A file is read whole only after its length has turned out to be exactly what its header says.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moonfleet.terrain.errors import MoonfleetError

from .events import sync_folder

MAGIC = b"MOONFILE"
FORMAT = 1
HEAD = struct.Struct("<8sII32s")
MAX_HEADER = 16 * 1024 * 1024  # [B]
MAX_AXES = 8
MAX_LENGTH = 2**40  # of one axis
DTYPES = ("|b1", "|i1", "|u1", *(f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8)), "<f4", "<f8")


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """What such a file holds: what it is of (``kind``), plain facts about that, and arrays by name."""

    kind: str
    facts: dict[str, Any]  # what JSON can hold
    arrays: dict[str, np.ndarray]


class ArrayFileError(MoonfleetError):
    """A file of arrays that cannot be written, or is damaged, cut short or foreign."""


def write_arrays(path: Path, kind: str, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Path:
    """Write a file whole or not at all, and return its path.

    Raises
    ------
    ArrayFileError
        An array of a type that the format does not know, or a place that cannot be written.
    """
    listed: list[tuple[str, str, list[int]]] = []
    parts: list[bytes] = []
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        if plain.dtype.str not in DTYPES:
            raise ArrayFileError(f"{path}: {name} is of type {array.dtype}: must be boolean, integer or float")
        listed.append((name, plain.dtype.str, list(array.shape)))
        parts.append(plain.tobytes())
    header = json.dumps({"kind": kind, "facts": dict(facts), "arrays": listed}, allow_nan=False).encode()
    data = b"".join(parts)
    aside = path.with_name(path.name + ".tmp")
    try:
        with open(aside, "wb") as file:
            file.write(HEAD.pack(MAGIC, FORMAT, len(header), _sha256(FORMAT, header, data)))
            file.write(header)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise ArrayFileError(f"{path}: cannot be written ({error.strerror or error})") from error
    return path


def read_arrays(path: Path, kind: str) -> ArrayFile:
    """Read a file of one kind; the arrays are writable copies.

    Raises
    ------
    ArrayFileError
        It cannot be read, is no such file, of another format or kind, cut short, or damaged.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            magic, version, length, sha = _head(path, file.read(HEAD.size))
            if magic != MAGIC:
                raise ArrayFileError(f"{path}: not a file of moonfleet")
            if version != FORMAT:
                raise ArrayFileError(f"{path}: format {version}, this moonfleet reads format {FORMAT}")
            if length > min(MAX_HEADER, size):
                raise ArrayFileError(f"{path}: damaged or cut short: its header cannot be {length} bytes")
            header = file.read(length)
            found, facts, listed = _header(path, header)
            wanted = HEAD.size + length + sum(nbytes for *_, nbytes in listed)
            if wanted != size:
                what = "cut short" if size < wanted else "damaged"
                raise ArrayFileError(f"{path}: {what}: has {size} bytes, its header says {wanted}")
            data = file.read()
    except OSError as error:
        raise ArrayFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    if _sha256(version, header, data) != sha:
        raise ArrayFileError(f"{path}: damaged: its SHA-256 is not the one noted when it was written")
    if found != kind:
        raise ArrayFileError(f"{path}: holds a {found!r}, not a {kind!r}")
    arrays: dict[str, np.ndarray] = {}
    at = 0
    for name, dtype, shape, nbytes in listed:
        try:
            arrays[name] = np.ndarray(shape, dtype, data[at : at + nbytes]).copy()
        except (ValueError, OverflowError) as error:
            raise ArrayFileError(f"{path}: damaged: array {name[:40]!r} of shape {shape}: {error}") from error
        at += nbytes
    return ArrayFile(found, facts, arrays)


def _head(path: Path, head: bytes) -> tuple[bytes, int, int, bytes]:
    if len(head) < HEAD.size:
        raise ArrayFileError(f"{path}: not a file of moonfleet, or cut short")
    magic, version, length, sha = HEAD.unpack(head)
    return magic, version, length, sha


def _header(path: Path, header: bytes) -> tuple[str, dict[str, Any], list[tuple[str, str, tuple[int, ...], int]]]:
    """Return kind, facts and (name, dtype, shape, bytes) of each array; sizes are whole numbers, so they cannot overflow."""
    try:
        told = json.loads(header)
        listed: list[tuple[str, str, tuple[int, ...], int]] = []
        for name, dtype, shape in told["arrays"]:
            counts = tuple(shape)
            whole = all(type(n) is int and 0 <= n <= MAX_LENGTH for n in counts)
            if dtype not in DTYPES or len(counts) > MAX_AXES or not whole:
                raise ValueError(f"array {str(name)[:40]!r}: {dtype!r} of shape {str(counts)[:40]}")
            listed.append((str(name), str(dtype), counts, np.dtype(dtype).itemsize * math.prod(counts)))
        if len({name for name, *_ in listed}) != len(listed):
            raise ValueError("an array twice")
        return str(told["kind"]), dict(told["facts"]), listed
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArrayFileError(f"{path}: damaged: its header makes no sense ({type(error).__name__}: {error})") from error


def _sha256(version: int, header: bytes, data: bytes) -> bytes:
    sha = hashlib.sha256(struct.pack("<II", version, len(header)))
    sha.update(header)
    sha.update(data)
    return sha.digest()
