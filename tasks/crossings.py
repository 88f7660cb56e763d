"""Which faces of a surface on a sparse grid cross, when one of each pair is known to be in question."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import I32
from tasks.topology import F64, Bool, face_cross
from tasks.triangle_frame import box_of

U16 = npt.NDArray[np.uint16]
Grid = tuple[tuple[int, int, int], I32]  # (shape, slot) of the blocks of 8³ voxels that hold the surface, see Band
FURTHEST = 1.5  # voxels: more than a vertex of a shell is from the triangles, see snap.SLACK
TOUCH = 1e-9  # voxel³: sixfold volume of four points that count as lying in one plane
APART, ACROSS, WITHIN = 0, 1, 2


def mark_crossing(
    points: F64, faces: I32, blocks: I32, chosen: I32, looks: U16, widest: float, grid: Grid, bad: Bool
) -> None:
    """Mark in bad (n,) the corners of every pair of faces (m, 3) that cross, of which one at least is chosen (k,).

    points (n, 3) in voxels; the faces of the cells of active block k are blocks[k]:blocks[k + 1], none of their
    corners has moved by more than FURTHEST, and no face is wider along an axis than `widest`. Pairs with a bit of
    looks (m,) in common are not tested. Faces that share two corners do not cross.
    """
    shape, slot = grid
    starts = np.zeros(64 * (len(blocks) - 1) + 1, np.int32)
    _list_cells(points, faces, chosen, shape, slot, starts, np.empty(0, np.int32))
    starts = np.cumsum(starts, dtype=np.int32)
    listed = np.empty(int(starts[-1]) + 1, np.int32)
    _list_cells(points, faces, chosen, shape, slot, starts, listed)
    mask = np.zeros(len(faces), np.bool_)
    mask[chosen] = True
    near, near_blocks = _near(points, faces, chosen, widest, shape, slot)
    _mark_pairs(points, faces, blocks, mask, looks, near, near_blocks, shape, slot, starts, listed, bad)


@njit(cache=True, nogil=True, inline="always")
def cells_of(points: F64, faces: I32, f: int, shape: tuple[int, int, int], slot: I32, cells: I32) -> int:
    """Write the numbers of the cells of 2³ voxels, within active blocks, that a face's box touches; how many."""
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    x0 = int(min(min(points[a, 0], points[b, 0]), points[c, 0])) >> 1
    y0 = int(min(min(points[a, 1], points[b, 1]), points[c, 1])) >> 1
    z0 = int(min(min(points[a, 2], points[b, 2]), points[c, 2])) >> 1
    x1 = int(max(max(points[a, 0], points[b, 0]), points[c, 0])) >> 1
    y1 = int(max(max(points[a, 1], points[b, 1]), points[c, 1])) >> 1
    z1 = int(max(max(points[a, 2], points[b, 2]), points[c, 2])) >> 1
    count = 0
    for z in range(z0, min(z1, z0 + 3) + 1):
        for y in range(y0, min(y1, y0 + 3) + 1):
            for x in range(x0, min(x1, x0 + 3) + 1):
                k = slot[((z >> 2) * shape[1] + (y >> 2)) * shape[0] + (x >> 2)]
                if k >= 0:
                    cells[count] = 64 * k + 16 * (z & 3) + 4 * (y & 3) + (x & 3)
                    count += 1
    return count


@njit(cache=True, nogil=True, inline="always")
def octant_of(points: F64, v: int, shape: tuple[int, int, int], slot: I32) -> int:
    """Number of the octant of 4³ voxels that vertex v is in; it has to be in an active block."""
    x, y, z = int(points[v, 0]) >> 2, int(points[v, 1]) >> 2, int(points[v, 2]) >> 2
    k = slot[((z >> 1) * shape[1] + (y >> 1)) * shape[0] + (x >> 1)]
    return int(8 * k + 4 * (z & 1) + 2 * (y & 1) + (x & 1))


