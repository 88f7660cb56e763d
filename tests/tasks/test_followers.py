"""Parts that move take along what hangs on them: sizes as asked, joints kept, everything else bit for bit the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Part
from ml.edits import Axis, Resize, Rotate
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from tasks.bodies import TOUCH, find_bodies, find_links, gap
from tasks.edit_pose import rotate
from tasks.edit_resize import resize
from tasks.followers import carried, hidden
from tasks.moved_part import moved_asset
from tasks.own_axes import directions
from tasks.region import part_indices
from tasks.topology import topology, weld

# Pieces that are one body each, or alike, so that the extent of a piece is what the edit speaks of.
CASES = [
    ("table", "legs"), ("table", "top"), ("chair", "legs"), ("chair", "seat"), ("mug", "handle"), ("mug", "body"),
    ("sword", "blade"), ("sword", "handle"), ("sword", "pommel"), ("stool", "seat"), ("teapot", "spout"),
    ("lamp", "shade"), ("axe", "handle"),
]  # fmt: skip


def made(name: str) -> Asset:
    (asset,) = Procedural().generate([Request(name, seed=1, prompt=parse_prompt(f"a {name}"))])
    assert isinstance(asset, Asset)
    return asset


ASSETS = {name: made(name) for name in {name for name, _ in CASES}}


def resized(asset: Asset, part: str, axis: Axis, factor: float) -> Asset | None:
    """The asset with a part resized; None where its joints do not let it."""
    try:
        return moved_asset(asset, carried(asset, part_indices(asset, part), resize(Resize(part, axis, factor))))
    except InputError as error:
        if error.code != "edit.apart":
            raise
        return None


SIZES = st.sampled_from(["length", "thickness", "", "height", "width", "depth"])


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(CASES),
    st.sampled_from(["length", "thickness", "", "height", "width", "depth"]),
    st.floats(0.6, 1.8),
)
def test_a_resized_part_has_the_size_asked_and_joints_hold(case: tuple[str, str], axis: Axis, factor: float) -> None:
    asset = ASSETS[case[0]]
    indices = part_indices(asset, case[1])
    result = resized(asset, case[1], axis, factor)
    if result is None:
        return
    bodies, links = find_bodies(asset), find_links(find_bodies(asset))
    now = find_bodies(result)
    assert np.array_equal(now.label, bodies.label)
    for body in bodies.of_parts(indices):
        before, after = bodies.points[bodies.body == body], now.points[now.body == body]
        rows = directions(axis, before)
        np.testing.assert_allclose(np.ptp(after @ rows.T, axis=0), factor * np.ptp(before @ rows.T, axis=0), rtol=0.02)
    still = find_links(now)
    for pair in links:
        together = pair in still or gap(now, *pair).distance <= TOUCH * bodies.diagonal
        assert together or hidden(bodies, pair, links[pair])
    assert abs(result.bounds()[0, 1] - asset.bounds()[0, 1]) < 1e-5
    for old, new in zip(asset.parts, result.parts, strict=True):
        assert np.array_equal(old.faces, new.faces)
        _same_closedness(old, new)


def _same_closedness(old: Part, new: Part) -> None:
    counts = [topology(*weld(part.vertices, part.faces)[:2]) for part in (old, new)]
    assert counts[0].closed == counts[1].closed
    assert counts[0].components == counts[1].components


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(CASES), st.sampled_from(["", "height"]), st.floats(0.7, 1.5))
def test_a_resize_and_its_inverse_bring_everything_back(case: tuple[str, str], axis: Axis, factor: float) -> None:
    asset = ASSETS[case[0]]
    indices = part_indices(asset, case[1])
    diagonal = float(np.linalg.norm(np.diff(asset.bounds(), axis=0)))
    there = resized(asset, case[1], axis, factor)
    back = there and resized(there, case[1], axis, 1.0 / factor)
    if there is None or back is None:
        return
    first, second = (directions(axis, each.parts[indices[0]].vertices.astype(np.float64)) for each in (asset, there))
    assume(np.array_equal(first, second))  # a pommel that became a ball is round about another axis too
    own = [np.ptp(back.parts[k].vertices, axis=0) / np.ptp(asset.parts[k].vertices, axis=0) for k in indices]
    np.testing.assert_allclose(own, 1.0, atol=0.02)
    assert abs(float(np.linalg.norm(np.diff(back.bounds(), axis=0))) - diagonal) < 0.02 * diagonal


def test_what_hangs_elsewhere_keeps_its_bits() -> None:
    mug = ASSETS["mug"]
    indices = part_indices(mug, "handle")
    found = carried(mug, indices, resize(Resize("handle", "", 1.3)))
    for k, (part, vertices) in enumerate(zip(mug.parts, found, strict=True)):
        assert np.array_equal(part.vertices, vertices) == (k not in indices)


def test_longer_legs_lift_the_seat_and_a_longer_grip_the_blade() -> None:
    chair, sword = ASSETS["chair"], ASSETS["sword"]
    for asset, part, lifted in ((chair, "legs", "seat"), (sword, "handle", "blade")):
        (k,) = part_indices(asset, lifted)
        found = carried(asset, part_indices(asset, part), resize(Resize(part, "length", 1.5)))
        steps = found[k] - asset.parts[k].vertices
        assert steps[:, 1].min() > 0.02
        np.testing.assert_allclose(steps, np.broadcast_to(steps[:1], steps.shape), atol=1e-6)


def test_factor_one_moves_nothing() -> None:
    for name, part in CASES:
        asset = ASSETS[name]
        found = carried(asset, part_indices(asset, part), resize(Resize(part, "length", 1.0)))
        assert all(np.array_equal(old.vertices, new) for old, new in zip(asset.parts, found, strict=True))


def test_a_turn_that_would_tear_a_joint_is_refused() -> None:
    table = ASSETS["table"]
    with pytest.raises(InputError) as caught:
        carried(table, part_indices(table, "apron"), rotate(Rotate("apron", "width", 90.0)))
    assert caught.value.code == "edit.apart"


def test_what_joints_hold_to_its_size_is_refused() -> None:
    """The rest of a barrel would stretch its narrower top back to where it was."""
    barrel = made("barrel")
    with pytest.raises(InputError, match="holds it to its size"):
        carried(barrel, part_indices(barrel, "top"), resize(Resize("top", "width", 0.6)))
