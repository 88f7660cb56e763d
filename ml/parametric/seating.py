"""Chairs, stools, armchairs, sofas and benches."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import cushion, disc, lean, leg, leg_kind, padded, rail
from ml.parametric.outlines import spline
from ml.parametric.primitives import ellipsoid, tube
from ml.parametric.shell_chairs import shell_chair
from ml.parametric.solid import Solid, around, both_sides, copies, four_corners, join


def chair(design: Design) -> list[Piece]:
    """A side chair: seat at 45 cm, four legs, a back of slats, spindles, ladder or panel; arms when asked."""
    if design.has("office") or design.style == "sci-fi" or (design.style == "modern" and design.rng.random() < 0.4):
        return shell_chair(design)
    width, height, depth = design.size(0.44, 0.9, 0.44)
    throne = design.has("throne")
    if throne:
        width, height, depth = width * 1.35, height * 1.6, depth * 1.25
    seat_y = 0.45 * (height / 0.9) ** 0.35
    board = design.thick(0.03, "seat")
    thick = design.thick(0.042, "legs") * (1.5 if throne else 1.0)
    x, z = width / 2 - thick * 0.62, depth / 2 - thick * 0.62
    splay = design.vary(0.0, 0.045) if leg_kind(design) != "bar" else 0.0
    kind = leg_kind(design)
    stem = leg(design, kind, seat_y - board * 0.5, thick)
    stem = stem if kind == "cabriole" else lean(stem, splay, splay * 0.6)
    pieces = [piece("legs", four_corners(stem, x, z), "wood"), _seat(design, width, board, depth, seat_y)]
    pieces += _back(design, width, height, depth, seat_y, thick)
    if design.wants("cushion", 0.8 if design.ornate or throne else 0.2) or design.has("upholstered"):
        pad = cushion(design, width * 0.9, 0.055, depth * 0.88).at(y=seat_y - 0.008, z=0.005)
        pieces.append(piece("cushion", pad, "fabric", "soft", color="burgundy" if design.ornate or throne else ""))
    if design.wants("arms", 1.0 if throne else 0.0) and "arms" not in design.refused:
        pieces.append(piece("arms", both_sides(_arm(design, width, depth, seat_y, thick)), "wood"))
    if kind not in ("cabriole", "blade") and design.wants("stretchers", 0.45):
        low, foot = seat_y * 0.32, 0.68
        sx, sz = x + splay * foot, z + splay * 0.6 * foot
        rods = both_sides(rail((sx, low, -sz), (sx, low, sz), thick * 0.3, design.sides(8)))
        cross = rail((-sx, low, 0.0), (sx, low, 0.0), thick * 0.3, design.sides(8))
        pieces.append(piece("stretchers", join((rods, cross)), "wood"))
    if design.has("rocking", "rocker"):
        pieces.append(_rockers(design, x + splay, depth, thick))
    return pieces


def _seat(design: Design, width: float, board: float, depth: float, at: float) -> Piece:
    if design.part_is("seat", "round"):
        return piece("seat", disc(design, width / 2, board, board * 0.4).scaled(z=depth / width).at(y=at - board))
    slab = design.board(width, board, depth, board * 0.35)
    return piece("seat", slab.at(y=at - board))


def _back(design: Design, width: float, height: float, depth: float, seat_y: float, thick: float) -> list[Piece]:
    """Two posts that lean back and, between them, what the style fills a back with."""
    if "back" in design.refused:
        return []
    rise, tilt = height - seat_y, design.vary(0.05, 0.11)
    kind = _back_kind(design)
    post_x, base_z = width / 2 - thick * 0.5, -depth / 2 + thick * 0.5

    def leaning(solid: Solid) -> Solid:
        return solid.bent(
            lambda p: p - np.column_stack([p[:, 0] * 0.0, p[:, 1] * 0.0, tilt * np.maximum(p[:, 1] / rise, 0.0) ** 1.5])
        ).at(y=seat_y - 0.015, z=base_z)

    post = tube(
        spline([(post_x, 0, 0), (post_x, rise * 0.5, 0), (post_x, rise, 0)], design.steps(7)),
        thick * np.linspace(0.5, 0.36, design.steps(7)),
        design.sides(12),
    )
    filled = [leaning(item) for item in _filling(design, kind, 2 * post_x, rise, thick)]
    tops = (
        [] if not design.ornate else [leaning(ellipsoid(thick, thick * 1.3, thick, sides=12).at(post_x, rise - 0.01))]
    )
    posts = both_sides(join([leaning(post), *tops]))
    soft = kind == "pad"
    color = "burgundy" if soft and design.has("throne") else ""
    back = piece("back", filled, "fabric" if soft else "wood", "soft" if soft else "main", color=color)
    return [piece("frame", posts, "wood"), back]


def _back_kind(design: Design) -> str:
    chosen = design.pick("slats", "spindles", "ladder", "panel")
    if design.part_is("back", "upholstered") or design.has("throne"):
        return "pad"
    by_style = {"victorian": "splat", "minimalist": "ladder", "modern": "panel", "rustic": "ladder"}
    return by_style.get(design.style, chosen) if design.rng.random() < 0.7 else chosen


def _filling(design: Design, kind: str, width: float, rise: float, thick: float) -> list[Solid]:
    """Solids between the posts, from y = 0 at the seat to y = rise, about z = 0."""
    crest_height = design.vary(0.07, 0.11) if kind != "panel" else 0.05
    crest = design.board(width + thick * 0.7, crest_height, thick * 0.55, 0.008).at(y=rise - crest_height * 0.8)
    if design.ornate or design.has("throne") or design.part_is("back", "curved", "round"):
        arch = crest_height * 0.9
        crest = crest.bent(lambda p: p + np.outer(arch * np.maximum(0.0, 1 - (2.2 * p[:, 0] / width) ** 2), (0, 1, 0)))
    top = rise - crest_height * 0.6
    if kind in ("slats", "spindles"):
        number = design.count("posts", 5 if kind == "slats" else 6, 2, 9)
        xs = np.linspace(-0.5, 0.5, number + 2)[1:-1] * width
        bar = design.board(width * 0.09, top - 0.1, thick * 0.3, 0.004).at(y=0.1)
        if kind == "spindles":
            bar = rail((0, 0.1, 0), (0, top, 0), thick * 0.26, design.sides(8))
        rung = design.board(width, 0.04, thick * 0.5, 0.006).at(y=0.08)
        return [crest, rung, copies(bar, [(x, 0, 0) for x in xs])]
    if kind == "ladder":
        number = 3 if rise < 0.6 else 4
        rung = design.board(width, rise * 0.11, thick * 0.42, 0.006)
        return [crest, *(rung.at(y=rise * (0.2 + 0.62 * k / number)) for k in range(number))]
    if kind == "splat":
        splat = design.board(width * 0.34, top - 0.05, thick * 0.36, 0.006).at(y=0.05)
        waist = splat.bent(
            lambda p: p * np.column_stack([1 - 0.35 * np.sin(np.pi * p[:, 1] / top) ** 2, np.ones((len(p), 2))])
        )
        return [crest, design.board(width, 0.04, thick * 0.5, 0.006).at(y=0.05), waist]
    panel = padded(design, width * 0.97, top - 0.11, thick * (1.1 if kind == "pad" else 0.5), 0.012).at(y=0.13)
    return [crest, panel]


def _arm(design: Design, width: float, depth: float, seat_y: float, thick: float) -> Solid:
    """The arm at +x: a rest that curls over its front post."""
    x, front, back, up = width / 2 + thick * 0.1, depth / 2 - thick, -depth / 2, seat_y + 0.21
    path = [
        (x - thick * 0.3, up + 0.02, back),
        (x, up, 0.0),
        (x + 0.01, up + 0.005, front),
        (x, up - 0.03, front + 0.035),
    ]
    rest = tube(spline(path, design.steps(12)), thick * 0.52, design.sides(10), flat=0.7)
    post = rail((x - 0.01, seat_y - 0.02, front - 0.02), (x, up, front - 0.02), thick * 0.42, design.sides(10))
    return join((rest, post))


def _rockers(design: Design, x: float, depth: float, thick: float) -> Piece:
    z = np.linspace(-depth * 0.95, depth * 0.75, design.steps(14))
    path = np.column_stack([np.full(len(z), x), 0.22 * (z / depth) ** 2 * depth - thick * 0.2, z])
    return piece("rockers", both_sides(tube(path, thick * 0.5, design.sides(10))), "wood")


def stool(design: Design) -> list[Piece]:
    """A backless seat on three or four splayed legs, with a foot ring or rungs; taller as a bar stool."""
    bar = design.has("bar", "barstool")
    width, height, depth = design.size(0.34, 0.72 if bar else 0.46, 0.34)
    number = design.count("legs", 3 if design.rng.random() < 0.4 else 4, 3, 8)
    board, thick = design.thick(0.04, "seat"), design.thick(0.038, "legs")
    square = design.part_is("seat", "square")
    kind = leg_kind(design)
    kind = "tapered" if kind == "cabriole" else kind
    reach, splay = width * 0.34, height * design.vary(0.05, 0.16)
    stem = lean(leg(design, kind, height - board * 0.6, thick), splay, 0.0).at(x=reach)
    seat = design.board(width, board, depth, board * 0.3) if square else disc(design, width / 2, board, board * 0.45)
    pieces = [piece("legs", around(stem, number, 45.0 if number == 4 else 90.0), "wood")]
    dished = seat if square else seat.scaled(z=depth / width)
    pieces.append(piece("seat", dished.at(y=height - board), "wood"))
    if design.wants("cushion", 0.25) or design.has("upholstered"):
        pad = ellipsoid(width * 0.98, 0.07, depth * 0.98, 0.45, design.sides(32)).at(y=height - 0.012)
        pieces.append(piece("cushion", pad, "leather", "soft"))
    if design.wants("stretchers", 0.75):
        low = height * (0.34 if bar else 0.42)
        radius = reach + splay * (1 - low / (height - board * 0.6))
        pieces.append(piece("stretchers", _rungs(design, number, radius, low, thick), "wood"))
    return pieces


def _rungs(design: Design, number: int, radius: float, low: float, thick: float) -> Solid:
    start = np.radians(45.0 if number == 4 else 90.0)
    turn = -start - 2 * np.pi * np.arange(number + 1) / number
    spots = np.column_stack([np.cos(turn), np.sin(turn)]) * radius
    heights = low + 0.02 * (np.arange(number) % 2)  # staggered, as rungs are so that their mortises miss each other
    return join(
        rail((a[0], y, a[1]), (b[0], y, b[1]), thick * 0.3, design.sides(8))
        for a, b, y in zip(spots[:-1], spots[1:], heights, strict=True)
    )


def armchair(design: Design) -> list[Piece]:
    """An upholstered easy chair."""
    return _upholstered(design, 0.82, 1)


def sofa(design: Design) -> list[Piece]:
    """An upholstered sofa of two to five seats."""
    default = 2 if design.has("loveseat", "small", "narrow") else 4 if design.has("wide", "long", "large") else 3
    seats = design.count("seat", default, 1, 6)
    return _upholstered(design, 0.3 + 0.62 * seats, seats)


def _upholstered(design: Design, full_width: float, seats: int) -> list[Piece]:
    """Legs, a base, arms, and one seat and back cushion for every seat."""
    words = design.words - {"wide", "long", "narrow"} if seats > 1 else design.words
    width, height, depth = Design(design.rng, frozenset(words)).size(full_width, 0.82, 0.86, 0.05)
    foot, base = design.thick(0.13, "legs"), 0.2
    arm = 0.0 if "arms" in design.refused else design.thick(0.15, "arms") * design.vary(0.8, 1.25)
    soft = 0.03 if design.plain else 0.06
    body = [padded(design, width - 0.02, base, depth - 0.04, 0.025).at(y=foot)]
    back_depth = 0.19
    rounded = design.ornate or design.part_is("back", "curved", "round")
    back = padded(design, width - arm * 0.6, height - foot - base * 0.5, back_depth, soft)
    if rounded:
        back = back.bent(lambda p: p + np.outer(0.1 * (p[:, 1] > 0.2) * (1 - (2 * p[:, 0] / width) ** 2), (0, 1, 0)))
    body.append(back.at(y=foot + base * 0.5, z=-depth / 2 + back_depth / 2))
    pieces = [piece("body", body, "fabric", "main")]
    if arm:
        side = _sofa_arm(design, arm, depth, foot, soft).at(x=(width - arm) / 2)
        pieces.append(piece("arms", both_sides(side), "fabric"))
    inner = (width - 2 * arm) / seats
    deep = depth - back_depth - 0.02
    pad = padded(design, inner - 0.012, 0.16, deep, 0.055).at(y=foot + base - 0.01, z=depth / 2 - deep / 2 - 0.005)
    rest = cushion(design, inner - 0.02, 0.42, 0.2).turned("x", -12.0).at(y=foot + base + 0.12, z=-depth / 2 + 0.27)
    spots = [((k - (seats - 1) / 2) * inner, 0.0, 0.0) for k in range(seats)]
    pieces.append(piece("seat", copies(pad, spots), "fabric", "main"))
    if "cushion" not in design.refused:
        pieces.append(piece("cushion", copies(rest, spots), "fabric", "main"))
    if design.wants("pillows", 0.35 if seats > 1 else 0.15):
        throw = cushion(design, 0.42, 0.4, 0.15).turned("x", -20.0).turned("z", 8.0)
        spot = throw.at(width / 2 - arm - 0.24, foot + base + 0.13, -depth / 2 + 0.42)
        pieces.append(piece("pillows", spot, "linen", "fixed", color="mustard"))
    stem = leg(design, leg_kind(design), foot + 0.01, 0.055 if not design.plain else 0.04)
    pieces.append(piece("legs", four_corners(stem, width / 2 - 0.09, depth / 2 - 0.09), "wood", "second"))
    return pieces


def _sofa_arm(design: Design, arm: float, depth: float, foot: float, soft: float) -> Solid:
    up = 0.6
    block = padded(design, arm, up - foot - 0.02, depth - 0.02, soft if design.plain else arm * 0.3).at(y=foot + 0.02)
    if design.plain:
        return block
    line = np.array(((0.0, up - 0.03, -depth / 2 + 0.03), (0.0, up - 0.03, depth / 2)))
    return join((block, tube(line, arm * 0.62, design.sides(24)).at(x=arm * 0.08)))


def bench(design: Design) -> list[Piece]:
    """A plank or slatted bench, with a back and arms as a garden bench."""
    width, height, depth = design.size(1.3, 0.45, 0.38)
    backed = design.wants("back", 0.0) or design.has("garden", "park", "pew")
    board, thick = design.thick(0.04, "seat"), design.thick(0.07, "legs")
    number = design.count("planks", 4 if backed else 1 + int(design.rng.integers(0, 4)), 1, 8)
    slat = design.board(width, board, depth / number - (0.012 if number > 1 else 0.0), 0.006)
    zs = ((np.arange(number) + 0.5) / number - 0.5) * depth
    pieces = [piece("seat", copies(slat, [(0, height - board, z) for z in zs]), "wood")]
    kind = leg_kind(design)
    x, z = width / 2 - thick * 1.6, depth / 2 - thick * 0.6
    stem = leg(design, kind, height - board * 0.7, thick)
    pieces.append(piece("legs", four_corners(stem, x, z), "cast-iron" if backed else "wood", "second"))
    bar = design.board(thick * 0.6, thick * 0.9, 2 * z, 0.004).at(y=height - board - thick * 0.85)
    apron = design.board(2 * x, thick * 0.8, thick * 0.4, 0.004).at(y=height - board - thick * 0.75)
    pieces.append(piece("stretchers", [both_sides(bar.at(x=x)), apron], "cast-iron" if backed else "wood", "second"))
    if backed:
        pieces += _bench_back(design, width, depth, height, x, thick)
    return pieces


def _bench_back(design: Design, width: float, depth: float, height: float, x: float, thick: float) -> list[Piece]:
    rise, z = 0.42, -depth / 2 + 0.03
    slat = design.board(width, rise * 0.22, 0.028, 0.006)
    tilt = -12.0
    boards = join(slat.at(y=rise * up) for up in (0.25, 0.52, 0.79)).turned("x", tilt).at(y=height, z=z)
    post = design.board(thick * 0.7, rise + 0.08, 0.03, 0.004).at(z=-0.025).turned("x", tilt).at(y=height - 0.08, z=z)
    found = [piece("back", boards, "wood"), piece("posts", both_sides(post.at(x=x)), "cast-iron", "second")]
    if design.wants("arms", 0.7):
        arm = join((
            design.board(thick, 0.03, depth * 0.95, 0.01).at(y=height + 0.2),
            design.board(thick * 0.6, 0.25, thick * 0.6, 0.004).at(y=height - 0.03, z=depth / 2 - thick),
        ))  # fmt: skip
        found.append(piece("arms", both_sides(arm.at(x=x)), "cast-iron", "second"))
    return found
