"""Cars and trucks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.parametric.design import Design, Piece, piece
from ml.parametric.joinery import rail
from ml.parametric.outlines import F64, spline
from ml.parametric.primitives import box, cylinder, ellipsoid, lathe, lathe_ring, loft, prism, tube
from ml.parametric.solid import Solid, both_sides, copies, join

# Side profiles of car bodies as shares of (length, height above the sill), front first; cabins likewise.
BODIES = {
    "sedan": ((0.5, 0.1), (0.485, 0.34), (0.42, 0.46), (0.2, 0.54), (-0.36, 0.56), (-0.47, 0.5), (-0.5, 0.36),
        (-0.49, 0.08)),
    "sports": ((0.5, 0.08), (0.49, 0.28), (0.36, 0.47), (0.14, 0.53), (-0.34, 0.58), (-0.47, 0.56),
        (-0.5, 0.4), (-0.48, 0.08)),
    "suv": ((0.5, 0.1), (0.49, 0.42), (0.44, 0.5), (0.24, 0.54), (-0.46, 0.56), (-0.49, 0.5), (-0.5, 0.36),
        (-0.49, 0.08)),
}  # fmt: skip
CABINS = {
    "sedan": ((0.22, 0.5), (0.06, 0.94), (-0.02, 0.99), (-0.2, 0.98), (-0.26, 0.94), (-0.4, 0.52)),
    "sports": ((0.14, 0.46), (0.0, 0.9), (-0.08, 0.95), (-0.18, 0.93), (-0.42, 0.56)),
    "suv": ((0.26, 0.5), (0.15, 0.94), (0.08, 0.99), (-0.4, 0.98), (-0.45, 0.93), (-0.48, 0.5)),
}
CAR_SIZES = {"sedan": (1.8, 1.45, 4.5), "sports": (1.85, 1.2, 4.3), "suv": (1.9, 1.72, 4.5)}


def _section(side: npt.ArrayLike, width: float, length: float, height: float, crown: float, tuck: float) -> Solid:
    """A body from its side profile: five slices across, narrower and lower toward the flanks."""
    line = np.asarray(side, dtype=np.float64) * (length, height)
    middle = line.mean(axis=0)
    rings = []
    for x, shrink in (
        (-0.5, crown),
        (-0.485, 0.985),
        (-0.34, 1.0),
        (0.0, 1.0),
        (0.34, 1.0),
        (0.485, 0.985),
        (0.5, crown),
    ):
        flat = middle + (line - middle) * shrink
        lean = np.clip((flat[:, 1] - line[:, 1].min()) / np.ptp(line[:, 1]), 0, 1) * tuck
        plan = 1 - 0.07 * np.abs(2 * flat[:, 0] / length) ** 8  # the ends are narrower seen from above
        bow = flat[:, 0] * (1 - 0.06 * (2 * x) ** 2 * np.abs(2 * flat[:, 0] / length) ** 4)
        rings.append(np.column_stack([x * width * (1 - lean) * plan, flat[:, 1], bow]))
    return loft(np.stack(rings))


def wheel(design: Design, radius: float, width: float, spokes: int) -> tuple[Solid, Solid]:
    """(tyre, rim) about the x axis, centred at the origin, the outer face toward +x."""
    r, half = radius, width / 2
    tyre = [
        (r * 0.64, -half),
        (r * 0.9, -half),
        (r * 0.98, -half * 0.8),
        (r, -half * 0.5),
        (r, half * 0.5),
        (r * 0.98, half * 0.8),
        (r * 0.9, half),
        (r * 0.64, half),
    ]
    disc = lathe(
        [(r * 0.66, -half * 0.5), (r * 0.66, half * 0.8), (r * 0.6, half * 0.84), (r * 0.56, half * 0.4)],
        design.sides(32),
    )
    spoke = box(r * 0.13, r * 0.5, half * 0.4, r * 0.02, 1).at(y=r * 0.08, z=half * 0.52)
    star = join(spoke.turned("z", 360.0 * k / spokes) for k in range(spokes))
    hub = ellipsoid(r * 0.26, r * 0.26, half * 0.5, sides=14).at(y=-r * 0.13, z=half * 0.68)
    rubber = lathe_ring(tyre, design.sides(36)).turned("z", -90.0)
    return rubber, join((disc.turned("z", -90.0), star.turned("y", 90.0), hub.turned("y", 90.0)))


def _wheels(design: Design, radius: float, width: float, track: float, places: list[float]) -> list[Piece]:
    """Wheels at ±track on every axle of z in `places`."""
    tyre, rim = wheel(design, radius, width, 5 + int(design.rng.integers(0, 3)))
    spots = [(track, radius, z) for z in places]
    arch = [both_sides(copies(item, spots)) for item in (tyre, rim)]
    return [piece("tyres", arch[0], "rubber", "fixed"), piece("wheels", arch[1], "aluminium", "fixed")]


def car(design: Design) -> list[Piece]:
    """A car facing +Z: sedan, sports car or SUV, with glass cabin, lights, bumpers and spoked wheels."""
    kind = design.pick("sedan", "suv", "sports")
    for words, chosen in (
        (("sports", "race", "racing", "racecar", "coupe", "low"), "sports"),
        (("suv", "family", "van"), "suv"),
        (("sedan", "taxi"), "sedan"),
    ):
        kind = chosen if design.has(*words) else kind
    width, height, length = design.size(*CAR_SIZES[kind], 0.04)
    if design.style == "cartoon":
        length, height = length * 0.72, height * 1.12
    radius = height * (0.245 if kind == "suv" else 0.235 if kind == "sedan" else 0.25)
    sill = radius * 0.55
    tall = height - sill
    shape = spline(np.array(BODIES[kind]), design.steps(26))
    body = _section(shape, width, length, tall, 0.9, 0.05).at(y=sill)
    cabin_line = spline(np.array(CABINS[kind]), design.steps(18))
    glass = _section(cabin_line, width * 0.9, length, tall, 0.93, 0.2).at(y=sill)
    pieces = [piece("body", body, "paint")]
    roof_line = np.array(CABINS[kind])
    if "windows" not in design.refused:
        pieces.append(piece("windows", glass, "obsidian", "fixed"))
        lid = _roof(roof_line, width * 0.9, length, tall).at(y=sill)
        pieces.append(piece("roof", lid, "paint"))
    else:
        pieces.append(piece("roof", glass, "paint"))
    front, back = length * 0.31, -length * 0.31
    track = width / 2 - 0.045
    pieces += _wheels(design, radius, 0.22, track, [front, back])
    pieces += _arches(design, radius, width, [front, back])
    return [*pieces, *_car_details(design, width, length, sill, tall)]


def _roof(cabin: F64, width: float, length: float, tall: float) -> Solid:
    """Roof skin and four pillars as one bent frame over the glass, 12 mm proud of it."""
    top = cabin[np.argsort(-cabin[:, 1])[:3]]
    front, rear = top[:, 0].max(), top[:, 0].min()
    y = float(np.median(top[:, 1])) * tall
    slab = box(width * 0.83, 0.05, (front - rear) * length + 0.16, 0.024, 3).at(
        y=y - 0.022, z=(front + rear) / 2 * length
    )
    ends = (cabin[0], cabin[-1])
    posts = []
    for corner, edge in zip((front, rear), ends, strict=True):
        a = (width * 0.405, y, corner * length)
        b = (width * 0.462, edge[1] * tall, edge[0] * length)
        posts.append(rail(a, b, 0.035, 8))
    middle = (front + rear) / 2 * length
    posts.append(rail((width * 0.41, y, middle), (width * 0.462, float(cabin[0, 1]) * tall, middle - 0.05), 0.035, 8))
    return join((slab, both_sides(join(posts))))


def _arches(design: Design, radius: float, width: float, places: list[float]) -> list[Piece]:
    """Dark wheel wells and painted lips around the wheels."""
    well = cylinder(radius * 1.16, 0.05, design.sides(32)).turned("z", -90.0).at(x=width / 2 - 0.046, y=radius)
    turn = np.radians(np.linspace(-12, 192, design.steps(18)))
    lip = tube(
        np.column_stack([np.zeros(len(turn)), np.sin(turn) * radius * 1.16, np.cos(turn) * radius * 1.16]), 0.03, 8
    )
    spots = [(0, 0, z) for z in places]
    return [
        piece("wells", both_sides(copies(well, spots)), "rubber", "fixed"),
        piece("arches", both_sides(copies(lip.at(x=width / 2 - 0.015, y=radius), spots)), "paint"),
    ]


def _car_details(design: Design, width: float, length: float, sill: float, tall: float) -> list[Piece]:
    lamp = (
        ellipsoid(0.34, 0.15, 0.2, 0.7, design.sides(16))
        .turned("y", 14.0)
        .at(width * 0.32, sill + tall * 0.25, length * 0.474)
    )
    tail = box(0.34, 0.1, 0.12, 0.03, 2).turned("y", -14.0).at(width * 0.31, sill + tall * 0.34, -length * 0.475)
    across = np.linspace(-0.97, 0.97, design.steps(9))
    curve = np.column_stack([across * width / 2, np.full(len(across), sill + 0.09), -0.055 * across**2 * length / 2])
    bumper = tube(curve, 0.06, design.sides(12), flat=1.3)
    grille = box(width * 0.36, 0.12, 0.1, 0.02, 2).at(y=sill + tall * 0.18, z=length * 0.487)
    mirror = ellipsoid(0.16, 0.11, 0.09, 0.7, 12).at(width * 0.47, sill + tall * 0.53, length * 0.13)
    handle = box(0.02, 0.025, 0.16, 0.008, 1).at(width * 0.488, sill + tall * 0.43, -0.12)
    found = [
        piece("lights", both_sides(lamp), "acrylic", "fixed", glow="cream"),
        piece("tail lights", both_sides(tail), "acrylic", "fixed", color="crimson", glow="red"),
        piece(
            "bumper",
            [bumper.at(z=length * 0.486), bumper.turned("y", 180.0).at(z=-length * 0.482)],
            "plastic",
            "second",
            color="charcoal",
        ),
        piece("grille", grille, "plastic", "fixed", color="black"),
        piece("mirrors", both_sides(mirror), "paint"),
        piece("handle", both_sides(handle), "chrome", "second"),
    ]
    if design.has("race", "racing", "racecar"):
        wing = box(width * 0.86, 0.03, 0.26, 0.012, 2).at(y=sill + tall * 0.82, z=-length * 0.44)
        stays = both_sides(box(0.03, tall * 0.3, 0.12, 0.008, 1).at(width * 0.3, sill + tall * 0.54, -length * 0.43))
        found.append(piece("fins", [wing, stays], "carbon", "second"))
    if design.has("taxi"):
        found.append(
            piece(
                "sign",
                box(0.4, 0.13, 0.16, 0.03, 2).at(y=sill + tall * 0.985, z=-0.25),
                "acrylic",
                "fixed",
                color="yellow",
                glow="yellow",
            )
        )
    return found


def truck(design: Design) -> list[Piece]:
    """A truck facing +Z: a cab with a bonnet, and a box, an open bed, or nothing behind it as a van."""
    pickup = design.has("pickup")
    width, height, length = design.size(1.9 if pickup else 2.2, 1.8 if pickup else 2.9, 5.2 if pickup else 6.6, 0.05)
    radius = 0.38 if pickup else 0.47
    sill = radius * 0.9
    tall = (height - sill) * (1.0 if pickup else 0.86)
    cab_long = length * (0.58 if pickup else 0.32)
    nose = length / 2
    hood = tall * (0.5 if pickup else 0.34)
    if pickup:
        line = [
            (0, 0),
            (0, hood * 0.9),
            (-0.06, hood),
            (-0.38, hood * 1.1),
            (-0.52, tall * 0.97),
            (-0.6, tall),
            (-0.92, tall),
            (-1, tall * 0.94),
            (-1, 0),
        ]
    else:
        line = [
            (0, 0),
            (0, hood),
            (-0.04, hood * 1.15),
            (-0.2, tall * 0.95),
            (-0.32, tall),
            (-0.95, tall),
            (-1, tall * 0.96),
            (-1, 0),
        ]
    outline = np.array(line) * (cab_long, 1.0) + (nose, sill)
    cab = prism(outline, width, 0.06).turned("y", -90.0)
    pieces = [piece("body", cab, "paint")]
    if "windows" not in design.refused:
        pieces += _cab_windows(outline, width, tall, sill, pickup)
    chassis = box(width * 0.5, 0.22, length * 0.96, 0.02).at(y=sill - 0.1)
    pieces.append(piece("frame", chassis, "steel", "fixed", color="charcoal"))
    pieces += _load(design, pickup, width, height, length, sill, cab_long, hood)
    number = max(2, (design.count("wheels", 4 if pickup else 6, 4, 12) + 1) // 2)
    places = [nose - radius * 2.0, *(-nose + radius * 1.9 + radius * 2.15 * k for k in range(number - 1))]
    pieces += _wheels(design, radius, 0.26, width / 2 - 0.14, places)
    lamp = (
        cylinder(0.1, 0.06, design.sides(20), bevel=0.015)
        .turned("x", 90.0)
        .at(width * 0.36, sill + hood * 0.6, nose - 0.02)
    )
    bumper = box(width * 1.0, 0.2, 0.16, 0.04, 2).at(y=sill - 0.06, z=nose + 0.03)
    grille = copies(
        box(width * 0.46, 0.035, 0.04, 0.008), [(0, sill + hood * (0.3 + 0.14 * k), nose + 0.004) for k in range(4)]
    )
    return [
        *pieces,
        piece("lights", both_sides(lamp), "acrylic", "fixed", glow="cream"),
        piece("bumper", bumper, "chrome", "second"),
        piece("grille", grille, "chrome", "second"),
    ]


def _cab_windows(outline: F64, width: float, tall: float, sill: float, pickup: bool) -> list[Piece]:
    """Side panes and a windscreen that follows the slope of the cab."""
    i = 3 if pickup else 2
    a, b = outline[i], outline[i + 1]
    slope = b - a
    pane = a + slope * np.array(((0.14,), (0.9,)))
    normal = np.array((slope[1], -slope[0])) / np.hypot(*slope)
    normal = normal if normal[0] > 0 else -normal
    section = np.concatenate([pane + normal * 0.012, (pane - normal * 0.03)[::-1]])
    screen = prism(section, width * 0.86, 0.004).turned("y", -90.0)
    front, rear = b[0] - 0.08, outline[-1, 0] + 0.22
    low = max(a[1], sill + tall * 0.5) + 0.04
    edge = a[0] + (low - a[1]) / slope[1] * slope[0] - 0.16
    rear = max(rear, front - 1.1) if not pickup else rear
    side = np.array(((edge, low), (front, outline[:, 1].max() - 0.14), (rear, outline[:, 1].max() - 0.14), (rear, low)))
    doors = prism(side, 0.05, 0.006).turned("y", -90.0).at(x=width / 2 - 0.013)
    return [piece("windows", [screen, both_sides(doors)], "obsidian", "fixed")]


def _load(
    design: Design, pickup: bool, width: float, height: float, length: float, sill: float, cab: float, hood: float
) -> list[Piece]:
    """The bed of a pickup, or the box of a lorry with ribs."""
    start = -length / 2
    long = length - cab - 0.06
    middle = start + long / 2
    if pickup:
        wall = design.board(0.08, hood * 1.02, long, 0.02).at(x=width / 2 - 0.04, y=sill, z=middle)
        gate = design.board(width - 0.01, hood, 0.08, 0.02).at(y=sill + 0.003, z=start + 0.044)
        floor = box(width - 0.1, 0.08, long, 0.0).at(y=sill + 0.02, z=middle)
        return [piece("bed", [both_sides(wall), gate, floor], "paint")]
    crate = box(width, height - sill - 0.12, long, 0.04, 2).at(y=sill + 0.12, z=middle)
    rib = box(0.04, height - sill - 0.3, 0.07, 0.012).at(x=width / 2, y=sill + 0.2)
    spots = [(0, 0, middle + long * s) for s in np.linspace(-0.42, 0.42, 6)]
    return [
        piece("cargo", crate, "aluminium", "second"),
        piece("ribs", both_sides(copies(rib, spots)), "aluminium", "second"),
    ]
