"""Pieces that look inward are counted, in one part or several, open by a hole or closed; cavities are none."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Part, make_part
from tasks.inside_out import inside_out_pieces


def ball(radius: float = 1.0, at: float = 0.0, inward: bool = False, lost: int = 0) -> Part:
    mesh = trimesh.creation.icosphere(2)
    faces = mesh.faces[lost:]
    return make_part(mesh.vertices * radius + [at, 0, 0], faces[:, ::-1] if inward else faces)


def joined(*parts: Part) -> Part:
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=False)])
    return make_part(np.concatenate([part.vertices for part in parts]), faces)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=5), st.integers(0, 3), st.booleans(), st.integers(-25, 25))
def test_each_inward_ball_counts(inward: list[bool], lost: int, one_part: bool, power: int) -> None:
    scale = 10.0**power
    balls = [ball(scale, 3 * scale * k, flip, lost) for k, flip in enumerate(inward)]
    assert inside_out_pieces([joined(*balls)] if one_part else balls) == sum(inward)


@pytest.mark.parametrize("one_part", [True, False])
def test_a_cavity_is_none_and_what_is_inside_it_is_judged_again(one_part: bool) -> None:
    nested = [ball(1.0), ball(0.8, inward=True), ball(0.5)]
    assert inside_out_pieces([joined(*nested)] if one_part else nested) == 0
    wrong = [*nested, ball(0.2, inward=True), ball(0.3, 4.0, inward=True)]
    assert inside_out_pieces([joined(*wrong)] if one_part else wrong) == 1


def test_what_only_sticks_in_another_piece_is_no_cavity() -> None:
    assert inside_out_pieces([joined(ball(), ball(0.5, 0.9, inward=True))]) == 1


def test_open_sheets_and_flat_pieces_are_none() -> None:
    half = ball(inward=True)
    bowl = half.with_faces(half.faces[half.vertices[half.faces][:, :, 1].mean(axis=1) < 0])
    flat = make_part([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 1]])
    point = make_part(np.zeros((3, 3)), [[0, 1, 2]])
    assert inside_out_pieces([bowl, flat, point]) == 0
