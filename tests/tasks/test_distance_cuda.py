"""The CUDA path answers as the CPU does: through a stand-in for cubvh, and where CUDA is for real.

No GPU was at hand when this was written.

The stand-in has cubvh's interface as of commit 7855c00 (`cuBVH(vertices, triangles)` with more than eight triangles,
`unsigned_distance(points, return_uvw)` with distance, face and weights, nothing beyond a distance of 100) and asks our
own hierarchy in float32. So it tests the adapter, not cubvh; the last test asks cubvh itself where CUDA is there.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks import distance_cuda
from tasks.bvh import build_bvh, closest_point
from tasks.signed_distance import build_distance_field, signed_distance, unsigned_distance
from tests.tasks.test_signed_distance import CUBE, CUBE_FACES, bumpy

torch = pytest.importorskip("torch")


class StandIn:
    """cubvh's hierarchy, asked on the CPU."""

    asked = 0

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        assert len(triangles) > 8, "BVH needs at least 8 triangles."
        assert np.abs(vertices).max() <= 2.0, "the mesh is to be normalised"
        self.bvh = build_bvh(np.asarray(vertices, np.float32), triangles)

    def unsigned_distance(self, positions: Any, return_uvw: bool = False) -> tuple[Any, Any, Any]:
        """(distance, face, weights or None), as tensors."""
        StandIn.asked += len(positions)
        points = positions.float().contiguous().numpy()
        found = [closest_point(self.bvh, points[i : i + 3]) for i in range(0, len(points), 3)]
        face, weights, distance = (np.concatenate([part[k] for part in found]) for k in range(3))
        face = np.where(distance < 100.0, face, -1)
        uvw = torch.from_numpy(weights.astype(np.float32)) if return_uvw else None
        return torch.from_numpy(distance.astype(np.float32)), torch.from_numpy(face.astype(np.int64)), uvw


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has the stand-in and thinks 4 points are many."""
    module = ModuleType("cubvh")
    module.cuBVH = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cubvh", module)
    monkeypatch.setattr(distance_cuda, "cuda_ready", lambda: True)
    monkeypatch.setattr(distance_cuda, "MANY_POINTS", 4)
    StandIn.asked = 0


@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-30, 1.0, 1e30]), shift=st.sampled_from([0.0, 50.0]))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_paths_answer_alike(gpu: None, seed: int, scale: float, shift: float) -> None:
    points, faces = bumpy(seed, 8)
    rng = np.random.default_rng(seed)
    queries = np.concatenate([rng.uniform(-2, 2, (100, 3)), rng.normal(size=(20, 3)) * 1e3, points[:20]])
    points, queries = (points + shift) * scale, (queries + shift) * scale
    field = build_distance_field(points, faces)
    before = StandIn.asked
    theirs = signed_distance(field, queries)
    assert StandIn.asked >= before + 120  # all but the far ones
    assert field.bvh.on_gpu is not None
    object.__setattr__(field.bvh, "on_gpu", None)
    ours = signed_distance(field, queries)
    assert np.abs(theirs.distance - ours.distance).max() <= 1e-6 * scale
    hit = np.einsum("ni,nij->nj", theirs.barycentric, points[faces[theirs.face]])
    away = np.linalg.norm(hit - queries, axis=1)
    np.testing.assert_allclose(away, np.abs(theirs.distance), rtol=1e-9, atol=1e-12 * scale * (1 + shift))


def test_few_points_few_faces_and_hints_stay_on_the_cpu(gpu: None) -> None:
    bvh = build_bvh(CUBE, CUBE_FACES)
    closest_point(bvh, np.zeros((3, 3)))
    closest_point(bvh, np.zeros((5, 3)), hint=np.ones((5, 3)), penalty=0.1)
    assert StandIn.asked == 0
    small = build_bvh(CUBE, CUBE_FACES[:8])
    assert closest_point(small, np.zeros((5, 3)))[2] == pytest.approx(0.0)
    assert StandIn.asked == 0
    assert unsigned_distance(build_distance_field(CUBE, CUBE_FACES), np.full((5, 3), 0.5)).distance == pytest.approx(
        0.5
    )
    assert StandIn.asked == 5


def test_without_cubvh_nothing_changes() -> None:
    if not distance_cuda.cuda_ready():
        assert build_bvh(CUBE, CUBE_FACES).on_gpu is None


@pytest.mark.skipif(not distance_cuda.cuda_ready(), reason="needs a CUDA GPU and cubvh, which no machine of CI has")
def test_cubvh_itself_answers_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    points, faces = bumpy(7, 60)
    queries = np.random.default_rng(7).uniform(-2, 2, (200_000, 3))
    field = build_distance_field(points, faces)
    theirs = signed_distance(field, queries)
    assert field.bvh.on_gpu is not None
    monkeypatch.setattr(distance_cuda, "MANY_POINTS", 10**9)
    ours = signed_distance(field, queries)
    assert np.abs(theirs.distance - ours.distance).max() <= 1e-6
