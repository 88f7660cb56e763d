"""64-bit words that hold the points of a block's layer: masks, and bit counts as single machine instructions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

U64 = npt.NDArray[np.uint64]

# A block is eight words, one for each z; bit 8·y + x. The masks are the points on a block's sides.
LOW_X = np.uint64(0x0101010101010101)
HIGH_X = np.uint64(0x8080808080808080)
LOW_Y = np.uint64(0x00000000000000FF)
HIGH_Y = np.uint64(0xFF00000000000000)
NONE, ALL = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
ONE = np.uint64(1)


@intrinsic
def popcount(context: Any, word: Any) -> Any:
    """How many bits of a uint64 are set."""

    def emit(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), emit


@intrinsic
def lowest_bit(context: Any, word: Any) -> Any:
    """The position of the lowest set bit of a uint64; 64 where none is set."""

    def emit(context: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.int64(types.uint64), emit
