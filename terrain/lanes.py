"""Eight numbers at once: the vector registers of a processor, as values in kernels.

A loop whose body branches is not vectorised by a compiler. Written in lanes, both sides of a branch are computed for eight neighbours
and `select` keeps the right one. All arithmetic is IEEE, lane by lane, so a lane gives the very bits that it would give alone, on any
processor: one that has narrower registers takes several steps.

`Lanes` are eight float64, `Wholes` eight int64, `Flags` eight truth values; ``+ - * /``, comparisons, ``& | ~`` work on them, and with
plain numbers. Without compilation they are arrays [8]. Mathematical functions of lanes stand in `lane_math`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.datamodel.registry import register_default
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic
from numba.np import arrayobj

WIDTH: Final = 8
PLAIN: Final = bool(getattr(config, "DISABLE_JIT", 0))

DOUBLE, LONG, BIT = ir.DoubleType(), ir.IntType(64), ir.IntType(1)
WORD = ir.IntType(32)


class LaneType(types.Type):
    """The type of eight values of one kind."""

    def __init__(self, name: str, element: Any) -> None:
        self.vector = ir.VectorType(element, WIDTH)
        super().__init__(name=name)


class FlagType(LaneType):
    """Of truth values."""


class FloatType(LaneType):
    """Of float64."""


class WholeType(LaneType):
    """Of int64."""


lanes_t, wholes_t, flags_t = FloatType("Lanes", DOUBLE), WholeType("Wholes", LONG), FlagType("Flags", BIT)


class _LaneModel(PrimitiveModel):
    """A register."""

    def __init__(self, manager: Any, lane: Any) -> None:
        super().__init__(manager, lane, lane.vector)


for _kind in (FloatType, WholeType, FlagType):
    register_default(_kind)(_LaneModel)


# -- operators -------------------------------------------------------------------------------------------------------


def _spread(builder: Any, value: Any, vector: Any) -> Any:
    """Put a scalar into all lanes; a ``vector`` type that is none leaves it."""
    if value.type == vector:
        return value
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, WORD(0))
    mask = ir.Constant(ir.VectorType(WORD, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)


def _operator(
    function: Any, lane: LaneType, scalar: Any, result: LaneType, build: Callable[[Any, Any, Any], Any]
) -> None:
    """Teach numba one operator of lanes with lanes, and with plain numbers on either side."""
    pairs = [(lane, lane), (lane, scalar), (scalar, lane)]

    class Template(ConcreteTemplate):
        """The signatures of one operator."""

        cases: ClassVar[list[Any]] = [signature(result, *pair) for pair in pairs]

    cast(Any, infer_global)(function)(Template)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b = (_spread(builder, value, lane.vector) for value in args)
        return build(builder, a, b)

    for pair in pairs:
        lower_builtin(function, *pair)(lower)


_ARITHMETIC: Final = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}
_WHOLE: Final = {
    operator.add: "add",
    operator.sub: "sub",
    operator.mul: "mul",
    operator.and_: "and_",
    operator.or_: "or_",
}
_COMPARED: Final = {
    operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==", operator.ne: "!=",
}  # fmt: skip


def _method(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, a, b: getattr(builder, name)(a, b)


for _function, _name in _ARITHMETIC.items():
    _operator(_function, lanes_t, types.float64, lanes_t, _method(_name))
for _function, _name in _WHOLE.items():
    _operator(_function, wholes_t, types.int64, wholes_t, _method(_name))
for _function, _name in _COMPARED.items():
    _operator(_function, lanes_t, types.float64, flags_t, lambda b, x, y, n=_name: _ordered(b, n, x, y))
    _operator(_function, wholes_t, types.int64, flags_t, lambda b, x, y, n=_name: b.icmp_signed(n, x, y))
for _function, _name in ((operator.and_, "and_"), (operator.or_, "or_")):
    _operator(_function, flags_t, types.boolean, flags_t, _method(_name))


def _ordered(builder: Any, name: str, a: Any, b: Any) -> Any:
    return builder.fcmp_unordered(name, a, b) if name == "!=" else builder.fcmp_ordered(name, a, b)


def _one_sided(function: Any, lane: LaneType, build: Callable[[Any, Any], Any]) -> None:
    class Template(ConcreteTemplate):
        """The signature of one operator."""

        cases: ClassVar[list[Any]] = [signature(lane, lane)]

    cast(Any, infer_global)(function)(Template)
    lower_builtin(function, lane)(lambda context, builder, sig, args: build(builder, args[0]))


_one_sided(operator.invert, flags_t, lambda builder, a: builder.not_(a))
_one_sided(operator.invert, wholes_t, lambda builder, a: builder.not_(a))
_one_sided(operator.neg, lanes_t, lambda builder, a: builder.fneg(a))


# -- functions -------------------------------------------------------------------------------------------------------


def either(typed: Callable[..., Any], plain: Callable[..., Any]) -> Any:
    """Return the compiled form, or the plain one where nothing is compiled."""
    return plain if PLAIN else intrinsic(typed)


def _unary(name: str, plain: Callable[..., Any]) -> Any:
    """Return one of LLVM's own functions, of lanes or of one number."""

    def typed(typing_context: Any, value: Any) -> Any:
        kind = lanes_t if value is lanes_t else types.float64
        vector, suffix = (lanes_t.vector, "v8f64") if kind is lanes_t else (DOUBLE, "f64")

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            shape = ir.FunctionType(vector, [vector])
            call = cgutils.get_or_insert_function(builder.module, shape, f"llvm.{name}.{suffix}")
            return builder.call(call, [args[0]])

        return kind(kind), generate

    return either(typed, plain)


