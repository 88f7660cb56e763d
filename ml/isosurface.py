"""Marching tetrahedra: the zero surface of a sampled field as a closed manifold mesh."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# Kuhn's six tetrahedra of a cube: every one walks from corner 0 to corner 7 along the axes in another order, so
# neighbouring cubes agree on their faces' diagonals. Corners are numbered 4·x + 2·y + z.
_PATHS = ((0, 4, 6, 7), (0, 6, 2, 7), (0, 2, 3, 7), (0, 3, 1, 7), (0, 1, 5, 7), (0, 5, 4, 7))
NEAREST = 0.05  # of an edge: how close to a node a vertex may lie, so that no triangle degenerates


def zero_surface(field: F32) -> tuple[F64, I64]:
    """Vertices (n, 3) in cells and faces (m, 3), outward, of {field = 0}; positive is inside.

    The tetrahedra make a simplicial complex, so the result is a closed 2-manifold without case tables for ambiguous
    cubes (Doi and Koide 1991). The field's outermost layer must be negative.
    """
    inside = field > 0.0
    corners = [(c >> 2, c >> 1 & 1, c & 1) for c in range(8)]
    nx, ny, nz = field.shape[0] - 1, field.shape[1] - 1, field.shape[2] - 1
    cells = np.stack([inside[dx : dx + nx, dy : dy + ny, dz : dz + nz] for dx, dy, dz in corners]).sum(axis=0)
    x, y, z = np.nonzero((cells > 0) & (cells < 8))
    strides = (field.shape[1] * field.shape[2], field.shape[2], 1)
    base = x * strides[0] + y * strides[1] + z
    node = np.stack([base + dx * strides[0] + dy * strides[1] + dz for dx, dy, dz in corners], axis=1)
    tetrahedra = np.concatenate([node[:, path] for path in _PATHS])
    flags = inside.ravel()[tetrahedra]
    count = flags.sum(axis=1)
    crossings = np.concatenate(
        [
            _cut_corner(tetrahedra[count == 1], flags[count == 1], True),
            _cut_corner(tetrahedra[count == 3], flags[count == 3], False),
            _cut_middle(tetrahedra[count == 2], flags[count == 2]),
        ]
    )  # (m, 3, 2) the grid edge, inside node first, on which each corner of each triangle lies
    edges, faces = np.unique(crossings[..., 0] * field.size + crossings[..., 1], return_inverse=True)
    start, end = edges // field.size, edges % field.size
    values = field.ravel().astype(np.float64)
    share = np.clip(values[start] / (values[start] - values[end]), NEAREST, 1.0 - NEAREST)[:, None]
    a, b = (np.stack(np.unravel_index(n, field.shape), axis=1).astype(np.float64) for n in (start, end))
    return a + share * (b - a), faces.reshape(-1, 3)


def _even(order: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each permutation (n, 4) is even."""
    swaps = sum((order[:, i] > order[:, j]).astype(np.int64) for i in range(4) for j in range(i + 1, 4))
    return np.asarray(swaps % 2 == 0)


def _cut_corner(tetrahedra: I64, flags: npt.NDArray[np.bool_], lead: bool) -> I64:
    """One triangle a tetrahedron whose corner with flag `lead` is alone."""
    order = np.argsort(flags != lead, axis=1, kind="stable")
    t = np.take_along_axis(tetrahedra, order, axis=1)
    flip = _even(order) != lead
    second, third = np.where(flip, t[:, 3], t[:, 2]), np.where(flip, t[:, 2], t[:, 3])
    ends = np.stack([t[:, 1], second, third], axis=1)
    alone = np.repeat(t[:, :1], 3, axis=1)
    return np.stack([alone, ends] if lead else [ends, alone], axis=2)


def _cut_middle(tetrahedra: I64, flags: npt.NDArray[np.bool_]) -> I64:
    """Two triangles a tetrahedron with two corners inside (a, b) and two outside (c, d): the quad ac, bc, bd, ad."""
    order = np.argsort(~flags, axis=1, kind="stable")
    t = np.take_along_axis(tetrahedra, order, axis=1)
    flip = ~_even(order)
    a, b = t[:, 0], t[:, 1]
    c, d = np.where(flip, t[:, 3], t[:, 2]), np.where(flip, t[:, 2], t[:, 3])
    quad = [np.stack(edge, axis=1) for edge in ((a, c), (a, d), (b, d), (b, c))]
    return np.concatenate(
        [np.stack([quad[0], quad[1], quad[2]], axis=1), np.stack([quad[0], quad[2], quad[3]], axis=1)]
    )
