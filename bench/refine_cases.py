"""Instructions to carry out, each with what an independent measurement of the result has to find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import trimesh

from ml.asset import Asset, Part
from tasks.topology import F64

Test = Callable[[Asset, Asset], bool]
CLOSE = 0.02  # of an extent that was asked for with a number
X, Y, Z = 0, 1, 2


@dataclass(frozen=True)
class Case:
    """One instruction on one asset. `test` is None where no honest answer but a refusal is possible."""

    asset: str  # a prompt, or a mesh file's name
    instruction: str
    test: Test | None
    region: str = ""


def of(asset: Asset, name: str) -> list[Part]:
    """The parts of that name."""
    return [part for part in asset.parts if part.name == name]


def points(parts: Sequence[Part]) -> F64:
    """Their vertices (n, 3)."""
    return np.concatenate([part.vertices[part.faces].reshape(-1, 3) for part in parts]).astype(np.float64)


def extent(parts: Sequence[Part]) -> F64:
    """Their size along the axes (3,)."""
    return np.ptp(points(parts), axis=0)


def bodies(parts: Sequence[Part]) -> list[F64]:
    """The vertices of each connected piece, found by trimesh."""
    found: list[F64] = []
    for part in parts:
        mesh = trimesh.Trimesh(part.vertices, part.faces, process=True)
        found += [np.asarray(piece.vertices) for piece in mesh.split(only_watertight=False)]
    return found


def color(part: Part) -> F64:
    """The mean colour (3,), linear; a texture counts in full."""
    value = np.array(part.material.base_color[:3])
    if part.material.base_color_texture is not None:
        pixels = part.material.base_color_texture.pixels()[..., :3].reshape(-1, 3) / 255.0
        value = value * (pixels**2.2).mean(axis=0)
    if part.colors is not None:
        value = value * (part.colors[:, :3] / 255.0).mean(axis=0)
    return value


def metallic(part: Part) -> float:
    """The mean metallic value."""
    texture = part.material.metallic_roughness_texture
    return part.material.metallic * (1.0 if texture is None else float(texture.pixels()[..., 2].mean()) / 255.0)


def others_stay(*names: str) -> Test:
    """Whether all other parts have their size, their colour and their light."""

    def test(before: Asset, after: Asset) -> bool:
        kept = {part.name for part in before.parts} - set(names)
        for name in kept:
            old, new = of(before, name), of(after, name)
            if len(old) != len(new) or not np.allclose(extent(old), extent(new), rtol=1e-3, atol=1e-4):
                return False
            if any(not np.allclose(color(a), color(b), atol=0.02) for a, b in zip(old, new, strict=True)):
                return False
            if any(a.material.emissive != b.material.emissive for a, b in zip(old, new, strict=True)):
                return False
        return True

    return test


def both(*tests: Test) -> Test:
    """All of them."""
    return lambda before, after: all(test(before, after) for test in tests)


def grown(axis: int, factor: float, part: str = "") -> Test:
    """The extent along an axis is `factor` times what it was."""

    def test(before: Asset, after: Asset) -> bool:
        old, new = (extent(of(asset, part) if part else asset.parts)[axis] for asset in (before, after))
        return bool(abs(new / old - factor) <= CLOSE * factor)

    return test


def larger(part: str, sign: int = 1) -> Test:
    """The longest extent of the part's first body grew (or shrank) by at least a tenth."""

    def test(before: Asset, after: Asset) -> bool:
        old, new = (max(np.ptp(body, axis=0).max() for body in bodies(of(asset, part))) for asset in (before, after))
        return bool((new / old) ** sign >= 1.1)

    return test


def thicker(part: str, sign: int) -> Test:
    """Bodies are thicker (or thinner) by a tenth across, and as long as before."""

    def test(before: Asset, after: Asset) -> bool:
        old, new = (np.sort(np.mean([np.ptp(body, axis=0) for body in bodies(of(asset, part))], axis=0))
                    for asset in (before, after))  # fmt: skip
        return bool((new[0] / old[0]) ** sign >= 1.1 and abs(new[2] / old[2] - 1.0) < 0.1)

    return test


def counts(part: str, number: int) -> Test:
    """The part's bodies come in that number: all of them, those of one size, or the large ones among them."""

    def test(before: Asset, after: Asset) -> bool:
        sizes = [np.sort(np.ptp(body, axis=0)) for body in bodies(of(after, part))]
        kinds = Counter(tuple(np.round(size, 2)) for size in sizes)
        large = sum(size[2] > 0.9 * max(each[2] for each in sizes) for size in sizes)
        return len(sizes) % number == 0 and number in (len(sizes), large, *kinds.values())

    return test


