"""Trees, rocks, mushrooms and cacti."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.outlines import F64, circle, lathed, spline
from ml.parametric.primitives import blob, ellipsoid, lathe, loft, tube
from ml.parametric.solid import Solid, around, copies, join

CONIFERS = ("pine", "fir", "spruce", "christmas", "cypress")


def tree(design: Design) -> list[Piece]:
    """A broadleaf, conifer, palm or bare tree, by its kind."""
    width, height, _ = design.size(3.4, 5.2, 3.4, 0.12)
    if design.has("palm"):
        return _palm(design, height)
    if design.has(*CONIFERS) or (
        design.rng.random() < 0.2 and not design.has("oak", "apple", "maple", "dead", "bonsai", "birch")
    ):
        return _conifer(design, width * 0.8, height)
    if design.has("bonsai"):
        width, height = width * 0.12, height * 0.08
    return _broadleaf(design, width, height)


def _trunk(design: Design, height: float, radius: float, sway: float) -> Solid:
    """A tapering, swaying trunk with root flare."""
    way = spline(
        [
            (0, -0.02 * height, 0),
            (sway * 0.5, height * 0.35, sway * 0.3),
            (-sway * 0.3, height * 0.7, sway * 0.4),
            (0, height, 0),
        ],
        design.steps(12),
    )
    at = np.clip(way[:, 1] / height, 0, 1)
    return tube(way, radius * (1.0 - 0.62 * at + 0.75 * np.exp(-at * 14)), design.sides(12))


def _broadleaf(design: Design, width: float, height: float) -> list[Piece]:
    """A trunk, forked branches, and a crown of overlapping lumpy masses; bare when it is dead or leaves are refused."""
    bare = design.has("dead") or "leaves" in design.refused
    stem = height * 0.52
    radius = design.thick(height * 0.032, "trunk")
    pieces = [piece("trunk", _trunk(design, stem, radius, radius * 1.2), "bark", "second")]
    number = design.count("branches", 6 if bare else 5, 2, 12)
    limbs, tips = [], []
    for k in range(number):
        turn = np.radians(360 * 0.382 * k + design.vary(-20, 20))
        start = stem * design.vary(0.62, 0.95)
        reach, up = width * design.vary(0.26, 0.36), height * design.vary(0.62, 0.82)
        tip = np.array((np.cos(turn) * reach, up, np.sin(turn) * reach))
        bend = np.array((np.cos(turn) * reach * 0.45, start + (up - start) * 0.3, np.sin(turn) * reach * 0.45))
        way = spline(np.array(((0.0, start, 0.0), bend, tip)), design.steps(8))
        limbs.append(
            tube(way, np.linspace(radius * 0.42, radius * (0.05 if bare else 0.14), len(way)), design.sides(8))
        )
        tips.append(tip)
        if bare:
            limbs += _twigs(design, way, radius)
    pieces.append(piece("branches", limbs, "bark", "second"))
    if bare:
        return pieces
    levels = 3 if design.detail >= 0.8 else 2
    lumps = [blob(width * design.vary(0.23, 0.29), 0.24, design.rng, levels).scaled(y=0.84).at(*tip) for tip in tips]
    lumps.append(blob(width * 0.33, 0.22, design.rng, levels).scaled(y=0.9).at(y=height * 0.84))
    pieces.append(piece("leaves", lumps, "leaves"))
    if design.has("apple", "cherry", "christmas") or "fruits" in design.asked:
        spots = [tip + np.array((np.cos(a), -0.25, np.sin(a))) * width * 0.235 for tip in tips for a in (0.6, 2.7, 4.8)]
        pieces.append(
            piece(
                "fruits",
                copies(ellipsoid(width * 0.05, width * 0.05, width * 0.05, sides=10), spots),
                "wax",
                "fixed",
                color="red",
            )
        )
    return pieces


def _twigs(design: Design, way: F64, radius: float) -> list[Solid]:
    found = []
    for at in (0.45, 0.72):
        k = int(at * (len(way) - 1))
        start, ahead = way[k], way[-1] - way[0]
        side = np.cross(ahead, (0, 1, 0)) * design.vary(-0.6, 0.6)
        end = start + ahead * 0.32 + side + (0, np.linalg.norm(ahead) * 0.18, 0)
        found.append(
            tube(
                spline([start, (start + end) / 2 + ahead * 0.05, end], 6),
                np.linspace(radius * 0.2, radius * 0.03, 6),
                design.sides(8),
            )
        )
    return found


def _conifer(design: Design, width: float, height: float) -> list[Piece]:
    """Tiers of drooping, scalloped cones on a straight trunk; lights and a star on a Christmas tree."""
    stem = design.thick(height * 0.026, "trunk")
    tiers = design.count("branches", 6 if not design.has("cypress") else 8, 3, 12)
    slim = 0.45 if design.has("cypress") else 1.0
    pieces = [piece("trunk", _trunk(design, height * 0.85, stem, 0.0), "bark", "second")]
    cones, dots = [], []
    for k in range(tiers):
        share = k / tiers
        low = height * (0.16 + 0.74 * share)
        r = width / 2 * slim * (1 - share) ** 0.85 * design.vary(0.94, 1.06) + 0.05 * width
        tall = height * 0.3 * (1 - 0.45 * share)
        cones.append(_skirt(design, r, tall, 9 + 2 * (tiers - k)).turned("y", 137.5 * k).at(y=low))
        dots += [(np.cos(a) * r * 0.9, low + tall * 0.06, np.sin(a) * r * 0.9) for a in np.arange(5) * 1.257 + k]
    pieces.append(piece("leaves", cones, "needles"))
    if design.has("christmas"):
        pieces.append(
            piece(
                "lights",
                copies(ellipsoid(0.12, 0.12, 0.12, sides=10), dots),
                "resin",
                "fixed",
                color="red",
                glow="amber",
            )
        )
        spike = lathe([(0.001, -0.06), (0.06, 0.0), (0.001, 0.22)], 8)
        star = join(spike.turned("z", 72.0 * k) for k in range(5))
        pieces.append(piece("star", star.at(y=low + tall + 0.1), "gold", "fixed", glow="amber"))
    return pieces


def _skirt(design: Design, radius: float, tall: float, scallops: int) -> Solid:
    """A cone whose hem is drawn out into boughs."""
    sides = design.sides(36)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    wave = 1 + 0.13 * np.cos(scallops * turn)
    ring = circle(1.0, sides)
    rings = []
    for share, y, amount in (
        (0.45, 0.05, 0.2),
        (1.0, -0.08, 1.0),
        (0.97, 0.02, 1.0),
        (0.6, 0.38, 0.5),
        (0.26, 0.75, 0.2),
    ):
        r = radius * share * (1 + (wave - 1) * amount)
        rings.append(
            np.column_stack([ring[:, 0] * r, y * tall - 0.05 * tall * amount * (wave - 1) * 8, ring[:, 1] * r])
        )
    return loft(np.stack(rings), top=(0.0, tall, 0.0))


def _palm(design: Design, height: float) -> list[Piece]:
    """A leaning ringed trunk under a fan of arching fronds, with coconuts."""
    lean = height * design.vary(0.06, 0.2)
    stem = height * 0.82
    way = spline([(0, -0.05, 0), (lean * 0.25, stem * 0.4, 0), (lean, stem, 0)], design.steps(26))
    at = np.linspace(0, 1, len(way))
    rough = 1 + 0.07 * (np.arange(len(way)) % 2)
    trunk = tube(way, height * 0.026 * (1.25 - 0.6 * at) * rough, design.sides(12))
    number = design.count("leaves", 9, 5, 16)
    fronds = []
    for k in range(number):
        long, up = height * design.vary(0.34, 0.42), height * design.vary(0.05, 0.16)
        arch = spline(
            [(0, -0.03, 0), (long * 0.35, up, 0), (long * 0.75, up * 0.5, 0), (long, -height * 0.07, 0)],
            design.steps(12),
        )
        wide = np.sin(np.linspace(0.15, np.pi - 0.05, len(arch))) * height * 0.042
        fronds.append(tube(arch, wide, design.sides(8), flat=0.1).turned("y", 360 * k / number + design.vary(-8, 8)))
    crown = join(fronds).at(lean, stem, 0)
    nuts = around(ellipsoid(0.17, 0.2, 0.17, sides=10).at(x=height * 0.035), 3).at(lean, stem - 0.2, 0)
    return [
        piece("trunk", trunk, "bark", "second"),
        piece("leaves", crown, "leaves"),
        piece("fruits", nuts, "bark", "fixed"),
    ]


def rock(design: Design) -> list[Piece]:
    """A boulder of planes cut from a lump, with smaller stones beside it."""
    width, height, depth = design.size(1.1, 0.75, 0.9, 0.2)
    number = 1 + int(design.rng.integers(0, 4))
    stones = [_stone(design, width, height, depth)]
    for _ in range(number - 1):
        small = design.vary(0.2, 0.42)
        turn = design.vary(0, 2 * np.pi)
        stone = _stone(design, width * small, height * small, depth * small)
        stones.append(stone.at(np.cos(turn) * width * 0.58, 0, np.sin(turn) * depth * 0.62))
    return [piece("body", stones, "stone")]


def _stone(design: Design, width: float, height: float, depth: float) -> Solid:
    """A lump pressed flat by seeded planes, as split rock is; its foot is level."""
    cuts = design.rng.normal(size=(16, 3))
    cuts /= np.linalg.norm(cuts, axis=1, keepdims=True)
    deep = design.rng.uniform(0.5, 0.84, 16)

    def pressed(points: F64) -> F64:
        for normal, limit in zip(cuts, deep, strict=True):
            over = np.maximum(points @ normal - limit, 0.0)
            points = points - 0.94 * over[:, None] * normal
        points[:, 1] = np.maximum(points[:, 1], -0.42)
        return points

    levels = (4 if width > 0.6 else 3) if design.detail >= 0.8 else 2
    stone = blob(1.0, 0.12, design.rng, levels).bent(pressed).scaled(width / 2, height / 1.7, depth / 2)
    return stone.at(y=-stone.low())


def mushroom(design: Design) -> list[Piece]:
    """A toadstool: bulbous stem, skirt, domed cap with gills and spots; a small one beside it."""
    width, height, _ = design.size(0.12, 0.14, 0.12, 0.15)
    pieces = _toadstool(design, width, height)
    if design.rng.random() < 0.6:
        small = design.vary(0.4, 0.65)
        for item in _toadstool(design, width, height):
            moved = item.solid.scaled(small, small, small).at(width * 0.5, 0.0, width * 0.28)
            pieces.append(piece(item.name, moved, item.substance, item.role, color=item.color, glow=item.glow))
    return pieces


def _toadstool(design: Design, width: float, height: float) -> list[Piece]:
    r = width / 2
    foot = ((0.34, 0.0), (0.4, 0.06), (0.3, 0.2), (0.24, 0.5), (0.24, 0.72))
    stem = lathe(lathed(np.array(foot) * (r, height), design.steps(16)), design.sides(24))
    dome = design.vary(0.75, 1.15)
    cap = np.array(((0.2, 0.62), (0.75, 0.585), (0.98, 0.6), (1.0, 0.64), (0.86, 0.8), (0.5, 0.95), (0.03, 1.0)))
    cap[:, 1] = 0.6 + (cap[:, 1] - 0.6) * dome
    line = lathed(cap * (r, height), design.steps(26))
    pieces = [
        piece("stem", stem, "bone", "second"),
        piece("cap", lathe(line, design.sides(36)), "wax", "main", color="red", glow="prompt"),
    ]
    ring = lathe(
        [(r * 0.24, height * 0.48), (r * 0.4, height * 0.45), (r * 0.38, height * 0.46), (r * 0.22, height * 0.52)],
        design.sides(24),
    )
    pieces.append(piece("skirt", ring, "bone", "second"))
    gill = np.array(((0.22, 0.57), (0.9, 0.6), (0.88, 0.63), (0.22, 0.64)))
    gill[:, 1] = 0.6 + (gill[:, 1] - 0.6) * dome
    pieces.append(piece("gills", lathe(gill * (r, height), design.sides(36)), "bone", "second"))
    if design.wants("spots", 0.8):
        pieces.append(piece("spots", _spots(design, line, r), "cotton", "fixed", color="white"))
    return pieces


def _spots(design: Design, line: F64, r: float) -> Solid:
    upper = line[int(np.argmax(line[:, 0])) :]
    found = []
    for k in range(11):
        share = 0.12 + 0.8 * ((k * 0.618) % 1.0)
        at = np.array([np.interp(share, np.linspace(0, 1, len(upper)), upper[:, j]) for j in range(2)])
        ahead = (
            np.array([np.interp(min(share + 0.06, 1.0), np.linspace(0, 1, len(upper)), upper[:, j]) for j in range(2)])
            - at
        )
        slant = float(np.degrees(np.arctan2(-ahead[1], -ahead[0])))
        size = r * design.vary(0.13, 0.24)
        dot = (
            ellipsoid(size, size * 0.4, size, sides=12)
            .at(y=-size * 0.2)
            .turned("z", -abs(slant) if slant < 0 else slant)
        )
        found.append(dot.at(x=float(at[0]), y=float(at[1])).turned("y", 137.5 * k))
    return join(found)


def cactus(design: Design) -> list[Piece]:
    """A ribbed saguaro with raised arms and a flower, in the ground or in a pot's worth of soil."""
    width, height, _ = design.size(0.5, 1.5, 0.5, 0.12)
    r = width * 0.32
    number = design.count("arms", 1 + int(design.rng.integers(0, 3)), 0, 5)
    body = [_ribbed(design, np.array(((0, 0, 0), (0, height * 0.5, 0), (0, height, 0))), r)]
    for k in range(number if "arms" not in design.refused else 0):
        low, up = height * design.vary(0.3, 0.48), height * design.vary(0.62, 0.85)
        reach = width * design.vary(0.62, 0.8)
        way = np.array(
            ((r * 0.4, low, 0), (reach * 0.75, low + 0.01, 0), (reach, low + (up - low) * 0.4, 0), (reach, up, 0))
        )
        body.append(_ribbed(design, way, r * 0.58).turned("y", 180.0 * k + design.vary(-35, 35)))
    pieces = [piece("body", body, "leaves")]
    if design.wants("flowers", 0.7):
        petal = ellipsoid(0.1, 0.03, 0.05, sides=10).at(x=0.05).turned("z", 35.0)
        flower = join((around(petal, 7), ellipsoid(0.06, 0.06, 0.06, sides=10).at(y=0.0)))
        pieces.append(
            piece("flowers", flower.at(y=height - 0.01), "silk", "fixed", color=design.pick("pink", "magenta", "coral"))
        )
    return pieces


def _ribbed(design: Design, way: F64, radius: float) -> Solid:
    """A column along a path with ten ribs and a rounded end."""
    line = spline(way, design.steps(22))
    at = np.linspace(0.0, 1.0, len(line))
    length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    near = np.clip((1 - at) * length / radius, 0.0, 1.0)
    swell = radius * np.sqrt(np.maximum(1 - (1 - near) ** 2, 0.0)) * (0.86 + 0.14 * np.sin(np.pi * at)) + radius * 0.04
    sides = max(20, design.sides(40))
    column = tube(line, swell, sides)
    rings = column.vertices[:-2].reshape(len(line), sides, 3)
    groove = 1 - 0.14 * (np.arange(sides) % 4 == 0)[None, :, None] - 0.05 * (np.arange(sides) % 2 == 1)[None, :, None]
    return loft(line[:, None] + (rings - line[:, None]) * groove)
