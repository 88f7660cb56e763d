"""Tables, desks and beds."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import cushion, disc, knob, lean, leg, leg_kind, moulding, padded, rail
from ml.parametric.outlines import lathed
from ml.parametric.primitives import cylinder, lathe, tube
from ml.parametric.solid import Solid, around, both_sides, copies, four_corners, join

# (width, height, depth) in metres of the kinds a table comes in.
TABLE_SIZES = {
    "coffee": (1.05, 0.42, 0.6),
    "side": (0.48, 0.55, 0.48),
    "end": (0.48, 0.55, 0.48),
    "bar": (0.7, 1.05, 0.7),
}


def table(design: Design) -> list[Piece]:
    """A top on four legs with an apron, or on a pedestal when round; coffee, side and bar tables by their sizes."""
    kind = next((word for word in TABLE_SIZES if design.has(word)), "")
    width, height, depth = design.size(*TABLE_SIZES.get(kind, (1.5, 0.75, 0.85)))
    lucky = design.rng.random() < 0.22 and not design.has("long", "narrow")
    round_top = design.part_is("top", "round", "oval") or (lucky and not design.part_is("top", "square"))
    if design.part_is("top", "square") or (round_top and not design.part_is("top", "oval")):
        width = depth = (width * depth) ** 0.5
    board = design.thick(0.034, "top")
    top = _top(design, width, board, depth, round_top).at(y=height - board)
    pieces = [piece("top", top, "wood")]
    number = design.count("legs", 0, 0, 8)
    if (round_top and number == 0 and design.rng.random() < 0.6) or number == 1 or "base" in design.asked:
        return [*pieces, *_pedestal(design, min(width, depth), height - board)]
    return [*pieces, *_on_legs(design, width, height - board, depth, round_top, number or 4)]


def _top(design: Design, width: float, board: float, depth: float, round_top: bool) -> Solid:
    if round_top:
        return disc(design, width / 2, board, board * 0.45).scaled(z=depth / width)
    if design.ornate:
        lip = moulding(design, width - 0.03, depth - 0.03, board * 0.7, 0.015)
        return join((lip, design.board(width, board * 0.5, depth, 0.004).at(y=board * 0.5)))
    if design.style in ("rustic", "medieval"):
        number = 5
        plank = design.board(width, board, depth / number - 0.002, 0.006)
        return copies(plank, [(0, 0, (k - (number - 1) / 2) * depth / number) for k in range(number)])
    return design.board(width, board, depth, board * 0.3)


def _on_legs(design: Design, width: float, height: float, depth: float, round_top: bool, number: int) -> list[Piece]:
    thick = design.thick(0.065, "legs") * min(1.0, 0.45 + height * 0.75)
    kind = leg_kind(design)
    splay = 0.05 if kind in ("tapered", "round") else 0.0
    shrink = 0.7 if round_top else 1.0
    x, z = width / 2 * shrink - thick * 0.9, depth / 2 * shrink - thick * 0.9
    stem = leg(design, kind, height + 0.002, thick)
    if round_top or number != 4:
        spread = lean(stem, splay, 0.0).at(x=min(x, z) * 1.15)
        pieces = [piece("legs", around(spread, max(number, 3), 45.0 if number == 4 else 90.0), "wood", "second")]
    else:
        turned = lean(stem, splay, splay * 0.5) if splay else stem
        pieces = [piece("legs", four_corners(turned, x, z), "wood", "second")]
    if "apron" in design.refused:
        return pieces
    tall = min(0.1, height * 0.16) * design.vary(0.8, 1.1)
    if round_top:
        ring = cylinder(min(x, z) * 1.15, tall, design.sides(40), bevel=0.004).scaled(x=width / min(width, depth))
        return [*pieces, piece("apron", ring.at(y=height - tall + 0.001), "wood", "second")]
    long = design.board(2 * x, tall, thick * 0.4, 0.004).at(y=height - tall + 0.001)
    short = design.board(thick * 0.4, tall, 2 * z, 0.004).at(y=height - tall + 0.001)
    pieces.append(piece("apron", [long.at(z=z), long.at(z=-z), both_sides(short.at(x=x))], "wood", "second"))
    if design.wants("stretchers", 0.6 if design.style in ("rustic", "medieval", "industrial") else 0.0):
        bars = both_sides(rail((x, 0.14, -z), (x, 0.14, z), thick * 0.3, design.sides(10)))
        cross = rail((-x, 0.14, 0), (x, 0.14, 0), thick * 0.3, design.sides(10))
        pieces.append(piece("stretchers", [bars, cross], "wood", "second"))
    if design.wants("drawers", 0.0):
        pieces += _drawer_row(
            design, design.count("drawers", 1, 1, 4), 2 * x * 0.9, tall * 0.8, height - tall, z + thick * 0.2
        )
    return pieces


def _drawer_row(design: Design, number: int, width: float, tall: float, at: float, front: float) -> list[Piece]:
    each = width / number
    face = design.board(each - 0.012, tall, 0.02, 0.004).at(y=at + tall * 0.1, z=front)
    spots = [((k - (number - 1) / 2) * each, 0, 0) for k in range(number)]
    grip = knob(design, 0.011).at(y=at + tall * 0.6, z=front + 0.009)
    return [piece("drawers", copies(face, spots), "wood"), piece("knobs", copies(grip, spots), "metal", "second")]


def _pedestal(design: Design, span: float, height: float) -> list[Piece]:
    thick = design.thick(0.1, "stem")
    ornate = ((0.75, 0.0), (0.9, 0.1), (0.5, 0.2), (0.45, 0.35), (0.85, 0.55), (0.6, 0.75), (0.45, 0.85), (1.1, 1.0))
    plain = ((0.6, 0.0), (0.45, 0.2), (0.42, 0.5), (0.5, 0.85), (1.0, 1.0))
    shape = lathed(np.array(plain if design.plain else ornate) * (thick * 0.62, height - 0.09), design.steps(26))
    stem = piece("stem", lathe(shape, design.sides(28)).at(y=0.09), "wood", "second")
    if design.plain or "base" in design.asked:
        foot = lathe(
            [(span * 0.3, 0), (span * 0.3, 0.012), (span * 0.26, 0.03), (thick * 0.6, 0.095)], design.sides(40)
        )
        return [stem, piece("base", foot, "wood", "second")]
    claw = tube(
        np.array(((0.0, 0.24, 0), (0.1, 0.2, 0), (0.22, 0.09, 0), (0.34, 0.04, 0), (0.4, 0.035, 0))) * (span, 1, 1),
        np.array((0.42, 0.4, 0.32, 0.28, 0.33)) * thick,
        design.sides(12),
    )
    return [
        stem,
        piece(
            "legs", around(claw, design.count("legs", 3, 3, 6) if "legs" in design.counts else 3, 90), "wood", "second"
        ),
    ]


def desk(design: Design) -> list[Piece]:
    """A writing desk: a top over a drawer pedestal on one or both sides, or slim drawers over four legs."""
    width, height, depth = design.size(1.3, 0.75, 0.65)
    board = design.thick(0.03, "top")
    pieces = [piece("top", _top(design, width, board, depth, False).at(y=height - board), "wood")]
    number = design.count("drawers", 3 if design.rng.random() < 0.6 else 2, 0, 10)
    if (
        number == 0
        or "drawers" in design.refused
        or (design.plain and "drawers" not in design.asked and design.rng.random() < 0.5)
    ):
        return [*pieces, *_on_legs(design, width, height - board, depth, False, 4)]
    sides = 2 if number > 4 or design.has("wide", "large") else 1
    box_width, under = 0.38, height - board
    foot = 0.1
    body = design.board(box_width, under - foot, depth - 0.06, 0.005).at(y=foot)
    xs = [width / 2 - box_width / 2 - 0.03] + ([-(width / 2 - box_width / 2 - 0.03)] if sides == 2 else [])
    pieces.append(piece("body", copies(body, [(x, 0, 0) for x in xs]), "wood"))
    stack = [number] if sides == 1 else [(number + 1) // 2, number // 2]
    for x, count in zip(xs, stack, strict=True):
        if not count:
            continue
        tall = (under - foot - 0.03) / count
        face = design.board(box_width - 0.03, tall - 0.014, 0.022, 0.004).at(y=foot + 0.02, z=depth / 2 - 0.026)
        grip = knob(design, 0.013).at(y=foot + 0.02 + tall / 2, z=depth / 2 - 0.017)
        spots = [(x, k * tall, 0) for k in range(count)]
        pieces.append(piece("drawers", copies(face, spots), "wood"))
        pieces.append(piece("knobs", copies(grip, spots), "metal", "second"))
    thick = design.thick(0.05, "legs")
    kind = leg_kind(design)
    kind = "tapered" if kind == "cabriole" else kind
    short = leg(design, kind, foot + 0.01, thick)
    feet = [
        (x + sx * (box_width / 2 - thick), 0, sz * (depth / 2 - 0.08)) for x in xs for sx in (-1, 1) for sz in (-1, 1)
    ]
    pieces.append(piece("legs", copies(short, feet), "wood", "second"))
    if sides == 1:
        long = leg(design, kind, under + 0.002, thick)
        posts = [(-width / 2 + thick, 0, sz * (depth / 2 - thick)) for sz in (-1, 1)]
        pieces.append(piece("legs", copies(long, posts), "wood", "second"))
        back = design.board(width - box_width - 0.05, under * 0.45, 0.018, 0.003)
        pieces.append(piece("back", back.at(-box_width / 2 - 0.01, under * 0.55, -depth / 2 + 0.06), "wood"))
    return pieces


def bed(design: Design) -> list[Piece]:
    """A bed with headboard, frame, mattress, blanket and pillows; four posts, or two bunks, when asked."""
    wide = 0.95 if design.has("single", "bunk", "narrow", "cot") else 1.8 if design.has("king") else 1.5
    width, height, depth = design.size(wide, 1.1, 2.05, 0.04)
    bunks = 2 if design.has("bunk") else 1
    thick = design.thick(0.07, "legs")
    deck = 0.3
    pieces: list[Piece] = []
    for level in range(bunks):
        pieces += _berth(design, width, depth, deck + 0.95 * level, thick)
    four = design.part_is("posts", "tall") or "posts" in design.asked or design.has("canopy", "bunk")
    rise = deck + 0.95 + 0.55 if bunks == 2 else 2.0
    stem = leg(design, leg_kind(design) if not four else "square", rise if four else height * 0.52, thick)
    stem = stem if four or leg_kind(design) != "cabriole" else leg(design, "turned", height * 0.52, thick)
    pieces.append(piece("posts" if four else "legs", four_corners(stem, width / 2, depth / 2), "wood"))
    if bunks == 1 and "headboard" not in design.refused:
        pieces.append(_headboard(design, width, height, depth))
    if four and bunks == 1:
        bars = [design.board(width, 0.05, 0.05).at(y=1.93, z=s * depth / 2) for s in (-1, 1)]
        bars.append(both_sides(design.board(0.05, 0.05, depth).at(width / 2, 1.93)))
        pieces.append(piece("frame", bars, "wood"))
    if bunks == 2:
        rungs = [rail((-0.17, 0.3 * k + 0.25, 0), (0.17, 0.3 * k + 0.25, 0), 0.015, 8) for k in range(4)]
        sides = both_sides(design.board(0.035, deck + 1.1, 0.05, 0.004).at(x=0.18))
        ladder = join([*rungs, sides]).turned("y", 90.0).at(width / 2 + 0.06, 0, depth * 0.25)
        pieces.append(piece("stretchers", ladder, "wood"))
    return pieces


def _berth(design: Design, width: float, depth: float, deck: float, thick: float) -> list[Piece]:
    """Side rails, mattress, blanket and pillows at a height."""
    long = design.board(thick * 0.6, 0.2, depth, 0.006).at(width / 2, deck - 0.06)
    end = design.board(width, 0.2, thick * 0.6, 0.006).at(y=deck - 0.06)
    slats = design.board(width, 0.02, depth, 0.0).at(y=deck - 0.03)
    rails = [both_sides(long), end.at(z=depth / 2), end.at(z=-depth / 2), slats]
    soft = 0.2
    mattress = padded(design, width - 0.06, soft, depth - 0.06, 0.06).at(y=deck - 0.012)
    found = [piece("frame", rails, "wood"), piece("mattress", mattress, "cotton", "fixed", color="white")]
    if "blanket" not in design.refused:
        cover = padded(design, width - 0.02, 0.16, depth * 0.68, 0.05).at(y=deck + 0.07, z=depth * 0.145)
        fold = padded(design, width - 0.012, 0.05, depth * 0.11, 0.022).at(y=deck + 0.2, z=-depth * 0.16)
        found += [piece("blanket", cover, "fabric", "soft"), piece("sheet", fold, "cotton", "fixed", color="white")]
    number = design.count("pillows", 1 if width < 1.2 else 2, 0, 4)
    if number:
        each = (width - 0.1) / number
        pad = cushion(design, min(each - 0.04, 0.7), 0.16, 0.42).turned("x", 12.0).at(y=deck + 0.18, z=-depth / 2 + 0.3)
        spots = [((k - (number - 1) / 2) * each, 0, 0) for k in range(number)]
        found.append(piece("pillows", copies(pad, spots), "linen", "fixed", color="ivory"))
    return found


def _headboard(design: Design, width: float, height: float, depth: float) -> Piece:
    kind = "pad" if design.part_is("headboard", "upholstered") else design.pick("panel", "slats", "arch", "pad")
    base = 0.2
    if kind == "slats":
        bars = design.board(0.035, height - base - 0.1, 0.03, 0.005).at(y=base)
        count = max(5, round(width / 0.14))
        row = copies(bars, [(x, 0, 0) for x in np.linspace(-0.46, 0.46, count) * width])
        board = join((row, design.board(width + 0.07, 0.1, 0.06, 0.01).at(y=height - 0.12)))
    elif kind == "pad":
        each = width / 4
        pads = padded(design, each - 0.006, height - base, 0.09, 0.03).at(y=base)
        board = copies(pads, [((k - 1.5) * each, 0, 0) for k in range(4)])
    else:
        board = design.board(width + 0.04, height - base, 0.05, 0.012).at(y=base)
        if kind == "arch" or design.ornate:
            crown = cylinder(0.5, 0.045, design.sides(40), bevel=0.008).turned("x", 90.0)
            board = join((board, crown.scaled(x=width * 0.72, y=0.34).at(y=height - 0.03, z=-0.022)))
    return piece(
        "headboard", board.at(z=-depth / 2), "fabric" if kind == "pad" else "wood", "soft" if kind == "pad" else "main"
    )
