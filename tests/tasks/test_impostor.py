"""Impostors: right from four sides, cut out where the asset is not, the last level of a valid asset."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, InputError, Material, Part, make_part
from tasks.camera import Camera
from tasks.impostor import ImpostorOptions, impostor
from tasks.lods import LodOptions, lods
from tasks.views import render_views

WAYS = ((0, 0, 1), (1, 0, 0), (0, 0, -1), (-1, 0, 0))


def figure(scale: float = 1.0) -> Asset:
    """A red ball high on the left in front of a blue post that stands aside, so that no two sides look alike."""
    ball = trimesh.creation.icosphere(3, 0.4).apply_translation((-0.5, 1.6, 0.6))
    post = trimesh.creation.box((0.3, 2.0, 0.5)).apply_translation((0.4, 1.0, -0.2))
    red, blue = Material(base_color=(1, 0, 0, 1), roughness=0.2), Material(base_color=(0, 0, 1, 1), roughness=0.6)
    return Asset(tuple(make_part(m.vertices * scale, m.faces, c) for m, c in ((ball, red), (post, blue))), "figure")


def cameras(asset: Asset) -> list[Camera]:
    low, high = asset.bounds()
    side = float((high - low).max())
    centre = 0.5 * (low + high)
    return [Camera(tuple(centre + 3 * side * np.array(w)), tuple(centre), fov=0.0, extent=1.1 * side) for w in WAYS]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_it_looks_like_the_asset_from_its_four_sides(scale: float) -> None:
    asset = figure(scale)
    made = impostor(asset)
    (level,) = made.lods
    assert level.face_count == 8
    there, here = (render_views(shown, cameras(asset), 128) for shown in (asset, level))
    for k in range(4):
        union = there.mask[k] | here.mask[k]
        assert (there.mask[k] != here.mask[k]).sum() < 0.04 * union.sum()
        both = there.mask[k] & here.mask[k]
        red = both & (there.albedo[k, ..., 0] > 127)
        blue = both & (there.albedo[k, ..., 2] > 127)
        assert (here.albedo[k, ..., 0][red] > 127).mean() > 0.95
        assert (here.albedo[k, ..., 2][blue] > 127).mean() > 0.95


def test_the_normal_map_bends_light_as_the_ball_does() -> None:
    """Upper texels of the ball's picture lean up, left ones left; glTF's green points up."""
    ball = trimesh.creation.icosphere(4)
    material = impostor(Asset((make_part(ball.vertices, ball.faces),))).lods[0].parts[0].material
    front = material.normal_texture.pixels()[:256, :256, :3].astype(float) / 127.5 - 1
    y, x = (128 - 0.5 - np.indices((256, 256))[0]) / 126, (np.indices((256, 256))[1] + 0.5 - 128) / 126
    inside = x**2 + y**2 < 0.9
    assert np.abs(front[..., 0] - x)[inside].max() < 0.05
    assert np.abs(front[..., 1] - y)[inside].max() < 0.05


def test_it_is_the_last_level_with_its_figures() -> None:
    made = impostor(lods(figure(), LodOptions(levels=1)))
    assert [lod.face_count for lod in made.lods][-1] == made.metrics["lod2.faces"] == 8
    assert 0 < made.metrics["lod2.coverage"] < made.metrics["lod1.coverage"]
    assert 0 < made.metrics["lod2.difference"] == made.metrics["impostor.difference"] < 0.7
    material = made.lods[-1].parts[0].material
    assert (material.alpha_mode, material.double_sided) == ("MASK", False)
    assert 0.2 < material.roughness < 0.6


def test_what_looks_too_different_is_left_out() -> None:
    made = impostor(figure(), ImpostorOptions(resolution=32, max_difference=0.05))
    assert made.lods == ()
    assert made.notes["impostor"].startswith("none: it looks")


def test_a_sheet_has_one_plane_and_nothing_to_see_is_refused() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    sheet = Asset((make_part(corners, [[0, 1, 2], [0, 2, 3]]),))
    assert impostor(sheet).lods[0].face_count == 4
    floor = Asset((make_part(corners[:, [0, 2, 1]], [[0, 1, 2], [0, 2, 3]]),))
    point = Asset((Part(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)),))
    for asset in (floor, point):
        with pytest.raises(InputError) as error:
            impostor(asset)
        assert error.value.code == "mesh.no-faces"
