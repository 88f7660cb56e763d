"""Self-intersections against clipping in rational numbers, on grids where nearly everything touches."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks.self_intersections as module
from tasks.predicates import orient2d, orient3d
from tasks.self_intersections import self_intersections

Point = tuple[Fraction, ...]
BOX = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
BOX_FACES = np.array(
    [0, 2, 3, 0, 3, 1, 4, 5, 7, 4, 7, 6, 0, 1, 5, 0, 5, 4, 2, 6, 7, 2, 7, 3, 0, 4, 6, 0, 6, 2, 1, 3, 7, 1, 7, 5],
    np.int32,
).reshape(-1, 3)


def minus(a: Point, b: Point) -> Point:
    return tuple(u - v for u, v in zip(a, b, strict=True))


def dot(a: Point, b: Point) -> Fraction:
    return sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0))


def cross(a: Point, b: Point) -> Point:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def clip(polygon: Sequence[Point], normal: Point, origin: Point) -> list[Point]:
    """The part of a convex polygon with (x − origin) · normal ≥ 0."""
    kept: list[Point] = []
    for a, b in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        u, v = dot(minus(a, origin), normal), dot(minus(b, origin), normal)
        if u >= 0:
            kept.append(a)
        if u * v < 0:
            kept.append(tuple(p + (q - p) * u / (u - v) for p, q in zip(a, b, strict=True)))
    return kept


def meet(points: list[Point], f: Sequence[int], g: Sequence[int]) -> bool:
    """The definition in words: a common point outside the corners and edges that both have."""
    s, t = [points[i] for i in f], [points[i] for i in g]
    normal = cross(minus(t[1], t[0]), minus(t[2], t[0]))
    common = clip(clip(s, normal, t[0]), tuple(-n for n in normal), t[0])
    for k in range(3):
        common = clip(common, cross(normal, minus(t[(k + 1) % 3], t[k])), t[k])
    shared = [points[i] for i in set(f) & set(g)]
    if len(shared) < 2:
        return any(point not in shared for point in common)
    along = minus(shared[1], shared[0])
    return len(shared) == 3 or any(any(cross(along, minus(point, shared[0]))) for point in common)


def expected(points: np.ndarray, faces: np.ndarray) -> list[list[int]]:
    exact = [tuple(Fraction(float(c)) for c in point) for point in points]
    area = [any(cross(minus(exact[b], exact[a]), minus(exact[c], exact[a]))) for a, b, c in faces.tolist()]
    indices = [f for f in range(len(faces)) if area[f]]
    return [[f, g] for f, g in combinations(indices, 2) if meet(exact, faces[f].tolist(), faces[g].tolist())]


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.sampled_from([1, 2, 4]), st.sampled_from([0.0, 1e-15, 0.3]))
@settings(max_examples=60, deadline=None)
def test_pairs_are_those_of_rational_arithmetic(seed: int, count: int, size: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, size + 1, (10, 3)) + noise * rng.integers(-1, 2, (10, 3)) * rng.random((10, 3))
    points = points @ np.linalg.qr(rng.normal(size=(3, 3)))[0] if rng.random() < 0.5 else points
    faces = rng.integers(0, 10, (count, 3)).astype(np.int32)
    found = self_intersections(points, faces)
    assert found.pairs.tolist() == expected(points, faces)
    assert np.flatnonzero(found.faces).tolist() == sorted({f for pair in found.pairs.tolist() for f in pair})
    assert found.complete


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e30]))
@settings(max_examples=30, deadline=None)
def test_signs_are_exact_one_rounding_from_flat(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 3)) * scale
    s, t = rng.random(2)
    x = np.stack([a, b, a * s + b * t, a * t - b * s, rng.normal(size=3) * 1e-17 * scale])
    rows = [[Fraction(float(u)) for u in point] for point in x]
    for i, j, k, m in combinations(range(5), 4):
        u, v, w = (minus(tuple(rows[n]), tuple(rows[m])) for n in (i, j, k))
        assert orient3d(x, i, j, k, m) == np.sign(dot(cross(u, v), w))
        for axis in range(3):
            assert orient2d(x, i, j, k, axis) == np.sign(
                cross(minus(tuple(rows[j]), tuple(rows[i])), minus(tuple(rows[k]), tuple(rows[i])))[axis]
            )


def test_a_box_has_none_and_one_pushed_through_another_has_those_of_its_rim() -> None:
    assert len(self_intersections(BOX, BOX_FACES).pairs) == 0
    # A thin rod through the top and bottom of the box: its sides cross four faces, it touches nothing else.
    rod = BOX * [0.1, 0.1, 3.0] + [0.6, 0.3, -1.0]
    found = self_intersections(np.concatenate([BOX, rod]), np.concatenate([BOX_FACES, BOX_FACES + 8]))
    crossed = np.flatnonzero(found.faces[:12])
    assert np.array_equal(crossed, [1, 2])
    assert set(np.flatnonzero(found.faces[12:])) == set(range(4, 12))


def test_touching_folded_and_repeated_faces_count_and_faces_without_area_do_not() -> None:
    points = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [1, 1, 0], [1, 1, 1], [0, 0, 1], [4, 0, 0], [1, 0, 0]], float)
    assert self_intersections(points, np.array([[0, 1, 2], [3, 4, 5]], np.int32)).pairs.tolist() == [[0, 1]]
    assert self_intersections(points, np.array([[0, 1, 2], [1, 0, 3]], np.int32)).pairs.tolist() == [[0, 1]]
    assert self_intersections(points, np.array([[0, 1, 2], [2, 1, 0]], np.int32)).pairs.tolist() == [[0, 1]]
    assert self_intersections(points, np.array([[0, 1, 2], [0, 1, 1], [0, 6, 7]], np.int32)).pairs.tolist() == []
    assert self_intersections(points, np.zeros((0, 3), np.int32)).pairs.shape == (0, 2)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e300])
def test_any_scale_gives_the_same_pairs(scale: float) -> None:
    rng = np.random.default_rng(3)
    points, faces = rng.normal(size=(40, 3)), rng.integers(0, 40, (60, 3)).astype(np.int32)
    plain, scaled = self_intersections(points, faces), self_intersections(points * scale, faces)
    assert len(plain.pairs) > 100
    assert np.array_equal(plain.pairs, scaled.pairs)


def test_a_soup_with_too_many_pairs_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TESTS", 1000)
    rng = np.random.default_rng(0)
    found = self_intersections(rng.normal(size=(300, 3)), np.arange(300, dtype=np.int32).reshape(-1, 3))
    assert not found.complete
    assert 0 < len(found.pairs) < 2000


@pytest.mark.parametrize(
    ("name", "corners", "pair"),
    [
        ("a corner on a face", [[0, 1, 2], [3, 4, 5]], True),
        ("a corner on a corner, not by index", [[0, 1, 2], [6, 4, 5]], True),
        ("a corner on a side", [[0, 1, 2], [7, 4, 5]], True),
        ("overlapping in one plane", [[0, 1, 2], [3, 8, 9]], True),
        ("overlapping in one plane with a common corner", [[0, 1, 2], [0, 3, 8]], True),
        ("side by side in one plane over a common corner", [[0, 1, 2], [0, 10, 11]], False),
        ("folded over a common side", [[0, 1, 2], [1, 0, 3]], True),
        ("side by side over a common side", [[0, 1, 2], [1, 0, 10]], False),
        ("the same face twice", [[0, 1, 2], [0, 1, 2]], True),
        ("the face and its reverse", [[0, 1, 2], [2, 1, 0]], True),
        ("across, over a common corner that is all they share", [[0, 1, 2], [0, 4, 5]], False),
        ("across, over a common corner and through", [[0, 1, 2], [0, 12, 4]], True),
        ("one millionth above", [[0, 1, 2], [13, 4, 5]], False),
    ],
)
def test_each_class_in_which_meshlab_differs(name: str, corners: list[list[int]], pair: bool) -> None:
    """On 19 real meshes MeshLab's faces are all ours; ours beyond them touch, lie in one plane, fold or repeat.

    With pymeshlab 2025.7 on the meshes of bench/, no face was MeshLab's alone and 6,063 on 6 meshes ours alone. Of 639
    pairs among those all meet by `meet`: 444 touch, 188 overlap in one plane, 3 fold, 3 repeat, and 1 crosses.
    """
    points = [[0, 0, 0], [4, 0, 0], [0, 4, 0], [1, 1, 0], [2, 1, 3], [1, 2, 3], [4, 0, 0], [2, 0, 0], [5, 1, 0]]
    points += [[1, 5, 0], [-4, -1, 0], [-1, -4, 0], [2, 2, -1], [1, 1, 1e-6]]
    given, faces = np.array(points, float), np.array(corners, np.int32)
    assert self_intersections(given, faces).pairs.tolist() == ([[0, 1]] if pair else []), name
    assert expected(given, faces) == ([[0, 1]] if pair else []), name
