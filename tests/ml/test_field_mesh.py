"""Meshes of fields are closed manifolds on the field's zeros, whatever the field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import F32, InputError
from ml.field_grid import Grid, make_grid, sample_blocks
from ml.field_mesh import field_mesh
from ml.plane_field import Distance
from tasks.topology import topology


def ball(
    extents: tuple[float, float, float], radius: float = 0.9, centre: tuple[float, float, float] = (0, 0, 0)
) -> Distance:
    """A ball in isotropic units."""

    def distance(points: F32) -> F32:
        away = np.linalg.norm(points * np.array(extents) - np.array(centre), axis=1) - radius
        return np.asarray(away, dtype=np.float32)

    return distance


def noise(seed: int, side: int) -> Distance:
    """A field that is anything but a distance: random values between which nothing is interpolated."""
    values = np.random.default_rng(seed).standard_normal((side, side, side)).astype(np.float32) * 0.3

    def distance(points: F32) -> F32:
        x, y, z = np.clip((points * 0.5 + 0.5) * side, 0, side - 1).astype(int).T
        return values[x, y, z]

    return distance


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([3, 9, 40]), st.sampled_from([(1, 1, 1), (1, 0.3, 0.6), (0.05, 1, 0.5)]))
def test_any_field_gives_a_closed_manifold(seed: int, side: int, extents: tuple[float, float, float]) -> None:
    vertices, faces = field_mesh(noise(seed, side), extents, 48)
    found = topology(vertices * np.array(extents), faces)
    assert found.closed
    assert found.volume > 0.0
    assert np.abs(vertices).max() < 1.05


@settings(deadline=None, max_examples=20)
@given(st.floats(0.2, 0.95), st.tuples(*[st.floats(-0.02, 0.02)] * 3), st.sampled_from([40, 96, 128]))
def test_vertices_lie_on_the_zeros(radius: float, centre: tuple[float, float, float], resolution: int) -> None:
    cell, true = 2.1 / resolution, ball((1, 1, 1), radius, centre)

    def distance(points: F32) -> F32:  # as bent between two points of the grid as learned fields are at edges
        return np.asarray(2.0 * cell * np.expm1(0.5 * np.clip(true(points) / cell, -2.0, 2.0)), dtype=np.float32)

    vertices, faces = field_mesh(distance, (1, 1, 1), resolution)
    assert np.abs(true(vertices)).max() < 0.04 * cell  # MARGIN keeps vertices off the grid's points
    assert topology(vertices, faces).volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=3 * (cell / radius) ** 2)


def dense(distance: Distance, grid: Grid) -> F32:
    """The field at every point (x, y, z)."""
    places = np.indices([8 * n for n in grid.shape]).reshape(3, -1).T
    return distance(grid.in_box(places.astype(np.float64))).reshape([8 * n for n in grid.shape])


@pytest.mark.parametrize("extents", [(1.0, 1.0, 1.0), (0.9, 0.05, 0.3)])
def test_coarse_to_fine_misses_no_crossing(extents: tuple[float, float, float]) -> None:
    """A slab of half a cell's thickness among them: bricks whose middles are outside hold it."""
    grid = make_grid(96, extents)
    thin = 0.25 * float(grid.cell[1])

    def distance(points: F32) -> F32:
        places = points * np.array(extents)
        away = np.abs(places - np.array([0.0, 0.5 * grid.cell[1], 0.0])) - np.array([0.8, 0.0, 0.2]) * extents[0]
        outside = np.linalg.norm(np.maximum(away, 0.0), axis=1) + np.minimum(away.max(axis=1), 0.0)
        return np.asarray(outside - thin, dtype=np.float32)

    samples = sample_blocks(distance, grid)
    wanted = dense(distance, grid) > 0.0
    found = np.ones_like(wanted)
    nx, ny, _ = grid.shape
    for slot, block in enumerate(samples.blocks.blocks):
        x, y, z = 8 * (block % nx), 8 * (block // nx % ny), 8 * (block // (nx * ny))
        found[x : x + 8, y : y + 8, z : z + 8] = samples.signed[slot].reshape(8, 8, 8).transpose(2, 1, 0) > 0.0
    assert (~wanted).any()
    assert np.array_equal(found, wanted)


def test_crumbs_and_cavities_are_left_out() -> None:
    body, cavity = ball((1, 1, 1), 0.6), ball((1, 1, 1), 0.3)
    crumb = ball((1, 1, 1), 0.015, (0.9, 0.9, 0.9))
    bulb = ball((1, 1, 1), 0.2, (-0.8, -0.8, -0.8))

    def rung(points: F32, half: float = 0.2) -> F32:  # thin, beside the body
        across = np.hypot(points[:, 0] - 0.75, points[:, 1] + 0.75)
        return np.asarray(np.maximum(across - 0.03, np.abs(points[:, 2]) - half), dtype=np.float32)

    def distance(points: F32) -> F32:
        hollow = np.maximum(body(points), -cavity(points))
        return np.minimum.reduce([hollow, crumb(points), bulb(points), rung(points)])

    vertices, faces = field_mesh(distance, (1, 1, 1), 128)
    found = topology(vertices, faces)
    assert found.components == 2
    assert found.volume == pytest.approx(4 / 3 * np.pi * (0.6**3 + 0.2**3), rel=0.01)
    found = topology(*field_mesh(distance, (1, 1, 1), 128, cavities=True))
    assert found.components == 3
    assert found.volume == pytest.approx(4 / 3 * np.pi * (0.6**3 + 0.2**3 - 0.3**3), rel=0.01)
    vertices, faces = field_mesh(lambda points: np.minimum(body(points), rung(points, 0.5)), (1, 1, 1), 128)
    assert topology(vertices, faces).components == 2, "what is as long as a trunk stays, however thin"


def test_thin_axes_have_cells_of_their_own() -> None:
    """16 cells of 64: a plate comes out as thick as it is."""

    def plate(points: F32) -> F32:
        return np.asarray((np.abs(points) - np.array([0.9, 0.8, 0.9])).max(axis=1) * 0.05, dtype=np.float32)

    vertices, _ = field_mesh(plate, (1, 0.05, 1), 64)
    assert np.ptp(vertices[:, 1]) == pytest.approx(1.6, rel=0.01)


def test_a_field_without_a_surface_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        field_mesh(lambda points: np.ones(len(points), np.float32), (1, 1, 1), 64)
    assert refused.value.code == "field.empty"
    with pytest.raises(InputError) as refused:
        field_mesh(lambda points: np.full(len(points), np.nan, np.float32), (1, 1, 1), 64)
    assert refused.value.code == "field.not-finite"
