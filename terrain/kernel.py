"""The one way a hot function becomes machine code: cached on disk, released from the GIL, typed as what it was.

``kernel`` is for functions called from anywhere; ``parallel_kernel`` may use ``numba.prange``, and must give the same
bytes on any number of threads (no reductions across iterations).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile ``function`` with numba: cached, nogil, IEEE arithmetic (no fastmath, so bytes do not depend on the CPU's whim)."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def parallel_kernel(function: F) -> F:
    """Like `kernel`, with ``prange`` loops spread over numba's threads."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)(function))
