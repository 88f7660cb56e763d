"""Lightmap UVs: a second set without overlap beside whatever the first one is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from tasks.unwrap import UnwrapOptions, unwrap
from tasks.uv_coverage import coverage


def tiled(shift: float) -> Part:
    """A textured box whose six sides all show the whole texture."""
    mesh = trimesh.creation.box()
    points = mesh.vertices[mesh.faces].reshape(-1, 3) + np.array([shift, 0, 0])
    uv = np.tile([[0, 0], [1, 0], [0, 1]], (len(mesh.faces), 1)).astype(np.float32)
    material = Material(base_color_texture=Texture(b"never decoded"))
    return make_part(points, np.arange(len(points)).reshape(-1, 3), material, uv=uv)


def test_kept_uvs_stay_and_all_parts_share_one_lightmap() -> None:
    asset = Asset((tiled(0.0), replace(tiled(3.0), colors=np.full((36, 4), 7, np.uint8))))
    made = unwrap(asset, UnwrapOptions(lightmap=True, lightmap_resolution=256))
    assert made.source is None
    hits = sum(coverage(part.uv1, part.faces).astype(int) for part in made.parts)
    assert hits.max() == 1
    assert (hits > 0).mean() > 0.5
    for before, after in zip(asset.parts, made.parts, strict=True):
        np.testing.assert_array_equal(after.uv[after.faces], before.uv[before.faces])
        np.testing.assert_array_equal(after.vertices[after.faces], before.vertices[before.faces])
        assert 0 <= after.uv1.min() <= after.uv1.max() <= 1
    assert (made.parts[1].colors == 7).all()


def test_an_atlas_gets_a_lightmap_of_the_same_charts_and_without_being_asked_none() -> None:
    ball = trimesh.creation.icosphere(2)
    asset = Asset((make_part(ball.vertices, ball.faces),))
    made = unwrap(asset, UnwrapOptions(256, when="always", lightmap=True, lightmap_resolution=64)).parts[0]
    assert coverage(made.uv1, made.faces).max() == 1
    assert unwrap(asset, UnwrapOptions(256, when="always")).parts[0].uv1 is None


def test_a_lightmap_is_refused_like_an_atlas_where_faces_are_too_many() -> None:
    asset = Asset(tuple(tiled(2.0 * i) for i in range(9)))
    assert unwrap(asset, UnwrapOptions(max_faces=100)).parts is asset.parts
    with pytest.raises(InputError, match="108 faces"):
        unwrap(asset, UnwrapOptions(max_faces=100, lightmap=True))