root: Any = _unary("sqrt", np.sqrt)
"""Square root, correctly rounded."""
floor: Any = _unary("floor", np.floor)
"""Largest whole number not above."""
nearest: Any = _unary("rint", np.rint)
"""Nearest whole number, to the even one from the middle."""
size: Any = _unary("fabs", np.abs)
"""Absolute value."""


def _splat_typed(typing_context: Any, value: Any) -> Any:
    lane, scalar = (lanes_t, types.float64) if isinstance(value, types.Float) else (wholes_t, types.int64)
    return lane(scalar), lambda context, builder, sig, args: _spread(builder, args[0], lane.vector)


splat: Any = either(_splat_typed, lambda value: np.full(WIDTH, value))
"""The same number in all lanes."""


def _select_typed(typing_context: Any, flags: Any, yes: Any, no: Any) -> Any:
    lane: Any = next((one for one in (yes, no) if isinstance(one, LaneType)), None)
    if flags is not flags_t:  # one number or the other
        kind = types.float64 if isinstance(yes, types.Float) or isinstance(no, types.Float) else types.int64
        return kind(types.boolean, kind, kind), lambda context, builder, sig, args: builder.select(*args)
    if lane is None:
        lane = wholes_t if isinstance(yes, types.Integer) and isinstance(no, types.Integer) else lanes_t
    scalar = {lanes_t: types.float64, wholes_t: types.int64, flags_t: types.boolean}[lane]
    sides = [lane if one is lane else scalar for one in (yes, no)]

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b = (_spread(builder, value, lane.vector) for value in args[1:])
        return builder.select(args[0], a, b)

    return lane(flags_t, *sides), generate


select: Any = either(_select_typed, np.where)
"""``yes`` where a flag is set, else ``no``; also of one flag and two numbers."""


def _extreme(name: str, plain: Callable[..., Any]) -> Any:
    def typed(typing_context: Any, a: Any, b: Any) -> Any:
        sides = [one if one is lanes_t else types.float64 for one in (a, b)]
        kind = lanes_t if lanes_t in sides else types.float64
        vector = lanes_t.vector if kind is lanes_t else DOUBLE

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, y = (_spread(builder, value, vector) for value in args)
            return builder.select(builder.fcmp_ordered(name, x, y), x, y)

        return kind(*sides), generate

    return either(typed, plain)


least: Any = _extreme("<", np.minimum)
"""The smaller of two, lane by lane or of two numbers."""
most: Any = _extreme(">", np.maximum)
"""The greater of two, lane by lane or of two numbers."""


