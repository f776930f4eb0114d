"""A few numbers to work with inside a kernel, on the stack: there at once, near the processor, and shared with nobody.

The size must be written in the kernel as a constant. What lies there lasts until the kernel returns; it must not be handed back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np import arrayobj

from .lanes import PLAIN


def _room(item: Any, number: Any, width: int) -> Any:
    """What makes arrays of numbers of ``width`` bytes, ``item`` to numba and ``number`` to LLVM."""

    def typed(typing_context: Any, size: Any) -> Any:
        if not isinstance(size, types.IntegerLiteral):
            return None
        count, kind = int(size.literal_value), types.Array(item, 1, "C")

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            room = cgutils.alloca_once(builder, ir.ArrayType(number, count))
            room.align = 64
            whole = context.get_value_type(types.intp)
            array = arrayobj.make_array(kind)(context, builder)
            arrayobj.populate_array(
                array,
                data=builder.bitcast(room, number.as_pointer()),
                shape=[whole(count)],
                strides=[whole(width)],
                itemsize=whole(width),
                meminfo=None,
            )
            return array._getvalue()

        return kind(size), generate

    return intrinsic(prefer_literal=True)(typed)


def _floats(size: int) -> Any:
    """Make them in the ordinary way: there is no machine code."""
    return np.empty(size, dtype=np.float32)


def _doubles(size: int) -> Any:
    """Make them in the ordinary way: there is no machine code."""
    return np.empty(size, dtype=np.float64)


stack_floats: Any = _floats if PLAIN else _room(types.float32, ir.FloatType(), 4)
stack_doubles: Any = _doubles if PLAIN else _room(types.float64, ir.DoubleType(), 8)
