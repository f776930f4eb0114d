"""Whether two results are the same, to the bit, and if not, where they differ first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .subject import fail


def need_same(got: Any, expected: Any, what: str, *, step: int | None = None, world: int | None = None) -> None:
    """Raise `ConformanceError` unless two nested results are the same: keys, shapes, types and bits (NaN equals NaN)."""
    if isinstance(got, Mapping) and isinstance(expected, Mapping):
        if set(got) != set(expected):
            raise fail(f"{what}: keys {sorted(got)} instead of {sorted(expected)}", step=step, world=world)
        for name, value in got.items():
            need_same(value, expected[name], f"{what}[{name!r}]", step=step, world=world)
        return
    ours, theirs = np.asarray(got), np.asarray(expected)
    if ours.dtype == object or theirs.dtype == object:
        _need_same_objects(ours, theirs, what, step=step, world=world)
        return
    if ours.shape != theirs.shape or ours.dtype.kind != theirs.dtype.kind:
        shown = f"{ours.dtype} {ours.shape} instead of {theirs.dtype} {theirs.shape}"
        raise fail(f"{what}: {shown}", step=step, world=world)
    differ = ours != theirs
    if ours.dtype.kind == "f":
        differ &= ~(np.isnan(ours) & np.isnan(theirs))
    if differ.any():
        at = tuple(int(i) for i in np.argwhere(np.atleast_1d(differ))[0])
        found, wanted = np.atleast_1d(ours)[at], np.atleast_1d(theirs)[at]
        shown = f"{what}{list(at) if ours.shape else ''}: got {found!r}, expected {wanted!r}"
        raise fail(shown, step=step, world=world)


def _need_same_objects(ours: np.ndarray, theirs: np.ndarray, what: str, *, step: int | None, world: int | None) -> None:
    """Compare arrays of objects one by one."""
    if ours.shape != theirs.shape:
        raise fail(f"{what}: shape {ours.shape} instead of {theirs.shape}", step=step, world=world)
    if ours.shape == ():
        if ours.item() != theirs.item():
            raise fail(f"{what}: got {ours.item()!r}, expected {theirs.item()!r}", step=step, world=world)
        return
    for k, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if (one is None) != (other is None):
            raise fail(f"{what}[{k}]: got {one!r}, expected {other!r}", step=step, world=world)
        if one is not None:
            need_same(one, other, f"{what}[{k}]", step=step, world=world)


def kept(value: Any) -> Any:
    """Return a deep copy of a nested result."""
    if isinstance(value, Mapping):
        return {name: kept(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return value.copy()
        out = np.full(value.shape, None, dtype=object)
        for at in np.ndindex(value.shape):
            out[at] = kept(value[at])
        return out
    if isinstance(value, (list, tuple)):
        return [kept(part) for part in value]
    return value


def row(value: Any, world: int) -> Any:
    """Return the row of one world of a nested result."""
    return {name: row(part, world) for name, part in value.items()} if isinstance(value, Mapping) else value[world]
