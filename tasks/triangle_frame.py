"""A triangle as linear forms of the point, so that the distance to it takes no branch; kernels that share this."""

from __future__ import annotations

from numba import njit

from ml.asset import I32
from tasks.topology import F64

# A frame is 31 numbers. Form k is frame[4k] + frame[4k + 1 : 4k + 4] · (point − corner a):
#   0       height over the triangle's plane
#   1, 2, 3 distance along the sides ab, bc, ca from where each starts
#   4, 5, 6 distance from those sides' lines within the plane, positive on the triangle's side
# and frame[28:31] are the lengths of the sides.
FRAME_SIZE = 31
FLAT = 1e-10  # a height below this share of the longest side is rounding noise of float64: no plane to speak of


@njit(cache=True, nogil=True)
def box_of(points: F64, faces: I32, f: int, box: F64) -> None:
    """Low corner, then high corner (6,) of a triangle."""
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    for axis in range(3):
        p, q, r = points[a, axis], points[b, axis], points[c, axis]
        box[axis], box[3 + axis] = min(min(p, q), r), max(max(p, q), r)


@njit(cache=True, nogil=True)
def frame_of(points: F64, faces: I32, f: int, frame: F64) -> None:
    """Fill the frame (31,) of triangle f; one without an area becomes its longest side, a point included."""
    longest, ll = 0, -1.0
    for k in range(3):
        s, e = faces[f, k], faces[f, (k + 1) % 3]
        x, y, z = points[e, 0] - points[s, 0], points[e, 1] - points[s, 1], points[e, 2] - points[s, 2]
        squared = x * x + y * y + z * z
        frame[28 + k] = squared**0.5
        scale = 1.0 / frame[28 + k] if squared > 0.0 else 0.0
        frame[5 + 4 * k], frame[6 + 4 * k], frame[7 + 4 * k] = x * scale, y * scale, z * scale
        if squared > ll:
            longest, ll = k, squared
    ux, uy, uz = frame[5] * frame[28], frame[6] * frame[28], frame[7] * frame[28]
    vx, vy, vz = -frame[13] * frame[30], -frame[14] * frame[30], -frame[15] * frame[30]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = (nx * nx + ny * ny + nz * nz) ** 0.5
    if length <= FLAT * ll:
        _segment_frame(frame, longest)
    else:
        frame[0], frame[1], frame[2], frame[3] = 0.0, nx / length, ny / length, nz / length
        for k in range(3):
            x, y, z = frame[5 + 4 * k], frame[6 + 4 * k], frame[7 + 4 * k]
            frame[17 + 4 * k] = frame[2] * z - frame[3] * y
            frame[18 + 4 * k] = frame[3] * x - frame[1] * z
            frame[19 + 4 * k] = frame[1] * y - frame[2] * x
    a = faces[f, 0]
    for k in range(3):
        s = faces[f, longest] if length <= FLAT * ll else faces[f, k]
        x, y, z = points[a, 0] - points[s, 0], points[a, 1] - points[s, 1], points[a, 2] - points[s, 2]
        for o in (4 + 4 * k, 16 + 4 * k):
            frame[o] = frame[o + 1] * x + frame[o + 2] * y + frame[o + 3] * z
    if length <= FLAT * ll:
        x = points[a, 0] - points[faces[f, longest], 0]
        y = points[a, 1] - points[faces[f, longest], 1]
        z = points[a, 2] - points[faces[f, longest], 2]
        frame[0] = frame[1] * x + frame[2] * y + frame[3] * z


@njit(cache=True, nogil=True)
def _segment_frame(frame: F64, side: int) -> None:
    """Directions of the frame of a segment: all three sides are `side`, and no point lies within two of them."""
    x, y, z, length = frame[5 + 4 * side], frame[6 + 4 * side], frame[7 + 4 * side], frame[28 + side]
    if length == 0.0:
        x, y, z = 1.0, 0.0, 0.0
    px, py, pz = (0.0, z, -y) if abs(x) < 0.6 else (-z, 0.0, x)  # any direction across
    scale = 1.0 / (px * px + py * py + pz * pz) ** 0.5
    px, py, pz = px * scale, py * scale, pz * scale
    frame[1], frame[2], frame[3] = y * pz - z * py, z * px - x * pz, x * py - y * px
    for k in range(3):
        sign = 1.0 if k == 0 else -1.0
        frame[28 + k] = length
        frame[5 + 4 * k], frame[6 + 4 * k], frame[7 + 4 * k] = x, y, z
        frame[17 + 4 * k], frame[18 + 4 * k], frame[19 + 4 * k] = sign * px, sign * py, sign * pz


@njit(cache=True, nogil=True)
def form(frame: F64, k: int, x: float, y: float, z: float) -> float:
    """Form k at a point given relative to corner a."""
    o = 4 * k
    return float(frame[o] + frame[o + 1] * x + frame[o + 2] * y + frame[o + 3] * z)


@njit(cache=True, nogil=True)
def closest_side(frame: F64, x: float, y: float, z: float) -> tuple[float, int]:
    """(squared distance within the plane, side 0…2 that is nearest) of a point relative to corner a; side −1 inside."""
    p, q, r = form(frame, 4, x, y, z), form(frame, 5, x, y, z), form(frame, 6, x, y, z)
    if p > 0.0 and q > 0.0 and r > 0.0:
        return 0.0, -1
    best, side = 1e300, 0
    for k in range(3):
        along, across = form(frame, 1 + k, x, y, z), form(frame, 4 + k, x, y, z)
        over = along - min(max(along, 0.0), frame[28 + k])
        if over * over + across * across < best:
            best, side = over * over + across * across, k
    return best, side


@njit(cache=True, nogil=True)
def squared_distance(frame: F64, x: float, y: float, z: float) -> float:
    """Squared distance of a point relative to corner a."""
    height = form(frame, 0, x, y, z)
    return float(closest_side(frame, x, y, z)[0] + height * height)
