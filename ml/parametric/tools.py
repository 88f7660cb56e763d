"""Weapons and hand tools: swords, daggers, axes, hammers and shields."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.outlines import F64, circle, lathed, spline
from ml.parametric.primitives import box, cylinder, ellipsoid, lathe, loft, torus, tube
from ml.parametric.solid import Solid, both_sides, copies, join


def sword(design: Design) -> list[Piece]:
    """A sword standing on its pommel, blade up: longsword, broad sword, rapier or curved katana by its words."""
    katana = design.has("katana", "sabre", "saber", "curved") or design.style == "japanese"
    thin = design.has("rapier", "slim")
    great = design.has("greatsword", "claymore", "great", "large")
    _, length, _ = design.size(0.2, 1.35 if great else 1.0, 0.05)
    grip = length * (0.26 if great or katana else 0.17)
    wide = (
        length
        * design.vary(0.046, 0.058)
        * (0.5 if thin else 0.7 if katana else 1.0)
        * (1.4 if design.has("broadsword", "wide") else 1.0)
    )
    return _blade_weapon(design, length, grip, wide, design.vary(0.018, 0.035) * length if katana else 0.0)


def dagger(design: Design) -> list[Piece]:
    """A short blade standing on its pommel."""
    _, length, _ = design.size(0.1, 0.34, 0.03)
    curve = length * 0.05 if design.has("curved") else 0.0
    return _blade_weapon(design, length, length * 0.33, length * 0.11, curve)


def _blade_weapon(design: Design, length: float, grip: float, wide: float, curve: float) -> list[Piece]:
    pommel = wide * (0.62 if curve else 0.85)
    wide *= 1.35 if design.part_is("blade", "wide", "thick") else 1.0
    start = pommel + grip
    blade = _blade(design, length - start, wide, curve).at(y=start - 0.004)
    thick = wide * 0.3
    wood = lathe(
        lathed(np.array(((0.8, 0.0), (1.0, 0.3), (0.9, 0.7), (1.0, 1.0))) * (thick, grip), design.steps(10)),
        design.sides(16),
    )
    pieces = [piece("blade", blade, "steel", glow="prompt")]
    pieces.append(piece("handle", wood.scaled(z=0.75).at(y=pommel * 0.9), "leather", "second"))
    wraps = max(5, round(grip / (thick * 0.8)))
    ring = torus(thick * 0.93, thick * 0.14, design.sides(16), 6).scaled(z=0.75)
    pieces.append(
        piece(
            "binding",
            copies(ring, [(0, pommel + grip * (k + 0.6) / (wraps + 0.4), 0) for k in range(wraps)]),
            "leather",
            "second",
        )
    )
    if "guard" not in design.refused:
        pieces.append(piece("guard", _guard(design, wide, start, bool(curve)), "brass" if design.ornate else "metal"))
    if "pommel" not in design.refused:
        knob = ellipsoid(pommel, pommel, pommel * 0.72, 0.8 if design.plain else 1.0, design.sides(20))
        pieces.append(piece("pommel", knob, "brass" if design.ornate else "metal"))
        if design.ornate or design.rng.random() < 0.3:
            color = design.pick("crimson", "emerald", "azure", "violet")
            gem = ellipsoid(pommel * 0.42, pommel * 0.42, pommel * 0.3, sides=12).at(y=pommel * 0.29, z=pommel * 0.3)
            pieces.append(piece("gems", gem, "crystal", "fixed", color=color, glow=color))
    return pieces


def _blade(design: Design, length: float, wide: float, curve: float) -> Solid:
    """A hexagonal section with a fuller's flat, tapering to a point; single-edged and bowed when curved."""
    at = np.concatenate([np.linspace(0.0, 0.86, design.steps(10)), np.linspace(0.89, 0.985, 5)])
    taper = design.vary(0.55, 0.85)
    half = wide / 2 * (1 - (1 - taper) * np.minimum(at / 0.86, 1.0))
    tip = np.clip((at - 0.86) / 0.14, 0.0, 1.0)
    half = np.maximum(half * np.sqrt(np.maximum(1 - tip**1.5, 0.0)), wide * 0.02)
    flat = np.array(((1.0, 0.0), (0.35, 0.12), (-0.35, 0.12), (-1.0, 0.0), (-0.35, -0.12), (0.35, -0.12)))
    if curve:
        flat = np.array(((1.0, 0.0), (0.2, 0.11), (-0.85, 0.13), (-1.0, 0.0), (-0.85, -0.13), (0.2, -0.11)))
    bow = curve * at**2
    rings = np.stack(
        [
            half[:, None] * flat[:, 0] - bow[:, None],
            np.repeat((at * length)[:, None], 6, 1),
            half[:, None] * flat[:, 1],
        ],
        -1,
    )
    end = (float(-curve - (wide * 0.3 if curve else 0.0)), length, 0.0)
    return loft(rings, top=end)


