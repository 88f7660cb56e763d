"""Small things: keys, books and clocks."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import moulding, rail
from ml.parametric.outlines import arc, lathed
from ml.parametric.primitives import box, cylinder, ellipsoid, lathe, prism, torus, tube
from ml.parametric.solid import Solid, copies, four_corners, join


def key(design: Design) -> list[Piece]:
    """A bit key standing on its teeth end: ring, heart or trefoil bow, collared stem, cut bit."""
    _, length, _ = design.size(0.03, 0.09, 0.01)
    bow = length * 0.36
    thick = design.thick(length * 0.045, "stem")
    kind = design.pick("ring", "trefoil", "heart")
    kind = "ring" if design.plain or design.part_is("bow", "round") else kind
    rod = length - bow * 0.92
    stem = lathe(
        [
            (thick * 0.75, 0),
            (thick * 0.8, thick * 0.4),
            (thick * 0.8, rod * 0.86),
            (thick * 1.5, rod * 0.88),
            (thick * 1.5, rod * 0.91),
            (thick * 0.95, rod * 0.93),
            (thick * 1.6, rod * 0.96),
            (thick * 0.8, rod),
        ],
        design.sides(18),
    )
    pieces = [piece("stem", stem, "brass"), piece("bow", _bow(design, kind, bow, thick).at(y=rod), "brass")]
    teeth = design.count("bit", 2 + int(design.rng.integers(0, 2)), 1, 5)
    return [*pieces, piece("bit", _bit(teeth, length, thick), "brass")]


def _bow(design: Design, kind: str, size: float, thick: float) -> Solid:
    """The grip of a key on y = 0, in the plane z = 0."""
    sides, r = design.sides(36), size / 2
    if kind == "ring":
        return torus(r * 0.8, thick * 0.85, sides, 12).turned("x", 90.0).at(y=r * 0.8)
    if kind == "trefoil":
        lobe = torus(r * 0.4, thick * 0.75, design.sides(28), 10).turned("x", 90.0)
        return join(
            (
                lobe.at(-r * 0.48, r * 0.5),
                lobe.at(r * 0.48, r * 0.5),
                lobe.at(0, r * 1.3),
                ellipsoid(r * 0.5, r * 0.5, thick * 1.6, sides=16).at(y=r * 0.5),
            )
        )
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    x = 16 * np.sin(turn) ** 3 / 17
    y = (13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn) + 17) / 17
    return tube(np.column_stack([x * r * 0.85, y * r * 0.85, np.zeros(sides)]), thick * 0.8, 10, closed=True)


def _bit(teeth: int, length: float, thick: float) -> Solid:
    """The flag of a key: a comb of teeth toward +x near the foot."""
    tall, out = length * 0.2, length * 0.15
    each = tall / (2 * teeth - 1)
    low = length * 0.035
    outline = [(0.0, low), (0.0, low + tall)]
    for k in range(teeth):
        top = low + tall - 2 * k * each
        outline += [(out, top), (out, top - each)]
        if k < teeth - 1:
            outline += [(out * 0.5, top - each), (out * 0.5, top - 2 * each)]
    return prism(np.array(outline)[::-1] + np.array((thick * 0.3, 0.0)), thick * 0.9, thick * 0.12)


def book(design: Design) -> list[Piece]:
    """A closed book lying flat, its spine toward −X; clasps and corners on an old tome."""
    width, _, depth = design.size(0.16, 0.04, 0.23, 0.12)
    tall = design.thick(0.036)
    old = design.ornate or design.style in ("medieval", "rustic") or design.has("tome", "spellbook", "worn")
    cover = 0.004
    board = design.board(width, cover, depth, 0.0015)
    pages = box(width - 0.012, tall - 2 * cover + 0.001, depth - 0.012, 0.001, 1).at(x=-0.002, y=cover - 0.0005)
    half = tall / 2
    ring = np.concatenate([arc(half, 90, 270, design.steps(12)), arc(half - cover, 270, 90, design.steps(12))]) * (
        0.5,
        1.0,
    )
    spine = prism(ring + np.array((-width / 2 + 0.002, half)), depth)
    pieces = [
        piece("cover", [board, board.at(y=tall - cover)], "leather"),
        piece("spine", spine, "leather"),
    ]
    pieces.append(piece("pages", pages, "parchment" if old else "paper", "fixed"))
    if old or design.rng.random() < 0.4:
        bow = arc(half + 0.0012, 92, 268, design.steps(10)) * (0.5, 1.0)
        band = tube(np.column_stack([bow[:, 0] - width / 2 + 0.002, bow[:, 1] + half, np.zeros(len(bow))]), 0.0026, 8)
        pieces.append(piece("bands", copies(band, [(0, 0, z * depth) for z in (-0.33, -0.11, 0.11, 0.33)]), "leather"))
    if old:
        tip = box(0.026, tall + 0.003, 0.026, 0.0012, 1)
        pieces.append(
            piece("corners", [four_corners(tip, width / 2 - 0.012, depth / 2 - 0.012).at(y=-0.0015)], "brass", "second")
        )
        strap = box(0.03, tall + 0.004, 0.018, 0.0012, 1).at(x=width / 2 - 0.011, y=-0.002)
        pieces.append(piece("lock", copies(strap, [(0, 0, z * depth) for z in (-0.2, 0.2)]), "brass", "second"))
    badge = _badge(design, min(width, depth) * 0.28).at(x=0.004, y=tall - 0.0003)
    return [*pieces, piece("emblem", badge, "gold", "second", glow="amber")]


def _badge(design: Design, size: float) -> Solid:
    """A raised device on a cover: a star in a ring, or a lozenge."""
    number = 4 + int(design.rng.integers(0, 4))
    turn = np.radians(90 + 180 * np.arange(2 * number) / number)
    star = np.column_stack([np.cos(turn), np.sin(turn)]) * np.where(np.arange(2 * number) % 2, 0.4, 1.0)[:, None]
    plate = prism(star * size * 0.36, 0.0024, 0.0006).turned("x", -90.0)
    return join((plate, torus(size / 2, 0.0016, design.sides(32), 8)))


def clock(design: Design) -> list[Piece]:
    """A mantel clock in an arched or square case, or a twin-bell alarm clock."""
    width, height, depth = design.size(0.2, 0.26, 0.1)
    if design.has("alarm", "round"):
        return _alarm(design, width * 0.6)
    case = height * 0.86
    r = width * 0.36
    arched = not design.plain and design.rng.random() < 0.65
    outline = [(-0.5, 0.0), (0.5, 0.0), (0.5, 0.62)]
    points = np.array(outline) * (width, case)
    top = arc(width / 2, 0.0, 180.0, design.steps(18)) * (1, (case * 0.38) / (width / 2)) + (0, case * 0.62)
    body_line = (
        np.concatenate([points[:2], top])
        if arched
        else np.array(((-0.5, 0), (0.5, 0), (0.5, 1), (-0.5, 1))) * (width, case)
    )
    foot = 0.022
    body = prism(body_line, depth, 0.006).at(y=foot)
    plinth = design.board(width * 1.14, foot + 0.004, depth * 1.16, 0.006)
    pieces = [piece("body", body, "wood"), piece("base", plinth, "wood")]
    if not arched:
        pieces.append(piece("top", moulding(design, width, depth, 0.02, 0.012).at(y=foot + case - 0.002), "wood"))
    return [*pieces, *_face(design, r, foot + case * 0.56, depth / 2)]


def _face(design: Design, r: float, y: float, z: float) -> list[Piece]:
    """Dial, bezel, hour marks and two hands at a seeded time."""
    dial = cylinder(r, 0.004, design.sides(48)).turned("x", 90.0).at(y=y, z=z - 0.001)
    bezel = torus(r, r * 0.06, design.sides(48), 10).turned("x", 90.0).at(y=y, z=z + 0.002)
    mark = box(r * 0.045, r * 0.16, 0.0024).at(y=r * 0.74)
    marks = join(mark.turned("z", 30.0 * k) for k in range(12)).at(y=y, z=z + 0.0035)
    minute = prism(np.array(((-0.03, -0.15), (0.03, -0.15), (0.045, 0.5), (0.0, 0.72), (-0.045, 0.5))) * r, 0.0016)
    hands = [
        minute.turned("z", -design.vary(0, 360)).at(y=y, z=z + 0.0062),
        minute.scaled(1.5, 0.62, 1).turned("z", -design.vary(0, 360)).at(y=y, z=z + 0.0044),
    ]
    pin = cylinder(r * 0.06, 0.008, 12).turned("x", 90.0).at(y=y, z=z + 0.001)
    return [
        piece("face", dial, "porcelain", "fixed"),
        piece("bezel", bezel, "brass", "second"),
        piece("marks", marks, "obsidian", "fixed"),
        piece("hands", [*hands, pin], "obsidian", "second"),
    ]


def _alarm(design: Design, r: float) -> list[Piece]:
    """Twin bells over a drum on two splayed feet."""
    up = r * 1.25
    line = [(r * 0.9, 0), (r * 0.97, 0.006), (r, 0.014), (r, 0.05), (r * 0.95, 0.058)]
    drum = lathe(line, design.sides(48)).turned("x", 90.0).at(y=up, z=-0.029)
    bell = lathe(lathed(((0.42, 0.0), (0.4, 0.08), (0.28, 0.28), (0.02, 0.36)), 14) * r, design.sides(28))
    tilted = [bell.at(y=r * 1.12).turned("z", a).at(y=up) for a in (-32.0, 32.0)]
    posts = [cylinder(0.004, r * 0.4, 10).at(y=r * 0.85).turned("z", a).at(y=up) for a in (-32.0, 32.0)]
    feet = [rail((s * r * 0.82, 0.0, 0.0), (s * r * 0.55, up - r * 0.72, 0.0), 0.006, 10) for s in (-1, 1)]
    loop = tube(np.column_stack([arc(r * 0.34, 0, 180, 14), np.zeros(14)]), 0.003, 8).at(y=up + r * 1.2)
    clapper = join(
        (cylinder(0.0025, r * 0.5, 8).at(y=up + r * 0.85), ellipsoid(0.014, 0.014, 0.014, sides=10).at(y=up + r * 1.28))
    )
    found = [
        piece("body", drum, "paint"),
        piece("bells", [*tilted, *posts], "brass", "second"),
        piece("legs", feet, "brass", "second"),
        piece("handle", [loop, clapper], "brass", "second"),
    ]
    return [*found, *_face(design, r * 0.86, up, 0.028)]
