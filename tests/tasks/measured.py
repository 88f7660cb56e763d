"""Shapes and one-line measuring that the tests of single measures share."""

from __future__ import annotations

import numpy as np
import trimesh

from ml.asset import Asset, Material, Part, Texture, make_part
from tasks.measure import MeasureOptions, measure

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
FACES = QUADS[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)


def of(mesh: trimesh.Trimesh, material: Material | None = None, **move: float) -> Part:
    """A trimesh as a part, moved along x, y, z."""
    shift = [move.get(axis, 0.0) for axis in "xyz"]
    return make_part(np.asarray(mesh.vertices) + shift, mesh.faces, material)


def box(size: float | tuple[float, float, float] = 1.0, material: Material | None = None, **move: float) -> Part:
    """A closed box standing on y = 0, centred over the origin, then moved."""
    sides = np.broadcast_to(np.asarray(size, dtype=float), 3)
    return make_part((CORNERS - [0.5, 0.0, 0.5]) * sides + [move.get(a, 0.0) for a in "xyz"], FACES, material)


def ball(radius: float = 0.5, subdivisions: int = 3, **move: float) -> Part:
    """A closed ball standing on y = 0, then moved."""
    mesh = trimesh.creation.icosphere(subdivisions, radius)
    return of(mesh, y=radius + move.get("y", 0.0), x=move.get("x", 0.0), z=move.get("z", 0.0))


def grid(count: int, pixels: np.ndarray, cut: float | None = None, **material: object) -> Part:
    """A square sheet of count² cells in the plane y = 0 under a picture; with `cut`, its right half lies that far
    off in the UV square."""
    steps = np.linspace(0.0, 1.0, count + 1)
    points, uv, faces = [], [], []
    halves = [steps] if cut is None else [steps[: count // 2 + 1], steps[count // 2 :]]
    for half, xs in enumerate(halves):
        base = len(points)
        for x in xs:
            points += [[x, 0.0, z] for z in steps]
            uv += [[x + half * (cut or 0.0), z] for z in steps]
        for i in range(len(xs) - 1):
            for j in range(count):
                a = base + i * (count + 1) + j
                faces += [[a, a + 1, a + count + 2], [a, a + count + 2, a + count + 1]]
    look = Material(base_color=(1, 1, 1, 1), base_color_texture=Texture.from_pixels(pixels), **material)  # type: ignore[arg-type]
    return make_part(points, faces, look, uv=np.asarray(uv, np.float32))


def found(wanted: str, *parts: Part, **metrics: float) -> dict[str, float]:
    """The metrics of the parts, those of `wanted` among them."""
    return dict(measure(Asset(parts, metrics=metrics), MeasureOptions(frozenset([wanted]))).metrics)
