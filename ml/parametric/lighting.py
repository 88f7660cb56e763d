"""Lamps, lanterns, street lamps, candlesticks and candles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import disc, rail
from ml.parametric.outlines import Profile, lathed, polygon, spline
from ml.parametric.primitives import cylinder, ellipsoid, lathe, lathe_ring, loft, loop, torus, tube
from ml.parametric.solid import Solid, around, both_sides, copies, join

# Turned lamp bodies as shares of (half width, height).
BODIES = (
    ((0.7, 0.0), (0.75, 0.04), (0.5, 0.1), (0.7, 0.3), (1.0, 0.5), (0.7, 0.75), (0.25, 0.9), (0.2, 1.0)),
    ((0.9, 0.0), (0.95, 0.05), (0.4, 0.14), (0.3, 0.3), (0.45, 0.42), (0.28, 0.55), (0.24, 0.85), (0.3, 0.93),
        (0.2, 1.0)),
    ((0.6, 0.0), (0.9, 0.12), (1.0, 0.32), (0.8, 0.6), (0.35, 0.85), (0.22, 1.0)),
)  # fmt: skip


def _shade(design: Design, low: float, top: float, height: float) -> Solid:
    """An open lampshade of 2 mm cloth from y = 0."""
    t = 0.003
    sides = design.sides(40)
    if design.part_is("shade", "square"):
        sides = 4
    line = [(low, 0.0), (low, 0.006), (top, height - 0.006), (top, height)]
    inner = [(top - t, height), (top - t, height - 0.006), (low - t, 0.006), (low - t, 0.0)]
    ring = lathe_ring([*line, *inner], sides)
    return ring.turned("y", 45.0) if sides == 4 else ring


def lamp(design: Design) -> list[Piece]:
    """A table lamp with a turned body, a slim floor lamp, a jointed desk lamp, or a ceiling pendant."""
    if design.has("desk", "office") or (design.style == "industrial" and not design.has("floor", "table")):
        return _desk_lamp(design)
    floor = design.has("floor", "standing", "tall") and not design.has("table")
    width, height, _ = design.size(0.34 if not floor else 0.42, 0.52 if not floor else 1.55, 0.34)
    shade_tall = min(height * 0.42, width * design.vary(0.62, 0.8))
    stem_top = height - shade_tall * 0.6
    if floor or design.plain:
        r = width * (0.36 if floor else 0.3)
        foot = lathe([(r, 0), (r, 0.012), (r * 0.9, 0.02), (0.03, 0.03), (0.012, 0.05)], design.sides(40))
        stem = cylinder(design.thick(0.011, "stem"), stem_top - 0.03, design.sides(14)).at(y=0.03)
        pieces = [piece("base", foot, "metal"), piece("stem", stem, "metal")]
    else:
        body = BODIES[int(design.rng.integers(len(BODIES)))]
        line = lathed(np.array(body) * (width * 0.26, stem_top - 0.03), design.steps(36))
        stone = disc(design, width * 0.26, 0.018)
        pieces = [
            piece("body", lathe(line, design.sides(36)).at(y=0.015), "ceramic"),
            piece("base", stone, "metal", "second"),
        ]
        pieces.append(piece("stem", cylinder(0.008, 0.06, 12).at(y=stem_top - 0.04), "metal", "second"))
    top = width / 2 * design.vary(0.45, 0.95)
    if "shade" not in design.refused:
        shade = _shade(design, width / 2, top, shade_tall)
        spider = rail((-width * 0.49, 0, 0), (width * 0.49, 0, 0), 0.0025, 6)
        spot = height - shade_tall
        pieces.append(piece("shade", shade.at(y=spot), "linen", "soft", glow="cream"))
        pieces.append(piece("spider", spider.at(y=spot + 0.004), "metal", "second"))
    return [*pieces, *_bulb(design, stem_top, 0.03)]


def _bulb(design: Design, at: float, radius: float) -> list[Piece]:
    line = np.array(((0.42, 0.0), (0.45, 0.5), (0.9, 1.2), (1.0, 1.7), (0.75, 2.3), (0.05, 2.6)))
    glass = lathe(lathed(line * radius, design.steps(16)), design.sides(18))
    cap = cylinder(radius * 0.5, 0.03, 14, bevel=0.002)
    return [
        piece("bulb", glass.at(y=at + 0.02), "acrylic", "fixed", glow="cream"),
        piece("socket", cap.at(y=at - 0.008), "brass", "fixed"),
    ]


def _desk_lamp(design: Design) -> list[Piece]:
    """Two jointed arms over a heavy foot, and a conical head looking down and forward."""
    width, height, _ = design.size(0.2, 0.5, 0.2)
    reach = height * 0.32
    foot = lathe(
        [(width * 0.5, 0), (width * 0.5, 0.014), (width * 0.42, 0.026), (0.02, 0.034), (0.014, 0.06)], design.sides(40)
    )
    elbow, head = (0.0, height * 0.55, -reach * 0.75), (0.0, height * 0.9, reach * 0.5)
    rod = design.thick(0.0075, "stem")
    offset = 0.011
    arms = []
    for s in (-1, 1):
        arms.append(rail((s * offset, 0.05, 0), (s * offset, elbow[1], elbow[2]), rod * 0.8, 10))
        arms.append(rail((s * offset, elbow[1], elbow[2]), (s * offset, head[1], head[2]), rod * 0.8, 10))
    joint = cylinder(0.016, 0.04, 18, bevel=0.004).turned("z", 90.0).at(x=0.02)
    joints = copies(joint, [(0, 0.055, 0), elbow, head])
    t = 0.003
    bell = np.array(
        ((0.085, 0.0), (0.083, 0.012), (0.07, 0.05), (0.045, 0.085), (0.028, 0.1), (0.028, 0.14), (0.01, 0.146))
    )
    outer = spline(bell, design.steps(18))
    inside = np.array(((0.02, 0.1), (0.042, 0.081), (0.068, 0.048), (0.083 - t, 0.0)))
    cup = lathe(np.concatenate([inside, outer]), design.sides(36))
    tilt = -design.vary(18.0, 40.0)
    hood = cup.at(y=-0.12).turned("x", tilt).at(*head)
    bulb = ellipsoid(0.06, 0.07, 0.06, sides=16).at(y=-0.105).turned("x", tilt).at(*head)
    return [
        piece("base", foot, "metal"), piece("stem", arms, "metal"), piece("joints", joints, "brass", "second"),
        piece("shade", hood, "metal", "main"), piece("bulb", bulb, "acrylic", "fixed", glow="cream"),
    ]  # fmt: skip


def _tapered_prism(sides: int, low: float, high: float, height: float) -> Solid:
    """A frustum of a regular polygon from y = 0, its first flat side toward +Z."""
    phase = 90.0 + 180.0 / sides
    rings = []
    for radius, y in ((low, 0.0), (high, height)):
        flat = polygon(sides, radius, phase)
        rings.append(np.column_stack([flat[:, 0], np.full(sides, y), flat[:, 1]]))
    return loft(np.stack(rings))


def lantern(design: Design) -> list[Piece]:
    """A glazed lantern with a candle: base, posts, panes, a pitched cap and a carrying ring."""
    width, height, _ = design.size(0.2, 0.36, 0.2)
    sides = 6 if design.has("hexagonal") or design.rng.random() < 0.35 else 8 if design.has("octagonal") else 4
    r = width / 2 * (1.2 if sides == 4 else 1.05)
    flare = design.vary(1.0, 1.2)
    foot, roof = height * 0.09, height * 0.2
    room = height * 0.58
    floor = _tapered_prism(sides, r * 1.12, r * 1.02, foot)
    lid = join(
        (
            _tapered_prism(sides, r * flare * 1.16, r * flare * 1.16, 0.008),
            _tapered_prism(sides, r * flare * 1.1, r * 0.32, roof).at(y=0.008),
        )
    )
    spots = polygon(sides, 1.0, 90.0 + 180.0 / sides)
    posts = join(
        rail(
            (x * r * 0.95, foot * 0.8, z * r * 0.95),
            (x * r * flare * 0.95, foot + room + 0.004, z * r * flare * 0.95),
            0.008,
            8,
        )
        for x, z in spots
    )
    pane = _panes(sides, r * 0.88, r * flare * 0.88, foot * 0.9, foot + room)
    top = foot + room + roof
    chimney = lathe(
        [(r * 0.3, 0), (r * 0.3, 0.02), (r * 0.42, 0.022), (r * 0.12, 0.045), (0.006, 0.05)], design.sides(20)
    ).at(y=top)
    ring = torus(0.032, 0.0045, design.sides(28), 8).turned("x", 90.0).at(y=top + 0.078)
    pieces = [
        piece("base", floor, "metal"),
        piece("roof", [lid.at(y=foot + room), chimney], "metal"),
        piece("posts", posts, "metal"),
        piece("windows", pane, "glass", "fixed"),
    ]
    if "handle" not in design.refused:
        pieces.append(piece("handle", ring, "metal"))
    return [*pieces, *_wax(design, 0.024, room * design.vary(0.3, 0.5), foot * 0.97)]


def _panes(sides: int, low: float, high: float, start: float, end: float) -> Solid:
    """One closed tube of thin glass between the posts."""
    phase = 90.0 + 180.0 / sides
    layers = [(low, start), (high, end), (high * 0.985, end), (low * 0.985, start)]
    rings = []
    for radius, y in layers:
        flat = polygon(sides, radius, phase)
        rings.append(np.column_stack([flat[:, 0], np.full(sides, y), flat[:, 1]]))
    return loop(np.stack(rings))


def street_lamp(design: Design) -> list[Piece]:
    """A lamppost: a fluted base, a tapering post, a crossbar and a glazed head."""
    _, height, _ = design.size(0.5, 3.6, 0.5)
    head = 0.62
    post_top = height - head
    line: Profile = (
        (0.2, 0.0),
        (0.2, 0.12),
        (0.16, 0.16),
        (0.13, 0.5),
        (0.15, 0.54),
        (0.09, 0.62),
        (0.07, 0.8),
        (0.055, post_top - 0.1),
        (0.085, post_top - 0.06),
        (0.05, post_top),
    )
    if design.plain:
        line = ((0.12, 0.0), (0.12, 0.04), (0.065, 0.05), (0.05, post_top))
    post = lathe(line, design.sides(20))
    pieces = [piece("base", [disc(design, 0.24, 0.06), post], "cast-iron")]
    if not design.plain:
        bar = rail((-0.32, post_top - 0.22, 0), (0.32, post_top - 0.22, 0), 0.018, 10)
        tips = both_sides(ellipsoid(0.06, 0.06, 0.06, sides=12).at(0.32, post_top - 0.25))
        pieces.append(piece("arms", [bar, tips], "cast-iron"))
    floor = _tapered_prism(6, 0.1, 0.15, 0.05).at(y=post_top - 0.01)
    pane = _panes(6, 0.14, 0.22, post_top + 0.03, post_top + 0.36)
    roof = join((_tapered_prism(6, 0.25, 0.25, 0.02), _tapered_prism(6, 0.235, 0.07, 0.15).at(y=0.02))).at(
        y=post_top + 0.35
    )
    finial = lathe(
        lathed(((0.06, 0.0), (0.07, 0.02), (0.025, 0.04), (0.045, 0.07), (0.02, 0.1), (0.001, 0.13)), 14), 14
    ).at(y=post_top + 0.51)
    spots = polygon(6, 1.0, 120.0)
    bars = join(
        rail((x * 0.145, post_top + 0.03, z * 0.145), (x * 0.225, post_top + 0.36, z * 0.225), 0.009, 8)
        for x, z in spots
    )
    light = ellipsoid(0.13, 0.2, 0.13, sides=18).at(y=post_top + 0.05)
    return [
        *pieces,
        piece("frame", [floor, bars], "cast-iron"),
        piece("roof", [roof, finial], "cast-iron"),
        piece("windows", pane, "glass", "fixed"),
        piece("bulb", light, "acrylic", "fixed", color="cream", glow="amber"),
    ]


def _flame(design: Design, size: float) -> Solid:
    line = np.array(((0.1, 0.0), (0.42, 0.25), (0.5, 0.7), (0.3, 1.3), (0.03, 2.0)))
    return lathe(lathed(line * size, design.steps(10)), design.sides(12))


def _wax(design: Design, radius: float, height: float, at: float) -> list[Piece]:
    """A candle with a dished top, a wick, and a flame when it is lit."""
    line = [
        (radius * 0.97, 0.0),
        (radius, 0.003),
        (radius, height - 0.004),
        (radius * 0.88, height),
        (radius * 0.3, height - radius * 0.18),
    ]
    wick = tube([(0, height - radius * 0.4, 0), (0.0005, height + 0.005, 0), (0.002, height + 0.012, 0)], 0.0012, 6)
    found = [
        piece("candles", lathe(line, design.sides(20)).at(y=at), "wax", "fixed"),
        piece("wick", wick.at(y=at), "carbon", "fixed"),
    ]
    if design.has("glowing") or "bulb" in design.asked or design.rng.random() < 0.5:
        found.append(
            piece("bulb", _flame(design, 0.013).at(y=at + height + 0.004), "wax", "fixed", color="amber", glow="orange")
        )
    return found


def candle(design: Design) -> list[Piece]:
    """One to three pillar candles on a dish."""
    width, height, _ = design.size(0.07, 0.14, 0.07, 0.15)
    number = design.count("candles", 1, 1, 5)
    dish_r = width * (0.85 if number == 1 else 1.5)
    dish = lathe([(dish_r * 0.7, 0), (dish_r, 0.014), (dish_r * 0.97, 0.016), (dish_r * 0.68, 0.006)], design.sides(40))
    pieces: list[Piece] = [piece("base", dish, "metal", "second")] if design.wants("base", 0.8) else []
    for k in range(number):
        turn = 2 * np.pi * k / number
        x, z = (0.0, 0.0) if number == 1 else (np.cos(turn) * width * 0.8, np.sin(turn) * width * 0.8)
        tall = height * (1.0 if k == 0 else design.vary(0.55, 0.95))
        items = _wax(design, width / 2, tall, 0.005)
        pieces += [
            piece(
                i.name,
                i.solid.at(x, 0, z),
                i.substance,
                "main" if i.name == "candles" else "fixed",
                color=i.color,
                glow=i.glow,
            )
            for i in items
        ]
    return pieces


STEMS = (
    ((1.0, 0.0), (1.0, 0.02), (0.7, 0.07), (0.24, 0.12), (0.16, 0.2), (0.3, 0.3), (0.34, 0.36), (0.15, 0.45),
        (0.13, 0.7), (0.28, 0.78), (0.16, 0.86), (0.3, 0.93), (0.36, 1.0)),
    ((1.0, 0.0), (1.02, 0.03), (0.5, 0.09), (0.18, 0.16), (0.14, 0.5), (0.2, 0.6), (0.14, 0.7), (0.22, 0.9),
        (0.38, 1.0)),
)  # fmt: skip


def candlestick(design: Design) -> list[Piece]:
    """A turned stick with a drip pan and a candle; a candelabrum carries two to six arms."""
    width, height, _ = design.size(0.12, 0.24, 0.12, 0.12)
    branched = design.has("candelabra", "candelabrum") or "branches" in design.asked
    number = design.count("branches", design.count("candles", 1, 1, 7) - 1 or (4 if branched else 0), 0, 6)
    height *= 1.35 if number else 1.0
    shape: Profile = STEMS[0] if design.ornate or design.rng.random() < 0.5 else STEMS[1]
    if design.plain:
        shape = ((1.0, 0.0), (1.0, 0.03), (0.9, 0.06), (0.16, 0.08), (0.12, 0.1), (0.12, 0.95), (0.2, 1.0))
    line = np.array(shape) * (width / 2, height)
    stem = lathe(line if design.plain else lathed(line, design.steps(46)), design.sides(36))
    pieces = [piece("stem", stem, "brass"), *_cup(design, height - 0.006)]
    if number:
        pieces += _arms(design, number, height, width)
    return pieces


def _cup(design: Design, at: float) -> list[Piece]:
    pan = [
        (0.008, 0.0),
        (0.028, 0.004),
        (0.032, 0.009),
        (0.03, 0.01),
        (0.014, 0.006),
        (0.0145, 0.028),
        (0.012, 0.03),
        (0.0115, 0.012),
    ]
    cup = piece("rim", lathe(pan, design.sides(28)).at(y=at), "brass")
    return [cup, *(_wax(design, 0.011, design.vary(0.1, 0.17), at + 0.012) if "candles" not in design.refused else [])]


def _arms(design: Design, number: int, height: float, width: float) -> list[Piece]:
    """S-shaped arms round the stem, each ending in its own cup."""
    reach, low = width * 1.05, height * 0.62
    path = [
        (0.0, low, 0),
        (reach * 0.35, low - height * 0.08, 0),
        (reach * 0.8, low - height * 0.02, 0),
        (reach, low + height * 0.14, 0),
        (reach, height * 0.86, 0),
    ]
    arm = tube(spline(path, design.steps(24)), 0.0055, design.sides(10))
    found = [piece("branches", around(arm, number), "brass")]
    for item in _cup(design, height * 0.86 - 0.004):
        solid = around(item.solid.at(x=reach), number)
        found.append(replace(item, solid=solid))
    return found
