"""What lies on its back is told from what stands, and what rests alike either way is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, make_part
from tasks.orient import Z_TO_Y
from tasks.upright import upright_metrics


def confidence(mesh: trimesh.Trimesh, turn: np.ndarray = np.eye(3)) -> float:
    return upright_metrics(Asset((make_part(mesh.vertices @ turn.T, mesh.faces),)))["up.z_confidence"]


def lamp() -> trimesh.Trimesh:
    """A foot, a pole and a smaller head, Z up."""
    foot, pole = trimesh.creation.cylinder(0.4, 0.1), trimesh.creation.cylinder(0.05, 1.0)
    head = trimesh.creation.icosphere(2, 0.2)
    pole.apply_translation([0, 0, 0.5])
    head.apply_translation([0, 0.1, 1.1])
    return trimesh.util.concatenate([foot, pole, head])


def test_a_lamp_is_upright_with_y_up_only() -> None:
    assert confidence(lamp()) > 0.5
    assert confidence(lamp(), Z_TO_Y) < -0.5


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_a_cube_rests_alike_at_any_size(size: float) -> None:
    assert confidence(trimesh.creation.box((size, size, size))) == pytest.approx(0.0, abs=0.01)
