"""Exported views: surface points put through transforms.json land in the mask at the depth; maps say what is there."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.asset import Asset, InputError, Material, make_part
from tasks.export_views import ViewsOptions, export_views
from tasks.sampling import uniform_samples
from tests.tasks.export_assets import ball, painted, texture

BALL = trimesh.creation.icosphere(3)
SMALL = ViewsOptions(count=3, size=96)


def lopsided() -> Asset:
    """A long bar, a ball on its right and a post in front: no mirror image or turn of it looks the same."""
    bar = trimesh.creation.box((4.0, 0.5, 0.7))
    bulb = trimesh.creation.icosphere(2, 0.8)
    post = trimesh.creation.box((0.4, 2.0, 0.4))
    bulb.apply_translation([2.0, 0.3, 0.0])
    post.apply_translation([-1.0, 1.0, 0.6])
    return Asset(tuple(make_part(m.vertices * 3.0 + np.array([5.0, -2.0, 9.0]), m.faces) for m in (bar, bulb, post)))


def product(asset: Asset, **options: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    files = {file.name: file.data for file in export_views(asset, "x", replace(SMALL, **options))}
    text = json.loads(files.pop("x_transforms.json"))
    return {name: np.asarray(Image.open(io.BytesIO(data))) for name, data in files.items()}, text


def seen(text: dict[str, Any], frame: dict[str, Any], metres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) pixels and (n,) depths of points, by nothing but transforms.json."""
    applied, pose = np.array(text["applied_transform"]), np.array(frame["transform_matrix"])
    world = metres @ applied[:, :3].T + applied[:, 3]
    local = (np.column_stack([world, np.ones(len(world))]) @ np.linalg.inv(pose).T)[:, :3]
    depth = -local[:, 2]
    zoom = frame["fl_x"] / depth if "fl_x" in frame else text["h"] / frame["ortho_scale"]
    return np.stack([text["cx"] + local[:, 0] * zoom, text["cy"] - local[:, 1] * zoom], axis=1), depth


