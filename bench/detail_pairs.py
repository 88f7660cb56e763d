"""Pairs of coarse and detailed surfaces over UV charts, made from the real meshes of the benches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

sys.path.insert(0, str(Path(__file__).parent))

from meshes import real

from ml.asset import F32, I32, Asset, Part, make_part
from tasks.chart_maps import ChartMaps, chart_maps
from tasks.simplify import SimplifyOptions, simplify
from tasks.topology import F64
from tasks.unwrap import UnwrapOptions, unwrap

TRAINED, HELD_OUT = ("armadillo", "cheburashka", "cow", "rocker-arm"), ("bunny", "spot")
COARSE_FACES, SMOOTHINGS, TEXELS = 6000, 4, 256


@dataclass(frozen=True)
class SurfacePair:
    """A detailed surface, and a coarse one with charts whose maps say how far off the detailed one is."""

    name: str
    points: F64
    faces: I32
    coarse: Part
    maps: ChartMaps
    residual: F32  # (TEXELS, TEXELS) metres


def surface_pairs(names: tuple[str, ...]) -> Iterator[SurfacePair]:
    """Those of the meshes named that are there."""
    for name, points, faces in real(*names):
        small = simplify(Asset((make_part(points, faces),)), SimplifyOptions(target_faces=COARSE_FACES)).parts[0]
        mesh = trimesh.Trimesh(small.vertices, small.faces, process=True)
        trimesh.smoothing.filter_laplacian(mesh, lamb=0.5, iterations=SMOOTHINGS, volume_constraint=False)
        smoothed = Asset((make_part(np.array(mesh.vertices), mesh.faces.astype(np.int32)),))
        coarse = unwrap(smoothed, UnwrapOptions(TEXELS, padding=2, method="xatlas")).parts[0]
        maps = chart_maps(coarse, TEXELS)
        yield SurfacePair(name, points, faces, coarse, maps, maps.heights(points, faces))
