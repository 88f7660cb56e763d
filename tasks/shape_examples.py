"""Makes the shape model's training example of an asset: points with normals and looks, distances, views, sketches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.alignment.tokens import tokenize
from ml.asset import U8, Asset, InputError, Part
from ml.plane_field import REACH
from ml.shapes.example import EDGES, F16, NEAR, SIDE, SURFACE, THINNEST, VIEWS, VOLUME, ShapeExample
from ml.srgb import to_srgb
from tasks.labelled_points import near_points, rounded, volume_points
from tasks.outer_surface import OuterSurface, outer_surface
from tasks.salient import salient_samples
from tasks.sampling import Samples, uniform_samples
from tasks.shape_pictures import drawn_light, pictures_and_sketches
from tasks.solid_distance import solid_distance
from tasks.source_samples import Hits, SourceSamples, closest_hits
from tasks.topology import F64

SIGMAS = (0.005, 0.02, 0.06)  # of the near queries, isotropic: a 200th, a 50th and a 17th of the longest half side
AROUND = ((0.0, 10.0), (90.0, 10.0), (180.0, 10.0), (270.0, 10.0))  # azimuth and elevation: front, right, back, left
WIDEST, HIGHEST = 70.0, 40.0  # of the seeded views: azimuth either way, and elevation from 0


@dataclass(frozen=True)
class Box:
    """The asset's box: p_iso = (metres − centre) / reach, p_box = p_iso / extents."""

    centre: F64  # (3,) metres
    reach: float  # half the longest side, metres
    extents: F64  # (3,) half sides over `reach`, each at least THINNEST


def box_of(bounds: F64) -> Box:
    """The box of (2, 3) corners in metres; raises InputError `mesh.no-area` where both are one point."""
    half = np.ptp(bounds, axis=0) / 2.0
    reach = float(half.max())
    if not reach > 0.0:
        raise InputError("mesh.no-area", "all faces lie in one point")
    return Box(bounds.mean(axis=0), reach, np.maximum(half / reach, THINNEST))


def shape_example(asset: Asset, category: str, captions: tuple[str, str, str], seed: int) -> ShapeExample:
    """The example of an asset whose parts are closed; what is random in it follows from `seed` alone.

    Where its geometry was replaced, by `watertight` for one, it looks as its source does. 45 CPU-ms. Raises InputError
    as `outer_surface` and `render_views` do, and `image.*` of its maps.
    """
    random = np.random.default_rng([seed, 6])
    surface = outer_surface(asset)
    box = box_of(asset.bounds())
    points = (surface.vertices - box.centre) / box.reach
    drawn = [int(each) for each in random.integers(2**62, size=3)]
    spread = _shuffled(uniform_samples(points, surface.faces, SURFACE, drawn[0]), random)
    edges = _edges(points, surface, drawn[1], random)
    base = uniform_samples(points, surface.faces, NEAR, drawn[2]).points
    queries, distances = _queries(points, surface, base, box.extents.astype(np.float32), random)
    directions = _directions(random)
    ways = [(float(azimuth), float(elevation)) for azimuth, elevation in directions]
    pictures, sketches = pictures_and_sketches(asset.source or asset, SIDE, ways, drawn_light(random))
    return ShapeExample(
        category=category,
        captions=captions,
        seed=seed,
        tokens=tokenize(captions),
        extents=box.extents.astype(np.float32),
        surface=_boxed(spread.points, box),
        surface_normals=spread.normals.astype(np.float16),
        surface_looks=_looks(asset, surface, box, spread),
        edges=_boxed(edges.points, box),
        edge_normals=edges.normals.astype(np.float16),
        queries=queries,
        distances=distances,
        pictures=pictures,
        directions=directions,
        sketches=sketches,
    )


def _shuffled(samples: Samples, random: np.random.Generator) -> Samples:
    """In another order, so that any prefix is as fair a sample as all of it."""
    order = random.permutation(len(samples.points))
    return Samples(samples.points[order], samples.normals[order], samples.faces[order], samples.barycentric[order])


def _edges(points: F64, surface: OuterSurface, seed: int, random: np.random.Generator) -> Samples:
    try:
        return _shuffled(salient_samples(points, surface.faces, EDGES, seed=seed), random)
    except InputError as error:
        if error.code != "sampling.no-sharp-edges":
            raise
    return _shuffled(uniform_samples(points, surface.faces, EDGES, seed), random)


def _boxed(points: npt.ArrayLike, box: Box) -> F16:
    """Isotropic points in the box frame; rounding moves none out of the box."""
    return rounded(np.asarray(points, np.float64) / box.extents, "float16", -1.0, 1.0).astype(np.float16)


def _queries(
    points: F64,
    surface: OuterSurface,
    base: npt.NDArray[np.float32],
    extents: npt.NDArray[np.float32],
    random: np.random.Generator,
) -> tuple[F16, F16]:
    """The queries in the box frame and the signed distance of each as it is rounded, isotropic."""
    near = near_points(base, NEAR, SIGMAS, random) / extents
    drawn = np.concatenate([near, volume_points(VOLUME, REACH, random)])
    queries = drawn.astype(np.float16)
    distances = solid_distance(points, surface.faces, queries.astype(np.float64) * extents)
    return queries, distances.astype(np.float16)


def _looks(asset: Asset, surface: OuterSurface, box: Box, samples: Samples) -> U8:
    """(k, 8) sRGB albedo, roughness, metallic and sRGB emission: of the source where the asset's own went into it."""
    shown = asset.source or asset
    if shown is asset and all(_plain(part) for part in asset.parts):
        nowhere = np.zeros(len(samples.faces), np.int32), np.zeros((len(samples.faces), 3), np.float32)
        hits = Hits(surface.owner[samples.faces], *nowhere)
    else:
        hits = closest_hits(shown, samples.points * box.reach + box.centre, samples.normals)
    source = SourceSamples(shown)
    looks = np.empty((len(samples.faces), 8), np.float64)
    looks[:, :3] = to_srgb(np.clip(source.base_color(hits)[:, :3], 0.0, 1.0))
    looks[:, 3:5] = np.clip(source.surface(hits)[:, 1:], 0.0, 1.0)
    looks[:, 5:] = to_srgb(np.clip(source.emissive(hits), 0.0, 1.0))
    return np.rint(looks * 255.0).astype(np.uint8)


def _plain(part: Part) -> bool:
    """Whether a part looks the same everywhere."""
    return not part.material.textures and part.material.looks is None and part.colors is None


def _directions(random: np.random.Generator) -> npt.NDArray[np.float32]:
    """(VIEWS, 2) degrees: all around, then seeded ones from the front."""
    seeded = random.uniform((-WIDEST, 0.0), (WIDEST, HIGHEST), (VIEWS - len(AROUND), 2))
    return np.concatenate([np.array(AROUND), seeded]).astype(np.float32)
