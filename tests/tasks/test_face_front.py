"""Turned assets are turned back: most of those that training has not seen, and none that the network is unsure of."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml.asset import Asset, InputError, make_part
from ml.canonical_pose import SIDE, pose_grid, sources, turn_probabilities, turns
from tasks.face_front import FaceFrontOptions, face_front
from tasks.pose_training import canonical_grid, right_turns

HELD, COUNT = 9, 192  # another seed than training's; four of each category


def test_turns_are_the_rotations_of_a_cube_and_grids_turn_with_points() -> None:
    assert len({tuple(turn.reshape(-1)) for turn in turns()}) == 24
    assert np.linalg.det(turns()) == pytest.approx(1.0)
    assert (turns()[0] == np.eye(3)).all()
    points = np.random.default_rng(0).random((500, 3)) * (1.0, 0.7, 0.4)
    points = np.concatenate([points, points.min(axis=0, keepdims=True), points.max(axis=0, keepdims=True)])
    for turn, row in zip(turns(), sources(), strict=True):
        apart = np.abs(pose_grid(points @ turn.T) - pose_grid(points)[row])
        assert apart.mean() < 0.02  # a point on the border of two cells may fall to either side


@pytest.fixture(scope="module")
def grids() -> np.ndarray:
    return np.stack([canonical_grid(HELD, index) for index in range(COUNT)])


@pytest.mark.slow
def test_held_out_assets_are_brought_back_from_any_turn(grids: np.ndarray) -> None:
    right = right_turns(grids)
    likely = np.stack([turn_probabilities(grid) for grid in grids])
    upright = turns()[:, 1, 1] == 1.0
    every = right[np.arange(COUNT), likely.argmax(axis=1)]
    front = right[np.arange(COUNT), np.where(upright, likely, -1.0).argmax(axis=1)]
    assert every.mean() > 0.93
    assert front.mean() > 0.95
    given = np.random.default_rng(0).integers(24, size=COUNT)  # scores follow the turn: only their order changes
    again = np.stack([turn_probabilities(grid[sources()[k]]) for grid, k in zip(grids, given, strict=True)])
    assert np.sort(again, axis=1) == pytest.approx(np.sort(likely, axis=1), abs=1e-5)


def chair() -> Asset:
    from ml.generators.procedural import Procedural
    from ml.generators.protocol import Request
    from ml.prompt import parse_prompt

    (made,) = Procedural().generate([Request("", 3, parse_prompt("a wooden chair"))])
    assert isinstance(made, Asset)
    return made


def test_a_chair_is_turned_to_the_front_and_stands() -> None:
    whole = chair()
    for k in np.flatnonzero(turns()[:, 1, 1] == 1.0):
        turn = turns()[k]
        parts = tuple(replace(p, vertices=(p.vertices @ turn.T).astype(np.float32), normals=None) for p in whole.parts)
        found = face_front(Asset(parts))
        assert found.merged()[0] == pytest.approx(whole.merged()[0], abs=1e-4)
        assert np.array(json.loads(found.notes["pose"])) == pytest.approx(turn.T)
        assert found.metrics["pose.probability"] > 0.8


def test_what_is_not_sure_stays_and_nothing_is_refused() -> None:
    whole = chair()
    turned = Asset(tuple(replace(p, vertices=-p.vertices * (1, -1, 1), normals=None) for p in whole.parts))
    kept = face_front(turned, FaceFrontOptions(sure=1.0))
    assert (kept.merged()[0] == turned.merged()[0]).all()
    with pytest.raises(InputError) as caught:
        face_front(Asset((make_part(np.zeros((3, 3)), [[0, 1, 2]]),)))
    assert caught.value.code == "mesh.no-area"
    assert pose_grid([[1.0, 2.0, 3.0]]).shape == (SIDE**3,)
