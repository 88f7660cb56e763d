"""Exports what vecset shape models train on: surface points, salient points, and points with signed distances."""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, InputError
from ml.srgb import to_srgb
from tasks.array_files import npz, safetensors
from tasks.labelled_points import labels, near_points, rounded, volume_points
from tasks.outputs import OutputFile
from tasks.salient import leaning_samples, salient_samples
from tasks.sample_frame import SampleFrame, sample_frame
from tasks.sampling import Samples, curvature_samples, uniform_samples
from tasks.signed_distance import DistanceField, build_distance_field
from tasks.source_samples import SourceSamples, closest_hits
from tasks.topology import F64
from tasks.vecset_checks import check_arrays, check_signs

Arrays = dict[str, npt.NDArray[Any]]
MOST = 16_777_216
COUNT = {"min": 0, "max": MOST}


@dataclass(frozen=True)
class VecsetOptions:
    """How many points of each kind, where, and how they are stored; lengths are in units of the frame."""

    uniform: int = field(default=65_536, metadata={"min": 1, "max": MOST, "help": "points spread over the area"})
    salient: int = field(default=65_536, metadata={**COUNT, "help": "points on sharp edges"})
    rule: Literal["dihedral", "vertex-normal"] = field(
        default="dihedral", metadata={"help": "what is sharp: Dora's angle of an edge, or Hunyuan3D-2.1's of a vertex"}
    )
    angle: float = field(default=15.0, metadata={"min": 1.0, "max": 179.0, "help": "dihedral: degrees"})
    cosine: float = field(default=0.985, metadata={"min": -1.0, "max": 1.0, "help": "vertex-normal: dot product"})
    near: int = field(default=200_000, metadata={**COUNT, "help": "points near the surface, over all sigmas"})
    near_sigmas: tuple[float, ...] = field(
        default=(0.001, 0.005), metadata={"min": 0.0, "max": 1.0, "help": "their standard deviations, in turn"}
    )
    salient_near: int = field(default=100_000, metadata={**COUNT, "help": "points near the salient ones"})
    salient_near_sigmas: tuple[float, ...] = field(
        default=(0.001, 0.005, 0.007, 0.01), metadata={"min": 0.0, "max": 1.0, "help": "their standard deviations"}
    )
    volume: int = field(default=200_000, metadata={**COUNT, "help": "points uniform in the cube"})
    volume_extent: float = field(default=1.05, metadata={"min": 0.01, "max": 16.0, "help": "half that cube's side"})
    frame: Literal["cube", "sphere"] = field(default="cube", metadata={"help": "what the asset is fitted into"})
    extent: float = field(default=1.0, metadata={"min": 0.01, "max": 16.0, "help": "half its side, or its radius"})
    clip: float = field(default=0.0, metadata={"min": 0.0, "max": 1.0, "help": "cut distances at ±this; 0 does not"})
    colors: bool = field(default=True, metadata={"help": "colours of the points, where the asset has any"})
    dtype: Literal["float16", "float32"] = field(default="float32", metadata={"help": "how numbers are stored"})
    container: Literal["npz", "safetensors"] = field(default="npz", metadata={"help": "the file's format"})
    signs: float = field(
        default=0.98, metadata={"min": 0.0, "max": 1.0, "help": "share of places whose sign has to be right"}
    )
    seed: int = field(default=0, metadata={"min": 0, "max": 2**32 - 1, "help": "other numbers, other points"})

    def __post_init__(self) -> None:
        for count, sigmas in ((self.near, self.near_sigmas), (self.salient_near, self.salient_near_sigmas)):
            if count and not sigmas:
                raise ValueError("points near the surface need at least one sigma")
        if self.salient_near and not self.salient:
            raise ValueError("salient_near needs salient points")


