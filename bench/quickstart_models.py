"""The objects shown in the quickstart's pictures and meshes: small models of our own, painted at their vertices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import trimesh

from ml.asset import Asset, Material, Part, make_part
from ml.parametric.outlines import circle, spline
from ml.parametric.primitives import box, cylinder, ellipsoid, lathe, prism, torus, tube
from ml.parametric.shading import shade
from ml.parametric.solid import Solid, around, both_sides, join

F64 = npt.NDArray[np.float64]
Paint = Callable[[F64], F64]  # (n, 3) positions to (n, 3) linear colours


def painted(name: str, solid: Solid, color: str | Paint, roughness: float = 0.5, metallic: float = 0.0) -> Part:
    """A part with normals, in one colour ('#rrggbb', sRGB) or painted by a function of position."""
    vertices, normals, faces = shade(solid.vertices, solid.faces)
    if isinstance(color, str):
        material = Material(name, (*rgb(color), 1.0), metallic, roughness)
        return make_part(vertices, faces, material, name=name, normals=normals)
    values = np.clip(color(vertices.astype(np.float64)), 0.0, 1.0)
    colors = np.column_stack([values * 255.0 + 0.5, np.full(len(vertices), 255.0)]).astype(np.uint8)
    material = Material(name, (1.0, 1.0, 1.0, 1.0), metallic, roughness)
    return make_part(vertices, faces, material, name=name, normals=normals, colors=colors)


def rgb(code: str) -> tuple[float, float, float]:
    """'#rrggbb' to linear factors."""
    values = [int(code[at : at + 2], 16) / 255.0 for at in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return linear[0], linear[1], linear[2]


def two_tone(where: Callable[[F64], F64], on: str, off: str) -> Paint:
    """Paint of colour `on` where the function is positive, with an edge as soft as its slope."""

    def paint(points: F64) -> F64:
        share = np.clip(where(points) + 0.5, 0.0, 1.0)[:, None]
        return np.array(rgb(on)) * share + np.array(rgb(off)) * (1.0 - share)

    return paint


def turned(profile: npt.ArrayLike, count: int = 64, sides: int = 96) -> Solid:
    """A lathe along a smooth profile."""
    return lathe(spline(profile, count), sides)


def duck() -> Asset:
    """A rubber duck that looks to +X."""
    body = ellipsoid(1.0, 0.62, 0.66, sides=72)
    body = body.bent(lambda p: p + np.stack([0 * p[:, 0], 0.55 * np.clip(-p[:, 0] - 0.1, 0, 1) ** 2, 0 * p[:, 0]], 1))
    head = ellipsoid(0.46, 0.44, 0.44, sides=56).at(0.3, 0.5)
    beak = (
        ellipsoid(0.26, 0.09, 0.2, sides=40)
        .at(0.55, 0.63)
        .bent(lambda p: p + np.stack([0 * p[:, 0], 0.9 * (p[:, 0] - 0.55) ** 2, 0 * p[:, 0]], 1))
    )
    wing = ellipsoid(0.44, 0.26, 0.1, sides=40).turned("z", -16).at(-0.1, 0.16, 0.3)
    eye = ellipsoid(0.07, 0.09, 0.05, sides=24).at(0.4, 0.71, 0.165)
    spark = ellipsoid(0.02, 0.024, 0.02, sides=16).at(0.412, 0.765, 0.187)
    yellow = "#f6c21c"
    return Asset(
        (
            painted("body", join((body, head)), yellow, 0.32),
            painted("wing", wing, "#eeb010", 0.35),
            painted("beak", beak, "#e8590c", 0.3),
            painted("eyes", eye, "#1b1b1f", 0.15),
            painted("glints", spark, "#ffffff", 0.3),
        ),
        "rubber-duck",
    )


def mug() -> Asset:
    """A glazed mug with a painted band, its handle to +X."""
    wall = [(0.0, 0.0), (0.3, 0.0), (0.36, 0.03), (0.38, 0.12), (0.385, 0.45), (0.39, 0.8), (0.385, 0.83)]
    inner = [(0.35, 0.83), (0.345, 0.8), (0.34, 0.4), (0.33, 0.1), (0.25, 0.05), (0.0, 0.05)]
    body = lathe(np.concatenate([spline(wall, 160), spline(inner, 60)]), 256)
    handle = tube(
        spline([(0.33, 0.68, 0), (0.56, 0.72, 0), (0.66, 0.46, 0), (0.56, 0.2, 0), (0.34, 0.2, 0)], 40), 0.05, 20
    )

    def band(p: F64) -> F64:
        wave = 0.035 * np.sin(8.0 * np.arctan2(p[:, 0], p[:, 2]))
        return (0.1 - np.abs(p[:, 1] - 0.47 - wave)) * 90.0

    outside = two_tone(band, "#f2e6cf", "#1f6f78")
    return Asset((painted("body", body, outside, 0.22), painted("handle", handle, "#1f6f78", 0.22)), "mug")


def fish() -> Asset:
    """A wooden toy fish in orange and white, its head to −X."""
    body = ellipsoid(1.1, 0.56, 0.3, sides=96).at(0, -0.28)
    body = body.bent(lambda p: p * np.stack([np.ones(len(p)), 1 - 0.35 * np.clip(p[:, 0], 0, 1), np.ones(len(p))], 1))
    tail = prism(spline([(0.42, 0.0), (0.82, 0.3), (0.76, 0.0), (0.82, -0.3)], 48, closed=True), 0.09, 0.03)
    top = prism(spline([(-0.22, 0.18), (0.0, 0.43), (0.3, 0.33), (0.3, 0.1)], 40, closed=True), 0.07, 0.02)
    low = prism(spline([(-0.02, -0.18), (0.14, -0.4), (0.26, -0.34), (0.22, -0.1)], 40, closed=True), 0.07, 0.02)
    eye = ellipsoid(0.09, 0.09, 0.06, sides=24).at(-0.37, 0.02, 0.1)
    pupil = ellipsoid(0.05, 0.05, 0.04, sides=20).at(-0.375, 0.04, 0.123)

    def stripes(p: F64) -> F64:
        bent = p[:, 0] + 0.6 * p[:, 1] ** 2
        near = np.minimum(np.abs(bent + 0.16), np.abs(bent - 0.24))
        return (0.075 - near) * 60.0

    coat = two_tone(stripes, "#fbf4e6", "#e8591a")
    fins = two_tone(lambda p: (np.abs(p[:, 0]) - 0.72) * 30.0, "#3a2a22", "#d94a10")
    return Asset(
        (
            painted("body", body, coat, 0.4),
            painted("fins", join((tail, top, low)), fins, 0.45),
            painted("eyes", eye, "#ffffff", 0.25),
            painted("pupils", pupil, "#111111", 0.2),
        ),
        "toy-fish",
    )


def guitar() -> Asset:
    """An acoustic guitar standing upright, its top to +Z."""
    half = np.array(
        [(0.0, 0.0), (0.15, 0.02), (0.21, 0.13), (0.185, 0.24), (0.135, 0.31), (0.155, 0.41), (0.1, 0.5), (0.0, 0.52)]
    )
    side = spline(half, 60)
    outline = np.concatenate([side, side[-2:0:-1] * [-1, 1]])
    body = prism(outline, 0.1, 0.012)
    neck = box(0.055, 0.44, 0.035, 0.008, 2).at(0, 0.48, 0.045)
    head = prism(np.array([(-0.036, 0), (0.036, 0), (0.045, 0.16), (0.0, 0.175), (-0.045, 0.16)]), 0.03, 0.006).at(
        0, 0.91, 0.04
    )
    pegs = join(cylinder(0.011, 0.11, 16).turned("z", 90).at(0.055, 0.945 + 0.05 * k, 0.04) for k in range(3))
    hole = cylinder(0.05, 0.004, 48).turned("x", 90).at(0, 0.335, 0.0505)
    rose = torus(0.058, 0.005, 64, 12).turned("x", 90).at(0, 0.335, 0.0515)
    bridge = box(0.13, 0.028, 0.014, 0.004).at(0, 0.13, 0.056)
    strings = join(box(0.0022, 0.79, 0.0022).at(0.0075 * (k - 2.5), 0.143, 0.066) for k in range(6))

    def grain(p: F64) -> F64:
        wave = np.sin(150.0 * p[:, 0] + 3.0 * np.sin(9.0 * p[:, 1]))
        edge = np.clip(1.4 - 9.0 * np.abs(p[:, 0]) * (1.0 + p[:, 1]), 0.35, 1.0)[:, None]
        return np.array(rgb("#c9762c")) * edge * (1.0 + 0.06 * wave[:, None])

    dark = "#3b2416"
    return Asset(
        (
            painted("body", body, grain, 0.28),
            painted("neck", join((neck, head, bridge)), dark, 0.45),
            painted("pegs", pegs, "#d8d3c8", 0.25, 1.0),
            painted("hole", hole, "#120c08", 0.9),
            painted("rosette", rose, "#e8d3a0", 0.5),
            painted("strings", strings, "#d9d4c6", 0.3, 1.0),
        ),
        "guitar",
    )


def mushroom() -> Asset:
    """A toadstool."""
    cap = turned([(0.0, 0.5), (0.25, 0.47), (0.46, 0.42), (0.52, 0.47), (0.44, 0.68), (0.24, 0.84), (0.0, 0.89)])
    stem = turned([(0.0, 0.0), (0.17, 0.0), (0.2, 0.06), (0.15, 0.2), (0.13, 0.4), (0.16, 0.52), (0.0, 0.53)])
    ring = turned([(0.0, 0.36), (0.2, 0.33), (0.21, 0.345), (0.14, 0.41), (0.0, 0.42)], 40)
    dots = join(
        ellipsoid(0.17, 0.05, 0.17, sides=28).turned("z", -tilt).turned("y", turn).at(
            radius * np.cos(np.radians(turn)), height, -radius * np.sin(np.radians(turn))
        )
        for turn, radius, height, tilt in (
            (300, 0.36, 0.7, 40), (240, 0.37, 0.69, 40), (270, 0.18, 0.82, 20),
            (350, 0.42, 0.62, 48), (190, 0.42, 0.62, 48),
        )
    )  # fmt: skip
    return Asset(
        (
            painted("cap", cap, "#c0261c", 0.35),
            painted("stem", join((stem, ring)), "#efe5d0", 0.7),
            painted("dots", dots, "#fbf5e8", 0.6),
        ),
        "mushroom",
    )


def rocket() -> Asset:
    """A toy rocket with four fins and a porthole."""
    hull = turned([(0.0, 0.16), (0.17, 0.16), (0.235, 0.42), (0.24, 0.66), (0.17, 0.98), (0.05, 1.22), (0.0, 1.27)])
    fin = prism(spline([(0.14, 0.46), (0.3, 0.3), (0.4, 0.0), (0.33, 0.02), (0.16, 0.2)], 50, closed=True), 0.05, 0.015)
    port = torus(0.085, 0.022, 48, 16).turned("x", 90).at(0, 0.74, 0.232)
    glass = ellipsoid(0.16, 0.16, 0.05, sides=36).at(0, 0.66, 0.225)
    nozzle = cylinder(0.15, 0.1, 48, 0.11).at(y=0.08)
    coat = two_tone(lambda p: (p[:, 1] - 1.0) * 80.0, "#c4281e", "#f1efe9")
    return Asset(
        (
            painted("hull", hull, coat, 0.3),
            painted("fins", around(fin, 4), "#c4281e", 0.3),
            painted("ring", join((port, nozzle)), "#8d9298", 0.3, 1.0),
            painted("glass", glass, "#2a6db5", 0.1),
        ),
        "rocket",
    )


def vase() -> Asset:
    """A painted vase: key bands, a wave and a dark foot."""
    outer = spline(
        [
            (0.0, 0.0),
            (0.16, 0.0),
            (0.18, 0.03),
            (0.2, 0.2),
            (0.33, 0.52),
            (0.3, 0.78),
            (0.15, 0.96),
            (0.14, 1.06),
            (0.2, 1.16),
        ],
        220,
    )
    inner = spline([(0.185, 1.16), (0.12, 1.06), (0.13, 0.96), (0.0, 0.9)], 24)

    def coat(p: F64) -> F64:
        turn, y = np.arctan2(p[:, 0], p[:, 2]), p[:, 1]
        wave = 0.055 - np.abs(y - 0.56 - 0.06 * np.sin(6.0 * turn))
        bands = np.maximum(0.02 - np.abs(y - 0.38), 0.02 - np.abs(y - 0.75))
        share = np.clip(np.maximum(wave, bands) * 80.0 + 0.5, 0, 1)[:, None]
        dark = np.clip(np.maximum(0.1 - y, y - 1.1) * 80.0 + 0.5, 0, 1)[:, None]
        base = np.array(rgb("#e9dcc0")) * (1 - share) + np.array(rgb("#1d4e89")) * share
        return base * (1 - dark) + np.array(rgb("#15355e")) * dark

    return Asset((painted("vase", lathe(np.concatenate([outer, inner]), 256), coat, 0.35),), "vase")


def robot() -> Asset:
    """A boxy tin robot that looks to +Z."""
    chest, skull = box(0.5, 0.46, 0.3, 0.03, 2).at(y=0.36), box(0.34, 0.26, 0.26, 0.03, 2).at(y=0.86)
    leg = join((box(0.14, 0.34, 0.16, 0.02).at(0.13, 0.04), box(0.19, 0.08, 0.26, 0.02).at(0.13, 0.0, 0.03)))
    arm = box(0.1, 0.4, 0.13, 0.03, 2).at(0.285, 0.42)
    neck, mast = cylinder(0.07, 0.06, 32).at(y=0.81), cylinder(0.018, 0.12, 24).at(y=1.11)
    eye = cylinder(0.05, 0.02, 32).turned("x", 90).at(0.08, 1.0, 0.125)
    panel, knob = (
        box(0.3, 0.2, 0.02, 0.008).at(0, 0.52, 0.15),
        cylinder(0.025, 0.02, 24).turned("x", 90).at(0.08, 0.58, 0.17),
    )
    ball = ellipsoid(0.08, 0.08, 0.08, sides=24).at(y=1.21)
    return Asset(
        (
            painted("body", join((chest, skull)), "#2f7f8f", 0.45),
            painted("limbs", join((both_sides(leg), both_sides(arm))), "#d98a26", 0.45),
            painted("metal", join((neck, mast)), "#9aa0a6", 0.35, 1.0),
            painted("panel", panel, "#e9e2cf", 0.5),
            painted("lights", join((both_sides(eye), both_sides(knob), ball)), "#c8281e", 0.3),
        ),
        "tin-robot",
    )


def knot() -> Asset:
    """A trefoil tube whose colours run round it."""
    t = np.linspace(0.0, 2 * np.pi, 144, endpoint=False)
    path = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -1.2 * np.sin(3 * t)], axis=1) * 0.16

    def rainbow(p: F64) -> F64:
        turn = np.arctan2(p[:, 1], p[:, 0])[:, None]
        return 0.42 + 0.38 * np.sin(turn + np.array([0.0, 2.1, 4.2]))

    return Asset((painted("knot", tube(path, 0.135, 16, closed=True), rainbow, 0.35),), "trefoil-knot")


def gear() -> Asset:
    """A spur gear with 18 teeth, a hub and a bore, as one closed ring of loops."""
    teeth = 18
    turn = np.linspace(0.0, 2 * np.pi, teeth * 8, endpoint=False)
    wave = np.clip(1.9 * np.sin(teeth * turn), -1.0, 1.0)
    rim = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (0.027 + 0.003 * wave)[:, None]
    bore = circle(0.008, len(turn))
    layers = [(rim, -0.005), (rim, 0.005), (bore * 1.75, 0.005), (bore * 1.7, 0.009), (bore, 0.009), (bore, -0.005)]
    rings = np.stack([np.column_stack([line, np.full(len(line), z)]) for line, z in layers])
    count, sides = rings.shape[:2]
    i, j = np.meshgrid(np.arange(count), np.arange(sides), indexing="ij")
    a, b = i * sides + j, i * sides + (j + 1) % sides
    c, d = (i + 1) % count * sides + (j + 1) % sides, (i + 1) % count * sides + j
    faces = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
    return Asset((painted("gear", Solid(rings.reshape(-1, 3), faces.astype(np.int32)), "#b08d57", 0.3, 1.0),), "gear")


def gem() -> Asset:
    """A brilliant-cut stone."""
    points = [np.zeros((1, 3))]
    for radius, height, sides, phase in (
        (0.26, 0.62, 8, 0),
        (0.42, 0.52, 8, 22.5),
        (0.5, 0.42, 8, 0),
        (0.26, 0.17, 8, 22.5),
    ):
        turn = np.radians(phase) + np.linspace(0, 2 * np.pi, sides, endpoint=False)
        points.append(np.column_stack([radius * np.cos(turn), np.full(sides, height), radius * np.sin(turn)]))
    hull = trimesh.convex.convex_hull(np.concatenate(points))
    stone = Solid(hull.vertices.view(np.ndarray), hull.faces.astype(np.int32))
    return Asset((painted("gem", stone, "#1e8a5a", 0.08),), "gem")


def stool() -> Asset:
    """A three-legged milking stool."""
    seat = cylinder(0.17, 0.035, 64, bevel=0.008).at(y=0.3)
    leg = cylinder(0.016, 0.33, 20, 0.02, bevel=0.004).turned("z", 11).at(0.155)
    brace = torus(0.105, 0.009, 48, 12).at(y=0.13)
    return Asset(
        (painted("seat", seat, "#a5713d", 0.55), painted("legs", join((around(leg, 3, 30), brace)), "#6d4423", 0.6)),
        "stool",
    )