def has(part: str) -> Test:
    """A part is there that was not."""
    return lambda before, after: not of(before, part) and bool(of(after, part))


def gone(part: str) -> Test:
    """A part is no longer there."""
    return lambda before, after: bool(of(before, part)) and not of(after, part)


def looks(part: str, hue: str, metal: bool | None = None) -> Test:
    """The part (or "" for most of the surface) has that colour, and is metal where that is asked."""

    def test(before: Asset, after: Asset) -> bool:
        parts = of(after, part) if part else list(after.parts)
        good = [HUES[hue](*color(each)) and metal in (None, metallic(each) > 0.5) for each in parts]
        weights = np.array([trimesh.Trimesh(each.vertices, each.faces, process=False).area for each in parts])
        return bool(parts) and float(np.dot(good, weights) / weights.sum()) > (0.5 if not part else 0.99)

    return test


def shines(part: str, on: bool) -> Test:
    """Some (or none) of the part, or of the whole, gives light."""

    def test(before: Asset, after: Asset) -> bool:
        parts = of(after, part) if part else list(after.parts)
        return any(max(each.material.emissive) > 0.01 for each in parts) == on

    return test


def changed_look(before: Asset, after: Asset) -> bool:
    """The surface is another, the shape is not."""
    old, new = ([(*color(part), part.material.roughness) for part in asset.parts] for asset in (before, after))
    textured = any(part.material.textures for part in after.parts)
    return np.allclose(extent(before.parts), extent(after.parts), rtol=1e-3) and (old != new or textured)


def turned(before: Asset, after: Asset) -> bool:
    """Width and depth changed places."""
    old, new = extent(before.parts), extent(after.parts)
    return bool(np.allclose(old[[2, 1, 0]], new, rtol=1e-3))


def halved(before: Asset, after: Asset) -> bool:
    """The longest extent is half of what it was, the others are the same."""
    old, new = extent(before.parts), extent(after.parts)
    wanted = np.where(np.arange(3) == old.argmax(), 0.5, 1.0)
    return bool(np.allclose(new / old, wanted, rtol=CLOSE))


def only_inside(box: tuple[float, ...], margin: float) -> Test:
    """Vertices outside the box and a margin around it have not moved; some inside have."""

    def test(before: Asset, after: Asset) -> bool:
        old, new = (np.concatenate([part.vertices for part in asset.parts]) for asset in (before, after))
        if len(old) != len(new):
            return False
        reach = margin * extent(before.parts).max()
        inside = ((old >= np.array(box[:3]) - reach) & (old <= np.array(box[3:]) + reach)).all(axis=1)
        moved = np.abs(new - old).max(axis=1)
        return bool(moved[~inside].max(initial=0.0) <= 1e-6 and moved[inside].max(initial=0.0) > 0.0)

    return test


