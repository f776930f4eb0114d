"""The one way a hot function becomes machine code: cached on disk, released from the GIL, typed as what it was.

``kernel`` is for functions called from anywhere; ``leaf_kernel`` for those in the innermost loops; ``parallel_kernel``
may use ``numba.prange``, and must give the same bytes on any number of threads (no reductions across iterations).

Every cached kernel is stamped with what it was made from (`kernel_stamp`): a change there compiles it anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from .kernel_stamp import kernel_stamp

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile ``function`` with numba: cached, nogil, IEEE arithmetic (no fastmath, so bytes do not depend on the CPU's whim)."""
    return cast(F, _stamped(numba.njit(cache=True, nogil=True, error_model="numpy")(function)))


def leaf_kernel(function: F) -> F:
    """Like `kernel`, for functions that make no array and keep none: they leave reference counts of arrays alone.

    In a small function that is handed many arrays, counting costs more than its arithmetic. Whoever calls keeps the arrays alive.
    """
    compile_bare = cast(Any, numba.njit)  # numba does not list this option
    return cast(F, _stamped(compile_bare(cache=True, nogil=True, error_model="numpy", _nrt=False)(function)))


def inlined_kernel(function: F) -> F:
    """Like `leaf_kernel`, and written out where it is called: for a large function with one caller and many arguments."""
    compile_bare = cast(Any, numba.njit)
    options = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False, "inline": "always"}
    return cast(F, _stamped(compile_bare(**options)(function)))


def parallel_kernel(function: F) -> F:
    """Like `kernel`, with ``prange`` loops spread over numba's threads."""
    return cast(F, _stamped(numba.njit(cache=True, nogil=True, error_model="numpy", parallel=True)(function)))


def _stamped(dispatcher: Any) -> Any:
    """Make the dispatcher's cache entries valid for the present content of the files that it was made from only."""
    index = getattr(dispatcher._cache, "_cache_file", None)
    if index is not None and hasattr(index, "_version"):  # with NUMBA_DISABLE_JIT there is no cache
        # not the source stamp: that is read together with the entries, which may name classes that are gone
        index._version = f"{index._version} {kernel_stamp(dispatcher.py_func.__code__.co_filename)}"
    return dispatcher
