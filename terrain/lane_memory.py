"""Memory of kernels that work in `lanes`: eight numbers of float32, int16 and float64 arrays from any place on, and sums over lanes.

Places are counted flat, in C-contiguous arrays of any shape, and are not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np import arrayobj

from .forced_kernel import forced_kernel
from .lanes import LONG, WIDTH, WORD, either, lanes_t, load, select, store

_FLOATS = ir.VectorType(ir.FloatType(), WIDTH)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, place: Any) -> Any:
    """Return the pointer to number ``at`` of an array, counted flat."""
    held = arrayobj.make_array(kind)(context, builder, array)
    return builder.gep(held.data, [context.cast(builder, at, place, types.intp)])


def _as_lanes(builder: Any, kind: Any, numbers: Any) -> Any:
    if kind == types.float64:
        return numbers
    return builder.fpext(numbers, lanes_t.vector) if kind == types.float32 else builder.sitofp(numbers, lanes_t.vector)


def _load_typed(typing_context: Any, array: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = sig.args[0].dtype
        vector = ir.VectorType(context.get_data_type(kind), WIDTH)
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        numbers = builder.load(builder.bitcast(pointer, vector.as_pointer()), align=kind.bitwidth // 8, typ=vector)
        return _as_lanes(builder, kind, numbers)

    return lanes_t(array, at), generate


load_flat: Any = either(_load_typed, lambda array, at: array.reshape(-1)[at : at + WIDTH].astype(np.float64))
"""Eight numbers of an array from place ``at`` on."""


def _gather_typed(typing_context: Any, array: Any, at: Any, places: Any, first: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        place = _pointer(context, builder, sig.args[2], args[2], args[3], sig.args[3])
        kind = sig.args[0].dtype
        numbers: Any = ir.Constant(ir.VectorType(context.get_data_type(kind), WIDTH), ir.Undefined)
        for lane in range(WIDTH):
            index = builder.load(builder.gep(place, [WORD(lane)]))
            numbers = builder.insert_element(numbers, builder.load(builder.gep(start, [index])), WORD(lane))
        return _as_lanes(builder, kind, numbers)

    return lanes_t(array, at, places, first), generate


def _gather_plain(array: Any, at: int, places: Any, first: int) -> Any:
    return array.reshape(-1)[at + places.reshape(-1)[first : first + WIDTH]].astype(np.float64)


gather_flat: Any = either(_gather_typed, _gather_plain)
"""The numbers of an array at places ``at + places[first]`` to ``at + places[first + 7]``; ``places`` int32."""


def _store_typed(typing_context: Any, array: Any, at: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        builder.store(builder.fptrunc(args[2], _FLOATS), builder.bitcast(pointer, _FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.none(array, at, value), generate


def _store_plain(array: Any, at: int, value: Any) -> None:
    array.reshape(-1)[at : at + WIDTH] = value


store_flat: Any = either(_store_typed, _store_plain)
"""Write lanes to a float32 array from place ``at`` on, each rounded to nearest."""


@forced_kernel
def store_where(array: Any, row: int, at: int, flags: Any, value: Any) -> None:
    """Write ``value`` to those of ``array[row, at:at + 8]`` whose flag is set; float64 or int64."""
    store(array, row, at, select(flags, value, load(array, row, at)))


def copier(count: int) -> Any:
    """Return a function ``copy(goal, at, source, begin)`` that copies ``count`` numbers from one float32 array to another."""

    def typed(typing_context: Any, goal: Any, at: Any, source: Any, begin: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            to = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
            of = _pointer(context, builder, sig.args[2], args[2], args[3], sig.args[3])
            vector = ir.VectorType(ir.FloatType(), count)
            numbers = builder.load(builder.bitcast(of, vector.as_pointer()), align=4, typ=vector)
            builder.store(numbers, builder.bitcast(to, vector.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.none(goal, at, source, begin), generate

    def plain(goal: Any, at: int, source: Any, begin: int) -> None:
        goal.reshape(-1)[at : at + count] = source.reshape(-1)[begin : begin + count]

    return either(typed, plain)


def _folded(build: Callable[[Any, Any, Any], Any], plain: Callable[[Any], float]) -> Any:
    """Return a function of lanes that halves them by ``build`` until one is left."""

    def typed(typing_context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            left = args[0]
            for half in (4, 2, 1):
                order, none = ir.VectorType(WORD, half), ir.Constant(left.type, ir.Undefined)
                low = builder.shuffle_vector(left, none, ir.Constant(order, list(range(half))))
                high = builder.shuffle_vector(left, none, ir.Constant(order, list(range(half, 2 * half))))
                left = build(builder, low, high)
            return builder.extract_element(left, WORD(0))

        return types.float64(lanes_t), generate

    return either(typed, plain)


def _plain_sum(value: Any) -> float:
    four = value[:4] + value[4:]
    two = four[:2] + four[2:]
    return float(two[0] + two[1])


lanes_sum: Any = _folded(lambda builder, a, b: builder.fadd(a, b), _plain_sum)
"""The sum of eight lanes, halves added to halves."""
lanes_least: Any = _folded(
    lambda builder, a, b: builder.select(builder.fcmp_ordered("<", b, a), b, a), lambda value: float(value.min())
)
"""The least of eight lanes, none of which is NaN."""


def _count_typed(typing_context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = context.cast(builder, args[0], sig.args[0], types.int64)
        call = cgutils.get_or_insert_function(builder.module, ir.FunctionType(LONG, [LONG]), "llvm.ctpop.i64")
        return builder.call(call, [number])

    return types.int64(bits), generate


bit_count: Any = either(_count_typed, lambda bits: int(bits).bit_count())
"""How many bits of a whole number are set."""
