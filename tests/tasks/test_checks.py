"""Planted faults are found to the last one, and measures of known solids are what the formulas say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from tasks.checks import check
from tasks.topology import topology

BOX = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
BOX_FACES = np.array(
    [0, 2, 3, 0, 3, 1, 4, 5, 7, 4, 7, 6, 0, 1, 5, 0, 5, 4, 2, 6, 7, 2, 7, 3, 0, 4, 6, 0, 6, 2, 1, 3, 7, 1, 7, 5],
    np.int32,
).reshape(-1, 3)
KINDS = ("hole", "flip", "duplicate", "sliver", "fin", "degenerate", "nested", "crossing", "tip")


def torus(along: int = 36, around: int = 18, radius: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Points and outward faces of a ring of radius 1 with a tube of `radius`, around Y."""
    t, s = np.meshgrid(np.arange(along) * 2 * np.pi / along, np.arange(around) * 2 * np.pi / around, indexing="ij")
    reach = 1 + radius * np.cos(s)
    points = np.stack([reach * np.cos(t), radius * np.sin(s), reach * np.sin(t)], axis=-1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(along), np.arange(around), indexing="ij")
    a, b = (i * around + j).ravel(), (i * around + (j + 1) % around).ravel()
    c, d = ((i + 1) % along * around + j).ravel(), ((i + 1) % along * around + (j + 1) % around).ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return points, faces.astype(np.int32)


@dataclass
class Mutant:
    """A mesh under construction and what was done to it."""

    rng: np.random.Generator
    points: np.ndarray
    faces: np.ndarray
    free: list[int]
    removed: list[int] = field(default_factory=list)
    perimeters: list[float] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    places: int = 0

    def pick(self) -> int:
        """A face of the torus that shares no vertex with any other that was picked."""
        face = self.free[0]
        self.free = [f for f in self.free if not set(self.faces[f]) & set(self.faces[face])]
        return face

    def add(self, points: np.ndarray, faces: np.ndarray) -> int:
        """Append faces over new points, index from 0 for the new, −1 − i for point i; the first new face."""
        faces = np.asarray(faces)
        first = len(self.faces)
        rows = np.where(faces >= 0, faces + len(self.points), -1 - faces)
        self.points = np.concatenate([self.points, np.reshape(points, (-1, 3))])
        self.faces = np.concatenate([self.faces, rows]).astype(np.int32)
        return first

    def place(self) -> np.ndarray:
        """A corner of an empty region of 2³."""
        self.places += 1
        return np.array([4.0 * self.places, 0.0, 0.0])

    def length(self, *corners: np.ndarray) -> float:
        return float(np.linalg.norm(np.array(corners) - np.roll(corners, -1, axis=0), axis=1).sum())


def plant(mutant: Mutant, kind: str) -> None:
    """One fault of the kind."""
    if kind in ("nested", "crossing", "tip"):
        at = mutant.place()
        if kind == "nested":
            mutant.add(BOX * 2 + at, BOX_FACES)
            mutant.add(BOX * 0.7 + at + mutant.rng.uniform(0.1, 1.0, 3), BOX_FACES)
        elif kind == "tip":  # two boxes that meet in one corner
            mutant.add(np.concatenate([BOX + at, BOX[1:] + at + 1]), np.concatenate([BOX_FACES, BOX_FACES + 7]))
        else:
            flat = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.2, 0.2, -1], [0.2, 0.2, 1], [1, 1, 1]]) + at
            first = mutant.add(flat, np.array([[0, 1, 2], [3, 4, 5]]))
            mutant.pairs.append((first, first + 1))
            mutant.perimeters += [mutant.length(*flat[:3]), mutant.length(*flat[3:])]
        return
    face = mutant.pick()
    a, b, c = (int(v) for v in mutant.faces[face])
    corners = mutant.points[[a, b, c]]
    if kind == "hole":
        mutant.removed.append(face)
        mutant.perimeters.append(mutant.length(*corners))
    elif kind == "flip":
        mutant.faces[face] = [a, c, b]
    elif kind == "duplicate":
        first = mutant.add(np.zeros((0, 3)), np.array([[-1 - b, -1 - c, -1 - a]]))
        mutant.pairs.append((face, first))
    elif kind == "sliver":
        at = 0.4975 * corners[0] + 0.4975 * corners[1] + 0.005 * corners[2]
        mutant.add(at, np.array([[-1 - b, -1 - c, 0], [-1 - c, -1 - a, 0]]))
        mutant.faces[face] = [a, b, len(mutant.points) - 1]
    elif kind == "fin":
        out = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        tip = corners[:2].mean(axis=0) + 0.05 * out / np.linalg.norm(out)
        mutant.add(tip, np.array([[-1 - a, -1 - b, 0]]))
        mutant.perimeters.append(mutant.length(corners[0], corners[1], tip) - mutant.length(*corners[:2]) / 2)
    else:
        mutant.add(np.zeros((0, 3)), np.array([[-1 - a, -1 - a, -1 - b]]))


def mutant(seed: int, counts: dict[str, int]) -> Mutant:
    """A torus with so many faults of each kind; removed faces go last, `pairs` count them in."""
    rng = np.random.default_rng(seed)
    points, faces = torus()
    made = Mutant(rng, points, faces, rng.permutation(len(faces)).tolist())
    for kind, count in counts.items():
        for _ in range(count):
            plant(made, kind)
    kept = np.ones(len(made.faces), bool)
    kept[made.removed] = False
    position = np.cumsum(kept) - 1
    made.faces = made.faces[kept]
    made.pairs = sorted((int(position[f]), int(position[g])) for f, g in made.pairs)
    return made


