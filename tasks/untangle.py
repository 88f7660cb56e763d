"""Moving the vertices of a closed surface without letting its triangles turn over or pass through each other."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.crossings import FURTHEST, U16, Grid, cells_of, mark_crossing, mark_range, widest_of
from tasks.topology import F64, I64, Bool, face_cross

# A face is steady where its corners move within 60° of each other and within 72° of the reverse of its normal. At 37°
# and 53° the first test of pairs takes 0.27 s, not 0.12 (1M faces at 512); neither leaves a crossing in 20 real meshes.
STEADY, FACING = 0.5, 0.3
HALVINGS = 3  # then a vertex stays where it was
ROUNDS = 64  # many more than any mesh took (10); later ones only take vertices back for good
# Seven axes: no direction is further than 35° from one or its reverse, so faces 10° off opposite ways share one.
ALONG = 0.7  # cosine of 45°


def move(
    before: F64, target: F64, faces: I32, starts: I32, share: float, grid: Grid, scale: float, shift: F64
) -> tuple[F64, int]:
    """Vertices (n, 3) moved `share` of the way from before to target, less where faces would turn over or cross.

    In voxels of a grid of blocks that hold the surface, where active block k gave the faces starts[k]:starts[k + 1];
    positions are rounded so that they are float32 once scaled and shifted. A face has turned when its normal has by
    90° or has no length left. The corners of turned and of crossing faces halve their way, and after HALVINGS rounds
    stay, until none is left; also returns how many stay. Every pair is tested that has a face in question: at first
    those that `_doubtful` names, then those that changed.
    """
    shares = np.full(len(before), share)
    moved = np.empty_like(before)
    every = np.arange(len(faces), dtype=np.int32)
    _advance(before, target, shares, np.arange(len(before)), scale, shift, moved)
    bad = np.zeros(len(before), np.bool_)
    _mark_turned(before, moved, faces, every, bad)
    widest = widest_of(moved, faces, every)
    unsteady, looks = np.zeros(len(faces), np.bool_), np.zeros(len(faces), np.uint16)
    chosen = _doubtful(_directions(before, target), moved, faces, starts, widest, *grid, unsteady, looks)
    looks[unsteady] = 0
    for attempt in range(ROUNDS):
        mark_crossing(moved, faces, starts, chosen, looks, widest, grid, bad)
        which = np.flatnonzero(bad & (shares > 0.0))
        if not len(which):
            break
        shares[which] *= 0.5 if attempt < HALVINGS else 0.0
        _advance(before, target, shares, which, scale, shift, moved)
        chosen = _faces_of(faces, bad)
        looks[chosen] = 0
        widest = max(widest, widest_of(moved, faces, chosen))
        bad[:] = False
        _mark_turned(before, moved, faces, chosen, bad)
    return moved, int((shares == 0.0).sum())


@njit(cache=True, nogil=True)
def _advance(before: F64, target: F64, shares: F64, which: I64, scale: float, shift: F64, moved: F64) -> None:
    for v in which:
        for axis in range(3):
            there = before[v, axis] + shares[v] * (target[v, axis] - before[v, axis])
            moved[v, axis] = (np.float64(np.float32(there * scale + shift[axis])) - shift[axis]) / scale


@njit(cache=True, nogil=True)
def _faces_of(faces: I32, bad: Bool) -> I32:
    """The faces with a marked corner."""
    count = 0
    found = np.empty(len(faces), np.int32)
    for f in range(len(faces)):
        if bad[faces[f, 0]] or bad[faces[f, 1]] or bad[faces[f, 2]]:
            found[count] = f
            count += 1
    return found[:count].copy()


@njit(cache=True, nogil=True)
def _mark_turned(before: F64, after: F64, faces: I32, chosen: I32, bad: Bool) -> None:
    """Mark the corners of those chosen faces whose normal turned by 90° or more, or whose area is gone."""
    for f in chosen:
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = face_cross(before, a, b, c)
        p, q, r = face_cross(after, a, b, c)
        if not x * p + y * q + z * r > 1e-6 * (x * x + y * y + z * z):
            bad[a] = bad[b] = bad[c] = True


@njit(cache=True, nogil=True)
def _directions(before: F64, target: F64) -> F64:
    """(n, 3) unit, back from target to before; zero where they are the same point."""
    ways = np.zeros_like(before)
    for v in range(len(before)):
        x, y, z = before[v, 0] - target[v, 0], before[v, 1] - target[v, 1], before[v, 2] - target[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            ways[v, 0], ways[v, 1], ways[v, 2] = x / length, y / length, z / length
    return ways


@njit(cache=True, nogil=True)
def _doubtful(
    ways: F64,
    after: F64,
    faces: I32,
    blocks: I32,
    widest: float,
    shape: tuple[int, int, int],
    slot: I32,
    unsteady: Bool,
    looks: U16,
) -> I32:
    """The faces that may cross another once moved: unsteady ones, and those in cells where faces look opposite ways.

    Two steady faces that met would look the same way there, and so come from two layers of the shell one above the
    other, closer together than the thickness; but between two such layers lies one that looks the other way. Fills
    unsteady (m,) and looks (m,).
    """
    sides = np.zeros(64 * (slot.max() + 1), np.uint16)
    cells = np.empty(64, np.int32)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = face_cross(after, a, b, c)
        length = np.sqrt(x * x + y * y + z * z)
        ab = ways[a, 0] * ways[b, 0] + ways[a, 1] * ways[b, 1] + ways[a, 2] * ways[b, 2]
        bc = ways[b, 0] * ways[c, 0] + ways[b, 1] * ways[c, 1] + ways[b, 2] * ways[c, 2]
        ca = ways[c, 0] * ways[a, 0] + ways[c, 1] * ways[a, 1] + ways[c, 2] * ways[a, 2]
        p = x * ways[a, 0] + y * ways[a, 1] + z * ways[a, 2]
        q = x * ways[b, 0] + y * ways[b, 1] + z * ways[b, 2]
        r = x * ways[c, 0] + y * ways[c, 1] + z * ways[c, 2]
        unsteady[f] = not (min(min(ab, bc), ca) > STEADY and min(min(p, q), r) > FACING * length)
        looks[f] = _looks(x, y, z, length)
        for i in range(cells_of(after, faces, f, shape, slot, cells)):
            sides[cells[i]] |= looks[f]
    doubtful = unsteady.copy()
    for block in np.flatnonzero(_around_opposed(sides, widest, shape, slot)):
        for f in range(blocks[block], blocks[block + 1]):
            for i in range(cells_of(after, faces, f, shape, slot, cells)):
                doubtful[f] |= _opposed(sides[cells[i]])
    return np.flatnonzero(doubtful).astype(np.int32)


@njit(cache=True, nogil=True)
def _opposed(looks: int) -> bool:
    """Whether these bits of `_looks` name an axis and its reverse."""
    return looks & looks >> 7 & 0x7F != 0


@njit(cache=True, nogil=True)
def _around_opposed(sides: U16, widest: float, shape: tuple[int, int, int], slot: I32) -> Bool:
    """(k,) the active blocks whose cells faces can come from that touch a cell where faces look opposite ways."""
    near = np.zeros(len(sides) // 64, np.bool_)
    box = np.empty(6)
    for b in range(len(slot)):
        if slot[b] < 0:
            continue
        for cell in range(64):
            if _opposed(sides[64 * slot[b] + cell]):
                box[0] = 8 * (b % shape[0]) + 2 * (cell & 3)
                box[1] = 8 * (b // shape[0] % shape[1]) + 2 * (cell >> 2 & 3)
                box[2] = 8 * (b // shape[0] // shape[1]) + 2 * (cell >> 4)
                for axis in range(3):
                    box[3 + axis] = box[axis] + 2.0
                mark_range(box, widest + FURTHEST, 8, shape, slot, near)
    return near


@njit(cache=True, nogil=True)
def _looks(x: float, y: float, z: float, length: float) -> int:
    """Bit k: the normal is within 45° of axis k; bit k + 7: of its reverse. x, y, z and the four diagonals."""
    edge = ALONG * length
    slant = ALONG * np.sqrt(3.0) * length
    p, q = x + y, x - y
    return int(
        (x > edge)
        | (y > edge) << 1
        | (z > edge) << 2
        | (p + z > slant) << 3
        | (p - z > slant) << 4
        | (q + z > slant) << 5
        | (q - z > slant) << 6
        | (x < -edge) << 7
        | (y < -edge) << 8
        | (z < -edge) << 9
        | (p + z < -slant) << 10
        | (p - z < -slant) << 11
        | (q + z < -slant) << 12
        | (q - z < -slant) << 13
    )
