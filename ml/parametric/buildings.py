"""Houses and towers."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.outlines import arc, rectangle
from ml.parametric.primitives import box, cylinder, frame, lathe, lathe_ring, prism
from ml.parametric.solid import Solid, around, both_sides, copies, join


def _window(wide: float, tall: float) -> tuple[Solid, Solid]:
    """(frame with mullions and sill, pane), its foot at y = 0 and its wall at z = 0."""
    rim = frame(rectangle(wide, tall), rectangle(wide - 0.14, tall - 0.14), 0.12).at(y=tall / 2, z=0.02)
    bars = [box(0.05, tall - 0.1, 0.06).at(y=0.05, z=0.02), box(wide - 0.1, 0.05, 0.055).at(y=tall / 2 - 0.025, z=0.02)]
    sill = box(wide + 0.16, 0.07, 0.2, 0.02).at(y=-0.06, z=0.05)
    pane = box(wide - 0.12, tall - 0.12, 0.04).at(y=0.06, z=0.01)
    return join((rim, *bars, sill)), pane


def _door(design: Design, wide: float, tall: float) -> list[Piece]:
    """A panelled or plank door in its frame with a step, its wall at z = 0."""
    rim = frame(rectangle(wide + 0.24, tall + 0.24), rectangle(wide, tall), 0.16).at(y=tall / 2, z=0.02)
    leaf = box(wide + 0.02, tall, 0.06, 0.01).at(z=0.01)
    if design.plain:
        panels = [box(wide * 0.2, tall * 0.7, 0.03, 0.006).at(y=tall * 0.15, z=0.04)]
    else:
        panel = box(wide * 0.34, tall * 0.36, 0.03, 0.012)
        panels = [both_sides(panel.at(wide * 0.22, tall * y, 0.035)) for y in (0.1, 0.54)]
    knob = cylinder(0.04, 0.09, 12, bevel=0.015).turned("x", 90.0).at(wide * 0.4, tall * 0.46, 0.03)
    step = box(wide + 0.7, 0.14, 0.6, 0.03).at(z=0.28)
    return [
        piece("doors", [leaf, *panels], "wood", "second", color="burgundy"),
        piece("trim", rim, "paint", "fixed", color="white"),
        piece("knobs", knob, "brass", "fixed"),
        piece("step", step, "stone", "fixed"),
    ]


def house(design: Design) -> list[Piece]:
    """A house facing +Z: walls with a gabled, hipped or flat roof, door, windows, chimney; one or two storeys."""
    width, height, depth = design.size(6.4, 2.9, 5.2)
    storeys = 2 if design.has("tall", "town", "villa", "large") or design.rng.random() < 0.3 else 1
    height *= 0.75 if design.has("tall") else 1.0
    storeys = 1 if design.has("hut", "shed", "cabin", "low") else storeys
    wall = height * (1.0 if storeys == 1 else 1.85)
    flat = design.style in ("modern", "minimalist", "sci-fi")
    pitch = design.vary(0.75, 1.05) * (1.25 if design.ornate else 1.0)
    rise = 0.0 if flat else depth / 2 * pitch
    pieces = [_walls(design, width, wall, depth, rise, flat)]
    pieces.append(piece("base", box(width + 0.2, 0.35, depth + 0.2, 0.04), "stone", "fixed"))
    if "roof" not in design.refused:
        pieces += _roof(design, width, wall, depth, rise, flat)
    door_x = 0.0 if design.rng.random() < 0.5 else -width * 0.22
    if "doors" not in design.refused:
        pieces += [
            piece(p.name, p.solid.at(door_x, 0.3, depth / 2), p.substance, p.role, color=p.color)
            for p in _door(design, 1.0, 2.05)
        ]
    if "windows" not in design.refused:
        pieces += _windows(design, width, depth, height, storeys, door_x, flat)
    if not flat and design.wants("chimney", 0.75):
        stack = box(0.7, rise * 0.85 + 0.8, 0.7, 0.03).at(width * 0.27, wall + rise * 0.3, -depth * 0.12)
        cap = box(0.86, 0.14, 0.86, 0.04).at(width * 0.27, wall + rise * 1.15 + 0.75, -depth * 0.12)
        pieces.append(piece("chimney", [stack, cap], "brick", "second"))
    if design.style in ("medieval", "fantasy") or design.has("tudor"):
        pieces.append(_timbers(width, wall, depth))
    return pieces


def _walls(design: Design, width: float, wall: float, depth: float, rise: float, flat: bool) -> Piece:
    if flat:
        return piece("walls", box(width, wall, depth, 0.02).at(y=0.2), "plaster")
    outline = np.array(
        ((-depth / 2, 0.2), (depth / 2, 0.2), (depth / 2, wall), (0.0, wall + rise * 0.98), (-depth / 2, wall))
    )
    substance = {"rustic": "wood", "medieval": "plaster", "victorian": "brick"}.get(
        design.style, design.pick("plaster", "brick", "plaster")
    )
    if design.has("cabin", "barn", "hut"):
        substance = "wood"
    return piece("walls", prism(outline, width).turned("y", 90.0), substance)


def _roof(design: Design, width: float, wall: float, depth: float, rise: float, flat: bool) -> list[Piece]:
    if flat:
        upper = min(wall * 0.45, 1.5)
        slab = box(width + 0.9, 0.28, depth + 0.9, 0.04).at(0.15, wall + 0.15, 0.1)
        block = box(width * 0.45, upper, depth * 0.7, 0.02).at(-width * 0.2, wall + 0.4, -depth * 0.06)
        lid = box(width * 0.45 + 0.5, 0.2, depth * 0.7 + 0.5, 0.03).at(-width * 0.2, wall + upper + 0.38, -depth * 0.06)
        return [
            piece("roof", [slab, lid], "concrete", "second"),
            piece("walls", block, "plaster"),
            piece(
                "windows",
                box(width * 0.36, upper * 0.55, depth * 0.7 + 0.06, 0.02).at(-width * 0.2, wall + 0.66, -depth * 0.06),
                "obsidian",
                "fixed",
                glow="amber",
            ),
        ]
    over, thick = 0.4, 0.2
    slope = rise / (depth / 2)
    drop = over * slope
    eave, ridge = (depth / 2 + over, wall - drop), (0.0, wall + rise)
    up = thick * np.hypot(1.0, slope)
    outline = np.array(
        ((-eave[0], eave[1]), ridge, eave, (eave[0], eave[1] + up), (0.0, ridge[1] + up), (-eave[0], eave[1] + up))
    )
    substance = (
        "straw" if design.has("hut", "thatched") or design.style == "medieval" else "slate" if design.ornate else "tile"
    )
    gable = prism(outline[::-1], width + 2 * over, 0.02).turned("y", 90.0)
    courses = _courses(design, width + 2 * over, eave, slope, up)
    ridge_cap = (
        cylinder(0.13, width + 2 * over + 0.06, 12, bevel=0.02)
        .turned("z", 90.0)
        .at(x=width / 2 + over + 0.03, y=ridge[1] + up - 0.02)
    )
    return [piece("roof", [gable, ridge_cap, *([] if substance == "straw" else courses)], substance, "second")]


def _courses(design: Design, width: float, eave: tuple[float, float], slope: float, up: float) -> list[Solid]:
    """Rows of tiles as thin overlapping boards on both slopes."""
    number = 9
    angle = float(np.degrees(np.arctan(slope)))
    long = eave[0] / np.cos(np.radians(angle)) / number
    board = box(width + 0.02, 0.07, long * 1.12, 0.012).turned("x", angle - 2.0)
    rows = [
        board.at(
            y=eave[1] + up - 0.05 + (k + 0.5) * long * np.sin(np.radians(angle)),
            z=eave[0] - (k + 0.5) * long * np.cos(np.radians(angle)),
        )
        for k in range(number)
    ]
    front = join(rows)
    return [front, front.turned("y", 180.0)]


def _windows(
    design: Design, width: float, depth: float, height: float, storeys: int, door_x: float, flat: bool
) -> list[Piece]:
    wide, tall = (1.7, 1.5) if flat else (0.95, 1.25)
    rim, pane = _window(wide, tall)
    spots: list[tuple[float, float, float]] = []
    for level in range(storeys):
        y = 1.15 + level * height * 0.87
        xs = [-width * 0.3, width * 0.3] if door_x == 0.0 or level else [width * 0.05, width * 0.32]
        if level and storeys > 1 and width > 5.5:
            xs.insert(1, 0.0)
        spots += [(x, y, depth / 2) for x in xs]
    rims = [copies(rim, spots), copies(rim, [(x, y, z) for x, y, z in spots]).turned("y", 180.0)]
    panes = [copies(pane, spots), copies(pane, spots).turned("y", 180.0)]
    side = [
        (z, 1.15 + level * height * 0.87, width / 2) for level in range(storeys) for z in (-depth * 0.22, depth * 0.22)
    ]
    for turn in (90.0, -90.0):
        rims.append(copies(rim, side).turned("y", turn))
        panes.append(copies(pane, side).turned("y", turn))
    found = [
        piece("trim", rims, "paint", "fixed", color="charcoal" if flat else "white"),
        piece("windows", panes, "obsidian", "fixed", glow="amber"),
    ]
    if not flat and design.wants("shutters", 0.5):
        leaf = box(0.42, tall + 0.06, 0.05, 0.012).at(y=-0.03, z=0.04)
        leaves = [copies(leaf, [(x + s * (wide / 2 + 0.25), y, z) for x, y, z in spots for s in (-1, 1)])]
        found.append(
            piece("shutters", leaves, "wood", "second", color=design.pick("teal", "burgundy", "olive", "navy"))
        )
    return found


def _timbers(width: float, wall: float, depth: float) -> Piece:
    """Half-timbering on the front and back: posts, plates and braces."""
    beam = 0.18
    post = box(beam, wall - 0.3, 0.1, 0.015).at(y=0.3)
    posts = [post.at(x=x * width, z=depth / 2) for x in (-0.485, -0.12, 0.12, 0.485)]
    plates = [box(width, beam, 0.11, 0.015).at(y=y, z=depth / 2) for y in (0.36, wall - 0.25)]
    brace = box(beam * 0.8, wall * 0.42, 0.09, 0.012).turned("z", 32.0).at(x=width * 0.46, y=wall * 0.54, z=depth / 2)
    front = join((*posts, *plates, brace, brace.mirrored()))
    return piece("timbers", [front, front.turned("y", 180.0)], "walnut", "second")


def tower(design: Design) -> list[Piece]:
    """A round or square stone tower with a batter, slit windows, a door, and battlements or a conical roof."""
    width, height, _ = design.size(4.4, 11.0, 4.4)
    r = width / 2
    square = design.has("square") or design.rng.random() < 0.25
    sides = 4 if square else 8 if design.has("octagonal") else design.sides(40)
    reach = r * (1.2 if square else 1.0)
    shaft = [
        (reach * 1.16, 0.0),
        (reach * 1.12, 0.5),
        (reach, 1.4),
        (reach * 0.93, height * 0.8),
        (reach * 1.12, height * 0.86),
        (reach * 1.12, height),
    ]
    turn = 45.0 if square else 0.0
    pieces = [piece("walls", lathe(shaft, sides).turned("y", turn), "stone")]
    conical = (
        "roof" in design.asked or (design.style in ("fantasy", "victorian", "cartoon")) or design.rng.random() < 0.45
    )
    if conical and "roof" not in design.refused:
        top = height * design.vary(0.42, 0.6)
        spire = lathe(
            [
                (reach * 1.3, height - 0.05),
                (reach * 1.3, height + 0.12),
                (reach * 0.62, height + top * 0.45),
                (0.02, height + top),
            ],
            sides,
        )
        pieces.append(piece("roof", spire.turned("y", turn), "tile", "second"))
    else:
        pieces += _battlements(design, reach, height, square, sides)
    pieces += _slits(design, reach * (0.7 if square else 0.955), height)
    outline = np.concatenate([[(0.62, 0.0)], arc(0.62, 0, 180, 14) + np.array((0.0, 1.6)), [(-0.62, 0.0)]])
    face = reach * (0.8 if square else 1.09)
    leaf = prism(outline[::-1], 0.4, 0.02).at(z=face - 0.12)
    arch = frame(outline[::-1] * 1.3, outline[::-1] * (1.0, 0.97) + (0.0, 0.06), 0.55).at(z=face - 0.1)
    return [*pieces, piece("doors", leaf, "wood", "second"), piece("trim", arch, "granite", "fixed")]


def _battlements(design: Design, reach: float, height: float, square: bool, sides: int) -> list[Piece]:
    """Merlons on a parapet ring round a sunk deck."""
    if square:
        half = reach * 1.12 / 2**0.5
        step = half * 2 / 5
        block = box(step * 0.98, 0.9, 0.45, 0.04)
        row = copies(block, [((k - 2) * step, height - 0.02, half - 0.22) for k in (0, 2, 4)])
        return [piece("battlements", join(row.turned("y", 90.0 * k) for k in range(4)), "stone")]
    ring = [
        (reach * 0.96, height - 0.02),
        (reach * 1.12, height - 0.02),
        (reach * 1.12, height + 0.45),
        (reach * 0.96, height + 0.45),
    ]
    number = 10
    block = box(reach * 0.36, 0.75, reach * 0.158, 0.03).at(y=height + 0.4, z=reach * 1.035)
    return [piece("battlements", [lathe_ring(ring, sides), around(block, number)], "stone")]


def _slits(design: Design, reach: float, height: float) -> list[Piece]:
    """Arrow slits in stone surrounds, climbing round the tower."""
    outline = np.concatenate([[(0.17, 0.0)], arc(0.17, 0, 180, 8) + np.array((0.0, 0.9)), [(-0.17, 0.0)]])
    hole = prism(outline[::-1], 0.3)
    rim = frame(outline[::-1] * (1.8, 1.2) - (0, 0.08), outline[::-1], 0.42)
    spots = [
        (height * 0.34, 0.0),
        (height * 0.5, 90.0),
        (height * 0.64, 0.0),
        (height * 0.5, 180.0),
        (height * 0.4, 270.0),
    ]
    holes = join(hole.at(y=y, z=reach).turned("y", turn) for y, turn in spots)
    rims = join(rim.at(y=y, z=reach).turned("y", turn) for y, turn in spots)
    return [piece("windows", holes, "obsidian", "fixed", glow="amber"), piece("trim", rims, "granite", "fixed")]
