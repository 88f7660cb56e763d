"""The renderer against what geometry and glTF say a picture has to show."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from tasks.render import Camera, Frame, orbit, render


def quad(z: float = 0.0, size: float = 1.0, **attributes: object) -> Part:
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=np.float32) * size / 2.0
    corners[:, 2] = z
    material = attributes.pop("material", Material())
    return make_part(corners, [[0, 1, 2], [0, 2, 3]], material, **attributes)  # type: ignore[arg-type]


QUAD_UV = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], dtype=np.float32)
FRONT = Camera(eye=(0.0, 0.0, 2.0), target=(0.0, 0.0, 0.0), fov=0.0, extent=2.0)


def ball(radius: float = 0.5, material: Material | None = None) -> Part:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return make_part(mesh.vertices, mesh.faces, material)


def shot(*parts: Part, camera: Camera = FRONT, size: int = 64) -> Frame:
    return render(Asset(parts), camera, size)


def test_orthographic_square_covers_exactly_its_pixels() -> None:
    frame = shot(quad())
    expected = np.zeros((64, 64), dtype=bool)
    expected[16:48, 16:48] = True
    assert np.array_equal(frame.mask, expected)
    assert np.array_equal(frame.color[..., 3] == 255, expected)
    assert np.allclose(frame.depth[expected], 2.0, atol=1e-5)
    assert np.isinf(frame.depth[~expected]).all()
    assert np.allclose(frame.normals[expected], [0, 0, 1], atol=1e-6)
    assert set(np.unique(frame.faces)) == {-1, 0, 1}


def test_half_covered_pixels_are_half_transparent() -> None:
    frame = render(Asset((quad(size=1.0 + 2.0 / 64),)), FRONT, 64, 4)  # edges through the middle of pixels
    assert set(np.unique(frame.color[32, :, 3])) == {0, 128, 255}


@settings(max_examples=15, deadline=None)
@given(st.floats(-180, 180), st.floats(-80, 80), st.sampled_from([0.0, 25.0, 60.0]))
def test_depth_and_normals_of_a_sphere(azimuth: float, elevation: float, fov: float) -> None:
    part = ball()
    camera = orbit(part.vertices, azimuth, elevation, fov)
    frame = shot(part, camera=camera, size=96)
    rows, columns = np.nonzero(frame.mask)
    assert 0.4 < frame.mask.mean() < 0.75  # fills 1/1.1 of the frame: π/4/1.21 = 0.65
    assert abs(rows.mean() - 47.5) < 0.6
    assert abs(columns.mean() - 47.5) < 0.6
    offset = 0.25  # the recorded sample is the one right and below of the pixel's middle
    x, y = (columns + 0.5 + offset - 48) / 48, -(rows + 0.5 + offset - 48) / 48
    depth = frame.depth[frame.mask].astype(np.float64)
    half = np.tan(np.radians(fov) / 2) * depth if fov else np.full_like(depth, camera.extent / 2)
    points = np.stack([x * half, y * half, -depth], axis=1) @ camera.axes() + np.array(camera.eye)
    assert np.abs(np.linalg.norm(points, axis=1) - 0.5).max() < 0.004
    assert np.abs(frame.normals[frame.mask] - points / 0.5).max() < 0.06


def test_nearest_surface_wins_and_parts_are_named() -> None:
    frame = shot(quad(z=0.0), quad(z=0.3, size=0.5))
    assert frame.parts[32, 32] == 1
    assert frame.parts[20, 20] == 0
    assert frame.parts[0, 0] == -1
    assert frame.depth[32, 32] == pytest.approx(1.7, abs=1e-5)


def test_texture_is_seen_upright_and_in_its_colours() -> None:
    pixels = np.zeros((4, 4, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    pixels[:2, :2], pixels[:2, 2:], pixels[2:, :2] = (200, 0, 0, 255), (0, 200, 0, 255), (0, 0, 200, 255)
    material = Material(base_color=(1, 1, 1, 1), base_color_texture=Texture.from_pixels(pixels), roughness=1.0)
    frame = shot(quad(uv=QUAD_UV, material=material))
    picks = {"red": (20, 20), "green": (20, 43), "blue": (43, 20)}
    for channel, (row, column) in enumerate(picks.values()):
        color = frame.color[row, column, :3].astype(int)
        assert color.argmax() == channel
        assert color[channel] > 3 * np.delete(color, channel).max()


def test_perspective_keeps_textures_straight() -> None:
    """The half-way line of a plane seen at a slant: where perspective puts it, not in the middle of the picture."""
    pixels = np.full((64, 64, 4), 255, dtype=np.uint8)
    pixels[:32, :, :3] = 0
    material = Material(base_color=(1, 1, 1, 1), base_color_texture=Texture.from_pixels(pixels), roughness=1.0)
    plane = make_part([[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]], [[0, 1, 2], [0, 2, 3]], material, uv=QUAD_UV)
    camera = Camera(eye=(0.0, 0.7, 2.0), target=(0.0, 0.0, 0.0), fov=50.0)
    frame = shot(plane, camera=camera, size=256)
    column = frame.color[:, 128, 1].astype(int)
    lit = np.flatnonzero(frame.mask[:, 128] & (column > 128))
    middle = camera.project([[0.0, 0.0, 0.0]], 256, 256)[0, 1]
    assert abs(lit.min() - middle) <= 1.5


def test_mask_cuts_holes_and_blend_lets_through() -> None:
    pixels = np.full((8, 8, 4), 255, dtype=np.uint8)
    pixels[:, :4, 3] = 60
    texture = Texture.from_pixels(pixels)
    red = Material(base_color=(0.8, 0.0, 0.0, 1.0), roughness=1.0)
    cut = Material(base_color_texture=texture, alpha_mode="MASK", alpha_cutoff=0.5)
    frame = shot(quad(z=-0.2, material=red), quad(uv=QUAD_UV, material=cut))
    assert frame.parts[32, 20] == 0
    assert frame.parts[32, 43] == 1
    glass = Material(base_color=(0.0, 0.0, 0.8, 0.5), alpha_mode="BLEND", roughness=1.0)
    through = shot(quad(z=-0.2, material=red), quad(size=0.5, material=glass)).color
    alone = shot(quad(z=-0.2, material=red)).color
    assert 0.3 * alone[32, 32, 0] < through[32, 32, 0] < 0.9 * alone[32, 32, 0]
    assert through[32, 32, 2] > alone[32, 32, 2] + 40
    assert tuple(through[20, 20]) == tuple(alone[20, 20])
    assert shot(quad(material=glass)).color[32, 32, 3] == pytest.approx(128, abs=1)


def test_blend_does_not_depend_on_part_order() -> None:
    panes = [quad(z=z, material=Material(base_color=(*rgb, 0.5), alpha_mode="BLEND")) for z, rgb in
             ((0.0, (0.8, 0.0, 0.0)), (0.2, (0.0, 0.8, 0.0)), (0.4, (0.0, 0.0, 0.8)))]  # fmt: skip
    assert np.array_equal(shot(*panes).color, shot(*panes[::-1]).color)


def test_vertex_colours_and_emission_show() -> None:
    colors = np.tile(np.array([0, 255, 0, 255], dtype=np.uint8), (4, 1))
    green = shot(quad(colors=colors, material=Material(base_color=(1, 1, 1, 1), roughness=1.0))).color[32, 32]
    assert green[1] > 2 * max(green[0], green[2])
    dark = Material(base_color=(0, 0, 0, 1), roughness=1.0)
    glow = Material(base_color=(0, 0, 0, 1), roughness=1.0, emissive=(0.5, 0.0, 0.0))
    assert shot(quad(material=glow)).color[32, 32, 0] > shot(quad(material=dark)).color[32, 32, 0] + 60


def test_metals_are_not_black_and_gloss_is_tighter_than_matte() -> None:
    gold = shot(ball(material=Material(base_color=(1.0, 0.77, 0.34, 1.0), metallic=1.0, roughness=0.2)))
    assert gold.color[gold.mask][:, :3].mean() > 90
    gloss, matte = (
        shot(ball(material=Material(base_color=(0.02, 0.02, 0.02, 1.0), roughness=rough))).color[..., 1].max()
        for rough in (0.15, 0.9)
    )
    assert int(gloss) > int(matte) + 60


def test_normal_map_follows_gltf_green_up() -> None:
    """A map that tips the surface towards +v-up must look tipped up: brighter, lit from above."""
    up, down = (
        Texture.from_pixels(np.tile(np.array([128, g, 220, 255], dtype=np.uint8), (4, 4, 1))) for g in (220, 36)
    )
    up_color, down_color = (
        shot(quad(uv=QUAD_UV, material=Material(normal_texture=t, roughness=1.0))).color[32, 32, :3].astype(int).sum()
        for t in (up, down)
    )
    assert up_color > down_color + 60


def test_what_lies_behind_the_camera_is_left_out() -> None:
    frame = shot(quad(z=5.0), quad(), camera=Camera(eye=(0.0, 0.0, 2.0), fov=40.0))
    assert set(np.unique(frame.parts)) == {-1, 1}


def test_no_faces_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        shot(make_part(np.zeros((3, 3)), np.zeros((0, 3), dtype=int)))
    assert caught.value.code == "mesh.no-faces"


def test_orbit_looks_from_where_it_says() -> None:
    points = np.array([[-1.0, 0, -1], [1, 2, 1]])
    for azimuth, axis in ((0.0, (0, 0, 1)), (90.0, (1, 0, 0)), (180.0, (0, 0, -1))):
        camera = orbit(points, azimuth, 0.0)
        assert np.allclose(camera.axes()[2], axis, atol=1e-9)
        assert np.allclose(camera.matrix()[:3, 3], camera.eye)
    assert np.allclose(orbit(points, 0.0, 90.0).axes()[2], (0, 1, 0), atol=1e-6)


CHILD = """
import hashlib, sys, trimesh
from ml.asset import Asset, make_part
from tasks.render import render, orbit
mesh = trimesh.creation.icosphere(subdivisions=4, radius=0.5)
part = make_part(mesh.vertices, mesh.faces)
print(hashlib.sha256(render(Asset((part,)), orbit(part.vertices), 64).color.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_another_process_draws_the_same_bytes() -> None:
    part = ball()
    here = hashlib.sha256(render(Asset((part,)), orbit(part.vertices), 64).color.tobytes()).hexdigest()
    there = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here