def _bits(builder: Any, flags: Any) -> Any:
    return builder.bitcast(flags, ir.IntType(WIDTH))


def _some_typed(typing_context: Any, flags: Any) -> Any:
    if flags is not flags_t:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.icmp_unsigned("!=", _bits(builder, args[0]), ir.IntType(WIDTH)(0))

    return types.boolean(flags_t), generate


some: Any = either(_some_typed, lambda flags: bool(np.any(flags)))
"""Whether any flag is set."""


def _mask_typed(typing_context: Any, flags: Any) -> Any:
    if flags is not flags_t:
        return None
    return types.int64(flags_t), lambda context, builder, sig, args: builder.zext(_bits(builder, args[0]), LONG)


mask: Any = either(_mask_typed, lambda flags: int(sum(1 << k for k in range(WIDTH) if flags[k])))
"""The flags as bits of an integer, that of lane k at ``1 << k``."""


def _converted(pairs: dict[Any, Any], build: Callable[[Any, Any, Any], Any], plain: Callable[..., Any]) -> Any:
    """Return a conversion of lanes, and of one number, from the keys of ``pairs`` to their values."""

    def typed(typing_context: Any, value: Any) -> Any:
        end = pairs.get(value)
        if end is None:
            return None

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return build(builder, args[0], end.vector if isinstance(end, LaneType) else context.get_value_type(end))

        return end(value), generate

    return either(typed, plain)


def _power(builder: Any, value: Any, kind: Any) -> Any:
    exponent = builder.add(value, _spread(builder, LONG(1023), value.type))
    return builder.bitcast(builder.shl(exponent, _spread(builder, LONG(52), value.type)), kind)


whole: Any = _converted(
    {lanes_t: wholes_t, types.float64: types.int64},
    lambda builder, value, kind: builder.fptosi(value, kind),
    lambda value: np.asarray(value).astype(np.int64),
)
"""Whole numbers of real ones, towards zero."""
real: Any = _converted(
    {wholes_t: lanes_t, types.int64: types.float64},
    lambda builder, value, kind: builder.sitofp(value, kind),
    lambda value: np.asarray(value).astype(np.float64),
)
"""Real numbers of whole ones."""
counted: Any = _converted(
    {flags_t: wholes_t},
    lambda builder, value, kind: builder.zext(value, kind),
    lambda value: np.asarray(value).astype(np.int64),
)
"""1 where a flag is set, else 0."""
as_power: Any = _converted({wholes_t: lanes_t, types.int64: types.float64}, _power, lambda value: np.ldexp(1.0, value))
"""2 to whole numbers -1022..1023, exactly."""


# -- memory ----------------------------------------------------------------------------------------------------------


def _lane_of(array: Any) -> Any:
    kinds: dict[Any, Any] = {types.float64: lanes_t, types.int64: wholes_t}
    return kinds.get(getattr(array, "dtype", None))


def _place(context: Any, builder: Any, kind: Any, array: Any, row: Any, at: Any, vector: Any) -> Any:
    """Return a pointer to the eight of ``array[row, at:at + 8]``."""
    held = arrayobj.make_array(kind)(context, builder, array)
    pointer = cgutils.get_item_pointer(context, builder, kind, held, [row, at], wraparound=False)
    return builder.bitcast(pointer, vector.as_pointer())


def _load_typed(typing_context: Any, array: Any, row: Any, at: Any) -> Any:
    lane = _lane_of(array)
    if lane is None:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, array, args[0], args[1], args[2], lane.vector), align=8)

    return lane(array, types.intp, types.intp), generate


load: Any = either(_load_typed, lambda array, row, at: array[row, at : at + WIDTH].copy())
"""``array[row, at:at + 8]`` of an array whose rows are contiguous, float64 or int64."""


def _store_typed(typing_context: Any, array: Any, row: Any, at: Any, value: Any) -> Any:
    lane = _lane_of(array)
    if lane is None or value is not lane:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[3], _place(context, builder, array, args[0], args[1], args[2], lane.vector), align=8)
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp, lane), generate


def _store_plain(array: Any, row: int, at: int, value: Any) -> None:
    array[row, at : at + WIDTH] = value