@njit(cache=True, nogil=True)
def _list_cells(
    points: F64, faces: I32, chosen: I32, shape: tuple[int, int, int], slot: I32, starts: I32, out: I32
) -> None:
    """Count the chosen faces of each cell into starts[cell], or with `out` given write them before there."""
    cells = np.empty(64, np.int32)
    for f in chosen:
        for i in range(cells_of(points, faces, f, shape, slot, cells)):
            if len(out):
                starts[cells[i]] -= 1
                out[starts[cells[i]]] = f
            else:
                starts[cells[i]] += 1


@njit(cache=True, nogil=True)
def _near(
    points: F64, faces: I32, chosen: I32, widest: float, shape: tuple[int, int, int], slot: I32
) -> tuple[Bool, Bool]:
    """Where the first corner of a face that meets a chosen one can lie: (8·k,) True for octants of active blocks, and
    (k,) for the active blocks whose cells such a face can come from."""
    box = np.empty(6)
    near = np.zeros(8 * (slot.max() + 1), np.bool_)
    blocks = np.zeros(slot.max() + 1, np.bool_)
    for f in chosen:
        box_of(points, faces, f, box)
        mark_range(box, widest, 4, shape, slot, near)
        mark_range(box, widest + FURTHEST, 8, shape, slot, blocks)
    return near, blocks