@given(
    st.sampled_from(["orbit", "sphere", "condition", "orthographic"]),
    st.sampled_from(["cube", "sphere"]),
    st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_surface_points_land_in_the_mask_at_its_depth(cameras: Any, kind: Any, seed: int) -> None:
    asset = lopsided()
    vertices, faces, _ = asset.merged()
    metres = uniform_samples(vertices, faces, 30_000, seed).points.astype(np.float64)
    pictures, text = product(asset, cameras=cameras, frame=kind, seed=seed, size=64, count=2)
    for frame in text["frames"]:
        mask, depth = pictures[frame["mask_path"]] > 0, pictures[frame["depth_path"]] * text["integer_depth_scale"]
        where, away = seen(text, frame, metres)
        column, row = np.floor(where).astype(int).T
        inside = (column >= 0) & (column < 64) & (row >= 0) & (row < 64)
        assert inside.mean() > 0.99
        column, row, away = column[inside], row[inside], away[inside]
        rows = np.clip(row[:, None, None] + np.arange(-1, 2)[:, None], 0, 63)
        columns = np.clip(column[:, None, None] + np.arange(-1, 2), 0, 63)
        assert mask[rows, columns].any(axis=(1, 2)).mean() > 0.999  # a pixel is set by its middle: rims are missed
        assert np.array_equal(mask, depth > 0)
        pixel = 2.0 * away.max() / min(frame.get("fl_x", 64), 64)
        nearest = np.where(mask, depth, np.inf)[rows, columns].min(axis=(1, 2))
        assert (nearest - away < pixel).mean() > 0.999  # nothing of the surface lies in front of what is seen
        drawn = mask[row, column]
        ahead = depth[row, column][drawn] - away[drawn]
        hit = np.zeros_like(mask)
        hit[row[drawn][np.abs(ahead) < pixel], column[drawn][np.abs(ahead) < pixel]] = True
        assert hit[mask].mean() > 0.9  # and all that is seen is surface


def test_the_world_is_blender_s_with_the_asset_in_the_cube() -> None:
    asset = lopsided()
    _, text = product(asset, extent=0.5, cameras="sphere")
    applied = np.array(text["applied_transform"])
    centre = asset.bounds().mean(axis=0)
    up, front = applied[:, :3] @ [0, 1, 0], applied[:, :3] @ [0, 0, 1]
    assert np.allclose(up / np.linalg.norm(up), [0, 0, 1])
    assert np.allclose(front / np.linalg.norm(front), [0, -1, 0])
    assert np.allclose(applied[:, :3] @ centre + applied[:, 3], 0, atol=1e-9)
    assert np.linalg.det(applied[:, :3]) > 0
    for frame in text["frames"]:  # TRELLIS' radius of 2 around the unit cube, looking at its middle
        pose = np.array(frame["transform_matrix"])
        assert np.linalg.norm(pose[:3, 3]) == pytest.approx(2.0)
        assert np.allclose(pose[:3, 2] * 2.0, pose[:3, 3])
        assert frame["camera_angle_x"] == text["camera_angle_x"] == pytest.approx(np.radians(40.0))


def test_maps_of_a_ball() -> None:
    """From the front, Blender's −Y: its middle faces the camera, its top up."""
    metal = Material(base_color=(1, 0, 0, 1), metallic=1.0, roughness=0.2)
    asset = Asset((make_part(BALL.vertices, BALL.faces, metal),))
    maps = ("albedo", "normals", "depth", "mask", "orm", "shaded")
    pictures, text = product(asset, cameras="orthographic", maps=maps)
    assert {f"x_{kind}_{k:03}.png" for kind in maps for k in range(6)} == set(pictures)
    assert pictures["x_albedo_000.png"][48, 48].tolist() == [255, 0, 0, 255]
    assert np.abs(pictures["x_normals_000.png"][48, 48].astype(int) - [128, 0, 128]).max() < 12
    assert np.abs(pictures["x_normals_000.png"][6, 48].astype(int) - [128, 90, 250]).max() < 20
    assert pictures["x_orm_000.png"][48, 48].tolist() == [255, 51, 255]
    assert pictures["x_depth_000.png"].dtype in (np.int32, np.uint16)
    assert pictures["x_shaded_000.png"].shape == (96, 96, 4)
    for kind in maps:
        assert not pictures[f"x_{kind}_000.png"][0, 0].any()
    assert text["frames"][0]["file_path"] == "x_shaded_000.png"
    near = pictures["x_depth_000.png"][48, 48] * text["integer_depth_scale"]
    assert near == pytest.approx(3.0, abs=0.01)  # eye at 4, surface at 1


@pytest.mark.parametrize("cameras", ["sphere", "orthographic"])
def test_orm_is_read_where_the_ray_hits(cameras: Any) -> None:
    """A quad whose roughness texture has four fields: each shows in its own quarter of the picture."""
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[..., 1] = [[10, 80], [150, 220]]
    orm = texture(0).from_pixels(np.kron(pixels, np.ones((64, 64, 1), np.uint8)))
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    part = make_part(corners, [[0, 1, 2], [0, 2, 3]], Material(roughness=1.0, metallic_roughness_texture=orm), uv=uv)
    pictures, text = product(Asset((part,)), cameras=cameras, maps=("orm",), count=6)
    grid = np.stack([*np.meshgrid([-0.5, 0.5], [0.5, -0.5]), np.zeros((2, 2))], axis=-1).reshape(-1, 3)
    shown = 0
    for frame in text["frames"]:
        where, _ = seen(text, frame, grid)
        column, row = np.floor(where).astype(int).T
        found = pictures[frame["orm_path"]][row, column, 1]
        flat = len(np.unique(where.round(), axis=0)) < 4 or np.ptp(where, axis=0).min() < 8
        shown += not flat and found.tolist() == [10, 80, 150, 220]
        assert flat or found.tolist() == [10, 80, 150, 220]
    assert shown >= 1


def test_a_replaced_geometry_is_shown_as_it_was_unless_asked() -> None:
    coarse = trimesh.creation.box((2.0, 2.0, 2.0))
    source = Asset((ball(painted(), level=2),))
    asset = Asset((make_part(coarse.vertices, coarse.faces),), source=source)
    round_one, text = product(asset)
    square, now = product(asset, of="asset")
    assert text["applied_transform"] == now["applied_transform"]
    assert (round_one["x_mask_000.png"] > 0).sum() < 0.8 * (square["x_mask_000.png"] > 0).sum()
    assert len(np.unique(round_one["x_albedo_000.png"].reshape(-1, 4), axis=0)) > 10


def test_a_zip_holds_the_same_and_equal_input_gives_equal_bytes() -> None:
    files = {file.name: file.data for file in export_views(lopsided(), "x", SMALL)}
    (packed,) = export_views(lopsided(), "x", replace(SMALL, pack="zip"))
    assert packed.name == "x_views.zip"
    with zipfile.ZipFile(io.BytesIO(packed.data)) as archive:
        held = {f"x_{name}": archive.read(name) for name in archive.namelist()}
    pictures = {name: data for name, data in files.items() if name.endswith("png")}
    assert pictures == {name: data for name, data in held.items() if name.endswith("png")}
    text, packed_text = json.loads(files["x_transforms.json"]), json.loads(held["x_transforms.json"])
    assert packed_text["frames"][0]["file_path"] == "albedo_000.png"
    assert packed_text["applied_transform"] == text["applied_transform"]
    again = export_views(lopsided(), "x", replace(SMALL, pack="zip"))[0].data
    assert again == packed.data
    assert export_views(lopsided(), "x", replace(SMALL, pack="zip", seed=1))[0].data != packed.data


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_any_scale_gives_the_same_pictures(scale: float) -> None:
    pictures, _ = product(Asset((make_part(BALL.vertices * scale, BALL.faces),)))
    plain, _ = product(Asset((make_part(BALL.vertices, BALL.faces),)))
    assert all((pictures[name] != plain[name]).mean() < 0.02 for name in plain if "mask" in name)


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        product(Asset((make_part(np.zeros((3, 3)), [[0, 1, 2]]),)))
    assert caught.value.code == "mesh.no-area"
    with pytest.raises(InputError) as caught:
        product(Asset(()))
    assert caught.value.code == "mesh.no-faces"
    with pytest.raises(ValueError, match="each once"):
        ViewsOptions(maps=("mask", "mask"))
    with pytest.raises(ValueError, match="smallest"):
        ViewsOptions(fovs=(70.0, 10.0))
