"""Reference meshes: the same shape scores 1 whatever its size, place and heading; others score by what they miss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, make_part
from ml.sources import Source
from tasks.chain import Plan, run_chain
from tasks.profile import load_profile
from tasks.reference_mesh import compared_to_mesh, read_reference, shape_of
from tests.tasks.measured import ball, box


def likeness(asset: Asset, reference: Asset) -> tuple[float, float, float]:
    metrics = compared_to_mesh(asset, shape_of(reference)).metrics
    return metrics["reference.chamfer"], metrics["reference.f_score_1"], metrics["reference.f_score_2"]


TABLE = Asset((box((1.0, 0.05, 0.6), y=0.7), box((0.05, 0.7, 0.05), x=-0.45), box((0.05, 0.7, 0.5), x=0.45)))


def moved(asset: Asset, scale: float, quarters: int, shift: float) -> Asset:
    turn = trimesh.transformations.rotation_matrix(quarters * np.pi / 2, [0, 1, 0])[:3, :3]
    return Asset(tuple(make_part(part.vertices @ turn.T * scale + shift, part.faces) for part in asset.parts))


@given(scale=st.sampled_from([1e-12, 1e-3, 1.0, 40.0, 1e12]), quarters=st.integers(0, 3), shift=st.floats(-2, 2))
@settings(max_examples=8, deadline=None)
def test_the_same_shape_is_recognised_anywhere(scale: float, quarters: int, shift: float) -> None:
    chamfer, strict, loose = likeness(TABLE, moved(TABLE, scale, quarters, shift * scale))
    assert chamfer < 1e-4
    assert strict == loose == 1.0


def test_a_missing_half_costs_recall_and_another_shape_nearly_all() -> None:
    top = Asset((box((1.0, 0.05, 0.6)),))
    chamfer, _, loose = likeness(ball_asset(), top)
    assert chamfer > 0.05
    assert loose < 0.3
    without = Asset(TABLE.parts[:2])
    assert 0.5 < likeness(without, TABLE)[2] < 0.95


def ball_asset() -> Asset:
    return Asset((ball(),))


def test_a_known_distance() -> None:
    """Two boxes whose long sides are 1.5 % of the longest apart: within 2 %, not within 1 %."""
    chamfer, strict, loose = likeness(Asset((box((1.0, 0.5, 0.5)),)), Asset((box((1.0, 0.53, 0.53)),)))
    assert loose > 0.99
    assert strict < 0.4
    assert chamfer == pytest.approx(0.0125, abs=0.003)


def written(folder: Path, asset: Asset, name: str = "reference.obj") -> Source:
    vertices, faces, _ = asset.merged()
    text = "".join(f"v {x} {y} {z}\n" for x, y, z in vertices) + "".join(
        f"f {a} {b} {c}\n" for a, b, c in (faces + 1).tolist()
    )
    (folder / name).write_text(text)
    return Source(str(folder / name), str(folder))


def test_the_chain_compares_and_warns(tmp_path: Path) -> None:
    plan = Plan((), load_profile("none"), reference=written(tmp_path, TABLE))
    good = run_chain(TABLE, plan, "table")
    assert (good.outcome, good.message, good.metrics["reference.f_score_2"]) == ("passed", "", 1.0)
    poor = run_chain(ball_asset(), plan, "ball")
    assert (poor.outcome, "gate.reference" in poor.message) == ("passed", True)
    assert "reference" in good.timings


def test_a_broken_reference_is_a_coded_error(tmp_path: Path) -> None:
    (tmp_path / "broken.glb").write_bytes(b"glTF\2\0\0\0")
    for name, code in (("broken.glb", "mesh."), ("nowhere.obj", "input.missing")):
        with pytest.raises(InputError) as caught:
            read_reference(Source(str(tmp_path / name), str(tmp_path)))
        assert caught.value.code.startswith(code)
    point = Asset((make_part(np.ones((3, 3)), [[0, 1, 2]]),))
    with pytest.raises(InputError) as caught:
        read_reference(written(tmp_path, point))
    assert caught.value.code.startswith("mesh.")


def test_an_asset_without_a_surface_is_like_nothing() -> None:
    point = Asset((make_part(np.ones((3, 3)), [[0, 1, 2]]),))
    assert likeness(point, TABLE) == (1.0, 0.0, 0.0)
