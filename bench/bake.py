"""Baking a 905k-face source onto 20k faces: stages beside Embree, scipy and Pillow; occlusion's error; the look."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import generated
from peer import peer
from timing import cpu_of

from ml.asset import Asset, Material, Texture, make_part
from ml.normals import vertex_normals
from tasks import ambient_occlusion as ao
from tasks.bake import BakeOptions, Baker, _baker, bake, base_color, normal_map, surface_maps
from tasks.bake_canvas import make_atlas
from tasks.camera import orbit
from tasks.gutter import nearest_covered
from tasks.ray_tree import build_ray_tree
from tasks.render import render
from tasks.simplify import decimate
from tasks.source_samples import FACING_PENALTY, SourceSamples
from tasks.texel_projection import CAGE, project
from tasks.texel_raster import interpolate, rasterize
from tasks.unwrap import UnwrapOptions, unwrap

SIZE, LOW = 2048, 20_000
PROBES, RAYS, TRUTH = 6_000, 64, 1_024
CACHE = Path(__file__).parents[1] / "build" / "bench-meshes" / "knot-20k-unwrapped.npz"


def measure() -> Iterator[Figure]:
    """The whole bake, its stages, occlusion, encoding, memory and the look."""
    yield from whole()
    yield from stages()
    yield from occlusion()
    yield from encoding()
    yield from look()
    yield Figure("peak memory of a process that bakes 4096 maps with occlusion", memory(), "MB", 1_500.0)


@cache
def fixture() -> Asset:
    """The 905k-face knot with a JPEG of colours and a PNG of roughness and metallic, under its 20k-face self."""
    points, faces = generated("1M")
    around = np.arctan2(points[:, 0], points[:, 1]) / (2 * np.pi) + 0.5
    uv = np.stack([around, points[:, 2] / 2 + 0.5], axis=1).astype(np.float32)
    colors, surface = Texture.from_photo(clouds(0, 0.6)), Texture.from_pixels(clouds(9, 0.5))
    material = Material(
        base_color=(1, 1, 1, 1), metallic=1, roughness=1, base_color_texture=colors, metallic_roughness_texture=surface
    )
    return replace(low(), source=Asset((make_part(points, faces, material, uv=uv),)))


def low() -> Asset:
    """20k faces with an atlas, kept: decimating and unwrapping are measured elsewhere."""
    if not CACHE.exists():
        points, faces = generated("1M")
        vertices, kept = decimate(points.astype(np.float32), faces, LOW)
        part = unwrap(Asset((make_part(vertices, kept),)), UnwrapOptions(SIZE, when="always")).parts[0]
        np.savez(CACHE, vertices=part.vertices, faces=part.faces, uv=part.uv, normals=part.normals)
    with np.load(CACHE) as kept_:
        return Asset((make_part(kept_["vertices"], kept_["faces"], uv=kept_["uv"], normals=kept_["normals"]),))


def clouds(seed: int, rough: float) -> Any:
    """(SIZE, SIZE, 3) uint8 noise of all scales, as painted and scanned maps have it."""
    total, weight = np.zeros((SIZE, SIZE, 3), np.float32), 1.0
    for octave in range(2, 12):
        rng = np.random.default_rng(seed * 100 + octave)
        for channel in range(3):
            grid = Image.fromarray(rng.normal(size=(2**octave, 2**octave)).astype(np.float32))
            total[..., channel] += weight * np.asarray(grid.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        weight *= rough
    return ((total - total.min()) / np.ptp(total) * 255).astype(np.uint8)


def whole() -> Iterator[Figure]:
    """Base colour, normals, roughness and metallic as PNG bytes; then the same with occlusion."""
    asset = fixture()
    plain, made = cpu_of(lambda: bake(asset, BakeOptions(SIZE)))
    occluded, _ = cpu_of(lambda: bake(asset, BakeOptions(SIZE, ambient_occlusion=1.0)))
    assert len(made.parts[0].material.textures) == 3
    yield Figure("2048 albedo, normal, roughness and metallic, all stages", plain, "CPU-s", 1.5)
    yield Figure("2048 ambient occlusion on top", occluded - plain, "CPU-s", 1.5)
    photo, _ = cpu_of(lambda: bake(asset, BakeOptions(SIZE, color_format="jpeg")))
    yield Figure("2048 with the base colour as JPEG", photo, "CPU-s")
    for size in (1024, 4096):
        options = BakeOptions(size)
        seconds = cpu_of(lambda: bake(asset, options), 3)[0]  # noqa: B023
        yield Figure(f"{size} albedo, normal, roughness and metallic", seconds, "CPU-s")


def stages() -> Iterator[Figure]:
    """What the parts of the bake cost."""
    asset = fixture()
    part, samples = asset.parts[0], SourceSamples(asset.source or asset)
    vertices, faces, _ = samples.merged
    seconds, (face, _) = cpu_of(lambda: rasterize(part.uv, part.faces, SIZE))
    yield Figure("stage: raster", seconds, "CPU-s")
    yield from gutter(face >= 0)
    atlas, _ = make_atlas(part, SIZE)
    where = part, atlas.face, atlas.barycentric
    rays, found = cpu_of(lambda: project(*where, build_ray_tree(vertices, faces), vertices, faces, FACING_PENALTY))
    diagonal = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    texels = interpolate(part.vertices, part.faces, atlas.face, atlas.barycentric)
    normals = interpolate(vertex_normals(part.vertices, part.faces), part.faces, atlas.face, atlas.barycentric)
    given = {"points": vertices, "faces": faces, "texels": texels, "normals": normals, "reach": CAGE * diagonal}
    embree = peer("bake.cage", given)
    yield Figure("stage: rays, hierarchy included", rays, "CPU-s", peer="Embree cage rays", peer_value=embree.cpu)
    yield Figure("rays that meet nothing", found.missed / len(atlas.face), "of texels")
    used = [part.material for part in samples.source.parts]
    work = {
        "base colour, its decoding and encoding": lambda baker: base_color(baker, used, False),
        "roughness and metallic, the same": lambda baker: surface_maps(baker, used),
        "normals, encoding included": normal_map,
    }
    for name, paint in work.items():
        seconds = cpu_of(lambda: paint(replace(baker(), samples=SourceSamples(samples.source))))[0]  # noqa: B023
        yield Figure(f"stage: {name}", seconds, "CPU-s")


@cache
def baker() -> Baker:
    """The fixture's texels, and the source's hierarchy for rays."""
    asset = fixture()
    return _baker(asset.parts[0], SourceSamples(asset.source or asset), BakeOptions(SIZE, ambient_occlusion=1.0))


def gutter(covered: Any) -> Iterator[Figure]:
    """The nearest covered texel of every other."""
    seconds, ours = cpu_of(lambda: nearest_covered(covered))
    reply = peer("bake.nearest", {"covered": covered})
    y, x = np.indices(covered.shape)
    away = np.hypot(ours // SIZE - y, ours % SIZE - x)
    theirs = np.hypot(reply.arrays["nearest"][0] - y, reply.arrays["nearest"][1] - x)
    yield Figure("stage: gutter", seconds, "CPU-s", peer="scipy", peer_value=reply.cpu)
    yield Figure("gutter: farther than the nearest texel", float((away - theirs).max()), "texels", 1e-9)


def occlusion() -> Iterator[Figure]:
    """Error against 1,024 rays, ours beside 64 rays a texel, and what those cost in Embree."""
    made = baker()
    vertices, faces, _ = made.samples.merged
    chosen = np.sort(np.random.default_rng(1).choice(len(made.canvas.texel), PROBES, replace=False))
    mesh, shading, tree, reach = (vertices, faces), made.normals.smooth, made.tree, 10.0
    assert tree is not None
    values = ao.ambient_occlusion(tree, mesh, made.found, shading, made.canvas.texel, SIZE, reach)[chosen]
    spots = ao.places(tree, mesh, made.found.rows(chosen), shading)
    truth = ao.openness(tree, spots, np.zeros(PROBES, np.int32), TRUTH, reach)
    even = ao.openness(tree, spots, np.zeros(PROBES, np.int32), RAYS, reach)
    texels = spots.points / tree.scale + tree.centre
    given = {"points": vertices, "faces": faces, "texels": texels, "normals": spots.normals}
    reply = peer("bake.occlusion", given, rays=RAYS)

    def error(found: Any) -> float:
        return float(np.sqrt(np.mean((found - truth) ** 2)))

    theirs = error(reply.arrays["free"])
    name = "occlusion: RMS error against 1,024 rays"
    yield Figure(name, error(values), "of white", theirs, peer="Embree, 64 rays", peer_value=theirs)
    yield Figure("occlusion: error of 64 evenly spread rays a texel", error(even), "of white")
    yield Figure("occlusion: Embree, 64 rays each at scattered texels", reply.cpu / PROBES * 1e6, "µs a texel")


def encoding() -> Iterator[Figure]:
    """A 2048² RGB map as PNG beside Pillow's levels."""
    pixels = clouds(0, 0.6)
    ours, texture = cpu_of(lambda: Texture.from_pixels(pixels))
    for level in (1, 4, 6):
        buffer = io.BytesIO()

        def save() -> None:
            buffer.seek(0)  # noqa: B023
            Image.fromarray(pixels).save(buffer, "PNG", compress_level=level)  # noqa: B023

        seconds, _ = cpu_of(save)
        name = f"Pillow level {level}"
        yield Figure("PNG of a 2048² map", ours, "CPU-s", peer=name, peer_value=seconds)
        size, theirs = len(texture.data) / 1e6, buffer.tell() / 1e6
        yield Figure("PNG of a 2048² map: size", size, "MB", peer=name, peer_value=theirs)


