"""Minimum matching distance and coverage of sets whose answer is known."""

import numpy as np
import pytest
import trimesh

from tasks.shape_body import Body, uniform_looks
from tasks.shape_sets import CLOUD, spread

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each

RADII = np.linspace(0.3, 1.0, 24)


def sphere(radius: float) -> Body:
    mesh = trimesh.creation.icosphere(3, radius)
    return Body(np.asarray(mesh.vertices), np.asarray(mesh.faces, np.int32), uniform_looks([0.0] * 8))


@pytest.fixture(scope="module")
def references() -> list[Body]:
    return [sphere(radius) for radius in RADII]


def test_the_set_itself_covers_everything_at_no_distance(references: list[Body]) -> None:
    assert spread(references, references) == (0.0, 1.0)


def test_one_shape_again_and_again_covers_one(references: list[Body]) -> None:
    found = spread([sphere(0.65)] * 24, references)
    assert found.coverage == 1 / 24
    assert found.distance == pytest.approx(np.abs(RADII - 0.65).mean(), abs=0.005)


def test_many_shapes_near_one_cover_one(references: list[Body]) -> None:
    """What is counted are references that are nearest to something made, not made shapes that are nearest to one."""
    assert spread([sphere(radius) for radius in np.linspace(0.3, 0.31, 24)], references).coverage == 1 / 24


def test_half_the_shapes_cover_half(references: list[Body]) -> None:
    assert spread(references[::2], references).coverage == 0.5


def test_the_shortlist_finds_what_all_pairs_would(references: list[Body], monkeypatch: pytest.MonkeyPatch) -> None:
    made = [sphere(radius + 0.01) for radius in RADII[::3]]
    quick = spread(made, references)
    monkeypatch.setattr("tasks.shape_sets.SHORTLIST", CLOUD)
    assert spread(made, references) == quick
