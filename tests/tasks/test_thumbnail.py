"""Posters: their size, their bytes, and that the object stands in them on a lit floor."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh
from PIL import Image

from ml.asset import Asset, InputError, Material, make_part
from tasks.thumbnail import ThumbnailOptions, thumbnail


def block(color: tuple[float, float, float, float] = (0.7, 0.05, 0.05, 1.0), scale: float = 1.0) -> Asset:
    mesh = trimesh.creation.box((scale, scale, scale))
    return Asset((make_part(mesh.vertices, mesh.faces, Material(base_color=color)),))


DEFAULT = ThumbnailOptions()


def picture(asset: Asset, options: ThumbnailOptions = DEFAULT) -> np.ndarray:
    with Image.open(io.BytesIO(thumbnail(asset, options))) as image:
        assert image.format == "JPEG"
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_red_block_stands_in_the_middle_of_light_grey() -> None:
    pixels = picture(block())
    assert pixels.shape == (512, 512, 3)
    red = pixels[..., 0] > pixels[..., 1] + 60
    rows, columns = np.nonzero(red)
    assert 0.15 < red.mean() < 0.6
    assert abs(columns.mean() - 256) < 25
    assert rows.min() > 15
    assert rows.max() < 500
    corner = pixels[2, 2]
    assert corner.min() > 200
    assert np.ptp(corner) < 8


def test_there_is_a_shadow_beside_the_object() -> None:
    pixels = picture(block())
    grey = np.ptp(pixels, axis=2) < 14
    assert pixels[grey].min() < 175 < pixels[2, 2].min()


def test_bytes_are_bounded_and_repeat() -> None:
    options = ThumbnailOptions(size=256, max_bytes=8000)
    first = thumbnail(block(), options)
    assert len(first) <= 8000
    assert thumbnail(block(), options) == first


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_scale_does_not_change_the_picture(scale: float) -> None:
    small = ThumbnailOptions(size=96)
    assert np.abs(picture(block(scale=scale), small) - picture(block(), small)).mean() < 2.0


def test_turning_the_camera_changes_it() -> None:
    asset = Asset((*block().parts, make_part([[0.6, 0, 0], [0.9, 0, 0], [0.9, 0.5, 0]], [[0, 1, 2]])))
    views = [picture(asset, ThumbnailOptions(size=64, azimuth=angle)) for angle in (0.0, 70.0)]
    assert np.abs(views[0] - views[1]).mean() > 4.0


def test_no_faces_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        thumbnail(Asset((make_part(np.zeros((3, 3)), np.zeros((0, 3), dtype=int)),)))
    assert caught.value.code == "mesh.no-faces"
