"""Hollow turned vessels: bottles, vases and flowerpots, and the walls and handles tableware shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.parametric.design import Design, Piece, piece
from ml.parametric.outlines import F64, lathed, spline
from ml.parametric.primitives import blob, cylinder, lathe, lathe_ring, torus, tube
from ml.parametric.solid import Solid, both_sides

# Outer profiles as shares of (half width, height); the foot first.
VASES = {
    "classic": ((0.5, 0.0), (0.55, 0.02), (0.75, 0.2), (1.0, 0.48), (0.82, 0.72), (0.42, 0.87), (0.4, 0.93),
        (0.56, 1.0)),
    "bottle": ((0.55, 0.0), (0.7, 0.04), (1.0, 0.25), (0.85, 0.45), (0.35, 0.62), (0.26, 0.78), (0.28, 0.93),
        (0.42, 1.0)),
    "flared": ((0.62, 0.0), (0.55, 0.04), (0.46, 0.25), (0.5, 0.5), (0.66, 0.75), (0.86, 0.92), (1.0, 1.0)),
    "ovoid": ((0.5, 0.0), (0.62, 0.03), (0.92, 0.28), (1.0, 0.55), (0.84, 0.82), (0.6, 0.95), (0.58, 1.0)),
    "cylinder": ((0.8, 0.0), (0.86, 0.02), (0.9, 0.3), (0.93, 0.65), (0.96, 0.95), (0.96, 1.0)),
    "amphora": ((0.3, 0.0), (0.36, 0.04), (0.3, 0.08), (0.62, 0.28), (1.0, 0.6), (0.78, 0.78), (0.34, 0.86),
        (0.36, 0.95), (0.5, 1.0)),
}  # fmt: skip


def hollow(outer: npt.ArrayLike, wall: float, sides: int, floor: float | None = None) -> Solid:
    """A vessel from its outer (k, 2) profile, foot to lip: the wall is moved inward and the lip rounded."""
    line = np.asarray(outer, dtype=np.float64)
    ahead = np.gradient(line, axis=0)
    inward = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-12)
    inner = line + wall * inward
    bottom = float(line[:, 1].min()) + (wall * 1.4 if floor is None else floor)
    inner = inner[(inner[:, 1] > bottom + wall * 0.3) & (inner[:, 0] > wall * 0.5)]
    inner[:, 1] = np.minimum(inner[:, 1], line[-1, 1])
    lip = (line[-1] + inner[-1]) / 2 + (0.0, wall * 0.42)
    low = (float(inner[0, 0]) * 0.9, bottom)
    return lathe(np.concatenate([line, lip[None], inner[::-1], [low]]), sides)


def inner_radius(outer: F64, wall: float, height: float) -> float:
    """Radius of the hollow at a height, for contents and lids."""
    return max(float(np.interp(height, outer[:, 1], outer[:, 0])) - wall, 1e-4)


def loop_handle(design: Design, x: float, low: float, high: float, reach: float, thick: float) -> Solid:
    """An ear at +x from height `low` to `high`, both ends sunk into a wall at radius `x`."""
    tall = high - low
    path = [(x - thick * 0.4, high, 0), (x + reach * 0.55, high + tall * 0.04, 0), (x + reach, high - tall * 0.3, 0)]
    path += [
        (x + reach * 0.85, low + tall * 0.28, 0),
        (x + reach * 0.3, low + tall * 0.02, 0),
        (x - thick * 0.4, low, 0),
    ]
    count = design.steps(18)
    swell = thick * (1.0 - 0.22 * np.sin(np.linspace(0, np.pi, count)))
    return tube(spline(path, count), swell, design.sides(12), flat=1.35)


def vase(design: Design) -> list[Piece]:
    """A turned vase of six seeded profiles; fluted, ringed or with ears as the style asks."""
    width, height, _ = design.size(0.2, 0.34, 0.2, 0.15)
    kind = design.pick(*VASES)
    kind = "amphora" if design.has("amphora", "urn") else kind
    kind = "cylinder" if design.part_is("body", "straight") or design.style == "minimalist" else kind
    kind = "ovoid" if design.has("round") else "classic" if design.has("curved") else kind
    profile = lathed(np.array(VASES[kind]) * (width / 2, height), design.steps(34))
    wall = design.thick(0.007, "body")
    body = hollow(profile, wall, design.sides(48))
    if design.has("twisted") or (design.ornate and design.rng.random() < 0.6):
        body = _fluted(body, 12, 0.035, 70.0 if design.has("twisted") else 0.0, height)
    pieces = [piece("body", body, "ceramic")]
    if design.ornate or design.rng.random() < 0.3:
        for share in (0.16, 0.84):
            radius = float(np.interp(share * height, profile[:, 1], profile[:, 0]))
            pieces.append(
                piece("bands", torus(radius, 0.004, design.sides(48), 8).at(y=share * height), "gold", "second")
            )
    if kind != "cylinder" and design.wants("handle", 1.0 if kind == "amphora" else 0.12):
        high, low = height * 0.9, height * 0.62
        x = float(np.interp(low, profile[:, 1], profile[:, 0]))
        top = float(np.interp(high, profile[:, 1], profile[:, 0]))
        path = [(top - 0.004, high, 0), (max(x, top) + 0.02, high + 0.01, 0), (max(x, top) + 0.03, (high + low) / 2, 0)]
        ear = tube(spline([*path, (x - 0.005, low, 0)], design.steps(14)), 0.0075, design.sides(10))
        pieces.append(piece("handle", both_sides(ear), "ceramic"))
    return pieces


def _fluted(body: Solid, number: int, share: float, twist: float, height: float) -> Solid:
    """Ribs round the wall, turned by `twist` degrees from foot to lip."""

    def move(points: F64) -> F64:
        turn = np.arctan2(points[:, 2], points[:, 0]) + np.radians(twist) * points[:, 1] / height
        fade = np.sin(np.clip(points[:, 1] / height, 0, 1) * np.pi) ** 0.5
        factor = 1 + share * np.cos(number * turn) * fade
        fluted: F64 = points * np.column_stack([factor, np.ones(len(points)), factor])
        return fluted

    return body.bent(move)


BOTTLES = {
    "wine": ((0.93, 0.0), (1.0, 0.02), (1.0, 0.3), (1.0, 0.58), (0.93, 0.64), (0.5, 0.72), (0.4, 0.77),
        (0.38, 0.95), (0.42, 0.965), (0.42, 1.0)),
    "beer": ((0.93, 0.0), (1.0, 0.025), (1.0, 0.3), (1.0, 0.52), (0.85, 0.62), (0.55, 0.76), (0.42, 0.9),
        (0.4, 0.96), (0.46, 0.97), (0.46, 1.0)),
    "flask": ((0.5, 0.0), (0.8, 0.06), (1.0, 0.28), (0.85, 0.5), (0.4, 0.63), (0.28, 0.72), (0.27, 0.9),
        (0.38, 0.96), (0.38, 1.0)),
    "jar": ((0.88, 0.0), (0.97, 0.03), (1.0, 0.3), (1.0, 0.62), (0.9, 0.74), (0.6, 0.8), (0.58, 0.94),
        (0.64, 0.97), (0.64, 1.0)),
}  # fmt: skip
BOTTLE_SIZES = {"wine": (0.076, 0.3), "beer": (0.062, 0.23), "flask": (0.11, 0.19), "jar": (0.09, 0.2)}


def bottle(design: Design) -> list[Piece]:
    """A bottle with stopper and label; potions and phials are flasks with something in them."""
    kind = design.pick("wine", "wine", "beer", "flask", "jar")
    for word, chosen in (("wine", "wine"), ("beer", "beer"), ("milk", "jar"), ("potion", "flask"), ("flask", "flask")):
        kind = chosen if design.has(word) else kind
    if design.style in ("fantasy", "medieval") or design.has("vial", "phial", "round"):
        kind = "flask"
    width, height, _ = design.size(BOTTLE_SIZES[kind][0], BOTTLE_SIZES[kind][1], 0.1)
    profile = lathed(np.array(BOTTLES[kind]) * (width / 2, height), design.steps(40))
    wall = 0.003
    pieces = [piece("body", hollow(profile, wall, design.sides(40)), "glass", color="green" if kind == "wine" else "")]
    neck = inner_radius(profile, wall * 0.5, height * 0.97)
    if design.wants("lid", 0.8):
        cork = cylinder(neck * 0.93, height * 0.12, design.sides(20), top=neck * 1.08, bevel=0.0015)
        pieces.append(piece("lid", cork.at(y=height * 0.93), "beech", "second"))
    if kind == "flask":
        level = height * design.vary(0.35, 0.5)
        inside = profile[(profile[:, 1] > wall * 2) & (profile[:, 1] < level)] - (wall * 1.35, 0)
        color = design.pick("crimson", "emerald", "azure", "violet", "amber")
        pieces.append(piece("contents", lathe(inside, design.sides(32)), "resin", "fixed", color=color, glow=color))
    elif design.wants("label", 0.7):
        r = width / 2
        band = [
            (r - 0.001, height * 0.2),
            (r + 0.0006, height * 0.2),
            (r + 0.0006, height * 0.45),
            (r - 0.001, height * 0.45),
        ]
        pieces.append(piece("label", lathe_ring(band, design.sides(40)), "paper", "fixed"))
    return pieces


def flowerpot(design: Design) -> list[Piece]:
    """A tapered pot with a rim, a saucer and soil; a plant in it unless refused."""
    width, height, _ = design.size(0.24, 0.22, 0.24, 0.12)
    top = width / 2
    low = top * design.vary(0.62, 0.75)
    lip = height * 0.2
    outer = [
        (low - 0.004, 0.0),
        (low, 0.004),
        (top - 0.012, height - lip),
        (top, height - lip + 0.003),
        (top + 0.002, height),
    ]
    wall = 0.011
    inner = [(top - wall, height), (low - wall * 0.4, 0.02)]
    pieces = [piece("body", lathe([*outer, *inner], design.sides(40)), "clay")]
    soil = cylinder(top - wall * 1.3, 0.03, design.sides(32), bevel=0.006)
    pieces.append(piece("soil", soil.at(y=height - 0.045), "soil", "fixed"))
    if design.wants("base", 0.6):
        dish = [(low * 1.12, -0.012), (low * 1.35, 0.012), (low * 1.3, 0.012), (low * 1.08, -0.004)]
        pieces.append(piece("base", lathe(dish, design.sides(40)), "clay"))
    if design.wants("leaves", 0.85):
        pieces += _plant(design, height, top)
    return pieces


def _plant(design: Design, height: float, reach: float) -> list[Piece]:
    """A rosette of arching leaves, or a clipped ball on a stem."""
    if design.rng.random() < 0.35 or design.part_is("leaves", "round"):
        stem = cylinder(0.009, reach * 1.6, 10).at(y=height - 0.03)
        ball = blob(reach * 0.95, 0.09, design.rng, 3).at(y=height + reach * 2.1)
        return [piece("trunk", stem, "bark", "fixed"), piece("leaves", ball, "leaves", "fixed")]
    leaves = []
    number = 9 + int(design.rng.integers(0, 6))
    for k in range(number):
        long, up = reach * design.vary(1.1, 2.0), reach * design.vary(0.9, 2.4)
        way = spline(
            [(0.012, -0.03, 0), (long * 0.25, up * 0.6, 0), (long * 0.65, up, 0), (long, up * 0.8, 0)], design.steps(10)
        )
        spread = np.sin(np.linspace(0.12, np.pi - 0.06, len(way))) * reach * 0.2
        blade = tube(way, spread, design.sides(8), flat=0.12).turned("y", 360 * 0.382 * k)
        leaves.append(blade.at(y=height - 0.015))
    return [piece("leaves", leaves, "leaves", "fixed")]
