"""Plane curves for profiles and sections: circles, rounded rectangles, splines, insets and ear clipping."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
Profile = tuple[tuple[float, float], ...]  # points of (radius, y)


@lru_cache(maxsize=256)
def _unit_circle(sides: int) -> F64:
    turn = np.linspace(0.0, 2 * np.pi, sides, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def circle(radius: float, sides: int) -> F64:
    """(sides, 2) points counter-clockwise from +x."""
    return _unit_circle(sides) * radius


def arc(radius: float, start: float, end: float, count: int) -> F64:
    """(count, 2) points of a circular arc, degrees counter-clockwise from +x, both ends included."""
    turn = np.radians(np.linspace(start, end, count))
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius


def rectangle(width: float, height: float, corner: float = 0.0, steps: int = 4) -> F64:
    """A counter-clockwise rectangle about the origin, its corners rounded by `corner` metres in `steps` segments."""
    half = np.array((width, height)) / 2
    signs = np.array(((1, 1), (-1, 1), (-1, -1), (1, -1)), dtype=np.float64)
    if corner <= 0.0:
        return signs * half
    r = min(corner, 0.49 * min(width, height))
    return np.concatenate([s * (half - r) + arc(r, 90 * k, 90 * k + 90, steps + 1) for k, s in enumerate(signs)])


def polygon(sides: int, radius: float, phase: float = 0.0) -> F64:
    """A regular polygon; `phase` in degrees turns it."""
    return arc(radius, phase, phase + 360.0, sides + 1)[:-1]


def spline(points: npt.ArrayLike, count: int, closed: bool = False) -> F64:
    """(count, d) points along the Catmull-Rom curve through (k, d) points, evenly in parameter, ends included."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        knots = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        knots = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    spans = len(knots) - 3
    at = np.linspace(0.0, spans, count, endpoint=not closed)
    k = np.minimum(at.astype(np.int64), spans - 1)
    t = (at - k)[:, None]
    a, b, c, d = (knots[k + j] for j in range(4))
    curve: F64 = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3)
    return curve


def lathed(points: npt.ArrayLike, count: int) -> F64:
    """A spline profile for a lathe: its radii are kept positive where the curve would overshoot the axis."""
    curve = spline(points, count)
    knots = np.asarray(points, dtype=np.float64)
    curve[:, 0] = np.maximum(curve[:, 0], knots[:, 0].min())
    return curve


def inset(outline: F64, distance: float) -> F64:
    """The (n, 2) outline moved inward along its mitres; a mitre is cut at 2 × the distance."""
    ahead = np.roll(outline, -1, axis=0) - outline
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-12)
    left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    mitre = left + np.roll(left, 1, axis=0)
    mitre = mitre / np.maximum((mitre**2).sum(axis=1, keepdims=True) / 2.0, 0.5)
    edge = np.roll(outline, -1, axis=0)
    turn = float(np.sum(outline[:, 0] * edge[:, 1] - outline[:, 1] * edge[:, 0]))
    moved: F64 = outline + np.sign(turn) * distance * mitre
    return moved


def _cross(o: F64, a: F64, b: F64) -> float:
    return float((a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]))


def triangulate(outline: F64) -> I32:
    """Triangles (n − 2, 3), counter-clockwise, of a simple polygon: a fan when convex, ear clipping otherwise."""
    count = len(outline)
    edge = np.roll(outline, -1, axis=0) - outline
    bend = edge[:, 0] * np.roll(edge, -1, axis=0)[:, 1] - edge[:, 1] * np.roll(edge, -1, axis=0)[:, 0]
    order = np.arange(count)
    ahead = np.roll(outline, -1, axis=0)
    if np.sum(outline[:, 0] * ahead[:, 1] - outline[:, 1] * ahead[:, 0]) < 0.0:
        order, bend = order[::-1], -bend
    if (bend > 0.0).all():
        fan = np.stack([np.zeros(count - 2, dtype=np.int64), np.arange(1, count - 1), np.arange(2, count)], axis=1)
        return order[fan].astype(np.int32)
    return np.array(_clip_ears(outline, order.tolist()), dtype=np.int32)


def _clip_ears(outline: F64, ring: list[int]) -> list[tuple[int, int, int]]:
    found = []
    while len(ring) > 3:
        ears = [k for k in range(len(ring)) if _is_ear(outline, ring, k)]
        # Of the ears the bluntest diagonal is cut first: thin slivers come last, if at all.
        best = min(ears, key=lambda k: _diagonal(outline, ring, k)) if ears else 0
        found.append((ring[best - 1], ring[best], ring[(best + 1) % len(ring)]))
        del ring[best]
    return [*found, (ring[0], ring[1], ring[2])]


def _diagonal(outline: F64, ring: list[int], k: int) -> float:
    step = outline[ring[k - 1]] - outline[ring[(k + 1) % len(ring)]]
    return float(step @ step)


def _is_ear(outline: F64, ring: list[int], k: int) -> bool:
    a, b, c = outline[ring[k - 1]], outline[ring[k]], outline[ring[(k + 1) % len(ring)]]
    if _cross(a, b, c) <= 1e-15:
        return False
    others = outline[[i for j, i in enumerate(ring) if j not in (k, (k - 1) % len(ring), (k + 1) % len(ring))]]
    inside = np.ones(len(others), dtype=bool)
    for p, q in ((a, b), (b, c), (c, a)):
        inside &= (q[0] - p[0]) * (others[:, 1] - p[1]) - (q[1] - p[1]) * (others[:, 0] - p[0]) >= 0.0
    return not inside.any()