def _guard(design: Design, wide: float, at: float, curved: bool) -> Solid:
    """A round tsuba, a straight cross, or drooping or rising quillons."""
    if curved:
        return cylinder(wide * 1.0, 0.008, design.sides(32), bevel=0.002).scaled(z=0.8).at(y=at - 0.008)
    reach = wide * design.vary(1.6, 2.2)
    lift = design.vary(-0.35, 0.4) * wide if not design.plain else 0.0
    path = spline([(0, 0, 0), (reach * 0.5, lift * 0.2, 0), (reach, lift, 0)], design.steps(8))
    full = np.concatenate([path[:0:-1] * (-1, 1, 1), path])
    swell = np.abs(np.linspace(-1, 1, len(full)))
    bar = tube(full, wide * (0.2 - 0.06 * swell + 0.08 * (swell > 0.93)), design.sides(12), flat=1.15)
    collar = ellipsoid(wide * 1.05, wide * 0.5, wide * 0.55, 0.7, design.sides(16)).at(y=-wide * 0.25)
    return join((bar, collar)).at(y=at)


def _haft(design: Design, length: float, thick: float, bow: float) -> Solid:
    """An oval wooden handle, swelling at its foot, with a slight S when `bow` is not 0."""
    way = spline([(bow, 0, 0), (-bow * 0.4, length * 0.35, 0), (0, length * 0.75, 0), (0, length, 0)], design.steps(14))
    swell = np.interp(way[:, 1] / length, (0, 0.06, 0.3, 0.8, 1.0), (1.05, 1.2, 0.85, 0.95, 0.85)) * thick / 2
    return tube(way, swell, design.sides(14), flat=1.35)


def axe(design: Design) -> list[Piece]:
    """An axe with a flared bit; a battle axe is longer and often double."""
    battle = design.has("battleaxe", "battle", "war") or design.style in ("medieval", "fantasy")
    _, length, _ = design.size(0.2, 0.95 if battle else 0.62, 0.05)
    double = (
        design.part_is("blade", "double")
        or design.counts.get("blade", 1) == 2
        or (battle and design.rng.random() < 0.6)
    )
    thick = design.thick(0.034, "handle")
    size = length * (0.3 if battle else 0.27)
    reach, up = size * 0.75, length * 0.9
    flare = design.vary(0.8, 1.15)
    edge = _bit(design, reach, size * 0.34, size * flare, thick).at(y=up)
    poll = box(thick * 2.2, size * 0.36, thick * 1.25, thick * 0.18, 2).at(y=up - size * 0.18)
    heads = (
        [poll, edge, edge.mirrored()]
        if double
        else [poll, edge, box(reach * 0.28, size * 0.3, thick * 1.1, 0.004, 2).at(-thick * 1.2, up - size * 0.15)]
    )
    haft = _haft(design, length, thick, 0.0 if battle else thick * 0.9)
    pieces = [piece("handle", haft, "wood", "second"), piece("blade", heads, "steel", glow="prompt")]
    if battle or design.rng.random() < 0.35:
        wrap = cylinder(thick * 0.66, length * 0.2, design.sides(14), bevel=0.004).scaled(z=1.3)
        pieces.append(piece("binding", wrap.at(y=length * 0.06), "leather", "second"))
    if battle and design.ornate:
        spike = lathe([(thick * 0.5, 0), (thick * 0.4, 0.03), (0.001, length * 0.12)], 12).at(y=length * 0.985)
        pieces.append(piece("spike", spike, "steel"))
    return pieces


