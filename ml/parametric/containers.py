"""Barrels, crates, buckets and treasure chests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.outlines import arc, lathed, spline
from ml.parametric.primitives import box, cylinder, ellipsoid, lathe, lathe_ring, loft, prism, torus, tube
from ml.parametric.solid import F64, Solid, around, both_sides, copies, four_corners


def _stave(design: Design, radius: F64, heights: F64, thick: float, number: int) -> Solid:
    """One bent board of a coopered wall: its radius (k,) at heights (k,), a gap's width less than its share."""
    half = np.pi / number * 0.985
    rings = []
    for r, y in zip(radius, heights, strict=True):
        turn = np.array((-half, 0.0, half))
        outer = np.column_stack([np.sin(turn), np.cos(turn)]) * r
        inner = np.column_stack([np.sin(turn[::-1]), np.cos(turn[::-1])]) * (r - thick)
        ring = np.concatenate([outer, inner])
        rings.append(np.column_stack([ring[:, 0], np.full(6, y), ring[:, 1]]))
    return loft(np.stack(rings))


def barrel(design: Design) -> list[Piece]:
    """A coopered cask: bulging staves, sunk heads and iron hoops."""
    width, height, _ = design.size(0.58, 0.86, 0.58)
    bulge = design.vary(0.15, 0.24)
    number = design.count("staves", 18, 8, 40)
    share = np.linspace(-1.0, 1.0, design.steps(10))
    belly = width / 2
    radius = belly * (1 - bulge * share**2)
    stave = _stave(design, radius, (share + 1) / 2 * height, 0.022, number)
    end = float(radius[0])
    head = cylinder(end - 0.012, 0.02, design.sides(36), bevel=0.003)
    pieces = [piece("staves", around(stave, number), "wood")]
    pieces.append(piece("top", [head.at(y=0.03), head.at(y=height - 0.05)], "wood"))
    count = design.count("hoops", 4 if design.rng.random() < 0.5 else 6, 0, 10)
    if count and "hoops" not in design.refused:
        spots = np.array([-0.9, -0.35, 0.35, 0.9]) if count == 4 else np.linspace(-0.92, 0.92, count)
        hoops = [_hoop(design, belly, bulge, height, float(at)) for at in spots]
        pieces.append(piece("hoops", hoops, "iron", "second"))
    return pieces


def _hoop(design: Design, belly: float, bulge: float, height: float, at: float) -> Solid:
    """A flat band that follows the bulge, let into the staves so that nothing floats."""
    span = np.array((-1.0, 1.0)) * 0.045 + at * 0.95
    low, high = (belly * (1 - bulge * s**2) for s in span)
    y0, y1 = (span + 1) / 2 * height
    profile = [(low - 0.006, y0), (low + 0.004, y0), (high + 0.004, y1), (high - 0.006, y1)]
    return lathe_ring(profile, design.sides(36))


def bucket(design: Design) -> list[Piece]:
    """A pail: flared walls, hoops, and a bail handle on two ears."""
    width, height, _ = design.size(0.3, 0.28, 0.3)
    top, low = width / 2, width / 2 * design.vary(0.7, 0.82)
    wooden = design.has("rustic", "medieval") or design.rng.random() < 0.5
    pieces = []
    if wooden:
        stave = _stave(design, np.array((low, top)), np.array((0.0, height)), 0.014, 14)
        pieces.append(piece("staves", around(stave, 14), "wood"))
        pieces.append(
            piece("base", cylinder(low - 0.006, 0.016, design.sides(28), top=low - 0.003).at(y=0.015), "wood")
        )
        for share in (0.22, 0.74):
            r, lift = low + (top - low) * share, 0.022 * (top - low) / height
            band = [(r - 0.004, 0), (r + 0.003, 0), (r + 0.003 + lift, 0.022), (r - 0.004 + lift, 0.022)]
            pieces.append(piece("hoops", lathe_ring(band, design.sides(36)).at(y=height * share), "iron", "second"))
    else:
        wall = [(low - 0.004, 0.0), (low, 0.003), (top, height - 0.006), (top + 0.006, height), (top - 0.003, height)]
        shell = lathe([*wall, (low - 0.004, 0.008)], design.sides(36))
        pieces.append(piece("body", shell, "tin"))
        pieces.append(piece("rim", torus(top + 0.002, 0.005, design.sides(36), 8).at(y=height - 0.002), "tin", "main"))
    if design.wants("handle"):
        pieces += _bail(design, top, height)
    return pieces


def _bail(design: Design, top: float, height: float) -> list[Piece]:
    ear = cylinder(0.014, 0.012, 12, bevel=0.003).turned("z", -90.0).at(x=top - 0.002, y=height * 0.9)
    line = arc(top + 0.006, 0.0, 180.0, design.steps(20))
    tilt = design.vary(10.0, 60.0)
    bow = (
        tube(np.column_stack([line, np.zeros(len(line))]), 0.004, design.sides(8)).turned("x", tilt).at(y=height * 0.9)
    )
    grip = cylinder(0.011, 0.09, 12, bevel=0.004).turned("z", 90.0).at(x=0.045, y=top + 0.006)
    return [
        piece("handle", [bow, both_sides(ear)], "iron", "second"),
        piece("grip", grip.turned("x", tilt).at(y=height * 0.9), "wood"),
    ]


