"""Details furniture shares: legs of every style, slanting, cushions, knobs, pulls, rails and mouldings."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design
from ml.parametric.outlines import F64, lathed, rectangle, spline
from ml.parametric.primitives import box, ellipsoid, lathe, loft, tube
from ml.parametric.solid import Solid

# Radius along a turned leg, as shares of (radius, height): foot, ring, long taper, rings, square-ish block on top.
TURNED = (
    (0.45, 0.0), (0.62, 0.015), (0.72, 0.04), (0.5, 0.075), (0.42, 0.1), (0.58, 0.3), (0.8, 0.52), (0.86, 0.6),
    (0.6, 0.65), (0.52, 0.67), (0.95, 0.695), (0.95, 0.715), (0.55, 0.745), (0.9, 0.8), (1.0, 0.84), (1.0, 1.0),
)  # fmt: skip
LEG_KINDS = {
    "victorian": ("turned", "cabriole"),
    "rustic": ("square", "turned", "rough"),
    "medieval": ("rough", "square"),
    "fantasy": ("cabriole", "turned"),
    "modern": ("tapered", "bar", "round"),
    "minimalist": ("bar", "round"),
    "scandinavian": ("tapered", "round"),
    "mid-century": ("tapered",),
    "industrial": ("bar", "pipe"),
    "sci-fi": ("blade",),
    "steampunk": ("pipe", "turned"),
    "art-deco": ("square", "blade"),
    "japanese": ("square",),
    "cartoon": ("tapered", "round"),
    "low-poly": ("square", "bar"),
}


def leg_kind(design: Design) -> str:
    """The kind of leg the words, else the style and the seed, ask for."""
    chosen = design.pick(*LEG_KINDS.get(design.style, ("turned", "square", "tapered", "round")))
    for words, kind in ((("curved",), "cabriole"), (("tapered",), "tapered"), (("straight",), "bar")):
        if design.part_is("legs", *words):
            return kind
    if design.part_is("legs", "round"):
        return "round"
    return "square" if design.part_is("legs", "square") else chosen


def leg(design: Design, kind: str, height: float, thick: float) -> Solid:
    """A leg from y = 0 to `height`, about `thick` metres across, centred on the Y axis; 'cabriole' bows to +x +z."""
    sides = design.sides(16)
    if kind == "turned":
        return lathe(lathed(np.array(TURNED) * (thick * 0.62, height), design.steps(34)), sides)
    if kind in ("tapered", "round"):
        foot = 0.55 if kind == "tapered" else 0.95
        return lathe([(thick * 0.5 * foot * 0.8, 0.0), (thick * 0.5 * foot, 0.008), (thick * 0.56, height)], sides)
    if kind == "cabriole":
        return _cabriole(design, height, thick)
    if kind == "pipe":
        return _pipe(height, thick, sides)
    if kind == "blade":
        return design.board(thick * 1.5, height, thick * 0.6, 0.004).tapered(0.55)
    if kind == "rough":
        return design.board(thick * 1.15, height, thick * 1.15, thick * 0.16).tapered(1.12, 0.96)
    return design.board(thick, height, thick, 0.005).tapered(0.72 if kind == "square" else 1.0)


def _pipe(height: float, thick: float, sides: int) -> Solid:
    r = thick * 0.36
    profile = [(r * 2.0, 0.0), (r * 2.0, 0.006), (r * 1.5, 0.012), (r * 1.5, 0.03), (r, 0.034), (r, height)]
    return lathe(profile, sides)


def _cabriole(design: Design, height: float, thick: float) -> Solid:
    """An S-curve: knee out, ankle in, pad foot out (after Chippendale's Director, plate IX)."""
    at = np.array(((0.62, 0.0), (0.5, 0.05), (0.1, 0.22), (0.02, 0.42), (0.42, 0.78), (0.3, 0.92), (0.0, 1.0)))
    across = np.array(((0.42,), (0.46,), (0.3,), (0.38,), (0.7,), (0.76,), (0.72,)))
    count = design.steps(16)
    way = spline(at, count)
    sway = thick * 0.8 * way[:, 0]
    path = np.column_stack([sway, np.clip(way[:, 1], 0.0, 1.0) * height, sway])
    path[:, 1] = np.linspace(0.0, height, count) * 0.35 + path[:, 1] * 0.65
    widths = spline(across, count)[:, 0] * thick
    ring = rectangle(1.0, 1.0, 0.3, 2)
    rings = path[:, None] + widths[:, None, None] * np.column_stack([ring[:, 0], np.zeros(len(ring)), ring[:, 1]])
    return loft(rings)


def lean(solid: Solid, x: float, z: float) -> Solid:
    """Sheared so that the lowest point moves by (x, z) metres and the highest stays."""
    low, high = solid.low(), solid.high()

    def move(points: F64) -> F64:
        share = (high - points[:, 1]) / max(high - low, 1e-9)
        return points + np.column_stack([share * x, np.zeros(len(points)), share * z])

    return solid.bent(move)


def cushion(design: Design, width: float, height: float, depth: float) -> Solid:
    """A stuffed pad on y = 0: a soft superellipsoid."""
    return ellipsoid(width, height, depth, 0.32, design.sides(28))


def padded(design: Design, width: float, height: float, depth: float, soft: float) -> Solid:
    """An upholstered block on y = 0 with large rounded edges."""
    return box(width, height, depth, soft, 4 if design.detail >= 0.8 else 2)


def knob(design: Design, radius: float) -> Solid:
    """A turned knob whose base is at z = 0 and which sticks out toward +Z."""
    profile = np.array(((0.55, 0.0), (0.4, 0.35), (0.5, 0.7), (0.95, 1.0), (1.0, 1.3), (0.7, 1.65), (0.05, 1.75)))
    return lathe(lathed(profile * radius, design.steps(12)), design.sides(12)).turned("x", 90.0)


def pull(design: Design, width: float) -> Solid:
    """A bow handle across x that sticks out toward +Z."""
    reach = width * 0.28
    bow = [(-width / 2, 0, 0), (-width / 2, 0, reach * 0.8), (-width * 0.36, 0, reach)]
    path = spline([*bow, *((-x, y, z) for x, y, z in reversed(bow))], design.steps(14))
    return tube(path, width * 0.055, design.sides(8))


def rail(start: tuple[float, float, float], end: tuple[float, float, float], radius: float, sides: int) -> Solid:
    """A straight round bar between two points, thickest in the middle as turned stretchers are."""
    a, b = np.array(start), np.array(end)
    share = np.array((0.0, 0.5, 1.0))
    return tube(a + share[:, None] * (b - a), radius * np.array((0.8, 1.1, 0.8)), sides)


def moulding(design: Design, width: float, depth: float, height: float, reach: float) -> Solid:
    """A cornice or plinth on y = 0 that widens upward by `reach` metres on every side in an ogee."""
    shape = lathed(((0.0, 0.0), (0.15, 0.2), (0.35, 0.45), (0.85, 0.6), (1.0, 0.8), (1.0, 1.0)), design.steps(9))
    rings = []
    for out, up in shape:
        flat = rectangle(width + 2 * reach * out, depth + 2 * reach * out)
        rings.append(np.column_stack([flat[:, 0], np.full(4, up * height), flat[:, 1]]))
    return loft(rings)


def disc(design: Design, radius: float, height: float, edge: float = 0.006) -> Solid:
    """A round slab on y = 0 with a rounded rim."""
    e = min(edge, height * 0.45)
    profile = [(radius - e, 0), (radius - 0.3 * e, 0.3 * e), (radius, e), (radius, height - e)]
    profile += [(radius - 0.3 * e, height - 0.3 * e), (radius - e, height)]
    return lathe(profile, design.sides(48))
