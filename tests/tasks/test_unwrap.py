"""Unwrapping: a valid, padded, non-overlapping atlas that keeps faces, positions and shading."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from tasks.measure import measure
from tasks.unwrap import UnwrapOptions, unwrap
from tests.tasks.charts import uv_charts

ALWAYS = UnwrapOptions(resolution=256, when="always")


def box(size: float = 1.0, shift: float = 0.0, **attributes: object) -> Part:
    mesh = trimesh.creation.box((size, size, size))
    return make_part(mesh.vertices + np.float64([shift, 0, 0]), mesh.faces, **attributes)


def ball(shift: float = 3.0, material: Material | None = None) -> Part:
    mesh = trimesh.creation.icosphere(2)
    return make_part(mesh.vertices + np.float64([shift, 0, 0]), mesh.faces, material)


def coverage(part: Part, size: int) -> np.ndarray:
    """(charts, size, size): texel centres strictly inside each chart's triangles."""
    charts = uv_charts(part)
    y, x = np.mgrid[:size, :size] + 0.5
    covered = np.zeros((charts.max() + 1, size, size), dtype=np.int32)
    for chart, corners in zip(charts, part.uv[part.faces] * size, strict=True):
        area = np.cross(np.append(corners[1] - corners[0], 0), np.append(corners[2] - corners[0], 0))[2]
        inside = np.ones((size, size), dtype=bool)
        for k in range(3):
            a, edge = corners[k], corners[(k + 1) % 3] - corners[k]
            side = (edge[0] * (y - a[1]) - edge[1] * (x - a[0])) * np.sign(area) / max(np.linalg.norm(edge), 1e-9)
            inside &= side > 1e-3
        covered[chart] += inside
    return covered


def test_the_atlas_holds_every_part_without_overlap_and_with_a_gap() -> None:
    result = unwrap(Asset((box(), ball())), ALWAYS)
    part = result.parts[0]
    assert len(result.parts) == 1
    assert part.uv.min() >= 0
    assert part.uv.max() <= 1
    covered = coverage(part, 256)
    assert covered.sum(axis=0).max() == 1  # no texel centre lies in two triangles
    assert covered.any(axis=(1, 2)).all()
    for chart in covered.astype(bool):
        others = covered.sum(axis=0).astype(bool) & ~chart
        assert distance_transform_edt(~chart)[others].min() >= ALWAYS.padding
    assert result.metrics["uv.charts"] == len(covered)
    assert result.metrics["uv.utilisation"] == pytest.approx(covered.sum() / 256**2, abs=0.02)


def test_no_chart_is_mirrored() -> None:
    """As the Khronos asset auditor asks: counter-clockwise triangles stay so in an image, whose v grows downward."""
    asset = measure(unwrap(Asset((box(), ball(), ball(-3.0))), ALWAYS))
    assert asset.metrics["uv.inverted"] == 0
    assert asset.metrics["uv.overlap"] < 0.001


def test_faces_keep_their_order_and_positions_and_the_asset_before_becomes_the_source() -> None:
    asset = Asset((box(), ball()))
    result = unwrap(asset, ALWAYS)
    vertices, faces, _ = asset.merged()
    part = result.parts[0]
    np.testing.assert_array_equal(part.vertices[part.faces], vertices[faces].astype(np.float32))
    assert result.source is asset
    detailed = Asset((ball(),))
    assert unwrap(replace(asset, source=detailed), ALWAYS).source is detailed


def test_boxes_stay_crisp_balls_smooth_and_given_normals_survive() -> None:
    part = unwrap(Asset((box(), ball())), ALWAYS).parts[0]
    corner_normals = part.normals[part.faces]
    assert np.abs(corner_normals[:12]).max(axis=2).min() == pytest.approx(1)  # the box's are axis-aligned
    outward = part.vertices[part.faces[12:]] - [3, 0, 0]
    assert (corner_normals[12:] * outward).sum(axis=2).min() > 0.99
    sideways = np.tile(np.float32([0.6, 0.8, 0]), (8, 1))
    given_normals = unwrap(Asset((box(normals=sideways),)), ALWAYS).parts[0].normals
    np.testing.assert_array_equal(given_normals, np.tile(sideways[:1], (len(given_normals), 1)))