def look() -> Iterator[Figure]:
    """Mean difference of shaded pixels from the source, with the normal map and without."""
    asset = fixture()
    grey = Material(base_color=(0.6, 0.6, 0.6, 1), roughness=0.6)
    source = Asset(tuple(replace(part, material=grey, uv=None) for part in (asset.source or asset).parts))
    bare = replace(asset, parts=tuple(replace(part, material=grey) for part in asset.parts), source=source)
    made = bake(bare, BakeOptions(SIZE, ("normal",)))
    mapped = replace(grey, normal_texture=made.parts[0].material.normal_texture)
    dressed = replace(made, parts=tuple(replace(part, material=mapped) for part in made.parts))
    away: dict[str, list[float]] = {"dressed": [], "bare": []}
    for azimuth in (20.0, 140.0, 260.0):
        camera = orbit(source.bounds(), azimuth=azimuth, elevation=20.0)
        high = render(source, camera, 512)
        for name, shown in (("dressed", dressed), ("bare", bare)):
            picture = render(shown, camera, 512)
            both = high.mask & picture.mask
            away[name].append(float(np.abs(high.color[both, :3].astype(int) - picture.color[both, :3]).mean()) / 255)
    yield Figure(
        "shading difference from the source with the normal map", float(np.mean(away["dressed"])), "of white",
        peer="the same mesh without it", peer_value=float(np.mean(away["bare"])),
    )  # fmt: skip


def memory() -> float:
    """MB of resident memory at its peak in a process that holds the source and bakes 4096 maps with occlusion."""
    script = (
        "import sys; sys.path.insert(0, 'bench'); import resource, bake as b\n"
        "b.bake(b.fixture(), b.BakeOptions(4096, ambient_occlusion=1.0))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main(measure, __doc__ or "")
