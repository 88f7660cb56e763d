"""Pictures of levels: nothing differs from itself, outlines, colours, normals and maps that differ show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from ml.asset import Asset, Material, Texture, make_part
from tasks.lod_textures import TextureLevels
from tasks.lod_views import Frame, image_difference, pictures


def ball(radius: float = 1.0, **material: object) -> Asset:
    """A smooth ball under a square of UVs seen from above."""
    mesh = trimesh.creation.icosphere(4, radius)
    uv = (mesh.vertices[:, [0, 2]] / (2 * radius) + 0.5).astype(np.float32)
    part = make_part(mesh.vertices, mesh.faces, Material(**material), uv=uv, normals=mesh.vertices / radius)
    return Asset((part,))


def plain(red: int, green: int, blue: int, alpha: int = 255) -> Texture:
    return Texture.from_pixels(np.full((64, 64, 4), [red, green, blue, alpha], np.uint8))


def difference(a: Asset, b: Asset, size: int = 128) -> float:
    frame, textures = Frame.of(ball()), TextureLevels()
    return image_difference(pictures(a, textures, frame, size), pictures(b, textures, frame, size))


def test_nothing_differs_from_itself_and_empty_pictures_are_alike() -> None:
    assert difference(ball(), ball()) == 0.0
    nothing = np.full((1, 4, 4, 3), -1, np.float32)
    assert image_difference(nothing, nothing) == 0.0


def test_a_smaller_outline_counts_the_ring_around_it() -> None:
    assert difference(ball(), ball(0.9)) == pytest.approx(1 - 0.9**2, abs=0.03)


def test_the_ball_fills_its_share_of_the_picture() -> None:
    shown = pictures(ball(), TextureLevels(), Frame.of(ball()), 128)[..., 0] >= 0
    radius = 128 / np.sqrt(3) / 2  # the frame holds the corners of the bounding box
    assert shown.sum() / len(shown) == pytest.approx(np.pi * radius**2, rel=0.02)


def test_colours_count_by_factor_and_by_map_alike() -> None:
    white, black = ball(base_color=(1, 1, 1, 1)), ball(base_color=(0, 0, 0, 1))
    painted = ball(base_color=(1, 1, 1, 1), base_color_texture=plain(0, 0, 0))
    assert 0.6 < difference(white, black) < 1.0
    assert difference(white, painted) == pytest.approx(difference(white, black))
    assert difference(black, ball(base_color=(0, 0, 0, 1), emissive=(0, 1, 0))) == pytest.approx(1 / 3)
    glowing = ball(base_color=(0, 0, 0, 1), emissive=(1, 1, 1), emissive_texture=plain(0, 255, 0))
    assert difference(black, glowing) == pytest.approx(1 / 3)


def test_shading_and_normal_maps_count() -> None:
    flat = replace(ball(), parts=(replace(ball().parts[0], normals=None),))
    assert difference(ball(), flat) < 0.05
    tilted = np.roll(ball().parts[0].normals, 1, axis=1)
    assert difference(ball(), replace(ball(), parts=(replace(ball().parts[0], normals=tilted),))) > 0.1
    assert difference(ball(), ball(normal_texture=plain(128, 128, 255))) < 0.01
    assert difference(ball(), ball(normal_texture=plain(255, 128, 128))) > 0.05


def test_masked_texels_are_cut_out() -> None:
    masked = ball(alpha_mode="MASK", base_color_texture=plain(255, 255, 255, 0))
    assert not (pictures(masked, TextureLevels(), Frame.of(ball()), 64) >= 0).any()