@njit(cache=True, nogil=True)
def mark_range(box: F64, reach: float, size: int, shape: tuple[int, int, int], slot: I32, out: Bool) -> None:
    """Mark the active blocks (size 8) or their octants (size 4) within reach of a box."""
    many = 8 // size
    x0, x1 = max(0, int(box[0] - reach) // size), min(int(box[3] + reach) // size, many * shape[0] - 1)
    y0, y1 = max(0, int(box[1] - reach) // size), min(int(box[4] + reach) // size, many * shape[1] - 1)
    z0, z1 = max(0, int(box[2] - reach) // size), min(int(box[5] + reach) // size, many * shape[2] - 1)
    for z in range(z0, z1 + 1):
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                k = slot[((z // many) * shape[1] + y // many) * shape[0] + x // many]
                if k >= 0 and many == 1:
                    out[k] = True
                elif k >= 0:
                    out[8 * k + 4 * (z & 1) + 2 * (y & 1) + (x & 1)] = True


@njit(cache=True, nogil=True)
def _mark_pairs(
    points: F64,
    faces: I32,
    blocks: I32,
    chosen: Bool,
    looks: U16,
    near: Bool,
    near_blocks: Bool,
    shape: tuple[int, int, int],
    slot: I32,
    starts: I32,
    listed: I32,
    bad: Bool,
) -> None:
    cells, box = np.empty(64, np.int32), np.empty(6)
    tested = np.full(len(faces), -1, np.int32)  # the last face that each was tested with: most share several cells
    for block in np.flatnonzero(near_blocks):
        for f in range(blocks[block], blocks[block + 1]):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            if not near[octant_of(points, a, shape, slot)]:
                continue
            count, some = cells_of(points, faces, f, shape, slot, cells), False
            for i in range(count):
                some |= starts[cells[i]] < starts[cells[i] + 1]
            if not some:
                continue
            box_of(points, faces, f, box)
            nx, ny, nz = face_cross(points, a, b, c)
            offset = nx * points[a, 0] + ny * points[a, 1] + nz * points[a, 2]
            for i in range(count):
                for j in range(starts[cells[i]], starts[cells[i] + 1]):
                    g = listed[j]
                    if looks[f] & looks[g] or g == f or tested[g] == f or (chosen[f] and g < f):
                        continue
                    tested[g] = f
                    side = _side(points, faces, f, g, box, nx, ny, nz, offset)
                    met = (
                        _meet(points, faces, f, g)
                        if side == ACROSS
                        else side == WITHIN and _overlap(points, faces, f, g)
                    )
                    if met:
                        for corner in range(3):
                            bad[faces[f, corner]] = bad[faces[g, corner]] = True


@njit(cache=True, nogil=True, inline="always")
def _side(points: F64, faces: I32, f: int, g: int, box: F64, nx: float, ny: float, nz: float, offset: float) -> int:
    """APART where face g is outside the box of f, or on one side of its plane but for a common corner; WITHIN in it."""
    a, b, c = faces[g, 0], faces[g, 1], faces[g, 2]
    for axis in range(3):
        p, q, r = points[a, axis], points[b, axis], points[c, axis]
        if min(min(p, q), r) > box[3 + axis] or max(max(p, q), r) < box[axis]:
            return APART
    s = nx * points[a, 0] + ny * points[a, 1] + nz * points[a, 2] - offset
    t = nx * points[b, 0] + ny * points[b, 1] + nz * points[b, 2] - offset
    u = nx * points[c, 0] + ny * points[c, 1] + nz * points[c, 2] - offset
    low, high = min(min(s, t), u), max(max(s, t), u)
    if low > TOUCH or high < -TOUCH:
        return APART
    if low >= -TOUCH or high <= TOUCH:
        middle = max(min(s, t), min(max(s, t), u))
        if middle > TOUCH or middle < -TOUCH:  # one corner touches the plane
            v = a if abs(s) <= TOUCH else b if abs(t) <= TOUCH else c
            return APART if v == faces[f, 0] or v == faces[f, 1] or v == faces[f, 2] else ACROSS
    return WITHIN if low >= -TOUCH and high <= TOUCH else ACROSS


@njit(cache=True, nogil=True)
def _overlap(points: F64, faces: I32, f: int, g: int) -> bool:
    """Whether two triangles in one plane have an area in common: none of their sides' lines has them on two sides."""
    axis, (x, y, z) = 0, face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
    if abs(y) > abs(x):
        axis = 1
    if abs(z) > max(abs(x), abs(y)):
        axis = 2
    i, j = (axis + 1) % 3, (axis + 2) % 3
    for one, two in ((f, g), (g, f)):
        for k in range(3):
            s, e, own = faces[one, k], faces[one, (k + 1) % 3], faces[one, (k + 2) % 3]
            u, v = points[e, i] - points[s, i], points[e, j] - points[s, j]
            inside = u * (points[own, j] - points[s, j]) - v * (points[own, i] - points[s, i])
            beyond = True
            for corner in range(3):
                p = faces[two, corner]
                away = u * (points[p, j] - points[s, j]) - v * (points[p, i] - points[s, i])
                beyond &= (away if inside > 0.0 else -away) <= TOUCH
            if beyond:
                return False
    return True


@njit(cache=True, nogil=True)
def _meet(points: F64, faces: I32, f: int, g: int) -> bool:
    """Whether two triangles cross outside the corners they share; two over one edge do not."""
    shared, at, on = 0, 0, 0
    for i in range(3):
        for j in range(3):
            if faces[f, i] == faces[g, j]:
                shared += 1
                at, on = i, j
    if shared > 1:
        return False
    for i in range(3):
        if (shared == 0 or i == (at + 1) % 3) and _pierces(points, faces, f, i, g):
            return True
        if (shared == 0 or i == (on + 1) % 3) and _pierces(points, faces, g, i, f):
            return True
    return False


@njit(cache=True, nogil=True)
def _volume(points: F64, a: int, b: int, c: int, d: int) -> float:
    """Six times the signed volume of a tetrahedron."""
    x, y, z = face_cross(points, a, b, c)
    return float(
        x * (points[d, 0] - points[a, 0]) + y * (points[d, 1] - points[a, 1]) + z * (points[d, 2] - points[a, 2])
    )


@njit(cache=True, nogil=True)
def _pierces(points: F64, faces: I32, f: int, side: int, g: int) -> bool:
    """Whether the side of face f from corner `side` meets face g; one that lies in its plane does not."""
    s, e = faces[f, side], faces[f, (side + 1) % 3]
    a, b, c = faces[g, 0], faces[g, 1], faces[g, 2]
    p, q = _volume(points, a, b, c, s), _volume(points, a, b, c, e)
    if (p > TOUCH and q > TOUCH) or (p < -TOUCH and q < -TOUCH) or (abs(p) <= TOUCH and abs(q) <= TOUCH):
        return False
    u, v, w = _volume(points, s, e, a, b), _volume(points, s, e, b, c), _volume(points, s, e, c, a)
    return bool(min(min(u, v), w) >= -TOUCH or max(max(u, v), w) <= TOUCH)
