"""Pictures for shops: the sizes asked for, a turn that shows every side, and a wireframe without hidden edges."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from PIL import Image

from ml.asset import Asset, InputError, Material, make_part
from tasks.gallery import animation, turntable, views, wireframe


def pixels(jpeg: bytes) -> npt.NDArray[np.int64]:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture.convert("RGB")).astype(np.int64)


def box(*size: float) -> Asset:
    mesh = trimesh.creation.box(size)
    return Asset((make_part(mesh.vertices, mesh.faces, Material(base_color=(0.6, 0.02, 0.02, 1.0))),))


def red(picture: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = picture[..., 0] > picture[..., 1] + 50
    return found


@pytest.mark.parametrize("size", [(420, 280), (160, 160), (120, 300)])
def test_the_object_fills_a_picture_of_any_shape(size: tuple[int, int]) -> None:
    (picture,) = views(box(1, 1, 1), size, [(35.0, 20.0)])
    shown = pixels(picture)
    assert shown.shape == (size[1], size[0], 3)
    rows, columns = np.nonzero(red(shown))
    assert 0.6 < max(np.ptp(rows) / size[1], np.ptp(columns) / size[0]) < 0.95
    assert rows.min() > 0
    assert columns.min() > 0


def test_a_turn_shows_the_narrow_and_the_wide_side_from_one_distance() -> None:
    frames = [pixels(frame) for frame in turntable(box(1.0, 0.5, 0.1), 96, 8)]
    widths = [int(np.ptp(np.nonzero(red(frame))[1])) for frame in frames]
    assert widths[0] == pytest.approx(widths[4], abs=2)
    assert widths[2] < 0.35 * widths[0]  # from the side
    with Image.open(io.BytesIO(animation(turntable(box(1.0, 0.5, 0.1), 96, 8)))) as turning:
        assert getattr(turning, "n_frames", 1) == 8
        assert turning.format == "WEBP"


def test_hidden_edges_are_not_drawn() -> None:
    solid = pixels(wireframe(box(1, 1, 1), (300, 300)))
    ink = int((solid.sum(axis=2) < 400).sum())
    mesh = trimesh.creation.box((1, 1, 1))
    front = mesh.faces[mesh.face_normals @ np.array([0.55, 0.34, 0.76]) > 0]  # toward the camera
    seen = Asset((make_part(mesh.vertices, front),))
    shown = int((pixels(wireframe(seen, (300, 300))).sum(axis=2) < 400).sum())
    assert ink == pytest.approx(shown, rel=0.05)


def test_nothing_to_draw_is_told() -> None:
    empty = Asset((make_part(np.zeros((3, 3)), np.zeros((0, 3), int)),))
    for draw in (lambda: views(empty, (64, 64)), lambda: turntable(empty), lambda: wireframe(empty, (64, 64))):
        with pytest.raises(InputError, match="no faces"):
            draw()
