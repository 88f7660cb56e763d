"""Rockets and boats."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import rail
from ml.parametric.outlines import F64, lathed
from ml.parametric.primitives import ellipsoid, lathe, loft, prism, torus, tube
from ml.parametric.solid import Solid, around, both_sides, join


def rocket(design: Design) -> list[Piece]:
    """A finned rocket on its tail: nose, striped hull, portholes, swept fins and a bell nozzle."""
    width, height, _ = design.size(0.62, 2.4, 0.62)
    slim = design.has("missile", "slim")
    r = width / 2 * (0.62 if slim else 1.0)
    lift = height * 0.12
    body = height - lift
    classic = design.style in ("cartoon", "mid-century", "") and not slim
    line = (
        ((0.62, 0.0), (0.86, 0.12), (1.0, 0.38), (0.9, 0.66), (0.66, 0.8))
        if classic
        else ((0.8, 0.0), (0.98, 0.03), (1.0, 0.3), (1.0, 0.6), (0.97, 0.8))
    )
    hull = lathed(np.array(line) * (r, body), design.steps(26))
    tip = float(hull[-1, 0])
    cap = lathed(np.array(((1.0, 0.8), (0.72, 0.88), (0.34, 0.955), (0.02, 1.0))) * (tip, body), design.steps(14))
    bell = [
        (r * 0.3, lift),
        (r * 0.34, lift * 0.8),
        (r * 0.62, lift * 0.15),
        (r * 0.56, lift * 0.15),
        (r * 0.22, lift * 0.7),
    ]
    pieces = [
        piece("body", lathe(hull, design.sides(44)).at(y=lift), "composite"),
        piece("nose", lathe(cap, design.sides(44)).at(y=lift), "paint", "second", color="red"),
        piece("nozzle", lathe(bell[::-1], design.sides(32)).at(y=0.01), "titanium", "fixed"),
    ]
    fins = design.count("fins", 3 if design.rng.random() < 0.6 else 4, 2, 8)
    if "fins" not in design.refused:
        pieces.append(piece("fins", around(_fin(design, r, lift, body), fins, 90.0), "paint", "second", color="red"))
    if "windows" not in design.refused:
        pieces += _portholes(design, hull, lift, 1 + int(design.rng.integers(0, 3)))
    band = torus(tip * 0.995, r * 0.035, design.sides(44), 8).at(y=lift + body * 0.8)
    pieces.append(piece("bands", band, "steel", "second"))
    if design.has("glowing") or "bulb" in design.asked or design.rng.random() < 0.3:
        flame = lathe(
            lathed(np.array(((0.04, 0.0), (0.3, 0.35), (0.46, 0.75), (0.4, 1.0))) * (r, lift * 1.5), 14),
            design.sides(20),
        )
        pieces.append(
            piece("bulb", flame.at(y=lift * 0.3 - lift * 0.95), "wax", "fixed", color="orange", glow="orange")
        )
    return pieces


def _fin(design: Design, r: float, lift: float, body: float) -> Solid:
    """A swept fin toward +x whose tip reaches the ground."""
    line = [
        (r * 0.5, lift + body * 0.36),
        (r * 1.25, lift + body * 0.2),
        (r * 1.75, lift + body * 0.02),
        (r * 1.8, 0.0),
        (r * 1.5, 0.0),
        (r * 1.2, lift * 0.9),
        (r * 0.5, lift + body * 0.06),
    ]
    return prism(np.array(line)[::-1], r * 0.12, r * 0.04)


def _portholes(design: Design, hull: F64, lift: float, number: int) -> list[Piece]:
    body = float(hull[-1, 1]) / 0.8
    rims, panes = [], []
    for k in range(number):
        y = body * (0.62 - 0.17 * k)
        at = float(np.interp(y, hull[:, 1], hull[:, 0]))
        size = at * 0.34
        rims.append(torus(size, size * 0.2, design.sides(28), 10).turned("x", 90.0).at(y=y + lift, z=at * 0.97))
        panes.append(ellipsoid(size * 2, size * 2, size * 0.5, sides=20).at(y=y + lift - size, z=at * 0.95))
    return [
        piece("frame", rims, "brass", "second"),
        piece("windows", panes, "acrylic", "fixed", color="azure", glow="cyan"),
    ]


def boat(design: Design) -> list[Piece]:
    """A rowing boat with thwarts and oars, or with mast and sail, its bow toward +Z."""
    width, height, length = design.size(1.3, 0.55, 3.4)
    sail = design.has("sailboat") or "sails" in design.asked or "mast" in design.asked
    at = np.linspace(-1.0, 1.0, design.steps(18))
    beam = width / 2 * np.where(at > 0, 1 - np.abs(at) ** 2.4, 1 - 0.35 * at**2) + 0.02
    sheer = height * (1 + 0.22 * at**2 + 0.12 * np.maximum(at, 0) ** 3)
    keel = height * 0.16 * np.maximum(at, 0) ** 4
    turn = np.linspace(-np.pi / 2, np.pi / 2, design.steps(11))
    out = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.75
    depth = np.abs(np.cos(turn)) ** 0.8
    wall = 0.035
    rings = []
    for z, b, s, k in zip(at, beam, sheer, keel, strict=True):
        outer = np.column_stack([out * b, s - (s - k) * depth])
        inner = np.column_stack([out * max(b - wall, 0.008), s - np.maximum(s - k - wall * 1.6, 0.02) * depth])[::-1]
        flat = np.concatenate([outer, inner])
        rings.append(np.column_stack([flat, np.full(len(flat), z * length / 2)]))
    hull = loft(
        np.stack(rings),
        *(np.array((0, float(s) * 0.6, float(z) * length / 2)) for s, z in ((sheer[0], at[0]), (sheer[-1], at[-1]))),
    )
    stern = np.column_stack([out * (beam[0] - 0.004), sheer[0] - (sheer[0] - keel[0]) * depth])
    transom = prism(stern, 0.05, 0.0).at(z=-length / 2 + 0.024)
    rim_path = np.column_stack([beam - wall / 2, sheer + 0.004, at * length / 2])
    rim = both_sides(tube(rim_path, 0.028, design.sides(8)))
    seats = design.count("seat", 3, 1, 5)
    zs = np.linspace(-0.6, 0.42, seats) if seats > 1 else np.zeros(1)
    planks = [
        design.board(1.85 * float(np.interp(z, at, beam)) - 0.07, 0.03, 0.22, 0.006).at(
            y=height * 0.66, z=z * length / 2
        )
        for z in zs
    ]
    pieces = [
        piece("body", [hull, transom], "wood"),
        piece("rim", rim, "wood", "second"),
        piece("seat", planks, "wood", "second"),
    ]
    if sail:
        return [*pieces, *_rig(design, length, height)]
    oar = join((rail((0, 0, -0.7), (0, 0, 0.7), 0.02, 8), ellipsoid(0.14, 0.02, 0.5, 0.6, 14).at(y=-0.01, z=0.9)))
    lying = oar.turned("x", 4.0).turned("y", 12.0).at(width * 0.16, height * 0.75, -0.1)
    return [*pieces, piece("oars", both_sides(lying), "wood", "second")] if design.wants("oars", 0.8) else pieces


def _rig(design: Design, length: float, height: float) -> list[Piece]:
    """A mast stepped forward of the middle, a boom, and a bellied triangular sail."""
    tall, foot = length * 0.95, length * 0.12
    mast = tube(
        [(0, 0.06, foot), (0, height + tall * 0.5, foot), (0, height + tall, foot)],
        [0.045, 0.04, 0.02],
        design.sides(12),
    )
    boom = rail((0, height + 0.35, foot), (0, height + 0.3, foot - length * 0.5), 0.022, 8)
    rows = np.linspace(0.0, 0.97, design.steps(12))
    rings = []
    thin = np.array((0.006, 0.0, 0.0))
    for s in rows:
        long = length * 0.48 * (1 - s)
        across = np.linspace(0, 1, 9)
        belly = 0.16 * np.sin(np.pi * across) * (1 - s) * np.sin(np.pi * min(s + 0.12, 1.0))
        y = height + 0.38 + s * (tall - 0.45)
        front = np.column_stack([belly, np.full(9, y), foot - 0.03 - across * long])
        rings.append(np.concatenate([front + thin, front[::-1] - thin]))
    return [piece("mast", [mast, boom], "wood", "second"), piece("sails", loft(np.stack(rings)), "canvas", "soft")]
