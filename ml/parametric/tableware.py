"""Mugs, goblets, glasses, bowls, plates, pitchers and teapots."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.outlines import F64, Profile, lathed, spline
from ml.parametric.primitives import ellipsoid, lathe, lathe_ring, torus, tube
from ml.parametric.solid import around, both_sides
from ml.parametric.vessels import hollow, inner_radius, loop_handle

MUGS = {
    "straight": ((0.92, 0.0), (0.99, 0.03), (1.0, 0.3), (1.0, 0.7), (1.0, 1.0)),
    "round": ((0.6, 0.0), (0.78, 0.06), (1.0, 0.38), (0.98, 0.7), (0.9, 1.0)),
    "flared": ((0.58, 0.0), (0.62, 0.04), (0.74, 0.35), (0.88, 0.72), (1.0, 1.0)),
    "waisted": ((0.9, 0.0), (0.95, 0.05), (0.86, 0.4), (0.9, 0.75), (1.0, 1.0)),
}


def mug(design: Design) -> list[Piece]:
    """A mug with an ear; a teacup is low and flared, a tankard tall, hooped and lidded when asked."""
    tankard = design.has("tankard", "stein") or design.style == "medieval"
    tea = design.has("teacup", "tea")
    base = (0.1, 0.15) if tankard else (0.1, 0.065) if tea else (0.084, 0.096)
    width, height, _ = design.size(*base, 0.1)
    kind = "straight" if tankard else "flared" if tea else design.pick(*MUGS)
    kind = "round" if design.has("round", "curved") else kind
    profile = lathed(np.array(MUGS[kind]) * (width / 2, height), design.steps(22))
    wall = design.thick(0.0042, "body")
    pieces = [piece("body", hollow(profile, wall, design.sides(44)), "wood" if tankard else "ceramic")]
    number = design.count("handle", 1, 0, 2)
    if number and design.wants("handle"):
        low, high = height * 0.2, height * 0.82
        x = min(float(np.interp(y, profile[:, 1], profile[:, 0])) for y in (low, high)) - wall * 0.3
        ear = loop_handle(design, x, low, high, width * 0.34, design.thick(0.0052, "handle"))
        ear_of = "iron" if tankard else "ceramic"
        pieces.append(piece("handle", both_sides(ear) if number == 2 else ear, ear_of, "second" if tankard else "main"))
    if tankard:
        for share in (0.12, 0.8):
            r = width / 2
            band = [(r - 0.002, 0), (r + 0.002, 0), (r + 0.002, 0.012), (r - 0.002, 0.012)]
            pieces.append(piece("hoops", lathe_ring(band, design.sides(44)).at(y=share * height), "iron", "second"))
    if design.wants("contents", 0.5) and not tankard:
        level = height * 0.82
        drink = [
            (inner_radius(profile, wall * 0.8, level - 0.006), level - 0.006),
            (inner_radius(profile, wall * 0.8, level), level),
        ]
        pieces.append(piece("contents", lathe(drink, design.sides(44)), "resin", "fixed", color="chocolate"))
    if design.wants("lid", 0.0):
        lid = lathe(
            [
                (width * 0.52, 0),
                (width * 0.5, 0.008),
                (width * 0.12, 0.016),
                (0.006, 0.02),
                (0.009, 0.03),
                (0.002, 0.034),
            ],
            design.sides(36),
        )
        pieces.append(piece("lid", lid.at(y=height + wall * 0.3), "ceramic"))
    return pieces


# Bowls as shares of (half width, bowl height), stems of (half width, stem height).
WINE_BOWL: Profile = ((0.12, 0.0), (0.5, 0.06), (0.94, 0.34), (1.0, 0.55), (0.8, 1.0))
CHALICE_BOWL: Profile = ((0.16, 0.0), (0.6, 0.08), (0.92, 0.4), (0.96, 0.7), (1.04, 1.0))
WINE_STEM: Profile = ((0.9, 0.0), (0.9, 0.012), (0.3, 0.06), (0.1, 0.16), (0.075, 0.55), (0.1, 0.9), (0.2, 1.03))
CHALICE_STEM: Profile = (
    (0.86, 0.0), (0.9, 0.04), (0.7, 0.11), (0.3, 0.2), (0.2, 0.38), (0.36, 0.46), (0.4, 0.52), (0.2, 0.62),
    (0.16, 0.85), (0.34, 1.04),
)  # fmt: skip


def goblet(design: Design) -> list[Piece]:
    """A footed cup: a metal chalice with a knop and gems, or a thin wine glass."""
    thin = design.has("wine", "wineglass")
    width, height, _ = design.size(0.085, 0.2 if thin else 0.18, 0.085)
    r = width / 2
    cup = height * (0.52 if thin else 0.45)
    stem = height - cup
    bowl_line = WINE_BOWL if thin else CHALICE_BOWL
    profile = lathed(np.array(bowl_line) * (r, cup), design.steps(20))
    pieces = [
        piece(
            "body",
            hollow(profile, 0.0016 if thin else 0.0032, design.sides(40), 0.006).at(y=stem),
            "glass" if thin else "gold",
        )
    ]
    line = WINE_STEM if thin else CHALICE_STEM
    foot = lathe(lathed(np.array(line) * (r, stem), design.steps(34)), design.sides(36))
    pieces.append(piece("stem", foot, "glass" if thin else "gold"))
    if not thin and design.wants("gems", 0.75):
        gem = ellipsoid(0.011, 0.011, 0.006, sides=10).at(y=stem + cup * 0.62, z=r * 0.945)
        color = design.pick("crimson", "emerald", "azure")
        pieces.append(piece("gems", around(gem, 6), "crystal", "fixed", color=color, glow=color))
    if design.wants("rim", 0.6) and not thin:
        pieces.append(piece("rim", torus(r * 1.035, 0.0022, design.sides(40), 8).at(y=height), "gold"))
    return pieces


def glass(design: Design) -> list[Piece]:
    """A drinking glass with a heavy base, faceted or smooth, sometimes with water in it."""
    width, height, _ = design.size(0.075, 0.12, 0.075, 0.12)
    r, low = width / 2, width / 2 * design.vary(0.78, 1.0)
    line = np.array(((low - 0.002, 0), (low, 0.002), (r, height)))
    sides = 10 if design.has("octagonal", "hexagonal") or design.ornate else design.sides(40)
    pieces = [piece("body", hollow(spline(line, 12), 0.0025, sides, 0.012), "glass")]
    if design.wants("contents", 0.5):
        level = height * design.vary(0.4, 0.75)
        wet = [(low - 0.0034, 0.013), (low + (r - low) * level / height - 0.0034, level)]
        pieces.append(piece("contents", lathe(wet, sides), "ice", "fixed"))
    return pieces


def bowl(design: Design) -> list[Piece]:
    """A footed bowl; fruit in a fruit bowl."""
    width, height, _ = design.size(0.24, 0.095, 0.24, 0.1)
    deep = design.pick("round", "wide", "steep")
    lines = {
        "round": ((0.38, 0.0), (0.4, 0.06), (0.66, 0.2), (0.92, 0.6), (1.0, 1.0)),
        "wide": ((0.34, 0.0), (0.36, 0.08), (0.6, 0.22), (0.86, 0.62), (1.06, 1.0)),
        "steep": ((0.5, 0.0), (0.54, 0.06), (0.84, 0.26), (0.97, 0.62), (1.0, 1.0)),
    }
    profile = lathed(np.array(lines[deep]) * (width / 2, height), design.steps(24))
    wall = design.thick(0.005, "body")
    pieces = [piece("body", hollow(profile, wall, design.sides(52)), "wood" if design.has("salad") else "ceramic")]
    if design.wants("rim", 0.35):
        pieces.append(
            piece(
                "rim",
                torus(float(profile[-1, 0]) - wall * 0.5, wall * 0.75, design.sides(52), 8).at(y=height),
                "gold",
                "second",
            )
        )
    if design.has("fruit") or "fruits" in design.asked:
        pieces += _fruits(design, width, height)
    return pieces


def _fruits(design: Design, width: float, height: float) -> list[Piece]:
    """Apples in a ring with one on top, their tops dimpled."""
    size = width * 0.3
    line = np.array(((0.05, 0.06), (0.3, 0.0), (0.85, 0.3), (1.0, 0.6), (0.75, 0.93), (0.3, 0.95), (0.02, 0.82)))
    apple = lathe(lathed(line * (size / 2, size * 0.95), design.steps(16)), design.sides(18))
    stalk = tube([(0, size * 0.75, 0), (0.002, size * 0.9, 0), (0.008, size * 1.05, 0)], 0.0018, 6)
    floor = height * 0.35
    ring = around(apple.at(x=size * 0.62, y=floor), 4, 20.0)
    tips = around(stalk.at(x=size * 0.62, y=floor), 4, 20.0)
    found = [
        piece("fruits", ring, "wax", "fixed", color="red"),
        piece("stalks", [tips, stalk.at(y=floor + size * 0.66)], "bark", "fixed"),
    ]
    return [*found, piece("fruit on top", apple.at(y=floor + size * 0.66), "wax", "fixed", color="lime")]


def plate(design: Design) -> list[Piece]:
    """A rimmed plate with a painted ring."""
    small = design.has("saucer", "small")
    width, _, _ = design.size(0.16 if small else 0.27, 0.02, 0.27, 0.08)
    r, up = width / 2, width * design.vary(0.07, 0.1)
    outer = [(r * 0.6, 0), (r * 0.62, 0.003), (r * 0.7, up * 0.45), (r * 0.98, up * 0.95), (r, up)]
    inner = [(r * 0.985, up + 0.002), (r * 0.72, up * 0.6), (r * 0.62, up * 0.3), (r * 0.2, up * 0.26)]
    pieces = [piece("body", lathe([*outer, *inner], design.sides(56)), "porcelain")]
    if design.wants("rim", 0.7):
        ring = torus(r * 0.985, 0.0016, design.sides(56), 8).at(y=up + 0.001)
        pieces.append(
            piece("rim", ring, "gold" if design.ornate else "ceramic", "second", color="" if design.ornate else "navy")
        )
    return pieces


def pitcher(design: Design) -> list[Piece]:
    """A jug with a pulled spout and a tall ear."""
    width, height, _ = design.size(0.15, 0.24, 0.15, 0.1)
    lines = {
        "belly": ((0.6, 0.0), (0.66, 0.03), (0.95, 0.25), (1.0, 0.42), (0.72, 0.72), (0.6, 0.84), (0.7, 1.0)),
        "straight": ((0.86, 0.0), (0.9, 0.03), (0.88, 0.35), (0.8, 0.7), (0.76, 0.88), (0.8, 1.0)),
    }
    profile = lathed(
        np.array(lines["straight" if design.plain else design.pick(*lines)]) * (width / 2, height), design.steps(28)
    )
    wall = design.thick(0.005, "body")
    body = hollow(profile, wall, design.sides(44))
    lip = width * 0.22

    def pulled(points: F64) -> F64:
        toward = np.maximum(-points[:, 0] / (width * 0.4), 0.0) ** 4
        high = np.clip(points[:, 1] / height - 0.72, 0, 1) / 0.28
        reach = np.minimum(toward, 1.6) * high**1.6
        moved: F64 = points + np.column_stack([-lip * reach, 0.3 * lip * reach, np.zeros(len(points))])
        return moved

    pieces = [piece("body", body.bent(pulled), "ceramic")]
    if design.wants("handle"):
        low, high = height * 0.28, height * 0.9
        x = min(float(np.interp(y, profile[:, 1], profile[:, 0])) for y in (low, high)) - wall * 0.4
        pieces.append(
            piece("handle", loop_handle(design, x, low, high, width * 0.42, design.thick(0.008, "handle")), "ceramic")
        )
    return pieces


def teapot(design: Design) -> list[Piece]:
    """A round-bellied pot with spout, ear and knobbed lid."""
    width, height, _ = design.size(0.17, 0.13, 0.17)
    line = ((0.5, 0.0), (0.58, 0.04), (0.92, 0.3), (1.0, 0.52), (0.82, 0.84), (0.5, 0.99), (0.42, 1.0))
    if design.style in ("japanese", "modern"):
        line = ((0.7, 0.0), (0.82, 0.05), (1.0, 0.3), (0.98, 0.6), (0.78, 0.9), (0.46, 1.0), (0.42, 1.0))
    profile = lathed(np.array(line) * (width / 2, height), design.steps(28))
    pieces = [piece("body", lathe(profile, design.sides(44)), "ceramic")]
    cap = np.array(
        (
            (0.44, -0.03),
            (0.45, 0.02),
            (0.36, 0.08),
            (0.12, 0.13),
            (0.07, 0.15),
            (0.06, 0.17),
            (0.13, 0.22),
            (0.12, 0.27),
            (0.01, 0.29),
        )
    )
    if "lid" not in design.refused:
        pieces.append(
            piece(
                "lid",
                lathe(lathed(cap * (width / 2, height), design.steps(26)), design.sides(32)).at(y=height),
                "ceramic",
            )
        )
    r = width / 2
    way = spline(
        [
            (-r * 0.75, height * 0.25, 0),
            (-r * 1.3, height * 0.42, 0),
            (-r * 1.5, height * 0.75, 0),
            (-r * 1.85, height * 1.0, 0),
        ],
        design.steps(16),
    )
    pieces.append(piece("spout", tube(way, np.linspace(r * 0.34, r * 0.12, len(way)), design.sides(16)), "ceramic"))
    if design.wants("handle"):
        if design.style == "japanese":
            bow = [
                (-r * 0.7, height * 0.8, 0),
                (-r * 0.6, height * 1.5, 0),
                (0, height * 1.85, 0),
                (r * 0.6, height * 1.5, 0),
                (r * 0.7, height * 0.8, 0),
            ]
            pieces.append(
                piece("handle", tube(spline(bow, design.steps(22)), 0.0055, design.sides(10)), "bamboo", "second")
            )
        else:
            x = float(np.interp(height * 0.25, profile[:, 1], profile[:, 0])) * 0.93
            pieces.append(
                piece("handle", loop_handle(design, x, height * 0.25, height * 0.8, r * 0.7, 0.0062), "ceramic")
            )
    return pieces