COUNTS = st.fixed_dictionaries({kind: st.integers(0, 3) for kind in KINDS})


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), COUNTS, st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=50, deadline=None)
def test_every_planted_fault_is_counted(seed: int, n: dict[str, int], scale: float) -> None:
    made = mutant(seed, n)
    found = check(made.points * scale, made.faces, intersections=True)
    assert found.self_intersections is not None
    assert found.self_intersections.pairs.tolist() == [list(pair) for pair in made.pairs]
    assert sorted(found.holes / scale) == pytest.approx(sorted(made.perimeters))
    assert found.flipped_faces == n["flip"]
    assert found.sliver_faces == n["sliver"]
    assert found.nonmanifold_vertices == n["tip"]
    assert found.inner_shells == n["nested"]
    assert found.topology.duplicate_faces == n["duplicate"]
    assert found.topology.degenerate_faces == n["degenerate"]
    assert found.topology.inconsistent_edges == 3 * n["flip"]
    assert found.topology.nonmanifold_edges == 3 * n["duplicate"] + n["fin"]
    assert found.topology.boundary_edges == 3 * n["hole"] + 2 * n["fin"] + 6 * n["crossing"]
    assert found.topology.components == 1 + 2 * (n["nested"] + n["crossing"] + n["tip"])
    sound = not any(n[kind] for kind in ("hole", "flip", "duplicate", "fin"))
    assert found.closed_components == sound + 2 * (n["nested"] + n["tip"])
    assert found.genus == (None if n["duplicate"] + n["fin"] else 1)


def test_genus_of_joined_and_one_sided_surfaces() -> None:
    points, faces = torus()
    two = np.concatenate([faces, faces + len(points)]).astype(np.int32)
    assert check(np.concatenate([points, points + 9]), two).genus == 2
    strip = np.array([[i, (i + 1) % 5, (i + 2) % 5] for i in range(5)], np.int32)  # a Möbius strip of five
    found = check(np.random.default_rng(0).normal(size=(5, 3)), strip)
    assert found.genus is None
    assert (found.topology.euler, len(found.holes)) == (0, 1)
    assert check(BOX, BOX_FACES[1:]).genus == 0


def test_holes_that_touch_in_a_vertex_are_two() -> None:
    points, faces = torus()
    around = np.flatnonzero((faces == 100).any(axis=1))
    first = around[0]
    apart = next(f for f in around if len(set(faces[f]) & set(faces[first])) == 1)
    found = check(points, np.delete(faces, [first, apart], axis=0))
    assert len(found.holes) == 2
    assert found.nonmanifold_vertices == 1


def test_a_cavity_is_an_inner_shell_and_takes_its_mass_away() -> None:
    points = np.concatenate([BOX * 3, BOX + 1])
    faces = np.concatenate([BOX_FACES, BOX_FACES[:, ::-1] + 8]).astype(np.int32)
    found = check(points, faces, density=2700.0)
    assert (found.inner_shells, found.flipped_faces, found.closed_components) == (1, 0, 2)
    assert found.mass is not None
    assert found.mass.mass == pytest.approx(26 * 2700)
    beside = check(np.concatenate([BOX * 3, BOX + 4]), faces)
    assert (beside.inner_shells, beside.flipped_faces) == (0, 12)


def test_many_shells_in_one_another() -> None:
    boxes = [BOX * 2 * r - r for r in range(1, 9)] + [BOX + np.array([20.0 + 2 * i, 0, 0]) for i in range(40)]
    faces = np.concatenate([BOX_FACES + 8 * i for i in range(len(boxes))]).astype(np.int32)
    assert check(np.concatenate(boxes), faces).inner_shells == 7


def test_stability_of_a_box_and_of_one_that_leans_over() -> None:
    box = check(BOX * [2.0, 4.0, 6.0], BOX_FACES)
    assert box.stance.stable
    assert box.stance.margin == pytest.approx(1.0)
    assert box.stance.tilt == pytest.approx(np.degrees(np.arctan2(1, 2)))
    assert box.bounds.tolist() == [[0, 0, 0], [2, 4, 6]]
    leaning = check(BOX * [2.0, 4.0, 6.0] + BOX[:, 1:2] * [3.0, 0, 0], BOX_FACES)
    assert not leaning.stance.stable
    assert leaning.stance.margin == pytest.approx(-0.5)
    assert leaning.stance.overhang_area == 0.0
    assert check(BOX * [1, 0.5, 1], BOX_FACES[:, ::-1]).stance.overhang_area == 1.0


@pytest.mark.parametrize(
    ("points", "faces", "code"),
    [
        (BOX, np.zeros((0, 3), np.int32), "mesh.no-faces"),
        (BOX, BOX_FACES + 1, "mesh.bad-index"),
        (BOX, BOX_FACES - 1, "mesh.bad-index"),
        (BOX * np.nan, BOX_FACES, "mesh.not-finite"),
        (BOX[:, :2], BOX_FACES, "mesh.bad-shape"),
    ],
)
def test_what_no_kernel_may_see_is_refused(points: np.ndarray, faces: np.ndarray, code: str) -> None:
    with pytest.raises(InputError) as caught:
        check(points, faces)
    assert caught.value.code == code


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 40), st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e30])
)
@settings(max_examples=60, deadline=None)
def test_any_soup_gets_an_answer(seed: int, vertices: int, count: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 3, (vertices, 3)) * scale * [1.0, rng.choice([0.0, 1e-9, 1.0]), 1.0]
    faces = rng.integers(0, vertices, (count, 3)).astype(np.int32)
    found = check(points, faces, intersections=True, thickness=True)
    assert found.topology == topology(points, faces)
    assert np.isfinite(found.bounds).all()
    assert found.walls is not None
    assert found.walls.minimum > 0
