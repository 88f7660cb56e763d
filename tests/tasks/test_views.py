"""Views show what geometry says, agree with the renderer, and their cameras are where the field's laws put them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from tasks.camera import Camera, orbit
from tasks.render import render
from tasks.view_cameras import condition_cameras, orbit_cameras, orthographic_cameras, sphere_cameras
from tasks.views import lens, project, render_views

BALL = trimesh.creation.icosphere(subdivisions=4, radius=0.5)
FRONT = Camera(eye=(0.0, 0.0, 2.0), fov=0.0, extent=2.0)


def quad(z: float = 0.0, material: Material | None = None, **attributes: np.ndarray) -> Part:
    corners = np.array([[-0.5, -0.5, z], [0.5, -0.5, z], [0.5, 0.5, z], [-0.5, 0.5, z]])
    return make_part(corners, [[0, 1, 2], [0, 2, 3]], material, **attributes)


def soup(seed: int) -> Asset:
    """Random triangles of all sizes in two parts, one of them with normals and colours."""
    random = np.random.default_rng(seed)
    parts = []
    for _ in range(2):
        centre = np.repeat(random.normal(size=(60, 1, 3)), 3, axis=1)
        points = (centre + random.normal(size=(60, 3, 3)) * np.exp(random.uniform(-4, 0, (60, 1, 1)))).reshape(-1, 3)
        parts.append(make_part(points, np.arange(180).reshape(-1, 3)))
    normals = random.normal(size=(180, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colors = random.integers(0, 256, (180, 4)).astype(np.uint8)
    return Asset((replace(parts[0], normals=normals, colors=colors), parts[1]))


@given(st.integers(0, 2**32), st.sampled_from([0.0, 20.0, 70.0]))
@settings(max_examples=25, deadline=None)
def test_geometry_is_what_the_renderer_sees(seed: int, fov: float) -> None:
    asset = soup(seed)
    cameras = [orbit(asset.merged()[0], a, 15.0, fov) for a in (0.0, 130.0)]
    views = render_views(asset, cameras, (80, 60))
    for k, camera in enumerate(cameras):
        frame = render(asset, camera, (80, 60), supersample=1)
        assert (views.faces[k] == frame.faces).mean() > 0.999  # the projections round differently
        same = (views.faces[k] == frame.faces) & frame.mask
        assert np.allclose(views.depth[k][same], frame.depth[same], rtol=1e-5)
        assert np.abs(views.normals[k][same] - frame.normals[same]).max(initial=0.0) < 1e-3
    assert np.isinf(views.depth[~views.mask]).all()
    assert not views.normals[~views.mask].any()
    assert not views.albedo[~views.mask].any()


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=25, deadline=None)
def test_projection_is_the_cameras(seed: int, perspective: bool) -> None:
    random = np.random.default_rng(seed)
    camera = Camera(tuple(random.normal(size=3)), tuple(random.normal(size=3)), fov=50.0 if perspective else 0.0)
    points = random.normal(size=(50, 3)).astype(np.float32)
    screen = np.empty((50, 4))
    project(points, *lens(camera, 64, 48), screen)
    assert np.allclose(screen, camera.project(points, 64, 48), rtol=1e-9, atol=1e-7, equal_nan=True)


def test_a_ball_has_the_depth_and_normals_of_a_sphere() -> None:
    asset = Asset((make_part(BALL.vertices, BALL.faces),))
    cameras = sphere_cameras(asset.bounds(), 6, seed=3)
    views = render_views(asset, cameras, 96)
    for k, camera in enumerate(cameras):
        rows, columns = np.nonzero(views.mask[k])
        depth = views.depth[k][rows, columns].astype(float)
        half = np.tan(np.radians(camera.fov) / 2.0) * depth
        x, y = (columns + 0.5 - 48.0) / 48.0 * half, -(rows + 0.5 - 48.0) / 48.0 * half
        points = np.stack([x, y, -depth], axis=1) @ camera.axes() + camera.eye
        assert np.abs(np.linalg.norm(points, axis=1) - 0.5).max() < 0.003
        assert np.abs(views.normals[k][rows, columns] - points / 0.5).max() < 0.05


def test_albedo_is_factor_times_vertex_colour_times_texture_and_unlit() -> None:
    pixels = np.full((8, 8, 4), 255, np.uint8)
    pixels[:, :4, :3] = (188, 188, 188)  # linear 0.503
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    colors = np.tile(np.array([128, 255, 255, 255], np.uint8), (4, 1))
    material = Material(base_color=(1.0, 0.5, 1.0, 1.0), base_color_texture=Texture.from_pixels(pixels))
    view = render_views(Asset((quad(0.0, material, uv=uv, colors=colors),)), [FRONT], 64).albedo[0]
    for column, texel in ((22, 0.503), (42, 1.0)):
        linear = np.array([128 / 255, 0.5, 1.0]) * texel
        expected = 255.0 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        assert np.abs(view[32, column, :3] - expected).max() <= 1.5
    assert (view[..., 3] == np.where(render_views(Asset((quad(),)), [FRONT], 64).mask[0], 255, 0)).all()


def test_mask_cuts_out_and_blend_is_solid_with_its_alpha() -> None:
    pixels = np.full((8, 8, 4), 255, np.uint8)
    pixels[:, :4, 3] = 60
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    texture = Texture.from_pixels(pixels)
    cut = Material(base_color_texture=texture, base_color=(1, 1, 1, 1), alpha_mode="MASK")
    views = render_views(Asset((quad(-0.2), quad(0.0, cut, uv=uv))), [FRONT], 64)
    assert views.depth[0, 32, 20] == pytest.approx(2.2)
    assert views.depth[0, 32, 42] == pytest.approx(2.0)
    glass = replace(cut, alpha_mode="BLEND")
    views = render_views(Asset((quad(-0.2), quad(0.0, glass, uv=uv))), [FRONT], 64)
    assert views.depth[0, 32, 20] == pytest.approx(2.0)
    assert views.albedo[0, 32, 20, 3] == 60


def test_of_equal_faces_the_first_is_seen_whichever_way_it_turns() -> None:
    """Two faces in one place, the first seen from behind: drawn last, it still wins."""
    corners = [[-0.5, -0.5, 0.0], [0.5, -0.5, 0.0], [0.5, 0.5, 0.0]]
    for faces in ([[0, 2, 1], [0, 1, 2]], [[0, 1, 2], [0, 2, 1]]):
        assert set(np.unique(render_views(Asset((make_part(corners, faces),)), [FRONT], 64).faces)) == {-1, 0}


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
def test_any_scale(scale: float) -> None:
    unit, scaled = (Asset((make_part(BALL.vertices * s, BALL.faces),)) for s in (1.0, scale))
    one, other = (render_views(a, sphere_cameras(a.bounds(), 2), 48) for a in (unit, scaled))
    assert (one.mask == other.mask).mean() > 0.99
    both = one.mask & other.mask
    assert np.allclose(other.depth[both] / np.float32(scale), one.depth[both], rtol=1e-3)
    assert np.abs(one.normals[both] - other.normals[both]).max() < 0.05


def test_cameras_follow_their_laws() -> None:
    bounds = np.array([[1.0, 2.0, 3.0], [2.0, 5.0, 4.0]])
    centre, side = bounds.mean(axis=0), 3.0
    around = sphere_cameras(bounds, 150, seed=1)
    offsets = np.array([c.eye for c in around]) - centre
    assert np.allclose(np.linalg.norm(offsets, axis=1), 2.0 * side)
    assert all(c.fov == 40.0 and np.allclose(c.target, centre) for c in around)
    assert abs((offsets[:, 1] < 0).mean() - 0.25) < 0.02
    assert np.linalg.norm(offsets[:, [0, 2]].mean(axis=0)) < 0.1 * side
    assert around == sphere_cameras(bounds, 150, seed=1) != sphere_cameras(bounds, 150, seed=2)
    near = condition_cameras(bounds, 400, seed=1)
    radii = np.linalg.norm(np.array([c.eye for c in near]) - centre, axis=1) / side
    fovs = np.array([c.fov for c in near])
    assert fovs.min() >= 10.0
    assert fovs.max() <= 70.0
    assert np.allclose(np.sin(np.radians(fovs / 2.0)) * radii, np.sqrt(3.0) / 2.0)
    inverse = 1.0 / radii**2
    span = inverse.max() - inverse.min()
    assert np.abs(np.histogram(inverse, 4, (inverse.min(), inverse.min() + span))[0] - 100).max() < 45
    assert [tuple(np.round(c.axes()[2], 9)) for c in orthographic_cameras(bounds)] == [
        (0, 0, 1), (1, 0, 0), (0, 0, -1), (-1, 0, 0), (0, 1, 0), (0, -1, 0)]  # fmt: skip


def test_every_camera_sees_the_whole_asset() -> None:
    box = trimesh.creation.box((1.0, 3.0, 0.5))
    asset = Asset((make_part(box.vertices + 5.0, box.faces),))
    bounds = asset.bounds()
    cameras = [*orthographic_cameras(bounds), *orbit_cameras(asset.merged()[0], 4), *condition_cameras(bounds, 8)]
    for mask in render_views(asset, cameras, 64).mask:
        assert mask.any()
        assert not mask[[0, -1]].any()
        assert not mask[:, [0, -1]].any()


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (Part(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32)), "mesh.no-faces"),
        (Part(np.full((3, 3), np.nan, np.float32), np.array([[0, 1, 2]], np.int32)), "mesh.not-finite"),
        (Part(np.zeros((3, 3), np.float32), np.array([[0, 1, 3]], np.int32)), "mesh.bad-index"),
    ],
)
def test_what_cannot_be_drawn_is_refused(part: Part, code: str) -> None:
    with pytest.raises(InputError) as caught:
        render_views(Asset((part,)), [FRONT])
    assert caught.value.code == code


def test_faces_without_area_and_behind_the_camera_leave_nothing() -> None:
    flat = make_part(np.zeros((3, 3)), [[0, 1, 2], [0, 0, 0]])
    behind = quad(5.0)
    views = render_views(Asset((flat, behind)), [Camera(eye=(0.0, 0.0, 2.0), fov=40.0)], 32)
    assert not views.mask.any()