def crate(design: Design) -> list[Piece]:
    """A slatted wooden box with corner posts and diagonal braces, or a plain sci-fi container."""
    width, height, depth = design.size(0.6, 0.5, 0.5)
    if design.style == "sci-fi":
        return _container(design, width, height, depth)
    number = design.count("planks", 4 if design.rng.random() < 0.5 else 5, 2, 10)
    thick = 0.018
    each = height / number
    plank = design.board(width - 2 * thick, each - 0.006, thick, 0.004)
    side = design.board(depth - 4 * thick + 0.002, each - 0.006, thick, 0.004).turned("y", 90.0)
    rows = [(0, k * each + 0.003, 0) for k in range(number)]
    walls = [copies(plank.at(z=s * (depth / 2 - 1.5 * thick)), rows) for s in (-1, 1)]
    walls.append(both_sides(copies(side.at(x=width / 2 - 1.5 * thick), rows)))
    floor = design.board(width - 3 * thick, thick, depth - 3 * thick, 0.002).at(y=0.006)
    closed = (
        "lid" not in design.refused and not design.has("open") and (design.rng.random() < 0.7 or "lid" in design.asked)
    )
    pieces = [piece("planks", [*walls, floor], "wood")]
    if closed:
        lid = design.board(width / number - 0.004, thick, depth - 0.01, 0.004)
        spots = [((k - (number - 1) / 2) * width / number, height - 0.004, 0) for k in range(number)]
        pieces.append(piece("lid", copies(lid, spots), "wood"))
    return [*pieces, *_crate_frame(design, width, height, depth, thick)]


def _crate_frame(design: Design, width: float, height: float, depth: float, thick: float) -> list[Piece]:
    beam = 0.07
    post = design.board(beam, height, thick, 0.004).at(x=width / 2 - beam / 2)
    posts = [both_sides(post.at(z=s * (depth / 2 - thick / 2))) for s in (-1, 1)]
    edge = design.board(thick, height, beam, 0.004).at(x=width / 2 - thick * 0.48)
    posts += [both_sides(edge.at(z=s * (depth / 2 - beam / 2 - thick * 0.5))) for s in (-1, 1)]
    sill = design.board(width - 2 * beam + 0.004, beam - 0.002, thick * 0.92, 0.003)
    posts += [sill.at(y=y, z=s * (depth / 2 - thick / 2)) for s in (-1, 1) for y in (0.001, height - beam)]
    angle = float(np.degrees(np.arctan2(height - 2 * beam, width - 2 * beam)))
    length = float(np.hypot(height - 2 * beam, width - 2 * beam)) * 0.985
    brace = design.board(length, beam * 0.8, thick * 0.8, 0.004).at(y=-beam * 0.4).turned("z", angle).at(y=height / 2)
    found = [piece("frame", posts, "wood")]
    if design.rng.random() < 0.8:
        found.append(piece("braces", [brace.at(z=s * (depth / 2 - thick * 0.5)) for s in (-1, 1)], "wood"))
    nail = cylinder(0.006, 0.004, 8, bevel=0.0015).turned("x", 90.0)
    x, low = width / 2 - beam / 2, beam / 2
    spots = [(sx * x, y, depth / 2 - 0.001) for sx in (-1, 1) for y in (low, height / 2, height - low)]
    return [*found, piece("nails", copies(nail, spots), "iron", "second")]


def _container(design: Design, width: float, height: float, depth: float) -> list[Piece]:
    body = box(width, height, depth, 0.03, 2)
    corner = box(0.13, 0.13, 0.13, 0.02, 1)
    shift = 0.058
    low = four_corners(corner, width / 2 - shift, depth / 2 - shift)
    panel = design.board(width * 0.6, height * 0.5, 0.03, 0.01).at(y=height * 0.25, z=depth / 2 - 0.008)
    strip = design.board(width * 0.4, 0.018, 0.03, 0.004).at(y=height * 0.83, z=depth / 2 - 0.008)
    return [
        piece("body", body, "composite"),
        piece("frame", [low.at(y=-0.004), low.at(y=height - 0.126)], "titanium", "second"),
        piece("panel", panel, "carbon", "second"),
        piece("lights", strip, "plastic", "fixed", color="cyan", glow="cyan"),
    ]


