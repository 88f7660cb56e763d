"""Pictures are those of tasks.portraits, and sketches have a line where an edge is and nowhere else."""

from __future__ import annotations

import numpy as np
import trimesh

from ml.asset import Asset, Material, make_part
from tasks.portraits import portraits
from tasks.shape_pictures import Light, drawn_light, pictures_and_sketches

FRONT, ABOVE = (0.0, 0.0), (30.0, 40.0)


def cube(color: tuple[float, float, float] = (0.5, 0.5, 0.5), low: float = 0.0, high: float = 1.0) -> Asset:
    mesh = trimesh.creation.box(bounds=[(0, low, 0), (1, high, 1)])
    return Asset((make_part(mesh.vertices, mesh.faces, Material(base_color=(*color, 1.0))),))


def ball() -> Asset:
    mesh = trimesh.creation.icosphere(4)
    return Asset((make_part(mesh.vertices, mesh.faces, normals=mesh.vertices.astype(np.float32)),))


def test_pictures_are_portraits() -> None:
    for asset in (cube((0.8, 0.1, 0.1)), ball()):
        pictures, _ = pictures_and_sketches(asset, 48, (FRONT, ABOVE))
        apart = np.abs(pictures.astype(int) - portraits(asset, 48, (FRONT, ABOVE)))
        assert apart.max() <= 1  # float64 beside float32


def test_light_changes_shades_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    (dark,), (first,) = pictures_and_sketches(ball(), 48, (FRONT,), Light((0.0, 0.0, 1.0), 0.0))
    (bright,), (second,) = pictures_and_sketches(ball(), 48, (FRONT,), drawn_light(random))
    assert int(dark[24, 24].sum()) > 2 * int(dark[24, 2:46].min(axis=0).sum())
    assert (first == second).all()
    assert (dark != bright).any()
    assert (dark[0, 0] == bright[0, 0]).all()


def test_a_ball_is_a_circle_of_one_pixel() -> None:
    _, (sketch,) = pictures_and_sketches(ball(), 96, (FRONT,))
    rows, columns = np.nonzero(sketch < 128)
    radius = np.hypot(rows - 47.5, columns - 47.5)
    assert np.ptp(radius) < 3.0
    assert 0.7 < len(rows) / (2 * np.pi * radius.mean()) < 1.6
    assert sketch[0, 0] == 255


def test_creases_steps_and_colours_are_lines() -> None:
    (_, _), (front, above) = pictures_and_sketches(cube(), 96, (FRONT, ABOVE))
    assert (front[20:76, 20:76] == 255).all()
    assert (above[30:66, 30:66] < 128).any()  # the edges that meet at the near corner
    two = Asset((*cube((0.8, 0.1, 0.1), 0.0, 0.5).parts, *cube((0.1, 0.1, 0.8), 0.5, 1.0).parts))
    _, (halves,) = pictures_and_sketches(two, 96, (FRONT,))
    assert ((halves[:, 20:76] < 255).any(axis=1)).sum() > ((front[:, 20:76] < 255).any(axis=1)).sum()
    behind = make_part(*_card(-0.5, 0.5, -0.3))
    near = make_part(*_card(-0.2, 0.2, 0.3))
    _, (cards,) = pictures_and_sketches(Asset((behind, near)), 96, (FRONT,))
    assert (cards[48, 20:76] < 128).sum() >= 2


def test_a_steep_slope_is_no_step() -> None:
    grid = trimesh.creation.box((1.0, 1.0, 0.01)).subdivide().subdivide().subdivide().subdivide()
    tilted = grid.apply_transform(trimesh.transformations.rotation_matrix(np.radians(-80.0), (1, 0, 0)))
    _, (sketch,) = pictures_and_sketches(Asset((make_part(tilted.vertices, tilted.faces),)), 96, (FRONT,))
    rows = np.flatnonzero((sketch < 255).any(axis=1))
    assert (sketch[rows[0] + 3 : rows[-1] - 2, 24:72] == 255).all()
    assert rows[-1] - rows[0] > 8


def _card(low: float, high: float, z: float) -> tuple[list[list[float]], list[list[int]]]:
    corners = [[low, low, z], [high, low, z], [high, high, z], [low, high, z]]
    return corners, [[0, 1, 2], [0, 2, 3]]
