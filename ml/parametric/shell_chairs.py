"""Moulded shell chairs: one bent seat and back on a pedestal, on blades, or on five castors."""

from __future__ import annotations

import numpy as np

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import padded, rail
from ml.parametric.outlines import F64, spline
from ml.parametric.primitives import cylinder, ellipsoid, lathe, loft, torus, tube
from ml.parametric.solid import Solid, around, both_sides

# Side profile of the shell as (z, y) shares of (depth, rise of the back): front lip, seat, lumbar, top.
SHELL = (
    (0.52, -0.06),
    (0.46, 0.0),
    (0.1, -0.015),
    (-0.25, -0.01),
    (-0.4, 0.1),
    (-0.44, 0.4),
    (-0.5, 0.75),
    (-0.6, 1.0),
)


def shell_chair(design: Design) -> list[Piece]:
    """A shell at 45 cm on a foot that fits the words: castors for an office, a disc or blades otherwise."""
    width, height, depth = design.size(0.48, 0.84, 0.46)
    seat_y = 0.45 * (height / 0.84) ** 0.35
    line = spline(np.array(SHELL) * (depth, height - seat_y), design.steps(22))
    shell = _shell(design, line, width).at(y=seat_y)
    pieces = [piece("seat", shell, "composite" if design.style == "sci-fi" else "plastic")]
    if "cushion" not in design.refused:
        pad = padded(design, width * 0.8, 0.035, depth * 0.66, 0.016).at(y=seat_y + 0.002, z=depth * 0.06)
        pieces.append(piece("cushion", pad, "leather" if design.has("office") else "fabric", "soft"))
    if design.wants("arms", 1.0 if design.has("office") else 0.3):
        path = [
            (width * 0.4, seat_y - 0.03, 0.0),
            (width * 0.6, seat_y + 0.02, 0.02),
            (width * 0.6, seat_y + 0.2, 0.06),
        ]
        path += [(width * 0.58, seat_y + 0.22, -0.02), (width * 0.55, seat_y + 0.22, -depth * 0.34)]
        arm = tube(spline(path, design.steps(20)), 0.014, design.sides(10), flat=1.4)
        pieces.append(piece("arms", both_sides(arm), "metal", "second"))
    if design.style == "sci-fi":
        strip = both_sides(tube(_edge(line, width), 0.007, design.sides(8)).at(y=seat_y))
        pieces.append(piece("lights", strip, "plastic", "fixed", color="cyan", glow="cyan"))
    return [*pieces, *_foot(design, seat_y - 0.02, width)]


def _spread(line: F64, width: float) -> F64:
    """Half widths along the shell: rounded at the lip and at the top."""
    at = np.linspace(0.0, 1.0, len(line))
    return (
        width
        / 2
        * (0.8 + 0.2 * np.sin(np.pi * np.clip(at * 1.15, 0, 1)) ** 0.5)
        * np.minimum(1, (1.04 - at) * 9) ** 0.35
    )


def _sheet(line: F64, width: float, across: F64) -> tuple[F64, F64]:
    """(rows, columns, 3) points of the upper side, its flanks 6 cm up, and (rows, 1, 3) steps to the lower."""
    half = _spread(line, width)[:, None]
    ahead = np.gradient(line, axis=0)
    normal = np.abs(ahead[:, ::-1]) / np.linalg.norm(ahead, axis=1, keepdims=True)
    curl = 0.06 * np.abs(across) ** 2.5
    y = line[:, 1, None] + curl * normal[:, 1, None]
    z = line[:, 0, None] + curl * normal[:, 0, None]
    down = np.column_stack([np.zeros(len(line)), normal[:, 1], normal[:, 0]])[:, None] * 0.012
    return np.stack([half * across, y, z], axis=-1), down


def _edge(line: F64, width: float) -> F64:
    sheet, down = _sheet(line, width, np.ones(1))
    path: F64 = (sheet - down / 2)[:, 0]
    return path


def _shell(design: Design, line: F64, width: float) -> Solid:
    """A 12 mm sheet along the profile."""
    sheet, down = _sheet(line, width, np.linspace(-1.0, 1.0, design.steps(13)))
    return loft(np.concatenate([sheet, sheet[:, ::-1] - down], axis=1))


def _foot(design: Design, height: float, width: float) -> list[Piece]:
    """What the shell stands on, from the ground to `height`."""
    if design.has("office", "swivel"):
        return _castors(design, height, width)
    if design.style == "sci-fi" or design.rng.random() < 0.5:
        r = width * 0.46
        line = [
            (r, 0),
            (r, 0.008),
            (r * 0.9, 0.016),
            (0.06, 0.03),
            (0.03, 0.06),
            (0.028, height - 0.05),
            (0.09, height),
        ]
        return [piece("base", lathe(line, design.sides(40)), "metal", "second")]
    x, z = width * 0.42, width * 0.4
    rods = [rail((0.09 * sx, height, 0.08 * sz), (x * sx, 0.0, z * sz), 0.011, 8) for sx in (-1, 1) for sz in (-1, 1)]
    plate = cylinder(0.13, 0.02, design.sides(24), bevel=0.004).at(y=height - 0.012)
    return [piece("legs", rods, "metal", "second"), piece("frame", plate, "metal", "second")]


def _castors(design: Design, height: float, width: float) -> list[Piece]:
    reach, hub = width * 0.62, 0.1
    arm = tube(
        [(0.0, hub, 0.0), (reach * 0.5, hub * 0.92, 0.0), (reach, hub * 0.62, 0.0)],
        (0.026, 0.022, 0.015),
        design.sides(10),
    )
    roller = torus(0.018, 0.011, design.sides(18), 8).turned("x", 90.0)
    pair = [roller.at(reach, 0.029, 0.012), roller.at(reach, 0.029, -0.012)]
    pin = cylinder(0.006, 0.05, 8).at(x=reach, y=0.026)
    core = ellipsoid(0.036, 0.03, 0.036, sides=10).at(x=reach, y=0.015)
    line = [
        (0.035, hub - 0.03),
        (0.038, hub + 0.03),
        (0.026, hub + 0.035),
        (0.026, height - 0.14),
        (0.016, height - 0.135),
        (0.016, height),
    ]
    number = design.count("legs", 5, 3, 8)
    return [
        piece("stem", lathe(line, design.sides(20)), "metal", "second"),
        piece("legs", [around(arm, number), around(pin, number)], "metal", "second"),
        piece("wheels", [*(around(item, number) for item in pair), around(core, number)], "rubber", "fixed"),
    ]
