"""Eight numbers at once: a value of kernels that the processor adds, multiplies and compares in one instruction.

Compilers find such values in simple loops by themselves, and rarely in short ones over memory that may overlap. A `Wide` is eight
float64 lanes. Every operation on it does to each lane what the same operation does to a number (IEEE, nothing is reassociated but in
`lanes_sum`), so results do not depend on the processor's width. Indices are flat, into C-contiguous arrays, and are not checked.

Only for kernels: without compilation these functions cannot be called.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.datamodel import PrimitiveModel
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model
from numba.np import arrayobj

LANES = 8
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_FLAGS = ir.VectorType(ir.IntType(1), LANES)
_NUMBER = ir.IntType(32)


class WideType(types.Type):
    """Type of eight float64 lanes."""

    def __init__(self) -> None:
        super().__init__(name="Wide")


class FlagsType(types.Type):
    """Type of eight truth values."""

    def __init__(self) -> None:
        super().__init__(name="Flags")


WIDE, FLAGS = WideType(), FlagsType()


@register_model(WideType)
class _WideModel(PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _DOUBLES)


@register_model(FlagsType)
class _FlagsModel(PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _FLAGS)


def _same(builder: Any, number: Any, kind: ir.VectorType = _DOUBLES) -> Any:
    """Return a vector with ``number`` in every lane."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, _NUMBER(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(_NUMBER, LANES), None))


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, place: Any) -> Any:
    """Return the pointer to number ``at`` of an array, counted flat."""
    held = arrayobj.make_array(kind)(context, builder, array)
    return builder.gep(held.data, [context.cast(builder, at, place, types.intp)])


def _operators(made: dict[Any, Callable[..., Any]], result: Any) -> None:
    """Let ``made`` (operator -> IR of two vectors) take two Wides, or a Wide and a number in either order; they give ``result``."""
    for sign, build in made.items():

        class _Template(AbstractTemplate):
            key = sign

            def generic(self, args: Any, kws: Any) -> Any:
                if len(args) == 2 and WIDE in args and all(one == WIDE or isinstance(one, types.Number) for one in args):
                    return signature(result, *(WIDE if one == WIDE else types.float64 for one in args))
                return None

        infer_global(sign)(_Template)

        def lower(context: Any, builder: Any, sig: Any, args: Any, build: Callable[..., Any] = build) -> Any:
            sides = [a if kind == WIDE else _same(builder, a) for a, kind in zip(args, sig.args, strict=True)]
            return build(builder, *sides)

        for pair in ((WIDE, WIDE), (WIDE, types.float64), (types.float64, WIDE)):
            lower_builtin(sign, *pair)(lower)


_operators(
    {
        operator.add: lambda builder, a, b: builder.fadd(a, b),
        operator.sub: lambda builder, a, b: builder.fsub(a, b),
        operator.mul: lambda builder, a, b: builder.fmul(a, b),
        operator.truediv: lambda builder, a, b: builder.fdiv(a, b),
    },
    WIDE,
)
_operators(
    {
        operator.lt: lambda builder, a, b: builder.fcmp_ordered("<", a, b),
        operator.le: lambda builder, a, b: builder.fcmp_ordered("<=", a, b),
        operator.gt: lambda builder, a, b: builder.fcmp_ordered(">", a, b),
        operator.ge: lambda builder, a, b: builder.fcmp_ordered(">=", a, b),
    },
    FLAGS,
)


def _called(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """Call a function of LLVM's own."""
    kind = ir.FunctionType(result, [one.type for one in args])
    return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), args)


@intrinsic
def load_wide(typing_context: Any, array: Any, at: Any) -> Any:
    """Return eight numbers of a float32, float64 or int16 array from number ``at`` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        item = context.get_data_type(sig.args[0].dtype)
        kind = ir.VectorType(item, LANES)
        size = sig.args[0].dtype.bitwidth // 8
        read = builder.load(builder.bitcast(pointer, kind.as_pointer()), align=size, typ=kind)
        if sig.args[0].dtype == types.float64:
            return read
        return builder.fpext(read, _DOUBLES) if sig.args[0].dtype == types.float32 else builder.sitofp(read, _DOUBLES)

    return WIDE(array, at), generate


@intrinsic
def gather_wide(typing_context: Any, array: Any, at: Any, places: Any, first: Any) -> Any:
    """Return the numbers ``at + places[first + lane]`` of an int16 array; ``places`` int32."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        place = _pointer(context, builder, sig.args[2], args[2], args[3], sig.args[3])
        item = context.get_data_type(sig.args[0].dtype)
        read: Any = ir.Constant(ir.VectorType(item, LANES), ir.Undefined)
        for lane in range(LANES):
            index = builder.load(builder.gep(place, [_NUMBER(lane)]))
            read = builder.insert_element(read, builder.load(builder.gep(start, [index])), _NUMBER(lane))
        return builder.sitofp(read, _DOUBLES)

    return WIDE(array, at, places, first), generate


