"""Levels of detail of imported assets are told by how different they look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, Material, make_part
from tasks.level_difference import level_metrics


def ball(subdivisions: int, color: tuple[float, float, float, float] = (0.2, 0.5, 0.3, 1.0)) -> Asset:
    mesh = trimesh.creation.icosphere(subdivisions)
    return Asset((make_part(mesh.vertices, mesh.faces, Material(base_color=color)),))


def test_a_coarser_ball_looks_alike_and_a_wrong_one_does_not() -> None:
    fine, pink = ball(3), ball(2, (0.9, 0.1, 0.7, 1.0))
    tetrahedron = Asset((make_part(trimesh.creation.icosphere(0).vertices * 0.7, trimesh.creation.icosphere(0).faces),))
    found = level_metrics(replace(fine, lods=(ball(2), pink, tetrahedron)))
    assert found["lod1.difference"] < 0.05
    assert found["lod2.difference"] > 0.1
    assert found["lod3.difference"] > 0.1
    assert found["lods.difference"] == max(found["lod2.difference"], found["lod3.difference"])


def test_a_level_that_shows_nothing_is_as_different_as_can_be() -> None:
    empty = make_part(np.zeros((3, 3)), np.empty((0, 3), np.int32))
    assert level_metrics(replace(ball(1), lods=(Asset((empty,)),))) == {"lod1.difference": 1.0, "lods.difference": 1.0}


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_without_levels_there_is_nothing_and_absurd_sizes_are_measured(factor: float) -> None:
    assert level_metrics(ball(1)) == {}
    part = ball(1).parts[0]
    asset = Asset((replace(part, vertices=(part.vertices.astype(np.float64) * factor).astype(np.float32)),))
    assert level_metrics(replace(asset, lods=(asset,)))["lods.difference"] < 1e-3
