"""Tables of numbers as text, one row after the other, for the formats that spell their geometry out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import U8

LOSSLESS = 9  # significant digits that tell every float32 from its neighbours (IEEE 754, 5.12.2)
ANY = 99  # decimals: no limit
WIDEST = 20  # characters of a number: sign, 9 digits, point, 4 zeros or an exponent
_POWERS = 10.0 ** np.arange(-70.0, 71.0)  # 10ᵏ at k + 70; float32 spans 10⁻⁴⁵ … 10³⁸


def float_rows(values: npt.NDArray[Any], literals: list[str], decimals: int = ANY) -> bytes:
    """(n, c) finite numbers as lines of text: literals[0] number literals[1] … number literals[c], as ASCII.

    At most 9 significant digits, at most `decimals` behind the point, no trailing zeros; below 10⁻⁵ and from 10⁹ on
    with an exponent. 85 ns a number, where Python's % takes 350.
    """
    text, ends = _joined(literals)
    out = np.empty(len(values) * (values.shape[1] * WIDEST + len(text)), np.uint8)
    return out[: _floats(out, values, text, ends, decimals, _POWERS)].tobytes()


def int_rows(values: npt.NDArray[Any], literals: list[str]) -> bytes:
    """(n, c) whole numbers from 0 on as lines of text, as `float_rows`."""
    text, ends = _joined(literals)
    widest = len(str(int(values.max(initial=0))))
    out = np.empty(len(values) * (values.shape[1] * widest + len(text)), np.uint8)
    return out[: _ints(out, values, text, ends)].tobytes()


def _joined(literals: list[str]) -> tuple[U8, npt.NDArray[np.int64]]:
    text = np.frombuffer("".join(literals).encode("ascii"), np.uint8)
    return text, np.cumsum([len(literal) for literal in literals])


@njit(cache=True, nogil=True)
def _floats(
    out: U8, values: npt.NDArray[Any], text: U8, ends: npt.NDArray[np.int64], decimals: int, powers: npt.NDArray[Any]
) -> int:
    at = 0
    for row in range(values.shape[0]):
        begin = 0
        for column in range(values.shape[1]):
            for k in range(begin, ends[column]):
                out[at] = text[k]
                at += 1
            begin = ends[column]
            at = int(_put_float(out, at, float(values[row, column]), decimals, powers))
        for k in range(begin, len(text)):
            out[at] = text[k]
            at += 1
    return at


@njit(cache=True, nogil=True)
def _ints(out: U8, values: npt.NDArray[Any], text: U8, ends: npt.NDArray[np.int64]) -> int:
    at = 0
    for row in range(values.shape[0]):
        begin = 0
        for column in range(values.shape[1]):
            for k in range(begin, ends[column]):
                out[at] = text[k]
                at += 1
            begin = ends[column]
            number = values[row, column]
            width = _width(number)
            _put_digits(out, at, number, width)
            at += width
        for k in range(begin, len(text)):
            out[at] = text[k]
            at += 1
    return at


@njit(cache=True, nogil=True)
def _width(number: int) -> int:
    width = 1
    limit = 10
    while number >= limit:
        limit *= 10
        width += 1
    return width


@njit(cache=True, nogil=True)
def _put_digits(out: U8, at: int, number: int, width: int) -> None:
    """`number` in `width` places, zeros in front."""
    for place in range(at + width - 1, at - 1, -1):
        out[place] = 48 + number % 10
        number //= 10


@njit(cache=True, nogil=True)
def _put_float(out: U8, at: int, value: float, decimals: int, powers: npt.NDArray[Any]) -> int:
    """Write one number; returns the place behind it."""
    if value < 0.0:
        out[at] = 45
        value = -value
        sign = 1
    else:
        sign = 0
    if value == 0.0:
        out[at] = 48
        return at + 1
    exponent = int(np.floor(np.log10(value)))  # of the first digit; one off at times, which rounding shows
    digits = min(LOSSLESS, exponent + decimals + 1)
    if digits < 0:
        out[at] = 48
        return at + 1
    whole = int(value * powers[digits - 1 - exponent + 70] + 0.5)
    if whole == 0:
        out[at] = 48
        return at + 1
    while whole % 10 == 0:
        whole //= 10
        digits -= 1
    width = _width(whole)
    exponent += width - digits
    return int(_put_scaled(out, at + sign, whole, width, exponent))


@njit(cache=True, nogil=True)
def _put_scaled(out: U8, at: int, whole: int, width: int, exponent: int) -> int:
    """The digits of `whole`, the first of them worth 10^exponent."""
    if exponent >= LOSSLESS or exponent < -5:
        at = int(_put_point(out, at, whole, width, 1))
        out[at] = 101
        out[at + 1] = 45 if exponent < 0 else 43
        size = int(_width(abs(exponent)))
        _put_digits(out, at + 2, abs(exponent), size)
        return at + 2 + size
    if exponent < 0:
        for place in range(at, at + 1 - exponent):
            out[place] = 48
        out[at + 1] = 46
        _put_digits(out, at + 1 - exponent, whole, width)
        return at + 1 - exponent + width
    if exponent + 1 >= width:
        _put_digits(out, at, whole, width)
        for place in range(at + width, at + exponent + 1):
            out[place] = 48
        return at + exponent + 1
    return int(_put_point(out, at, whole, width, exponent + 1))


@njit(cache=True, nogil=True)
def _put_point(out: U8, at: int, whole: int, width: int, before: int) -> int:
    """The digits with a point behind the first `before`, which is left out where nothing follows."""
    if width <= before:
        _put_digits(out, at, whole, width)
        return at + width
    scale = 1
    for _ in range(width - before):
        scale *= 10
    _put_digits(out, at, whole // scale, before)
    out[at + before] = 46
    _put_digits(out, at + before + 1, whole % scale, width - before)
    return at + width + 1
