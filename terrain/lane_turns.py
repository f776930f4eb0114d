"""Numbers that lie together in memory, eight places of them at once, turned into `lanes` and back; single numbers as lanes and back.

Eight machines whose numbers each lie in one piece are eight rows of a table of which lanes are the columns. Picked number by number that
takes eight loads a lane; here each row is loaded whole and a square of 8 x 8 is turned within the registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np import arrayobj

from .lanes import LONG, WIDTH, WORD, either, flat_places, gathered, lanes_t, wholes_t


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """Return the columns of a square: in three rounds, rows that are 1, 2, 4 apart exchange every second 1, 2, 4 numbers."""
    for apart in (1, 2, 4):
        low = [k if not k & apart else k + WIDTH - apart for k in range(WIDTH)]
        high = [k + apart if not k & apart else k + WIDTH for k in range(WIDTH)]
        orders = [ir.Constant(ir.VectorType(WORD, WIDTH), order) for order in (low, high)]
        after = list(rows)
        for k in range(WIDTH):
            if not k & apart:
                for order, place in zip(orders, (k, k + apart), strict=True):
                    after[place] = builder.shuffle_vector(rows[k], rows[k + apart], order)
        rows = after
    return rows


def _vectors(context: Any, builder: Any, kind: Any, array: Any, places: list[Any]) -> list[Any]:
    """Return pointers to the eight numbers from each of flat places of an array on."""
    held = arrayobj.make_array(kind)(context, builder, array)
    vector = ir.VectorType(context.get_data_type(kind.dtype), WIDTH)
    return [builder.bitcast(builder.gep(held.data, [place]), vector.as_pointer()) for place in places]


def _rows(context: Any, builder: Any, kind: Any, array: Any, row: Any, at: Any) -> list[Any]:
    """Return pointers to ``array[row + k, at:at + 8]``."""
    held = arrayobj.make_array(kind)(context, builder, array)
    vector = ir.VectorType(context.get_data_type(kind.dtype), WIDTH)
    return [
        builder.bitcast(
            cgutils.get_item_pointer(context, builder, kind, held, [builder.add(row, LONG(k)), at], wraparound=False),
            vector.as_pointer(),
        )
        for k in range(WIDTH)
    ]


def _fits(lanes: Any, flat: Any, places: Any) -> bool:
    arrays = isinstance(lanes, types.Array) and isinstance(flat, types.Array)
    return arrays and lanes.dtype == flat.dtype and lanes.dtype.bitwidth == 64 and places is wholes_t


def _take_typed(typing_context: Any, goal: Any, row: Any, at: Any, source: Any, places: Any) -> Any:
    if not _fits(goal, source, places):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        starts = [builder.extract_element(args[4], WORD(k)) for k in range(WIDTH)]
        rows = [builder.load(one, align=8) for one in _vectors(context, builder, source, args[3], starts)]
        columns = _turned(builder, rows)
        for value, one in zip(columns, _rows(context, builder, goal, args[0], args[1], args[2]), strict=True):
            builder.store(value, one, align=8)
        return context.get_dummy_value()

    return types.none(goal, types.intp, types.intp, source, places), generate


def _take_plain(goal: Any, row: int, at: int, source: Any, places: Any) -> None:
    for k in range(WIDTH):
        goal[row + k, at : at + WIDTH] = source.reshape(-1)[places + k]


take_turned: Any = either(_take_typed, _take_plain)
"""``goal[row + k, at + lane]`` becomes number ``places[lane] + k`` of a C-contiguous array, k and lane 0..7; both float64 or int64."""


def _give_typed(typing_context: Any, goal: Any, places: Any, source: Any, row: Any, at: Any) -> Any:
    if not _fits(source, goal, places):
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        rows = [builder.load(one, align=8) for one in _rows(context, builder, source, args[2], args[3], args[4])]
        columns = _turned(builder, rows)
        ends = [builder.extract_element(args[1], WORD(k)) for k in range(WIDTH)]
        pointers = _vectors(context, builder, goal, args[0], ends)
        for k in reversed(range(WIDTH)):
            builder.store(columns[k], pointers[k], align=8)
        return context.get_dummy_value()

    return types.none(goal, places, source, types.intp, types.intp), generate


def _give_plain(goal: Any, places: Any, source: Any, row: int, at: int) -> None:
    for k in reversed(range(WIDTH)):
        goal.reshape(-1)[places[k] : places[k] + WIDTH] = source[row : row + WIDTH, at + k]


give_turned: Any = either(_give_typed, _give_plain)
"""The way back: ``goal`` is flat, ``source`` in lanes; of two lanes at one place the earlier stays."""


def _eight_typed(typing_context: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        out: Any = ir.Constant(lanes_t.vector, ir.Undefined)
        for k, value in enumerate(args):
            out = builder.insert_element(out, value, WORD(k))
        return out

    return lanes_t(*[types.float64] * WIDTH), generate


eight: Any = either(_eight_typed, lambda *numbers: np.array(numbers, dtype=np.float64))
"""Eight numbers as lanes: a division or a root of eight numbers takes little longer than one of a single number."""


def _number_typed(typing_context: Any, value: Any, k: Any) -> Any:
    kinds: dict[Any, Any] = {lanes_t: types.float64, wholes_t: types.int64}
    kind = kinds.get(value)
    if kind is None:
        return None
    return kind(value, types.intp), lambda context, builder, sig, args: builder.extract_element(*args)


number: Any = either(_number_typed, lambda value, k: value[k])
"""Number ``k`` of lanes, or of whole numbers."""


def _pick_near_typed(typing_context: Any, array: Any, index: Any, beyond: Any) -> Any:
    if not isinstance(array, types.Array) or index is not wholes_t:
        return None

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointers = [builder.gep(place, [args[2]]) for place in flat_places(context, builder, array, args[0], args[1])]
        return gathered(builder, array.dtype, lanes_t, pointers)

    return lanes_t(array, wholes_t, types.intp), generate


pick_near: Any = either(
    _pick_near_typed, lambda array, index, beyond: array.reshape(-1)[index + beyond].astype(np.float64)
)
"""As `pick` at ``index + beyond``; cheaper where many numbers are picked around the same places."""