def export_vecset(asset: Asset, stem: str, options: VecsetOptions = VecsetOptions()) -> list[OutputFile]:
    """`stem_vecset.npz` or `.safetensors` of the asset's geometry as it is: after the step `watertight` of a closed
    surface, without it of the raw mesh, whose inside is where its winding number is above one half.

    Arrays: `surface_points`, `surface_normals`, `salient_points`, `salient_normals` (k, 3), with `*_colors` (k, 3)
    sRGB bytes where the asset, or its source, has colours; `near_points`, `salient_near_points`, `volume_points`
    (k, 3) with `*_distances` (k,), negative inside; `meta`: frame, options, whether the surface is closed. Kinds
    with a count of 0 are left out, any prefix of a kind is as fair a sample as all of it, and a shape without sharp
    edges has its salient points by curvature, which `meta` says. Points depend on the geometry and the seed alone.

    Raises InputError `mesh.*`, `image.*` and, for broken invariants, what tasks/vecset_checks.py does.
    """
    frame = sample_frame(asset, options.frame, options.extent)
    vertices, faces, _ = asset.merged()
    points = frame.places(vertices)
    mesh = build_distance_field(points, faces)
    key = zlib.crc32(faces.tobytes(), zlib.crc32(points.tobytes()))
    random = np.random.default_rng([options.seed, key])
    surface = _shuffled(uniform_samples(points, faces, options.uniform, options.seed << 32 | key), random)
    salient, by_edges = _salient(points, faces, options, key)
    salient = _shuffled(salient, random) if salient else None
    signs = check_signs(mesh, surface, options.extent, options.signs)
    bounds = frame.places(asset.bounds())
    arrays: Arrays = {}
    for kind, samples in (("surface", surface), ("salient", salient)):
        if samples is not None:
            arrays |= _surface_arrays(kind, samples, bounds, options.dtype)
            arrays |= _colors(kind, asset, frame, samples) if options.colors else {}
    base = uniform_samples(points, faces, max(options.near, 1), (options.seed << 32 | key) + 1).points
    arrays |= _labelled(mesh, base, salient, options, random)
    gap = check_arrays(arrays, _counts(options), bounds)
    meta = {
        "frame": {"kind": options.frame, "extent": options.extent, **frame.record()},
        "closed": mesh.closed,
        "salient": "edges" if by_edges else "curvature",
        "options": asdict(options),
    }
    metrics = {"vecset.signs": signs, "vecset.range_gap": gap, "vecset.edges": float(by_edges)}
    data = npz(arrays, meta) if options.container == "npz" else safetensors(arrays, meta)
    return [OutputFile(f"{stem}_vecset.{options.container}", "vecset", 0, data, metrics)]


def _counts(options: VecsetOptions) -> dict[str, int]:
    """How many points of each kind there have to be."""
    near = {"near": options.near, "salient_near": options.salient_near}
    return {"surface": options.uniform, "salient": options.salient, **near, "volume": options.volume}


def _salient(points: F64, faces: I32, options: VecsetOptions, key: int) -> tuple[Samples | None, bool]:
    """The salient points, and whether they lie on sharp edges."""
    if not options.salient:
        return None, False
    given = (points, faces, options.salient)
    seed = options.seed << 32 | key
    try:
        if options.rule == "dihedral":
            return salient_samples(*given, options.angle, seed), True
        return leaning_samples(*given, options.cosine, seed), True
    except InputError as error:
        if error.code != "sampling.no-sharp-edges":
            raise
    return curvature_samples(*given, seed, share=1.0), False


def _shuffled(samples: Samples, random: np.random.Generator) -> Samples:
    order = random.permutation(len(samples.points))
    return Samples(samples.points[order], samples.normals[order], samples.faces[order], samples.barycentric[order])


def _surface_arrays(kind: str, samples: Samples, bounds: F64, dtype: str) -> Arrays:
    """Points inside the mesh's box and unit normals, as they are stored."""
    points = rounded(samples.points, dtype, bounds[0], bounds[1])
    return {f"{kind}_points": points, f"{kind}_normals": rounded(samples.normals, dtype)}


def _colors(kind: str, asset: Asset, frame: SampleFrame, samples: Samples) -> Arrays:
    """sRGB bytes from the asset's own materials, or from its source's where its geometry was replaced."""
    shown = asset.source or asset
    materials = [part.material for part in shown.parts if len(part.faces)]
    plain = len({material.base_color for material in materials}) == 1
    if plain and not any(m.base_color_texture for m in materials) and all(p.colors is None for p in shown.parts):
        return {}
    if asset.source is None:
        hits = SourceSamples(asset).hits(samples.faces, samples.barycentric)
    else:
        hits = closest_hits(shown, frame.metres(samples.points), samples.normals)
    linear = np.clip(SourceSamples(shown).base_color(hits)[:, :3], 0.0, 1.0)
    colors: U8 = np.rint(to_srgb(linear) * 255.0).astype(np.uint8)
    return {f"{kind}_colors": colors}


def _labelled(
    mesh: DistanceField, base: F32, salient: Samples | None, options: VecsetOptions, random: np.random.Generator
) -> Arrays:
    """Near, salient near and volume points with their distances, all asked at once: the search sorts them anyway."""
    drawn: dict[str, F64] = {}
    if options.near:
        drawn["near"] = near_points(base, options.near, options.near_sigmas, random)
    if options.salient_near and salient is not None:
        sigmas = options.salient_near_sigmas
        drawn["salient_near"] = near_points(salient.points, options.salient_near, sigmas, random)
    if options.volume:
        drawn["volume"] = volume_points(options.volume, options.volume_extent, random)
    if not drawn:
        return {}
    limit = {"volume": options.volume_extent}
    points = {k: rounded(v, options.dtype, -limit.get(k, np.inf), limit.get(k, np.inf)) for k, v in drawn.items()}
    distances = labels(mesh, np.concatenate(list(points.values())), options.clip)
    ends = np.cumsum([len(each) for each in points.values()])[:-1]
    arrays: Arrays = {}
    for (kind, each), distance in zip(points.items(), np.split(distances, ends), strict=True):
        arrays |= {f"{kind}_points": each, f"{kind}_distances": distance}
    return arrays
