"""The clock books every run of a stage, and an error carries those before it through a pickle."""

import pickle
import time

import pytest

from manifests.stage_run import Clock, StageRun, host, stages_of
from ml.asset import InputError


def test_runs_add_up_by_stage_and_stand_in_time() -> None:
    clock, before = Clock(), time.time()
    assert clock.timed("a", lambda: 3) == 3
    clock.timed("b", lambda: time.sleep(0.02))
    clock.timed("a", lambda: None)
    assert list(clock.seconds) == ["a", "b"]
    assert clock.seconds["a"] == sum(run.seconds for run in clock.runs if run.stage == "a")
    assert clock.seconds["b"] >= 0.02
    assert [run.stage for run in clock.runs] == ["a", "b", "a"]
    assert all(before <= run.started <= time.time() for run in clock.runs)
    assert {(run.outcome, run.host) for run in clock.runs} == {("ok", host())}


@pytest.mark.parametrize(
    ("error", "code"), [(InputError("mesh.broken", "x"), "mesh.broken"), (KeyError("k"), "error.KeyError")]
)
def test_an_error_carries_its_stages(error: Exception, code: str) -> None:
    def fail() -> None:
        raise error

    clock = Clock()
    clock.timed("read", lambda: None)
    with pytest.raises(type(error)) as caught:
        clock.timed("bake", fail)
    there = stages_of(pickle.loads(pickle.dumps(caught.value)))
    assert [(run.stage, run.outcome) for run in there] == [("read", "ok"), ("bake", code)]
    assert there == tuple(clock.runs)


def test_an_error_without_stages_has_none() -> None:
    assert stages_of(ValueError("x")) == ()
    assert isinstance(StageRun("a", 0.0, 0.0).host, str)
