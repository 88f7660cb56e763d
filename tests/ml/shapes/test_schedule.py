"""The share of a stage by steps and by time, over several runs, and the rate that follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.asset import InputError
from ml.shapes.schedule import Clock, learning_rate
from ml.shapes.settings import TrainSettings


def test_by_time_compiling_is_no_progress_and_the_end_is_the_budgets() -> None:
    at = 100.0
    clock = Clock(TrainSettings(seconds=60.0), now=lambda: at)
    at = 130.0
    clock.first_step()
    assert clock.read() == 0.0
    at = 145.0
    assert clock.read() == pytest.approx(0.5)
    clock.set(clock.read())
    assert clock.spent == 45.0
    again = Clock(TrainSettings(seconds=60.0), clock.share(7), clock.spent, now=lambda: at)
    at = 150.0
    again.first_step()
    assert again.read() == pytest.approx(0.5)
    assert not again.over(8)
    at = 155.0
    assert again.read() == pytest.approx(0.75)
    at = 160.0
    again.set(again.read())
    assert again.over(9)


@given(st.integers(1, 500), st.integers(0, 50))
def test_the_rate_rises_and_falls(steps: int, warm: int) -> None:
    settings = TrainSettings(steps=steps, warm=warm, rate=1.0, floor=0.1)
    clock = Clock(settings)
    rates = [learning_rate(settings, step, clock.share(step)) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[warm:] == sorted(rates[warm:], reverse=True)
    assert learning_rate(settings, steps + warm, 1.0) == pytest.approx(0.1)
    assert clock.over(steps)
    assert not clock.over(steps - 1)


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"steps": 0}, {"precision": "half"}, {"log_every": 0}])
def test_wrong_settings_are_told(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError) as error:
        TrainSettings(**wrong)  # type: ignore[arg-type]
    assert error.value.code == "recipe.bad-value"
