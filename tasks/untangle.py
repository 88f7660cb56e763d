"""Moving the vertices of a closed surface without letting its triangles turn over or pass through each other."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.crossings import FURTHEST, U16, Grid, cells_of, mark_crossing, mark_range, octant_of
from tasks.topology import F64, I64, Bool, face_cross

# A face is steady where its corners move within 60° of each other and within 72° of the reverse of its normal. At 37°
# and 53° the first test of pairs takes 0.27 s, not 0.12 (1M faces at 512); neither leaves a crossing in 20 real meshes.
STEADY, FACING = 0.5, 0.3
HALVINGS = 3  # then a vertex stays where it was
ROUNDS = 64  # many more than any mesh took (6); later ones only take vertices back for good
# Seven axes: no direction is further than 35° from one or its reverse, so faces 10° off opposite ways share one.
ALONG = 0.7  # cosine of 45°


def move(
    before: F64, target: F64, faces: I32, starts: I32, share: float, grid: Grid, scale: float, shift: F64
) -> tuple[F64, int]:
    """Vertices (n, 3) moved `share` of the way from before to target, less where faces would turn over or cross.

    In voxels of a grid of blocks that hold the surface, where active block k gave the faces starts[k]:starts[k + 1];
    positions are rounded so that they are float32 once scaled and shifted. A face has turned when its normal has by
    90° or has no length left. The corners of turned faces halve their way, and after HALVINGS rounds stay, until none
    is left that this helps; then those of crossing faces. Also returns how many stay. Every pair is tested that has a
    face in question: at first unsteady ones and those that `_mark_doubtful` finds, and always those that changed.
    """
    shares = np.full(len(before), share)
    moved = np.empty_like(before)
    _advance(before, target, shares, np.arange(len(before)), scale, shift, moved)
    bad, pending = np.zeros(len(before), np.bool_), np.zeros(len(faces), np.bool_)
    looks, sides = np.zeros(len(faces), np.uint16), np.zeros(8 * (len(starts) - 1), np.uint16)
    ways, outward = _directions(before, target, moved, *grid, sides)
    widest = _survey(before, moved, ways, faces, bad, pending, looks)
    _mark_doubtful(moved, outward, faces, starts, widest, sides, *grid, pending)
    for test in range(ROUNDS):
        which = np.flatnonzero(bad & (shares > 0.0))
        bad[:] = False
        wide = _take_back(
            before, target, faces, starts, *grid, scale, shift, test, which, shares, moved, looks, pending
        )
        mark_crossing(
            moved, faces, starts, np.flatnonzero(pending).astype(np.int32), looks, max(wide, widest), grid, bad
        )
        if not bad.any():
            break
        widest, pending[:] = max(wide, widest), False
    return moved, int((shares == 0.0).sum())


@njit(cache=True, nogil=True)
def _advance(before: F64, target: F64, shares: F64, which: I64, scale: float, shift: F64, moved: F64) -> None:
    for v in which:
        for axis in range(3):
            there = before[v, axis] + shares[v] * (target[v, axis] - before[v, axis])
            moved[v, axis] = (np.float64(np.float32(there * scale + shift[axis])) - shift[axis]) / scale


@njit(cache=True, nogil=True)
def _take_back(
    before: F64,
    target: F64,
    faces: I32,
    starts: I32,
    shape: tuple[int, int, int],
    slot: I32,
    scale: float,
    shift: F64,
    tries: int,
    which: I64,
    shares: F64,
    moved: F64,
    looks: U16,
    changed: Bool,
) -> float:
    """Take vertices back, then the corners of the faces around them that have turned, until none can be helped.

    Half of their way, or all of it after HALVINGS tries; a share only falls, so this ends. Marks the changed faces
    (m,), which lose their looks; returns how wide they are.
    """
    fresh, queued = np.zeros(len(before), np.bool_), np.zeros(len(before), np.bool_)
    listed, blocks = np.zeros(len(starts) - 1, np.bool_), np.empty(len(starts) - 1, np.int32)
    widest = 0.0
    while len(which):
        for v in which:
            shares[v] *= 0.5 if tries < HALVINGS else 0.0
            fresh[v] = True
        _advance(before, target, shares, which, scale, shift, moved)
        following, count = np.empty(3 * len(which) * 8, np.int64), 0
        for i in range(_blocks_of(before, which, shape, slot, listed, blocks)):
            listed[blocks[i]] = False
            for f in range(starts[blocks[i]], starts[blocks[i] + 1]):
                a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
                if not (fresh[a] or fresh[b] or fresh[c]):
                    continue
                looks[f], changed[f] = 0, True
                widest = max(widest, _width(moved, a, b, c))
                if _turned(before, moved, a, b, c):
                    for v in (a, b, c):
                        if shares[v] > 0.0 and not queued[v]:
                            queued[v] = True
                            following[count] = v
                            count += 1
        fresh[which] = False
        which = following[:count].copy()
        queued[which] = False
        tries += 1
    return widest


@njit(cache=True, nogil=True)
def _blocks_of(before: F64, which: I64, shape: tuple[int, int, int], slot: I32, listed: Bool, blocks: I32) -> int:
    """Write the active blocks whose cells have faces at these vertices, as they were, and mark them; how many."""
    count = 0
    for v in which:
        x, y, z = int(before[v, 0]), int(before[v, 1]), int(before[v, 2])
        for w in range((z - 1) >> 3, (z >> 3) + 1):
            for u in range((y - 1) >> 3, (y >> 3) + 1):
                for t in range((x - 1) >> 3, (x >> 3) + 1):
                    k = slot[(w * shape[1] + u) * shape[0] + t]
                    if k >= 0 and not listed[k]:
                        listed[k] = True
                        blocks[count] = k
                        count += 1
    return count


@njit(cache=True, nogil=True, inline="always")
def _width(points: F64, a: int, b: int, c: int) -> float:
    """The longest side of a face's box."""
    widest = 0.0
    for axis in range(3):
        p, q, r = points[a, axis], points[b, axis], points[c, axis]
        widest = max(widest, max(max(p, q), r) - min(min(p, q), r))
    return widest