store: Any = either(_store_typed, _store_plain)
"""``array[row, at:at + 8] = value``."""


def gathered(builder: Any, kind: Any, goal: LaneType, pointers: Any) -> Any:
    """Return lanes, or whole numbers, of what eight pointers point to: gathered as they are, then made real all at once."""
    out: Any = None
    for k, place in enumerate(pointers):
        value = builder.load(place)
        if out is None:
            out = ir.Constant(ir.VectorType(value.type, WIDTH), ir.Undefined)
        out = builder.insert_element(out, value, WORD(k))
    if goal is not lanes_t or kind is types.float64:
        return out
    if isinstance(kind, types.Float):
        return builder.fpext(out, lanes_t.vector)
    return (builder.uitofp if isinstance(kind, types.Boolean) else builder.sitofp)(out, lanes_t.vector)


def flat_places(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return pointers to the flat places of an array that lanes of whole numbers name."""
    start = arrayobj.make_array(kind)(context, builder, array).data
    return [builder.gep(start, [builder.extract_element(index, WORD(k))]) for k in range(WIDTH)]


def _pick_typed(typing_context: Any, array: Any, index: Any) -> Any:
    if not isinstance(array, types.Array) or index is not wholes_t:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return gathered(builder, array.dtype, lanes_t, flat_places(context, builder, array, args[0], args[1]))

    return lanes_t(array, wholes_t), generate


pick: Any = either(_pick_typed, lambda array, index: array.reshape(-1)[index].astype(np.float64))
"""Numbers of a C-contiguous array of any shape at flat places, as lanes; every place must be inside."""


def _pick_whole_typed(typing_context: Any, array: Any, index: Any) -> Any:
    if not isinstance(array, types.Array) or array.dtype is not types.int64 or index is not wholes_t:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return gathered(builder, array.dtype, wholes_t, flat_places(context, builder, array, args[0], args[1]))

    return wholes_t(array, wholes_t), generate


pick_whole: Any = either(_pick_whole_typed, lambda array, index: array.reshape(-1)[index].copy())
"""As `pick`, of an int64 array, as whole numbers."""


def _put_typed(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    lane = _lane_of(array)
    if lane is None or value is not lane or index is not wholes_t:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        places = flat_places(context, builder, array, args[0], args[1])
        for k in reversed(range(WIDTH)):
            builder.store(builder.extract_element(args[2], WORD(k)), places[k])
        return context.get_dummy_value()

    return types.none(array, wholes_t, lane), generate


def _put_plain(array: Any, index: Any, value: Any) -> None:
    for k in reversed(range(WIDTH)):
        array.reshape(-1)[index[k]] = value[k]


put: Any = either(_put_typed, _put_plain)
"""Write lanes to flat places of a C-contiguous float64 or int64 array of any shape; of two at one place the earlier lane stays."""


def _pick_of_typed(typing_context: Any, first: Any, second: Any, third: Any, which: Any, index: Any) -> Any:
    if not isinstance(first, types.Array) or which is not lanes_t or index is not wholes_t:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        starts = [arrayobj.make_array(first)(context, builder, one).data for one in args[:3]]

        def place(k: int) -> Any:
            number = builder.extract_element(args[3], WORD(k))
            start = builder.select(builder.fcmp_ordered("==", number, DOUBLE(1.0)), starts[1], starts[2])
            start = builder.select(builder.fcmp_ordered("==", number, DOUBLE(0.0)), starts[0], start)
            return builder.gep(start, [builder.extract_element(args[4], WORD(k))])

        return gathered(builder, first.dtype, lanes_t, map(place, range(WIDTH)))

    return lanes_t(first, first, first, lanes_t, wholes_t), generate


def _pick_of_plain(first: Any, second: Any, third: Any, which: Any, index: Any) -> Any:
    return np.choose(which.astype(np.int64), [one.reshape(-1)[index] for one in (first, second, third)]).astype(
        np.float64
    )


pick_of: Any = either(_pick_of_typed, _pick_of_plain)
"""As `pick`, each lane from one of three arrays of one type: the first where ``which`` is 0, the second where it is 1, else the third."""