@intrinsic
def store_wide(typing_context: Any, array: Any, at: Any, wide: Any) -> Any:
    """Write eight numbers to a float32 array from number ``at`` on, rounded to nearest."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        builder.store(builder.fptrunc(args[2], _FLOATS), builder.bitcast(pointer, _FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.none(array, at, wide), generate


def copy_floats(count: int) -> Any:
    """Return a function ``copy(goal, at, source, begin)`` for kernels that copies ``count`` numbers from one float32 array to another."""

    def copy(typing_context: Any, goal: Any, at: Any, source: Any, begin: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            to = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
            of = _pointer(context, builder, sig.args[2], args[2], args[3], sig.args[3])
            kind = ir.VectorType(ir.FloatType(), count)
            read = builder.load(builder.bitcast(of, kind.as_pointer()), align=4, typ=kind)
            builder.store(read, builder.bitcast(to, kind.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.none(goal, at, source, begin), generate

    return intrinsic(copy)


@intrinsic
def clip_wide(typing_context: Any, wide: Any, low: Any, high: Any) -> Any:
    """Return every lane held between two numbers."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        low, high = (
            _same(builder, context.cast(builder, args[k], sig.args[k], types.float64)) for k in (1, 2)
        )
        up = builder.select(builder.fcmp_ordered("<", args[0], low), low, args[0])
        return builder.select(builder.fcmp_ordered(">", up, high), high, up)

    return WIDE(wide, low, high), generate


@intrinsic
def choose_wide(typing_context: Any, flags: Any, yes: Any, no: Any) -> Any:
    """Return the lanes of ``yes`` where ``flags`` says so, else those of ``no``; each a Wide or a number."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        yes, no = (
            args[k] if sig.args[k] == WIDE else _same(builder, context.cast(builder, args[k], sig.args[k], types.float64))
            for k in (1, 2)
        )
        return builder.select(args[0], yes, no)

    return WIDE(flags, yes, no), generate


@intrinsic
def flag_bits(typing_context: Any, flags: Any) -> Any:
    """Return eight truth values as the bits of a number, int64: lane k is bit k."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(LANES)), ir.IntType(64))

    return types.int64(flags), generate


@intrinsic
def bit_count(typing_context: Any, bits: Any) -> Any:
    """Return how many bits of an int64 are set."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = context.cast(builder, args[0], sig.args[0], types.int64)
        return _called(builder, "llvm.ctpop.i64", ir.IntType(64), number)

    return types.int64(bits), generate


@intrinsic
def root_wide(typing_context: Any, wide: Any) -> Any:
    """Return the square root of every lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _called(builder, "llvm.sqrt.v8f64", _DOUBLES, args[0])

    return WIDE(wide), generate


@intrinsic
def fused_wide(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c`` rounded once; ``c`` may be a number."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        last = args[2]
        if sig.args[2] != WIDE:
            last = _same(builder, context.cast(builder, last, sig.args[2], types.float64))
        return _called(builder, "llvm.fma.v8f64", _DOUBLES, args[0], args[1], last)

    return WIDE(a, b, c), generate


@intrinsic
def lanes_sum(typing_context: Any, wide: Any) -> Any:
    """Return the sum of the lanes, added pair by pair."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left = args[0]
        for half in (4, 2, 1):
            order = ir.VectorType(_NUMBER, half)
            none = ir.Constant(left.type, ir.Undefined)
            low = builder.shuffle_vector(left, none, ir.Constant(order, list(range(half))))
            high = builder.shuffle_vector(left, none, ir.Constant(order, list(range(half, 2 * half))))
            left = builder.fadd(low, high)
        return builder.extract_element(left, _NUMBER(0))

    return types.float64(wide), generate


@intrinsic
def lanes_least(typing_context: Any, wide: Any) -> Any:
    """Return the least of the lanes; none is NaN."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left = args[0]
        for half in (4, 2, 1):
            order = ir.VectorType(_NUMBER, half)
            none = ir.Constant(left.type, ir.Undefined)
            low = builder.shuffle_vector(left, none, ir.Constant(order, list(range(half))))
            high = builder.shuffle_vector(left, none, ir.Constant(order, list(range(half, 2 * half))))
            left = builder.select(builder.fcmp_ordered("<", high, low), high, low)
        return builder.extract_element(left, _NUMBER(0))

    return types.float64(wide), generate
