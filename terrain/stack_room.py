"""A few numbers to work with inside a kernel, on the stack: there at once, near the processor, and shared with nobody.

The size must be written in the kernel as a constant. What lies there lasts until the kernel returns; it must not be handed back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic
from numba.np import arrayobj


def _typed(typing_context: Any, size: Any) -> Any:
    if not isinstance(size, types.IntegerLiteral):
        return None
    count, kind = int(size.literal_value), types.Array(types.float32, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        room = cgutils.alloca_once(builder, ir.ArrayType(ir.FloatType(), count))
        room.align = 64
        whole = context.get_value_type(types.intp)
        array = arrayobj.make_array(kind)(context, builder)
        arrayobj.populate_array(
            array,
            data=builder.bitcast(room, ir.FloatType().as_pointer()),
            shape=[whole(count)],
            strides=[whole(4)],
            itemsize=whole(4),
            meminfo=None,
        )
        return array._getvalue()

    return kind(size), generate


def _made(size: int) -> Any:
    """Make it in the ordinary way: there is no machine code."""
    return np.empty(size, dtype=np.float32)


stack_floats: Any = _made if getattr(config, "DISABLE_JIT", 0) else intrinsic(prefer_literal=True)(_typed)
