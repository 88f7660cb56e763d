"""The outer surface is closed, encloses the union's volume, knows where its faces came from, and refuses open parts."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Part, make_part
from tasks.outer_surface import OuterSurface, outer_surface
from tasks.topology import topology


def box(low: float, high: float, side: float = 1.0) -> Part:
    mesh = trimesh.creation.box(bounds=[(low, 0, 0), (high, side, side)])
    return make_part(mesh.vertices[mesh.faces.reshape(-1)], np.arange(36).reshape(12, 3))  # each face on its own


def volume(surface: OuterSurface) -> float:
    return float(np.linalg.det(surface.vertices[surface.faces]).sum() / 6.0)


@given(st.floats(-0.9, 2.0), st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_two_boxes_give_their_union(start: float, scale: float) -> None:
    end = start + 0.7
    parts = (box(0.0, scale), box(start * scale, end * scale))
    parts = tuple(make_part(part.vertices * (1, scale, scale), part.faces) for part in parts)
    surface = outer_surface(Asset(parts))
    covered = max(end, 1.0) - min(start, 0.0) if start <= 1.0 and end >= 0.0 else 1.7
    assert volume(surface) == pytest.approx(covered * scale**3, rel=1e-4)
    assert topology(surface.vertices, surface.faces).closed
    middle = surface.vertices[surface.faces].mean(axis=1)[:, 0] / scale
    assert (middle[surface.owner == 0] <= 1.0 + 1e-4).all()
    assert (middle[surface.owner == 1] >= start - 1e-4).all()


def test_overlapping_solids_of_one_part_are_joined_and_cavities_stay() -> None:
    two = Asset((box(0.0, 1.0), box(0.5, 1.5)))
    vertices, faces, _ = two.merged()
    one = Asset((make_part(vertices, faces),))
    assert volume(outer_surface(one)) == pytest.approx(1.5)
    inner = box(0.25, 0.75, 0.5)
    hollow = make_part(
        np.concatenate([box(0.0, 1.0).vertices, inner.vertices + np.float32([0, 0.25, 0.25])]),
        np.concatenate([box(0.0, 1.0).faces, inner.faces[:, ::-1] + 36]),
    )
    assert volume(outer_surface(Asset((hollow,)))) == pytest.approx(1.0 - 0.125)


def test_parts_that_are_closed_only_together_are_one_solid() -> None:
    whole = box(0.0, 1.0)
    parts = tuple(make_part(whole.vertices[3 * k : 3 * k + 18], np.arange(18).reshape(6, 3)) for k in (0, 6))
    surface = outer_surface(Asset(parts))
    assert volume(surface) == pytest.approx(1.0)
    for part in (0, 1):
        made = surface.vertices[surface.faces[surface.owner == part]]
        areas = np.linalg.norm(np.cross(made[:, 1] - made[:, 0], made[:, 2] - made[:, 0]), axis=1) / 2.0
        assert areas.sum() == pytest.approx(3.0)


def test_parts_without_faces_keep_the_numbers_of_the_others() -> None:
    empty = make_part(np.zeros((0, 3)), np.zeros((0, 3), int))
    assert set(outer_surface(Asset((empty, box(0.0, 1.0)))).owner.tolist()) == {1}


def test_open_and_inverted_parts_are_refused() -> None:
    whole = box(0.0, 1.0)
    for faces, code in ((whole.faces[1:], "not-closed"), (whole.faces[:, ::-1], "inside-out")):
        with pytest.raises(InputError) as caught:
            outer_surface(Asset((whole, make_part(whole.vertices, faces))))
        assert caught.value.code == f"shape.{code}"
