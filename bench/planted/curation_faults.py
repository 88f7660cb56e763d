"""The faults that data sets are filtered by: how each is planted in a sound mesh, and the codes that name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from pieces import BOX_FACES, base_pixels, box, diagonal, plain_part, quartered, surface_patch, with_map
from PIL import Image, ImageDraw, ImageFont

from ml.asset import Asset, Material, Part, make_part
from tasks.transform import transformed
from tasks.view_cameras import sphere_cameras
from tasks.views import render_views

Plant = Callable[[Asset, Generator, list[Asset]], Asset]
WORDS = ("MESH", "Logo", "open", "Studio", "2026", "SALE", "Cafe", "HOTEL", "brand", "exit", "Welcome", "PIZZA")
ORIGIN = np.zeros(3)


def too_few(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """A box of its size."""
    low, high = asset.bounds()
    return Asset((plain_part(*box((low + high) / 2, high - low), "box", asset.parts[0].material),))


def too_many(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Every triangle cut in four until there are more than a million."""
    parts = asset.parts
    while sum(len(part.faces) for part in parts) <= 1_000_000:
        parts = tuple(quartered(part) for part in parts)
    return replace(asset, parts=parts)


def degenerate(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Half as many faces again without an area, their corners in two points."""
    return replace(asset, parts=tuple(_collapsed(part, rng) for part in asset.parts))


def _collapsed(part: Part, rng: Generator) -> Part:
    chosen = part.faces[rng.random(len(part.faces)) < 0.5]
    return part.with_faces(np.concatenate([part.faces, chosen[:, [0, 1, 1]]]))


def flattened(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Pressed flat, and laid askew."""
    return _turned(_scaled(asset, [1.0, rng.uniform(0.3, 1.0), rng.uniform(1e-4, 5e-3)], True), rng)


def drawn_out(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """A needle."""
    return _turned(_scaled(asset, [1.0, *rng.uniform(5e-4, 5e-3, 2)], True), rng)


def scanned(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Only what one camera saw of it, as depth cameras scan."""
    camera = sphere_cameras(asset.bounds(), 8, int(rng.integers(1000)))[int(rng.integers(8))]
    seen = np.unique(render_views(asset, [replace(camera, fov=0.0, extent=1.5 * diagonal(asset))], 384).faces)
    keep = np.isin(np.arange(asset.face_count), seen)
    ends = np.cumsum([len(part.faces) for part in asset.parts])[:-1]
    parts = [p.with_faces(p.faces[k]) for p, k in zip(asset.parts, np.split(keep, ends), strict=True) if k.any()]
    return replace(asset, parts=tuple(parts))


def relief(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """A sheet with waves, as terrains and bas-reliefs come."""
    side = int(rng.integers(20, 60))
    x, z = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, rng.uniform(0.5, 1.0), side))
    a, b, c, d = rng.uniform(3, 12, 4)
    y = rng.uniform(0.05, 0.2) * (np.sin(a * x + b) + np.cos(c * z + d))
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
    faces = np.concatenate([np.stack([corner, corner + side, corner + 1], 1),
                            np.stack([corner + 1, corner + side, corner + side + 1], 1)])  # fmt: skip
    sheet = make_part(np.stack([x, y, z], -1).reshape(-1, 3), faces)
    return _turned(Asset((sheet,)), rng) if rng.random() < 0.5 else Asset((sheet,))


def scene(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """It and one to three others of its size beside each other, half of the time on a floor."""
    chosen = [asset, *(others[i] for i in rng.choice(len(others), int(rng.integers(1, 4)), replace=False))]
    parts: list[Part] = []
    edge = 0.0
    for each in chosen:
        each = _scaled(each, [rng.uniform(0.8, 1.2) / float(np.ptp(each.bounds(), axis=0).max())] * 3)
        low, high = each.bounds()
        each = transformed(each, np.eye(3), np.array([edge - low[0], -low[1], -0.5 * (low[2] + high[2])]))
        edge += float(high[0] - low[0]) + rng.uniform(0.1, 0.4)
        parts += each.parts
    if rng.random() < 0.5:
        parts.append(make_part(*box([edge / 2, -0.01, 0.0], [edge + 0.4, 0.02, 1.8]), name="floor"))
    return Asset(tuple(parts))


def with_outlier(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """A speck of dust lies many sizes away."""
    size = diagonal(asset)
    way = rng.normal(size=3)
    place = asset.bounds().mean(axis=0) + rng.uniform(5, 50) * size * way / np.linalg.norm(way)
    return replace(asset, parts=(*asset.parts, make_part(*box(place, [0.02 * size] * 3), name="speck")))


def dusty(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """80 to 200 grains within its box."""
    low, high = asset.bounds()
    size = diagonal(asset)
    grains = [box(rng.uniform(low, high), [size * rng.uniform(5e-4, 3e-3)] * 3) for _ in range(rng.integers(80, 200))]
    points = np.concatenate([points for points, _ in grains])
    faces = np.concatenate([BOX_FACES + 8 * k for k in range(len(grains))])
    return replace(asset, parts=(*asset.parts, make_part(points, faces, name="grains")))


def exploded(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """A copy of it hangs above it, as in exploded views."""
    rise = np.ptp(asset.bounds(), axis=0)[1] * rng.uniform(1.2, 1.6)
    return replace(asset, parts=(*asset.parts, *transformed(asset, np.eye(3), np.array([0.0, rise, 0.0])).parts))


def inside_out(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """All faces are wound the other way, normals along."""
    return replace(asset, parts=tuple(_reversed(part.with_faces(part.faces[:, ::-1])) for part in asset.parts))


def wrong_normals(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Stored normals look inward."""
    return replace(asset, parts=tuple(map(_reversed, asset.parts)))


def _reversed(part: Part) -> Part:
    return part if part.normals is None else replace(part, normals=-part.normals)


def transparent(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Made of glass."""
    alpha = float(rng.uniform(0.1, 0.7))
    return _remade(asset, lambda m: replace(m, base_color=(*m.base_color[:3], alpha), alpha_mode="BLEND"))


def lettering(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """A word of extruded letters, half of the time on a plate."""
    image = Image.new("1", (400, 60))
    ImageDraw.Draw(image).text((10, 8), str(rng.choice(WORDS)), 1, ImageFont.load_default(int(rng.integers(24, 40))))
    rods = []
    for y, row in enumerate(np.asarray(image).astype(int)):
        for start, end in np.flatnonzero(np.diff(np.pad(row, 1))).reshape(-1, 2):
            rods.append(box([0.5 * (start + end), 60.0 - y, 0.0], [end - start, 1.0, 5.0]))
    points = np.concatenate([points for points, _ in rods])
    parts = [make_part(points, np.concatenate([BOX_FACES + 8 * k for k in range(len(rods))]), name="letters")]
    if rng.random() < 0.5:
        middle, size = points.mean(axis=0), np.ptp(points, axis=0)
        parts.append(make_part(*box(middle - [0, 0, 3], [size[0] + 20, size[1] + 20, 4.0]), name="plate"))
    text = Asset(tuple(parts))
    return _turned(text, rng) if rng.random() < 0.5 else text


def far_away(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Thousands of its own sizes from the origin, as maps place buildings."""
    away = np.array([1.0, 0.0, rng.uniform(-1, 1)]) * diagonal(asset) * rng.uniform(2000, 20000)
    return transformed(asset, np.eye(3), away)


def wrong_size(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """So small or large that no unit explains it."""
    return _scaled(asset, [10.0 ** (rng.uniform(-12, -9) if rng.random() < 0.5 else rng.uniform(8, 12))] * 3)


def not_finite(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Some positions are NaN."""
    part = asset.parts[0]
    points = part.vertices.copy()
    points[rng.integers(len(points), size=5)] = np.nan
    return replace(asset, parts=(replace(part, vertices=points), *asset.parts[1:]))


def one_colour(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Without a map and in one grey."""
    grey = float(rng.uniform(0.2, 0.9))
    return _remade(asset, lambda m: Material("grey", (grey, grey, grey, 1.0)))


def dark(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """The map is nearly black, as with lights gone wrong in a bake."""
    return _repainted(asset, lambda pixels: (pixels * rng.uniform(0.01, 0.06)).astype(np.uint8) + np.uint8(3))


def coarse(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """The map is a thumbnail of itself."""
    side = int(rng.integers(16, 64))
    return _repainted(asset, lambda pixels: np.asarray(Image.fromarray(pixels).resize((side, side))))


def noisy(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """The map is white noise."""
    return _repainted(asset, lambda pixels: rng.integers(0, 256, pixels.shape).astype(np.uint8))


def constant(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """The map is one colour."""
    return _repainted(asset, lambda pixels: np.full_like(pixels, rng.integers(60, 220, (1, 1, pixels.shape[2]))))


def empty(asset: Asset, rng: Generator, others: list[Asset]) -> Asset:
    """Half of the surface is magenta, as engines show what is missing."""
    part = asset.parts[0]
    pixels = base_pixels(part)[..., :3]
    assert part.uv is not None
    height, width = pixels.shape[:2]
    pen = Image.fromarray(pixels)
    draw = ImageDraw.Draw(pen)
    for corners in part.uv[part.faces[surface_patch(part, rng, 0.5)]] * [width, height]:
        draw.polygon([(float(x), float(y)) for x, y in corners], fill=(255, 0, 255), outline=(255, 0, 255))
    return replace(asset, parts=(with_map(part, np.asarray(pen)), *asset.parts[1:]))


def _repainted(asset: Asset, paint: Callable[[np.ndarray], np.ndarray]) -> Asset:
    parts = [with_map(part, paint(base_pixels(part)[..., :3])) for part in asset.parts]
    return replace(asset, parts=tuple(parts))


def _remade(asset: Asset, change: Callable[[Material], Material]) -> Asset:
    return replace(asset, parts=tuple(replace(part, material=change(part.material)) for part in asset.parts))


def _scaled(asset: Asset, factors: list[float], to_size: bool = False) -> Asset:
    """Times the factors, or to these extents."""
    size = np.ptp(asset.bounds(), axis=0) if to_size else 1.0
    return transformed(asset, np.diag(np.asarray(factors, float) / size), ORIGIN)


def _turned(asset: Asset, rng: Generator) -> Asset:
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return transformed(asset, turn * np.sign(np.linalg.det(turn)), ORIGIN)


@dataclass(frozen=True)
class Planted:
    """One kind of fault: its code, and the codes that rightly come with it."""

    name: str
    plant: Plant
    code: str
    also: tuple[str, ...] = ()
    textured: bool = False
    times: int = 9


FLAT = ("gate.single-surface", "gate.needle")  # what is nearly flat is nearly one surface
OPENED = ("gate.floaters", "gate.planar", "gate.back-faces", "gate.debris")  # shreds, and hollows seen from behind
SHRUNK = ("gate.planar", "gate.needle", "gate.debris")  # what all is beside the way to the outlier
PIECES = ("gate.multi-object", "gate.floaters", "gate.small-object")  # what letters are
PLANTED = (
    Planted("too few faces", too_few, "gate.faces.few"),
    Planted("too many faces", too_many, "gate.faces.many", ("gate.vertices.many",), times=3),
    Planted("degenerate", degenerate, "gate.degenerate"),
    Planted("planar", flattened, "gate.planar", FLAT),
    Planted("needle", drawn_out, "gate.needle", ("gate.planar", "gate.single-surface")),
    Planted("scan", scanned, "gate.single-surface", OPENED),
    Planted("relief", relief, "gate.single-surface"),
    Planted("scene", scene, "gate.multi-object", ("gate.small-object",)),
    Planted("small object", with_outlier, "gate.small-object", SHRUNK),
    Planted("dust", dusty, "gate.debris"),
    Planted("exploded view", exploded, "gate.floaters"),
    Planted("inside out", inside_out, "gate.back-faces"),
    Planted("wrong normals", wrong_normals, "gate.normals"),
    Planted("transparent", transparent, "gate.transparent"),
    Planted("text", lettering, "gate.text", PIECES),
    Planted("far away", far_away, "gate.far"),
    Planted("wrong size", wrong_size, "gate.size"),
    Planted("not finite", not_finite, "mesh.not-finite"),
    Planted("single colour", one_colour, "gate.single-colour", textured=True),
    Planted("dark", dark, "gate.texture.dark", ("gate.single-colour",), textured=True),
    Planted("coarse", coarse, "gate.texture.coarse", textured=True),
    Planted("noise", noisy, "gate.texture.noise", textured=True),
    Planted("constant", constant, "gate.single-colour", textured=True),
    Planted("empty", empty, "gate.texture.empty", textured=True),
)
