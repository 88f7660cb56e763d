"""The one place where steps are listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml.asset import Asset
from tasks.bake import BakeOptions, bake
from tasks.clean import CleanOptions, clean
from tasks.lods import LodOptions, lods
from tasks.orient import OrientOptions, orient
from tasks.scale import ScaleOptions, scale
from tasks.simplify import SimplifyOptions, simplify
from tasks.unwrap import UnwrapOptions, unwrap
from tasks.vertex_bake import VertexBakeOptions, vertex_bake
from tasks.watertight import WatertightOptions, watertight

Step = Callable[[Asset, Any], Asset]

STEPS: dict[str, tuple[Step, type[Any]]] = {
    "clean": (clean, CleanOptions),
    "orient": (orient, OrientOptions),
    "scale": (scale, ScaleOptions),
    "watertight": (watertight, WatertightOptions),
    "simplify": (simplify, SimplifyOptions),
    "unwrap": (unwrap, UnwrapOptions),
    "bake": (bake, BakeOptions),
    "vertex_bake": (vertex_bake, VertexBakeOptions),
    "lods": (lods, LodOptions),
}
