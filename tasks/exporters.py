"""The one place where exporters are listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.export_3mf import ThreemfOptions, export_3mf
from tasks.export_fbx import FbxOptions, export_fbx
from tasks.export_glb import GlbOptions, export_glb
from tasks.export_glb_web import GlbWebOptions, export_glb_web
from tasks.export_gltf import GltfOptions, export_gltf
from tasks.export_obj import ObjOptions, export_obj
from tasks.export_ply import PlyOptions, export_ply
from tasks.export_shape import ShapeOptions, export_shape
from tasks.export_stl import StlOptions, export_stl
from tasks.export_usdz import UsdzOptions, export_usdz
from tasks.export_vecset import VecsetOptions, export_vecset
from tasks.export_views import ViewsOptions, export_views
from tasks.export_voxels import VoxelsOptions, export_voxels
from tasks.outputs import OutputFile


@dataclass(frozen=True)
class Exporter:
    """A format: `write(asset, stem, options)` gives its files as bytes in memory, `options` is its options class."""

    write: Callable[..., list[OutputFile]]
    options: type[Any]


EXPORTERS: dict[str, Exporter] = {
    "glb": Exporter(export_glb, GlbOptions),
    "fbx": Exporter(export_fbx, FbxOptions),
    "glb_web": Exporter(export_glb_web, GlbWebOptions),
    "gltf": Exporter(export_gltf, GltfOptions),
    "obj": Exporter(export_obj, ObjOptions),
    "stl": Exporter(export_stl, StlOptions),
    "ply": Exporter(export_ply, PlyOptions),
    "3mf": Exporter(export_3mf, ThreemfOptions),
    "usdz": Exporter(export_usdz, UsdzOptions),
    "views": Exporter(export_views, ViewsOptions),
    "vecset": Exporter(export_vecset, VecsetOptions),
    "voxels": Exporter(export_voxels, VoxelsOptions),
    "shape": Exporter(export_shape, ShapeOptions),
}
