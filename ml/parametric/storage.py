"""Bookshelves, cabinets and dressers."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import knob, leg, leg_kind, moulding, pull
from ml.parametric.outlines import rectangle
from ml.parametric.primitives import frame
from ml.parametric.solid import Solid, both_sides, copies, four_corners


def bookshelf(design: Design) -> list[Piece]:
    """An open case of shelves with a back, on a plinth or feet; books on it unless they are refused."""
    width, height, depth = design.size(0.85, 1.8, 0.3)
    number = design.count("shelves", round(height / 0.36), 1, 14)
    board = design.thick(0.024, "shelves")
    foot = 0.07
    case = height - foot
    side = design.board(board, case, depth, 0.003).at((width - board) / 2, foot)
    pieces = [
        piece(
            "frame", [both_sides(side), design.board(width - board, board, depth - 0.004).at(y=height - board)], "wood"
        )
    ]
    gap = (case - board) / number
    shelf = design.board(width - 1.5 * board, board, depth - 0.012, 0.003)
    pieces.append(piece("shelves", copies(shelf, [(0, foot + k * gap, 0.003) for k in range(number)]), "wood"))
    if design.wants("back", 0.0 if design.style == "industrial" else 0.85):
        panel = design.board(width - board, case - 0.01, 0.01, 0.0).at(y=foot + 0.004, z=-depth / 2 + 0.008)
        pieces.append(piece("back", panel, "wood"))
    pieces += _foot_and_cornice(design, width, height, depth, foot)
    if design.wants("books", 0.75):
        pieces += _books(
            design, width - 2 * board, depth, [(foot + k * gap + board, gap - board) for k in range(number)]
        )
    return pieces


def _foot_and_cornice(design: Design, width: float, height: float, depth: float, foot: float) -> list[Piece]:
    """Feet or a plinth beneath a case, and a cornice above it where the style has one."""
    found = []
    legged = "legs" in design.asked or design.style in ("mid-century", "scandinavian", "modern")
    if legged:
        kind = leg_kind(design)
        stem = leg(design, "tapered" if kind == "cabriole" else kind, foot + 0.004, 0.04)
        found.append(piece("legs", four_corners(stem, width / 2 - 0.05, depth / 2 - 0.04), "wood", "second"))
    elif design.ornate:
        plinth = moulding(design, width + 0.02, depth + 0.02, foot, -0.008)
        found.append(piece("base", plinth, "wood"))
    else:
        found.append(piece("base", design.board(width - 0.03, foot + 0.004, depth - 0.03, 0.003), "wood"))
    if design.ornate or design.style == "rustic" or (not design.plain and design.rng.random() < 0.4):
        found.append(piece("cornice", moulding(design, width, depth, 0.06, 0.03).at(y=height - 0.004), "wood"))
    return found


def _books(design: Design, width: float, depth: float, bays: list[tuple[float, float]]) -> list[Piece]:
    """Upright books of seeded size and colour in every bay, some bays half empty."""
    by_color: dict[str, list[Solid]] = {"burgundy": [], "navy": [], "olive": [], "cream": []}
    names = list(by_color)
    for floor, room in bays:
        x, end = -width / 2 + 0.01, width / 2 - width * design.vary(0.02, 0.5)
        while x < end - 0.05 and room > 0.12:
            thick, tall = design.vary(0.022, 0.05), min(room - 0.03, design.vary(0.17, 0.27))
            cover = design.board(thick - 0.0015, tall, min(depth - 0.06, tall * 0.72), 0.003)
            by_color[names[int(design.rng.integers(4))]].append(cover.at(x + thick / 2, floor - 0.001, 0.01))
            x += thick
    return [piece("books", solids, "paper", "fixed", color=name) for name, solids in by_color.items() if solids]


def cabinet(design: Design) -> list[Piece]:
    """A cupboard with panelled doors; tall as a wardrobe, low and long as a sideboard."""
    tall = design.has("wardrobe", "armoire", "closet", "locker")
    low = design.has("sideboard")
    base = (1.1, 1.95, 0.58) if tall else (1.6, 0.82, 0.44) if low else (0.9, 1.15, 0.42)
    width, height, depth = design.size(*base)
    number = design.count("doors", 4 if low else 2, 1, 6)
    foot = 0.09
    drawers = design.count("drawers", 0, 0, 6) if "drawers" not in design.refused else 0
    if not drawers and design.rng.random() < 0.35:
        drawers = number if "drawers" not in design.refused else 0
    case = height - foot
    band = min(0.18, case * 0.2) if drawers else 0.0
    front = depth / 2
    body = design.board(width, case, depth, 0.005).at(y=foot)
    pieces = [piece("body", body, "wood"), *_foot_and_cornice(design, width, height, depth, foot)]
    if "doors" not in design.refused:
        pieces += _doors(design, number, width - 0.04, case - band - 0.04, foot + 0.02, front)
    if drawers:
        pieces += drawer_grid(design, 1, drawers, width - 0.04, band, height - band - 0.015, front)
    return pieces


def _doors(design: Design, number: int, width: float, tall: float, at: float, front: float) -> list[Piece]:
    each = width / number
    spots = [((k - (number - 1) / 2) * each, at, front) for k in range(number)]
    wide, high = each - 0.008, tall - 0.008
    rail = min(0.07, wide * 0.2)
    slab = design.board(wide, high, 0.024, 0.004).at(y=0.004, z=0.004)
    face: list[Solid] = [slab]
    if not design.plain:
        rim = frame(rectangle(wide - 0.004, high - 0.004), rectangle(wide - 2 * rail, high - 2 * rail), 0.02)
        face.append(rim.at(y=high / 2 + 0.004, z=0.022))
        face.append(design.board(wide - 2.6 * rail, high - 2.6 * rail, 0.018, 0.008).at(y=1.3 * rail + 0.004, z=0.017))
    doors = [copies(item, spots) for item in face]
    grips = []
    for k, (x, y, z) in enumerate(spots):
        side = 1 if k % 2 == 0 and number > 1 else -1
        grips.append(_grip(design, vertical=True).at(x + side * (wide / 2 - rail * 0.5), y + high * 0.52, z + 0.012))
    return [piece("doors", doors, "wood"), piece("knobs", grips, "metal", "second")]


def _grip(design: Design, vertical: bool) -> Solid:
    """A knob or a bow handle, the same kind throughout one asset."""
    if design.part_is("knobs", "round") or not design.plain:
        return knob(design, 0.016).at(z=0.012)
    bar = pull(design, 0.12).at(z=0.0)
    return bar.turned("z", 90.0) if vertical else bar


def drawer_grid(
    design: Design, rows: int, columns: int, width: float, tall: float, at: float, front: float
) -> list[Piece]:
    """Drawer faces with grips over a front at z = `front`, from y = `at` up, lower rows taller."""
    share = np.linspace(1.15, 0.85, rows)
    heights = share / share.sum() * tall
    bottoms = at + np.concatenate([[0.0], np.cumsum(heights)[:-1]])
    each = width / columns
    faces, grips = [], []
    for low, high in zip(bottoms, heights, strict=True):
        face = design.board(each - 0.01, high - 0.01, 0.026, 0.005).at(y=low + 0.005, z=front + 0.002)
        faces.append(copies(face, [((k - (columns - 1) / 2) * each, 0, 0) for k in range(columns)]))
        xs = [(k - (columns - 1) / 2) * each for k in range(columns)]
        if each > 0.55:
            xs = [x + s * each * 0.27 for x in xs for s in (-1, 1)]
        grip = _grip(design, vertical=False).at(y=low + high / 2, z=front + 0.003)
        grips.append(copies(grip, [(x, 0, 0) for x in xs]))
    return [piece("drawers", faces, "wood"), piece("knobs", grips, "metal", "second")]


def dresser(design: Design) -> list[Piece]:
    """A chest of drawers; narrow and low as a nightstand."""
    small = design.has("nightstand", "bedside")
    width, height, depth = design.size(*((0.48, 0.58, 0.4) if small else (0.95, 0.95, 0.46)))
    number = design.count("drawers", 2 if small else 3 + int(design.rng.integers(0, 3)), 1, 16)
    columns = 1 if number <= 5 and width < 1.3 else 2
    rows = -(-number // columns)
    foot, board = 0.1, 0.026
    body = design.board(width - 0.02, height - foot - board, depth - 0.02, 0.004).at(y=foot)
    top = design.board(width + 0.02, board, depth + 0.01, 0.008).at(y=height - board)
    pieces = [piece("body", body, "wood"), piece("top", top, "wood")]
    kind = leg_kind(design)
    stem = leg(
        design, kind if kind in ("tapered", "turned", "bar") else "square", foot + 0.005, design.thick(0.06, "legs")
    )
    pieces.append(piece("legs", four_corners(stem, width / 2 - 0.06, depth / 2 - 0.06), "wood", "second"))
    inner, tall = width - 0.06, height - foot - board - 0.02
    odd = number % columns
    extra = tall / rows if odd else 0.0
    pieces += drawer_grid(
        design, rows - (1 if odd else 0), columns, inner, tall - extra, foot + 0.01, depth / 2 - 0.012
    )
    if odd:
        pieces += drawer_grid(design, 1, 1, inner, extra, height - board - 0.01 - extra, depth / 2 - 0.012)
    return pieces
