"""The one place where steps are listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml.asset import Asset
from tasks.bake import BakeOptions, bake
from tasks.caption import CaptionOptions, caption
from tasks.clean import CleanOptions, clean
from tasks.collision import CollisionOptions, collision
from tasks.detail import DetailOptions, detail
from tasks.distill_edit import DistillEditOptions, distill_edit
from tasks.drop_floaters import DropFloatersOptions, drop_floaters
from tasks.face_front import FaceFrontOptions, face_front
from tasks.impostor import ImpostorOptions, impostor
from tasks.lods import LodOptions, lods
from tasks.orient import OrientOptions, orient
from tasks.palette import PaletteOptions, palette
from tasks.physical import PhysicalOptions, physical
from tasks.refine_normals import RefineNormalsOptions, refine_normals
from tasks.remesh_isotropic import RemeshIsotropicOptions, remesh_isotropic
from tasks.remesh_quads import RemeshQuadsOptions, remesh_quads
from tasks.repair import RepairOptions, repair
from tasks.restyle import RestyleOptions, restyle
from tasks.scale import ScaleOptions, scale
from tasks.set_material import SetMaterialOptions, set_material
from tasks.shape_edit import ShapeEditOptions, shape_edit
from tasks.simplify import SimplifyOptions, simplify
from tasks.tag import TagOptions, tag
from tasks.unwrap import UnwrapOptions, unwrap
from tasks.vertex_bake import VertexBakeOptions, vertex_bake
from tasks.watertight import WatertightOptions, watertight

Step = Callable[[Asset, Any], Asset]

STEPS: dict[str, tuple[Step, type[Any]]] = {
    "clean": (clean, CleanOptions),
    "drop_floaters": (drop_floaters, DropFloatersOptions),
    "orient": (orient, OrientOptions),
    "face_front": (face_front, FaceFrontOptions),
    "scale": (scale, ScaleOptions),
    "shape_edit": (shape_edit, ShapeEditOptions),
    "distill_edit": (distill_edit, DistillEditOptions),
    "repair": (repair, RepairOptions),
    "watertight": (watertight, WatertightOptions),
    "refine_normals": (refine_normals, RefineNormalsOptions),
    "remesh_isotropic": (remesh_isotropic, RemeshIsotropicOptions),
    "remesh_quads": (remesh_quads, RemeshQuadsOptions),
    "simplify": (simplify, SimplifyOptions),
    "unwrap": (unwrap, UnwrapOptions),
    "bake": (bake, BakeOptions),
    "detail": (detail, DetailOptions),
    "vertex_bake": (vertex_bake, VertexBakeOptions),
    "set_material": (set_material, SetMaterialOptions),
    "palette": (palette, PaletteOptions),
    "restyle": (restyle, RestyleOptions),
    "physical": (physical, PhysicalOptions),
    "lods": (lods, LodOptions),
    "impostor": (impostor, ImpostorOptions),
    "collision": (collision, CollisionOptions),
    "caption": (caption, CaptionOptions),
    "tag": (tag, TagOptions),
}
