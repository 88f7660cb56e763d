"""Bit counts of 64-bit words as single machine instructions, for kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

U64 = npt.NDArray[np.uint64]


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
