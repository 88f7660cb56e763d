"""The assets that every export is proved on: the quickstart's, real meshes through import-optimise, synthetic ones."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import trimesh
from meshes import REAL
from PIL import Image

from flows.binding import bind
from flows.catalogue import catalogue
from manifests.readers import read_manifest
from manifests.recipe import Recipe, load_recipe
from manifests.row import InvalidRow, Row
from ml.asset import Asset, InputError, Material, Part, Provenance, Texture, make_part
from ml.generators.protocol import Refusal
from ml.generators.registry import build_generator
from tasks.chain import Plan
from tasks.steps import STEPS

ROOT = Path(__file__).parents[2]
SEED = 0


@dataclass(frozen=True)
class Source:
    """One asset to be made: `make` gives it, or raises InputError with the reason why there is none."""

    name: str
    kind: str  # quickstart, real, synthetic
    make: Callable[[], Asset]


def sources(folder: Path) -> Iterator[Source]:
    """All of the corpus; `folder` takes the manifest of the real meshes."""
    yield from from_manifest(ROOT / "manifests/examples/quickstart.csv", "game-ready", "quickstart")
    files = sorted(p for p in REAL.glob("*") if p.suffix.lower() in (".obj", ".ply", ".stl", ".glb"))
    if files:
        manifest = folder / "real.csv"
        with manifest.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerows([("id", "mesh", "title", "license"), *((p.stem, p, p.stem, "CC-BY-4.0") for p in files)])
        yield from from_manifest(manifest, "import-optimise", "real")
    for name, make in SYNTHETIC.items():
        yield Source(name, "synthetic", make)


def from_manifest(manifest: Path, recipe_name: str, kind: str) -> Iterator[Source]:
    """The rows of a manifest through a recipe's steps, as a run does it, with the asset kept in memory."""
    recipe = load_recipe(recipe_name, catalogue())
    for row in read_manifest(str(manifest), [str(REAL), str(manifest.parent)]):
        assert not isinstance(row, InvalidRow), row
        yield Source(row.id, kind, partial(made, row, recipe))


def made(row: Row, recipe: Recipe) -> Asset:
    """Generate a row's raw mesh and run the recipe's steps on it; a generator's refusal becomes an InputError."""
    bound = bind(row, recipe, SEED)
    raw = build_generator(bound.generator, bound.options).generate([bound.request])[0]
    if isinstance(raw, Refusal):
        raise InputError(raw.code, raw.message)
    return finished(raw, bound.plan)


def finished(asset: Asset, plan: Plan) -> Asset:
    """The asset after all steps of a plan."""
    for name, options in plan.steps:
        asset = STEPS[name][0](asset, options)
    return asset