HUES: dict[str, Callable[[float, float, float], bool]] = {
    "red": lambda r, g, b: r > 2 * g and r > 2 * b,
    "blue": lambda r, g, b: b > 1.3 * r and b > 1.2 * g,
    "green": lambda r, g, b: g > 1.3 * r and g > 1.3 * b,
    "gold": lambda r, g, b: r > g > 1.2 * b,
    "copper": lambda r, g, b: r > 1.1 * g and g > b,
    "silver": lambda r, g, b: min(r, g, b) > 0.4 and max(r, g, b) < 1.25 * min(r, g, b),
    "light": lambda r, g, b: min(r, g, b) > 0.3,
    "brown": lambda r, g, b: r > g > b and r < 0.5,
    "orange": lambda r, g, b: r > 1.5 * g and g > 2 * b,
}
HEAD = '{"boxes": [{"min": [-0.5, 0.55, -1], "max": [0.5, 2, 1]}]}'
CASES: tuple[Case, ...] = (
    Case("an oak chair", "make the legs 20 % longer", both(grown(Y, 1.2, "legs"), others_stay("legs", "stretchers"))),
    Case("an oak chair", "add armrests", both(has("arms"), others_stay())),
    Case("an oak chair", "seat of gold", both(looks("seat", "gold", True), others_stay("seat"))),
    Case("an oak chair", "twice as tall", grown(Y, 2.0)),
    Case("an oak chair", "make it walnut", looks("", "brown", False)),
    Case("an oak chair", "remove the stretchers", gone("stretchers")),
    Case("an oak chair", "thinner legs", thicker("legs", -1)),
    Case("an oak chair", "rotate it 90 degrees", turned),
    Case("an oak chair", "red seat and blue legs", both(looks("seat", "red"), looks("legs", "blue"))),
    Case("a stool", "give it five legs", both(counts("legs", 5), others_stay("legs", "stretchers"))),
    Case("a stool", "paint the seat red", both(looks("seat", "red"), others_stay("seat"))),
    Case("a stool", "half as tall", grown(Y, 0.5)),
    Case("a table", "top of marble", both(looks("top", "light", False), others_stay("top"))),
    Case("a table", "thicker legs", thicker("legs", 1)),
    Case("a table", "30 % wider", grown(X, 1.3)),
    Case("a table", "make it 1.2 m high", lambda before, after: bool(abs(extent(after.parts)[Y] - 1.2) < 0.024)),
    Case("a dresser", "four drawers", both(counts("drawers", 4), others_stay("drawers", "knobs"))),
    Case("a dresser", "silver knobs", both(looks("knobs", "silver", True), others_stay("knobs"))),
    Case("a bookshelf", "without books", both(gone("books"), others_stay("books"))),
    Case("a bookshelf", "25 % deeper", grown(Z, 1.25)),
    Case("a white mug", "make the handle bigger", larger("handle")),
    Case("a white mug", "two handles", counts("handle", 2)),
    Case("a white mug", "add a lid", has("lid")),
    Case("a white mug", "paint it blue", looks("body", "blue")),
    Case("a sword", "blade of gold", both(looks("blade", "gold", True), others_stay("blade"))),
    Case("a sword", "make the blade 50 % longer", grown(Y, 1.5, "blade")),
    Case("a sword", "make the blade glow", both(shines("blade", True), others_stay("blade"))),
    Case("a table lamp, glowing", "remove the glow", shines("", False)),
    Case("a table lamp", "make the shade green", both(looks("shade", "green"), others_stay("shade"))),
    Case("a lantern", "make it glow", shines("", True)),
    Case("a barrel", "eight hoops", both(counts("hoops", 8), others_stay("hoops"))),
    Case("a barrel", "hoops of copper", both(looks("hoops", "copper", True), others_stay("hoops"))),
    Case("a rocket", "five fins", both(counts("fins", 5), others_stay("fins"))),
    Case("a rocket", "blue nose", both(looks("nose", "blue"), others_stay("nose"))),
    Case("a teapot", "make the spout longer", larger("spout")),
    Case("a teapot", "green lid", looks("lid", "green")),
    Case("a car", "bigger wheels", larger("wheels")),
    Case("a car", "paint it #ff8800", looks("body", "orange")),
    Case("a truck", "eight wheels", counts("wheels", 8)),
    Case("a house", "red roof", both(looks("roof", "red"), others_stay("roof"))),
    Case("a tree", "make it 6 m tall", lambda before, after: bool(abs(extent(after.parts)[Y] - 6.0) < 0.12)),
    Case("an axe", "handle 30 % longer", larger("handle")),
    Case("a candle", "half as tall", grown(Y, 0.5)),
    Case("a crate", "more worn", changed_look),
    Case("a shield", "twelve rivets", counts("rivets", 12)),
    Case("a bed", "blue blanket", both(looks("blanket", "blue"), others_stay("blanket"))),
    Case("stool.obj", "twice as wide", grown(X, 2.0)),
    Case("stool.obj", "more worn", changed_look),
    Case("train.glb", "half as long", halved),
    Case("train.glb", "paint it red", looks("", "red")),
    Case("spot.obj", "smooth this", only_inside((-0.5, 0.55, -1, 0.5, 2, 1), 0.06), HEAD),
    Case("spot.obj", "20 % bigger", grown(Y, 1.2)),
    Case("an oak chair", "give it five legs", None),
    Case("an oak chair", "add wings", None),
    Case("an oak chair", "remove the spout", None),
    Case("an oak chair", "make it funnier", None),
    Case("a stool", "twelve legs", None),
    Case("a sword", "add a lid", None),
    Case("a white mug", "wheels of gold", None),
    Case("a barrel", "hoops of iron", None),  # they are
    Case("a table lamp", "remove the glow", None),  # it has none
    Case("spot.obj", "five legs", None),
)  # fmt: skip
