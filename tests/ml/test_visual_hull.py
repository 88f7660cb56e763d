"""Carving against analytic silhouettes of spheres and boxes under known cameras."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.asset import Asset, InputError
from ml.generators.protocol import Request
from ml.generators.visual_hull import VisualHull, VisualHullOptions
from ml.isosurface import zero_surface
from ml.sources import Source
from ml.views import find_views

F64 = npt.NDArray[np.float64]

CENTRE, RADIUS, ANGLE = np.array([0.2, 0.6, -0.1]), 0.45, math.radians(40)


def pose(azimuth: float, elevation: float, distance: float = 2.5) -> F64:
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
    right = np.array([math.cos(a), 0.0, -math.sin(a)])
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    matrix[:3, 3] = CENTRE + distance * back
    return matrix


def photograph(camera: F64, size: int = 200) -> npt.NDArray[np.uint8]:
    """A sphere, red where x > centre and blue elsewhere, ray traced."""
    y, x = np.mgrid[0:size, 0:size]
    focal = 0.5 * size / math.tan(ANGLE / 2)
    rays = np.stack([(x + 0.5 - size / 2) / focal, -(y + 0.5 - size / 2) / focal, -np.ones((size, size))], axis=2)
    rays = (rays / np.linalg.norm(rays, axis=2, keepdims=True)) @ camera[:3, :3].T
    offset = camera[:3, 3] - CENTRE
    b = rays @ offset
    inside = b * b - (offset @ offset - RADIUS**2)
    hit = inside > 0
    where = offset[0] + (-b - np.sqrt(np.maximum(inside, 0))) * rays[..., 0]
    color = np.where((where > 0)[..., None], np.array([220, 20, 20]), np.array([20, 20, 220]))
    return np.concatenate([color * hit[..., None], hit[..., None] * 255], axis=2).astype(np.uint8)


def write_views(folder: Path, poses: list[F64], z_up: bool = False) -> tuple[Source, ...]:
    turn = np.linalg.inv(np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])) if z_up else np.eye(4)
    frames = []
    for index, camera in enumerate(poses):
        Image.fromarray(photograph(camera)).save(folder / f"v{index}.png")
        frames.append({"file_path": f"./train/v{index}", "transform_matrix": (turn @ camera).tolist()})
    document = {"camera_angle_x": ANGLE, "frames": frames} | ({} if z_up else {"up_axis": "Y"})
    (folder / "cameras.json").write_text(json.dumps(document))
    return tuple(Source(str(folder / f"v{index}.png"), str(folder)) for index in range(len(poses)))


def hull(images: tuple[Source, ...], resolution: int = 64) -> Asset:
    (asset,) = VisualHull(VisualHullOptions(resolution=resolution)).generate([Request("hull", 0, images=images)])
    assert isinstance(asset, Asset)
    return asset


def closed(asset: Asset) -> trimesh.Trimesh:
    mesh = trimesh.Trimesh(asset.parts[0].vertices, asset.parts[0].faces, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    _, counts = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    assert (counts == 2).all()
    return mesh


POSES = [pose(azimuth, elevation) for elevation in (-35, 0, 35) for azimuth in range(0, 360, 45)] + [pose(0, 89)]


@pytest.mark.slow
@pytest.mark.parametrize("z_up", [False, True])
def test_a_sphere_from_25_views(tmp_path: Path, z_up: bool) -> None:
    asset = hull(write_views(tmp_path, POSES, z_up))
    mesh = closed(asset)
    voxel = float(asset.notes["voxel_m"])
    radius = np.linalg.norm(mesh.vertices - CENTRE, axis=1)
    assert radius.min() > RADIUS - 0.5 * voxel  # a hull contains its object
    assert np.median(radius) < RADIUS + 0.5 * voxel
    colors = asset.parts[0].colors
    assert colors is not None
    offset = mesh.vertices[:, 0] - CENTRE[0]
    assert (colors[offset > 0.08, 0] > colors[offset > 0.08, 2]).mean() > 0.98
    assert (colors[offset < -0.08, 2] > colors[offset < -0.08, 0]).mean() > 0.98


def test_glass_in_a_frame_is_carved_as_solid(tmp_path: Path) -> None:
    """A sphere whose middle lets 70 % of the light through in every picture, as behind a round window."""
    images = write_views(tmp_path, POSES)
    for index in range(len(POSES)):
        with Image.open(tmp_path / f"v{index}.png") as picture:
            pixels = np.array(picture)
        solid = pixels[..., 3] > 0
        middle = np.argwhere(solid).mean(axis=0)
        rows, columns = np.mgrid[: len(pixels), : len(pixels)]
        pixels[(np.hypot(rows - middle[0], columns - middle[1]) < 40) & solid, 3] = 77
        Image.fromarray(pixels).save(tmp_path / f"v{index}.png")
    volume = closed(hull(images, 40)).volume
    assert volume == pytest.approx(4.0 / 3.0 * math.pi * RADIUS**3, rel=0.05)


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    images = write_views(tmp_path, POSES[:6])
    first, second = hull(images).parts[0], hull(images).parts[0]
    assert first.vertices.tobytes() == second.vertices.tobytes()
    assert first.colors is not None
    assert second.colors is not None
    assert first.colors.tobytes() == second.colors.tobytes()


def test_named_orthographic_views_carve_a_box(tmp_path: Path) -> None:
    """0.6 wide, 0.8 high, 0.3 deep in a picture one unit high."""
    for name, width in (("front", 0.6), ("right", 0.3), ("back", 0.6), ("left", 0.3)):
        pixels = np.zeros((200, 200, 4), dtype=np.uint8)
        half = round(width * 100)
        pixels[20:180, 100 - half : 100 + half] = (90, 160, 90, 255)
        Image.fromarray(pixels).save(tmp_path / f"box-{name}.png")
    names = ("box-front.png", "box-right.png", "box-back.png", "box-left.png")
    asset = hull(tuple(Source(str(tmp_path / name), str(tmp_path)) for name in names))
    closed(asset)
    assert np.allclose(np.ptp(asset.bounds(), axis=0), [0.6, 0.8, 0.3], atol=0.013)


def test_unnamed_views_step_round_the_object(tmp_path: Path) -> None:
    images = tuple(Source(str(tmp_path / f"{index}.png"), str(tmp_path)) for index in range(4))
    backs = [view.pose[:3, 2] for view in find_views(images)]
    assert np.allclose(backs, [[0, 0, 1], [1, 0, 0], [0, 0, -1], [-1, 0, 0]], atol=1e-9)


def refused(images: tuple[Source, ...]) -> str:
    with pytest.raises(InputError) as caught:
        hull(images)
    return caught.value.code


def test_too_few_views(tmp_path: Path) -> None:
    assert refused(write_views(tmp_path, POSES[:2])) == "images.too-few"


def test_cameras_that_see_different_things(tmp_path: Path) -> None:
    images = write_views(tmp_path, POSES[:4])
    document = json.loads((tmp_path / "cameras.json").read_text())
    document["frames"][2]["transform_matrix"][1][3] += 1.2
    (tmp_path / "cameras.json").write_text(json.dumps(document))
    assert refused(images) == "images.empty-hull"


def one_frame(angle: float, matrix: list[list[float]]) -> str:
    return json.dumps({"camera_angle_x": angle, "frames": [{"file_path": "v0", "transform_matrix": matrix}]})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"frames": []}',
        '{"frames": 3, "camera_angle_x": 1}',
        one_frame(9.0, np.eye(4).tolist()),
        one_frame(1.0, np.diag([2.0, 1.0, 1.0, 1.0]).tolist()),
        one_frame(1.0, np.eye(2).tolist()),
    ],
)
def test_broken_cameras(tmp_path: Path, text: str) -> None:
    images = write_views(tmp_path, POSES[:3])
    (tmp_path / "cameras.json").write_text(text)
    assert refused(images) == "images.cameras"


def test_cameras_in_one_direction(tmp_path: Path) -> None:
    assert refused(write_views(tmp_path, [pose(0, 0, d) for d in (2.0, 2.5, 3.0)])) == "images.cameras"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_zero_surface_of_noise_is_closed_and_faces_outward(seed: int) -> None:
    """Every inside/outside pattern occurs in noise; a closed surface's edges each join exactly two faces, in turn."""
    field = np.random.default_rng(seed).normal(size=(6, 6, 6)).astype(np.float32)
    for axis in range(3):
        np.moveaxis(field, axis, 0)[[0, -1]] = -1.0
    if not (field > 0).any():
        return
    vertices, faces = zero_surface(field)
    directed = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    keys = {tuple(edge) for edge in directed.tolist()}
    assert len(keys) == len(directed)
    assert all((b, a) in keys for a, b in keys)
    assert trimesh.Trimesh(vertices, faces, process=False).volume > 0