def noise(seed: int, size: int = 64, channels: int = 3, kind: str = "PNG") -> Texture:
    """A smooth random map, not the same in any two channels."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 226, (8, 8, channels), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((size, size), Image.Resampling.BICUBIC).save(buffer, kind)
    return Texture(buffer.getvalue(), "image/png" if kind == "PNG" else "image/jpeg", f"noise{seed}")


def bumps(seed: int, size: int = 64) -> Texture:
    """A tangent-space normal map of gentle bumps."""
    y, x = np.mgrid[0:size, 0:size] * (2 * np.pi / size)
    slope = np.stack([0.3 * np.cos(3 * x + seed), 0.3 * np.cos(2 * y), np.ones_like(x)], axis=-1)
    slope /= np.linalg.norm(slope, axis=-1, keepdims=True)
    return Texture.from_pixels(np.rint(slope * 127.5 + 127.5).astype(np.uint8), f"bumps{seed}")


def every_map(name: str = "all", **changes: object) -> Material:
    """A material with each of the five maps and no factor at its default."""
    packed = noise(2)
    material = Material(
        name, (1.0, 0.9, 0.8, 1.0), 0.5, 0.9, (0.5, 0.4, 0.3), noise(1), packed, bumps(3), packed, noise(4),
        normal_scale=0.8, occlusion_strength=0.7,
    )  # fmt: skip
    return replace(material, **changes)  # type: ignore[arg-type]


def body(
    name: str, material: Material, at: tuple[float, float, float] = (0, 0, 0), level: int = 2, **more: object
) -> Part:
    """A lopsided ball, so that a mirrored or turned copy is not the same; UVs with a seam that is cut open."""
    mesh = trimesh.creation.uv_sphere(0.5, count=(8 * level, 16 * level))
    points = np.asarray(mesh.vertices)[:, [0, 2, 1]] * [1.0, 1.3, 0.8] + 0.1 * np.asarray(mesh.vertices)[:, [2, 1, 0]]
    faces = np.asarray(mesh.faces)[:, ::-1]
    corners = points[faces.reshape(-1)]
    angle = np.arctan2(corners[:, 0], corners[:, 2]).reshape(-1, 3) / (2 * np.pi) + 0.5
    angle += (angle < angle.max(axis=1, keepdims=True) - 0.5) * 1.0
    uv = np.stack([0.5 * angle.reshape(-1), 0.95 - (corners[:, 1] + 0.7) / 1.6], axis=1).astype(np.float32)
    rows, inverse = np.unique(np.c_[corners, uv].astype(np.float32), axis=0, return_inverse=True)
    return make_part(
        rows[:, :3] + np.array(at), inverse.reshape(-1, 3), material, name=name, uv=rows[:, 3:].copy(), **more
    )


def box(at: float, name: str) -> Part:
    """A closed convex collision body."""
    mesh = trimesh.creation.box((1.2, 1.4, 1.0))
    return make_part(np.asarray(mesh.vertices) + np.array([at, 0, 0]), mesh.faces, name=name)


def provenance() -> Provenance:
    """Every field filled, with letters outside ASCII and a quote."""
    return Provenance(
        "Brauner Stuhl “Ä”", "Werkstatt é", "© 2026 Werkstatt", "CC-BY-4.0", "procedural/1", True, 'a "brown" chair', 7
    )


def leveled(sizes: tuple[int, ...] = (4, 2, 1)) -> Asset:
    """A level for each of the sizes, two collision bodies, a second UV set, provenance."""
    plain = Material("plain")
    parts = [(body("hull", every_map(), level=k), body("ball", plain, (1.5, 0, 0), k)) for k in sizes]
    top = tuple(replace(part, uv1=part.uv) for part in parts[0])
    lower = tuple(Asset(level, "leveled") for level in parts[1:])
    return Asset(top, "leveled", lower, (box(0, "a"), box(1.5, "b")), provenance())


def colored() -> Asset:
    """Vertex colours and no map."""
    part = body("painted", Material("paint", (1.0, 1.0, 1.0, 1.0)))
    ramp = np.linspace(0, 255, len(part.vertices)).astype(np.uint8)
    colors = np.stack([ramp, 255 - ramp, ramp // 2, np.full_like(ramp, 255)], axis=1)
    return Asset((replace(part, colors=colors),), "colored")


def alphas() -> Asset:
    """One part for each alpha mode, one seen from both sides."""
    holes = noise(5, channels=4)
    return Asset(
        (
            body("cut", Material("cut", base_color_texture=holes, alpha_mode="MASK", double_sided=True)),
            body("glass", Material("glass", (0.6, 0.8, 1.0, 0.3), roughness=0.1, alpha_mode="BLEND"), (1.3, 0, 0)),
            body("veil", Material("veil", base_color_texture=holes, alpha_mode="BLEND"), (2.6, 0, 0)),
        ),
        "alphas",
    )  # fmt: skip


def many() -> Asset:
    """200 parts with 20 materials, half of them of one name."""
    shades = [Material(f"m{k // 2}", (k / 20, 0.5, 1 - k / 20, 1.0), k % 2, k / 20) for k in range(20)]
    return Asset(tuple(body(f"p{k // 2}", shades[k % 20], (k % 15, 0, k // 15), 1) for k in range(200)), "many")


def large() -> Asset:
    """More vertices than 16-bit indices count."""
    return Asset((body("large", every_map(), level=17),), "large")


SYNTHETIC: dict[str, Callable[[], Asset]] = {
    "all-maps": lambda: Asset(
        (body("hull", every_map()), body("knob", every_map("knob"), (0.2, 1.2, 0.3), 1)), "all-maps"
    ),
    "jpeg-maps": lambda: Asset((body("hull", Material("j", base_color_texture=noise(6, kind="JPEG"))),), "jpeg-maps"),
    "alphas": alphas,
    "names": lambda: Asset(
        (body("Стул №1/\"a\"", every_map("дерево")), body("椅子 b", Material("木 1"), (1.3, 0, 0))), "Ä b"
    ),
    "leveled": leveled,
    "colored": colored,
    "many": many,
    "large": large,
    "tiny": lambda: scaled(Asset((body("grain", every_map()),), "tiny"), 1e-3),
    "huge": lambda: scaled(Asset((body("tower", every_map()),), "huge"), 200.0),
    "one-face": lambda: Asset((make_part([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], name="face"),), "one-face"),
}  # fmt: skip


def scaled(asset: Asset, factor: float) -> Asset:
    """The asset `factor` times as large."""
    return replace(
        asset, parts=tuple(replace(part, vertices=part.vertices * np.float32(factor)) for part in asset.parts)
    )
