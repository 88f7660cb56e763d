"""Numbers as text are what Python reads back."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.number_rows import float_rows, int_rows

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(arrays(np.float32, (4, 3), elements=FLOATS))
@example(
    np.array([[0.1, 9.9999999e8, 1e9], [1e-5, 9.999999e-6, -0.0], [1, 100, -1e-45], [3.4e38, 1e5, 0.25]], np.float32)
)
def test_every_float32_comes_back_exactly(values: np.ndarray) -> None:
    lines = float_rows(values, ["v ", " ", " ", "\n"]).decode().splitlines()
    assert all(line.startswith("v ") for line in lines)
    back = np.array([[float(word) for word in line.split()[1:]] for line in lines], np.float32)
    np.testing.assert_array_equal(back, values)


@settings(deadline=None)
@given(st.floats(-2, 2))
def test_decimals_are_limited(value: float) -> None:
    text = float_rows(np.array([[value]]), ["", ""], decimals=6).decode()
    assert len(text.partition(".")[2]) <= 6 or "e" in text
    assert float(text) == pytest.approx(value, abs=5.1e-7)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (-1.5, "-1.5"), (120, "120"), (0.001, "0.001"), (1e9, "1e+9"), (1e-6, "1e-6"),
     (999999999.9, "1e+9"), (0.99999999999, "1"), (123456789.4, "123456789"), (1.25e-7, "1.25e-7"), (1e30, "1e+30")],
)  # fmt: skip
def test_the_spelling(value: float, text: str) -> None:
    assert float_rows(np.array([[value]], np.float64), ["", ""]) == text.encode()


@settings(deadline=None)
@given(arrays(np.int64, (3, 2), elements=st.integers(0, 2**40)))
def test_whole_numbers(values: np.ndarray) -> None:
    assert int_rows(values, ["f ", "/", "\n"]).decode() == "".join(f"f {a}/{b}\n" for a, b in values.tolist())