def test_degenerate_faces_are_kept_with_uvs_of_their_neighbours() -> None:
    part = box()
    faces = np.concatenate([[[0, 0, 1]], part.faces, [[2, 2, 2]]])
    result = unwrap(Asset((part.with_faces(faces),)), ALWAYS).parts[0]
    assert len(result.faces) == 14
    used = {tuple(uv) for uv in result.uv[result.faces[1:13]].reshape(-1, 2)}
    assert {tuple(uv) for uv in result.uv[result.faces[[0, 13]]].reshape(-1, 2)} <= used


def test_an_asset_of_nothing_but_zero_area_faces_does_not_reach_xatlas() -> None:
    part = make_part([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2], [0, 0, 1]])
    result = unwrap(Asset((part,)), ALWAYS)
    assert (result.metrics["uv.charts"], len(result.parts[0].faces)) == (0, 2)


def test_needed_leaves_usable_uvs_alone_and_replaces_the_others() -> None:
    uv = np.random.default_rng(0).uniform(size=(8, 2)).astype(np.float32)
    textured = Material(base_color_texture=Texture(b"never decoded"))
    atlas = Asset((box(uv=uv),))
    assert unwrap(atlas).parts is atlas.parts
    imported = Asset((box(uv=uv * 3, material=textured), box(shift=2)))
    assert unwrap(imported).parts is imported.parts
    assert "textured" in unwrap(imported).notes["unwrap"]
    for stale in (
        Asset((box(uv=uv * 3),)),  # outside 0–1
        Asset((box(uv=np.full((8, 2), np.nan, np.float32)),)),
        Asset((box(), box(shift=2))),  # nothing textured: colours have to be baked
        Asset((box(uv=uv, material=textured), box(shift=2, material=textured))),  # a texture without UVs
        replace(imported, source=atlas),  # geometry was replaced
    ):
        assert len(unwrap(stale).parts) == 1
        assert "uv.charts" in unwrap(stale).metrics


def test_a_shared_plain_material_survives_and_different_ones_wait_for_baking() -> None:
    red, blue = Material(base_color=(1, 0, 0, 1)), Material(base_color=(0, 0, 1, 1), double_sided=True)
    assert unwrap(Asset((ball(0, red), ball(3, red))), ALWAYS).parts[0].material == red
    assert unwrap(Asset((ball(0, red), ball(3, blue)), "two"), ALWAYS).parts[0].material == Material(
        name="two", double_sided=True
    )


def test_too_many_faces_and_none_are_refused() -> None:
    with pytest.raises(InputError, match="320 faces; unwrapping takes at most 300: simplify first") as error:
        unwrap(Asset((ball(),)), UnwrapOptions(max_faces=300))
    assert error.value.code == "uv.too-many-faces"
    with pytest.raises(InputError) as error:
        unwrap(Asset((box().with_faces(np.zeros((0, 3))),)))
    assert error.value.code == "mesh.no-faces"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_random_soups_of_any_size_come_back_whole(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    part = make_part(rng.normal(size=(12, 3)) * scale, rng.integers(0, 12, (20, 3)))
    result = unwrap(Asset((part,)), ALWAYS).parts[0]
    np.testing.assert_array_equal(result.vertices[result.faces], part.vertices[part.faces] + np.float32(0))
    assert np.isfinite(result.uv).all()
    assert result.uv.min() >= 0
    assert result.uv.max() <= 1


SCRIPT = """
import hashlib, trimesh
from ml.asset import Asset, make_part
from tasks.unwrap import UnwrapOptions, unwrap
mesh = trimesh.creation.icosphere(2)
part = unwrap(Asset((make_part(mesh.vertices + [3.0, 0, 0], mesh.faces),)), UnwrapOptions(256, when="always")).parts[0]
print(hashlib.sha256(part.vertices.tobytes() + part.faces.tobytes() + part.uv.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_another_process_gives_the_same_bytes() -> None:
    part = unwrap(Asset((ball(),)), ALWAYS).parts[0]
    digest = hashlib.sha256(part.vertices.tobytes() + part.faces.tobytes() + part.uv.tobytes()).hexdigest()
    other = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest
