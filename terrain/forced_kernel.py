"""Kernels that are written out where they are called, whatever their size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from .kernel import _stamped  # pyright: ignore[reportPrivateUsage]

F = TypeVar("F", bound=Callable[..., object])


def forced_kernel(function: F) -> F:
    """Like `leaf_kernel`, inlined by the machine-code compiler wherever it is called.

    For small rules over many arrays: handing eighty arrays to a function costs more than what it does with them.
    """
    compile_bare = cast(Any, numba.njit)
    options = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False, "forceinline": True}
    return cast(F, _stamped(compile_bare(**options)(function)))