@njit(cache=True, nogil=True, inline="always")
def _turned(before: F64, after: F64, a: int, b: int, c: int) -> bool:
    """Whether a face's normal turned by 90° or more, or its area is gone."""
    x, y, z = face_cross(before, a, b, c)
    p, q, r = face_cross(after, a, b, c)
    return bool(not x * p + y * q + z * r > 1e-6 * (x * x + y * y + z * z))


@njit(cache=True, nogil=True)
def _directions(
    before: F64, target: F64, moved: F64, shape: tuple[int, int, int], slot: I32, sides: U16
) -> tuple[F64, U16]:
    """(n, 3) unit, back from target to before, zero where they are the same point; and the `_looks` (n,) of those.

    Gathers the looks in sides (8·k,), for each octant of an active block that a vertex has moved to.
    """
    ways, outward = np.zeros_like(before), np.zeros(len(before), np.uint16)
    for v in range(len(before)):
        x, y, z = before[v, 0] - target[v, 0], before[v, 1] - target[v, 1], before[v, 2] - target[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            ways[v, 0], ways[v, 1], ways[v, 2] = x / length, y / length, z / length
        outward[v] = _looks(x, y, z, length)
        sides[octant_of(moved, v, shape, slot)] |= outward[v]
    return ways, outward


@njit(cache=True, nogil=True)
def _survey(before: F64, after: F64, ways: F64, faces: I32, bad: Bool, unsteady: Bool, looks: U16) -> float:
    """Mark the corners of turned faces in bad (n,), and unsteady faces (m,); fill looks (m,), 0 for those. Returns how
    wide faces are.
    """
    widest = 0.0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if _turned(before, after, a, b, c):
            bad[a] = bad[b] = bad[c] = True
        widest = max(widest, _width(after, a, b, c))
        x, y, z = face_cross(after, a, b, c)
        length = np.sqrt(x * x + y * y + z * z)
        ab = ways[a, 0] * ways[b, 0] + ways[a, 1] * ways[b, 1] + ways[a, 2] * ways[b, 2]
        bc = ways[b, 0] * ways[c, 0] + ways[b, 1] * ways[c, 1] + ways[b, 2] * ways[c, 2]
        ca = ways[c, 0] * ways[a, 0] + ways[c, 1] * ways[a, 1] + ways[c, 2] * ways[a, 2]
        p = x * ways[a, 0] + y * ways[a, 1] + z * ways[a, 2]
        q = x * ways[b, 0] + y * ways[b, 1] + z * ways[b, 2]
        r = x * ways[c, 0] + y * ways[c, 1] + z * ways[c, 2]
        unsteady[f] = not (min(min(ab, bc), ca) > STEADY and min(min(p, q), r) > FACING * length)
        looks[f] = 0 if unsteady[f] else _looks(x, y, z, length)
    return widest


@njit(cache=True, nogil=True)
def _mark_doubtful(
    after: F64,
    outward: U16,
    faces: I32,
    starts: I32,
    widest: float,
    sides: U16,
    shape: tuple[int, int, int],
    slot: I32,
    doubtful: Bool,
) -> None:
    """Mark the faces in cells reached from opposite ways: with the unsteady ones, all that may cross once moved.

    Two steady faces that came the same way and met would come from two layers of the shell one above the other, closer
    together than the thickness; but between two such layers lies one that came the opposite way. The corners of a face
    in a cell are in octants next to the cell's, so only octants around which ways are opposite count.
    """
    near = _near_opposed(sides, shape, slot) if widest < 4.0 else np.ones(len(sides), np.bool_)
    cells, seen = np.empty(64, np.int32), np.zeros(8 * len(sides), np.uint16)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if near[octant_of(after, a, shape, slot)]:
            for i in range(cells_of(after, faces, f, shape, slot, cells)):
                seen[cells[i]] |= outward[a] | outward[b] | outward[c]
    for block in np.flatnonzero(_around_opposed(seen, widest, shape, slot)):
        for f in range(starts[block], starts[block + 1]):
            if near[octant_of(after, faces[f, 0], shape, slot)]:
                for i in range(cells_of(after, faces, f, shape, slot, cells)):
                    doubtful[f] |= _opposed(seen[cells[i]])


@njit(cache=True, nogil=True)
def _near_opposed(sides: U16, shape: tuple[int, int, int], slot: I32) -> Bool:
    """(8·k,) the octants of active blocks at or next to one around which opposite ways meet."""
    around, near = np.empty(27, np.int32), np.zeros(len(sides), np.bool_)
    for b in range(len(slot)):
        for octant in range(8 if slot[b] >= 0 else 0):
            count, together = _octants_around(b, octant, shape, slot, around), 0
            for i in range(count):
                together |= sides[around[i]]
            if _opposed(together):
                for i in range(count):
                    near[around[i]] = True
    return near


@njit(cache=True, nogil=True)
def _octants_around(b: int, octant: int, shape: tuple[int, int, int], slot: I32, around: I32) -> int:
    """Write the numbers of an octant of block b and of those around it in active blocks; how many."""
    x = 2 * (b % shape[0]) + (octant & 1)
    y = 2 * (b // shape[0] % shape[1]) + (octant >> 1 & 1)
    z = 2 * (b // shape[0] // shape[1]) + (octant >> 2)
    count = 0
    for w in range(max(z - 1, 0), min(z + 2, 2 * shape[2])):
        for v in range(max(y - 1, 0), min(y + 2, 2 * shape[1])):
            for u in range(max(x - 1, 0), min(x + 2, 2 * shape[0])):
                k = slot[((w >> 1) * shape[1] + (v >> 1)) * shape[0] + (u >> 1)]
                if k >= 0:
                    around[count] = 8 * k + 4 * (w & 1) + 2 * (v & 1) + (u & 1)
                    count += 1
    return count


@njit(cache=True, nogil=True)
def _opposed(looks: int) -> bool:
    """Whether these bits of `_looks` name an axis and its reverse."""
    return looks & looks >> 7 & 0x7F != 0


@njit(cache=True, nogil=True)
def _around_opposed(sides: U16, widest: float, shape: tuple[int, int, int], slot: I32) -> Bool:
    """(k,) the active blocks whose cells faces can come from that touch a cell where opposite ways meet."""
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