def chest(design: Design) -> list[Piece]:
    """A coffer with a barrel lid, iron straps, a lock plate and side handles."""
    width, height, depth = design.size(0.8, 0.55, 0.48)
    base = height * 0.6
    open_by = design.vary(45.0, 75.0) if design.has("open") else 0.0
    number = 3
    each = base / number
    plank = design.board(width, each - 0.003, depth, 0.006)
    opened = design.has("open")
    rows = [(0.0, k * each, 0.0) for k in range(number)]
    if opened:
        pieces = _coffer(design, width, base, depth, each, rows)
    else:
        pieces = [piece("body", copies(plank, rows), "wood")]
    flat = design.plain or design.part_is("lid", "straight")
    rise = height - base
    outline = arc(1.0, 0.0, 180.0, design.steps(16)) * (depth / 2, rise)
    if flat:
        outline = np.array(((0.5, 0.0), (0.5, 0.6), (0.47, 0.75), (-0.47, 0.75), (-0.5, 0.6), (-0.5, 0.0))) * (
            depth,
            rise,
        )
    hinge = -depth / 2

    def lidded(solid: Solid) -> Solid:
        return solid.turned("y", 90.0).at(z=-hinge).turned("x", -open_by).at(y=base, z=hinge)

    lid = [prism(outline, width, 0.006)]
    if opened:  # a shell with two ends, so that one looks into it
        inner = (outline * (1 - 0.06 / depth, 1 - 0.03 / rise))[::-1]
        end = prism(outline * (1 - 0.004 / depth, 0.995), 0.025, 0.004).at(z=(width - 0.026) / 2)
        lid = [prism(np.concatenate([outline, inner]), width), end, end.at(z=0.026 - width)]
    pieces.append(piece("lid", [lidded(item) for item in lid], "wood"))
    pieces += _straps(design, width, base, depth, outline, lidded, opened)
    if design.wants("lock"):
        plate = design.board(0.1, 0.11, 0.02, 0.006).at(y=base - 0.075, z=depth / 2)
        hole = cylinder(0.012, 0.012, 12).turned("x", 90.0).at(y=base - 0.02, z=depth / 2 + 0.004)
        pieces += [piece("lock", plate, "brass", "second"), piece("keyhole", hole, "obsidian", "fixed")]
    if design.wants("handle", 0.8):
        loop = spline(
            [(0.0, 0.0, -0.07), (0.03, -0.03, -0.06), (0.035, -0.045, 0), (0.03, -0.03, 0.06), (0, 0, 0.07)], 13
        )
        pieces.append(
            piece("handle", both_sides(tube(loop, 0.008, 8).at(x=width / 2 - 0.003, y=base * 0.7)), "iron", "second")
        )
    return pieces


def _coffer(
    design: Design, width: float, base: float, depth: float, each: float, rows: list[tuple[float, float, float]]
) -> list[Piece]:
    """An open chest: boarded walls, a floor, and a heap of coins when it is a treasure chest."""
    wall = 0.026
    front = design.board(width, each - 0.003, wall, 0.006)
    side = design.board(wall, each - 0.003, depth - 2 * wall + 0.004, 0.006)
    walls = [copies(front.at(z=s * (depth - wall) / 2), rows) for s in (-1, 1)]
    walls += [both_sides(copies(side.at(x=(width - wall) / 2 - 0.001), rows))]
    floor = design.board(width - 2 * wall + 0.004, 0.02, depth - 2 * wall + 0.004, 0.0).at(y=0.004)
    found = [piece("body", [*walls, floor], "wood")]
    if design.has("treasure") or "contents" in design.asked:
        coin = cylinder(0.02, 0.005, 12, bevel=0.001)
        heap = ellipsoid(width - 2.1 * wall, base * 0.8, depth - 2.1 * wall, 0.45, design.sides(24)).at(y=base * 0.2)
        coins = []
        for _ in range(40):
            x, z = (design.vary(-0.36, 0.36) * s for s in (width, depth))
            top = base * (0.985 - 0.3 * ((2 * x / width) ** 4 + (2 * z / depth) ** 4))
            coins.append(coin.turned("x", design.vary(-40, 40)).turned("z", design.vary(-40, 40)).at(x, top, z))
        found.append(piece("contents", [heap, *coins], "gold", "fixed", glow="amber"))
    return found


def _straps(
    design: Design,
    width: float,
    base: float,
    depth: float,
    outline: F64,
    lidded: Callable[[Solid], Solid],
    opened: bool,
) -> list[Piece]:
    """Iron bands round body and lid, standing 6 mm proud."""
    number = design.count("hoops", 2 if design.rng.random() < 0.6 else 3, 0, 6)
    if number == 0 or "hoops" in design.refused:
        return []
    xs = np.linspace(-0.36, 0.36, number) * width if number > 1 else np.zeros(1)
    band = design.board(0.05, base + 0.002, depth + 0.012, 0.003).at(y=-0.001)
    hood = prism(outline * (1 + 0.012 / depth, 1.025), 0.05, 0.002)
    if opened:
        band = design.board(0.05, base + 0.002, 0.012, 0.003).at(y=-0.001, z=depth / 2)
        edge = np.concatenate([outline * (1 + 0.012 / depth, 1.025), outline[::-1] * 0.995])
        hood = prism(edge, 0.05)
    found = [band.at(x=x) for x in xs] + [lidded(hood.at(z=x)) for x in xs]
    rivets = lathe(lathed(((0.009, 0.0), (0.008, 0.004), (0.004, 0.007), (0.0005, 0.0075)), 5), 8).turned("x", 90.0)
    heads = copies(rivets, [(x, y, depth / 2 + 0.005) for x in xs for y in (0.05, base * 0.5)])
    return [piece("hoops", found, "iron", "second"), piece("rivets", heads, "iron", "second")]