def _bit(design: Design, reach: float, root: float, tall: float, thick: float) -> Solid:
    """An axe bit toward +x: thick at the eye, a curved cutting edge, its horns swept."""
    count = design.steps(9)
    out = np.linspace(0.0, 1.0, count)
    half = root / 2 + (tall / 2 - root / 2) * out**2.2
    z = thick * 0.62 * (1 - out) ** 0.8 + 0.0012
    rows = np.linspace(-1.0, 1.0, design.steps(11))
    rings = []
    for o, h, t in zip(out, half, z, strict=True):
        bow = o * reach * 0.14 * (1 - rows**2)
        face = np.column_stack([thick * 0.4 + o * reach + bow, rows * h])
        front = np.column_stack([face, np.full(len(rows), t)])
        back = np.column_stack([face[::-1], np.full(len(rows), -t)])
        rings.append(np.concatenate([front, back]))
    middle = (rings[-1][len(rows) // 2] + rings[-1][-len(rows) // 2]) / 2
    return loft(np.stack(rings), top=middle * (1, 1, 0))


def hammer(design: Design) -> list[Piece]:
    """A claw hammer, a wooden mallet, a sledge, or a fantasy war hammer."""
    war = design.has("warhammer", "war") or design.style in ("medieval", "fantasy")
    sledge = design.has("sledgehammer", "sledge", "maul", "heavy")
    _, length, _ = design.size(0.12, 0.85 if war or sledge else 0.33, 0.05)
    thick = design.thick(0.04 if war or sledge else 0.03, "handle")
    head = length * (0.3 if war else 0.24 if sledge else 0.36)
    across = head * (0.5 if war else 0.42 if sledge else 0.26)
    pieces = [piece("handle", _haft(design, length, thick, 0.0), "wood", "second")]
    if design.has("mallet"):
        block = box(head * 1.05, across * 1.5, across * 1.35, across * 0.14, 2).at(y=length - across * 1.45)
        return [*pieces, piece("blade", block, "wood")]
    up = length - across * 0.95
    if war or sledge:
        block = box(head * 0.62, across, across, across * 0.1, 2)
        ends = both_sides(
            box(head * 0.22, across * 1.18, across * 1.18, across * 0.14, 2).at(x=head * 0.39, y=-across * 0.09)
        )
        pieces.append(piece("blade", [block.at(y=up), ends.at(y=up)], "steel", glow="prompt"))
        if war:
            band = box(head * 0.16, across * 1.1, across * 1.1, 0.006, 1).at(y=up - across * 0.05)
            pieces.append(piece("hoops", band, "brass", "second"))
        return pieces
    neck = lathe(
        [
            (across * 0.42, 0),
            (across * 0.3, head * 0.12),
            (across * 0.3, head * 0.25),
            (across * 0.5, head * 0.29),
            (across * 0.52, head * 0.4),
            (across * 0.44, head * 0.43),
        ],
        design.sides(24),
    )
    face = neck.turned("z", -90.0).at(x=across * 0.25, y=up + across * 0.5)
    eye = box(across * 1.0, across * 0.95, across * 0.95, across * 0.14, 2).at(y=up)
    return [*pieces, piece("blade", [face, eye, *_claws(design, head, across, up)], "steel", glow="prompt")]


def _claws(design: Design, head: float, across: float, up: float) -> list[Solid]:
    line = [(-across * 0.3, 0.5), (-head * 0.28, 0.6), (-head * 0.46, 0.35), (-head * 0.58, -0.15)]
    found = []
    for side in (-1, 1):
        path = spline(
            [(x, up + across * y, side * across * (0.2 + 0.16 * k)) for k, (x, y) in enumerate(line)], design.steps(10)
        )
        found.append(tube(path, np.linspace(across * 0.26, across * 0.05, len(path)), design.sides(10), flat=1.3))
    return found


def shield(design: Design) -> list[Piece]:
    """A round or heater shield, standing on its rim: planks, rim, boss and rivets."""
    round_one = design.has("round", "buckler") or (not design.has("square", "heater") and design.rng.random() < 0.5)
    width, height, _ = design.size(0.62, 0.62 if round_one else 0.78, 0.05)
    outline = _shield_outline(design, width, height, round_one)
    dish = design.vary(0.05, 0.1)

    def domed(solid: Solid) -> Solid:
        return solid.bent(lambda p: p - np.column_stack([p[:, 0] * 0, p[:, 0] * 0, dish * (p[:, 0] * 2 / width) ** 2]))

    face = _slab(design, outline, 0.016)
    rim = tube(np.column_stack([outline, np.zeros(len(outline))]), 0.014, design.sides(8), closed=True)
    pieces = [piece("body", domed(face), "wood")]
    if "rim" not in design.refused:
        pieces.append(piece("rim", domed(rim), "iron", "second"))
    if "boss" not in design.refused:
        cup = lathe(
            lathed(
                ((0.115, 0.0), (0.112, 0.01), (0.082, 0.018), (0.07, 0.04), (0.04, 0.065), (0.002, 0.075)),
                design.steps(18),
            ),
            design.sides(28),
        )
        pieces.append(piece("boss", cup.turned("x", 90.0).at(z=0.002), "iron", "second"))
    number = design.count("rivets", 8, 0, 24)
    dot = ellipsoid(0.02, 0.02, 0.014, sides=8).at(y=-0.01)
    spots = [(x * 0.84, y * 0.84, 0.008) for x, y in outline[:: max(1, len(outline) // max(number, 1))]]
    pieces.append(piece("rivets", domed(copies(dot, spots)), "iron", "second"))
    if not round_one and design.rng.random() < 0.7:
        bars = [design.board(0.05, height * 0.82, 0.014, 0.003).at(y=-height * 0.43, z=0.006)]
        across = np.column_stack([np.linspace(-0.47, 0.47, 9) * width, np.full(9, height * 0.15), np.full(9, 0.007)])
        pieces.append(piece("bands", [*bars, domed(tube(across, 0.008, 8, flat=3.2))], "iron", "second"))
    return pieces


def _shield_outline(design: Design, width: float, height: float, round_one: bool) -> F64:
    if round_one:
        return circle(width / 2, design.sides(40))
    half = [(0.5, 0.5), (0.5, 0.2), (0.47, -0.02), (0.36, -0.25), (0.19, -0.42), (0.0, -0.52)]
    side = spline(half, design.steps(14))
    top = np.array(((0.0, 0.53), (0.25, 0.52)))
    right = np.concatenate([top, side])
    return np.concatenate([right, (right[1:-1] * (-1, 1))[::-1]])[::-1] * (width, height)


def _slab(design: Design, outline: F64, depth: float) -> Solid:
    """A plate over an outline with rings inside it, so that it can be domed."""
    shares = (0.02, 0.35, 0.7, 1.0)
    front = [np.column_stack([outline * s, np.full(len(outline), depth / 2)]) for s in shares]
    back = [np.column_stack([outline * s, np.full(len(outline), -depth / 2)]) for s in shares[::-1]]
    return loft(np.stack([*front, *back]))
