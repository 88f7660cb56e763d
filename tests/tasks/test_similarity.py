"""Similarity: an asset fits its own picture from where it was taken, and another shape or colour fits it less."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.asset import U8, Asset, Material, make_part
from ml.sources import Source
from tasks.camera import orbit
from tasks.similarity import Fit, Reference, best_fits, compared, reference
from tasks.views import render_views

RED, BLUE = Material(base_color=(0.8, 0.05, 0.05, 1.0)), Material(base_color=(0.05, 0.1, 0.8, 1.0))


def lamp(front: Material = RED, back: Material = RED) -> Asset:
    """A post with an arm to the right, a ball at its end, and a plate of each colour before and behind the post."""
    pieces = [
        (trimesh.creation.box((0.2, 1.6, 0.2)), RED),
        (trimesh.creation.box((1.0, 0.15, 0.2)).apply_translation((0.5, 0.7, 0)), RED),
        (trimesh.creation.icosphere(3, 0.25).apply_translation((1.0, 0.7, 0)), RED),
        (trimesh.creation.box((0.6, 0.5, 0.05)).apply_translation((0, -0.3, 0.2)), front),
        (trimesh.creation.box((0.6, 0.5, 0.05)).apply_translation((0, -0.3, -0.2)), back),
    ]
    return Asset(tuple(make_part(mesh.vertices, mesh.faces, material) for mesh, material in pieces))


def picture(asset: Asset, azimuth: float, elevation: float, size: int = 200) -> U8:
    points = np.concatenate([part.vertices for part in asset.parts])
    return render_views(asset, [orbit(points, azimuth, elevation)], size).albedo[0]


def one_fit(asset: Asset, picture: Reference) -> Fit:
    return best_fits(asset, [picture])[0]


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (35.0, 20.0), (128.0, 31.0), (250.0, 10.0)])
def test_an_asset_fits_its_own_picture_from_where_it_was_taken(azimuth: float, elevation: float) -> None:
    fit = one_fit(lamp(), reference(picture(lamp(), azimuth, elevation)))
    assert fit.silhouette > 0.9
    assert fit.color < 0.05
    assert abs((fit.azimuth - azimuth + 180.0) % 360.0 - 180.0) <= 4.0
    assert abs(fit.elevation - elevation) <= 4.0


def test_colours_tell_the_front_from_the_back() -> None:
    both = lamp(RED, BLUE)
    both = replace(both, parts=(both.parts[0], *both.parts[3:]))  # without the arm: the same outline from behind
    for azimuth in (0.0, 180.0):
        fit = one_fit(both, reference(picture(both, azimuth, 0.0)))
        assert abs((fit.azimuth - azimuth + 180.0) % 360.0 - 180.0) <= 4.0
        assert fit.color < 0.05


def test_another_colour_and_another_shape_fit_less() -> None:
    seen = reference(picture(lamp(), 35.0, 20.0))
    same = one_fit(lamp(), seen)
    blue = Asset(tuple(replace(part, material=BLUE) for part in lamp().parts))
    recoloured = one_fit(blue, seen)
    assert recoloured.silhouette == same.silhouette
    assert recoloured.similarity < same.similarity - 0.2
    ball = trimesh.creation.icosphere(3)
    assert one_fit(Asset((make_part(ball.vertices, ball.faces, RED),)), seen).similarity < 0.6


def test_a_drawing_has_no_colours() -> None:
    sheet = np.full((200, 200, 4), 255, np.uint8)
    y, x = np.mgrid[:200, :200]
    sheet[np.abs(np.hypot(x - 100, y - 100) - 80) < 2, :3] = 0
    ball = trimesh.creation.icosphere(3)
    fit = one_fit(Asset((make_part(ball.vertices, ball.faces, BLUE),)), reference(sheet, drawn=True))
    assert fit.silhouette > 0.95
    assert fit.color == 0.0


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_shape_against_any_picture_is_a_share(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(12, 3)) * 10.0 ** random.integers(-3, 4)
    asset = Asset((make_part(points, random.integers(0, 12, (8, 3))),))
    pixels = np.zeros((40, 40, 4), np.uint8)
    rows, columns = np.sort(random.integers(0, 41, (2, 2)), axis=1)
    pixels[rows[0] : rows[1] + 3, columns[0] : columns[1] + 3] = 255
    fit = one_fit(asset, reference(pixels))
    assert 0.0 <= fit.similarity <= fit.silhouette <= 1.0
    assert 0.0 <= fit.color < 1.5


def test_metrics_are_means_and_unreadable_pictures_are_noted(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture(lamp(), 35.0, 20.0)).save(buffer, "PNG")
    (tmp_path / "good.png").write_bytes(buffer.getvalue())
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "noise.png")
    good, noise = (Source(str(tmp_path / name), str(tmp_path)) for name in ("good.png", "noise.png"))
    alone = compared(lamp(), [(good, False)])
    both = compared(lamp(), [(good, False), (noise, False)])
    assert alone.metrics == both.metrics
    assert both.metrics["similarity.reference"] > 0.85
    assert both.notes["similarity"] == "pictures not compared: image.background"
    assert not compared(lamp(), [(noise, False)]).metrics
    second = json.loads(compared(lamp(), [(noise, False), (good, False)]).notes["pictures"])
    assert [view["number"] for view in second] == [2]
    assert second[0]["similarity"] == pytest.approx(both.metrics["similarity.reference"], abs=1e-4)


def test_the_box_of_a_picture_holds_its_object() -> None:
    pixels = np.full((100, 200, 4), 255, np.uint8)
    pixels[20:60, 50:90, :3] = (200, 30, 30)
    pixels[..., 3] = np.where(pixels[..., 1] < 100, 255, 0)
    assert reference(pixels).box == (0.25, 0.2, 0.45, 0.6)
