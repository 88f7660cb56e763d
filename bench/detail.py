"""The detail step on held-out meshes: its error on the charts, how rough it makes a surface, and what it costs.

Weights by bench/detail_training.py. No peer: no published program draws residuals over charts on a CPU.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import trimesh

sys.path.insert(0, str(Path(__file__).parent))

from detail_pairs import HELD_OUT, TEXELS, SurfacePair, surface_pairs
from figures import Figure, main

from ml.asset import F32, Asset
from ml.residual.field import fit_field
from ml.residual.network import draw_residual, shipped_weights
from ml.residual.train import normalised
from tasks.bvh import build_bvh, closest_point
from tasks.chart_maps import ChartMaps, chart_maps
from tasks.detail import DetailOptions, detail
from tasks.normal_gradient import summed_normals, unit
from tasks.topology import F64

DRAWS = 4
REACH = 3  # texels: a surface's roughness is how its normals differ from their mean this far around


def measure() -> Iterator[Figure]:
    """Held-out pairs, then the cost of a point on meshes of three sizes."""
    detail(Asset((next(surface_pairs(HELD_OUT)).coarse,)), DetailOptions(texels=TEXELS))  # compiled
    for pair in surface_pairs(HELD_OUT):
        yield from panel(pair)
        yield from surface(pair)
    yield from costs()


def panel(pair: SurfacePair) -> Iterator[Figure]:
    """L2 over the charts, in units of the true relief: 1 is what the coarse surface alone is off."""
    conditions, mask = pair.maps.conditions(), pair.maps.mask > 0.0
    truth = normalised(conditions, pair.residual)[1]
    drawn = [draw_residual(shipped_weights(), conditions, seed) for seed in range(DRAWS)]
    yield Figure(f"{pair.name}: panel L2, coarse surface alone", l2(truth, mask), "of the relief")
    yield Figure(f"{pair.name}: panel L2, one draw", l2(drawn[0] - truth, mask), "of the relief")
    mean = np.mean(drawn, axis=0)
    yield Figure(f"{pair.name}: panel L2, mean of {DRAWS} draws", l2(mean - truth, mask), "of the relief", 1.0)
    share = float((mean * truth)[mask].sum() / max(float((mean**2)[mask].sum()), 1e-9))
    best = l2(share * mean - truth, mask)
    yield Figure(f"{pair.name}: panel L2, that at its best height ({share:.2f})", best, "of the relief", 1.0)
    field = fit_field(drawn[0], pair.maps.mask)
    row, column = np.nonzero(mask)
    uv = np.stack([(column + 0.5) / TEXELS, (row + 0.5) / TEXELS], axis=1).astype(np.float32)
    apart = float(np.sqrt(np.mean((field.values(uv) - drawn[0][mask]) ** 2)))
    yield Figure(f"{pair.name}: hash grid against the map it holds", apart / l2(drawn[0], mask), "of its size", 0.1)


def surface(pair: SurfacePair) -> Iterator[Figure]:
    """Statistics of normals before and after, beside the detailed surface's, and the step's cost."""
    mask = pair.maps.mask > 0.0
    side = float(np.ptp(pair.coarse.vertices, axis=0).max())
    amount = float(np.sqrt(np.mean(pair.residual[mask] ** 2))) / side
    began = time.process_time()
    made = detail(Asset((pair.coarse,)), DetailOptions(amount=min(amount, 0.02), texels=TEXELS))
    seconds = time.process_time() - began
    after = chart_maps(made.parts[0], TEXELS)
    detailed = replace(pair.maps, normals=detailed_normals(pair))
    true = roughness(detailed)
    yield Figure(f"{pair.name}: normals off their surroundings, coarse", roughness(pair.maps), "degrees")
    yield Figure(f"{pair.name}: normals off their surroundings, refined", roughness(after), "degrees")
    yield Figure(f"{pair.name}: normals off their surroundings, detailed", true, "degrees")
    yield Figure(f"{pair.name}: normals off the detailed surface's, coarse", turned(pair.maps, detailed), "degrees")
    yield Figure(f"{pair.name}: normals off the detailed surface's, refined", turned(after, detailed), "degrees")
    yield Figure(f"{pair.name}: farthest move", made.metrics["detail.most_percent"], "% of the side", 5.0)
    yield Figure(f"{pair.name}: step, {len(pair.coarse.faces)} to {made.face_count} faces", seconds, "CPU-s")


def l2(values: F32, mask: np.ndarray) -> float:
    """Root mean square within a mask."""
    return float(np.sqrt(np.mean(values[mask].astype(np.float64) ** 2)))


def roughness(maps: ChartMaps) -> float:
    """Mean angle in degrees between normals and the mean of those REACH texels around."""
    total = np.zeros_like(maps.normals)
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            total += np.roll(maps.normals, (dy, dx), (0, 1))
    on = maps.mask > 0.0
    cosine = (unit(total[on]) * maps.normals[on]).sum(axis=1)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean())


def turned(maps: ChartMaps, others: ChartMaps) -> float:
    """Mean angle in degrees between the normals of two surfaces over the same charts."""
    on = (maps.mask > 0.0) & (others.mask > 0.0)
    cosine = (maps.normals[on] * others.normals[on]).sum(axis=1)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean())


def detailed_normals(pair: SurfacePair) -> F64:
    """Normals of the detailed surface where each texel's closest place on it is."""
    on, normals = pair.maps.mask > 0.0, np.zeros_like(pair.maps.normals)
    face, weights, _ = closest_point(build_bvh(pair.points, pair.faces), pair.maps.places[on].astype(np.float32))
    corners = unit(summed_normals(pair.points, pair.faces))[pair.faces[face]]
    normals[on] = unit(np.einsum("ik,ikd->id", weights.astype(np.float64), corners))
    return normals


def costs() -> Iterator[Figure]:
    """Nanoseconds a point, of the field and of the closest place on the mesh itself, as meshes grow."""
    random = np.random.default_rng(0)
    uv = random.random((1_000_000, 2)).astype(np.float32)
    for level in (4, 6, 7):
        mesh = trimesh.creation.icosphere(level)
        tree = build_bvh(np.array(mesh.vertices), mesh.faces.astype(np.int32))
        relief = random.standard_normal((TEXELS, TEXELS)).astype(np.float32)
        field = fit_field(relief, np.ones_like(relief))
        ours = nanoseconds(partial(field.values, uv), len(uv))
        spots = unit(random.standard_normal((100_000, 3))).astype(np.float32)
        theirs = nanoseconds(partial(closest_point, tree, spots), len(spots))
        name = f"relief at a point, mesh of {len(mesh.faces)} faces"
        yield Figure(name, ours, "ns", peer="closest place on the mesh", peer_value=theirs)


def nanoseconds(work: Callable[[], object], count: int) -> float:
    """CPU time a point, the best of three."""
    best = np.inf
    for _ in range(3):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / count * 1e9


if __name__ == "__main__":
    main(measure, __doc__ or "")
