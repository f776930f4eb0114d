"""A hint to the processor: fetch memory that a kernel will read a little later, while it computes something else.

Kernels that look up scattered cells for thousands of places wait for memory most of the time. Asking ahead lets many such waits pass at
once. A hint changes no result; without compilation it does nothing.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.imputils import impl_ret_untracked
from numba.extending import intrinsic
from numba.np import arrayobj

READ, KEEP, DATA = 0, 3, 1  # arguments of LLVM's prefetch: to be read, keep in all caches, data


def _typed(typing_context: Any, array: Any, index: Any) -> Any:
    if not isinstance(array, types.Array) or not isinstance(index, types.BaseTuple):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, place = signature.args
        held = arrayobj.make_array(kind)(context, builder, args[0])
        numbers = [
            context.cast(builder, one, place[k], types.intp)
            for k, one in enumerate(cgutils.unpack_tuple(builder, args[1], len(place)))
        ]
        pointer = cgutils.get_item_pointer(context, builder, kind, held, numbers, wraparound=False)
        raw = builder.bitcast(pointer, cgutils.voidptr_t)
        whole = ir.IntType(32)
        call = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, whole, whole, whole])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [cgutils.voidptr_t], call)
        builder.call(hint, [raw, whole(READ), whole(KEEP), whole(DATA)])
        return impl_ret_untracked(context, builder, types.none, context.get_dummy_value())

    return types.none(array, index), generate


def _nothing(array: Any, index: Any) -> None:
    """Do nothing: there is no machine code to hint in."""


prefetch: Any = _nothing if getattr(config, "DISABLE_JIT", 0) else intrinsic(_typed)
